mkdir names; cd names
printf 1 > -dash; printf 2 > '#hash'; printf 3 > '$dollar'; printf 4 > 'back\slash'; printf 5 > 'quo"te'; printf 6 > 'star*'; printf 7 > "quo'te"; printf 8 > "$(printf 'new\nline')"
printf 9 > "$(printf 'n%.0s' $(seq 255))"; printf 10 > ' blank '; printf 11 > .wh; printf 12 > '...'

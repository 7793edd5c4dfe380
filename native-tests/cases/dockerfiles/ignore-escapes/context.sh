printf 1 > '#hash'; printf 2 > 'star*'; printf 3 > starx; printf 4 > 'file[1]'

printf 1 > "file[1].x"

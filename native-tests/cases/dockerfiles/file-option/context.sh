mkdir files; printf "FROM localhost/box\nCOPY a.txt /of-other\n" > files/other

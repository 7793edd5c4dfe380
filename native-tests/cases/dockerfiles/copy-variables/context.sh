printf d > '${NAME}'; printf q > '"a.txt"'

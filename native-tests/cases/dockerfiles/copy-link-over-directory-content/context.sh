mkdir tree; ln -s elsewhere tree/y.txt; printf file > tree/tofile; mkdir l2; ln -s other l2/x; ln -s l2 link2

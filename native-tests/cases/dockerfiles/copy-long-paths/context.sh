mkdir long; cd long
for i in 1 2 3 4 5; do d=$(printf "$i%.0s" $(seq 90)); mkdir $d; ln -s "$d/$d/$d/target-that-is-long" link$i; cd $d; printf $i > file; ln file hard; done

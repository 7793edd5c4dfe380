mkdir x; touch x/y; tar -cf x.tar x/y x; rm -r x

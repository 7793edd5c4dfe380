mkdir w; cd w
printf a > a; tar -P --transform 's,^,/rooted/,' -cf ../absolute.tar a
mkdir isfile linkdir; printf l > linkdir/through; printf n > islink; mkdir isdir; printf i > isdir/new; chmod 711 isdir
tar -cf ../over.tar isfile linkdir islink isdir; rm -r *
mkdir -p x/y; printf y > x/y/z; chmod 700 x x/y; touch -d 2003-03-03T03:03:03Z x/y/z x/y x; tar --no-recursion -cf ../order.tar x/y/z x/y x
tar -cf ../deep.tar x/y/z
cd ..; rm -r w

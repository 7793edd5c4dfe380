# The context of all cases; a case's own context.sh comes after it.
umask 022
printf a > a.txt
printf bb > b.txt
printf ccc > c.md
printf space > 'with space.txt'
printf unicode > 'ünï ☃.txt'
mkdir -p dir/sub/deep dir/.hidden dir/empty empty sticky
printf x > dir/x
printf y > dir/y.txt
printf z > dir/sub/z
printf deep > dir/sub/deep/file
printf h > dir/.hidden/h
printf dot > .dot
printf hard > hard1
ln hard1 hard2
ln hard1 dir/hard3
printf s > suid
ln -s a.txt link
ln -s dir linkdir
ln -s nowhere dangling
ln -s ../a.txt dir/tofile
ln -s ../../../.. dir/up
chown 1234:2345 c.md dir/x dir/empty
chmod 600 b.txt
chmod 700 dir/sub
chmod 2775 dir/.hidden
chmod 1777 sticky
chmod 4755 suid

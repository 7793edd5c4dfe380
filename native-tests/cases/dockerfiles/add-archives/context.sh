mkdir -p tree/sub tree/hollow; printf f > tree/file; ln tree/file tree/hard; ln -s file tree/link; ln -s /etc/passwd tree/abs; mkfifo tree/pipe; chmod 4711 tree/file; chmod 2750 tree/sub; printf s > tree/sub/s; chown 7:8 tree/sub tree/link; chown -h 9:9 tree/link
touch -h -d 2002-02-02T02:02:02Z tree/* tree
tar -cf plain.tar tree; tar -czf tree.tgz tree; tar -cjf tree.tbz tree; tar -cJf tree.txz tree
gzip -k plain.tar; gzip < plain.tar.gz > plain.tar.gz.gz
printf 'not a tar' > no.tar
mkdir dirs; cp plain.tar dirs/
ln -s plain.tar linked.tar
tar -cf empty.tar -T /dev/null
cp tree.tgz odd-name
rm -r tree

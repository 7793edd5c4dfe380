mkdir old; printf o > old/file; ln -s file old/link
tar --mtime=1990-01-02T03:04:05Z -cf old.tar old

head -c 100000 /dev/urandom > r; tar -czf whole r; head -c 50000 whole > broken.tgz; rm r whole

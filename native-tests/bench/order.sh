#!/usr/bin/env bash
# Lists the methods that the commands of a container's life call, in the order of the first calls:
#     order.sh BINARY SYMBOLS          (or: ./build.sh order)
#
# SYMBOLS is what was stripped from BINARY. The compiler lays the program out by this list (docs/decisions/0032). Everything
# happens in mount and network namespaces of its own, and is gone at the end.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -n "${ORDER_INSIDE:-}" ] || ORDER_INSIDE=1 exec unshare --mount --net --propagation private "$here/order.sh" "$(realpath "$1")" "$(realpath "$2")"

binary=$1 symbols=$2 state=/run/order
mount -t tmpfs tmpfs /run
[ ! -d /sys/fs/cgroup/unified ] || mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup
mkdir -p $state/base/bin $state/true $state/sleep
cp "$(command -v busybox)" $state/base/bin/busybox
for name in true sleep; do ln -s busybox $state/base/bin/$name; done
sed "s|\"path\": \"rootfs\"|\"path\": \"$state/base\"|" "$here/bundle.json" > $state/true/config.json
sed 's|"/bin/true"|"/bin/sleep", "100000"|' $state/true/config.json > $state/sleep/config.json
gcc -O2 -Wall -o $state/called "$here/called.c"
nm --defined-only --format=sysv "$symbols" | awk -F '[ |]+' '$NF == "__managedcode" && $1 !~ /^_fram/ { print $2, $1 }' > $state/functions

export CRUN_SHARP_ROOT=$state/store CRUN_SHARP_RUN_ROOT=$state/run
untraced() { "$binary" "$@" < /dev/null > $state/log 2>&1 || { cat $state/log >&2; exit 1; }; }
traced() { timeout 60 $state/called $state/functions $state/names "$binary" "$@" < /dev/null > $state/log 2>&1 || { echo "order: $*" >&2; cat $state/log >&2; exit 1; }; }

remove_all() { "$binary" rm -f third; "$binary" oci delete --force second; "$binary" oci delete --force running; }
trap 'remove_all > $state/log 2>&1 || true' EXIT

tar -C $state/base -cf $state/base.tar .
untraced import $state/base.tar busybox
untraced oci run -d -b $state/sleep running
traced oci exec running /bin/true
traced oci run -b $state/true first
traced oci create -b $state/sleep second
for command in state start kill; do traced oci $command second; done
traced oci delete --force second
traced oci list
traced run --rm --network none busybox true
untraced run -d --name third --network none busybox sleep 100000
traced exec third true
traced ps
traced rm -f third
awk '!seen[$0]++' $state/names

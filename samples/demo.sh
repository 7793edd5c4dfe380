#!/usr/bin/env bash
# The main job, end to end: build an image from a Dockerfile, run it behind a port, look at it, clear away.
# It has a network of its own, so that no bridge and no rule of this machine's is touched or left.
set -euo pipefail
if [ "${DEMO_NETWORK:-}" != own ]; then DEMO_NETWORK=own exec unshare --net "$BASH" "$0" "$@"; fi
ip link set lo up
binary=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
state=$(mktemp -d /var/tmp/crun-sharp-demo.XXXXXX)
export CRUN_SHARP_ROOT=$state/root CRUN_SHARP_RUN_ROOT=$state/run
step() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
run() { step "crun-sharp $*"; "$binary" "$@"; }
finish() {
  local status=$?
  "$binary" rm -f hello >/dev/null 2>&1 || true
  rm -rf "$state"
  [ "$status" -eq 0 ] && echo && echo "demo: all of it worked" || echo "demo: failed with status $status" >&2
}
trap finish EXIT

# A base image from Debian's busybox: a tar of one program and its names.
mkdir -p "$state/base/bin" "$state/base/etc" "$state/base/tmp"
cp "$(command -v busybox)" "$state/base/bin/busybox"
for name in $(busybox --list | grep -vx busybox); do ln -sf busybox "$state/base/bin/$name"; done
printf 'root:x:0:0:root:/:/bin/sh\n' > "$state/base/etc/passwd"
printf 'root:x:0:\n' > "$state/base/etc/group"
step "tar -C base -c . | crun-sharp import - busybox"
tar -C "$state/base" -c . | "$binary" import - busybox

run build -t hello-web "$here/hello-web"
run images
run run -d --name hello -p 127.0.0.1:0:8080 hello-web
address=$("$binary" port hello 8080/tcp | head -n 1)
step "curl http://$address/"
for _ in $(seq 50); do curl -fs "http://$address/" >/dev/null && break; sleep 0.1; done
curl -fsS "http://$address/"
step "curl http://$address/cgi-bin/hello"
curl -fsS "http://$address/cgi-bin/hello"
run ps
run logs hello
run stop -t 1 hello
run rm hello
run rmi hello-web

#!/bin/bash
# Runs checks in a virtual machine: `checks.sh FILE` each function of FILE that has a sentence for a name, in a process of
# its own with `set -eux`. Writes NAME into $VM_DIR/checks: "passed", "failed" or "skipped" and the trace. What a check
# leaves behind, a container or a cgroup, is a failure as well. The environment names the programs:
#   C  crun-sharp    R  the same under the name runc
set -u
file=$1 one=${2:-}
export STORE=/var/tmp/store STATE=/var/tmp/state ROOTFS=/var/tmp/rootfs CG=/sys/fs/cgroup

fail() { echo "$*" >&2; exit 1; }
skip() { echo "$*" >&2; exit 77; }
crun() { "$C" --root $STORE --run-root /run/crun-sharp "$@"; }
runc() { "$R" --root $STATE "$@"; }
same() { [ "$1" = "$2" ] || fail "'$1' is not '$2'"; }
holds() { case $1 in *"$2"*) ;; *) fail "'$1' has no '$2'" ;; esac; }
value() { cat "$CG/$1"; }
field() { sed -n "s/^$2 //p" "$CG/$1"; }
# A command gives this status, whatever it writes.
gives() { local want=$1 got=0; shift; "$@" || got=$?; [ $got = "$want" ] || fail "$* gave $got, not $want"; }
# Waits until a command succeeds.
await() { local i; for i in {1..1200}; do "$@" >/dev/null 2>&1 && return; sleep 0.05; done; fail "never: $*"; }
# Makes a bundle: its resources (JSON), its program (a shell script), more members of "linux", more mounts.
bundle() {
  local directory; directory=$(mktemp -d /var/tmp/bundle.XXXXXX)
  cat >"$directory/config.json" <<END
{ "ociVersion": "1.0.2", "root": { "path": "$ROOTFS" },
  "process": { "args": ["sh", "-c", "$2"], "env": ["PATH=/bin"], "cwd": "/", "user": { "uid": 0, "gid": 0 },
    "capabilities": { "bounding": ["CAP_MKNOD"], "effective": ["CAP_MKNOD"], "permitted": ["CAP_MKNOD"] } },
  "mounts": [ { "destination": "/proc", "type": "proc", "source": "proc" }, { "destination": "/dev", "type": "tmpfs", "source": "tmpfs" }${4:-} ],
  "linux": { "resources": $1 ${3:+, $3},
    "namespaces": [{ "type": "pid" }, { "type": "mount" }, { "type": "network" }, { "type": "cgroup" }] } }
END
  echo "$directory"
}
# The cgroup of a process, below /sys/fs/cgroup.
cgroup_of() { sed -n 's,^0::/,,p' "/proc/$1/cgroup"; }
# Makes and starts a container of a bundle.
launch() { local id=$1; shift; runc "$@" "$id" </dev/null >"/var/tmp/$id.log" 2>&1 && runc start "$id"; }
pid_of() { runc state "$1" | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p'; }
status_of() { runc state "$1" | sed -n 's/.*"status": *"\([a-z]*\)".*/\1/p'; }
cgroups() { find $CG -mindepth 1 -type d | grep -v 'user.slice\|[.]service$\|/init.scope$\|[.]mount$\|/system.slice$' | sort; }
left() { crun ps -aq; ls $STATE 2>/dev/null; cgroups; }

. "$file"
if [ -n "$one" ]; then exec 9>&2; BASH_XTRACEFD=9; set -eux; "$one"; exit; fi

mkdir -p $ROOTFS/{bin,proc,dev,sys,tmp,etc} "$VM_DIR/checks"
cp /bin/busybox $ROOTFS/bin
for program in sh cat dd fallocate head ls mkdir mknod mount nproc rm sleep true; do ln -sf busybox "$ROOTFS/bin/$program"; done
echo root:x:0:0:root:/:/bin/sh >$ROOTFS/etc/passwd
tar -C $ROOTFS -cf /var/tmp/busybox.tar . && crun import /var/tmp/busybox.tar busybox >/dev/null || exit 1
for name in $(declare -F | sed -n 's/^declare -f \([A-Z].*\)/\1/p'); do
  timeout -k 5 240 bash "$0" "$file" "$name" >/var/tmp/log 2>&1 </dev/null
  case $? in 0) result=passed ;; 77) result=skipped ;; 124) result=failed; echo "took too long" >>/var/tmp/log ;; *) result=failed ;; esac
  for i in {1..200}; do left=$(left); [ -z "$left" ] && break; sleep 0.1; done
  if [ -n "$left" ]; then
    [ $result = failed ] || { result=failed; printf 'left behind: %s\n' "$left" >>/var/tmp/log; }
    crun rm -f $(crun ps -aq) >/dev/null 2>&1
    for id in $(ls $STATE 2>/dev/null); do runc delete --force "$id"; done
    for cgroup in $(cgroups | tac); do echo 1 >"$cgroup/cgroup.kill"; sleep 0.1; rmdir "$cgroup"; done
  fi
  { echo $result; tail -n 60 /var/tmp/log; } >"$VM_DIR/checks/$name"
done

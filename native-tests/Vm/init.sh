#!/bin/busybox sh
# The first process of a virtual machine of VirtualMachine.cs. Its root is the host's, which it covers with a file system
# in memory; then it runs $VM_DIR/command, which is a shell script, and powers off.
#   VM_DIR   the one directory of the host that can be written here
#   VM_TREE  the directory of the host with the scripts, the tests and the binary
#   VM_MODE  "plain", or "systemd": systemd is the first process, and the command a service
set -eu
/bin/busybox mount -t proc proc /proc # and only now does busybox find its own programs, which it starts as itself
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
trap 'echo "init.sh: cannot make this machine"; poweroff -f' EXIT

insmod "/usr/lib/uml/modules/$(uname -r)/kernel/fs/overlayfs/overlay.ko"
mount -t tmpfs -o mode=755 memory /tmp
root=/tmp/root
mkdir /tmp/upper /tmp/work $root
mount -t overlay -o lowerdir=/,upperdir=/tmp/upper,workdir=/tmp/work root $root
mkdir -p $root/proc $root/sys $root/dev $root/run $root/tmp $root/var/tmp $root/mnt
mount -t proc -o nosuid,nodev,noexec proc $root/proc
mount -t sysfs -o nosuid,nodev,noexec sysfs $root/sys
mount -t devtmpfs -o nosuid dev $root/dev
mkdir -p $root/dev/pts $root/dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts $root/dev/pts
for place in dev/shm run tmp var/tmp; do mount -t tmpfs -o mode=1777 memory $root/$place; done
for link in "fd fd" "fd/0 stdin" "fd/1 stdout" "fd/2 stderr"; do ln -sf "/proc/self/${link% *}" "$root/dev/${link#* }"; done
mkdir -p "$root$VM_TREE" # it may lie in one of these
mount -t hostfs -o "$VM_TREE" tree "$root$VM_TREE"
mkdir -p "$root$VM_DIR"
mount -t hostfs -o "$VM_DIR" results "$root$VM_DIR"
rm -f $root/.dockerenv
mkdir -p $root/run/lock $root/run/vm
cp "$VM_DIR/command" $root/run/vm/command

cat >$root/run/vm/main <<'END'
sh /run/vm/command </dev/null >"$VM_DIR/output" 2>&1
echo $? >"$VM_DIR/status"
poweroff -f
END

cd $root
pivot_root . mnt
umount -l /mnt
ip link set lo up
hostname vm
if [ "$VM_MODE" = plain ]; then
  mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate cgroup2 /sys/fs/cgroup
  for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control; done
  exec busybox sh /run/vm/main
fi

# None of the host's services: only the command, and what systemd itself needs.
units=/run/systemd/system
mkdir -p $units
for kind in system-generators system-environment-generators; do mount -t tmpfs memory /lib/systemd/$kind; done
cat >$units/vm.service <<END
[Unit]
DefaultDependencies=no
[Service]
ExecStart=/bin/busybox sh /run/vm/main
Environment=PATH=$PATH HOME=$HOME LANG=$LANG VM_DIR=$VM_DIR
Delegate=yes
TasksMax=infinity
OOMPolicy=continue
END
exec /lib/systemd/systemd --unit=vm.service --show-status=no

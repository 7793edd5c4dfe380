#!/bin/bash
# `emulated.sh DIRECTORY KERNEL MODULE [FILE]...`: runs DIRECTORY/command on an emulated computer of two processors. All of its
# files are in memory: busybox, bash, what they and the FILEs are linked with, and the FILEs, which are where they are on
# the host; one that is a directory goes with all that it has, and brings the libraries of its programs. It has nothing of the host's, no network and no disk; what the command writes into DIRECTORY, which it has as
# $VM_DIR, comes back through a serial line as DIRECTORY/result.tar, with its "output" and its "status".
set -euo pipefail
directory=$1 kernel=$2 module=$3 tree=$1/tree
shift 3

put() { local file; for file; do mkdir -p "$tree${file%/*}" && cp -rL "$file" "$tree$file"; done; }
linked() { ldd "$@" | sed -nE 's,^[^/]*(/[^ ]+) \(0x.*,\1,p' | sort -u; }
mkdir -p "$tree"/{bin,dev,proc,sys,etc,run,tmp,var/tmp,mnt} "$tree$directory"
cp -L "$(command -v busybox)" "$(command -v bash)" "$tree/bin"
programs=$(command -v bash)
for file; do if [ -f "$file" ] && [ "$(head -c 4 "$file" | tail -c 3)" = ELF ]; then programs+=" $file"; fi; done
libraries=$(/sbin/ldconfig -p | sed -nE 's,.*(libssl|libcrypto)\.so\.3 .*x86-64.* => ,,p') # which crun-sharp loads while it runs
put "$@" "$directory/command" $libraries $(linked $programs $libraries)
echo root:x:0:0:root:/:/bin/sh >"$tree/etc/passwd"

cat >"$tree/init" <<'END'
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
export PATH=/bin HOME=/tmp LANG=C.UTF-8
trap 'echo "emulated.sh: cannot make this computer"; poweroff -f' EXIT
set -eu
/bin/busybox --install -s /bin
# The first root file system is one that no process can turn its back on (pivot_root); a container has to.
mount -t tmpfs -o mode=755 memory /mnt
for name in /*; do [ $name = /mnt ] || [ $name = /proc ] || cp -a $name /mnt; done
mkdir /mnt/mnt /mnt/proc
umount /proc
cd /mnt
exec switch_root /mnt /bin/sh /main
END
{
  printf 'export VM_DIR=%q\n' "$directory"
  cat <<'END'
trap 'echo "emulated.sh: cannot make this computer"; poweroff -f' EXIT
set -eu
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t devtmpfs -o nosuid dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
for place in /dev/shm /run; do mount -t tmpfs -o mode=1777 memory $place; done
for link in "fd fd" "fd/0 stdin" "fd/1 stdout" "fd/2 stderr"; do ln -sf "/proc/self/${link% *}" "/dev/${link#* }"; done
mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate cgroup2 /sys/fs/cgroup
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control; done
ip link set lo up
hostname vm
mkdir /run/vm
status=0
bash "$VM_DIR/command" </dev/null >"$VM_DIR/output" 2>&1 || status=$?
rm "$VM_DIR/command"
echo $status >"$VM_DIR/status"
stty -F /dev/ttyS1 raw
tar -C "$VM_DIR" -cf /dev/ttyS1 .
poweroff -f
END
} >"$tree/main"
chmod 755 "$tree/init"
(cd "$tree" && find . | cpio --quiet -o -H newc) >"$directory/initrd"
rm -r "$tree"

# Without KVM, which not every machine has, and not every one that has it can use.
exec qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max,-la57 -smp 2 -m 768M \
  -nodefaults -no-user-config -display none -no-reboot -kernel "$kernel" -initrd "$directory/initrd" \
  -append 'console=ttyS0 quiet panic=-1 mitigations=off nokaslr norandmaps random.trust_cpu=on hugepagesz=2M hugepages=4'" lsm=$module" \
  -serial stdio -serial "file:$directory/result.tar"

# Checkpoints and restores where criu knows the kernel: it tells what memory changed, has cgroup v2 only, and an older kind
# of sockets. See checks.sh.

IMAGES=/var/tmp/images
COUNT='i=0; while :; do i=$((i+1)); echo $i >/tmp/count; sleep 0.05; done'
# criu and its modules. The network is the host's: criu cannot write a network namespace of a kernel that lacks so many
# modules, nor lock one.
prepare() {
  [ -x "$CRIU/criu" ] || skip "there is no criu"
  export PATH=$CRIU:$PATH
  for module in overlay libcrc32c nfnetlink nf_tables inet_diag tcp_diag udp_diag unix_diag af_packet_diag netlink_diag; do
    grep -q "^$module " /proc/modules || insmod "$MODULES/$module.ko"
  done
  rm -rf $IMAGES; mkdir -m 755 $IMAGES
  echo 0 >$ROOTFS/tmp/count; chmod 666 $ROOTFS/tmp/count
}
count() { cat $ROOTFS/tmp/count; }
beyond() { local now; now=$(count); [ -n "$now" ] && [ "$now" -gt "$1" ]; } 2>/dev/null
goes_on() { await beyond $(($(count) + 2)); }
# Starts a container: its id, its program, its resources, more members of "linux", more namespaces.
begin() {
  B=$(bundle "${3:-{\}}" "$2" "${4:-}")
  sed -i "s|, { \"type\": \"network\" }|${5:-}|" "$B/config.json"
  runc run -d -b "$B" "$1" </dev/null >/dev/null 2>&1
}
checkpoint() {
  local id=$1; shift
  runc checkpoint --network-lock skip --image-path $IMAGES/$id "$@" "$id" || { tail -n 30 $IMAGES/$id/dump.log; fail "no checkpoint"; }
}
restore() {
  local id=$1 images=$2; shift 2
  runc restore -d -b "$B" --network-lock skip --image-path $IMAGES/$images "$@" "$id" </dev/null >/dev/null 2>/var/tmp/errors || { cat /var/tmp/errors; tail -n 30 $IMAGES/$images/restore.log; fail "no restore"; }
}

A_restored_container_has_the_limits_of_its_configuration() {
  prepare
  begin old "$COUNT" '{ "memory": { "limit": 67108864 }, "pids": { "limit": 9 } }'
  goes_on
  before=$(cgroup_of "$(pid_of old)")
  runc update --pids-limit 33 old
  checkpoint old
  [ ! -e $CG/$before ]
  restore new old
  goes_on
  cg=$(cgroup_of "$(pid_of new)")
  [ "$cg" != "$before" ]
  same "$(value $cg/memory.max) $(value $cg/pids.max)" "67108864 9"
  runc pause new
  same "$(field $cg/cgroup.events frozen)" 1
  runc resume new
  goes_on
  runc delete --force new
}

Memory_that_changed_since_an_earlier_checkpoint_is_all_that_is_written() {
  prepare
  begin big "x=\$(head -c 6000000 /dev/zero | tr '\\\\000' a); $COUNT"
  goes_on
  checkpoint big --pre-dump --image-path $IMAGES/first
  same "$(status_of big)" running
  goes_on
  checkpoint big --pre-dump --parent-path ../first --image-path $IMAGES/second
  goes_on
  size() { stat -c %s $IMAGES/$1/pages-1.img; }
  checkpoint big --parent-path ../second
  [ "$(size first)" -gt 6000000 ]
  [ "$(size second)" -lt 1000000 ]
  [ "$(size big)" -lt 1000000 ]
  restore big big
  goes_on
  runc delete --force big
}

Memory_that_is_there_twice_is_removed_from_earlier_images() {
  prepare
  begin twice "$COUNT"
  goes_on
  checkpoint twice --pre-dump --image-path $IMAGES/first
  goes_on
  kept() { du -k $IMAGES/first/pages-1.img | cut -f 1; }
  before=$(kept)
  checkpoint twice --parent-path ../first --auto-dedup
  [ "$(kept)" -lt "$before" ]
  restore twice twice
  goes_on
  runc delete --force twice
}

Established_connections_are_kept_when_that_is_asked_for() {
  prepare
  begin wired "sleep 10000 | busybox nc -l -p 7000 | while read n; do echo \$n >/tmp/count; done & sleep 1; i=0; while :; do i=\$((i+1)); echo \$i; sleep 0.05; done | busybox nc 127.0.0.1 7000"
  goes_on
  runc checkpoint --network-lock skip --image-path $IMAGES/refused wired && fail "without being asked"
  goes_on
  checkpoint wired --tcp-established --tcp-skip-in-flight
  stopped=$(count)
  restore wired wired --tcp-established
  goes_on
  beyond "$stopped"
  runc delete --force wired
}

Memory_is_brought_over_when_it_is_used() {
  prepare
  begin here "x=\$(head -c 2000000 /dev/zero | tr '\\\\000' a); $COUNT"
  goes_on
  mkdir $IMAGES/here
  runc checkpoint --network-lock skip --lazy-pages --page-server 127.0.0.1:7003 --status-fd 3 --image-path $IMAGES/here here 3>/var/tmp/status & source=$!
  await test -s /var/tmp/status
  criu lazy-pages --page-server --address 127.0.0.1 --port 7003 --images-dir $IMAGES/here --work-dir $IMAGES/here --log-file pages.log & pages=$!
  await test -S $IMAGES/here/lazy-pages.socket
  restore there here --lazy-pages
  goes_on
  wait $source
  wait $pages
  output=$(runc state here 2>&1) && fail "still there"
  runc delete --force there
}

A_container_in_a_user_namespace_goes_on() {
  prepare
  local ids='[{ "containerID": 0, "hostID": 100000, "size": 65536 }]'
  begin mapped "$COUNT" '{}' '"uidMappings": '"$ids"', "gidMappings": '"$ids" ', { "type": "user" }'
  goes_on
  checkpoint mapped
  restore mapped mapped
  goes_on
  same "$(sed -n 's/^Uid:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$(pid_of mapped)/status")" 100000
  runc exec mapped sh -c 'echo x >/dev/null'
  runc delete --force mapped
}

# `linux.resources` of the OCI runtime, where the kernel has every controller: see checks.sh.

DISK=$(stat -c '%t:%T' /dev/ubda) DISK=$((16#${DISK%:*})):$((16#${DISK#*:}))
SLEEP="trap 'exit 0' TERM; sleep 1000 & wait"
# Starts a container of these resources with this program; its cgroup in $cg.
begin() { launch "$1" create -b "$(bundle "$2" "${3:-$SLEEP}")"; cg=$(cgroup_of "$(pid_of "$1")"); }

Memory_is_limited_and_the_process_that_takes_more_is_killed() {
  gives 137 runc run -b "$(bundle '{ "memory": { "limit": 67108864 } }' 'exec dd if=/dev/zero of=/dev/null bs=80M count=1')" m
  begin m '{ "memory": { "limit": 67108864, "reservation": 33554432, "swap": 134217728 } }'
  same "$(value $cg/memory.max) $(value $cg/memory.low) $(value $cg/memory.swap.max)" "67108864 33554432 67108864"
  gives 137 runc exec m dd if=/dev/zero of=/dev/null bs=80M count=1
  [ "$(field $cg/memory.events oom_kill)" -gt 0 ]
  runc delete --force m
  [ ! -e $CG/$cg ]
}

Processes_are_limited() {
  begin p '{ "pids": { "limit": 3 } }'
  same "$(value $cg/pids.max)" 3
  output=$(runc exec p sh -c 'sleep 9 & sleep 9 & sleep 9 &' 2>&1) && fail forked
  holds "$output" "can't fork"
  [ "$(field $cg/pids.events max)" -gt 0 ]
  runc delete --force p
}

Processor_time_is_shared_and_throttled() {
  begin c '{ "cpu": { "shares": 2048, "quota": 20000, "period": 100000, "burst": 10000 } }' 'while :; do :; done'
  same "$(value $cg/cpu.max) $(value $cg/cpu.max.burst) $(value $cg/cpu.weight)" "20000 100000 10000 174"
  throttled() { [ "$(field $cg/cpu.stat nr_throttled)" -gt 3 ]; }
  await throttled
  runc delete --force c
  begin c '{ "cpu": { "idle": 1 } }'
  same "$(value $cg/cpu.idle)" 1
  runc delete --force c
}

Reading_from_a_disk_is_throttled() {
  begin d '{ "blockIO": { "throttleReadBpsDevice": [{ "major": '${DISK%:*}', "minor": '${DISK#*:}', "rate": 1048576 }],
    "throttleWriteIOPSDevice": [{ "major": '${DISK%:*}', "minor": '${DISK#*:}', "rate": 50 }] },
    "devices": [{ "allow": true, "type": "b", "major": '${DISK%:*}', "minor": '${DISK#*:}', "access": "rwm" }] }'
  same "$(value $cg/io.max)" "$DISK rbps=1048576 wbps=max riops=max wiops=50"
  runc exec d mknod /tmp/disk b ${DISK/:/ }
  since=${EPOCHREALTIME/./}
  runc exec d dd if=/tmp/disk of=/dev/null bs=64k count=48 iflag=direct
  since=$((${EPOCHREALTIME/./} - since))
  [ $since -gt 2000000 ] || fail "3 MB at 1 MB/s took $since microseconds"
  # And up while it runs.
  echo '{ "blockIO": { "throttleReadBpsDevice": [{ "major": '${DISK%:*}', "minor": '${DISK#*:}', "rate": 104857600 }] } }' | runc update -r - d
  same "$(value $cg/io.max)" "$DISK rbps=104857600 wbps=max riops=max wiops=50"
  holds "$(runc events --stats d)" '"op":"Read"'
  runc delete --force d
}

A_device_that_is_not_allowed_cannot_be_opened() {
  begin v '{ "devices": [{ "allow": false, "access": "rwm" }] }'
  # The default devices are allowed by the specification, and to make a node, which gives no access.
  runc exec v sh -c 'dd if=/dev/zero of=/dev/null bs=1 count=1 && mknod /tmp/refused b '"${DISK/:/ }"
  output=$(runc exec v cat /tmp/refused 2>&1) && fail opened
  rm $ROOTFS/tmp/refused
  holds "$output" "Operation not permitted"
  runc delete --force v
}

A_rule_of_a_device_allows_what_it_says() {
  begin v '{ "devices": [{ "allow": false, "access": "rwm" }, { "allow": true, "type": "b", "major": '${DISK%:*}', "access": "rm" }] }'
  runc exec v sh -c 'mknod /tmp/ruled b '"${DISK/:/ }"' && dd if=/tmp/ruled of=/dev/null bs=4k count=1'
  output=$(runc exec v dd if=/dev/zero of=/tmp/ruled bs=4k count=1 2>&1) && fail written
  rm $ROOTFS/tmp/ruled
  holds "$output" "Operation not permitted"
  runc delete --force v
}

Files_of_a_cgroup_are_written_as_they_are_given() {
  begin u '{ "unified": { "memory.high": "33554432", "pids.max": "7", "io.max": "'$DISK' riops=100" } }'
  same "$(value $cg/memory.high) $(value $cg/pids.max)" "33554432 7"
  same "$(value $cg/io.max)" "$DISK rbps=max wbps=max riops=100 wiops=max"
  runc delete --force u
  output=$(runc create -b "$(bundle '{ "unified": { "memory.nothing": "1" } }' true)" u 2>&1) && fail made
  holds "$output" "memory.nothing"
}

What_the_kernel_has_no_controller_for_is_refused() {
  grep -qw rdma $CG/cgroup.controllers && skip "this kernel has an RDMA controller"
  output=$(runc create -b "$(bundle '{ "rdma": { "mlx5_0": { "hcaHandles": 3 } } }' true)" x 2>&1) && fail made
  holds "$output" rdma
}

Limits_change_while_it_runs() {
  begin l '{ "memory": { "limit": 67108864 }, "pids": { "limit": 10 }, "cpu": { "quota": 50000, "period": 100000 } }'
  runc update --memory 128m --pids-limit 20 --cpu-quota 70000 --cpu-share 512 l
  same "$(value $cg/memory.max) $(value $cg/pids.max) $(value $cg/cpu.max) $(value $cg/cpu.weight)" "134217728 20 70000 100000 59"
  echo '{ "memory": { "limit": 33554432 }, "unified": { "cpu.weight": "33" } }' | runc update -r - l
  same "$(value $cg/memory.max) $(value $cg/pids.max) $(value $cg/cpu.weight)" "33554432 20 33"
  gives 137 runc exec l dd if=/dev/zero of=/dev/null bs=64M count=1
  runc update --memory -1 --memory-swap -1 --pids-limit -1 l
  same "$(value $cg/memory.max) $(value $cg/pids.max)" "max max"
  runc exec l dd if=/dev/zero of=/dev/null bs=64M count=1
  runc delete --force l
}

What_is_paused_does_nothing_until_it_is_resumed() {
  begin z '{}' 'while :; do :; done'
  usage() { field $cg/cpu.stat usage_usec; }
  runc pause z
  same "$(status_of z) $(field $cg/cgroup.events frozen)" "paused 1"
  before=$(usage); sleep 0.5
  same "$(usage)" "$before"
  gives 255 runc exec z true
  runc resume z
  same "$(status_of z) $(field $cg/cgroup.events frozen)" "running 0"
  more() { [ "$(usage)" -gt "$before" ]; }
  await more
  runc pause z
  runc delete --force z
  [ ! -e $CG/$cg ]
}

Statistics_are_what_it_uses() {
  begin e '{ "memory": { "limit": 67108864 }, "pids": { "limit": 9 } }'
  stats=$(runc events --stats e)
  holds "$stats" '"type":"stats"'
  holds "$stats" '"limit":67108864'
  holds "$stats" '"pids":{"current":2,"limit":9}'
  runc events --interval 100ms e >/var/tmp/events & watcher=$!
  await grep -q '"type":"stats"' /var/tmp/events
  gives 137 runc exec e dd if=/dev/zero of=/dev/null bs=80M count=1
  await grep -q '"type":"oom"' /var/tmp/events
  runc delete --force e
  wait $watcher
}

A_path_of_cgroups_is_made_with_its_controllers() {
  launch n create -b "$(bundle '{ "memory": { "limit": 67108864 }, "pids": { "limit": 9 } }' "$SLEEP" '"cgroupsPath": "/some/where/n"')"
  same "$(cgroup_of "$(pid_of n)")" some/where/n
  same "$(value some/where/n/memory.max) $(value some/where/n/pids.max)" "67108864 9"
  holds "$(runc ps -f json n)" "$(pid_of n)"
  runc delete --force n
  rmdir $CG/some/where $CG/some 2>/dev/null || [ ! -e $CG/some ]
}

A_container_divides_what_it_has() {
  launch i create -b "$(bundle '{ "memory": { "limit": 67108864 } }' "$SLEEP" '' ', { "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["rw"] }')"
  cg=$(cgroup_of "$(pid_of i)")
  runc exec i sh -c 'cd /sys/fs/cgroup && mkdir in all && for p in $(cat cgroup.procs); do echo $p >all/cgroup.procs; done; echo +memory >cgroup.subtree_control && echo 1000000 >in/memory.max'
  same "$(value $cg/in/memory.max)" 999424
  # The limit of the whole is not the container's to change.
  output=$(runc exec i sh -c 'echo max >/sys/fs/cgroup/memory.max' 2>&1) && fail "changed its own limit"
  holds "$output" "not permitted"
  runc delete --force i
  [ ! -e $CG/$cg ]
}

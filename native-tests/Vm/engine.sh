# What `crun-sharp run` limits, where the kernel has every controller: see checks.sh.

ALLOCATE="dd if=/dev/zero of=/dev/null bs=80M count=1"
start() { crun run -d --network none "$@"; }

A_container_that_takes_more_memory_than_its_limit_is_killed() {
  gives 137 crun run --name big --network none -m 64m busybox $ALLOCATE
  same "$(crun inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' big)" "true 137"
  crun rm big
}

A_child_that_takes_too_much_is_killed_and_the_container_goes_on() {
  holds "$(crun run --name big --network none -m 64m busybox sh -c "$ALLOCATE; echo it gave \$?")" "it gave 137"
  same "$(crun inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' big)" "true 0"
  crun rm big
}

A_container_within_its_memory_is_not_said_to_have_been_killed() {
  gives 0 crun run --name small --network none -m 256m busybox $ALLOCATE
  same "$(crun inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' small)" "false 0"
  crun rm small
}

Memory_of_an_exec_counts() {
  id=$(start --name big -m 64m busybox sleep 100)
  same "$(value crun-sharp-$id/memory.max)" 67108864
  gives 137 crun exec big $ALLOCATE
  same "$(crun inspect -f '{{.State.Running}}' big)" true
  crun rm -f big
}

A_container_has_no_more_processes_than_its_limit() {
  output=$(crun run --rm --network none --pids-limit 5 busybox sh -c 'cat /sys/fs/cgroup/pids.max; for i in 1 2 3 4 5 6 7 8; do sleep 9 & done; echo not reached' 2>&1) || true
  same "${output%%$'\n'*}" 5
  holds "$output" "can't fork"
}

Half_a_processor_is_no_more_than_that() {
  id=$(start --name busy --cpus 0.5 busybox sh -c 'while :; do :; done')
  same "$(value crun-sharp-$id/cpu.max)" "50000 100000"
  throttled() { [ "$(field crun-sharp-$id/cpu.stat nr_throttled)" -gt "$1" ]; }
  await throttled 3
  used=$(field crun-sharp-$id/cpu.stat usage_usec) since=${EPOCHREALTIME/./} before=$(field crun-sharp-$id/cpu.stat nr_throttled)
  sleep 2
  used=$(($(field crun-sharp-$id/cpu.stat usage_usec) - used)) since=$((${EPOCHREALTIME/./} - since))
  throttled $before
  [ $used -lt $((since * 7 / 10)) ] || fail "$used of $since microseconds"
  crun rm -f busy
}

A_device_that_was_not_given_cannot_be_opened() {
  output=$(crun run --rm --network none busybox mknod /disk b 98 0 2>&1) && fail made
  holds "$output" "Operation not permitted"
  # With the capability a node can be made, which gives no access.
  output=$(crun run --rm --network none --cap-add MKNOD busybox sh -c 'cat </dev/null && mknod /disk b 98 0 && cat /disk' 2>&1) && fail opened
  holds "$output" "can't open '/disk': Operation not permitted"
}

A_device_that_was_given_can_be_opened_as_it_was_given() {
  crun run --rm --network none --device /dev/ubda busybox sh -c 'dd if=/dev/ubda of=/dev/null bs=4k count=1 && dd if=/dev/zero of=/dev/ubda bs=4k count=1'
  crun run --rm --network none --device /dev/ubda:/dev/disk:r busybox dd if=/dev/disk of=/dev/null bs=4k count=1
  output=$(crun run --rm --network none --device /dev/ubda:/dev/disk:r busybox dd if=/dev/zero of=/dev/disk bs=4k count=1 2>&1) && fail "written"
  holds "$output" "Operation not permitted"
}

With_privileges_all_devices_are_there() {
  crun run --rm --network none --privileged busybox sh -c 'mknod /disk b 98 0 && dd if=/disk of=/dev/null bs=4k count=1'
}

All_limits_hold_together() {
  id=$(start --name all -m 32m --cpus 1.5 --pids-limit 20 busybox sleep 100)
  same "$(value crun-sharp-$id/memory.max) $(value crun-sharp-$id/cpu.max) $(value crun-sharp-$id/pids.max)" "33554432 150000 100000 20"
  same "$(crun inspect -f '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}' all)" "33554432 1500000000 20"
  crun stop -t 0 all
  [ ! -e $CG/crun-sharp-$id ] || fail "its cgroup is there still"
  crun start all
  same "$(value crun-sharp-$id/memory.max) $(value crun-sharp-$id/cpu.max) $(value crun-sharp-$id/pids.max)" "33554432 150000 100000 20"
  crun rm -f all
}

Limits_of_a_build_hold_for_its_commands() {
  printf 'FROM busybox\nRUN cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max > /limits\nRUN %s\n' "$ALLOCATE" > /tmp/limited
  gives 1 crun build -q --network none -m 64m --cpus 1.5 - < /tmp/limited 2>/dev/null
  printf 'FROM busybox\nRUN cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max > /limits\n' > /tmp/limited
  crun build -q --network none -m 64m --cpus 1.5 -t limited - < /tmp/limited
  same "$(crun run --rm --network none limited cat /limits | tr '\n' ' ')" "67108864 150000 100000 "
  crun rmi -f limited
}

# The systemd driver of the OCI runtime, where systemd is the first process: see checks.sh.

SLEEP="trap 'exit 0' TERM; sleep 1000 & wait"
LIMITS='{ "memory": { "limit": 67108864 }, "pids": { "limit": 50 }, "cpu": { "shares": 512, "quota": 20000, "period": 100000 } }'
gone() { [ "$(show LoadState "$1")" = not-found ]; }
show() { systemctl show --value -p "$1" "$2"; }
# What a unit says of these properties, in one line.
say() { local unit=$1 said=; shift; for property; do said="$said $(show $property $unit)"; done; echo $said; }
begin() { launch "$1" --systemd-cgroup create -b "$(bundle "$2" "$SLEEP" "${3:-}")"; cg=$(cgroup_of "$(pid_of "$1")") unit=${cg##*/}; }

A_container_is_a_scope_from_create_to_delete() {
  runc --systemd-cgroup create -b "$(bundle "$LIMITS" "$SLEEP")" a </dev/null >/var/tmp/a.log 2>&1
  cg=$(cgroup_of "$(pid_of a)") unit=${cg##*/}
  holds "$unit" .scope
  same "$(say $unit ActiveState Slice Delegate MemoryMax TasksMax CPUWeight CPUQuotaPerSecUSec)" "active system.slice yes 67108864 50 59 200ms"
  same "$(value $cg/memory.max) $(value $cg/pids.max) $(value $cg/cpu.max)" "67108864 50 20000 100000"
  runc --systemd-cgroup start a
  same "$(status_of a)" running
  runc --systemd-cgroup kill a TERM
  stopped() { [ "$(status_of a)" = stopped ]; }
  await stopped
  runc --systemd-cgroup delete a
  await gone $unit
  same "$(show ActiveState $unit)" inactive
  [ ! -e $CG/$cg ]
}

An_update_is_systemds_and_the_kernels() {
  begin b "$LIMITS"
  runc --systemd-cgroup update --memory 128m --pids-limit 60 --cpu-quota 50000 b
  same "$(say $unit MemoryMax TasksMax CPUQuotaPerSecUSec)" "134217728 60 500ms"
  same "$(value $cg/memory.max) $(value $cg/pids.max) $(value $cg/cpu.max)" "134217728 60 50000 100000"
  runc --systemd-cgroup delete --force b
  await gone $unit
}

A_reload_of_systemd_changes_no_limit() {
  begin r '{ "memory": { "limit": 67108864, "reservation": 33554432 }, "pids": { "limit": 50 }, "cpu": { "shares": 512, "quota": 20000 },
    "devices": [{ "allow": false, "access": "rwm" }], "unified": { "memory.high": "50331648" } }'
  all() { value $cg/memory.max; value $cg/memory.low; value $cg/memory.high; value $cg/pids.max; value $cg/cpu.weight; value $cg/cpu.max; }
  before=$(all)
  same "$(echo $before)" "67108864 33554432 50331648 50 59 20000 100000"
  systemctl daemon-reload
  systemctl set-property --runtime $unit IPAccounting=no
  same "$(all)" "$before"
  runc exec r true
  output=$(runc exec r sh -c 'mknod /tmp/kept b 98 0 && cat /tmp/kept' 2>&1) && fail "opened a device"
  rm $ROOTFS/tmp/kept
  holds "$output" "Operation not permitted"
  runc delete --force r
}

A_slice_and_a_prefix_of_the_path_are_kept() {
  begin p "$LIMITS" '"cgroupsPath": "crunsharp-test.slice:libpod:p"'
  same "$cg" crunsharp.slice/crunsharp-test.slice/libpod-p.scope
  same "$(say $unit Slice MemoryMax)" "crunsharp-test.slice 67108864"
  runc --systemd-cgroup delete --force p
  await gone $unit
  systemctl stop crunsharp-test.slice crunsharp.slice
}

What_is_killed_for_memory_leaves_no_unit() {
  gives 137 runc --systemd-cgroup run -b "$(bundle "$LIMITS" 'exec dd if=/dev/zero of=/dev/null bs=80M count=1')" m
  none() { [ -z "$(systemctl list-units --all --no-legend '*m.scope' | grep -v init.scope)" ]; }
  await none
}

It_is_paused_and_watched_as_well() {
  begin z "$LIMITS"
  runc --systemd-cgroup pause z
  same "$(status_of z) $(field $cg/cgroup.events frozen)" "paused 1"
  runc --systemd-cgroup resume z
  same "$(status_of z)" running
  holds "$(runc --systemd-cgroup events --stats z)" '"limit":67108864'
  runc --systemd-cgroup exec z true
  runc --systemd-cgroup delete --force z
}

A_cgroup_below_the_scope_has_the_limits_and_one_below_that_the_processes() {
  directory=$(bundle "$LIMITS" "$SLEEP")
  sed -i 's/"ociVersion"/"annotations": { "run.oci.systemd.subgroup": "inner", "run.oci.delegate-cgroup": "payload" }, &/' "$directory/config.json"
  launch s --systemd-cgroup create -b "$directory"
  cg=$(cgroup_of "$(pid_of s)")
  holds "$cg" .scope/inner/payload
  cg=${cg%/payload} unit=${cg%/inner} unit=${unit##*/}
  same "$(value $cg/memory.max) $(value $cg/pids.max) $(say $unit MemoryMax TasksMax)" "67108864 50 67108864 50"
  same "$(value $cg/payload/memory.max) $(value $cg/payload/pids.max)" "max max"
  same "$(runc exec s cat /proc/self/cgroup)" 0::/payload
  runc --systemd-cgroup update --memory 128m s
  same "$(value $cg/memory.max) $(say $unit MemoryMax)" "134217728 134217728"
  runc --systemd-cgroup pause s
  same "$(status_of s) $(field $cg/cgroup.events frozen)" "paused 1"
  runc --systemd-cgroup resume s
  runc --systemd-cgroup delete --force s
  await gone $unit
  [ ! -e $CG/$cg ]
}

A_limit_that_cannot_be_leaves_no_scope() {
  output=$(runc --systemd-cgroup create -b "$(bundle '{ "unified": { "memory.nothing": "1" } }' true)" x 2>&1) && fail made
  holds "$output" memory.nothing
  none() { [ -z "$(systemctl list-units --all --no-legend '*-x.scope')" ]; }
  await none
}

The_engine_needs_no_systemd_and_disturbs_it_not() {
  gives 137 crun run --name big --network none -m 64m busybox dd if=/dev/zero of=/dev/null bs=80M count=1
  same "$(crun inspect -f '{{.State.OOMKilled}}' big)" true
  crun rm big
  id=$(crun run -d --name still --network none -m 64m --pids-limit 9 busybox sleep 100)
  systemctl daemon-reload
  same "$(value crun-sharp-$id/memory.max) $(value crun-sharp-$id/pids.max)" "67108864 9"
  crun rm -f still
}

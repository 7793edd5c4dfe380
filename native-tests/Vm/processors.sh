# What User Mode Linux has not: processors to choose from, huge pages, clocks of one's own. See checks.sh.

SLEEP="trap 'exit 0' TERM; sleep 1000 & wait"
begin() { launch "$1" create -b "$(bundle "$2" "$SLEEP" "${3:-}")"; cg=$(cgroup_of "$(pid_of "$1")"); }
allowed() { sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "/proc/$1/status"; }

Processors_are_chosen_and_changed() {
  begin s '{ "cpu": { "cpus": "1", "mems": "0" } }'
  same "$(value $cg/cpuset.cpus) $(value $cg/cpuset.mems) $(value $cg/cpuset.cpus.effective)" "1 0 1"
  same "$(allowed "$(pid_of s)")" 1
  same "$(runc exec s nproc)" 1
  holds "$(runc events --stats s)" '"cpuset":{"cpus":[1]'
  runc update --cpuset-cpus 0-1 s
  same "$(value $cg/cpuset.cpus) $(allowed "$(pid_of s)") $(runc exec s nproc)" "0-1 0-1 2"
  runc update --cpuset-cpus 0 --cpuset-mems 0 s
  same "$(value $cg/cpuset.cpus) $(allowed "$(pid_of s)")" "0 0"
  runc delete --force s
  [ ! -e $CG/$cg ]
}

Processors_are_chosen_also_below_cgroups_that_are_new() {
  begin b '{ "cpu": { "cpus": "1" } }' '"cgroupsPath": "/some/where/b"'
  same "$cg $(value $cg/cpuset.cpus.effective) $(allowed "$(pid_of b)")" "some/where/b 1 1"
  runc delete --force b
  rmdir $CG/some/where $CG/some 2>/dev/null || [ ! -e $CG/some ]
}

Processors_that_this_machine_has_not_are_refused() {
  output=$(runc create -b "$(bundle '{ "cpu": { "cpus": "77" } }' true)" x 2>&1) && fail made
  holds "$output" cpuset.cpus
}

# What this kernel keeps for the pages is charged to the cgroup of who takes them.
Huge_pages_are_limited() {
  begin h '{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 2097152 }] }'
  same "$(value $cg/hugetlb.2MB.max)" 2097152
  huge=$(mktemp -d /run/huge.XXXXXX)
  mount -t hugetlbfs -o pagesize=2M none $huge
  echo $BASHPID >$CG/$cg/cgroup.procs
  fallocate -l 2097152 $huge/one
  used=$(value $cg/hugetlb.2MB.current)
  fallocate -l 2097152 $huge/two && got=0 || got=$?
  echo $BASHPID >$CG/cgroup.procs
  same "$used $(field $cg/hugetlb.2MB.events max)" "2097152 1"
  [ $got != 0 ] || fail "a second page"
  holds "$(runc events --stats h)" '"2MB":{"usage":2097152'
  umount $huge
  runc delete --force h
}

A_container_has_clocks_of_its_own() {
  b=$(bundle '{}' "$SLEEP" '"timeOffsets": { "boottime": { "secs": 1000000 }, "monotonic": { "secs": 5 } }')
  sed -i 's/{ "type": "cgroup" }/&, { "type": "time" }/' $b/config.json
  launch t create -b $b
  here=$(cut -d. -f1 /proc/uptime) there=$(runc exec t cat /proc/uptime) there=${there%%.*}
  [ $((there - here)) -ge 1000000 ] && [ $((there - here)) -lt 1000300 ]
  runc delete --force t
}

Memory_and_processes_are_limited_here_as_well() {
  begin m '{ "memory": { "limit": 67108864 }, "pids": { "limit": 9 } }'
  same "$(value $cg/memory.max) $(value $cg/pids.max)" "67108864 9"
  gives 137 runc exec m dd if=/dev/zero of=/dev/null bs=80M count=1
  [ "$(field $cg/memory.events oom_kill)" -gt 0 ]
  runc delete --force m
}

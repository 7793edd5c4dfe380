# The case `oci` of bench.sh: crun-sharp as an OCI runtime, beside crun, runc and the floor (floor.c), with one bundle:
# default mounts, masked paths and system call filter, namespaces of its own but for users and time, no limits. The
# filter is for three ABIs, as Docker's is, with one rule for `socket`: of several libseccomp makes the same one for x86.

case_oci() {
  local program
  prepare_bundles
  for program in "${programs[@]}"; do
    "oci_of_${program//-/_}" run -b "$state/true" first < /dev/null > "$state/log" 2>&1 || { echo "bench: $program runs no bundle here" >&2; exit 1; }
  done
  prepare_floor
  oci_run; oci_create; oci_exec; oci_memory; oci_many
}

programs=(crun-sharp crun runc)
oci_of_crun_sharp() { "$binary" oci --root "$state/run/oci" "$@"; }
oci_of_crun() { crun --root "$state/run/oci-crun" "$@"; }
oci_of_runc() { runc --root "$state/run/oci-runc" "$@"; }

oci_run() {
  run_in_turn crun-sharp "$binary" oci --root "$state/run/oci" run -b "$state/true" ours \
    -- crun crun --root "$state/run/oci-crun" run -b "$state/true" crun \
    -- runc runc --root "$state/run/oci-runc" run -b "$state/true" runc \
    -- floor "$state/floor" "$state/run/floor" "$state/base" "$state/filter" /sys/fs/cgroup < /dev/null
  print_case oci-run "crun=1/2 runc=1/5 floor=2"
}

oci_create() {
  cat > "$state/cycle" <<SH
#!/bin/sh
id=\$1; shift
"\$@" create -b "$state/sleep" "\$id" > "$state/log" 2>&1 && "\$@" start "\$id" && "\$@" delete --force "\$id"
SH
  chmod +x "$state/cycle"
  run_in_turn crun-sharp "$state/cycle" ours "$binary" oci --root "$state/run/oci" \
    -- crun "$state/cycle" crun crun --root "$state/run/oci-crun" \
    -- runc "$state/cycle" runc runc --root "$state/run/oci-runc" < /dev/null
  print_case oci-create crun=3/5
}

oci_exec() {
  local program
  for program in "${programs[@]}"; do "oci_of_${program//-/_}" run -d -b "$state/sleep" running < /dev/null > "$state/log" 2>&1; done
  run_in_turn crun-sharp "$binary" oci --root "$state/run/oci" exec running /bin/true \
    -- crun crun --root "$state/run/oci-crun" exec running /bin/true \
    -- runc runc --root "$state/run/oci-runc" exec running /bin/true < /dev/null
  for program in "${programs[@]}"; do "oci_of_${program//-/_}" delete --force running; done
  print_case oci-exec crun=3/5
}

# Memory: of the process that waits between create and start, and the most that `run` had while its container ran.
oci_memory() {
  local program waiting=() most=() pid
  for program in "${programs[@]}"; do
    "oci_of_${program//-/_}" create --pid-file "$state/pid" -b "$state/sleep" waits < /dev/null > "$state/log" 2>&1
    waiting+=("$(memory_of VmRSS "$(cat "$state/pid")")")
    "oci_of_${program//-/_}" delete --force waits
    case $program in
      crun-sharp) "$binary" oci --root "$state/run/oci" run --pid-file "$state/pid" -b "$state/sleep" runs < /dev/null > "$state/log" 2>&1 & ;;
      *) "$program" --root "$state/run/oci-$program" run --pid-file "$state/pid" -b "$state/sleep" runs < /dev/null > "$state/log" 2>&1 & ;;
    esac
    pid=$!
    until "oci_of_${program//-/_}" state runs 2> /dev/null | grep -q '"running"'; do sleep 0.05; done
    most+=("$(memory_of VmHWM "$pid")")
    "oci_of_${program//-/_}" kill runs KILL
    wait "$pid" || true
  done
  print_memory oci-waiting "${waiting[0]}" "${waiting[1]}" "${waiting[2]}" "of crun"
  print_memory oci-peak "${most[0]}" "${most[1]}" "${most[2]}" 12
}

memory_of() { awk -v field="$1:" '$1 == field { print $2 }' "/proc/$2/status"; }

print_memory() {
  awk -v case="$1" -v ours="$2" -v crun="$3" -v runc="$4" -v aim="$5" 'BEGIN {
    printf "%-11s %-14s %7.2f MB%s\n", case, "crun-sharp", ours / 1024, aim == 12 ? sprintf("   under 12 MB: %s", ours < 12288 ? "reached" : "MISSED") : ""
    printf "%-11s %-14s %7.2f MB   1/%.1f%s\n", "", "crun", crun / 1024, crun / ours, aim == 12 ? "" : sprintf("   1/2: %s", ours * 2 <= crun ? "reached" : "MISSED")
    printf "%-11s %-14s %7.2f MB   1/%.1f\n", "", "runc", runc / 1024, runc / ours
  }'
}

# Whether a container costs the same however many there are: 200 in four lots of 50.
oci_many() {
  local lot at began costs=()
  for lot in 0 1 2 3; do
    began=$(date +%s%N)
    for at in $(seq $((lot * 50 + 1)) $((lot * 50 + 50))); do
      oci_of_crun_sharp create -b "$state/sleep" "many$at" < /dev/null > "$state/log" 2>&1
      oci_of_crun_sharp start "many$at"
    done
    costs+=($((($(date +%s%N) - began) / 50000)))
  done
  began=$(date +%s%N)
  [ "$(oci_of_crun_sharp list -q | wc -l)" = 200 ] || { echo "bench: 200 containers were started, others are listed" >&2; exit 1; }
  costs+=($((($(date +%s%N) - began) / 1000)))
  for lot in 0 1 2 3; do
    began=$(date +%s%N)
    for at in $(seq $((lot * 50 + 1)) $((lot * 50 + 50))); do oci_of_crun_sharp delete --force "many$at"; done
    costs+=($((($(date +%s%N) - began) / 50000)))
  done
  echo "${costs[@]}" | awk '{
    printf "%-11s %-14s %7.2f %7.2f %7.2f %7.2f ms each   1.25: %s\n", "oci-many", "create+start", $1 / 1000, $2 / 1000, $3 / 1000, $4 / 1000, $4 <= 1.25 * $1 ? "reached" : "MISSED"
    printf "%-11s %-14s %7.2f ms for 200\n", "", "list", $5 / 1000
    printf "%-11s %-14s %7.2f %7.2f %7.2f %7.2f ms each   1.25: %s\n", "", "delete", $6 / 1000, $7 / 1000, $8 / 1000, $9 / 1000, $6 <= 1.25 * $9 ? "reached" : "MISSED"
  }'
}

prepare_bundles() {
  mkdir -p "$state/true" "$state/sleep"
  sed "s|\"path\": \"rootfs\"|\"path\": \"$state/base\"|" "$here/bundle.json" > "$state/true/config.json"
  sed 's|"/bin/true"|"/bin/sleep", "100000"|' "$state/true/config.json" > "$state/sleep/config.json"
}

# Our runtime keeps the compiled filter: its head is 68 bytes.
prepare_floor() {
  gcc -O2 -Wall -o "$state/floor" "$here/floor.c"
  tail -c +69 "$state/run/oci/~filters/"* > "$state/filter"
}

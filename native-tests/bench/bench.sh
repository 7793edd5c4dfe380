#!/usr/bin/env bash
# Measures crun-sharp beside its peers:  bench.sh BINARY [CASE...]    (or: ./build.sh bench [CASE...])
#
# Each case runs the same work with each program in turn, ROUNDS times (environment; 20 unless told), in one process
# (interleave.c), so that a busy machine slows all of them alike: trust the ratios more than the times. Everything
# happens in a temporary directory and in mount and network namespaces of its own, and is gone at the end.
set -euo pipefail

ALL_CASES="version run-none run-bridge exec ps build-warm build-cold build-app build-run build-write build-stages build-export build-files oci pull pull-again push save images"
PEERS="podman buildah crun runc conmon netavark aardvark-dns busybox-static gcc libc6-dev skopeo docker-registry curl docker.io"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rounds=${ROUNDS:-20}
. "$here/oci.sh"
. "$here/registry.sh"
. "$here/build.sh"

main() {
  [ $# -ge 1 ] || { echo "usage: bench.sh BINARY [CASE...]    cases: $ALL_CASES" >&2; exit 2; }
  [ "$(id -u)" = 0 ] || { echo "bench: run this as root" >&2; exit 1; }
  binary=$(realpath "$1"); shift
  cases=${*:-$ALL_CASES}
  for case in $cases; do
    [[ " $ALL_CASES " == *" $case "* ]] || { echo "bench: no case '$case'; there are: $ALL_CASES" >&2; exit 2; }
  done
  if [ -z "${BENCH_INSIDE:-}" ]; then
    install_peers
    BENCH_INSIDE=1 ROUNDS=$rounds exec unshare --mount --net --propagation private "$here/bench.sh" "$binary" $cases
  fi
  prepare
  describe
  printf '\n%-11s %-14s %10s %10s %10s %8s  %s\n' case program median least processor ratio aim
  for case in $cases; do "case_${case//-/_}"; done
}

# ---- the cases: what runs, then the aim for our time as a part of the first peer's

case_version() {
  needs_hello
  run_in_turn crun-sharp "$binary" --version -- hello "$hello" -- /bin/true /bin/true
  print_case version 1.5
}

case_run_none() { run_with_network none; }
case_run_bridge() { run_with_network bridge; }

run_with_network() {
  local peers=() i
  for i in "${!runtimes[@]}"; do
    peers+=(-- "podman+${runtimes[i]}" "${podman[@]}" --runtime "${runtimes[i]}" run ${cgroups[i]} --rm --network "$1" localhost/busybox true)
  done
  run_in_turn crun-sharp "${us[@]}" run --rm --network "$1" busybox true "${peers[@]}"
  print_case "run-$1" 1/8
}

case_exec() {
  "${us[@]}" run -d --name running --network none busybox sleep 100000 > "$state/log"
  "${podman[@]}" run -d --name running --network none localhost/busybox sleep 100000 > "$state/log"
  run_in_turn crun-sharp "${us[@]}" exec running true -- podman "${podman[@]}" exec running true
  "${us[@]}" rm -f running > "$state/log"
  "${podman[@]}" rm -f -t 0 running > "$state/log"
  print_case exec ""
}

case_ps() {
  local i
  for i in 1 2 3 4 5 6 7 8 9 10; do
    "${us[@]}" create --name "made$i" --network none busybox true > "$state/log"
    "${podman[@]}" create --name "made$i" --network none localhost/busybox true > "$state/log"
  done
  run_in_turn crun-sharp "${us[@]}" ps -a -- podman "${podman[@]}" ps -a
  for i in 1 2 3 4 5 6 7 8 9 10; do "${us[@]}" rm "made$i" > "$state/log"; done
  "${podman[@]}" rm -f -a > "$state/log"
  print_case ps ""
}

case_build_warm() {
  make_app
  "${us[@]}" build -t app "$state/app" > "$state/log" 2>&1
  "${buildah[@]}" bud --layers -t app "$state/app" > "$state/log" 2>&1
  run_in_turn crun-sharp "${us[@]}" build -t app "$state/app" -- buildah "${buildah[@]}" bud --layers -t app "$state/app"
  print_case build-warm 1/20
}

case_build_cold() {
  mkdir -p "$state/ten"
  { echo 'FROM busybox'; for _ in 1 2 3 4 5 6 7 8 9 10; do echo 'RUN true'; done; } > "$state/ten/Dockerfile"
  ROUNDS=$(((rounds + 3) / 4)) run_in_turn crun-sharp "${us[@]}" build --no-cache --network none -t ten "$state/ten" \
    -- buildah "${buildah[@]}" bud --layers --no-cache --network none -t ten "$state/ten"
  print_case build-cold 1/8
}

# ---- measuring

run_in_turn() { "$state/interleave" "${ROUNDS:-$rounds}" "$@" > "$state/times"; }

# Prints a case's lines; the ratio is our median divided by that program's. An aim is for the first peer, or, as
# PROGRAM=AIM, for one of them.
print_case() {
  awk -F '\t' -v case="$1" -v aim="$2" '
    BEGIN {
      for (i = split(aim, aims, " "); i > 0; i--) {
        if (split(aims[i], named, "=") == 2) goals[named[1]] = named[2]; else first = aims[i]
      }
    }
    NR == 1 { ours = $2; printf "%-11s %-14s %7.2f ms %7.2f ms %7.2f ms\n", case, $1, $2 / 1000, $3 / 1000, $5 / 1000; next }
    {
      ratio = ours / $2
      text = ratio < 1 ? sprintf("1/%.1f", $2 / ours) : sprintf("%.2f", ratio)
      aim = $1 in goals ? goals[$1] : NR == 2 ? first : ""
      split(aim, part, "/")
      goal = aim == "" ? "" : sprintf("%s: %s", aim, ratio <= (part[2] ? part[1] / part[2] : part[1]) ? "reached" : "MISSED")
      printf "%-11s %-14s %7.2f ms %7.2f ms %7.2f ms %8s  %s\n", "", $1, $2 / 1000, $3 / 1000, $5 / 1000, text, goal
    }' "$state/times"
}

describe() {
  printf 'machine   %s, %s processors, Linux %s\n' "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -r)"
  printf 'date      %s, load %s\n' "$(date -u +'%F %H:%M UTC')" "$(cut -d ' ' -f 1-3 /proc/loadavg)"
  printf 'ours      %s, %s bytes\n' "$("$binary" --version)" "$(stat -c %s "$binary")"
  printf 'peers     %s, %s\n' "$(podman --version)" "$(buildah --version | cut -d ' ' -f 1-3)"
  local i
  for i in "${!runtimes[@]}"; do printf '          %s %s\n' "$("${runtimes[i]}" --version | head -n 1)" "${cgroups[i]}"; done
  printf 'rounds    %s, in turn\n' "$rounds"
}

# ---- what is measured on

install_peers() {
  local missing=() package
  for package in $PEERS; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  echo "bench: installing ${missing[*]}" >&2
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
}

prepare() {
  state=$(mktemp -d /var/tmp/crun-sharp-bench.XXXXXX)
  trap finish EXIT
  trap 'exit 130' INT TERM
  ip link set lo up 2>/dev/null || true
  see_cgroup2
  gcc -O2 -Wall -o "$state/interleave" "$here/interleave.c"
  mkdir "$state/run"
  mount -t tmpfs bench "$state/run" # as /run is
  us=("$binary" --root "$state/root" --run-root "$state/run/us")
  configure_podman
  make_base
  "${us[@]}" import "$state/base.tar" busybox > "$state/log"
  "${podman[@]}" import "$state/base.tar" localhost/busybox > "$state/log" 2>&1
  choose_runtimes
}

# On a host whose cgroups are hybrid, everybody gets the unified tree: crun insists on it.
see_cgroup2() {
  if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ] && [ -e /sys/fs/cgroup/unified/cgroup.procs ]; then
    mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup
  fi
}

# podman without a daemon of the host's: no systemd, no journal, no limits that need CAP_SYS_RESOURCE or controllers.
configure_podman() {
  export CONTAINERS_CONF=$state/containers.conf
  cat > "$CONTAINERS_CONF" <<CONF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
pids_limit = 0
log_driver = "k8s-file"
[engine]
events_logger = "file"
[network]
network_backend = "netavark"
CONF
  local stores=(--root "$state/peer/root" --runroot "$state/run/peer" --storage-driver overlay)
  podman=(podman "${stores[@]}" --tmpdir "$state/run/peer-tmp" --network-config-dir "$state/peer/net" --cgroup-manager cgroupfs)
  buildah=(buildah "${stores[@]}")
  export BUILDAH_ISOLATION=oci
}

# Which runtimes podman can use here: crun with a cgroup needs CAP_SYS_RESOURCE, and goes on without a cgroup.
choose_runtimes() {
  runtimes=() cgroups=()
  local runtime cgroup
  for runtime in crun runc; do
    for cgroup in "" --cgroups=disabled; do
      "${podman[@]}" --runtime $runtime run $cgroup --rm --network none localhost/busybox true > "$state/log" 2>&1 || continue
      runtimes+=("$runtime") cgroups+=("$cgroup")
      break
    done
  done
  [ ${#runtimes[@]} -gt 0 ] || { echo "bench: podman runs nothing here" >&2; exit 1; }
  export BUILDAH_RUNTIME=${runtimes[-1]}
  podman+=(--runtime "${runtimes[-1]}")
}

make_base() {
  local name
  mkdir -p "$state"/base/{bin,etc,tmp,proc,sys,dev}
  cp /bin/busybox "$state/base/bin/busybox"
  for name in $(busybox --list | grep -vx busybox); do ln -sf busybox "$state/base/bin/$name"; done
  printf 'root:x:0:0:root:/:/bin/sh\n' > "$state/base/etc/passwd"
  printf 'root:x:0:\n' > "$state/base/etc/group"
  tar -C "$state/base" -cf "$state/base.tar" .
}

# A web app of the usual kind: ten steps, a hundred source files.
make_app() {
  local i
  mkdir -p "$state/app/src"
  for i in $(seq 100); do head -c 4096 /dev/urandom | base64 > "$state/app/src/file$i.js"; done
  echo '{"name":"app"}' > "$state/app/package.json"
  cat > "$state/app/Dockerfile" <<'DOCKERFILE'
FROM busybox
ENV NODE_ENV=production
WORKDIR /app
COPY package.json .
RUN cat package.json > installed
COPY . .
RUN ls src > index
LABEL org.opencontainers.image.title=app
EXPOSE 8080
CMD ["sh", "-c", "cat /app/index"]
DOCKERFILE
}

# The smallest NativeAOT program, published as ours is; kept between runs.
needs_hello() {
  hello=$here/../../artifacts/bench/hello
  [ -x "$hello" ] && return
  mkdir -p "$state/hello" "$(dirname "$hello")"
  cp "$here/../../global.json" "$state/hello/"
  echo 'System.Console.WriteLine("hello");' > "$state/hello/Program.cs"
  cat > "$state/hello/hello.csproj" <<PROJECT
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    $(grep -o '<CrunFramework>.*</CrunFramework>' "$here/../../Directory.Build.props" | sed 's/Crun/Target/g')
    $(grep -E '<(PublishAot|RuntimeIdentifier|CppCompilerAndLinker|OptimizationPreference|IlcInstructionSet|ConcurrentGarbageCollection|UseSystemResourceKeys|EventSourceSupport|StripSymbols)>' "$here/../../src/CrunSharp.Cli/CrunSharp.Cli.csproj")
    <InvariantGlobalization>true</InvariantGlobalization>
  </PropertyGroup>
</Project>
PROJECT
  dotnet publish "$state/hello" -c Release -v quiet --nologo -o "$state/hello/out" > "$state/log" 2>&1 || { cat "$state/log" >&2; exit 1; }
  cp "$state/hello/out/hello" "$hello"
}

finish() {
  local status=$?
  if [ "$status" -ne 0 ] && [ -s "$state/log" ]; then tail -n 5 "$state/log" >&2; fi
  [ -z "${us[*]:-}" ] || "${us[@]}" ps -aq 2>/dev/null | xargs -r "${us[@]}" rm -f > /dev/null 2>&1 || true
  [ -z "${podman[*]:-}" ] || "${podman[@]}" rm -f -a -t 0 > /dev/null 2>&1 || true
  [ -z "${registry:-}" ] || kill "$registry" || true
  [ -z "${dockerd:-}" ] || { kill "$dockerd" && wait "$dockerd"; } > /dev/null 2>&1 || true
  awk -v state="$state/" 'index($2, state) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l 2>/dev/null || true
  rm -rf "$state" || true
  exit "$status"
}

main "$@"

# Cases of bench.sh that build: `build-app` (cold, unchanged, one file edited), `build-run`, `build-write`, `build-stages`,
# `build-export`, `build-files`. Beside buildah, and Debian's dockerd with its BuildKit, which keeps what it built in memory between
# builds. No network in any RUN.

# 12 instructions, 5,000 files of 10 kB in 50 directories and one of 100 MB, 5 RUN.
#
# Each program's store is on a file system of its own: on a common one ext4 takes up to half a millisecond for each new file
# while it remembers the thousands that another program has removed in the last minutes.
case_build_app() {
  needs_dockerd
  own_file_system us
  own_file_system buildah
  local i directory us=("$binary" --root "$state/own/us" --run-root "$state/run/own") buildah=(buildah --root "$state/own/buildah" --runroot "$state/run/own-buildah" --storage-driver overlay)
  "${us[@]}" import "$state/base.tar" busybox > "$state/log"
  podman --root "$state/own/buildah" --runroot "$state/run/own-buildah" --storage-driver overlay --tmpdir "$state/run/own-tmp" import "$state/base.tar" localhost/busybox > "$state/log" 2>&1
  mkdir -p "$state/case-a"
  for directory in $(seq 50); do
    mkdir -p "$state/case-a/src/d$directory"
    head -c 1000000 /dev/urandom | split -b 10000 -a 3 - "$state/case-a/src/d$directory/f"
  done
  head -c 100000000 /dev/urandom > "$state/case-a/big"
  cat > "$state/case-a/Dockerfile" <<'DOCKERFILE'
FROM busybox
ENV NODE_ENV=production
WORKDIR /app
COPY big /app/big
RUN echo one > /one
COPY src /app/src
RUN find src -type f | wc -l > /count
RUN echo two > /two
RUN echo three > /three
RUN echo four > /four
LABEL org.opencontainers.image.title=case-a
CMD ["cat", "/count"]
DOCKERFILE
  build_in_turn build-cold-a 4 "" "docker=3/5" --no-cache "$state/case-a"
  build_in_turn build-warm-a 1 "" "docker=3/10 buildah=3/100" "$state/case-a"
  build_in_turn build-edit-a 4 "head -c 8000 /dev/urandom | base64 > $state/case-a/src/d7/faaa" "docker=2/5" "$state/case-a"
}

case_build_run() {
  needs_dockerd
  mkdir -p "$state/ten"
  { echo 'FROM busybox'; for _ in 1 2 3 4 5 6 7 8 9 10; do echo 'RUN true'; done; } > "$state/ten/Dockerfile"
  build_in_turn build-run 4 "" "docker=3/10" --no-cache "$state/ten"
}

# The same command on the plain file system is the floor: random bytes, and zeros, which cost nothing to make, so that what is left
# to do when the command has ended (the layer's digest) weighs most. Both find the memory that the last one gave back.
case_build_write() {
  write_in_turn build-write /dev/urandom plain=1.3
  write_in_turn build-zeros /dev/zero ""
}

write_in_turn() {
  mkdir -p "$state/write"
  printf 'FROM busybox\nRUN dd if=%s of=/big bs=1M count=600\n' "$2" > "$state/write/Dockerfile"
  WARM_UP=1 ROUNDS=$(((rounds + 3) / 4)) run_in_turn -b "rm -f $state/plain; $(printf '%q ' "${us[@]}") rmi -f write > $state/log 2>&1; $(printf '%q ' "${us[@]}") builder prune -af > $state/log; sync -f $state" \
    crun-sharp "${us[@]}" build -q --no-cache --network none -t write "$state/write" -- plain busybox dd if="$2" of="$state/plain" bs=1M count=600
  print_case "$1" "$3"
  rm -f "$state/plain"
}

case_build_stages() {
  needs_dockerd
  mkdir -p "$state/stages"
  for i in a b c; do printf 'FROM busybox AS %s\nRUN sleep 2; echo %s > /%s\n' $i $i $i; done > "$state/stages/Dockerfile"
  printf 'FROM busybox\nCOPY --from=a /a /\nCOPY --from=b /b /\nCOPY --from=c /c /\n' >> "$state/stages/Dockerfile"
  WARM_UP=1 ROUNDS=$(((rounds + 3) / 4)) run_in_turn crun-sharp "${us[@]}" build -q --no-cache --network none -t stages "$state/stages" \
    -- docker "${docker[@]}" build -q --no-cache --network none -t stages "$state/stages" -- longest sleep 2
  print_case build-stages longest=1.15
}

# 250 MB of this host's /usr, another one in each round; built before the time begins.
case_build_export() {
  mkdir -p "$state/export"
  (cd /usr && find lib share bin -xdev -type f -size -4M 2> /dev/null | sort -R --random-source=<(yes) | tar -cf - -T - 2> /dev/null | head -c 250000000 || true) > "$state/export.tar"
  tar -C "$state/export" -xf "$state/export.tar" 2> "$state/log" || true
  rm "$state/export.tar"
  printf 'FROM busybox\nCOPY . /files\n' > "$state/export.Dockerfile"
  cat > "$state/renew" <<SH
date +%s%N > $state/export/changed
rm -f $state/exported
case \$1 in
  crun-sharp | with-build) ${us[*]} build -q --network none -t export -f $state/export.Dockerfile $state/export ;;
  buildah) ${buildah[*]} bud --layers -t export -f $state/export.Dockerfile $state/export ;;
esac > $state/log 2>&1
sync -f $state
SH
  WARM_UP=1 ROUNDS=$(((rounds + 3) / 4)) run_in_turn -b ". $state/renew" \
    crun-sharp "${us[@]}" save --format oci -o "$state/exported" export \
    -- with-build "${us[@]}" build -q --network none -o "type=oci,dest=$state/exported" -f "$state/export.Dockerfile" "$state/export" \
    -- buildah "${buildah[@]}" push -q export "oci-archive:$state/exported"
  print_case build-export buildah=1/4
}

# The most memory of a build whose context has 100,000 files: of the first, of one that finds nothing changed, and of one that
# knows what all files hash to but does not look into the cache.
case_build_files() {
  local directory build=("${us[@]}" build -q --network none -t hundred "$state/hundred")
  for directory in $(seq 100); do
    mkdir -p "$state/hundred/d$directory"
    (cd "$state/hundred/d$directory" && seq 1000 | split -l 1 -a 3 -)
  done
  printf 'FROM busybox\nCOPY . /files\n' > "$state/hundred/Dockerfile"
  sleep 3 # What changed just now is hashed once more by the next build.
  WARM_UP=0 ROUNDS=1 run_in_turn first "${build[@]}" -- unchanged "${build[@]}" -- no-cache "${build[@]}" --no-cache
  awk -F '\t' '{ printf "%-11s %-14s %7.2f MB   under 150 MB: %s\n", "build-files", $1, $6 / 1024, ($6 < 153600 ? "reached" : "MISSED") }' "$state/times"
}

# build_in_turn CASE PART BEFORE AIMS ARGUMENT...: builds with all three; a PART of the rounds.
build_in_turn() {
  local case=$1 part=$2 before=$3 aims=$4
  shift 4
  WARM_UP=1 ROUNDS=$(((rounds + part - 1) / part)) run_in_turn ${before:+-b "$before"} crun-sharp "${us[@]}" build -q --network none -t "$case" "$@" \
    -- docker "${docker[@]}" build -q --network none -t "$case" "$@" \
    -- buildah "${buildah[@]}" bud -q --layers --network none -t "$case" "$@"
  print_case "$case" "$aims"
}

own_file_system() {
  local loop
  mkdir -p "$state/own/$1"
  truncate -s 12G "$state/own/$1.ext4"
  mkfs.ext4 -q -E lazy_itable_init=1,nodiscard "$state/own/$1.ext4"
  loop=$(losetup --direct-io=on --find --show "$state/own/$1.ext4")
  mount -o noinit_itable "$loop" "$state/own/$1"
  losetup -d "$loop"
}

needs_dockerd() {
  [ -z "${dockerd:-}" ] || return 0
  own_file_system docker
  mount -t tmpfs bench /run
  echo "{ \"deprecated-key-path\": \"$state/key.json\" }" > "$state/daemon.json"
  dockerd --config-file "$state/daemon.json" --data-root "$state/own/docker" --exec-root "$state/run/docker" -p "$state/run/docker.pid" -H "unix://$state/run/docker.sock" \
    --storage-driver overlay2 --exec-opt native.cgroupdriver=cgroupfs --iptables=false --bridge=none > "$state/dockerd.log" 2>&1 &
  dockerd=$!
  docker=(env DOCKER_BUILDKIT=1 /usr/bin/docker -H "unix://$state/run/docker.sock")
  local i
  for i in $(seq 100); do "${docker[@]}" version > "$state/log" 2>&1 && break; sleep 0.2; done
  "${docker[@]}" import "$state/base.tar" busybox > "$state/log"
}

# Cases of bench.sh that move images: `pull`, `pull-again`, `push`, `save` with a registry on loopback, and `images`.
# The image has 5 layers of 100 MB: directories of this host's /usr, chosen by chance that is always the same, so some
# thousands of files, text and programs. skopeo compresses it for the registry. Fewer rounds than of other cases.

REGISTRY=localhost:5000
LAYER_BYTES=100000000

# Each program pulls into a file system that was just made: on a used one, ext4 takes half a millisecond for each new file
# while it remembers the thousands that were removed in the last minutes, and whoever comes first pays for all.
case_pull() {
  needs_big_image
  make_floor
  local store=("$binary" --root "$state/fresh/us" --run-root "$state/run/fresh")
  local peer=(podman --root "$state/fresh/podman" --runroot "$state/run/fresh-podman" --tmpdir "$state/run/fresh-tmp" --storage-driver overlay)
  mkdir "$state/fresh"
  cat > "$state/renew" <<SH
umount -R $state/fresh 2> /dev/null
rm -rf $state/fresh.ext4 $state/run/fresh*
truncate -s 4G $state/fresh.ext4
mkfs.ext4 -q -E lazy_itable_init=1,nodiscard $state/fresh.ext4
loop=\$(losetup --direct-io=on --find --show $state/fresh.ext4) && mount -o noinit_itable \$loop $state/fresh && losetup -d \$loop || mount -t tmpfs bench $state/fresh
mkdir $state/fresh/0 $state/fresh/1 $state/fresh/2 $state/fresh/3 $state/fresh/4
[ \$1 != podman ] || ${peer[*]} images
sync -f $state/fresh
SH
  long_in_turn -b ". $state/renew > $state/log 2>&1" crun-sharp "${store[@]}" pull -q $REGISTRY/big:1 \
    -- podman "${peer[@]}" pull -q --tls-verify=false $REGISTRY/big:1 \
    -- skopeo skopeo --policy "$state/policy.json" copy -q --src-tls-verify=false "docker://$REGISTRY/big:1" "containers-storage:[overlay@$state/fresh/skopeo+$state/run/fresh-skopeo]$REGISTRY/big:1" \
    -- floor "$state/floor.sh"
  print_case pull "podman=1/2 skopeo=1/2 floor=1.5"
  awk -F '\t' '
    NR == 1 { printf "%-11s %-14s %7.2f MB   under 100 MB: %s\n", "pull-peak", $1, $6 / 1024, ($6 < 102400 ? "reached" : "MISSED") }
    NR == 2 || NR == 3 { printf "%-11s %-14s %7.2f MB\n", "", $1, $6 / 1024 }' "$state/times"
  umount -R "$state/fresh" && rm "$state/fresh.ext4"
}

case_pull_again() {
  needs_big_image
  needs_pulled
  run_in_turn crun-sharp "${us[@]}" pull -q $REGISTRY/big:1 -- podman "${podman[@]}" pull -q --tls-verify=false $REGISTRY/big:1
  print_case pull-again 1/5
}

# A layer that is new in each round, made by `import` before the time begins.
case_push() {
  needs_registry
  mkdir -p "$state/new"
  make_layer 6 $((2 * LAYER_BYTES)) > "$state/new.tar"
  tar -C "$state/new" -xf "$state/new.tar"
  cat > "$state/renew" <<SH
date +%s%N > $state/new/changed
tar -C $state/new -cf $state/new.tar .
case \$1 in
  crun-sharp) ${us[*]} import $state/new.tar $REGISTRY/push:ours ;;
  podman) ${podman[*]} import $state/new.tar $REGISTRY/push:podman ;;
esac > $state/log 2>&1
sync -f $state
SH
  long_in_turn -b ". $state/renew" crun-sharp "${us[@]}" push -q $REGISTRY/push:ours \
    -- podman "${podman[@]}" push -q --tls-verify=false $REGISTRY/push:podman
  print_case push 2/5
  "${us[@]}" image prune -f > "$state/log"
  printf '%-11s %-14s %7.2f MB\n%-11s %-14s %7.2f MB\n' push-size crun-sharp "$(size_of ours)" "" podman "$(size_of podman)"
  rm -r "$state/new" "$state/new.tar"
}

case_save() {
  needs_big_image
  needs_pulled
  long_in_turn -b "rm -f $state/saved; sync -f $state" crun-sharp "${us[@]}" save -o "$state/saved" $REGISTRY/big:1 \
    -- podman "${podman[@]}" save -q -o "$state/saved" $REGISTRY/big:1
  print_case save 1/2
  rm "$state/saved"
}

# 1,000 images of one layer, brought by one archive.
case_images() {
  local i layer config list=()
  mkdir -p "$state/many"
  cp "$state/base.tar" "$state/many/layer.tar"
  layer=$(sum "$state/many/layer.tar")
  for i in $(seq 1000); do
    config="{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Env\":[\"N=$i\"]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:$layer\"]}}"
    echo "$config" > "$state/many/$i.json"
    list+=("{\"Config\":\"$i.json\",\"RepoTags\":[\"many:$i\"],\"Layers\":[\"layer.tar\"]}")
  done
  (IFS=,; echo "[${list[*]}]") > "$state/many/manifest.json"
  tar -C "$state/many" -cf "$state/many.tar" .
  "${us[@]}" --root "$state/many-root" load -q -i "$state/many.tar" > "$state/log"
  run_in_turn crun-sharp "${us[@]}" --root "$state/many-root" images
  awk -F '\t' '{ printf "%-11s %-14s %7.2f ms %7.2f ms %7.2f ms   under 30 ms: %s\n", "images", $1, $2 / 1000, $3 / 1000, $5 / 1000, ($2 < 30000 ? "reached" : "MISSED") }' "$state/times"
  rm -r "$state/many" "$state/many.tar" "$state/many-root"
}

long_in_turn() { WARM_UP=1 ROUNDS=$(((rounds + 3) / 4)) run_in_turn "$@"; }

# What is received, decoded and written when nothing is checked or kept: as many layers at once as there are processors.
make_floor() {
  cat > "$state/fetch" <<SH
#!/bin/sh
curl -s http://$REGISTRY/v2/big/blobs/\$1 | gzip -d | tar -C $state/fresh/\$2 -x
SH
  cat > "$state/floor.sh" <<SH
#!/bin/sh
exec xargs -n 2 -P $(nproc) $state/fetch <<LAYERS
$(curl -s -H 'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json' "http://$REGISTRY/v2/big/manifests/1" \
    | tr -d ' \n' | sed 's/.*"layers"//' | grep -o 'sha256:[0-9a-f]*' | awk '{ print $0, n++ }')
LAYERS
SH
  chmod +x "$state/fetch" "$state/floor.sh"
}

needs_registry() {
  [ -z "${registry:-}" ] || return 0
  mkdir "$state/registry"
  cat > "$state/registry.yml" <<CONF
version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: $state/registry } }
http: { addr: "127.0.0.1:5000" }
CONF
  echo '{"default":[{"type":"insecureAcceptAnything"}]}' > "$state/policy.json"
  docker-registry serve "$state/registry.yml" > "$state/log" 2>&1 &
  registry=$!
  until curl -sf "http://$REGISTRY/v2/" > /dev/null; do kill -0 $registry; sleep 0.1; done
}

needs_big_image() {
  needs_registry
  [ ! -e "$state/registry/docker/registry/v2/repositories/big" ] || return 0
  local i ids=() files=()
  mkdir "$state/big"
  for i in 1 2 3 4 5; do
    make_layer $i $LAYER_BYTES > "$state/big/$i.tar"
    ids+=("\"sha256:$(sum "$state/big/$i.tar")\"") files+=("\"$i.tar\"")
  done
  (
    IFS=,
    echo "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[${ids[*]}]}}" > "$state/big/config.json"
    echo "[{\"Config\":\"config.json\",\"RepoTags\":[\"$REGISTRY/big:1\"],\"Layers\":[${files[*]}]}]" > "$state/big/manifest.json"
  )
  tar -C "$state/big" -cf "$state/big.tar" .
  rm -r "$state/big"
  skopeo --policy "$state/policy.json" copy -q --dest-tls-verify=false "docker-archive:$state/big.tar" "docker://$REGISTRY/big:1"
  printf 'image     5 layers, %s files, %s MB, %s MB compressed\n' "$(cat "$state"/files-[1-5] | wc -l)" \
    $(($(stat -c %s "$state/big.tar") / 1000000)) $(($(du -sb "$state/registry" | cut -f 1) / 1000000))
  rm "$state/big.tar"
}

needs_pulled() {
  "${us[@]}" pull -q $REGISTRY/big:1 > "$state/log"
  "${podman[@]}" pull -q --tls-verify=false $REGISTRY/big:1 > "$state/log"
}

# A tar of about this size of directories of /usr, each with the directories above it; the number says which.
make_layer() {
  [ -e "$state/usr" ] || find /usr -xdev \( -type f -size -4M -o -type l \) -printf '%h\t%s\t%p\n' \
    | LC_ALL=C sort -t "$(printf '\t')" -k 1,1R --random-source=/bin/busybox > "$state/usr"
  awk -F '\t' -v skip=$((($1 - 1) * LAYER_BYTES)) -v size="$2" '
    (before += $2) <= skip { next }
    (bytes += $2) > size { exit }
    { above($1); print $3 }
    function above(path) { if (path != "" && !seen[path]++) { above(substr(path, 1, match(path, "/[^/]*$") - 1)); print path } }
  ' "$state/usr" > "$state/files-$1"
  tar -C / --no-recursion --sort=none -cf - -T "$state/files-$1" 2> /dev/null
}

size_of() {
  curl -s -H 'Accept: application/vnd.oci.image.manifest.v1+json' -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' "http://$REGISTRY/v2/push/manifests/$1" \
    | tr -d ' \n' | sed 's/.*"layers"//' | grep -o '"size":[0-9]*' | awk -F : '{ print $2 / 1e6 }'
}

sum() { sha256sum "$1" | cut -d ' ' -f 1; }

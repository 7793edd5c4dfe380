#!/usr/bin/env bash
# crun-sharp: build, test, measure. `./build.sh help` lists the verbs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_USE_MSBUILD_SERVER=0
BINARY=$PWD/artifacts/crun-sharp

# help            this list
verb_help() { awk '/^# [a-z-]+  +/ { sub(/^# /, "  "); print }' build.sh; }

# build           compile everything
verb_build() { needs_tools; dotnet build Runtime.sln -v quiet --nologo "$@"; }

# publish         the binary, at artifacts/crun-sharp; any IL or AOT warning fails
verb_publish() {
  needs_tools
  publish_project src/CrunSharp.Cli/CrunSharp.Cli.csproj artifacts/publish
  # A copy, as an installation is: the page cache has it in larger pieces than what the linker wrote, and it starts 0.1 ms faster.
  rm -f "$BINARY" && cp artifacts/publish/crun-sharp "$BINARY" && rm -rf artifacts/publish
  ls -l "$BINARY"
}

# unit-test       the tests of the libraries
verb_unit_test() { verb_build; run_tests Runtime.sln --no-build; }

# native-test     the tests of the published binary on the real kernel; arguments select: native-test RunTests
verb_native_test() { needs_root; needs_packages; needs_criu; native_tests "${1:+FullyQualifiedName~$1&}TestCategory!=vm"; }

# vm-test         limits and systemd in virtual machines that have cgroup v2 only; arguments select: vm-test Systemd
verb_vm_test() { needs_root; needs_packages $VM_PACKAGES; needs_kernel; needs_criu; native_tests "${1:+FullyQualifiedName~$1&}TestCategory=vm"; }

# test            all tests, with all they need: what CI runs
verb_test() {
  needs_root; needs_packages $VM_PACKAGES; needs_kernel; needs_criu
  verb_publish
  PASSED=0 FAILED=0 SKIPPED=0
  verb_unit_test || true
  native_tests || true
  printf '%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
  [ "$FAILED" -eq 0 ] && [ "$PASSED" -gt 0 ]
}

# golden          writes the expected outputs of tests anew; review the diff
verb_golden() {
  needs_tools
  local project
  for project in Architecture Build Cli; do
    CRUN_SHARP_GOLDEN=1 GOLDEN_WRITE=1 dotnet test "src/CrunSharp.$project.Tests" -v quiet --nologo
  done
  git status --short src
}

# order           writes src/CrunSharp.Cli/start.order anew: what lies at the front of the program
verb_order() {
  needs_root; needs_packages; verb_publish
  local order=src/CrunSharp.Cli/start.order new
  new=$(mktemp)
  native-tests/bench/order.sh "$BINARY" .artifacts/bin/CrunSharp.Cli/release_linux-x64/native/crun-sharp.dbg > "$new" && cp "$new" $order
  rm "$new"
  git diff --stat $order
}

# lint            formatting and analyzers
verb_lint() {
  needs_tools
  local target
  for target in Runtime.sln native-tests/NativeTests.csproj native-tests/LaunchStress/LaunchStress.csproj; do
    dotnet format "$target" --verify-no-changes
  done
}

# bench           us against the peers of Debian's packages, interleaved; prints medians and ratios
verb_bench() { needs_root; needs_packages; [ -x "$BINARY" ] || verb_publish; exec native-tests/bench/bench.sh "$BINARY" "$@"; }

# demo            build samples/hello-web, run it behind a port, fetch its page, clear away
verb_demo() { needs_root; needs_packages; [ -x "$BINARY" ] || verb_publish; exec samples/demo.sh "$BINARY"; }

# ci              lint, then test
verb_ci() { verb_lint; verb_test; }

# clean           removes what was built
verb_clean() { rm -rf .artifacts artifacts; }

# The tests of the binary that a filter selects; all of them without one.
native_tests() {
  [ -x "$BINARY" ] || verb_publish
  [ "${1:-}" = TestCategory=vm ] || publish_launch_stress
  run_tests native-tests/NativeTests.csproj ${1:+--filter "$1"}
}

# Publishes a project into a directory; any warning fails.
publish_project() {
  local project=$1 directory=$2 log; shift 2
  log=$(mktemp)
  dotnet publish "$project" -c Release -v quiet --nologo -o "$directory" "$@" > "$log" 2>&1 || { cat "$log"; return 1; }
  if grep -E 'warning (IL|AOT)?[0-9]+' "$log"; then echo "publish of $project printed warnings" >&2; return 1; fi
  rm -f "$log"
}

# The program of LaunchStressTests, natively and for the dotnet host, when it is missing or older than what it is made of.
publish_launch_stress() {
  local made=artifacts/launch-stress sources=(native-tests/LaunchStress src/CrunSharp.{Oci,Kernel,Runtime} Directory.*.props)
  [ -e "$made/done" ] && [ -z "$(find "${sources[@]}" -type f -newer "$made/done" -print -quit)" ] && return
  publish_project native-tests/LaunchStress/LaunchStress.csproj "$made/native" \
    && publish_project native-tests/LaunchStress/LaunchStress.csproj "$made/coreclr" -p:PublishAot=false && touch "$made/done"
}

needs_root() { [ "$(id -u)" = 0 ] || { echo "run this as root: sudo ./build.sh" >&2; exit 1; }; }

needs_tools() {
  command -v dotnet >/dev/null || { echo "the .NET SDK is missing: https://dotnet.microsoft.com/download" >&2; exit 1; }
  command -v gcc >/dev/null || install_packages gcc libc6-dev
}

# Debian's packages for tests, demo and bench; nothing of them is needed to use crun-sharp.
PACKAGES="busybox-static iproute2 nftables curl"
TEST_PACKAGES="debootstrap mmdebstrap tar xz-utils bzip2 libcap2-bin procps libseccomp-dev gcc libc6-dev skopeo buildah podman conmon netavark aardvark-dns iptables containerd docker.io docker-registry apache2-utils umoci"
VM_PACKAGES="user-mode-linux systemd qemu-system-x86 cpio"
needs_packages() {
  needs_tools
  local missing=() package
  for package in $PACKAGES $TEST_PACKAGES "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
}

# The kernel of an emulated computer, at artifacts/vm/vmlinuz, and the modules for checkpoint.sh: the files alone, since a package
# that is installed would be this machine's own to boot.
needs_kernel() { [ -s artifacts/vm/modules/overlay.ko ] || fetch_kernel || { apt-get update -qq && fetch_kernel; }; }
fetch_kernel() {
  local package directory status=0
  package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[^ ]*\).*/\1/p' | head -n 1)
  [ -n "$package" ] || return 1
  echo "fetching the kernel of $package" >&2
  directory=$(mktemp -d)
  (cd "$directory" && apt-get download -qq -o APT::Sandbox::User=root "$package" && dpkg-deb --fsys-tarfile ./*.deb | tar -xf - --wildcards './boot/vmlinuz-*' '*_diag.ko' '*/overlay.ko' '*/nfnetlink.ko' '*/nf_tables.ko' '*/libcrc32c.ko') \
    && mkdir -p artifacts/vm/modules && mv "$directory"/boot/vmlinuz-* artifacts/vm/vmlinuz && find "$directory" -name '*.ko' -exec mv {} artifacts/vm/modules \; || status=$?
  rm -r "$directory"
  return $status
}

# A criu at artifacts/criu/criu, of a newer Debian: Debian 12's does not start on newer kernels.
needs_criu() { [ -x artifacts/criu/criu ] || native-tests/criu.sh artifacts/criu >&2 || echo "there is no criu: tests of restores are skipped" >&2; }

install_packages() {
  local policy=/usr/sbin/policy-rc.d own='' status=0
  echo "installing $*" >&2
  # Engines are installed for tests that start them in worlds of their own: their services stay down.
  [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' > $policy; chmod 755 $policy; own=1; }
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null || status=$?
  [ -z "$own" ] || rm -f $policy
  return $status
}

PASSED=0 FAILED=0 SKIPPED=0
# Runs one project's or solution's tests and adds their numbers up.
run_tests() {
  local target=$1 log status=0; shift
  log=$(mktemp)
  CRUN_SHARP=$BINARY dotnet test "$target" -v quiet --nologo --logger "console;verbosity=minimal" "$@" 2>&1 | tee "$log" || status=$?
  while read -r failed passed skipped; do
    FAILED=$((FAILED + failed)); PASSED=$((PASSED + passed)); SKIPPED=$((SKIPPED + skipped))
  done < <(sed -nE 's/.*Failed: +([0-9]+), Passed: +([0-9]+), Skipped: +([0-9]+).*/\1 \2 \3/p' "$log")
  [ "$status" -eq 0 ] || [ "$FAILED" -gt 0 ] || FAILED=$((FAILED + 1)) # it broke before it could count
  rm -f "$log"
  return "$status"
}

verb=${1:-help}; shift || true
declare -F "verb_${verb//-/_}" >/dev/null || { echo "build.sh has no verb '$verb'" >&2; verb_help >&2; exit 2; }
"verb_${verb//-/_}" "$@"

# Security modules: this kernel has AppArmor. apparmor.bin is this profile, by `apparmor_parser -Q -K -o apparmor.bin` of
# Debian 12 (3.0.8):
#
#   abi <abi/3.0>,
#   profile crun-sharp-test flags=(attach_disconnected,mediate_deleted) {
#     file,
#     capability,
#     signal,
#     ptrace,
#     unix,
#     network,
#     deny /tmp/secret w,
#   }

PROFILE=crun-sharp-test
load_profile() {
  [ -e /sys/kernel/security/apparmor ] || mount -t securityfs none /sys/kernel/security
  same "$(cat /sys/module/apparmor/parameters/enabled)" Y
  grep -q "^$PROFILE " /sys/kernel/security/apparmor/profiles || cat "${file%/*}/apparmor.bin" >/sys/kernel/security/apparmor/.load
}
with_profile() { sed -i "s/\"cwd\": \"\/\"/&, \"apparmorProfile\": \"$2\"/" "$1/config.json"; echo "$1"; }
WRITES='cat /proc/self/attr/current; echo x >/tmp/other && echo other; echo x >/tmp/secret && echo secret'

A_container_has_the_profile_that_its_configuration_names() {
  load_profile
  output=$(runc run -b "$(with_profile "$(bundle '{}' "$WRITES; true")" $PROFILE)" a 2>&1)
  holds "$output" "$PROFILE (enforce)"
  holds "$output" other
  holds "$output" "can't create /tmp/secret: Permission denied"
}

A_profile_holds_also_without_new_privileges() {
  load_profile
  b=$(with_profile "$(bundle '{}' "$WRITES; true")" $PROFILE)
  sed -i 's/"cwd": "\/"/&, "noNewPrivileges": true/' $b/config.json
  holds "$(runc run -b $b n 2>&1)" "can't create /tmp/secret: Permission denied"
}

A_further_process_may_have_a_profile_of_its_own() {
  load_profile
  launch e create -b "$(bundle '{}' "trap 'exit 0' TERM; sleep 1000 & wait")"
  holds "$(runc exec e cat /proc/self/attr/current)" unconfined
  holds "$(runc exec --apparmor $PROFILE e sh -c "$WRITES; true" 2>&1)" "can't create /tmp/secret: Permission denied"
  runc delete --force e
}

A_further_process_has_the_profile_of_the_first() {
  load_profile
  launch f create -b "$(with_profile "$(bundle '{}' "trap 'exit 0' TERM; sleep 1000 & wait")" $PROFILE)"
  holds "$(runc exec f cat /proc/self/attr/current)" "$PROFILE (enforce)"
  runc delete --force f
}

A_profile_that_is_not_loaded_is_refused() {
  load_profile
  output=$(runc run -b "$(with_profile "$(bundle '{}' true)" nosuch)" x 2>&1) && fail ran
  holds "$output" "AppArmor profile nosuch"
}

# Security modules: SELinux, in a kernel that is started with it. selinux.bin is this policy, by `secilc -c 33 -o selinux.bin`
# of Debian 12 (3.4); what it does not name is allowed.
#
#   (handleunknown allow)
#   (mls false)
#   (policycap open_perms)
#   (class process (transition dyntransition setexec setkeycreate setcurrent getattr))
#   (class file (entrypoint execute read open relabelto relabelfrom))
#   (class dir (search))
#   (class filesystem (relabelfrom relabelto mount associate))
#   (class security (check_context load_policy setenforce))
#   (class key (create))
#   (classorder (security process file dir filesystem key))
#   (sid kernel)(sid security)(sid unlabeled)(sid file)(sid port)(sid netif)(sid netmsg)(sid node)(sid devnull)
#   (sidorder (kernel security unlabeled file port netif netmsg node devnull))
#   (user u)(role r)(role object_r)(type t)(type box_t)(type box_file_t)
#   (userrole u r)(userrole u object_r)(roletype r t)(roletype r box_t)(roletype object_r box_file_t)(roletype object_r t)
#   (userlevel u (s0))(userrange u ((s0)(s0)))
#   (sensitivity s0)(sensitivityorder (s0))(category c0)(categoryorder (c0))(sensitivitycategory s0 (c0))
#   (sidcontext kernel (u r t ((s0)(s0))))(sidcontext security (u object_r t ((s0)(s0))))(sidcontext unlabeled (u object_r t ((s0)(s0))))(sidcontext 
#     file (u object_r t ((s0)(s0))))(sidcontext port (u object_r t ((s0)(s0))))(sidcontext netif (u object_r t ((s0)(s0))))(sidcontext netmsg (u object_r 
#     t ((s0)(s0))))(sidcontext node (u object_r t ((s0)(s0))))(sidcontext devnull (u object_r t ((s0)(s0))))
#   (fsuse trans tmpfs (u object_r t ((s0)(s0))))
#   (typeattribute any)(typeattributeset any (t box_t box_file_t))
#   (allow any any (process (transition dyntransition setexec setkeycreate setcurrent getattr)))
#   (allow any any (file (entrypoint execute read open relabelto relabelfrom)))
#   (allow any any (filesystem (relabelfrom relabelto mount associate)))
#   (allow any any (security (check_context load_policy setenforce)))
#   (allow any any (key (create)))

load_policy() {
  [ -e /sys/fs/selinux/load ] || mount -t selinuxfs none /sys/fs/selinux
  [ "$(tr -d '\0' </proc/self/attr/current)" != kernel ] || cat "${file%/*}/selinux.bin" >/sys/fs/selinux/load
}
# Makes a bundle: the process's label, the mounts' one, its program.
labelled() {
  local directory; directory=$(bundle '{}' "$3")
  sed -i 's/"cwd": "\/"/&, "selinuxLabel": "'"$1"'"/; s/"linux": {/& "mountLabel": "'"$2"'",/' "$directory/config.json"
  echo "$directory"
}
LOOK='cat /proc/self/attr/current; echo; cat /proc/mounts'
SLEEP="trap 'exit 0' TERM; sleep 1000 & wait"

A_container_has_the_labels_that_its_configuration_names() {
  load_policy
  output=$(runc run -b "$(labelled u:r:box_t u:object_r:box_file_t "$LOOK")" a 2>&1 | tr -d '\0')
  holds "$output" u:r:box_t
  holds "$output" "tmpfs /dev tmpfs rw,context=u:object_r:box_file_t"
}

The_label_of_mounts_may_be_of_another_kind() {
  load_policy
  directory=$(labelled u:r:box_t u:object_r:box_file_t "$LOOK")
  sed -i 's/"ociVersion"/"annotations": { "run.oci.mount_context_type": "rootcontext" }, &/' "$directory/config.json"
  output=$(runc run -b "$directory" k 2>&1 | tr -d '\0')
  holds "$output" "tmpfs /dev tmpfs rw,rootcontext=u:object_r:box_file_t"
  sed -i 's/"rootcontext"/"nocontext"/' "$directory/config.json"
  output=$(runc run -b "$directory" k 2>&1) && fail ran
  holds "$output" 'run.oci.mount_context_type: "nocontext" is not'
}

A_further_process_has_the_label_of_the_first_or_its_own() {
  load_policy
  launch e create -b "$(labelled u:r:box_t u:object_r:box_file_t "$SLEEP")"
  holds "$(tr -d '\0' <"/proc/$(pid_of e)/attr/current")" u:r:box_t
  holds "$(runc exec e cat /proc/self/attr/current | tr -d '\0')" u:r:box_t
  holds "$(runc exec --process-label u:r:t e cat /proc/self/attr/current | tr -d '\0')" u:r:t
  runc delete --force e
}

A_label_that_the_policy_does_not_know_is_refused() {
  load_policy
  output=$(runc run -b "$(labelled u:r:nosuch_t u:object_r:box_file_t true)" x 2>&1) && fail ran
  holds "$output" "SELinux label u:r:nosuch_t"
  output=$(runc run -b "$(labelled u:r:box_t u:object_r:nosuch_t true)" y 2>&1) && fail ran
  holds "$output" /dev
  launch z create -b "$(labelled u:r:box_t u:object_r:box_file_t "$SLEEP")"
  output=$(runc exec --process-label u:r:nosuch_t z true 2>&1) && fail ran
  holds "$output" "SELinux label u:r:nosuch_t"
  runc delete --force z
}

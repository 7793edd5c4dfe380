/*
 * The floor: runs /bin/true in a container with the system calls that bench's bundle asks for, and with nothing else. No
 * configuration is read, no path of a caller's is checked, no error is explained, the system call filter is compiled
 * already: what a runtime takes longer than this is its own.
 *
 *     floor STATE ROOTFS FILTER CGROUPS
 *
 * STATE is the directory of the runtime's records, ROOTFS the root file system, FILTER a file of struct sock_filter,
 * CGROUPS the root of the tree of cgroup v2.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(call) check((long)(call), #call)
#define COUNT(array) (sizeof(array) / sizeof *(array))

static long check(long result, const char *what)
{
    if (result >= 0) return result;
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    _exit(1);
}

/* ---- mounts */

static int make(const char *type, unsigned attributes, const char *const *options)
{
    int context = CHECK(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
    for (; options && *options; options += 2) CHECK(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, options[0], options[1], 0));
    CHECK(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
    int mount = CHECK(syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes));
    close(context);
    return mount;
}

static int find(int root, const char *path, uint64_t resolve)
{
    struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = resolve };
    return syscall(SYS_openat2, root, path, &how, sizeof how);
}

static void put(int mount, int root, const char *path)
{
    int target = CHECK(find(root, path, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS));
    CHECK(syscall(SYS_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
    close(target);
    close(mount);
}

static void attributes(int mount, uint64_t set, uint64_t propagation, int recursive)
{
    struct mount_attr attr = { .attr_set = set, .propagation = propagation };
    CHECK(syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof attr));
}

/* ---- what is made outside of the container */

static int make_dev(int *pts, int *shm)
{
    static const char *const of_dev[] = { "mode", "755", "size", "65536k", NULL };
    static const char *const of_pts[] = { "ptmxmode", "0666", "mode", "0620", "gid", "5", NULL };
    static const char *const of_shm[] = { "mode", "1777", "size", "67108864", NULL };
    static const struct { const char *name; int major, minor; } nodes[] =
        { { "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 }, { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 } };
    static const char *const links[][2] = { { "/proc/self/fd", "fd" }, { "/proc/self/fd/0", "stdin" },
        { "/proc/self/fd/1", "stdout" }, { "/proc/self/fd/2", "stderr" }, { "pts/ptmx", "ptmx" } };

    int dev = make("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME, of_dev);
    *pts = make("devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, of_pts);
    *shm = make("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, of_shm);
    CHECK(mkdirat(dev, "pts", 0755));
    CHECK(mkdirat(dev, "shm", 0755));
    CHECK(mkdirat(dev, "mqueue", 0755));
    umask(0);
    for (size_t i = 0; i < COUNT(nodes); i++) CHECK(mknodat(dev, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)));
    umask(022);
    for (size_t i = 0; i < COUNT(links); i++) CHECK(symlinkat(links[i][0], dev, links[i][1]));
    return dev;
}

static int make_root(const char *path)
{
    int root = CHECK(syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
    attributes(root, 0, MS_SLAVE, 1);
    attributes(root, 0, MS_PRIVATE, 0);
    return root;
}

/* The program for the default devices: nodes of all may be made, the default ones used. */
static void restrict_devices(int cgroup)
{
    static const struct { int type, major, minor, access; } allowed[] = {
        { 2, -1, -1, 1 }, { 1, -1, -1, 1 }, { 2, 1, 3, 7 }, { 2, 1, 5, 7 }, { 2, 1, 7, 7 }, { 2, 1, 8, 7 }, { 2, 1, 9, 7 },
        { 2, 5, 0, 7 }, { 2, 5, 1, 7 }, { 2, 5, 2, 7 }, { 2, 136, -1, 7 },
    };
    enum { ANSWER, CONTEXT, TYPE, ACCESS, MAJOR, MINOR };
    struct bpf_insn code[128];
    int length = 0;
#define ADD(c, d, s, o, i) (code[length++] = (struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
    ADD(BPF_LDX | BPF_W | BPF_MEM, TYPE, CONTEXT, 0, 0);
    ADD(BPF_ALU64 | BPF_MOV | BPF_X, ACCESS, TYPE, 0, 0);
    ADD(BPF_ALU64 | BPF_AND | BPF_K, TYPE, 0, 0, 0xffff);
    ADD(BPF_ALU64 | BPF_RSH | BPF_K, ACCESS, 0, 0, 16);
    ADD(BPF_LDX | BPF_W | BPF_MEM, MAJOR, CONTEXT, 4, 0);
    ADD(BPF_LDX | BPF_W | BPF_MEM, MINOR, CONTEXT, 8, 0);
    for (int i = COUNT(allowed) - 1; i >= 0; i--) {
        int tests = 1 + (allowed[i].major >= 0) + (allowed[i].minor >= 0);
        ADD(BPF_JMP32 | BPF_JNE | BPF_K, TYPE, 0, --tests + 4, allowed[i].type);
        if (allowed[i].major >= 0) ADD(BPF_JMP32 | BPF_JNE | BPF_K, MAJOR, 0, --tests + 4, allowed[i].major);
        if (allowed[i].minor >= 0) ADD(BPF_JMP32 | BPF_JNE | BPF_K, MINOR, 0, --tests + 4, allowed[i].minor);
        ADD(BPF_ALU64 | BPF_AND | BPF_K, ACCESS, 0, 0, 7 & ~allowed[i].access);
        ADD(BPF_JMP32 | BPF_JNE | BPF_K, ACCESS, 0, 2, 0);
        ADD(BPF_ALU64 | BPF_MOV | BPF_K, ANSWER, 0, 0, 1);
        ADD(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    }
    ADD(BPF_ALU64 | BPF_MOV | BPF_K, ANSWER, 0, 0, 0);
    ADD(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);

    union bpf_attr load = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insn_cnt = length, .insns = (uintptr_t)code, .license = (uintptr_t)"MIT" };
    int program = CHECK(syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load));
    union bpf_attr attach = { .target_fd = cgroup, .attach_bpf_fd = program, .attach_type = BPF_CGROUP_DEVICE, .attach_flags = BPF_F_ALLOW_MULTI };
    CHECK(syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach));
    close(program);
}

/* A record is written beside its name and renamed, as it must be whole whoever is killed. */
static void record(int state, const char *name, const char *content, size_t length)
{
    int file = CHECK(openat(state, ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    CHECK(write(file, content, length));
    close(file);
    CHECK(renameat(state, ".new", state, name));
}

/* ---- the container's process */

static void child(int root, int dev, int pts, int shm, struct sock_fprog *filter)
{
    enum { HARMLESS = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };
    static const char *const read_only[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" };
    static const char *const masked[] = { "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware" };
    static const char *const of_empty[] = { "nr_inodes", "2", "mode", "755", NULL };

    CHECK(unshare(CLONE_NEWCGROUP));
    int network = CHECK(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };
    CHECK(ioctl(network, SIOCSIFFLAGS, &loopback));
    close(network);
    setsid();
    CHECK(sethostname("bench", 5));

    struct mount_attr slave = { .propagation = MS_SLAVE };
    CHECK(syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &slave, sizeof slave));
    CHECK(syscall(SYS_move_mount, root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
    put(make("proc", HARMLESS, NULL), root, "/proc");
    put(dev, root, "/dev");
    put(pts, root, "/dev/pts");
    put(shm, root, "/dev/shm");
    put(make("mqueue", HARMLESS, NULL), root, "/dev/mqueue");
    put(make("sysfs", HARMLESS | MOUNT_ATTR_RDONLY, NULL), root, "/sys");
    put(make("cgroup2", HARMLESS | MOUNT_ATTR_RDONLY, NULL), root, "/sys/fs/cgroup");

    for (size_t i = 0; i < COUNT(read_only); i++) {
        int target = find(root, read_only[i], RESOLVE_IN_ROOT);
        if (target < 0) continue;
        int copy = CHECK(syscall(SYS_open_tree, target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE));
        attributes(copy, MOUNT_ATTR_RDONLY, 0, 1);
        CHECK(syscall(SYS_move_mount, copy, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
        close(copy);
        close(target);
    }
    int empty = make("tmpfs", HARMLESS | MOUNT_ATTR_RDONLY, of_empty);
    CHECK(syscall(SYS_move_mount, empty, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH));
    for (size_t i = 0; i < COUNT(masked); i++) {
        int target = find(root, masked[i], RESOLVE_IN_ROOT);
        if (target < 0) continue;
        struct stat status;
        CHECK(fstat(target, &status));
        int cover = CHECK(S_ISDIR(status.st_mode)
            ? syscall(SYS_open_tree, empty, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH)
            : syscall(SYS_open_tree, AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
        CHECK(syscall(SYS_move_mount, cover, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
        close(cover);
        close(target);
    }
    CHECK(fchdir(root));
    CHECK(syscall(SYS_pivot_root, ".", "."));
    CHECK(syscall(SYS_umount2, ".", 2 /* MNT_DETACH */));
    CHECK(chdir("/"));

    CHECK(access("/bin/true", X_OK));
    syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, "floor");
    uint64_t kept = 1 << CAP_AUDIT_WRITE | 1 << CAP_KILL | 1 << CAP_NET_BIND_SERVICE;
    for (int i = 0; i <= CAP_LAST_CAP; i++) {
        if (!(kept >> i & 1)) CHECK(prctl(PR_CAPBSET_DROP, i, 0, 0, 0));
    }
    CHECK(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
    CHECK(syscall(SYS_setgroups, 0, NULL));
    CHECK(syscall(SYS_setresgid, 0, 0, 0));
    CHECK(syscall(SYS_setresuid, 0, 0, 0));
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CHECK(prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0));
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct sets[2] = { { .effective = kept, .permitted = kept } };
    CHECK(syscall(SYS_capset, &header, sets));
    CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, filter));
    CHECK(syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC));
    char *argv[] = { "/bin/true", NULL }, *envp[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL };
    CHECK(execve(argv[0], argv, envp));
}

int main(int argc, char **argv)
{
    if (argc != 5) return 2;
    int lock, file;
    char text[400];
    static struct sock_filter instructions[4096];

    CHECK(mkdir(argv[1], 0711));
    int state = CHECK(open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    lock = CHECK(openat(state, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    CHECK(flock(lock, LOCK_EX));
    memset(text, 'x', sizeof text);
    record(state, "config.json", text, sizeof text);
    record(state, "state.json", text, sizeof text);

    int root = make_root(argv[2]);
    file = CHECK(open(argv[3], O_RDONLY | O_CLOEXEC));
    struct sock_fprog filter = { .len = CHECK(read(file, instructions, sizeof instructions)) / sizeof *instructions, .filter = instructions };
    close(file);
    int cgroups = CHECK(open(argv[4], O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    CHECK(mkdirat(cgroups, "floor", 0755));
    int cgroup = CHECK(openat(cgroups, "floor", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    restrict_devices(cgroup);
    record(state, "state.json", text, sizeof text);
    int pts, shm, dev = make_dev(&pts, &shm), started[2], pidfd = -1;
    CHECK(pipe2(started, O_CLOEXEC));

    struct clone_args how = { .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_INTO_CGROUP | CLONE_PIDFD,
        .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD, .cgroup = cgroup };
    long pid = CHECK(syscall(SYS_clone3, &how, sizeof how));
    if (pid == 0) child(root, dev, pts, shm, &filter);
    close(started[1]);
    record(state, "state.json", text, sizeof text);
    CHECK(read(started[0], text, 1)); /* execve closes the other end */

    siginfo_t end;
    CHECK(waitid(P_PIDFD, pidfd, &end, WEXITED));
    CHECK(unlinkat(cgroups, "floor", AT_REMOVEDIR));
    CHECK(unlinkat(state, "lock", 0));
    CHECK(unlinkat(state, "state.json", 0));
    CHECK(unlinkat(state, "config.json", 0));
    CHECK(rmdir(argv[1]));
    return end.si_code == CLD_EXITED ? end.si_status : 1;
}

/* Loads the filter that is on stdin, makes calls that a container must not make, and prints how each ended:
 * "ok", the name of an error, or the number of the signal that ended it. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sock_filter program[BPF_MAXINSNS];

static long i386_getpid(void) {
    long result = 20;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return result;
}

static void try(const char *what, long (*call)(void)) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        errno = 0;
        long result = call();
        printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "ok");
        fflush(stdout);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) printf("%s: signal %d\n", what, WTERMSIG(status));
}

static long do_getpid(void) { return syscall(SYS_getpid); }
static long do_unshare(void) { return syscall(SYS_unshare, CLONE_NEWUSER); }
static long do_clone(void) { return syscall(SYS_clone, CLONE_NEWUSER | 17, 0, 0, 0, 0); }
static long do_clone3(void) { struct clone_args a = {.exit_signal = 17}; return syscall(SYS_clone3, &a, sizeof a); }
static long do_io_uring(void) { return syscall(425, 1, 0); }
static long do_keyctl(void) { return syscall(SYS_keyctl, 0, 0, 0); }
static long do_mount(void) { return syscall(SYS_mount, "none", "/", "tmpfs", 0, 0); }
static long do_alg(void) { return syscall(SYS_socket, 38, 5, 0); }
static long do_hidden_alg(void) { return syscall(SYS_socket, 0x100000026L, 5, 0); }
static long do_vsock(void) { return syscall(SYS_socket, 40, 1, 0); }
static long do_inet(void) { return syscall(SYS_socket, 2, 1, 0); }
static long do_future(void) { return syscall(999); }
static long do_x32(void) { return syscall(0x40000000 | SYS_getpid); }

int main(void) {
    size_t size = fread(program, 1, sizeof program, stdin);
    struct sock_fprog filter = {.len = size / sizeof program[0], .filter = program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter)) {
        printf("load: %s\n", strerrorname_np(errno));
        return 1;
    }
    try("getpid", do_getpid);
    try("unshare", do_unshare);
    try("clone", do_clone);
    try("clone3", do_clone3);
    try("io_uring_setup", do_io_uring);
    try("keyctl", do_keyctl);
    try("mount", do_mount);
    try("AF_INET", do_inet);
    try("AF_ALG", do_alg);
    try("hidden AF_ALG", do_hidden_alg);
    try("AF_VSOCK", do_vsock);
    try("future", do_future);
    try("x32", do_x32);
    try("i386", i386_getpid);
    return 0;
}

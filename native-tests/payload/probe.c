/*
 * What the tests run inside containers: tries what a hostile program would, and reports a line for each. Calls are made
 * such that they change nothing where they are allowed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *name, long result) { printf("%s %s\n", name, result < 0 ? strerrorname_np(errno) : "ok"); }

/* In a child: what ends it counts as an answer, too. */
static void try_call(const char *name, long number, long a, long b, long c, long d, long e)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        long result = syscall(number, a, b, c, d, e);
        say(name, result);
        fflush(stdout);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        printf("%s killed\n", name);
}

static void call_32(void)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        long result;
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
        printf("i386 %s\n", result < 0 ? strerrorname_np(-result) : "ok");
        fflush(stdout);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        printf("i386 killed\n");
}

static int calls(void)
{
    char big[128] = { 0 };
    try_call("unshare-user", SYS_unshare, CLONE_NEWUSER, 0, 0, 0, 0);
    try_call("unshare-mount", SYS_unshare, CLONE_NEWNS, 0, 0, 0, 0);
    try_call("setns", SYS_setns, open("/proc/self/ns/net", O_RDONLY), 0, 0, 0, 0);
    try_call("clone3", SYS_clone3, (long)big, 64, 0, 0, 0);
    try_call("mount", SYS_mount, (long)"none", (long)"/nonexistent", (long)"tmpfs", 0, 0);
    try_call("fsopen", SYS_fsopen, (long)"tmpfs", 0, 0, 0, 0);
    try_call("keyctl", SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0);
    try_call("add_key", SYS_add_key, (long)"user", (long)"k", (long)"v", 1, KEY_SPEC_PROCESS_KEYRING);
    try_call("io_uring_setup", SYS_io_uring_setup, 1, (long)big, 0, 0, 0);
    try_call("bpf", SYS_bpf, 0, (long)big, sizeof big, 0, 0);
    try_call("perf_event_open", SYS_perf_event_open, (long)big, 0, -1, -1, 0);
    try_call("userfaultfd", SYS_userfaultfd, 0, 0, 0, 0, 0);
    try_call("kexec_load", SYS_kexec_load, 0, 0, 0, 0xffff, 0);
    try_call("open_by_handle_at", SYS_open_by_handle_at, AT_FDCWD, (long)big, 0, 0, 0);
    try_call("af_alg", SYS_socket, 38, SOCK_SEQPACKET, 0, 0, 0);
    try_call("af_vsock", SYS_socket, 40, SOCK_STREAM, 0, 0, 0);
    try_call("af_unix", SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0, 0);
    try_call("af_inet", SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0);
    try_call("x32", 0x40000000 | SYS_getpid, 0, 0, 0, 0, 0);
    call_32();
    return 0;
}

/* Descriptors other than the three. */
static int descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    for (struct dirent *entry; (entry = readdir(directory));) {
        int number = atoi(entry->d_name);
        char path[300], target[512];
        if (entry->d_name[0] == '.' || number <= 2 || number == dirfd(directory))
            continue;
        snprintf(path, sizeof path, "/proc/self/fd/%d", number);
        ssize_t length = readlink(path, target, sizeof target - 1);
        target[length < 0 ? 0 : length] = 0;
        printf("%d %s\n", number, target);
    }
    return 0;
}

/* Until killed: opens whatever programs processes here have, for writing; reports each that is not in this file system. */
static void hunt(void)
{
    puts("hunting");
    fflush(stdout);
    for (;;) {
        DIR *directory = opendir("/proc");
        for (struct dirent *entry; (entry = readdir(directory));) {
            char path[300], target[512];
            if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
                continue;
            snprintf(path, sizeof path, "/proc/%s/exe", entry->d_name);
            ssize_t length = readlink(path, target, sizeof target - 1);
            if (length < 0)
                continue;
            target[length] = 0;
            if (!strncmp(target, "/bin/", 5) || !strncmp(target, "/probe", 6))
                continue;
            int handle = open(path, O_PATH | O_CLOEXEC);
            char reopened[64];
            snprintf(reopened, sizeof reopened, "/proc/self/fd/%d", handle);
            int file = open(reopened, O_WRONLY | O_CLOEXEC);
            if (file >= 0 && write(file, "hunted", 6) == 6)
                printf("wrote %s\n", target);
            else
                printf("saw %s\n", target);
            fflush(stdout);
            if (file >= 0)
                close(file);
            if (handle >= 0)
                close(handle);
        }
        closedir(directory);
    }
}

/* Until killed: exchanges two names. */
static void swap(const char *one, const char *other)
{
    puts("swapping");
    fflush(stdout);
    for (;;)
        syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 2 /* RENAME_EXCHANGE */);
}

/* Answers each datagram with its sender's address. */
static int udp_serve(int port)
{
    int server = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    if (bind(server, (struct sockaddr *)&address, sizeof address))
        return 1;
    puts("serving");
    fflush(stdout);
    for (;;) {
        char data[64];
        socklen_t length = sizeof address;
        recvfrom(server, data, sizeof data, 0, (struct sockaddr *)&address, &length);
        const char *text = inet_ntoa(address.sin_addr);
        sendto(server, text, strlen(text), 0, (struct sockaddr *)&address, length);
    }
}

static int udp_ask(const char *host, int port)
{
    int client = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct timeval limit = { .tv_sec = 1 };
    inet_aton(host, &address.sin_addr);
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    for (int attempt = 0; attempt < 3; attempt++) {
        char data[64];
        if (connect(client, (struct sockaddr *)&address, sizeof address) || send(client, "?", 1, 0) != 1)
            continue;
        ssize_t length = recv(client, data, sizeof data - 1, 0);
        if (length < 0)
            continue;
        data[length] = 0;
        puts(data);
        return 0;
    }
    puts("nothing");
    return 1;
}

static int tell(const char *path, const char *message)
{
    int client = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return sendto(client, message, strlen(message), 0, (struct sockaddr *)&address, sizeof address) < 0;
}

int main(int count, char **words)
{
    const char *verb = count > 1 ? words[1] : "";
    if (!strcmp(verb, "calls")) return calls();
    if (!strcmp(verb, "descriptors")) return descriptors();
    if (!strcmp(verb, "hunt")) hunt();
    if (!strcmp(verb, "swap") && count == 4) swap(words[2], words[3]);
    if (!strcmp(verb, "udp-serve") && count == 3) return udp_serve(atoi(words[2]));
    if (!strcmp(verb, "udp-ask") && count == 4) return udp_ask(words[2], atoi(words[3]));
    if (!strcmp(verb, "tell") && count == 4) return tell(words[2], words[3]);
    if (!strcmp(verb, "keyring")) {
        printf("%ld\n", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0));
        return 0;
    }
    if (!strcmp(verb, "reopen") && count == 3) {
        /* An open file of the caller, once more and for writing. */
        char path[64];
        snprintf(path, sizeof path, "/proc/self/fd/%s", words[2]);
        say("reopen", open(path, O_WRONLY));
        return 0;
    }
    fprintf(stderr, "unknown verb\n");
    return 2;
}

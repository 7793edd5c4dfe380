/*
 * Runs several commands in turn and tells how long each took.
 *
 *     interleave ROUNDS [-b COMMAND] NAME COMMAND [ARG...] [-- NAME COMMAND [ARG...]]...
 *
 * WARM_UP rounds before them (environment; 2 unless told) do not count. Each round runs every command once and begins
 * with the next one, so that whatever the machine does meanwhile hits all of them alike. When each has been the first,
 * as many rounds go backwards, so that each comes after each of the others as often: who comes after a large program
 * finds the processor's caches empty. Times are of the monotonic clock, from before posix_spawn to after wait4. What a command leaves in
 * the background (clearing away after a container) does not count, but is waited for before the next one starts, so
 * that nobody pays for another. Standard output goes to /dev/null; a command that fails ends it all, with what it wrote
 * to its standard error. With -b, the shell runs COMMAND before each one, with the name in $1, outside of the time.
 *
 * Prints a line for each command: name, median, least and 90th percentile in microseconds, the median of the
 * processor time of the command and all that it started, also in the background, and the most memory that a process of
 * it had, in KiB, separated by tabs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_COMMANDS = 8, MOST_MILLISECONDS_AFTER = 5000 };

extern char **environ;

struct command {
    char *name;
    char **argv;
    double *wall, *cpu;
    long memory;
};

static int errors[2]; /* a pipe, as engines give: what the command that runs writes to its standard error */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void give_up(const struct command *command, int status)
{
    char text[4096];
    ssize_t length = read(errors[0], text, sizeof text);
    fprintf(stderr, "interleave: %s: exit status 0x%x:\n%.*s", command->name, status, length > 0 ? (int)length : 0, text);
    exit(1);
}

static void empty_errors(void)
{
    char text[4096];
    while (read(errors[0], text, sizeof text) > 0)
        ;
}

static double processor_time(const struct rusage *usage)
{
    return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1e6 + usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;
}

/* Orphans become ours (PR_SET_CHILD_SUBREAPER): waits until none is left. */
static double settle(void)
{
    double cpu = 0;
    struct rusage usage;
    for (int i = 0; i < MOST_MILLISECONDS_AFTER;) {
        pid_t pid = wait4(-1, NULL, WNOHANG, &usage);
        if (pid < 0)
            break;
        if (pid > 0)
            cpu += processor_time(&usage);
        else
            i += usleep(1000) == 0;
    }
    return cpu;
}

static void run(struct command *command, double *wall, double *cpu)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, errors[1], 2);
    empty_errors();
    pid_t pid;
    int status;
    struct rusage usage;
    double start = now();
    int error = posix_spawnp(&pid, command->argv[0], &actions, NULL, command->argv, environ);
    if (error != 0) {
        fprintf(stderr, "interleave: %s: %s\n", command->argv[0], strerror(error));
        exit(1);
    }
    while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
        ;
    *wall = now() - start;
    posix_spawn_file_actions_destroy(&actions);
    if (status != 0)
        give_up(command, status);
    *cpu = processor_time(&usage) + settle();
    if (usage.ru_maxrss > command->memory)
        command->memory = usage.ru_maxrss;
}

static void before(const char *script, const struct command *command)
{
    char *argv[] = { "sh", "-c", (char *)script, "before", command->name, NULL };
    pid_t pid;
    int status;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
        fprintf(stderr, "interleave: before %s: %s failed\n", command->name, script);
        exit(1);
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    struct command commands[MOST_COMMANDS];
    int count = 0, rounds = argc > 1 ? atoi(argv[1]) : 0, at = 2;
    int warm_up = getenv("WARM_UP") ? atoi(getenv("WARM_UP")) : 2;
    const char *script = NULL;
    if (at + 1 < argc && strcmp(argv[at], "-b") == 0) {
        script = argv[at + 1];
        at += 2;
    }
    while (at < argc && count < MOST_COMMANDS) {
        struct command *command = &commands[count++];
        command->name = argv[at];
        command->argv = &argv[at + 1];
        command->wall = calloc(rounds + warm_up, sizeof(double));
        command->cpu = calloc(rounds + warm_up, sizeof(double));
        while (at < argc && strcmp(argv[at], "--") != 0)
            at++;
        if (at < argc)
            argv[at++] = NULL;
        if (command->argv[0] == NULL)
            rounds = 0;
    }
    if (rounds < 1 || warm_up < 0 || count == 0) {
        fprintf(stderr, "usage: interleave ROUNDS [-b COMMAND] NAME COMMAND [ARG...] [-- NAME COMMAND [ARG...]]...\n");
        return 2;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (pipe2(errors, O_CLOEXEC) < 0 || fcntl(errors[0], F_SETFL, O_NONBLOCK) < 0 || fcntl(errors[1], F_SETPIPE_SZ, 1 << 20) < 0) {
        perror("interleave: pipe");
        return 1;
    }
    /* The first rounds fill caches and do not count. */
    for (int round = -warm_up; round < rounds; round++) {
        int turn = round + warm_up, step = turn / count % 2 == 0 ? 1 : count - 1;
        for (int i = 0; i < count; i++) {
            struct command *command = &commands[(turn + i * step) % count];
            int to = round < 0 ? rounds + warm_up + round : round;
            if (script)
                before(script, command);
            run(command, &command->wall[to], &command->cpu[to]);
        }
    }
    for (int i = 0; i < count; i++) {
        qsort(commands[i].wall, rounds, sizeof(double), ascending);
        qsort(commands[i].cpu, rounds, sizeof(double), ascending);
        printf("%s\t%.0f\t%.0f\t%.0f\t%.0f\t%ld\n", commands[i].name, commands[i].wall[rounds / 2], commands[i].wall[0],
               commands[i].wall[rounds * 9 / 10], commands[i].cpu[rounds / 2], commands[i].memory);
    }
    return 0;
}

/*
 * Tells which functions a program calls, in the order of their first calls.
 *
 *     called FUNCTIONS OUTPUT COMMAND [ARG...]
 *
 * For x86-64. FUNCTIONS has a line "ADDRESS NAME" (hexadecimal) for each function; the program must be at a fixed address. Each gets a
 * breakpoint, which goes when it is met (ptrace(2)); the names that were met are added to OUTPUT. What it starts is
 * followed as long as it is the same program.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BREAKPOINT = 0xcc, MOST_PROCESSES = 64 };

struct function {
    uintptr_t address;
    char *name;
    unsigned char first; /* of its bytes, where the breakpoint is */
    int met;
};

static struct function *functions;
static size_t count;

static _Noreturn void fail(const char *what) { perror(what); exit(1); }

static int by_address(const void *left, const void *right)
{
    uintptr_t a = ((const struct function *)left)->address, b = ((const struct function *)right)->address;
    return a < b ? -1 : a > b;
}

static void read_functions(const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL, name[4096];
    size_t size = 0, room = 0;
    if (!file) fail(path);
    while (getline(&line, &size, file) > 0) {
        unsigned long address;
        if (sscanf(line, "%lx %4095s", &address, name) != 2) continue;
        if (count == room && !(functions = realloc(functions, (room = room * 2 + 1024) * sizeof *functions))) fail("realloc");
        functions[count++] = (struct function){ .address = address, .name = strdup(name) };
    }
    fclose(file);
    qsort(functions, count, sizeof *functions, by_address);
}

static int memory_of(pid_t process)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", process);
    int memory = open(path, O_RDWR | O_CLOEXEC);
    if (memory < 0) fail(path);
    return memory;
}

static void set_breakpoints(pid_t process)
{
    int memory = memory_of(process);
    const unsigned char breakpoint = BREAKPOINT;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && functions[i].address == functions[i - 1].address) continue; /* two names of one */
        if (pread(memory, &functions[i].first, 1, (off_t)functions[i].address) != 1
            || pwrite(memory, &breakpoint, 1, (off_t)functions[i].address) != 1) fail("set a breakpoint");
    }
    close(memory);
}

static ino_t program_of(pid_t process)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d/exe", process);
    return stat(path, &status) == 0 ? status.st_ino : 0;
}

/* The process met a breakpoint: it is taken away, and the process goes on where it was. 0 if it was something else. */
static int meet(pid_t process, FILE *output)
{
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, process, NULL, &registers) < 0) return 0;
    struct function key = { .address = registers.rip - 1 }, *found = bsearch(&key, functions, count, sizeof *functions, by_address);
    if (!found) return 0;
    while (found > functions && found[-1].address == key.address) found--;
    int memory = memory_of(process);
    if (pwrite(memory, &found->first, 1, (off_t)found->address) != 1) fail("take a breakpoint away");
    close(memory);
    registers.rip--;
    if (ptrace(PTRACE_SETREGS, process, NULL, &registers) < 0) fail("ptrace");
    for (struct function *next = found; !found->met && next < functions + count && next->address == key.address; next++) fprintf(output, "%s\n", next->name);
    found->met = 1;
    return 1;
}

int main(int argc, char **argv)
{
    if (argc < 4) return fprintf(stderr, "usage: called FUNCTIONS OUTPUT COMMAND [ARG...]\n"), 2;
    read_functions(argv[1]);
    FILE *output = fopen(argv[2], "ae");
    if (!output) fail(argv[2]);
    pid_t first = fork(), process;
    if (first < 0) fail("fork");
    if (first == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execvp(argv[3], argv + 3);
        fail(argv[3]);
    }
    int status, code = 1;
    ino_t program = 0;
    while ((process = waitpid(-1, &status, __WALL)) > 0) {
        if (!WIFSTOPPED(status)) {
            if (process == first) code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
            continue;
        }
        int sent = WSTOPSIG(status), event = status >> 16;
        if (!program) {
            program = program_of(process);
            set_breakpoints(process);
            ptrace(PTRACE_SETOPTIONS, process, NULL, (void *)(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL));
            sent = 0;
        } else if (event == PTRACE_EVENT_EXEC) {
            if (program_of(process) != program) {
                ptrace(PTRACE_DETACH, process, NULL, NULL);
                continue;
            }
            set_breakpoints(process);
            sent = 0;
        } else if (event || sent == SIGSTOP || (sent == SIGTRAP && meet(process, output))) sent = 0;
        ptrace(PTRACE_CONT, process, NULL, (void *)(intptr_t)sent);
    }
    return fclose(output) == 0 ? code : 1;
}

/*
 * Keeps the .NET runtime from reading long tables of the kernel at each start.
 *
 * It looks in the table of all mounts, twice, for control groups, to learn limits of memory and processors. On a host with
 * many containers that table has hundreds of lines, which the kernel writes anew for each reader: a start would take the
 * longer the more containers run. Without the table the runtime takes the machine's memory and the processors of the
 * affinity mask as its limits (docs/decisions/0024). And it wants to know at the start how much memory is available, which
 * only a collection needs; for this once it gets what sysinfo(2) tells (docs/decisions/0030).
 *
 * fopen64 is called by the runtime's own C++ code and by nothing else here.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

FILE *fopen64(const char *path, const char *mode)
{
    static bool has_started;
    bool is_memory = strcmp(path, "/proc/meminfo") == 0;
    if (strcmp(path, "/proc/self/mountinfo") == 0 || (is_memory && !has_started)) {
        has_started |= is_memory;
        errno = ENOENT;
        return NULL;
    }
    return fopen(path, mode); /* the same function, on 64-bit Linux */
}

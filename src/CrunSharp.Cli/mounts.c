/*
 * Keeps the .NET runtime from reading the table of all mounts twice at each start.
 *
 * It looks in there for control groups, to learn limits of memory and processors. On a host with many containers that
 * table has hundreds of lines, which the kernel writes anew for each reader: a start would take the longer the more
 * containers run. Without the table the runtime takes the machine's memory and the processors of the affinity mask as
 * its limits (docs/decisions/0024). fopen64 is called by the runtime's own C++ code and by nothing else here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

FILE *fopen64(const char *path, const char *mode)
{
    if (strcmp(path, "/proc/self/mountinfo") == 0) {
        errno = ENOENT;
        return NULL;
    }
    return fopen(path, mode); /* the same function, on 64-bit Linux */
}

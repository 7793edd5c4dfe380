/*
 * Memory of the .NET runtime at start: fewer system calls and page faults (docs/decisions/0030).
 *
 * The linker takes these functions before the C library's, for the runtime's own C++ code; the C library's calls of
 * itself stay as they are.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; an older kernel refuses it, and the pages come one by one */
#endif

enum { HEAP_STEP = 64 * 1024, PAGE = 4096 };

/* The collector takes memory for its heap in steps and writes all of it: it gets the pages with the first call. */
int mprotect(void *address, size_t length, int protection)
{
    long result = syscall(SYS_mprotect, address, length, protection);
    if (result == 0 && length == HEAP_STEP && protection == (PROT_READ | PROT_WRITE)) {
        int before = errno;
        syscall(SYS_madvise, address, length, MADV_POPULATE_WRITE);
        errno = before;
    }
    return (int)result;
}

/* What is reserved and never written is in no core dump anyway. */
int madvise(void *address, size_t length, int advice)
{
    if (advice == MADV_DONTDUMP || advice == MADV_DODUMP) return 0;
    return (int)syscall(SYS_madvise, address, length, advice);
}

/*
 * The bounds of the first thread's stack. The C library reads them from the table of all mappings; to know that the
 * frames are below where the stack began, and within what it may grow to, is enough. Arguments and environment are above.
 */
extern void *__libc_stack_end;

int pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes)
{
    struct rlimit limit;
    if (getpid() == gettid() && pthread_equal(thread, pthread_self()) && getrlimit(RLIMIT_STACK, &limit) == 0
        && limit.rlim_cur >= 16 * PAGE && limit.rlim_cur <= (rlim_t)1 << 30) {
        uintptr_t top = ((uintptr_t)__libc_stack_end + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
        /* Arguments and environment have a quarter of the limit at most (execve(2)). */
        size_t size = limit.rlim_cur / 4 * 3 & ~(size_t)(PAGE - 1);
        int result = pthread_attr_init(attributes);
        return result ? result : pthread_attr_setstack(attributes, (void *)(top - size), size);
    }
    int (*of_c_library)(pthread_t, pthread_attr_t *) = (int (*)(pthread_t, pthread_attr_t *))dlsym(RTLD_NEXT, "pthread_getattr_np");
    return of_c_library ? of_c_library(thread, attributes) : ENOSYS;
}

/* One pool for malloc: a further one is made for the second thread, which every .NET program has, and is hardly used. */
__attribute__((constructor)) static void use_one_pool(void)
{
    mallopt(M_ARENA_MAX, 1);
}

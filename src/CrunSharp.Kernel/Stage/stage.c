/*
 * The stage: what runs between clone and exec.
 *
 * It is started with two numbers, the descriptor of a plan and the plan's size, maps the plan and carries out its
 * steps, each of which is one system call. It decides nothing and allocates nothing: what to call with which
 * arguments, which errors do not matter and where to go on then was decided by who wrote the plan
 * (Processes/StagePlan.cs, which mirrors the structures below; docs/decisions/0003). When a step fails, its index and
 * error number go to the plan's report descriptor, and the process ends.
 *
 * Freestanding: no C library, no start-up code, no relocations. Sealed in a memfd, this is all that a container can
 * ever see of its runtime as /proc/self/exe.
 */
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/wait.h>

#define PLAN_ADDRESS 0x2000000000UL
#define PLAN_MAGIC 0x47545343 /* "CSTG" */

enum { EXPECT = 1, RETRY_AGAIN = 2, STORE_32 = 4 }; /* step.flags */
enum { CHECK = -1, BECOME_INIT = -2, ATTEND = -3 }; /* step.number of what is no system call */

struct step {
    long number;                 /* the system call, or one of the above */
    unsigned long args[6];
    unsigned long result;        /* the address that the result is stored at; 0: nowhere */
    long expected;               /* what the result must be, with EXPECT */
    unsigned short tolerated[4]; /* error numbers that are no failure */
    unsigned int on_tolerated;   /* the step to go on with after one of them; 0: the next */
    unsigned int on_zero;        /* the step to go on with after the result 0; 0: the next */
    unsigned int indirect;       /* bit i: args[i] is the address of the argument */
    unsigned int flags;
};

struct plan {
    unsigned int magic;
    unsigned int count;
    int report;
    unsigned int reserved;
    struct step steps[];
};

#if defined(__x86_64__)
static inline long call(long n, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall stage\n\thlt\n");
#elif defined(__aarch64__)
static inline long call(long n, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x0, sp\n\tbl stage\n\tbrk #0\n");
#else
#error "the stage has no system call instruction for this architecture"
#endif

static void __attribute__((noreturn)) leave(int status)
{
    for (;;)
        call(__NR_exit_group, status, 0, 0, 0, 0, 0);
}

static void __attribute__((noreturn)) fail(const struct plan *plan, unsigned int step, int error)
{
    int report[2] = { (int)step, error };
    while (call(__NR_write, plan->report, (long)report, sizeof report, 0, 0, 0) == -EINTR)
        ;
    leave(125);
}

static long number(const char *text)
{
    long value = 0;
    while (*text >= '0' && *text <= '9')
        value = value * 10 + (*text++ - '0');
    return value;
}

/* Forwards signals to a child, reaps, and ends with the child. */
static void __attribute__((noreturn)) attend(long child)
{
    unsigned long all = ~0UL;
    call(__NR_rt_sigprocmask, SIG_BLOCK, (long)&all, 0, sizeof all, 0, 0);
    call(__NR_close_range, 0, ~0U, 0, 0, 0, 0);
    for (;;) {
        for (;;) {
            int status;
            long pid = call(__NR_wait4, -1, (long)&status, WNOHANG, 0, 0, 0);
            if (pid == -ECHILD)
                leave(125); /* whoever started us ignores SIGCHLD */
            if (pid <= 0)
                break;
            if (pid == child)
                leave((status & 0x7f) ? 128 + (status & 0x7f) : (status >> 8) & 0xff);
        }
        long signal = call(__NR_rt_sigtimedwait, (long)&all, 0, 0, sizeof all, 0, 0);
        if (signal > 0 && signal != SIGCHLD)
            call(__NR_kill, child, signal, 0, 0, 0, 0);
    }
}

/* Goes on as the only child; the caller stays behind as init. */
static long become_init(void)
{
    unsigned long all = ~0UL, before;
    call(__NR_rt_sigprocmask, SIG_BLOCK, (long)&all, (long)&before, sizeof all, 0, 0);
    long child = call(__NR_clone, SIGCHLD, 0, 0, 0, 0, 0);
    if (child == 0)
        call(__NR_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, sizeof before, 0, 0);
    if (child <= 0)
        return child;
    attend(child);
}

static long carry_out(const struct step *step)
{
    unsigned long a[6];
    for (int i = 0; i < 6; i++)
        a[i] = step->indirect & (1u << i) ? *(unsigned long *)step->args[i] : step->args[i];
    if (step->number == CHECK) /* (args[0] & args[1]) must be args[2] */
        return (a[0] & a[1]) == a[2] ? 1 : -EPERM;
    if (step->number == BECOME_INIT)
        return become_init();
    if (step->number == ATTEND)
        attend(a[0]);
    long result;
    do
        result = call(step->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    while (result == -EINTR || (result == -EAGAIN && step->flags & RETRY_AGAIN));
    return result;
}

static int is_tolerated(const struct step *step, long error)
{
    for (int i = 0; i < 4; i++)
        if (step->tolerated[i] == error)
            return 1;
    return 0;
}

__attribute__((noreturn, used)) void stage(const long *stack)
{
    const char *const *argv = (const char *const *)(stack + 1);
    if (stack[0] != 3)
        leave(125);
    long at = call(__NR_mmap, PLAN_ADDRESS, number(argv[2]), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED_NOREPLACE,
                   number(argv[1]), 0);
    const struct plan *plan = (const struct plan *)PLAN_ADDRESS;
    if (at != (long)PLAN_ADDRESS || plan->magic != PLAN_MAGIC)
        leave(125);
    for (unsigned int i = 0; i < plan->count;) {
        const struct step *step = &plan->steps[i];
        long result = carry_out(step);
        unsigned int next = 0;
        if (result < 0 && result > -4096) {
            if (!is_tolerated(step, -result))
                fail(plan, i, -result);
            next = step->on_tolerated;
        } else {
            if (step->flags & EXPECT && result != step->expected)
                fail(plan, i, 0);
            if (step->result && step->flags & STORE_32)
                *(int *)step->result = result;
            else if (step->result)
                *(long *)step->result = result;
            if (result == 0)
                next = step->on_zero;
        }
        i = next ? next : i + 1;
    }
    leave(0);
}

/*
 * The runtime's second thread, once there is work for it (docs/decisions/0030).
 *
 * The first thread that the runtime asks for runs finalizers. It would be made at every start and wait to be told of some,
 * which in a command that ends after milliseconds never happens. It is made when the runtime first signals an event.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

typedef int create_function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
typedef int broadcast_function(pthread_cond_t *);

enum { NOT_ASKED_FOR, WAITING, MADE };

static struct {
    atomic_int state;
    void *(*start)(void *);
    void *argument;
} finalizers;

static int create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    static create_function *_Atomic of_c_library;
    if (!of_c_library) of_c_library = (create_function *)dlsym(RTLD_NEXT, "pthread_create");
    return of_c_library ? of_c_library(thread, attributes, start, argument) : ENOSYS;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    if (finalizers.state != NOT_ASKED_FOR) return create(thread, attributes, start, argument);
    finalizers.start = start; /* no other thread is there yet */
    finalizers.argument = argument;
    finalizers.state = WAITING;
    *thread = pthread_self(); /* detached: nobody uses it */
    return 0;
}

/* Where no thread can be made now, finalizers wait for the next event. */
static void make_finalizers(void)
{
    int before = errno, expected = WAITING;
    pthread_t thread;
    pthread_attr_t attributes;
    if (finalizers.state != WAITING || pthread_attr_init(&attributes)) return;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (atomic_compare_exchange_strong(&finalizers.state, &expected, MADE)
        && create(&thread, &attributes, finalizers.start, finalizers.argument)) finalizers.state = WAITING;
    pthread_attr_destroy(&attributes);
    errno = before;
}

int pthread_cond_broadcast(pthread_cond_t *condition)
{
    static broadcast_function *_Atomic of_c_library;
    make_finalizers();
    if (!of_c_library) of_c_library = (broadcast_function *)dlsym(RTLD_NEXT, "pthread_cond_broadcast");
    return of_c_library ? of_c_library(condition) : ENOSYS;
}

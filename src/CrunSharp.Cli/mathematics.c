/*
 * The functions of libm that the program is linked with, found when they are first called.
 *
 * Each start of the program, and so each container, would otherwise load libm: 0.1 ms of 1.7. A start needs none of it;
 * the thread pool, Brotli (HTTP) and two commands do. What is not in this list is linked as usual, and libm with it
 * (docs/decisions/0021).
 */
#include <dlfcn.h>
#include <stdlib.h>

static void *find(const char *name)
{
    void *library = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
    void *function = library ? dlsym(library, name) : NULL;
    if (!function) abort(); /* part of the C library, without which this program would not run */
    return function;
}

#define OF_ONE(name)                                                        \
    double name(double x)                                                   \
    {                                                                       \
        static double (*function)(double);                                  \
        if (!function) function = (double (*)(double))find(#name);          \
        return function(x);                                                 \
    }

OF_ONE(cos)
OF_ONE(sin)
OF_ONE(log)
OF_ONE(log2)
OF_ONE(log10)

double pow(double x, double y)
{
    static double (*function)(double, double);
    if (!function) function = (double (*)(double, double))find("pow");
    return function(x, y);
}

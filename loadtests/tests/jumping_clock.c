/* Loaded before a service (LD_PRELOAD) it lets the wall clock jump by the seconds in a file.
 *
 * Only what asks for the time of day is changed: durations run on the monotonic clock, and a
 * sound program must not notice there that somebody has set the clock. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long jumped(void) {
    static __thread time_t looked;
    static __thread long seconds;
    struct timespec now;
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    real(CLOCK_MONOTONIC_COARSE, &now);
    if (now.tv_sec != looked) {
        const char *name = getenv("LARREY_TEST_CLOCK_FILE");
        FILE *file = name ? fopen(name, "re") : NULL;
        looked = now.tv_sec;
        if (file) {
            if (fscanf(file, "%ld", &seconds) != 1)
                seconds = 0;
            fclose(file);
        }
    }
    return seconds;
}

int clock_gettime(clockid_t which, struct timespec *told) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(which, told);
    if (!failed && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
        told->tv_sec += jumped();
    return failed;
}

int gettimeofday(struct timeval *told, void *zone) {
    int (*real)(struct timeval *, void *) = dlsym(RTLD_NEXT, "gettimeofday");
    int failed = real(told, zone);
    if (!failed)
        told->tv_sec += jumped();
    return failed;
}

time_t time(time_t *told) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (told)
        *told = now.tv_sec;
    return now.tv_sec;
}

/* The one clock of a run: monotonic, in nanoseconds. */
#pragma once
#include <stdint.h>
#include <time.h>

#define SECOND_NS 1000000000LL

static inline int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static inline int64_t seconds_to_ns(double seconds)
{
    return (int64_t)(seconds * SECOND_NS);
}

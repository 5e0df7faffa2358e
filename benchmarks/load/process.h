/* What a process and all its descendants have used. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

struct usage {
    int64_t cpu_ns;
    int64_t waited_ns;          /* could have run, but others had the core */
    int64_t resident_bytes;
};

/* Of process 0, which means that nobody was named, everything is 0. */
struct usage usage_of(pid_t process);

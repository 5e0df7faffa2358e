#define _GNU_SOURCE
#include "process.h"
#include "clock.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The kernel's clock of a process counts nanoseconds over all threads, those that have ended
 * too. The ticks of /proc/PID/stat are a hundred thousand times coarser, and the sum of its
 * threads' schedstat forgets a thread when it ends. */
static int64_t cpu_ns_of(pid_t process)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return used.tv_sec * SECOND_NS + used.tv_nsec;
}

static int64_t resident_bytes_of(pid_t process)
{
    char path[64];
    long long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)process);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%*s %lld", &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static int64_t waited_ns_of(pid_t process, const char *thread)
{
    char path[320];
    long long waited_ns = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)process, thread);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%*s %lld", &waited_ns) != 1)
        waited_ns = 0;
    fclose(file);
    return waited_ns;
}

static void add_children(pid_t process, const char *thread, struct usage *sum)
{
    char path[320];
    int child;
    snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)process, thread);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return;
    while (fscanf(file, "%d", &child) == 1) {
        struct usage usage = usage_of(child);
        sum->cpu_ns += usage.cpu_ns;
        sum->waited_ns += usage.waited_ns;
        sum->resident_bytes += usage.resident_bytes;
    }
    fclose(file);
}

struct usage usage_of(pid_t process)
{
    struct usage sum = {0, 0, 0};
    if (process == 0)
        return sum;
    sum.cpu_ns = cpu_ns_of(process);
    sum.resident_bytes = resident_bytes_of(process);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    DIR *threads = opendir(path);
    if (threads == NULL)
        return sum;
    for (struct dirent *entry; (entry = readdir(threads)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        sum.waited_ns += waited_ns_of(process, entry->d_name);
        add_children(process, entry->d_name, &sum);
    }
    closedir(threads);
    return sum;
}

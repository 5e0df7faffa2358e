/* Times by logarithmic buckets: any number of them, each known to within 1.6 %. */
#pragma once
#include <stdint.h>

#define HISTOGRAM_BUCKETS (64 * 59)

struct histogram {
    uint64_t count;
    int64_t most_ns;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, int64_t time_ns);

/* The time that `share` (0 to 1) of all do not exceed. */
int64_t histogram_quantile_ns(const struct histogram *histogram, double share);

#include "histogram.h"

/* Below 128 ns each has its own bucket; above, each power of two is cut into 64. */
static int bucket_of(uint64_t time_ns)
{
    if (time_ns < 128)
        return (int)time_ns;
    int shift = 63 - __builtin_clzll(time_ns) - 6;
    return shift * 64 + (int)(time_ns >> shift);
}

static int64_t middle_of(int bucket)
{
    if (bucket < 128)
        return bucket;
    int shift = bucket / 64 - 1;
    return ((int64_t)(bucket - shift * 64) << shift) + ((int64_t)1 << shift) / 2;
}

void histogram_add(struct histogram *histogram, int64_t time_ns)
{
    if (time_ns < 0)
        time_ns = 0;
    if (time_ns > histogram->most_ns)
        histogram->most_ns = time_ns;
    histogram->count++;
    histogram->buckets[bucket_of((uint64_t)time_ns)]++;
}

int64_t histogram_quantile_ns(const struct histogram *histogram, double share)
{
    uint64_t below = 0, wanted = (uint64_t)(share * (double)histogram->count);
    for (int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        below += histogram->buckets[bucket];
        if (below > wanted) {
            int64_t middle = middle_of(bucket);
            return middle < histogram->most_ns ? middle : histogram->most_ns;
        }
    }
    return histogram->most_ns;
}

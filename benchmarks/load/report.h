/* What a run has found, as one JSON object on standard output. */
#pragma once
#include "histogram.h"
#include "options.h"
#include "process.h"

struct report {
    struct usage opening;       /* before the connections that memory is counted for */
    struct usage before, after; /* around the measurement */
    struct usage own_before, own_after;
    int64_t open_ns, elapsed_ns;
    int open_count, counted_connections;
    uint64_t done, in_flight, received_bytes;
    uint64_t bare_ends;         /* closing handshakes that the server ended without a close frame */
    uint64_t stalled_reset;     /* stalled receivers that the server reset; a quiet end is not seen */
    const struct histogram *latencies, *lateness;
    const char *failure;        /* NULL when all went well */
};

void print_report(const struct options *options, const struct report *report);

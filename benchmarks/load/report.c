#include "report.h"
#include "clock.h"

#include <stdio.h>

static void print_latency(const struct histogram *latencies, const char *name, double share)
{
    printf(", \"%s\": %.2f", name, (double)histogram_quantile_ns(latencies, share) / 1000);
}

static void print_latencies(const struct histogram *latencies, const struct histogram *lateness)
{
    if (latencies->count == 0)
        return;
    print_latency(latencies, "p50_us", 0.5);
    print_latency(latencies, "p90_us", 0.9);
    print_latency(latencies, "p99_us", 0.99);
    print_latency(latencies, "p999_us", 0.999);
    printf(", \"most_us\": %.2f", (double)latencies->most_ns / 1000);
    if (lateness->count > 0)
        print_latency(lateness, "late_p50_us", 0.5);
}

static void print_server(const struct report *report)
{
    double cpu_ns = (double)(report->after.cpu_ns - report->before.cpu_ns);
    if (report->done > 0)
        printf(", \"cpu_us\": %.4f", cpu_ns / 1000 / (double)report->done);
    printf(", \"cpu_share\": %.4f", cpu_ns / (double)report->elapsed_ns);
    printf(", \"waited_share\": %.4f",
           (double)(report->after.waited_ns - report->before.waited_ns) / (double)report->elapsed_ns);
    printf(", \"resident_bytes\": %lld", (long long)report->after.resident_bytes);
    if (report->counted_connections > 0) {
        double grown = (double)(report->after.resident_bytes - report->opening.resident_bytes);
        printf(", \"connection_bytes\": %.1f", grown / report->counted_connections);
    }
}

/* What a server answered may be in the text, and may be anything. */
static void print_text(const char *name, const char *text)
{
    printf(", \"%s\": \"", name);
    for (; *text != '\0'; text++) {
        unsigned char octet = (unsigned char)*text;
        if (octet == '"' || octet == '\\' || octet < ' ' || octet > '~')
            printf("\\u%04x", octet);
        else
            putchar(octet);
    }
    putchar('"');
}

void print_report(const struct options *options, const struct report *report)
{
    double seconds = (double)report->elapsed_ns / SECOND_NS;
    printf("{\"mode\": \"%s\", \"connections\": %d, \"open\": %d", options->mode_name,
           options->connections, report->open_count);
    printf(", \"seconds\": %.4f, \"open_seconds\": %.4f", seconds, (double)report->open_ns / SECOND_NS);
    printf(", \"done\": %llu, \"per_second\": %.1f", (unsigned long long)report->done,
           (double)report->done / seconds);
    printf(", \"received_bytes_per_second\": %.0f", (double)report->received_bytes / seconds);
    double elapsed_ns = (double)report->elapsed_ns;
    printf(", \"own_cpu_share\": %.4f",
           (double)(report->own_after.cpu_ns - report->own_before.cpu_ns) / elapsed_ns);
    printf(", \"own_waited_share\": %.4f",
           (double)(report->own_after.waited_ns - report->own_before.waited_ns) / elapsed_ns);
    printf(", \"in_flight\": %llu, \"bare_ends\": %llu, \"stalled_reset\": %llu",
           (unsigned long long)report->in_flight, (unsigned long long)report->bare_ends,
           (unsigned long long)report->stalled_reset);
    print_latencies(report->latencies, report->lateness);
    if (options->server > 0)
        print_server(report);
    if (report->failure != NULL)
        print_text("failure", report->failure);
    printf("}\n");
}

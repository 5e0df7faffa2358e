/* load: a WebSocket load generator over the loopback. One thread, one epoll descriptor, and
 * everything bounded in time. Prints one JSON object; `load` without arguments tells the rest. */
#define _GNU_SOURCE
#include "clock.h"
#include "connection.h"
#include "histogram.h"
#include "options.h"
#include "process.h"
#include "report.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { EVENTS = 512, TICK_MILLISECONDS = 20, OPENING_AT_ONCE = 64, GRACE_SECONDS = 20 };
enum { SPIN_NS = 400000, PACED_AT_ONCE = 256 };

/* More than the buffers of both kernels and, in all servers known, of the server take for a
 * receiver with a small window; less than what makes one cut it. */
enum { FILL_MESSAGES = 8, FILL_BYTES = 16 * 1024 };

static struct options options;
static struct traffic traffic;
static struct connection *connections;
static struct histogram latencies;
static struct histogram lateness;   /* how long after it was due a paced message was sent */
static int poller, pace_timer = -1;

static bool is_measuring, is_filling;
static const char *failure;     /* the first one; it ends the run */
static int open_count, next_to_open, opening_count, filled_count;
static uint64_t done, bare_ends, stalled_reset;
static int64_t pace_next_ns, pace_started_ns;
static uint64_t pace_sent;

/* The server takes its readers in the order of their numbers; the last are those that stall. */
static bool is_stalled(const struct connection *connection)
{
    return connection->number >= options.connections;
}

static int total_connections(void)
{
    return options.connections + options.stalled;
}

static void watch(struct connection *connection, int operation)
{
    bool reads = !(is_stalled(connection) && connection->state == STATE_OPEN);
    struct epoll_event event = {
        .events = (reads ? EPOLLIN : 0) | (connection->stream.needs_writable ? EPOLLOUT : 0),
        .data.ptr = connection,
    };
    connection->is_watched_for_writing = connection->stream.needs_writable;
    epoll_ctl(poller, operation, connection->stream.socket, &event);
}

static void flush(struct connection *connection);

static void open_connection(struct connection *connection, int number)
{
    connection_reset(connection, number);
    connection->state = STATE_HANDSHAKE;
    connection->began_ns = now_ns();
    opening_count++;
    if (!stream_open(&connection->stream, options.port, number, number >= options.connections,
                     options.is_tls)) {
        failure = "could not open a connection";
        return;
    }
    connection->stream.needs_writable = true;
    watch(connection, EPOLL_CTL_ADD);
}

static void close_connection(struct connection *connection)
{
    if (connection->state == STATE_OPEN)
        open_count--;
    else
        opening_count--;
    connection->state = STATE_CLOSED;
    stream_close(&connection->stream);
}

/* Keep the first reason for a failed run, with the server's own words. */
static void fail(const struct connection *connection, enum result result)
{
    static char text[320];
    const unsigned char *close = connection->close_payload;
    if (failure != NULL)
        return;
    failure = text;
    if (result == RESULT_CLOSED)
        snprintf(text, sizeof text, "the server closed a WebSocket with %d %s", close[0] << 8 | close[1],
                 (const char *)close + 2);
    else if (result == RESULT_REFUSED)
        snprintf(text, sizeof text, "the handshake was not answered as expected: %.200s", connection->answer);
    else if (result == RESULT_WRONG)
        failure = "an answer was not what had been sent";
    else
        failure = result == RESULT_ENDED ? "the server ended a connection" : "a connection broke";
}

/* A connection is over: as it should be, or as a failure of the run. */
static void finish(struct connection *connection, enum result result)
{
    bool was_open = connection->state == STATE_OPEN;
    close_connection(connection);
    if (options.mode == MODE_CONNECT && was_open && result != RESULT_WRONG) {
        bare_ends += result != RESULT_CLOSED;
        open_connection(connection, connection->number);
    } else if (is_stalled(connection) && was_open) {
        stalled_reset++;
    } else {
        fail(connection, result);
    }
}

static void flush(struct connection *connection)
{
    enum result result = connection_write(connection, &traffic);
    if (result != RESULT_FINE)
        finish(connection, result);
    else if (connection->stream.needs_writable != connection->is_watched_for_writing)
        watch(connection, EPOLL_CTL_MOD);
}

static void count_unit(int64_t time_ns)
{
    if (!is_measuring)
        return;
    done++;
    histogram_add(&latencies, time_ns);
}

static void opened(struct connection *connection, int64_t now)
{
    open_count++;
    opening_count--;
    if (options.mode == MODE_CONNECT) {
        count_unit(now - connection->began_ns);
        connection_send_close(connection);
    }
    if (is_stalled(connection))
        watch(connection, EPOLL_CTL_MOD);
}

static void message(struct connection *connection, int64_t now)
{
    bool is_sender = options.mode == MODE_ECHO || connection->number == 0;
    if (is_filling) {
        filled_count += connection->received == FILL_MESSAGES;
        if (is_sender)
            connection_take_due(connection);
        return;
    }
    if (!is_sender) {
        done += is_measuring;
        return;
    }
    if (connection->due_count == 0) {
        failure = "more came back than had been sent";
        return;
    }
    count_unit(now - connection_take_due(connection));
    if (options.rate == 0)
        connection_send_message(connection, &traffic, now);
}

static const struct callbacks CALLBACKS = {.opened = opened, .message = message};

static void handle(struct connection *connection, uint32_t events)
{
    if (connection->state == STATE_CLOSED)
        return;
    if (is_stalled(connection) && connection->state == STATE_OPEN && events & (EPOLLHUP | EPOLLERR)) {
        finish(connection, RESULT_BROKEN);
        return;
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        enum result result = connection_read(connection, &traffic, &CALLBACKS);
        if (result != RESULT_FINE) {
            finish(connection, result);
            return;
        }
    }
    flush(connection);
}

/* Send what is due by now, whatever has come back, to the connections in turn. */
static void send_paced(void)
{
    int64_t now = now_ns();
    /* Bounded, so that a rate beyond reach neither starves reading nor outlives the run. */
    for (int sent = 0; sent < PACED_AT_ONCE && pace_next_ns <= now; sent++) {
        struct connection *connection = &connections[pace_sent++ % (uint64_t)options.connections];
        if (is_measuring)
            histogram_add(&lateness, now - pace_next_ns);
        connection_send_message(connection, &traffic, pace_next_ns);
        flush(connection);
        pace_next_ns = pace_started_ns + (int64_t)((double)pace_sent * SECOND_NS / options.rate);
        now = now_ns();
    }
}

/* Say how long to wait for events. Waking up takes tens of microseconds, which would be counted
 * as the server's, so a short wait is spent looking; a longer one ends by the timer. */
static int paced_wait_milliseconds(void)
{
    send_paced();
    if (pace_next_ns - now_ns() < SPIN_NS)
        return 0;
    struct itimerspec at = {
        .it_value = {.tv_sec = pace_next_ns / SECOND_NS, .tv_nsec = pace_next_ns % SECOND_NS}};
    timerfd_settime(pace_timer, TFD_TIMER_ABSTIME, &at, NULL);
    return TICK_MILLISECONDS;
}

static void start_pace(void)
{
    pace_timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, pace_timer, &event);
    pace_started_ns = pace_next_ns = now_ns();
}

static void handle_events_once(void)
{
    struct epoll_event events[EVENTS];
    bool is_paced = pace_timer >= 0;
    int count = epoll_wait(poller, events, EVENTS, is_paced ? paced_wait_milliseconds() : TICK_MILLISECONDS);
    for (int place = 0; place < count && failure == NULL; place++) {
        if (events[place].data.ptr != NULL)
            handle(events[place].data.ptr, events[place].events);
        if (is_paced)
            send_paced();
    }
}

static void run_for(double seconds)
{
    int64_t end = now_ns() + seconds_to_ns(seconds);
    while (failure == NULL && now_ns() < end)
        handle_events_once();
}

/* Open connections up to this number, some at a time: a backlog may be as short as 100. */
static void open_until(int number)
{
    int64_t end = now_ns() + seconds_to_ns(options.open_seconds);
    while (failure == NULL && (next_to_open < number || opening_count > 0)) {
        while (next_to_open < number && opening_count < OPENING_AT_ONCE && failure == NULL) {
            open_connection(&connections[next_to_open], next_to_open);
            next_to_open++;
        }
        handle_events_once();
        if (now_ns() > end && failure == NULL)
            failure = "not all connections were open in time (--open-seconds)";
    }
}

static void publish(int messages)
{
    for (int sent = 0; sent < messages; sent++)
        connection_send_message(&connections[0], &traffic, now_ns());
    flush(&connections[0]);
}

/* Publish until those that do not read are truly stalled; all others must have it meanwhile. */
static void fill_stalled(void)
{
    struct prepared small = traffic.prepared;
    traffic.prepared = prepare_pattern(FILL_BYTES, FILL_MESSAGES);
    is_filling = true;
    publish(FILL_MESSAGES);
    int64_t end = now_ns() + seconds_to_ns(options.open_seconds);
    while (failure == NULL && filled_count < options.connections) {
        handle_events_once();
        if (now_ns() > end)
            failure = "receivers that do not read held up those that do";
    }
    is_filling = false;
    traffic.prepared = small;
    for (int number = 0; number < options.connections; number++)
        connections[number].received = 0;
}

static void start_sending(void)
{
    if (options.mode != MODE_ECHO && options.mode != MODE_FANOUT)
        return;
    if (options.rate > 0) {
        start_pace();
        return;
    }
    if (options.mode == MODE_FANOUT) {
        if (options.stalled > 0)
            fill_stalled();
        if (failure == NULL)
            publish(options.depth);
        return;
    }
    for (int number = 0; number < options.connections && failure == NULL; number++) {
        for (int sent = 0; sent < options.depth; sent++)
            connection_send_message(&connections[number], &traffic, now_ns());
        flush(&connections[number]);
    }
}

/* In `idle` the first few pay for what a server loads and builds when it is first used. */
static int first_connections(void)
{
    return options.mode == MODE_IDLE ? options.connections / 10 : options.connections;
}

/* In `connect` connections are opened while running; in all other modes before. */
static int64_t open_all(struct usage *before)
{
    int64_t began_ns = now_ns();
    if (options.mode == MODE_CONNECT) {
        for (; next_to_open < options.connections && failure == NULL; next_to_open++)
            open_connection(&connections[next_to_open], next_to_open);
        return 0;
    }
    open_until(first_connections());
    if (options.mode == MODE_IDLE)
        run_for(options.warm_seconds / 2);
    *before = usage_of(options.server);
    open_until(total_connections());
    return now_ns() - began_ns;
}

static void check_that_all_took_part(void)
{
    if (failure != NULL || (options.mode != MODE_ECHO && options.mode != MODE_FANOUT))
        return;
    for (int number = 0; number < options.connections; number++)
        if (connections[number].received == 0)
            failure = "not every connection received something";
}

static struct report measure(void)
{
    struct report report = {.latencies = &latencies, .lateness = &lateness};
    report.open_ns = open_all(&report.opening);
    start_sending();
    run_for(options.warm_seconds);
    report.before = usage_of(options.server);
    uint64_t bytes_before = traffic.bytes_received;
    report.own_before = usage_of(getpid());
    int64_t began_ns = now_ns();
    is_measuring = true;
    run_for(options.seconds);
    is_measuring = false;
    report.elapsed_ns = now_ns() - began_ns;
    report.own_after = usage_of(getpid());
    report.after = usage_of(options.server);
    report.received_bytes = traffic.bytes_received - bytes_before;
    for (int number = 0; number < options.connections; number++)
        report.in_flight += connections[number].due_count;
    check_that_all_took_part();
    report.open_count = open_count;
    report.counted_connections = options.connections - first_connections();
    report.done = done;
    report.bare_ends = bare_ends;
    report.stalled_reset = stalled_reset;
    report.failure = failure;
    return report;
}

static void write_request(void)
{
    int length = snprintf(
        traffic.request, sizeof traffic.request,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n",
        options.path, options.port, options.extensions ? "Sec-WebSocket-Extensions: " : "",
        options.extensions ? options.extensions : "", options.extensions ? "\r\n" : "");
    if (length >= (int)sizeof traffic.request) {
        fprintf(stderr, "load: --path and --extensions are too long together\n");
        exit(2);
    }
    traffic.request_bytes = (size_t)length;
    traffic.needs_deflate = options.extensions != NULL;
}

static void prepare(void)
{
    struct rlimit descriptors;
    getrlimit(RLIMIT_NOFILE, &descriptors);
    descriptors.rlim_cur = descriptors.rlim_max;
    setrlimit(RLIMIT_NOFILE, &descriptors);
    signal(SIGPIPE, SIG_IGN);       /* OpenSSL writes without MSG_NOSIGNAL */
    prctl(PR_SET_TIMERSLACK, 1UL);  /* a paced message leaves when it is due */
    if (options.is_tls && !tls_start()) {
        fprintf(stderr, "load: --tls: this program was built without OpenSSL\n");
        exit(2);
    }
    if (options.answer_file != NULL && (traffic.answer_file = fopen(options.answer_file, "wb")) == NULL) {
        perror(options.answer_file);
        exit(2);
    }
    traffic.prepared = options.frame_file != NULL ? prepare_from_file(options.frame_file, options.depth)
                                                  : prepare_pattern(options.message_bytes, options.depth);
    write_request();
    poller = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc((size_t)total_connections(), sizeof *connections);
    if (poller < 0 || connections == NULL) {
        perror("load");
        exit(2);
    }
}

int main(int count, char **arguments)
{
    options = parse_options(count, arguments);
    prepare();
    /* Whatever happens, the kernel ends this program then. */
    alarm((unsigned)(2 * options.open_seconds + 2 * options.warm_seconds + options.seconds) + GRACE_SECONDS);
    struct report report = measure();
    print_report(&options, &report);
    if (traffic.answer_file != NULL)
        fclose(traffic.answer_file);
    return failure != NULL;
}

/* One WebSocket: its handshake, what it owes the server, and what it makes of what comes. */
#pragma once
#include "frame.h"
#include "stream.h"

#include <stdint.h>

enum { CONTROL_PAYLOAD_BYTES = 125 };

enum state { STATE_CLOSED, STATE_HANDSHAKE, STATE_OPEN };

struct connection {
    struct stream stream;
    enum state state;
    int number;
    bool is_watched_for_writing;
    int64_t began_ns;
    /* Out: the request, then control frames and prepared frames. */
    size_t request_sent;
    unsigned char control[136];
    size_t control_bytes, control_sent;
    size_t owed_bytes, frame_offset;
    /* When each message in flight was due: a ring. */
    int64_t *due_ns;
    size_t due_first, due_count, due_capacity;
    /* In. */
    char answer[2048];
    size_t answer_bytes;
    struct frame_head head;
    unsigned char message_first_byte;
    uint64_t payload_have, message_have;
    unsigned char close_payload[CONTROL_PAYLOAD_BYTES + 1];     /* code and reason, if it had any */
    uint64_t answer_payload_bytes;      /* of the first answer; all others are as long */
    uint64_t received;
};

/* What all connections of a run have in common. */
struct traffic {
    struct prepared prepared;
    char request[2048];
    size_t request_bytes;
    bool needs_deflate;
    void *answer_file;
    uint64_t bytes_received;
};

/* What became of an event; for all but RESULT_FINE the connection is to be closed. */
enum result {
    RESULT_FINE,
    RESULT_ENDED,       /* without a close frame */
    RESULT_CLOSED,      /* by a close frame */
    RESULT_BROKEN,
    RESULT_REFUSED,     /* the handshake */
    RESULT_WRONG,       /* an answer that is not what was sent */
};

/* Called for what a connection has received, with the time of that. */
struct callbacks {
    void (*opened)(struct connection *connection, int64_t now);
    void (*message)(struct connection *connection, int64_t now);
};

void connection_reset(struct connection *connection, int number);
void connection_send_message(struct connection *connection, const struct traffic *traffic, int64_t due_ns);
void connection_send_close(struct connection *connection);
/* Take the time when the oldest message in flight was due. */
int64_t connection_take_due(struct connection *connection);
enum result connection_write(struct connection *connection, const struct traffic *traffic);
enum result connection_read(struct connection *connection, struct traffic *traffic,
                            const struct callbacks *callbacks);

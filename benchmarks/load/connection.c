#define _GNU_SOURCE
#include "connection.h"
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_BYTES = 256 * 1024 };

/* What RFC 6455 §1.3 says of the key that every request has. */
static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

void connection_reset(struct connection *connection, int number)
{
    int64_t *due_ns = connection->due_ns;
    size_t due_capacity = connection->due_capacity;
    memset(connection, 0, sizeof *connection);
    connection->stream.socket = -1;
    connection->number = number;
    connection->due_ns = due_ns;
    connection->due_capacity = due_capacity;
}

static void push_due(struct connection *connection, int64_t due_ns)
{
    if (connection->due_count == connection->due_capacity) {
        size_t capacity = connection->due_capacity ? connection->due_capacity * 2 : 16;
        int64_t *ring = malloc(capacity * sizeof *ring);
        if (ring == NULL)
            abort();
        for (size_t place = 0; place < connection->due_count; place++)
            ring[place] = connection->due_ns[(connection->due_first + place) % connection->due_capacity];
        free(connection->due_ns);
        connection->due_ns = ring;
        connection->due_first = 0;
        connection->due_capacity = capacity;
    }
    size_t last = (connection->due_first + connection->due_count++) % connection->due_capacity;
    connection->due_ns[last] = due_ns;
}

int64_t connection_take_due(struct connection *connection)
{
    int64_t due_ns = connection->due_ns[connection->due_first];
    connection->due_first = (connection->due_first + 1) % connection->due_capacity;
    connection->due_count--;
    return due_ns;
}

void connection_send_message(struct connection *connection, const struct traffic *traffic, int64_t due_ns)
{
    connection->owed_bytes += traffic->prepared.frame_bytes;
    push_due(connection, due_ns);
}

/* A mask of zeros leaves the payload as it is. One that still waits to leave is not replaced. */
static void send_control(struct connection *connection, int opcode, const void *payload, size_t bytes)
{
    if (connection->control_bytes > 0)
        return;
    const unsigned char head[6] = {0x80 | (unsigned char)opcode, 0x80 | (unsigned char)bytes};
    memcpy(connection->control, head, sizeof head);
    memcpy(connection->control + sizeof head, payload, bytes);
    connection->control_bytes = sizeof head + bytes;
    connection->control_sent = 0;
}

void connection_send_close(struct connection *connection)
{
    static const unsigned char NORMAL[2] = {1000 >> 8, 1000 & 0xff};
    send_control(connection, OPCODE_CLOSE, NORMAL, sizeof NORMAL);
}

/* Name the next bytes to send: a control frame only goes between two others. */
static const void *next_output(const struct connection *connection, const struct traffic *traffic,
                               size_t *bytes)
{
    const struct prepared *prepared = &traffic->prepared;
    if (connection->request_sent < traffic->request_bytes) {
        *bytes = traffic->request_bytes - connection->request_sent;
        return traffic->request + connection->request_sent;
    }
    if (connection->frame_offset == 0 && connection->control_bytes > 0) {
        *bytes = connection->control_bytes - connection->control_sent;
        return connection->control + connection->control_sent;
    }
    size_t in_a_row = prepared->copies * prepared->frame_bytes - connection->frame_offset;
    *bytes = connection->owed_bytes < in_a_row ? connection->owed_bytes : in_a_row;
    return prepared->bytes + connection->frame_offset;
}

static void advance_output(struct connection *connection, const struct traffic *traffic, size_t bytes)
{
    if (connection->request_sent < traffic->request_bytes) {
        connection->request_sent += bytes;
    } else if (connection->frame_offset == 0 && connection->control_bytes > 0) {
        connection->control_sent += bytes;
        if (connection->control_sent == connection->control_bytes)
            connection->control_bytes = 0;
    } else {
        connection->owed_bytes -= bytes;
        connection->frame_offset = (connection->frame_offset + bytes) % traffic->prepared.frame_bytes;
    }
}

enum result connection_write(struct connection *connection, const struct traffic *traffic)
{
    for (;;) {
        size_t bytes;
        const void *output = next_output(connection, traffic, &bytes);
        if (bytes == 0)
            break;
        ssize_t written = stream_write(&connection->stream, output, bytes);
        if (written == STREAM_BLOCKED)
            return RESULT_FINE;
        if (written < 0)
            return RESULT_BROKEN;
        advance_output(connection, traffic, (size_t)written);
    }
    connection->stream.needs_writable = false;
    return RESULT_FINE;
}

/* Look for the end of the answer to the handshake, and move `*at` behind it. */
static enum result read_handshake(struct connection *connection, const struct traffic *traffic,
                                  const unsigned char **at, const unsigned char *end)
{
    size_t room = sizeof connection->answer - 1 - connection->answer_bytes;
    size_t before = connection->answer_bytes, have = (size_t)(end - *at);
    size_t taken = have < room ? have : room;
    memcpy(connection->answer + before, *at, taken);
    connection->answer_bytes += taken;
    connection->answer[connection->answer_bytes] = '\0';
    char *blank_line = strstr(connection->answer, "\r\n\r\n");
    if (blank_line == NULL) {
        *at = end;
        return taken < have ? RESULT_REFUSED : RESULT_FINE;
    }
    *at += (size_t)(blank_line + 4 - connection->answer) - before;
    *blank_line = '\0';
    if (strncmp(connection->answer, "HTTP/1.1 101", 12) != 0 || strstr(connection->answer, ACCEPT) == NULL)
        return RESULT_REFUSED;
    if (traffic->needs_deflate && strcasestr(connection->answer, "permessage-deflate") == NULL)
        return RESULT_REFUSED;
    connection->state = STATE_OPEN;
    return RESULT_FINE;
}

/* Compare a piece of the first answer with what was sent. The bare server sends frames back as
 * they came, masked; no real one may. */
static bool is_as_sent(const struct connection *connection, const struct prepared *prepared,
                       const unsigned char *piece, size_t bytes)
{
    const unsigned char *mask = connection->head.mask;
    if (connection->message_have + bytes > prepared->payload_bytes)
        return false;
    const unsigned char *expected = prepared->payload + connection->message_have;
    if (mask == NULL)
        return memcmp(piece, expected, bytes) == 0;
    for (size_t place = 0; place < bytes; place++)
        if ((piece[place] ^ mask[(connection->payload_have + place) & 3]) != expected[place])
            return false;
    return true;
}

static enum result finish_message(struct connection *connection, const struct traffic *traffic)
{
    const struct prepared *prepared = &traffic->prepared;
    if (connection->received++ == 0)
        connection->answer_payload_bytes = connection->message_have;
    bool is_right_kind = connection->message_first_byte == prepared->first_byte;
    bool is_right_length = connection->message_have == connection->answer_payload_bytes &&
                           (prepared->payload == NULL || connection->message_have == prepared->payload_bytes);
    connection->message_have = 0;
    return is_right_kind && is_right_length ? RESULT_FINE : RESULT_WRONG;
}

static enum result take_data(struct connection *connection, struct traffic *traffic,
                             const unsigned char *piece, size_t bytes)
{
    if (connection->received > 0)
        return RESULT_FINE;
    if (traffic->answer_file != NULL && connection->number == 0)
        fwrite(piece, 1, bytes, traffic->answer_file);
    bool is_free = traffic->prepared.payload == NULL;
    return is_free || is_as_sent(connection, &traffic->prepared, piece, bytes) ? RESULT_FINE : RESULT_WRONG;
}

static enum result start_frame(struct connection *connection)
{
    const struct frame_head *head = &connection->head;
    int opcode = opcode_of(head);
    if (opcode >= OPCODE_CLOSE)
        return head->payload_bytes > CONTROL_PAYLOAD_BYTES ? RESULT_WRONG : RESULT_FINE;
    if (opcode != OPCODE_CONTINUATION)
        connection->message_first_byte = head->bytes[0] | 0x80;
    return RESULT_FINE;
}

/* Take a piece of a payload; `now` is when it came. */
static enum result take_payload(struct connection *connection, struct traffic *traffic,
                                const struct callbacks *callbacks, const unsigned char *piece, size_t bytes,
                                int64_t now)
{
    struct frame_head *head = &connection->head;
    int opcode = opcode_of(head);
    if (opcode < OPCODE_CLOSE) {
        enum result result = take_data(connection, traffic, piece, bytes);
        if (result != RESULT_FINE)
            return result;
        connection->message_have += bytes;
    } else if (opcode == OPCODE_CLOSE) {
        memcpy(connection->close_payload + connection->payload_have, piece, bytes);
    }
    connection->payload_have += bytes;
    if (connection->payload_have < head->payload_bytes)
        return RESULT_FINE;
    bool is_message = opcode < OPCODE_CLOSE && is_final(head);
    /* Of a ping that comes in two pieces the pong has the second one: none is sent in a run. */
    if (opcode == OPCODE_PING)
        send_control(connection, OPCODE_PONG, piece, bytes);
    connection->payload_have = 0;
    head->have = 0;
    head->is_whole = false;
    if (opcode == OPCODE_CLOSE)
        return RESULT_CLOSED;
    if (!is_message)
        return RESULT_FINE;
    enum result result = finish_message(connection, traffic);
    if (result == RESULT_FINE)
        callbacks->message(connection, now);
    return result;
}

static enum result take_frames(struct connection *connection, struct traffic *traffic,
                               const struct callbacks *callbacks, const unsigned char *at,
                               const unsigned char *end)
{
    int64_t now = now_ns();
    enum result result = RESULT_FINE;
    if (connection->state == STATE_HANDSHAKE) {
        result = read_handshake(connection, traffic, &at, end);
        if (result == RESULT_FINE && connection->state == STATE_OPEN)
            callbacks->opened(connection, now);
    }
    while (result == RESULT_FINE && at < end) {
        struct frame_head *head = &connection->head;
        if (!head->is_whole) {
            read_frame_head(head, &at, end);
            if (!head->is_whole)
                break;
            result = start_frame(connection);
            if (result != RESULT_FINE || (at == end && head->payload_bytes > 0))
                break;
        }
        uint64_t left = head->payload_bytes - connection->payload_have;
        size_t bytes = left < (uint64_t)(end - at) ? (size_t)left : (size_t)(end - at);
        result = take_payload(connection, traffic, callbacks, at, bytes, now);
        at += bytes;
    }
    return result;
}

enum result connection_read(struct connection *connection, struct traffic *traffic,
                            const struct callbacks *callbacks)
{
    static unsigned char buffer[READ_BYTES];
    do {
        ssize_t bytes = stream_read(&connection->stream, buffer, sizeof buffer);
        if (bytes == STREAM_BLOCKED)
            return RESULT_FINE;
        if (bytes == STREAM_ENDED)
            return RESULT_ENDED;
        if (bytes < 0)
            return RESULT_BROKEN;
        traffic->bytes_received += (uint64_t)bytes;
        enum result result = take_frames(connection, traffic, callbacks, buffer, buffer + bytes);
        if (result != RESULT_FINE)
            return result;
    } while (stream_has_pending(&connection->stream));
    return RESULT_FINE;
}

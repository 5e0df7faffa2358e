/* Frames of RFC 6455: the one that is sent again and again, and the heads of those that come. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPCODE_CONTINUATION = 0, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };

/* Copies of one frame in a row, so that several leave in one call without being copied again. */
struct prepared {
    unsigned char *bytes;
    size_t frame_bytes;
    size_t copies;
    unsigned char first_byte;       /* FIN, RSV and opcode, which the answer must have too */
    const unsigned char *payload;   /* unmasked; NULL when it is compressed, and the answer free */
    size_t payload_bytes;
};

struct prepared prepare_pattern(size_t payload_bytes, int depth);
struct prepared prepare_from_file(const char *path, int depth);

struct frame_head {
    unsigned char bytes[14];
    int have;
    bool is_whole;
    uint64_t payload_bytes;
    const unsigned char *mask;      /* NULL when there is none */
};

/* Take as much of a head as there is, from `*at` on. */
void read_frame_head(struct frame_head *head, const unsigned char **at, const unsigned char *end);

static inline int opcode_of(const struct frame_head *head)
{
    return head->bytes[0] & 0x0f;
}

static inline bool is_final(const struct frame_head *head)
{
    return head->bytes[0] & 0x80;
}

#include "frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FINAL_BINARY = 0x82, COMPRESSED = 0x40, BATCH_BYTES = 256 * 1024 };

static const unsigned char MASK[4] = {0x37, 0xfa, 0x21, 0x3d};

static void *allocate(size_t bytes)
{
    void *memory = malloc(bytes);
    if (memory == NULL) {
        fprintf(stderr, "load: no memory for %zu bytes\n", bytes);
        exit(2);
    }
    return memory;
}

static int head_bytes_needed(const struct frame_head *head)
{
    if (head->have < 2)
        return 2;
    int length = head->bytes[1] & 0x7f;
    int extended = length == 127 ? 8 : length == 126 ? 2 : 0;
    return 2 + extended + (head->bytes[1] & 0x80 ? 4 : 0);
}

static void finish_head(struct frame_head *head)
{
    int length = head->bytes[1] & 0x7f;
    int extended = length == 127 ? 8 : length == 126 ? 2 : 0;
    head->payload_bytes = extended ? 0 : (uint64_t)length;
    for (int place = 2; place < 2 + extended; place++)
        head->payload_bytes = head->payload_bytes << 8 | head->bytes[place];
    head->mask = head->bytes[1] & 0x80 ? head->bytes + 2 + extended : NULL;
    head->is_whole = true;
}

void read_frame_head(struct frame_head *head, const unsigned char **at, const unsigned char *end)
{
    while (*at < end && head->have < head_bytes_needed(head))
        head->bytes[head->have++] = *(*at)++;
    if (head->have >= 2 && head->have == head_bytes_needed(head))
        finish_head(head);
}

/* Repeat the frame as often as it may be in flight, within reason. */
static void repeat(struct prepared *prepared, const unsigned char *frame, int depth)
{
    size_t copies = BATCH_BYTES / prepared->frame_bytes + 1;
    prepared->copies = copies < (size_t)depth ? copies : (size_t)depth;
    prepared->bytes = allocate(prepared->copies * prepared->frame_bytes);
    for (size_t copy = 0; copy < prepared->copies; copy++)
        memcpy(prepared->bytes + copy * prepared->frame_bytes, frame, prepared->frame_bytes);
}

static size_t write_masked_head(unsigned char *to, size_t payload_bytes)
{
    size_t extended = payload_bytes > 0xffff ? 8 : payload_bytes > 125 ? 2 : 0;
    to[0] = FINAL_BINARY;
    to[1] = 0x80 | (unsigned char)(extended == 8 ? 127 : extended == 2 ? 126 : payload_bytes);
    for (size_t place = 0; place < extended; place++)
        to[2 + place] = (unsigned char)((uint64_t)payload_bytes >> 8 * (extended - 1 - place));
    memcpy(to + 2 + extended, MASK, 4);
    return 2 + extended + 4;
}

struct prepared prepare_pattern(size_t payload_bytes, int depth)
{
    unsigned char *frame = allocate(payload_bytes + 14), *payload = allocate(payload_bytes);
    size_t head_bytes = write_masked_head(frame, payload_bytes);
    for (size_t place = 0; place < payload_bytes; place++) {
        payload[place] = (unsigned char)('a' + place % 26);
        frame[head_bytes + place] = payload[place] ^ MASK[place & 3];
    }
    struct prepared prepared = {
        .frame_bytes = head_bytes + payload_bytes,
        .first_byte = FINAL_BINARY,
        .payload = payload,
        .payload_bytes = payload_bytes,
    };
    repeat(&prepared, frame, depth);
    free(frame);
    return prepared;
}

static unsigned char *read_file(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || ftell(file) <= 0) {
        fprintf(stderr, "load: --frame %s: expected a file that holds a frame\n", path);
        exit(2);
    }
    *bytes = (size_t)ftell(file);
    rewind(file);
    unsigned char *content = allocate(*bytes);
    if (fread(content, 1, *bytes, file) != *bytes)
        *bytes = 0;
    fclose(file);
    return content;
}

struct prepared prepare_from_file(const char *path, int depth)
{
    struct prepared prepared = {.payload = NULL};
    unsigned char *frame = read_file(path, &prepared.frame_bytes);
    struct frame_head head = {.have = 0};
    const unsigned char *at = frame;
    read_frame_head(&head, &at, frame + prepared.frame_bytes);
    size_t payload_bytes = prepared.frame_bytes - (size_t)(at - frame);
    if (!head.is_whole || head.mask == NULL || head.payload_bytes != payload_bytes) {
        fprintf(stderr, "load: --frame %s: expected exactly one masked frame\n", path);
        exit(2);
    }
    prepared.first_byte = head.bytes[0];
    prepared.payload_bytes = payload_bytes;
    if (!(head.bytes[0] & COMPRESSED)) {
        unsigned char *payload = allocate(payload_bytes);
        for (size_t place = 0; place < payload_bytes; place++)
            payload[place] = at[place] ^ head.mask[place & 3];
        prepared.payload = payload;
    }
    repeat(&prepared, frame, depth);
    free(frame);
    return prepared;
}

/* A TCP connection to the server on the loopback, with or without TLS; never waits. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { STREAM_ENDED = 0, STREAM_BLOCKED = -1, STREAM_BROKEN = -2 };

struct stream {
    int socket;
    void *tls;
    bool needs_writable;    /* what was blocked goes on when the socket can be written */
};

/* False when this program was built without OpenSSL. */
bool tls_start(void);

/* `number` spreads many connections over source addresses; a small window stalls at once. */
bool stream_open(struct stream *stream, int port, int number, bool has_small_window, bool is_tls);
ssize_t stream_read(struct stream *stream, void *to, size_t bytes);
ssize_t stream_write(struct stream *stream, const void *from, size_t bytes);
/* Whether input waits inside TLS, of which the socket will not tell. */
bool stream_has_pending(const struct stream *stream);
void stream_close(struct stream *stream);

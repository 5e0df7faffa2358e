#define _GNU_SOURCE
#include "stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef WITH_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

/* An address has some 28 000 ports to connect from. */
enum { CONNECTIONS_PER_ADDRESS = 20000 };

/* With these the kernel of the server takes some 60 KB for a peer that does not read; with a
 * loopback's own sizes it would take megabytes, and a short run would stall nobody. */
enum { SMALL_BUFFER_BYTES = 1, SMALL_SEGMENT_BYTES = 536 };

#ifdef WITH_TLS

static SSL_CTX *context;

bool tls_start(void)
{
    context = SSL_CTX_new(TLS_client_method());
    if (context == NULL)
        return false;
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return true;
}

static bool tls_attach(struct stream *stream)
{
    SSL *tls = SSL_new(context);
    if (tls == NULL || SSL_set_fd(tls, stream->socket) != 1)
        return false;
    SSL_set_connect_state(tls);
    stream->tls = tls;
    return true;
}

static ssize_t tls_result(struct stream *stream, int result)
{
    if (result > 0)
        return result;
    int error = SSL_get_error(stream->tls, result);
    ERR_clear_error();
    stream->needs_writable = error == SSL_ERROR_WANT_WRITE;
    if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ)
        return STREAM_BLOCKED;
    return error == SSL_ERROR_ZERO_RETURN ? STREAM_ENDED : STREAM_BROKEN;
}

static ssize_t tls_read(struct stream *stream, void *to, size_t bytes)
{
    return tls_result(stream, SSL_read(stream->tls, to, (int)bytes));
}

static ssize_t tls_write(struct stream *stream, const void *from, size_t bytes)
{
    return tls_result(stream, SSL_write(stream->tls, from, (int)bytes));
}

bool stream_has_pending(const struct stream *stream)
{
    return stream->tls != NULL && SSL_pending(stream->tls) > 0;
}

static void tls_detach(struct stream *stream)
{
    SSL_free(stream->tls);
    stream->tls = NULL;
}

#else

bool tls_start(void)
{
    return false;
}

static bool tls_attach(struct stream *stream)
{
    (void)stream;
    return false;
}

static ssize_t tls_read(struct stream *stream, void *to, size_t bytes)
{
    (void)stream, (void)to, (void)bytes;
    return STREAM_BROKEN;
}

static ssize_t tls_write(struct stream *stream, const void *from, size_t bytes)
{
    (void)stream, (void)from, (void)bytes;
    return STREAM_BROKEN;
}

bool stream_has_pending(const struct stream *stream)
{
    (void)stream;
    return false;
}

static void tls_detach(struct stream *stream)
{
    (void)stream;
}

#endif

bool stream_open(struct stream *stream, int port, int number, bool has_small_window, bool is_tls)
{
    int one = 1;
    stream->tls = NULL;
    stream->needs_writable = false;
    stream->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (stream->socket < 0)
        return false;
    setsockopt(stream->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (has_small_window) {
        int buffer_bytes = SMALL_BUFFER_BYTES, segment_bytes = SMALL_SEGMENT_BYTES;
        setsockopt(stream->socket, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
        setsockopt(stream->socket, IPPROTO_TCP, TCP_MAXSEG, &segment_bytes, sizeof segment_bytes);
    }
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (number >= CONNECTIONS_PER_ADDRESS) {
        /* The port is chosen when the target is known, so that one port serves many targets. */
        setsockopt(stream->socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        address.sin_addr.s_addr =
            htonl(INADDR_LOOPBACK + (uint32_t)(number / CONNECTIONS_PER_ADDRESS));
        if (bind(stream->socket, (struct sockaddr *)&address, sizeof address) != 0)
            return false;
    }
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(stream->socket, (struct sockaddr *)&address, sizeof address) != 0 &&
        errno != EINPROGRESS)
        return false;
    return !is_tls || tls_attach(stream);
}

ssize_t stream_read(struct stream *stream, void *to, size_t bytes)
{
    if (stream->tls != NULL)
        return tls_read(stream, to, bytes);
    ssize_t count = recv(stream->socket, to, bytes, 0);
    if (count >= 0)
        return count;
    return errno == EAGAIN || errno == EINTR ? STREAM_BLOCKED : STREAM_BROKEN;
}

ssize_t stream_write(struct stream *stream, const void *from, size_t bytes)
{
    if (stream->tls != NULL)
        return tls_write(stream, from, bytes);
    ssize_t count = send(stream->socket, from, bytes, MSG_NOSIGNAL);
    if (count >= 0)
        return count;
    stream->needs_writable = true;
    /* ENOTCONN: connecting is still under way. */
    bool is_blocked = errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
    return is_blocked ? STREAM_BLOCKED : STREAM_BROKEN;
}

void stream_close(struct stream *stream)
{
    if (stream->tls != NULL)
        tls_detach(stream);
    if (stream->socket >= 0)
        close(stream->socket);
    stream->socket = -1;
}

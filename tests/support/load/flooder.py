"""A peer that sends the same bytes again and again, as fast as it can, until it is stopped.

A thread of its own reads and discards the responses, so that nothing but the
server slows the flood.

python -m support.load.flooder PORT FLOOD [tls]

`connections` is a flood too; with `tls`, one of handshakes that are broken off.
"""

from __future__ import annotations

import os
import socket
import ssl
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress

from trioweb.testing import BINARY, CONTINUATION, PING, TEXT, frame, handshake

WRITE_BYTES = 256 * 1024
FRAGMENTS = 10_000
DEFLATE = ("Sec-WebSocket-Extensions", "permessage-deflate")
CHUNKED = b"POST /flood HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def deflated(payload: bytes, **bits: bool) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    compressed = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return frame(BINARY, compressed[:-4], reserved=4, **bits)


def fragments(first: bytes) -> bytes:
    last = frame(CONTINUATION, b"x")
    return first + frame(CONTINUATION, b"x", is_final=False) * FRAGMENTS + last


FLOODS: dict[str, tuple[bytes, Callable[[], bytes]]] = {
    "tiny messages": (handshake("/flood"), lambda: frame(TEXT, b"x")),
    "large messages": (handshake("/flood"), lambda: frame(BINARY, bytes(256 * 1024))),
    "pings": (handshake("/flood"), lambda: frame(PING, bytes(125))),
    "empty pings": (handshake("/flood"), lambda: frame(PING)),
    "fragments": (handshake("/flood"), lambda: fragments(frame(BINARY, b"x", is_final=False))),
    "fragments where messages may be compressed": (
        handshake("/deflate", DEFLATE),
        lambda: fragments(frame(BINARY, b"x", is_final=False)),
    ),
    "small messages of zeros": (handshake("/deflate", DEFLATE), lambda: deflated(bytes(1000))),
    "middling messages of zeros": (handshake("/deflate", DEFLATE), lambda: deflated(bytes(30_000))),
    "large messages of zeros": (handshake("/deflate", DEFLATE), lambda: deflated(bytes(1_000_000))),
    "large messages of zeros that are only read": (
        handshake("/deflate/read", DEFLATE),
        lambda: deflated(bytes(1_000_000)),
    ),
    "frames that nobody reads": (handshake("/unread"), lambda: frame(TEXT, b"x")),
    "pings where nobody reads": (handshake("/unread"), lambda: frame(PING, b"x")),
    "chunks of one byte": (CHUNKED, lambda: b"1\r\nx\r\n"),
    "requests": (b"", lambda: b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
}
"""By name: the first bytes of a connection, and the bytes that it then repeats."""

CROWD = 50
CONNECTIONS = "connections"


def insecure_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def read_all(connection: socket.socket) -> None:
    buffer = bytearray(WRITE_BYTES)
    with suppress(OSError):
        while connection.recv_into(buffer):
            pass


def flood(connect: Callable[[], socket.socket], name: str) -> Iterator[None]:
    opening, make = FLOODS[name]
    one = make()
    many = one * max(1, WRITE_BYTES // len(one))
    with connect() as connection:
        connection.sendall(opening)
        if opening.startswith(b"GET"):
            head = connection.recv(4096)
            assert head.startswith(b"HTTP/1.1 101"), head
        threading.Thread(target=read_all, args=[connection], daemon=True).start()
        while True:
            connection.sendall(many)
            yield


def client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        insecure_context().wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    return outgoing.read()


def flood_with_connections(port: int, opening: bytes) -> Iterator[None]:
    """Connect in crowds: all have sent their first bytes before the server looks."""
    while True:
        crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(CROWD)]
        for connection in crowd:
            connection.sendall(opening)
        for connection in crowd:
            connection.recv(4096)
            connection.close()
        yield


def main() -> None:
    os.nice(19)  # it is the server that is to be fair, not this machine's scheduler
    port, name, *options = sys.argv[1:]

    def connect() -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", int(port)))
        return insecure_context().wrap_socket(connection) if "tls" in options else connection

    if name in FLOODS:
        flooding = flood(connect, name)
    else:
        opening = client_hello() if "tls" in options else handshake("/flood")
        flooding = flood_with_connections(int(port), opening)
    next(flooding)
    print("flooding", flush=True)  # noqa: T201 - what the test waits for
    for _ in flooding:
        pass


if __name__ == "__main__":
    main()

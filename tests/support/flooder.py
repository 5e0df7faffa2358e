"""A peer that sends one frame again and again, as fast as it can, until it is stopped.

What comes back is read by a thread of its own and thrown away, so that nothing but the
server slows the flood.

python -m support.flooder PORT PATH OPCODE PAYLOAD_BYTES
"""

from __future__ import annotations

import os
import socket
import sys
import threading

from support.peer import frame, handshake

WRITE_BYTES = 256 * 1024


def read_all(connection: socket.socket) -> None:
    buffer = bytearray(WRITE_BYTES)
    while connection.recv_into(buffer):
        pass


def main() -> None:
    os.nice(19)  # it is the server that is to be fair, not this machine's scheduler
    port, path, opcode, payload_bytes = sys.argv[1:]
    one = frame(int(opcode), b"x" * int(payload_bytes))
    many = one * max(1, WRITE_BYTES // len(one))
    with socket.create_connection(("127.0.0.1", int(port))) as connection:
        connection.sendall(handshake(path))
        head = connection.recv(4096)
        assert head.startswith(b"HTTP/1.1 101"), head
        threading.Thread(target=read_all, args=[connection], daemon=True).start()
        connection.sendall(many)
        print("flooding", flush=True)  # noqa: T201 - what the test waits for
        while True:
            connection.sendall(many)


if __name__ == "__main__":
    main()

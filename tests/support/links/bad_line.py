"""A link that dies silently, as behind a sleeping NAT: no FIN, no RST, and nothing gets through."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

PIECE_BYTES = 2048


class BadLine:
    """Listens on the loopback, and relays bytes until it falls silent.

    New connections get through afterwards. With `up_bytes_per_second`, the client's bytes pass at that
    rate, and wait in a receive buffer that is as small as the kernel allows.
    """

    def __init__(self, port, *, up_bytes_per_second=None):
        self._server_port = port
        self._up_bytes_per_second = up_bytes_per_second
        self._listening = socket.socket()
        if up_bytes_per_second:
            self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE_BYTES)
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen()
        self._sockets = [self._listening]
        self._dead = set()
        self._up_bytes_left = None
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def fall_silent(self):
        self._dead.update(self._sockets)

    def fall_silent_after(self, up_bytes):
        """Fall silent when the clients have sent this many more bytes."""
        self._up_bytes_left = up_bytes

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
                self._sockets += [client, server]
                for source, target, is_up in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pass_on, args=(source, target, is_up), daemon=True).start()

    def _pass_on(self, source, target, is_up):
        piece_bytes = 256 if is_up and self._up_bytes_per_second else 64 * 1024
        with suppress(OSError):
            while data := source.recv(piece_bytes):
                if is_up and self._up_bytes_per_second:
                    time.sleep(len(data) / self._up_bytes_per_second)
                if is_up and self._up_bytes_left is not None:
                    self._up_bytes_left -= len(data)
                    if self._up_bytes_left < 0:
                        self._up_bytes_left = None
                        self.fall_silent()
                if source not in self._dead:
                    target.sendall(data)
        if source not in self._dead:
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)

"""A relay between a client and a server that can stop reading, as a bad connection does."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

PIECE_BYTES = 2048


class SlowRelay:
    """Listens on the loopback; while `stall` holds, no bytes of the server get through.

    The server's bytes wait in a receive buffer as small as the kernel allows, so that the
    server notices at once that they are not read.
    """

    def __init__(self, port):
        self._server_port = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._flowing = threading.Event()
        self._flowing.set()
        self._sockets = [self._listening]
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._flowing.set()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def stall(self):
        self._flowing.clear()

    def resume(self):
        self._flowing.set()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket()
                server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE_BYTES)
                server.connect(("127.0.0.1", self._server_port))
                self._sockets += [client, server]
                threading.Thread(target=self._pass_on, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(server, client, True), daemon=True).start()

    def _pass_on(self, source, target, is_slow):
        with suppress(OSError):
            while data := source.recv(PIECE_BYTES):
                if is_slow:
                    self._flowing.wait()
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

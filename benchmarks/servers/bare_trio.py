"""The minimum: a Trio stream that does the handshake and then sends bytes back unread."""

from __future__ import annotations

import base64
import hashlib
from functools import partial

import command_line
import trio

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
RECEIVE_BYTES = 64 * 1024


async def serve(stream: trio.abc.Stream) -> None:
    head = b""
    try:
        while b"\r\n\r\n" not in head:
            data = await stream.receive_some(RECEIVE_BYTES)
            if not data:
                return
            head += data
        key = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        await stream.send_all(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        while data := await stream.receive_some(RECEIVE_BYTES):
            await stream.send_all(data)
    except trio.BrokenResourceError:
        pass
    finally:
        await trio.aclose_forcefully(stream)


settings = command_line.read_settings()
if (context := settings.ssl_context()) is None:
    trio.run(partial(trio.serve_tcp, serve, settings.port, host=command_line.HOST))
else:
    trio.run(partial(trio.serve_ssl_over_tcp, serve, settings.port, context, host=command_line.HOST))

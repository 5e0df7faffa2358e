"""trio-websocket, which neither compresses nor sends fragments."""

from __future__ import annotations

import conduct
import trio
from trio_websocket import ConnectionClosed, WebSocketServer


async def handle(request):
    if request.path == "/refuse":
        await request.reject(403, body=conduct.REFUSAL.encode())
        return
    ws = await request.accept(subprotocol=conduct.chosen(request.proposed_subprotocols))
    try:
        if request.path == "/closes":
            await conduct.report_closes(ws.send_message, trio.sleep)
        while True:
            message = await ws.get_message()
            match conduct.order(message):
                case ["close", code, reason]:
                    await ws.aclose(int(code), reason)
                case ["ping"]:
                    await ws.ping(b"are you there?")
                    await ws.send_message("pong")
                case _:
                    await ws.send_message(message)
    except ConnectionClosed:
        conduct.closes.append(ws.closed.code)


async def main():
    listener = trio.SocketListener(trio.socket.from_stdlib_socket(conduct.listening_socket()))
    if context := conduct.ssl_context():
        listener = trio.SSLListener(listener, context, https_compatible=True)
    await WebSocketServer(handle, [listener], max_message_size=conduct.MESSAGE_BYTES).run()


trio.run(main)

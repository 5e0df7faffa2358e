"""picows with its callbacks, whole frames only; it has no compression."""

from __future__ import annotations

import command_line
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

settings = command_line.read_settings()
members: set[WSTransport] = set()


def answer_close(transport: WSTransport, frame: WSFrame) -> None:
    transport.send_close(frame.get_close_code(), frame.get_close_message())
    transport.disconnect()


class Echo(WSListener):
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            answer_close(transport, frame)
        else:
            transport.send(frame.msg_type, frame.get_payload_as_memoryview())


class Publish(WSListener):
    def on_ws_connected(self, transport: WSTransport) -> None:
        members.add(transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        members.discard(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            answer_close(transport, frame)
        else:
            message = frame.get_payload_as_bytes()
            for member in members:
                member.send(frame.msg_type, message)


def listen(request: WSUpgradeRequest) -> WSListener:
    return Echo() if request.path == b"/echo" else Publish()


async def main() -> None:
    server = await ws_create_server(
        listen,
        command_line.HOST,
        settings.port,
        ssl=settings.ssl_context(),
        max_frame_size=command_line.MESSAGE_BYTES,
    )
    await server.serve_forever()


command_line.run_on_loop(settings, main())

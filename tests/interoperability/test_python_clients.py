"""Clients from other projects, each in a process or thread of its own."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
from functools import partial

import aiohttp
import pytest
import trio
import trio_websocket
import websockets.asyncio.client
import websockets.exceptions
import websockets.sync.client
import websockets.trio.client
from support.serving import running
from support.tls import authority, contexts

from trioweb import App, CloseWebSocket, Config, Deflate, Limits

MESSAGES = ["hello", "grüße " * 1000, "", b"", b"\xff" * 70_000, "x" * 200_000]


@pytest.fixture(params=["ws", "wss"])
def certificates(request):
    """A context for the server and one for the client; neither without TLS."""
    return contexts() if request.param == "wss" else (None, None)


@pytest.fixture
def client_context(certificates):
    return certificates[1]


@pytest.fixture
async def url(certificates):
    app = App(Config(compression=Deflate(), limits=Limits(message_bytes=2**24)))

    @app.websocket("/", subprotocols=["chat", "superchat"])
    async def echo(ws):
        async for message in ws:
            if message == "close":
                raise CloseWebSocket(4321, "as you wish")
            await ws.send(message)

    async with running(app, ssl_context=certificates[0]) as server:
        yield server.urls[0].replace("http", "ws")


def run_asyncio(function, *arguments):
    """Run an asyncio client in a thread, beside the server in this one."""

    async def run():
        await function(*arguments)
        # Over TLS a client's transports close some turns later than it says; asyncio would
        # complain about those left when its loop ends.
        watched = asyncio.get_running_loop()._selector.get_map()
        async with asyncio.timeout(10):
            while len(watched) > 1:  # noqa: ASYNC110 - asyncio offers no event for this
                await asyncio.sleep(0.001)

    return trio.to_thread.run_sync(lambda: asyncio.run(run()))


async def test_websockets_on_asyncio_interoperates(url, client_context):
    async def client():
        async with websockets.asyncio.client.connect(
            url, subprotocols=["superchat"], ssl=client_context
        ) as ws:
            assert ws.subprotocol == "superchat"
            assert "permessage-deflate" in ws.response.headers["Sec-WebSocket-Extensions"]
            for message in MESSAGES:
                await ws.send(message)
                assert await ws.recv() == message
            await ws.send(["frag", "ment", "ed"])
            assert await ws.recv() == "fragmented"
            await (await ws.ping())
            await ws.send("close")
            with pytest.raises(websockets.exceptions.ConnectionClosedError) as caught:
                await ws.recv()
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4321, "as you wish")

    await run_asyncio(client)


async def test_websockets_in_threads_interoperates(url, client_context):
    def client():
        with websockets.sync.client.connect(url, ssl=client_context) as ws:
            for message in MESSAGES:
                ws.send(message)
                assert ws.recv() == message
        assert ws.close_code == 1000

    await trio.to_thread.run_sync(client)


async def test_websockets_on_trio_interoperates(url, client_context):
    async with websockets.trio.client.connect(url, ssl=client_context) as ws:
        for message in MESSAGES:
            await ws.send(message)
            assert await ws.recv() == message
    assert ws.close_code == 1000


async def test_trio_websocket_interoperates(url, client_context):
    async with trio_websocket.open_websocket_url(url, ssl_context=client_context) as ws:
        for message in MESSAGES:
            await ws.send_message(message)
            assert await ws.get_message() == message
        await ws.ping(b"there?")
    assert ws.closed.code == 1000


async def test_aiohttp_interoperates(url, client_context):
    async def client():
        connecting = {"compress": 15} | ({"ssl": client_context} if client_context else {})
        async with aiohttp.ClientSession() as session, session.ws_connect(url, **connecting) as ws:
            for message in MESSAGES:
                await (ws.send_str(message) if isinstance(message, str) else ws.send_bytes(message))
                assert (await ws.receive()).data == message
            await ws.send_str("close")
            assert (await ws.receive()).data == 4321

    await run_asyncio(client)


PICOWS = """
import asyncio, ssl, sys
from picows import WSListener, WSMsgType, ws_connect

class Echo(WSListener):
    def __init__(self): self.got = []
    def on_ws_connected(self, transport): transport.send(WSMsgType.TEXT, b"hello")
    def on_ws_frame(self, transport, frame):
        if frame.msg_type is WSMsgType.CLOSE:
            print("closed", frame.get_close_code()); transport.disconnect()
        elif len(self.got) < 3:
            self.got.append(frame.get_payload_as_bytes()); transport.send(WSMsgType.BINARY, b"x" * 70000)
        else:
            print(self.got[0], len(self.got[1])); transport.send_close(1000)

async def main():
    context = ssl.create_default_context(cafile=sys.argv[2]) if len(sys.argv) > 2 else None
    transport, client = await ws_connect(Echo, sys.argv[1], ssl_context=context)
    await transport.wait_disconnected()

asyncio.run(main())
"""


async def test_picows_interoperates(url, client_context, tmp_path, go_without):
    if importlib.util.find_spec("picows") is None:
        go_without("picows is not installed")
    trusted = tmp_path / "authority.pem"
    authority().cert_pem.write_to_path(trusted)
    done = await trio.to_thread.run_sync(
        partial(
            subprocess.run,
            [sys.executable, "-c", PICOWS, url, *([trusted] if client_context else [])],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    )
    assert done.stdout.splitlines()[:1] == ["b'hello' 70000"], done.stderr

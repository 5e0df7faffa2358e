"""trioweb's client against servers from other projects, each in a process of its own."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio
from support.tls import authority, contexts

import trioweb
from trioweb import Config, ConnectionClosedError, Deflate, HandshakeRejected, Limits

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).with_name("foreign_servers")
MODULES = ROOT / ".build" / "node" / "node_modules"

LARGE = Config(limits=Limits(message_bytes=2**24))
MESSAGES = ["hello", "grüße 🐍" * 1000, "", b"", b"\xff" * 70_000, "x" * 200_000, os.urandom(1_200_000)]

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Foreign:
    """A server, and those of its abilities that not all have."""

    name: str
    command: tuple[str, ...]
    can_deflate: bool = True
    can_fragment: bool = False
    can_ping: bool = False
    tells_codes: bool = True


SERVERS = (
    Foreign("websockets-asyncio", ("serve_websockets.py",), can_fragment=True, can_ping=True),
    Foreign("websockets-trio", ("serve_websockets_trio.py",), can_fragment=True, can_ping=True),
    Foreign("trio-websocket", ("serve_trio_websocket.py",), can_deflate=False, can_ping=True),
    Foreign("aiohttp", ("serve_aiohttp.py",)),
    Foreign("uvicorn-websockets", ("serve_asgi.py", "uvicorn-websockets-sansio")),
    Foreign("uvicorn-wsproto", ("serve_asgi.py", "uvicorn-wsproto")),
    Foreign("hypercorn-trio", ("serve_asgi.py", "hypercorn-trio"), tells_codes=False),
    Foreign("hypercorn-asyncio", ("serve_asgi.py", "hypercorn-asyncio"), tells_codes=False),
    Foreign("node-ws", ("serve_ws.cjs",), can_fragment=True, can_ping=True),
)

codes = itertools.count(4100)
"""Codes with which this client closes, each once, so that a server's report of it can be recognised."""


def marked(server):
    return pytest.param(server, id=server.name, marks=[pytest.mark.node] if server.name == "node-ws" else [])


def those_that(ability):
    """Run a test with the servers that have this ability."""
    chosen = [marked(server) for server in SERVERS if ability(server)]
    return pytest.mark.parametrize("foreign", chosen, indirect=True, scope="module")


@pytest.fixture(scope="module", params=[marked(server) for server in SERVERS])
def foreign(request):
    return request.param


@pytest.fixture(scope="module", params=["ws", "wss"])
def scheme(request):
    return request.param


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """The paths of a certificate and of its key."""
    issued = authority().issue_cert("localhost", "127.0.0.1")
    folder = tmp_path_factory.mktemp("certificate")
    certificate, key = folder / "server.pem", folder / "server.key"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    return [str(certificate), str(key)]


@pytest.fixture(scope="module")
def url(foreign, scheme, certificate, require_tool, go_without):
    """Where the server listens."""
    program = sys.executable
    if foreign.name == "node-ws":
        program = require_tool("node", "nodejs")
        if not (MODULES / "ws").is_dir():
            go_without("needs the ws package of Node.js: make tools")
    script, *arguments = foreign.command
    command = [program, str(FOLDER / script), *arguments, *(certificate if scheme == "wss" else [])]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"NODE_PATH": str(MODULES)}
    ) as process:
        yield f"{scheme}://127.0.0.1:{int(process.stdout.readline())}"
        process.kill()


@pytest.fixture
def connect(url, scheme):
    """Open a connection to a path of the server."""

    def connect(path="/echo", **options):
        options = {"config": LARGE, "ssl_context": contexts()[1] if scheme == "wss" else None} | options
        return trioweb.connect(f"{url}{path}", **options)

    return connect


async def echoes(ws):
    for message in MESSAGES:
        await ws.send(message)
        assert await ws.receive() == message


@pytest.fixture
def code_arrived(connect, foreign):
    """Wait until the server says that a client has closed with this code, if it is one that can say."""

    async def code_arrived(code):
        with trio.fail_after(10):
            async with connect("/closes") as ws:
                while foreign.tells_codes and await ws.receive_text() != str(code):
                    pass

    return code_arrived


async def test_messages_of_both_kinds_come_back(connect):
    async with connect() as ws:
        await echoes(ws)
        assert ws.response.status == 101
    assert ws.closed.code == 1000


@those_that(lambda server: server.can_deflate)
async def test_compressed_messages_come_back(connect):
    async with connect(compression=Deflate(context_takeover=True)) as ws:
        agreed = ws.response.headers["Sec-WebSocket-Extensions"]
        assert "permessage-deflate" in agreed
        assert "server_no_context_takeover" not in agreed
        await echoes(ws)
        await echoes(ws)


@those_that(lambda server: server.can_deflate)
async def test_compressed_messages_come_back_without_context(connect):
    async with connect(compression=Deflate(context_takeover=False)) as ws:
        assert "server_no_context_takeover" in ws.response.headers["Sec-WebSocket-Extensions"]
        await echoes(ws)
        await echoes(ws)


@those_that(lambda server: not server.can_deflate)
async def test_a_server_that_does_not_compress_may_decline(connect):
    async with connect(compression=Deflate()) as ws:
        assert "Sec-WebSocket-Extensions" not in ws.response.headers
        await echoes(ws)


async def test_compression_is_not_offered_unless_asked_for(connect):
    async with connect() as ws:
        assert "Sec-WebSocket-Extensions" not in ws.response.headers


async def test_many_messages_in_flight_come_back_in_order(connect):
    messages = [f"number {number}" for number in range(1000)]

    async def send():
        for message in messages:
            await ws.send(message)

    async with connect() as ws, trio.open_nursery() as nursery:
        nursery.start_soon(send)
        assert [await ws.receive() for _ in messages] == messages


@pytest.mark.parametrize("compression", [None, Deflate()], ids=["plain", "compressed"])
async def test_a_message_in_fragments_arrives_whole_at_the_server(connect, compression):
    async with connect(compression=compression) as ws:
        async with ws.send_stream(text=True) as writer:
            for piece in ("frag", "ment", "ed"):
                await writer.send(piece)
        assert await ws.receive() == "fragmented"
        async with ws.send_stream() as writer:
            for _ in range(100):
                await writer.send(bytes(10_000))
        assert await ws.receive() == bytes(1_000_000)


@pytest.mark.parametrize("compression", [None, Deflate()], ids=["plain", "compressed"])
@those_that(lambda server: server.can_fragment)
async def test_a_message_in_fragments_arrives_whole_from_the_server(connect, compression):
    async with connect(compression=compression) as ws:
        await ws.send("please fragment")
        assert await ws.receive() == "fragmented"


async def test_a_large_message_can_be_read_in_pieces(connect):
    content = os.urandom(1_000_000)
    async with connect() as ws:
        await ws.send(content)
        async with ws.receive_stream() as chunks:
            pieces = [chunk async for chunk in chunks]
        assert b"".join(pieces) == content


async def test_the_server_answers_a_ping(connect):
    async with connect() as ws:
        assert 0 < await ws.ping() < 10
        assert ws.latency_seconds is not None


@those_that(lambda server: server.can_ping)
async def test_a_ping_of_the_server_is_answered(connect):
    async with connect() as ws:
        await ws.send("please ping")
        assert await ws.receive() == "pong"


async def test_the_server_chooses_a_subprotocol(connect):
    async with connect(subprotocols=["chat", "superchat"]) as ws:
        assert ws.subprotocol == "superchat"
        await ws.send("hello")
        assert await ws.receive() == "hello"


async def test_the_code_of_the_client_arrives(connect, code_arrived):
    code = next(codes)
    async with connect() as ws:
        await ws.send("hello")
        assert await ws.receive() == "hello"
        await ws.aclose(code, "that was all")
        assert ws.closed.code == code
    await code_arrived(code)


async def test_the_end_of_the_block_closes_with_1000_and_an_exception_with_1011(connect, code_arrived):
    async with connect():
        pass
    await code_arrived(1000)
    with pytest.raises(KeyError, match="bare"):
        async with connect():
            raise KeyError("bare")
    await code_arrived(1011)


async def test_the_code_and_reason_of_the_server_arrive(connect):
    async with connect() as ws:
        await ws.send("please close 4321 as you wish")
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.receive()
    assert (caught.value.received.code, caught.value.received.reason) == (4321, "as you wish")
    assert tuple(ws.closed) == (4321, "as you wish")


async def test_a_normal_close_of_the_server_ends_the_loop(connect):
    async with connect() as ws:
        await ws.send("hello")
        await ws.send("please close 1000 done")
        assert [message async for message in ws] == ["hello"]
    assert tuple(ws.closed) == (1000, "done")


async def test_a_refused_handshake_has_its_status_and_body(connect):
    with pytest.raises(HandshakeRejected) as caught:
        async with connect("/refuse"):
            pass
    assert caught.value.status == 403
    assert caught.value.body.decode() == "Not for you."
    assert caught.value.is_body_complete

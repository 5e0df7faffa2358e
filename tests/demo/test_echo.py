"""The echo example, tested with the test kit's client, and byte by byte."""

from __future__ import annotations

import httpx
import pytest
import trio
import trio.testing
from support.program import Program
from support.waiting import until

from trioweb import Close, HandshakeRejected
from trioweb.testing import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Fault,
    FaultyStream,
    RawPeer,
    close_frame,
    frame,
    handshake,
    open_server,
)


@pytest.fixture
def module(example):
    return example("echo")


# Mistakes of an echo on bare sockets: it dies with its first client, ignores fragments of bytes,
# and takes a ping for data.


async def test_the_server_takes_one_client_after_the_other_and_many_at_a_time(client, autojump_clock):
    for _ in range(3):
        async with client.websocket("/ws") as first, client.websocket("/ws") as second:
            await first.send("one")
            await second.send("two")
            await first.expect_text("one")
            await second.expect_text("two")


async def test_fragments_come_back_as_one_message_and_a_ping_between_them_as_a_pong(client, autojump_clock):
    async with client.open_stream() as stream:
        peer = RawPeer(stream)
        await peer.open("/ws")
        await peer.send(
            frame(BINARY, b"\x00one", is_final=False)
            + frame(PING, b"are you there")
            + frame(CONTINUATION, b"\xfftwo")
        )
        pong = await peer.receive_frame()
        assert (pong.opcode, pong.payload) == (PONG, b"are you there")
        assert await peer.receive_binary() == b"\x00one\xfftwo"


async def test_the_head_may_come_a_byte_at_a_time(client, autojump_clock):
    async with client.open_stream() as stream:
        peer = RawPeer(stream)
        for byte in handshake("/ws"):
            await peer.send(bytes([byte]))
        assert "101" in (await peer.receive_head()).partition("\r\n")[0]
        await peer.send_text("hello")
        assert await peer.receive_text() == "hello"


@pytest.mark.parametrize("code", [1000, 3000, 4999])
async def test_the_close_code_comes_back(client, code, autojump_clock):
    async with client.websocket("/ws") as visitor:
        await visitor.aclose(code, "bye")
        assert visitor.closed == Close(code, "bye")


# Mistakes where HTTP and WebSockets share a port: messages above 65 535 bytes, a frame in two reads.


async def test_plain_http_is_answered_on_the_same_port(client, autojump_clock):
    assert (await client.get("/hello")).text == "Hello over plain HTTP.\n"
    assert "<h1>Echo</h1>" in (await client.get("/")).text
    assert (await client.get("/shared/style.css")).headers["content-type"].startswith("text/css")
    assert (await client.get("/ws")).status_code == 426
    assert (await client.get("/elsewhere")).status_code == 404


async def test_each_message_is_answered_in_json(client, autojump_clock):
    async with client.websocket("/json") as visitor:
        for message, answer in (
            ("hello", "hello"),
            ("x" * 65_536, "x" * 65_536),
            (b"as bytes \xff", "as bytes \ufffd"),
        ):
            await visitor.send(message)
            await visitor.expect_json({"message": answer})


@pytest.mark.parametrize(
    "header",
    [
        ("Sec-WebSocket-Key", "too short"),
        ("Sec-WebSocket-Key", None),
        ("Host", None),
    ],
)
async def test_a_bad_upgrade_gets_400_and_the_next_client_its_echo(client, header, autojump_clock):
    async with client.open_stream() as stream:
        peer = RawPeer(stream)
        await peer.send(handshake("/ws", header))
        assert (await peer.receive_head()).startswith("HTTP/1.1 400")
    async with client.websocket("/ws") as visitor:
        await visitor.send("hello")
        await visitor.expect_text("hello")


async def test_a_frame_may_come_in_any_number_of_reads(client, autojump_clock):
    async with client.open_stream() as stream:
        peer = RawPeer(stream)
        await peer.open("/json")
        for byte in frame(TEXT, b"x" * 130):
            await peer.send(bytes([byte]))
        assert await peer.receive_text() == f'{{"message":"{"x" * 130}"}}'


async def test_a_handshake_elsewhere_is_refused(client, autojump_clock):
    with pytest.raises(HandshakeRejected, match="404"):
        async with client.websocket("/nowhere"):
            pass


# A receive loop must not spin after the peer has gone.


@pytest.mark.parametrize("leave", ["reset", "end", "close"])
async def test_the_loop_ends_when_the_peer_goes_in_whatever_way(module, leave):
    async with open_server(module.app) as server:
        async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
            peer = RawPeer(stream)
            await peer.open("/ws")
            await peer.send_text("hello")
            assert await peer.receive_text() == "hello"
            match leave:
                case "close":
                    await peer.close(1001)
                case "reset":
                    await FaultyStream(stream, sending=[Fault("reset", at_byte=1)]).send_all(b"x")
        await until(lambda: not server.statistics().websockets)


# Naive servers break frames over 125 bytes, and ignore a close frame.


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 200_000, 1024 * 1024])
async def test_messages_of_every_form_of_length_come_back_whole(client, size, autojump_clock):
    async with client.websocket("/ws") as visitor:
        message = "0123456789abcdef" * (size // 16) + "." * (size % 16)
        for sent in (message, message.encode()):
            await visitor.send(sent)
            assert await visitor.receive() == sent


async def test_text_comes_back_as_text_and_bytes_as_bytes(client, autojump_clock):
    async with client.websocket("/ws") as visitor:
        for message in ("Grüße, 世界 🙂", b"\x00\xff"):
            await visitor.send(message)
            assert await visitor.receive() == message


async def test_a_close_frame_is_answered_and_the_connection_ended(client, autojump_clock):
    async with client.open_stream() as stream:
        peer = RawPeer(stream)
        await peer.open("/ws")
        await peer.send(close_frame(4001, "bye"))
        assert await peer.receive_close() == (4001, "bye")
        assert await peer.receive_end() == b""


def test_the_program_serves_by_itself_until_ctrl_c():
    with Program("demo/echo.py", "--port", "0") as program:
        url = program.wait_for_url()
        assert httpx.get(f"{url}/hello", trust_env=False).status_code == 200
        status, printed = program.interrupt()
    assert status == 0
    assert "Traceback" not in printed

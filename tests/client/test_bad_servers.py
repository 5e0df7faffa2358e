"""Servers that stall, that talk something else, and that break the protocol."""

from __future__ import annotations

from functools import partial

import pytest
import trio
import trio.testing
from support.server_manners import refuse_and_reset
from support.tls import contexts

import trioweb
from trioweb import (
    BadHandshake,
    Config,
    ConnectFailed,
    ConnectionClosedError,
    ConnectTimedOut,
    HandshakeRejected,
    Limits,
    Timeouts,
)
from trioweb.testing import TEXT, frame
from trioweb.testing.raw.handshake import accepting

HURRIED = Config(timeouts=Timeouts(connect_seconds=0.05))


async def be_silent(peer):
    await peer.receive_end()


class StuckResolver(trio.abc.HostnameResolver):
    async def getaddrinfo(self, *_):
        await trio.sleep_forever()

    async def getnameinfo(self, *_):
        await trio.sleep_forever()


async def test_a_resolver_that_stalls_is_a_time_out_in_tcp(autojump_clock):
    trio.socket.set_custom_hostname_resolver(StuckResolver())
    with pytest.raises(ConnectTimedOut, match=r"within 20 s \(Timeouts.connect_seconds\)") as caught:
        async with trioweb.connect("ws://server.example/", proxy=False):
            pass

    assert caught.value.phase == "TCP"
    assert isinstance(caught.value, TimeoutError | trio.TooSlowError)


@pytest.mark.parametrize(
    ("url", "options", "phase"),
    [
        ("ws://127.0.0.1:{}/", {}, "handshake"),
        ("wss://127.0.0.1:{}/", {"ssl_context": contexts()[1]}, "TLS"),
        ("ws://server.example/", {"proxy": "http://127.0.0.1:{}"}, "proxy"),
        ("wss://server.example/", {"proxy": "http://127.0.0.1:{}"}, "proxy"),
    ],
    ids=["handshake", "TLS", "proxy", "proxy before TLS"],
)
async def test_a_server_that_stalls_is_a_time_out_in_its_phase(serving, url, options, phase):
    async with serving(be_silent) as port:
        options = {
            name: value.format(port) if isinstance(value, str) else value for name, value in options.items()
        }
        with pytest.raises(ConnectTimedOut) as caught:
            async with trioweb.connect(url.format(port), config=HURRIED, **options):
                pass

    assert caught.value.phase == phase


async def test_a_refusal_whose_body_stalls_is_a_refusal_when_the_time_is_up(serving):
    async def refuse(peer):
        await peer.receive_head()
        await peer.send(b"HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nlater")
        await peer.receive_end()

    async with serving(refuse) as port:
        with pytest.raises(HandshakeRejected) as caught:
            async with trioweb.connect(f"ws://127.0.0.1:{port}/", config=HURRIED):
                pass

    assert (caught.value.status, caught.value.body) == (503, b"later")


async def test_a_refusal_that_ends_in_a_reset_is_a_refusal(serving):
    async with serving(refuse_and_reset) as port:
        with pytest.raises(HandshakeRejected) as caught:
            async with trioweb.connect(f"ws://127.0.0.1:{port}/"):
                pass

    assert (caught.value.status, caught.value.body, caught.value.is_body_complete) == (503, b"later", False)


async def test_an_answer_may_come_byte_by_byte(serving):
    async def accept_slowly(peer):
        for byte in accepting(await peer.receive_head()) + frame(TEXT, b"hello", mask=None):
            await peer.send(bytes([byte]))
            await trio.lowlevel.checkpoint()
        await peer.receive_close()

    async with serving(accept_slowly) as port, trioweb.connect(f"ws://127.0.0.1:{port}/") as ws:
        assert await ws.receive() == "hello"


async def test_an_answer_that_comes_too_slowly_byte_by_byte_is_a_time_out(serving):
    async def dawdle(peer):
        for byte in accepting(await peer.receive_head()):
            await peer.send(bytes([byte]))
            await trio.sleep(0.005)

    async with serving(dawdle) as port:
        with pytest.raises(ConnectTimedOut) as caught:
            async with trioweb.connect(f"ws://127.0.0.1:{port}/", config=HURRIED):
                pass

    assert caught.value.phase == "handshake"


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x16", b"", b"HTTP/1.1 101 Yes\r\n\r\n"],
    ids=["SSH", "TLS", "nothing", "no fields"],
)
async def test_garbage_is_a_bad_handshake(serving, answer):
    async def answer_garbage(peer):
        await peer.receive_head()
        await peer.send(answer)

    async with serving(answer_garbage) as port:
        with pytest.raises(BadHandshake) as caught:
            async with trioweb.connect(f"ws://127.0.0.1:{port}/"):
                pass

    assert caught.value.phase == "handshake"


async def test_endless_garbage_ends_at_the_limit_of_a_head(serving):
    async def talk(peer):
        try:
            while True:
                await peer.send(b"X-Padding: " + b"x" * 4096 + b"\r\n")
        except trio.BrokenResourceError:
            pass

    async with serving(talk) as port:
        with pytest.raises(ConnectFailed):
            async with trioweb.connect(f"ws://127.0.0.1:{port}/"):
                pass


async def test_frames_in_the_same_packet_as_the_answer_are_received(serving):
    async def accept_and_speak(peer):
        answer = accepting(await peer.receive_head())
        await peer.send(answer + frame(TEXT, b"one", mask=None) + frame(TEXT, b"two", mask=None)[:3])
        await peer.send(frame(TEXT, b"two", mask=None)[3:])
        await peer.receive_close()

    async with serving(accept_and_speak) as port, trioweb.connect(f"ws://127.0.0.1:{port}/") as ws:
        assert [await ws.receive(), await ws.receive()] == ["one", "two"]


async def test_a_close_in_the_same_packet_as_the_answer_closes(serving):
    async def accept_and_close(peer):
        await peer.send(accepting(await peer.receive_head()) + b"\x88\x02\x03\xf5")
        assert await peer.receive_close() == (1013, "")

    async with serving(accept_and_close) as port, trioweb.connect(f"ws://127.0.0.1:{port}/") as ws:
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.receive()

    assert caught.value.code == 1013
    assert caught.value.received_first


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(TEXT, b"masked"), 1002),
        (frame(TEXT, b"x", mask=None, reserved=4), 1002),
        (frame(0x3, mask=None), 1002),
        (frame(TEXT, b"\xff", mask=None), 1007),
        (frame(TEXT, b"x" * 200, mask=None), 1009),
    ],
    ids=["a mask", "a reserved bit", "an opcode", "not UTF-8", "too long"],
)
async def test_a_server_that_breaks_the_protocol_gets_the_code_for_it(over_memory, data, code):
    async with over_memory(config=Config(limits=Limits(message_bytes=100))) as (ws, peer):
        await peer.send(data)
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.receive()
        assert (await peer.receive_close())[0] == code
        await peer.stream.aclose()

    assert caught.value.code == code
    assert not caught.value.received_first


async def test_a_server_that_vanishes_is_1006(over_memory):
    async with over_memory() as (ws, peer):
        await peer.stream.aclose()
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.receive()

    assert caught.value.code == 1006


async def test_a_server_that_ends_only_its_side_of_tcp_has_gone(serving):
    async def accept_and_end(peer):
        await peer.accept()
        await peer.stream.send_eof()
        await peer.receive_end()

    async with serving(accept_and_end) as port, trioweb.connect(f"ws://127.0.0.1:{port}/") as ws:
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.receive()

    assert caught.value.code == 1006


async def test_a_silent_server_gets_a_ping_and_then_the_connection_is_cut(over_memory, autojump_clock):
    timeouts = Timeouts(ping_interval_seconds=10, ping_timeout_seconds=5)
    async with over_memory(config=Config(timeouts=timeouts)) as (ws, peer):
        started = trio.current_time()
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.receive()
        assert (await peer.receive_frame()).opcode == 9

    assert caught.value.code == 1006
    assert trio.current_time() - started == pytest.approx(15, abs=0.1)


async def test_a_server_that_reads_nothing_is_cut(autojump_clock):
    pair = partial(trio.testing.lockstep_stream_pair)
    ours, theirs = pair()
    peer = trioweb.testing.RawPeer(theirs, is_server=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peer.accept)
        with pytest.raises(ConnectionClosedError):
            async with trioweb.connect_stream(ours, "ws://server/") as ws:
                started = trio.current_time()
                await ws.send("hello")
                await ws.receive()

    assert trio.current_time() - started == pytest.approx(30, abs=3)

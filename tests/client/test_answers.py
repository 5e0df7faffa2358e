"""What a client makes of the answers to its request: agreements, refusals, nonsense and silence."""

from __future__ import annotations

import gzip
import socket

import pytest
import trio
import trio.testing

import trioweb
from trioweb import Config, HandshakeRejected, Limits, Timeouts
from trioweb.errors import BadHandshake, ConnectFailed, ConnectTimedOut
from trioweb.testing.raw.handshake import accepting, field_value


def answering(data):
    """Play a server that sends this after the request, and ends."""

    async def conduct(peer):
        await peer.receive_head()
        await peer.send(data)

    return conduct


async def test_the_server_chooses_one_of_the_subprotocols(dial):
    async def conduct(peer):
        head = await peer.receive_head()
        assert field_value(head, "Sec-WebSocket-Protocol") == "chat, file"
        await peer.send(accepting(head, ("Sec-WebSocket-Protocol", "file")))
        await peer.receive_close()

    async with dial(conduct, subprotocols=("chat", "file")) as ws:
        assert ws.subprotocol == "file"


async def test_the_server_may_choose_no_subprotocol(dial):
    async def conduct(peer):
        await peer.accept()
        await peer.receive_close()

    async with dial(conduct, subprotocols=["chat"]) as ws:
        assert ws.subprotocol is None


@pytest.mark.parametrize("offered", [[], ["chat"]], ids=["none", "another"])
async def test_a_subprotocol_that_was_not_offered_is_a_bad_handshake(dial, offered):
    async def conduct(peer):
        await peer.accept(("Sec-WebSocket-Protocol", "superchat"))

    with pytest.raises(BadHandshake, match="superchat"):
        async with dial(conduct, subprotocols=offered):
            pytest.fail("it was accepted")


@pytest.mark.parametrize(
    "field",
    [
        ("Sec-WebSocket-Accept", None),
        ("Sec-WebSocket-Accept", "c2hvcnQ="),
        ("Upgrade", None),
        ("Upgrade", "h2c"),
        ("Connection", None),
        ("Connection", "close"),
        ("Sec-WebSocket-Extensions", "permessage-deflate"),
        ("Sec-WebSocket-Extensions", "x-unknown"),
    ],
    ids=lambda field: f"{field[0]} {field[1]}",
)
async def test_an_answer_without_a_right_field_is_a_bad_handshake_that_names_it(dial, field):
    async def conduct(peer):
        await peer.accept(field)

    with pytest.raises(BadHandshake, match=field[0]) as caught:
        async with dial(conduct):
            pytest.fail("it was accepted")
    assert caught.value.phase == "handshake"


async def test_the_fields_of_the_answer_can_be_looked_up_in_any_case(dial):
    async def conduct(peer):
        head = await peer.receive_head()
        data = accepting(head, ("X-Name", "one")).replace(b"X-Name: one", b"X-Name: one\r\nX-Name: two")
        await peer.send(data)
        await peer.receive_close()

    async with dial(conduct) as ws:
        assert ws.response.status == 101
        assert ws.response.headers.get_all("x-name") == ["one", "two"]


async def test_a_refusal_has_status_fields_and_body(dial):
    answer = b"HTTP/1.1 402 Payment Required\r\nX-Price: 5\r\nContent-Length: 7\r\n\r\nno coin"
    with pytest.raises(HandshakeRejected) as caught:
        async with dial(answering(answer)):
            pytest.fail("it was accepted")
    refusal = caught.value
    assert (refusal.status, refusal.body, refusal.headers["x-price"]) == (402, b"no coin", "5")
    assert refusal.is_body_complete


async def test_a_page_is_a_refusal_even_with_status_200(dial):
    with pytest.raises(HandshakeRejected) as caught:
        async with dial(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")):
            pytest.fail("it was accepted")
    assert (caught.value.status, caught.value.body) == (200, b"hi")


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"HTTP/1.1 503 No\r\n\r\n", b"until the end"),
        (b"HTTP/1.0 503 No\r\n\r\n", b"until the end"),
        (b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n", b"d\r\nuntil the end\r\n0\r\n\r\n"),
    ],
    ids=["1.1", "1.0", "chunked"],
)
async def test_the_body_of_a_refusal_is_read_whatever_its_framing(dial, head, body):
    with pytest.raises(HandshakeRejected) as caught:
        async with dial(answering(head + body)):
            pytest.fail("it was accepted")
    assert (caught.value.status, caught.value.body) == (503, b"until the end")


async def test_a_compressed_body_of_a_refusal_is_left_as_it_came(dial):
    body = gzip.compress(b"no" * 100)
    fields = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    with pytest.raises(HandshakeRejected) as caught:
        async with dial(answering(b"HTTP/1.1 403 Forbidden\r\n" + fields + body)):
            pytest.fail("it was accepted")
    assert caught.value.body == body


async def test_an_endless_body_of_a_refusal_is_cut(dial):
    async def conduct(peer):
        await peer.receive_head()
        await peer.send(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        with pytest.raises(trio.BrokenResourceError):
            while True:
                await peer.send(bytes(10_000))

    with pytest.raises(HandshakeRejected) as caught:
        async with dial(conduct):
            pytest.fail("it was accepted")
    assert 10_000 < len(caught.value.body) <= 2**16
    assert not caught.value.is_body_complete


@pytest.mark.parametrize(
    "informational", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n"]
)
async def test_informational_answers_are_skipped(dial, informational):
    async def conduct(peer):
        head = await peer.receive_head()
        await peer.send(informational + accepting(head))
        await peer.receive_close()

    async with dial(conduct) as ws:
        assert ws.response.status == 101


async def test_endless_informational_answers_are_a_bad_handshake(dial):
    async def conduct(peer):
        with pytest.raises(trio.BrokenResourceError):
            while True:
                await peer.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 10)

    with trio.fail_after(5), pytest.raises(ConnectFailed):
        async with dial(conduct):
            pytest.fail("it was accepted")


async def test_an_informational_answer_and_the_end_are_a_bad_handshake(dial):
    with pytest.raises(BadHandshake):
        async with dial(answering(b"HTTP/1.1 100 Continue\r\n\r\n")):
            pytest.fail("it was accepted")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 101 Swit",
        b"220 smtp.example ESMTP Postfix\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/2 101\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\r\n\r\n\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nbad line\r\n\r\n",
    ],
)
async def test_an_answer_that_is_not_http_is_a_bad_handshake(dial, data):
    with pytest.raises(BadHandshake) as caught:
        async with dial(answering(data)):
            pytest.fail("it was accepted")
    assert caught.value.phase == "handshake"
    assert isinstance(caught.value, OSError)


async def test_a_head_that_is_too_long_is_a_bad_handshake(dial):
    async def conduct(peer):
        with pytest.raises(trio.BrokenResourceError):
            await peer.send(b"HTTP/1.1 101 Switching Protocols\r\n")
            while True:
                await peer.send(b"X-Filler: " + b"x" * 1000 + b"\r\n")

    config = Config(limits=Limits(head_bytes=4000))
    with pytest.raises(ConnectFailed, match="head_bytes"):
        async with dial(conduct, config=config):
            pytest.fail("it was accepted")


async def test_a_server_that_never_answers_is_a_time_out_of_several_kinds(dial, autojump_clock):
    async def conduct(peer):
        await trio.sleep_forever()

    began = trio.current_time()
    with pytest.raises(ConnectTimedOut, match="connect_seconds") as caught:
        async with dial(conduct, config=Config(timeouts=Timeouts(connect_seconds=3))):
            pytest.fail("it was accepted")
    assert trio.current_time() - began == pytest.approx(3)
    assert caught.value.phase == "handshake"
    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, trio.TooSlowError)
    assert isinstance(caught.value, ConnectFailed)


async def test_a_cancelled_handshake_closes_the_stream(dial, autojump_clock):
    ended = trio.Event()

    async def conduct(peer):
        await peer.receive_head()
        await peer.receive_end()
        ended.set()

    with trio.move_on_after(1) as scope:
        async with dial(conduct):
            pytest.fail("it was accepted")
    assert scope.cancelled_caught
    with trio.fail_after(1):
        await ended.wait()


async def test_a_stream_whose_other_side_is_gone_is_a_failure_of_the_handshake():
    ours, theirs = trio.testing.memory_stream_pair()
    await theirs.aclose()
    with pytest.raises(ConnectFailed) as caught:
        async with trioweb.connect_stream(ours, "ws://server/"):
            pytest.fail("it was accepted")
    assert caught.value.phase == "handshake"


async def test_a_closed_stream_is_a_failure_of_the_handshake():
    ours, _ = trio.testing.memory_stream_pair()
    await ours.aclose()
    with pytest.raises(ConnectFailed):
        async with trioweb.connect_stream(ours, "ws://server/"):
            pytest.fail("it was accepted")


async def test_a_port_that_accepts_and_closes_is_a_bad_handshake():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def accept_and_close():
                accepted, _ = await trio.to_thread.run_sync(listener.accept)
                accepted.close()

            with pytest.raises(ConnectFailed) as caught:
                async with trioweb.connect(f"ws://127.0.0.1:{listener.getsockname()[1]}/"):
                    pytest.fail("it was accepted")
    assert caught.value.phase == "handshake"

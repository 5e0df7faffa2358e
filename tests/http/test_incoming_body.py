"""The body of one request: its limit, its end, and that nobody takes what is not its own."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from trioweb import Limits, Timeouts
from trioweb._http.connection import Http1Connection
from trioweb._http.incoming_body import DISCARDED_BYTES
from trioweb._transport.stream_transport import StreamTransport
from trioweb._transport.timers import Timers
from trioweb._web.body import RequestBody
from trioweb.errors import BodyTooLarge, LocalProtocolError, RemoteProtocolError

POST = b"POST / HTTP/1.1\r\nHost: x\r\n%s\r\n"
SIZED = POST % b"Content-Length: %d\r\n"
CHUNKED = POST % b"Transfer-Encoding: chunked\r\n"
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
EXPECTING = POST % b"Content-Length: 2\r\nExpect: 100-continue\r\n"


@asynccontextmanager
async def receiving(data=b"", **timeouts):
    """Give a connection to which a client has sent something, and the client's stream."""
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        transport, timers = StreamTransport(theirs, nursery), Timers()
        nursery.start_soon(timers.run)
        http = Http1Connection(transport, timers, limits=Limits(), timeouts=Timeouts(**timeouts))
        if data:
            await ours.send_all(data)
        yield http, ours
        http.drop()
        nursery.cancel_scope.cancel()


async def received(body):
    pieces = b""
    while piece := await body.receive():
        pieces += piece
    return pieces


async def respond(http):
    await http.send_response(200, [], b"", content_bytes=0)


# Limits.


@pytest.mark.parametrize(
    "data", [SIZED % 100 + b"x" * 100, CHUNKED + b"64\r\n" + b"x" * 100 + b"\r\n0\r\n\r\n"]
)
async def test_a_body_of_exactly_the_limit_is_received(data):
    async with receiving(data) as (http, _):
        await http.receive_head()
        http.body.limit(Limits(body_bytes=100))
        assert len(await received(http.body)) == 100
        assert await http.body.receive() == b""


async def test_a_declared_length_above_the_limit_is_refused_before_anything_is_received():
    async with receiving(SIZED % 101) as (http, _):
        await http.receive_head()
        with pytest.raises(BodyTooLarge, match=r"101 bytes.*Limits\.body_bytes"):
            http.body.limit(Limits(body_bytes=100))
        for _ in range(2):
            with pytest.raises(BodyTooLarge, match=r"101 bytes.*Limits\.body_bytes") as caught:
                await http.body.receive()
            assert caught.value.status == 413


async def test_an_undeclared_length_is_counted_and_the_refusal_stays():
    data = CHUNKED + b"3c\r\n" + b"x" * 60 + b"\r\n29\r\n"
    async with receiving(data) as (http, _):
        await http.receive_head()
        limits = Limits(body_bytes=100)
        body = RequestBody(http.body, limits=limits)
        body.limit(limits)
        for _ in range(2):
            with pytest.raises(BodyTooLarge) as caught:
                await body.read()
            assert caught.value.status == 413


async def test_the_pieces_before_the_limit_are_received_and_then_it_is_refused():
    pieces = []
    async with receiving(CHUNKED + b"3c\r\n" + b"x" * 60 + b"\r\n29\r\n") as (http, _):
        await http.receive_head()
        http.body.limit(Limits(body_bytes=100))
        with pytest.raises(BodyTooLarge):
            while piece := await http.body.receive():
                pieces.append(piece)
    assert pieces == [b"x" * 60]


# The end of the request, and tasks that are late.


async def test_a_body_is_over_when_its_request_is_finished_and_the_next_has_its_own():
    async with receiving(SIZED % 5 + b"first" + SIZED % 6 + b"second") as (http, _):
        await http.receive_head()
        late = http.body
        late.limit(Limits())
        await respond(http)
        assert await http.finish()
        await http.receive_head()
        http.body.limit(Limits())
        with pytest.raises(LocalProtocolError, match="the request was answered"):
            await late.receive()
        assert await received(http.body) == b"second"


async def test_a_task_that_is_still_waiting_for_the_body_gets_nothing_of_the_next():
    async with receiving(SIZED % 4 + b"ab") as (http, client), trio.open_nursery() as nursery:

        async def read_late(body):
            assert await body.receive() == b"ab"
            with pytest.raises(LocalProtocolError, match="the request was answered"):
                await body.receive()

        await http.receive_head()
        http.body.limit(Limits())
        nursery.start_soon(read_late, http.body)
        await trio.testing.wait_all_tasks_blocked()
        await respond(http)
        nursery.start_soon(client.send_all, b"cd" + SIZED % 1 + b"x")
        assert await http.finish()
        await http.receive_head()
        http.body.limit(Limits())
        assert await received(http.body) == b"x"


async def test_pieces_that_have_come_are_given_a_few_in_a_turn():
    turns = []
    chunks = b"1\r\nx\r\n" * 640 + b"0\r\n\r\n"
    async with receiving(CHUNKED + chunks) as (http, _), trio.open_nursery() as nursery:

        async def count_turns():
            while True:
                turns.append(1)
                await trio.lowlevel.checkpoint()

        await http.receive_head()
        http.body.limit(Limits())
        nursery.start_soon(count_turns)
        assert len(await received(http.body)) == 640
        nursery.cancel_scope.cancel()
    assert len(turns) >= 9


@pytest.mark.parametrize(("length", "is_kept"), [(DISCARDED_BYTES, True), (DISCARDED_BYTES + 1, False)])
async def test_a_rest_of_bounded_length_is_discarded_to_keep_the_connection(length, is_kept):
    async with receiving(SIZED % length + bytes(length)) as (http, _):
        await http.receive_head()
        http.body.limit(Limits())
        assert http.body.must_be_last is not is_kept
        await respond(http)
        assert await http.finish() is is_kept


async def test_a_rest_of_unknown_length_is_discarded_as_far_as_a_known_one():
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    for count, is_kept in ((4, True), (5, False)):
        async with receiving(CHUNKED + chunk * count + b"0\r\n\r\n") as (http, _):
            await http.receive_head()
            http.body.limit(Limits())
            await respond(http)
            assert await http.finish() is is_kept


async def test_a_body_that_was_too_slow_lets_no_request_follow(autojump_clock):
    async with receiving(SIZED % 5, body_seconds=3) as (http, client):
        await http.receive_head()
        http.body.limit(Limits())
        with pytest.raises(RemoteProtocolError, match="for 3 s") as caught:
            await http.body.receive()
        assert caught.value.status == 408
        await client.send_all(b"hello")
        assert http.body.must_be_last
        await respond(http)
        assert not await http.finish()
        assert b"Connection: close" in await client.receive_some(1000)


async def test_a_body_is_asked_for_once_when_it_is_wanted():
    async with receiving(EXPECTING) as (http, client), trio.open_nursery() as nursery:
        await http.receive_head()
        http.body.limit(Limits())
        assert http.body.must_be_last, "it may come or not"
        nursery.start_soon(received, http.body)
        assert await client.receive_some(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send_all(b"h")
        await trio.testing.wait_all_tasks_blocked()
        await client.send_all(b"i")
    assert http.body.has_ended
    assert not http.body.must_be_last


# Watching.


async def test_a_client_is_watched_only_while_its_request_is_answered():
    async with receiving(SIZED % 2 + b"hi") as (http, _):
        with pytest.raises(LocalProtocolError, match="this request is answered"):
            http.body.watch.cancel_stream_on_disconnect()
        await http.receive_head()
        body = http.body
        body.limit(Limits())
        with pytest.raises(LocalProtocolError, match="while the body is still arriving"):
            body.watch.cancel_on_disconnect()
        assert await received(body) == b"hi"
        async with body.watch.cancel_on_disconnect() as scope:
            pass
        assert not scope.cancelled_caught
        await respond(http)
        assert await http.finish()
        for watch in (body.watch.cancel_on_disconnect, body.watch.cancel_stream_on_disconnect):
            with pytest.raises(LocalProtocolError, match="this request is answered"):
                watch()
        async with body.watch.discarding():
            pass


async def test_a_task_that_watches_a_handshake_stops_reading_when_it_becomes_a_websocket():
    ours, theirs = trio.testing.memory_stream_pair()
    scopes = []

    async def watch(body, *, task_status):
        async with body.watch.cancel_on_disconnect() as scope:
            scopes.append(scope)
            task_status.started()
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        transport, timers = StreamTransport(theirs, nursery), Timers()
        nursery.start_soon(timers.run)
        http = Http1Connection(transport, timers, limits=Limits(), timeouts=Timeouts())
        await ours.send_all(HANDSHAKE)
        head = await http.receive_head()
        assert head.wants_websocket
        for _ in range(2):
            await nursery.start(watch, http.body)
        await trio.testing.wait_all_tasks_blocked()
        assert http.switch_to_websocket() == b""
        await trio.testing.wait_all_tasks_blocked()
        # The frames are the WebSocket's, and so is the end: it neither vanishes nor cancels a block.
        await ours.send_all(b"a frame")
        assert await transport.receive() == b"a frame"
        await ours.send_eof()
        assert await transport.receive() == b""
        await trio.testing.wait_all_tasks_blocked()
        assert not any(scope.cancel_called for scope in scopes)
        nursery.cancel_scope.cancel()

"""Closing from either side, and leaving the block, as programs for other clients expect it."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from support.waiting import settled

import trioweb
from trioweb import (
    AlreadyClosed,
    Config,
    ConnectionClosed,
    ConnectionClosedError,
    Limits,
    LocalProtocolError,
    Timeouts,
)
from trioweb.testing import TEXT, close_frame, frame

CONFIG = Config(timeouts=Timeouts(close_seconds=5))


async def answer(peer):
    """Answer the client's close frame as a good server does."""
    code, reason = await peer.receive_close()
    await peer.send_close(code, reason)
    await peer.stream.aclose()


@pytest.mark.parametrize(
    ("arguments", "close"),
    [((), (1000, "")), ((1001, "bye!"), (1001, "bye!")), ((4999,), (4999, ""))],
    ids=str,
)
async def test_closing_sends_the_code_and_the_reason(autojump_clock, over_memory, arguments, close):
    async with over_memory(config=CONFIG) as (ws, peer), trio.open_nursery() as nursery:
        nursery.start_soon(ws.aclose, *arguments)
        assert await peer.receive_close() == close
        await peer.send_close(*close)
        await peer.stream.aclose()
    assert tuple(ws.closed) == close
    assert not ws.closed.received_first


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2000, 2999, 5000, -1])
async def test_a_code_that_must_not_be_sent_is_refused(autojump_clock, over_memory, code):
    async with over_memory(config=CONFIG) as (ws, peer):
        with pytest.raises(LocalProtocolError):
            await ws.aclose(code)
        await ws.send("still open")
        assert await peer.receive_text() == "still open"


async def test_a_reason_of_more_than_123_bytes_is_refused(autojump_clock, over_memory):
    async with over_memory(config=CONFIG) as (ws, _):
        with pytest.raises(LocalProtocolError):
            await ws.aclose(1000, "ü" * 62)
        assert ws.closed is None


async def test_a_client_waits_for_the_server_to_close_the_stream(autojump_clock, over_memory):
    async with over_memory(config=CONFIG) as (ws, peer), trio.open_nursery() as nursery:

        @nursery.start_soon
        async def serve():
            await trio.sleep(1)
            await peer.send(close_frame(*(await peer.receive_close()), mask=None))
            await trio.sleep(1)
            await peer.stream.aclose()

        began = trio.current_time()
        await ws.aclose()
        assert trio.current_time() - began == pytest.approx(2)


@pytest.mark.parametrize("answers", [True, False], ids=["answered", "not answered"])
async def test_a_server_that_does_not_close_the_stream_delays_the_end_by_close_seconds(
    autojump_clock, over_memory, answers
):
    async with over_memory(config=CONFIG) as (ws, peer):
        if answers:
            await peer.send_close()
        began = trio.current_time()
        await ws.aclose()
        assert trio.current_time() - began == pytest.approx(5, abs=0.5)
        assert (await peer.receive_close())[0] == 1000
        assert await peer.receive_end() == b""


async def test_a_server_that_only_ends_the_stream_after_a_close_frame_is_enough(autojump_clock, over_memory):
    async with over_memory(config=CONFIG) as (ws, peer), trio.open_nursery() as nursery:

        @nursery.start_soon
        async def serve():
            await peer.receive_close()
            await peer.stream.aclose()

        began = trio.current_time()
        await ws.aclose(4000, "mine")
        assert trio.current_time() == began
        assert tuple(ws.closed) == (4000, "mine")


async def test_closing_twice_and_from_two_tasks_closes_once(autojump_clock, over_memory):
    async with over_memory(config=CONFIG) as (ws, peer), trio.open_nursery() as nursery:
        nursery.start_soon(answer, peer)
        nursery.start_soon(ws.aclose, 4001)
        nursery.start_soon(ws.aclose, 4002)
        await ws.wait_closed()
        await ws.aclose(4003)
    assert ws.closed.code in {4001, 4002}


async def test_closing_ends_a_receive_and_a_ping_of_other_tasks(autojump_clock, over_memory):
    ended = []

    async def use(what):
        with pytest.raises(AlreadyClosed):
            await what()
        ended.append(what)

    async with over_memory(config=CONFIG) as (ws, peer), trio.open_nursery() as nursery:
        nursery.start_soon(use, ws.receive)
        nursery.start_soon(use, ws.ping)
        await settled()
        nursery.start_soon(answer, peer)
        await ws.aclose()
        await settled()
        assert len(ended) == 2


async def test_messages_that_were_sent_before_closing_arrive_before_the_close_frame(
    autojump_clock, over_memory
):
    async with over_memory(config=CONFIG) as (ws, peer):
        for number in range(100):
            await ws.send(f"{number}")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ws.aclose)
            assert [await peer.receive_text() for _ in range(100)] == [f"{number}" for number in range(100)]
            await answer(peer)


async def test_unread_messages_do_not_keep_the_block_from_ending(autojump_clock, over_memory, nursery):
    began = trio.current_time()
    config = Config(limits=Limits(inbox_messages=2))
    async with over_memory(config=config) as (_, peer):
        for number in range(50):
            await peer.send_text(f"unread {number}")
        nursery.start_soon(answer, peer)
    assert trio.current_time() - began < 1


async def test_a_flood_after_the_close_frame_delays_the_end_for_a_bounded_time(autojump_clock, over_memory):
    async with over_memory(config=CONFIG) as (ws, peer), trio.open_nursery() as nursery:

        @nursery.start_soon
        async def flood():
            with pytest.raises((trio.BrokenResourceError, trio.ClosedResourceError)):
                while True:
                    await peer.send(frame(TEXT, b"more" * 100, mask=None))
                    await trio.sleep(0.1)

        began = trio.current_time()
        await ws.aclose()
        assert trio.current_time() - began < 7


async def test_a_close_of_the_server_is_answered_although_nobody_receives(autojump_clock, over_memory):
    async with over_memory(config=CONFIG) as (ws, peer):
        await peer.send_close(1012, "restart")
        assert await peer.receive_close() == (1012, "restart")
        await peer.stream.aclose()
        await ws.wait_closed()
        assert tuple(ws.closed) == (1012, "restart")
        assert ws.closed.received_first
    assert tuple(ws.closed) == (1012, "restart")


@pytest.mark.parametrize("use", ["receive", "send", "ping"])
async def test_every_use_after_the_close_of_the_server_raises_its_code(autojump_clock, over_memory, use):
    async with over_memory(config=CONFIG) as (ws, peer):
        await peer.send_close(4004, "gone")
        await settled()
        with pytest.raises(ConnectionClosedError) as caught:
            await {"receive": ws.receive, "send": lambda: ws.send("x"), "ping": ws.ping}[use]()
        assert (caught.value.code, caught.value.reason) == (4004, "gone")


async def test_an_exception_of_the_block_keeps_its_cause_and_its_context(autojump_clock, over_memory):
    cause, context, error = RuntimeError("cause"), TypeError("context"), ValueError("primary")
    async with over_memory(config=CONFIG) as (_, peer):
        ws_error = None
        ours, theirs = trio.testing.memory_stream_pair()
        other = trioweb.testing.RawPeer(theirs, is_server=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(other.accept)
            try:
                async with trioweb.connect_stream(ours, "ws://server/", config=CONFIG):
                    try:
                        raise context
                    except TypeError:
                        raise error from cause
            except ValueError as caught:
                ws_error = caught
        assert ws_error is error
        assert ws_error.__cause__ is cause
        assert ws_error.__context__ is context
        assert (await other.receive_close())[0] == 1011
        await peer.stream.aclose()


async def test_an_exception_in_a_cancelled_block_is_the_one_that_comes_out(autojump_clock):
    ours, theirs = trio.testing.memory_stream_pair()
    other = trioweb.testing.RawPeer(theirs, is_server=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(other.accept)
        with pytest.raises(ValueError, match="mine"), trio.move_on_after(1):
            async with trioweb.connect_stream(ours, "ws://server/"):
                try:
                    await trio.sleep_forever()
                finally:
                    raise ValueError("mine")


async def test_a_cancelled_block_of_a_silent_server_ends_within_a_second(autojump_clock):
    ours, theirs = trio.testing.memory_stream_pair()
    other = trioweb.testing.RawPeer(theirs, is_server=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(other.accept)
        with trio.move_on_after(10) as scope:
            async with trioweb.connect_stream(ours, "ws://server/"):
                await trio.sleep_forever()
        assert scope.cancelled_caught
        assert trio.current_time() - scope.deadline <= 1.01
        assert (await other.receive_close())[0] == 1001


async def test_a_failure_of_the_connection_leaves_the_block_bare(autojump_clock):
    ours, theirs = trio.testing.memory_stream_pair()
    other = trioweb.testing.RawPeer(theirs, is_server=True)

    async def serve():
        await other.accept()
        await theirs.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        began = trio.current_time()
        with pytest.raises(ConnectionClosedError) as caught:
            async with trioweb.connect_stream(ours, "ws://server/") as ws:
                await ws.receive()
        assert caught.value.code == 1006
        assert trio.current_time() == began


async def test_a_lost_message_is_noticed_at_the_latest_by_flush(autojump_clock, over_memory):
    async with over_memory(config=CONFIG) as (ws, peer):
        await peer.stream.aclose()
        with pytest.raises(ConnectionClosed):
            for _ in range(10):
                await ws.send("lost")
                await ws.flush()


async def test_the_end_is_waited_for_by_any_number_of_tasks(autojump_clock, over_memory):
    async with over_memory(config=CONFIG) as (ws, peer), trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ws.wait_closed)
        await settled()
        nursery.start_soon(answer, peer)
        await ws.aclose()

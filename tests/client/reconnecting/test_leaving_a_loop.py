"""How a program leaves a loop over `reconnecting`, and what becomes of its connection."""

from __future__ import annotations

from contextlib import aclosing

import pytest
import trio
import trio.testing
from support.links.changing_site import AWAY, STALLED, closing_with
from support.waiting import settled

import trioweb
from trioweb import (
    Close,
    ConnectionClosedError,
    ConnectionClosedOK,
)

# Exceptions of the body


async def test_an_exception_of_the_connection_ends_a_loop_that_does_not_catch_it(autojump_clock, site):
    site.handle = closing_with(1011)
    with pytest.raises(ConnectionClosedError, match="1011"):
        async for ws in site.loop():
            await ws.receive()
    assert len(site.times) == 1


async def test_the_end_of_a_good_connection_is_an_exception_only_for_receive(autojump_clock, site):
    site.handle = closing_with(1001)
    with pytest.raises(ConnectionClosedOK):
        async for ws in site.loop():
            await ws.receive()


@pytest.mark.parametrize(
    "error", [ValueError("mine"), ExceptionGroup("mine", [OSError()]), KeyboardInterrupt()]
)
async def test_an_exception_leaves_the_loop_bare_and_its_connection_is_closed(autojump_clock, site, error):
    with pytest.raises(type(error)) as caught:
        async for _ in site.loop():
            raise error
    assert caught.value is error
    assert error.__context__ is None
    await settled(0.01)
    assert site.ends == [Close(1001)]


# Leaving the loop


async def test_break_closes_the_connection_even_if_the_program_still_holds_it(autojump_clock, site):
    async for ws in site.loop():
        await ws.ping()
        break
    await settled(0.01)
    assert ws.closed == Close(1001)
    assert site.ends == [Close(1001)]
    with pytest.raises(trioweb.AlreadyClosed):
        await ws.send("too late")


async def test_a_return_from_the_body_closes_the_connection(autojump_clock, site):
    async def first_answer():
        async for ws in site.loop():
            await ws.send("question")
            return await ws.receive()
        raise AssertionError("the loop has ended")

    assert await first_answer() == "question"
    await settled(0.01)
    assert site.ends == [Close(1001)]


async def test_a_run_that_ends_right_after_the_loop_still_says_goodbye():
    ends = []

    async def main():
        app = trioweb.App()

        @app.websocket("/")
        async def handle(ws):
            try:
                await ws.receive()
            finally:
                ends.append(ws.closed)

        async with trio.open_nursery() as nursery:
            server = await nursery.start(trioweb.serve, app, "127.0.0.1", 0)
            async for _ in trioweb.reconnecting(f"ws://127.0.0.1:{server.port}/"):
                break
            await settled(0.01)
            await server.aclose()

    await trio.to_thread.run_sync(trio.run, main)
    assert ends == [Close(1001)]


async def test_cancelling_the_body_closes_with_1001_and_waits_for_nothing(autojump_clock, site):
    began = trio.current_time()
    with trio.move_on_after(5) as scope:
        async for _ in site.loop():
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() - began == pytest.approx(5)
    await settled(0.01)
    assert site.ends == [Close(1001)]


async def test_cancelling_during_the_delay_ends_it(autojump_clock, site):
    site.answers = [AWAY] * 100
    with trio.move_on_after(9) as scope:
        async for _ in site.loop():
            pytest.fail("there was no connection")
    assert scope.cancelled_caught
    assert len(site.times) == 6


async def test_cancelling_while_it_connects_leaves_nothing_open(autojump_clock, site):
    site.answers = [STALLED]
    with trio.move_on_after(1) as scope:
        async for _ in site.loop():
            pytest.fail("there was no connection")
    assert scope.cancelled_caught
    with pytest.raises(trio.ClosedResourceError):
        await site.streams[0].send_all(b"x")


async def test_a_cancelled_wait_can_be_taken_up_again(autojump_clock, site):
    site.answers = [AWAY]
    loop = site.loop(first_seconds=10)
    with trio.move_on_after(4):
        await anext(loop)
    ws = await anext(loop)
    assert (ws.attempt, site.times) == (2, pytest.approx([0, 14]))
    await loop.aclose()


async def test_aclose_closes_with_1000_and_ends_the_loop(autojump_clock, site):
    async with aclosing(site.loop()) as loop:
        async for ws in loop:
            await ws.ping()
            break
        assert ws.closed is None
    assert ws.closed == Close(1000)
    async for _ in loop:
        pytest.fail("the loop was over")
    await loop.aclose()

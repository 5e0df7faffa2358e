"""What ends a loop over `reconnecting`, and with which exception."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from support.links.changing_site import AWAY, STALLED, closing_with, received_by, refusal
from support.waiting import settled

from trioweb import (
    Close,
    Config,
    ConnectionClosed,
    ConnectionClosedError,
    HandshakeRejected,
    Limits,
)
from trioweb.errors import BadHandshake, ConnectFailed, ConnectTimedOut

# Giving up


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_refusal_that_will_not_change_ends_the_loop_with_its_exception(autojump_clock, site, status):
    site.answers = [refusal(500), refusal(status, X_Why="because")]
    with pytest.raises(HandshakeRejected) as caught:
        async for _ in site.loop():
            pytest.fail("there was no connection")
    assert caught.value.status == status
    assert caught.value.headers["x-why"] == "because"
    assert len(site.times) == 2


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 1009, 1010, 4000, 4999])
async def test_a_close_code_that_will_not_change_ends_the_loop_with_its_exception(autojump_clock, site, code):
    site.handle = closing_with(1001, code)
    with pytest.raises(ConnectionClosedError) as caught:
        async for ws in site.loop():
            try:
                await ws.receive()
            except ConnectionClosed:
                continue
    assert caught.value.code == code
    assert caught.value.received_first
    assert caught.value.__context__ is None
    assert len(site.times) == 2


async def test_codes_of_the_application_are_retried_if_the_settings_say_so(autojump_clock, site):
    site.handle = closing_with(4000, 4999, 4001)
    with pytest.raises(ConnectionClosedError, match="4001"):
        async for ws in site.loop(retry_application_codes=True, give_up_on={4001}):
            with pytest.raises(ConnectionClosedError):
                await ws.receive()
    assert len(site.times) == 3


@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_quiet_code_to_give_up_on_ends_the_loop_quietly(autojump_clock, site, code):
    site.handle = closing_with(code)
    async for ws in site.loop(give_up_on={code}):
        assert await received_by(ws) == []
    assert len(site.times) == 1


async def test_a_code_counts_even_if_the_body_closes_afterwards(autojump_clock, site):
    site.handle = closing_with(4001)
    with pytest.raises(ConnectionClosedError, match="4001"):
        async for ws in site.loop():
            try:
                with pytest.raises(ConnectionClosedError):
                    await ws.receive()
            finally:
                await ws.aclose()


async def test_a_message_that_is_too_big_for_this_side_ends_the_loop(autojump_clock, site):
    async def handle(ws):
        await ws.send("x" * 100)
        await ws.receive()

    site.handle = handle
    with pytest.raises(ConnectionClosedError, match="1009") as caught:
        async for ws in site.loop(config=Config(limits=Limits(message_bytes=99))):
            with pytest.raises(ConnectionClosedError):
                await ws.receive()
    assert not caught.value.received_first


async def test_used_up_attempts_end_the_loop_with_the_last_error(autojump_clock, site):
    site.answers = [refusal(500), AWAY, b"garbage\r\n\r\n"]
    with pytest.raises(BadHandshake) as caught:
        async for _ in site.loop(attempts=3):
            pytest.fail("there was no connection")
    assert isinstance(caught.value, ConnectFailed)
    assert len(site.times) == 3

    site.answers = [STALLED]
    with pytest.raises(ConnectTimedOut):
        async for _ in site.loop(attempts=1):
            pytest.fail("there was no connection")

    site.answers = [refusal(500), refusal(503)]
    with pytest.raises(HandshakeRejected, match="503"):
        async for _ in site.loop(attempts=2):
            pytest.fail("there was no connection")


async def test_a_connection_that_ends_early_uses_up_an_attempt(autojump_clock, site):
    site.handle = closing_with(1011, 1011, 1011)
    with pytest.raises(ConnectionClosedError, match="1011"):
        async for ws in site.loop(attempts=2):
            with pytest.raises(ConnectionClosedError):
                await ws.receive()
    assert len(site.times) == 2


@pytest.mark.parametrize("code", [1000, 1001])
async def test_used_up_attempts_after_a_good_end_end_the_loop_quietly(autojump_clock, site, code):
    site.handle = closing_with(code)
    async for ws in site.loop(attempts=1):
        assert await received_by(ws) == []
    async for _ in site.loop(attempts=1):
        await trio.lowlevel.checkpoint()
    await settled(0.01)
    assert site.ends[-1] == Close(1000)


async def test_a_loop_that_has_ended_stays_at_its_end(autojump_clock, site):
    site.handle = closing_with(1000)
    loop = site.loop(attempts=1)
    async for ws in loop:
        await received_by(ws)
    async for _ in loop:
        pytest.fail("the loop was over")
    with pytest.raises(StopAsyncIteration):
        await anext(loop)

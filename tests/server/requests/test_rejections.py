"""Handshakes that a handler rejects: how long the response may take, and what ends it early."""

from __future__ import annotations

import pytest
import trio
from support.serving import in_memory

from trioweb import App, Config, Response, Stream, Text, Timeouts
from trioweb.testing import handshake

GRACE_SECONDS = 10


class Late(Response):
    """A response whose preparation takes longer than the grace of a handler."""

    async def prepare(self, request):
        await trio.sleep(2 * GRACE_SECONDS)
        return Text("not today", 403)


async def endless():
    while True:
        yield b"x" * 1000
        await trio.sleep(1)


def rejecting(reject):
    app = App(Config(timeouts=Timeouts(handler_grace_seconds=GRACE_SECONDS)))
    app.websocket("/")(reject)
    return app


async def test_a_rejection_may_take_longer_than_the_grace_of_its_handler(autojump_clock):
    async def handler(ws):
        await ws.reject(Late())

    async with in_memory(rejecting(handler)) as peer:
        await peer.send(handshake("/"))
        head, body = await peer.receive_response()
        assert (head.partition("\r\n")[0], body) == ("HTTP/1.1 403 Forbidden", b"not today")
        await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await peer.receive_head()).startswith("HTTP/1.1 426"), "the connection is HTTP's still"


async def test_a_handler_has_its_grace_after_a_rejection(autojump_clock):
    ended = []

    async def handler(ws):
        await ws.reject(Late())
        rejected_at = trio.current_time()
        try:
            await trio.sleep_forever()
        finally:
            ended.append(trio.current_time() - rejected_at)

    async with in_memory(rejecting(handler)) as peer:
        await peer.send(handshake("/"))
        await peer.receive_response()
        await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await peer.receive_head()).startswith("HTTP/1.1 426")
    assert ended == [pytest.approx(GRACE_SECONDS, abs=1)]


@pytest.mark.parametrize("make", [Late, lambda: Stream(endless())])
async def test_a_cancelled_rejection_ends_the_connection_and_is_not_a_bug(autojump_clock, caplog, make):
    async def handler(ws):
        with trio.move_on_after(5):
            await ws.reject(make())

    async with in_memory(rejecting(handler)) as peer:
        await peer.send(handshake("/"))
        await peer.receive_end()
    assert "Traceback" not in caplog.text


async def test_a_client_that_leaves_during_a_rejection_is_not_a_bug(autojump_clock, caplog):
    async def handler(ws):
        await ws.reject(Stream(endless()))

    async with in_memory(rejecting(handler)) as peer:
        await peer.send(handshake("/"))
        await peer.receive_head()
        await peer.stream.aclose()
        await trio.sleep(100)
    assert "Traceback" not in caplog.text

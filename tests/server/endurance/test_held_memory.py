"""The memory that a peer makes the server hold, compared with the bytes that it sent."""

from __future__ import annotations

import gc
import tracemalloc
from contextlib import AsyncExitStack, contextmanager, suppress

import pytest
import trio.testing
from support.conduct import request
from support.serving import in_memory

from trioweb import App, Text
from trioweb._web.request import KEPT_BYTES
from trioweb.testing import handshake

PIECES = 5000
OF_TRIO_BYTES = 100_000
"""Trio drops past deadlines only when there are a thousand of them."""


class Growth:
    """How much memory is in use beyond that at the start of the block."""

    def __init__(self):
        self._before = self._now()

    def _now(self):
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    @property
    def held_bytes(self):
        return self._now() - self._before


@contextmanager
def measured():
    tracemalloc.start()
    try:
        yield Growth()
    finally:
        tracemalloc.stop()


def chunked(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.mark.slow
@pytest.mark.parametrize(("frame", "piece"), [(bytes, b"ab"), (chunked, b"a")])
async def test_a_body_in_tiny_pieces_takes_no_more_memory_than_its_bytes(autojump_clock, piece, frame):
    app = App()

    @app.post("/")
    async def read(request):
        return Text(str(len(await request.body())))

    framing = "Transfer-Encoding: chunked" if frame is chunked else f"Content-Length: {len(piece) * PIECES}"
    async with in_memory(app) as peer:
        await peer.send(request(framing, start="POST / HTTP/1.1"))
        await peer.send(frame(piece))
        await trio.testing.wait_all_tasks_blocked()
        with measured() as growth:
            for _ in range(PIECES - 2):
                await peer.send(frame(piece))
                await trio.lowlevel.checkpoint()
            await trio.testing.wait_all_tasks_blocked()
            assert growth.held_bytes < 2 * len(piece) * PIECES + OF_TRIO_BYTES
        await peer.send(frame(piece) + (b"0\r\n\r\n" if frame is chunked else b""))
        assert (await peer.receive_response())[1] == b"%d" % (len(piece) * PIECES)


HEAD_BYTES = 16 * 1024
SHORT_BYTES = 6 * 1024
"""In a shorter head the objects matter, and their number is bounded."""
CONNECTIONS = 10


def as_long_as_may_be(piece):
    """As much text as fits into a head, made of numbered pieces."""
    text, number = "", 0
    while len(text) < HEAD_BYTES - 400:
        text += piece.format(number)
        number += 1
    return text


FACES = "%F0%9F%98%80"  # one character of a text that then takes four bytes for each
HEADS = {
    "many fields": lambda start: start("/a", *[(f"x{number:x}", "abc") for number in range(90)]),
    "long fields": lambda start: start("/a", *[(f"x{number:x}", "v" * 168) for number in range(90)]),
    "many cookies": lambda start: start("/a", ("Cookie", as_long_as_may_be("{:x}=ab;"))),
    "a long cookie": lambda start: start("/a", ("Cookie", "a=" + "x" * 15_000 + "\xf0\x9f\x98\x80")),
    "a query of many fields": lambda start: start("/a?" + "&".join(f"{n:x}=0123456789" for n in range(999))),
    "a query of many values": lambda start: start("/a?" + "&".join(f"a={n:x}" for n in range(999))),
    "a query and cookies of many fields": lambda start: start(
        "/a?" + "&".join(["a=%c4%80"] * 999),
        ("Cookie", "; ".join(f"{n:x}=v{n:x}" for n in range(256))),
        *[(f"f{n}", "x" * 20) for n in range(80)],
    ),
    "no more than the query and cookies that are kept": lambda start: start(
        "/a?" + "&".join(f"{n:x}" for n in range(999))[:KEPT_BYTES],
        ("Cookie", ";".join(f"{n:x}=\xc4\x80" for n in range(999))[:KEPT_BYTES]),
    ),
    "query and cookies that are kept, and long fields": lambda start: start(
        "/a?" + "&".join(f"{n:x}" for n in range(999))[:KEPT_BYTES],
        ("Cookie", ";".join(f"{n:x}=\xc4\x80" for n in range(999))[:KEPT_BYTES]),
        *[(f"f{n}", "x" * 140) for n in range(90)],
    ),
    "a long path": lambda start: start("/" + "a" * 15_000 + FACES),
    "an encoded path": lambda start: start("/" + FACES * 1250),
    "many subprotocols": lambda start: start("/a", ("Sec-WebSocket-Protocol", ",".join(["p" * 150] * 100))),
    "many options": lambda start: start("/a", ("Connection", "Upgrade, " + as_long_as_may_be("a{:x},"))),
}  # fmt: skip


def everything_looked_at():
    app = App()

    def look(request):
        return [request.path, request.url, len(request.query), len(request.cookies), dict(request.headers)]

    @app.get("/get/{rest:path}")
    async def get(request, rest):
        return Text(str(len(look(request))))

    @app.websocket("/ws/{rest:path}")
    async def listen(ws, rest):
        look(ws.request)
        async for _ in ws:
            pass

    return app


def opening(path, *fields):
    return handshake(f"/ws{path}", *fields)


def getting(path, *fields):
    lines = [f"{name}: {value}" for name, value in fields]
    return request(*lines, start=f"GET /get{path} HTTP/1.1")


async def held_by_each(app, data):
    """Open connections, send the head, and return how much the server holds for each of them."""
    async with AsyncExitStack() as stack:

        async def connect():
            peer = await stack.enter_async_context(in_memory(app))
            await peer.send(data)
            assert (await peer.receive_head()).split()[1] in {"101", "200"}
            await trio.testing.wait_all_tasks_blocked()

        await connect()
        with measured() as growth:
            for _ in range(CONNECTIONS):
                await connect()
            return growth.held_bytes / CONNECTIONS


@pytest.mark.slow
@pytest.mark.parametrize(("start", "most"), [(opening, 8), (getting, 0.25)])
@pytest.mark.parametrize("what", HEADS)
async def test_a_websocket_holds_a_few_times_its_head_and_an_idle_connection_none_of_it(what, start, most):
    app = everything_looked_at()
    data = HEADS[what](start)
    assert len(data) <= HEAD_BYTES
    plain_bytes = await held_by_each(app, start("/a"))
    assert await held_by_each(app, data) - plain_bytes < most * max(len(data), SHORT_BYTES)


@pytest.mark.parametrize("start", [opening, getting])
@pytest.mark.parametrize("size", [10**6, 1000])
async def test_a_head_of_thousands_of_tiny_fields_is_431_and_names_the_setting(autojump_clock, start, size):
    data = start("/a", *[(f"{number:x}", "") for number in range(2200)])
    assert len(data) < HEAD_BYTES
    async with in_memory(everything_looked_at()) as peer:
        with suppress(trio.BrokenResourceError):  # it is refused before its end
            for first in range(0, len(data), size):
                await peer.send(data[first : first + size])
        head, text = await peer.receive_response()
        assert head.startswith("HTTP/1.1 431")
        assert b"Limits.head_fields" in text


async def test_a_handshake_with_too_many_subprotocols_is_refused(autojump_clock):
    async with in_memory(everything_looked_at()) as peer:
        await peer.send(opening("/a", ("Sec-WebSocket-Protocol", as_long_as_may_be("a{:x},"))))
        assert (await peer.receive_head()).startswith("HTTP/1.1 400")

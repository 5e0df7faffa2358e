from __future__ import annotations

import pytest
import trio
import trio.testing
from support.bodies import body_from

from trioweb._web.body import KEPT_PIECE_BYTES, RequestBody
from trioweb.errors import LocalProtocolError


def body_of(*pieces: bytes) -> RequestBody:
    waiting = iter(pieces)

    async def receive() -> bytes:
        await trio.lowlevel.checkpoint()
        return next(waiting, b"")

    return body_from(receive)


async def streamed(body: RequestBody) -> list[bytes]:
    return [piece async for piece in body.stream()]


async def test_the_body_is_whole_and_kept() -> None:
    body = body_of(b"ab", b"c")
    assert await body.read() == b"abc"
    assert await body.read() == b"abc"
    assert await streamed(body) == [b"abc"]
    assert await streamed(body) == [b"abc"]


async def test_a_kept_body_can_be_streamed_any_number_of_times() -> None:
    whole = bytes(range(256)) * 600
    body = body_of(whole)
    await body.read()
    first, second = body.stream(), body.stream()
    pieces = [await anext(first), await anext(second), await anext(first), await anext(second)]
    assert pieces == [whole[:KEPT_PIECE_BYTES]] * 2 + [whole[KEPT_PIECE_BYTES : 2 * KEPT_PIECE_BYTES]] * 2
    assert b"".join([*pieces[::2], *[piece async for piece in first]]) == whole
    await second.aclose()


async def test_an_empty_body_has_no_pieces() -> None:
    body = body_of()
    assert await body.read() == b""
    assert await streamed(body) == []


async def test_a_streamed_body_comes_in_the_pieces_it_came_in_and_only_once() -> None:
    body = body_of(b"ab", b"c")
    assert await streamed(body) == [b"ab", b"c"]
    with pytest.raises(LocalProtocolError, match="only once"):
        await streamed(body)
    with pytest.raises(LocalProtocolError, match="body\\(\\) or stream\\(\\)"):
        await body.read()


async def test_a_body_that_is_being_read_cannot_be_streamed() -> None:
    body = body_of(b"ab")
    with trio.CancelScope() as scope:
        scope.cancel()
        await body.read()
    with pytest.raises(LocalProtocolError, match="only once"):
        await streamed(body)


async def test_many_tasks_read_the_same_body() -> None:
    body = body_of(b"ab", b"c")
    seen: list[bytes] = []

    async def read() -> None:
        seen.append(await body.read())

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(read)
    assert seen == [b"abc"] * 3


async def test_a_cancelled_read_loses_nothing() -> None:
    send, receive = trio.open_memory_channel[bytes](0)
    body = body_from(receive.receive)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(body.read)
        await send.send(b"first ")
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send.send, b"second")
        nursery.start_soon(trio.lowlevel.checkpoint)

        async def end() -> None:
            await trio.testing.wait_all_tasks_blocked()
            await send.send(b"")

        nursery.start_soon(end)
        assert await body.read() == b"first second"

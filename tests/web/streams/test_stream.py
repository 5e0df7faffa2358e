"""Stream: pieces, types, and that its source is closed whatever happens."""

from __future__ import annotations

from contextlib import aclosing

import pytest
import trio
import trio.testing

from trioweb import LocalProtocolError, Stream


class Source:
    """Yields pieces, and records how many were requested and whether it was closed."""

    def __init__(self, *pieces: object) -> None:
        self.pieces = list(pieces)
        self.given = 0
        self.closed = 0

    def __aiter__(self) -> Source:
        return self

    async def __anext__(self) -> object:
        await trio.lowlevel.checkpoint()
        if self.given == len(self.pieces):
            raise StopAsyncIteration
        self.given += 1
        return self.pieces[self.given - 1]

    async def aclose(self) -> None:
        self.closed += 1
        await trio.lowlevel.checkpoint()


async def test_pieces_become_bytes_one_by_one() -> None:
    source = Source(b"a", "ä", bytearray(b"b"), memoryview(b"c"), "", "\ud800")
    pieces = [piece async for piece in Stream(source).chunks()]
    assert pieces == [b"a", "ä".encode(), b"b", b"c", b"", b"?"]
    assert all(type(piece) is bytes for piece in pieces)
    assert source.closed == 1


async def test_an_iterable_without_aclose_will_do() -> None:
    class Plain:
        async def __aiter__(self):
            yield "x"

    class Bare:
        def __init__(self):
            self.pieces = [b"y"]

        def __aiter__(self):
            return self

        async def __anext__(self):
            if not self.pieces:
                raise StopAsyncIteration
            return self.pieces.pop()

    assert [piece async for piece in Stream(Plain()).chunks()] == [b"x"]
    assert [piece async for piece in Stream(Bare()).chunks()] == [b"y"]


async def test_the_source_is_closed_when_the_pieces_are_left_early() -> None:
    source = Source(b"a", b"b")
    async with aclosing(Stream(source).chunks()) as chunks:
        async for _ in chunks:
            break
    assert (source.given, source.closed) == (1, 1)


async def test_a_piece_of_another_type_says_what_was_expected() -> None:
    source = Source(b"a", 5)
    with pytest.raises(TypeError, match="source of a Stream gave int: expected bytes or str"):
        _ = [piece async for piece in Stream(source).chunks()]
    assert source.closed == 1


async def test_a_stream_answers_once() -> None:
    stream = Stream(Source(b"a"))
    _ = [piece async for piece in stream.chunks()]
    with pytest.raises(LocalProtocolError, match="this Stream has answered a request"):
        _ = [piece async for piece in stream.chunks()]


async def test_a_head_request_closes_the_source_without_starting_it(make_request) -> None:
    source = Source(b"a")
    prepared = await Stream(source).prepare(make_request(method="HEAD"))
    assert (source.given, source.closed) == (0, 1)
    await prepared.aclose()
    assert source.closed == 1
    kept = Source(b"a")
    await Stream(kept).prepare(make_request())
    assert kept.closed == 0


async def test_a_prepared_stream_is_a_new_one_and_prepares_to_itself(make_request) -> None:
    stream = Stream(Source(b"a"), 201, headers={"X-A": "b"}, content_bytes=1)
    prepared = await stream.prepare(make_request())
    assert await prepared.prepare(make_request()) is prepared
    prepared.headers["x-a"] = "changed"
    assert stream.headers["x-a"] == "b"
    assert (prepared.status, prepared.content_bytes) == (201, 1)
    assert [piece async for piece in prepared.chunks()] == [b"a"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_stream_is_prepared_for_one_request(make_request, method: str) -> None:
    stream = Stream(Source(b"a"))
    await stream.prepare(make_request(method=method))
    with pytest.raises(LocalProtocolError, match="this Stream has answered a request"):
        await stream.prepare(make_request())


async def test_a_stream_that_is_dropped_closes_its_source_once(make_request) -> None:
    for is_prepared in (False, True):
        source = Source(b"a")
        stream = Stream(source)
        if is_prepared:
            stream = await stream.prepare(make_request())
        await stream.aclose()
        await stream.aclose()
        assert (source.given, source.closed) == (0, 1)


async def test_the_source_is_closed_when_dropping_is_cancelled() -> None:
    source = Source(b"a")
    with trio.CancelScope() as scope:
        scope.cancel()
        await Stream(source).aclose()
    assert scope.cancelled_caught
    assert source.closed == 1


async def test_a_dropped_stream_whose_source_has_no_aclose_is_released() -> None:
    class Bare:
        def __aiter__(self):
            return self

        async def __anext__(self):
            raise AssertionError("never asked")

    await Stream(Bare()).aclose()


async def test_a_stream_that_may_end_early_is_stopped_where_it_waits() -> None:
    ended = []

    async def numbers():
        try:
            yield 1
            await trio.sleep_forever()
        finally:
            ended.append(True)

    stream, given = Stream(map_to_text(numbers()), ends_at_shutdown=True), []
    async with trio.open_nursery() as nursery:

        async def read():
            given.extend([piece async for piece in stream.chunks()])

        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        stream.stop()
    assert (given, ended) == ([b"1"], [True])


async def test_a_stream_that_was_stopped_asks_for_nothing_more() -> None:
    source = Source(b"a", b"b", b"c")
    stream, given = Stream(source, ends_at_shutdown=True), []
    async for piece in stream.chunks():
        given.append(piece)
        stream.stop()
    assert (given, source.given, source.closed) == ([b"a"], 1, 1)


async def test_a_stream_that_may_end_early_sends_everything_unless_it_is_stopped() -> None:
    source = Source(b"a", b"b")
    stream = Stream(source, ends_at_shutdown=True)
    assert [piece async for piece in stream.chunks()] == [b"a", b"b"]
    assert source.closed == 1


async def map_to_text(numbers):
    async with aclosing(numbers):
        async for number in numbers:
            yield str(number)


async def pieces():
    yield b""


@pytest.mark.parametrize("source", [[b"a"], b"abc", None, 5])
def test_a_source_that_is_not_an_async_iterable_is_refused(source: object) -> None:
    with pytest.raises(TypeError, match=f"takes an async iterable.*not {type(source).__name__}$"):
        Stream(source)


def test_a_generator_function_that_was_not_called_is_recognised() -> None:
    with pytest.raises(TypeError, match="not function: call the function that makes it"):
        Stream(pieces)


@pytest.mark.parametrize("status", [204, 205, 304, 199, 600])
def test_a_status_without_a_body_is_refused(status: int) -> None:
    with pytest.raises(LocalProtocolError, match=str(status)):
        Stream(pieces(), status)


def test_a_length_below_zero_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="content_bytes is 0 or more, or None, not -1"):
        Stream(pieces(), content_bytes=-1)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (None, "application/octet-stream"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/csv; charset=latin-1", "text/csv; charset=latin-1"),
        ("application/x-ndjson", "application/x-ndjson"),
    ],
)
def test_the_type_is_what_was_given(given: str | None, sent: str) -> None:
    assert Stream(pieces(), content_type=given).headers["content-type"] == sent
    if given:
        assert Stream(pieces(), headers={"Content-Type": given}).headers["content-type"] == sent


def test_a_stream_has_the_length_and_the_status_it_was_given() -> None:
    assert Stream(pieces()).content_bytes is None
    known = Stream(pieces(), 201, content_bytes=7)
    assert (known.status, known.content_bytes, known.stops_when_client_leaves) == (201, 7, True)

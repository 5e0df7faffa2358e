"""Sources and tasks that read a request's body late, beside the response or after it has begun."""

from __future__ import annotations

import logging

import pytest
import trio
import trio.testing
from support.serving import in_memory
from support.streaming import GET, Source, receive_chunks
from support.unread_bodies import CHUNKED, POST, SIZED, begin, posting

from trioweb import App, Limits, LocalProtocolError, Response, Stream, Timeouts


async def test_a_short_body_waits_for_a_source_that_reads_it_after_a_long_response(autojump_clock):
    def answer(request):
        async def pieces():
            yield b"x" * 300_000
            await trio.sleep(100)
            yield await request.body()

        return Stream(pieces())

    async with in_memory(posting(answer)) as peer:
        await peer.send(SIZED % 60_000 + b"y" * 60_000 + GET % b"/next")
        await peer.receive_head()
        assert await receive_chunks(peer) == b"x" * 300_000 + b"y" * 60_000
        assert (await peer.receive_response())[1] == b"next"


@pytest.mark.parametrize("framing", [SIZED % 500_000, CHUNKED + b"7A120\r\n"])
async def test_a_long_body_waits_for_a_source_that_reads_it_slowly(autojump_clock, framing):
    def answer(request):
        async def pieces():
            yield "reading\n"
            async for piece in request.stream():
                await trio.sleep(100)
                yield f"{len(piece)}\n"

        return Stream(pieces())

    async with in_memory(posting(answer), pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.send(framing)
        async with trio.open_nursery() as nursery:
            end = b"\r\n0\r\n\r\n" if b"chunked" in framing else b""
            nursery.start_soon(peer.send, b"y" * 500_000 + end)
            await peer.receive_head()
            lines = (await receive_chunks(peer)).split()
        assert lines.pop(0) == b"reading"
        assert sum(map(int, lines)) == 500_000


async def test_bytes_sent_before_the_client_half_closed_reach_their_reader(autojump_clock):
    lengths, ended = [], trio.Event()

    def answer(request):
        async def pieces():
            try:
                yield "reading"
                async for piece in request.stream():
                    lengths.append(len(piece))
                    await trio.sleep(5)
            finally:
                ended.set()

        return Stream(pieces())

    async with in_memory(posting(answer)) as peer:
        await peer.send(SIZED % 200_000 + b"y" * 100_000)
        await trio.sleep(1)
        await peer.send(b"y" * 100_000)
        await peer.stream.aclose()
        await ended.wait()
    assert sum(lengths) == 200_000


async def test_a_source_that_reads_a_little_and_goes_quiet_is_stopped_after_the_end(autojump_clock):
    source = Source("one", then=trio.sleep_forever)

    def answer(request):
        async def pieces():
            await begin(request)
            async for piece in source.run():
                yield piece

        return Stream(pieces())

    async with in_memory(posting(answer, timeouts=Timeouts(body_seconds=7))) as peer:
        await peer.send(SIZED % 50_000 + b"y" * 10)
        await peer.receive_head()
        await peer.stream.aclose()
        with trio.fail_after(8):
            await source.ended.wait()


async def test_a_reader_of_a_discarded_body_gets_an_error(autojump_clock, caplog):
    def answer(request):
        async def pieces():
            yield b"x" * 100_000
            await trio.sleep(1)
            await request.body()

        return Stream(pieces())

    async with in_memory(posting(answer)) as peer:
        await peer.send(SIZED % 500_000 + b"y" * 500_000)
        await peer.receive_head()
        await peer.receive_end()
    (record,) = caplog.records
    assert "the request's body was discarded" in record.message
    assert "Timeouts.body_seconds" in record.message


async def test_a_task_that_is_already_reading_continues_beside_the_response(autojump_clock):
    bodies = []

    async with trio.open_nursery() as nursery:

        async def read(request):
            bodies.append(await request.body())

        def answer(request):
            nursery.start_soon(read, request)

            async def pieces():
                yield "one"
                await trio.sleep(3)

            return Stream(pieces())

        async with in_memory(posting(answer)) as peer:
            await peer.send(SIZED % 4 + b"a")
            await peer.receive_head()
            for byte in (b"b", b"c", b"d"):
                await peer.send(byte)
            assert await receive_chunks(peer) == b"one"
            await peer.send(GET % b"/next")
            assert (await peer.receive_response())[1] == b"next"
    assert bodies == [b"abcd"]


async def test_a_reading_task_gets_an_error_when_the_body_is_taken_from_it(autojump_clock):
    lengths = []

    async with trio.open_nursery() as nursery:

        async def read(request):
            with pytest.raises(LocalProtocolError, match="the rest of its body discarded"):
                async for piece in request.stream():
                    lengths.append(len(piece))
                    await trio.sleep(3)

        app = App()

        @app.post("/")
        async def answer(request):
            nursery.start_soon(read, request)
            await trio.sleep(1)
            return Response(b"x" * 200_000)

        async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
            await peer.send(SIZED % 1_000_000)
            await trio.sleep(2)
            await peer.send(b"y" * 1_000_000)
            assert len((await peer.receive_response())[1]) == 200_000
    assert sum(lengths) < 1_000_000


async def test_a_body_that_never_arrives_is_408_before_the_head_and_cuts_after_it(autojump_clock, caplog):
    def answer(request):
        async def pieces():
            if request.query.get("early"):
                yield "early"
            await request.body()

        return Stream(pieces())

    with caplog.at_level(logging.INFO):
        for target, status in ((b"/", "408"), (b"/?early=1", "200")):
            async with in_memory(posting(answer)) as peer:
                await peer.send((SIZED % 2).replace(b"/", target, 1))
                assert (await peer.receive_head()).startswith(f"HTTP/1.1 {status} ")
                await peer.receive_end()
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


async def test_a_source_may_ask_for_the_body(autojump_clock):
    def answer(request):
        async def pieces():
            yield await request.body()

        return Stream(pieces())

    async with in_memory(posting(answer)) as peer:
        await peer.send(POST % b"Content-Length: 2\r\nExpect: 100-continue\r\n")
        assert (await peer.receive_head()).startswith("HTTP/1.1 100 ")
        await peer.send(b"hi")
        await peer.receive_head()
        assert await receive_chunks(peer) == b"hi"


async def test_a_streamed_error_discards_a_body_that_was_too_long(autojump_clock):
    app = posting(lambda request: None, limits=Limits(body_bytes=1000))

    @app.error_handler(413)
    async def explain(request, error):
        return Stream(Source(*["no" * 50_000] * 3).run(), 413)

    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.send(SIZED % 1_000_000)
        await peer.send(b"x" * 1_000_000)
        assert (await peer.receive_head()).startswith("HTTP/1.1 413 ")
        assert await receive_chunks(peer) == b"no" * 150_000

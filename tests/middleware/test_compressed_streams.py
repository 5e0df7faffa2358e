"""Streams are compressed while they are sent, and decompressing restores them."""

from __future__ import annotations

import gzip
import zlib
from contextlib import aclosing

import httpx
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from support.compressed import GZIPPED, TEXT, answering, raw
from support.serving import connected, in_memory, running
from support.streaming import receive_chunk, receive_chunks

from trioweb import App, EventStream, Response, Stream
from trioweb.middleware import GZip
from trioweb.testing import open_client


async def test_each_piece_of_a_stream_leaves_before_the_next_is_made():
    may_go_on = trio.Event()

    async def pieces():
        yield "first "
        await may_go_on.wait()
        yield ""
        yield "second"

    app = answering(lambda: Stream(pieces(), content_type="text/plain"))
    with trio.fail_after(10):
        async with open_client(app) as client, client.stream("GET", "/", headers=GZIPPED) as response:
            assert response.headers["content-encoding"] == "gzip"
            assert response.headers["transfer-encoding"] == "chunked"
            decoder, text = zlib.decompressobj(31), b""
            async for piece in response.aiter_raw():
                text += decoder.decompress(piece)
                if text == b"first ":
                    may_go_on.set()
            assert text == b"first second"
            assert decoder.eof


async def test_the_head_of_a_stream_leaves_when_the_stream_wants_it_to():
    may_go_on = trio.Event()

    async def pieces():
        yield b""
        await may_go_on.wait()
        yield b"now"

    app = answering(lambda: Stream(pieces(), content_type="text/plain"))
    with trio.fail_after(10):
        async with open_client(app) as client, client.stream("GET", "/", headers=GZIPPED) as response:
            may_go_on.set()
            assert await response.aread() == b"now"


async def test_an_empty_stream_is_an_empty_text():
    async def pieces():
        return
        yield

    async with open_client(answering(lambda: Stream(pieces(), content_type="text/plain"))) as client:
        response = await client.get("/", headers=GZIPPED)
        assert (response.status_code, response.content) == (200, b"")


async def test_a_stream_of_a_known_short_length_is_left_alone():
    async def pieces():
        yield "short"

    app = answering(lambda: Stream(pieces(), content_type="text/plain", content_bytes=5))
    async with open_client(app) as client:
        response, content = await raw(client)
        assert (content, response.headers["content-length"]) == (b"short", "5")


async def endless():
    while True:
        yield "on and on "


async def quiet():
    yield "one"
    await trio.sleep_forever()


@pytest.mark.parametrize("source", [endless, quiet])
async def test_a_stream_is_closed_when_the_client_leaves(autojump_clock, source):
    ended = trio.Event()

    async def pieces():
        try:
            async with aclosing(source()) as some:
                async for piece in some:
                    yield piece
        finally:
            ended.set()

    app = answering(lambda: Stream(pieces(), content_type="text/plain"))
    with trio.fail_after(10):
        async with open_client(app) as client:
            async with client.stream("GET", "/", headers=GZIPPED) as response:
                assert response.headers["content-encoding"] == "gzip"
            await ended.wait()


@pytest.mark.slow
async def test_a_stream_that_a_shutdown_ends_is_complete():
    async def pieces():
        yield TEXT
        await trio.sleep_forever()

    app = answering(lambda: Stream(pieces(), content_type="text/plain", ends_at_shutdown=True))
    with trio.fail_after(10):
        async with running(app) as server, connected(server) as peer:
            await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
            assert "content-encoding: gzip" in (await peer.receive_head()).lower()
            first = await receive_chunk(peer)
            await server.aclose(grace_seconds=60)
            assert gzip.decompress(first + await receive_chunks(peer)).decode() == TEXT
            assert await peer.receive_end() == b""


async def test_a_stream_that_fails_is_incomplete(caplog):
    async def pieces():
        yield "one"
        raise RuntimeError("broken")

    app = answering(lambda: Stream(pieces(), content_type="text/plain"))
    async with open_client(app, raise_errors=False) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/", headers=GZIPPED)


async def test_events_are_never_compressed():
    async def events():
        yield "hello"

    async with open_client(answering(lambda: EventStream(events()))) as client:
        response, content = await raw(client)
        assert b"data: hello\n\n" in content
        assert not {"content-encoding", "vary"} & set(response.headers)

    async def own():
        yield "data: mine\n\n"

    async with open_client(answering(lambda: Stream(own(), content_type="text/event-stream"))) as client:
        response, content = await raw(client)
        assert content == b"data: mine\n\n"
        assert not {"content-encoding", "vary"} & set(response.headers)


async def test_a_stream_with_a_keepalive_is_left_alone():
    async def events():
        yield "hello"

    def make():
        response = EventStream(events(), headers={"Cache-Control": "no-cache"})
        response.headers["content-type"] = "text/plain"
        return response

    async with open_client(answering(make)) as client:
        response, _ = await raw(client)
        assert "content-encoding" not in response.headers


async def test_http_1_0_gets_a_compressed_stream_until_the_connection_ends():
    async def pieces():
        yield TEXT

    app = answering(lambda: Stream(pieces(), content_type="text/plain"))
    async with in_memory(app) as peer:
        await peer.send(b"GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n")
        head = await peer.receive_head()
        assert "content-encoding: gzip" in head.lower()
        assert gzip.decompress(await peer.receive_end()).decode() == TEXT


@given(
    pieces=st.lists(st.binary(max_size=2000), max_size=8), level=st.integers(1, 9), size=st.integers(0, 99)
)
def test_decompressing_restores_every_stream(pieces, level, size):
    class Pieces(Response):
        is_streamed = True

        async def chunks(self):
            for piece in pieces:
                yield piece * size

    async def main():
        app = App()
        app.middleware(GZip(level=level))

        @app.get("/")
        async def answer(request):
            return Pieces(content_type="text/plain")

        async with in_memory(app) as peer:
            await peer.send(b"GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n")
            await peer.receive_head()
            assert gzip.decompress(await peer.receive_end()) == b"".join(piece * size for piece in pieces)

    trio.run(main)

"""Streamed responses whose client leaves, and its input before that."""

from __future__ import annotations

import logging
from functools import partial

import httpx
import pytest
import trio
import trio.testing
from support.serving import connected, in_memory, running
from support.streaming import GET, Source, receive_chunk, receive_chunks, serving
from support.tls import contexts, tls_client

import trioweb
from trioweb import App, File, Response, Stream, Text
from trioweb.testing import TEXT, RawPeer, frame, handshake


async def test_a_source_that_waits_is_stopped_when_the_client_leaves(autojump_clock, caplog):
    source = Source("one", then=trio.sleep_forever)
    async with in_memory(serving(lambda: Stream(source.run()))) as peer:
        with caplog.at_level(logging.INFO):
            await peer.send(GET % b"/")
            await peer.receive_head()
            started = trio.current_time()
            await peer.stream.aclose()
            await source.ended.wait()
            assert trio.current_time() - started < 1
            await trio.testing.wait_all_tasks_blocked()
    assert source.was_cancelled
    assert len(source.tasks) == 1
    (line,) = caplog.messages
    assert '"GET /" 200' in line


async def test_a_source_is_stopped_before_its_first_piece(autojump_clock, caplog):
    source = Source(then=trio.sleep_forever)
    async with in_memory(serving(lambda: Stream(source.run()))) as peer:
        await peer.send(GET % b"/")
        await trio.testing.wait_all_tasks_blocked()
        await peer.stream.aclose()
        await source.ended.wait()
    assert source.was_cancelled
    assert not caplog.records


@pytest.mark.parametrize("pieces", range(6))
async def test_the_source_is_closed_once_in_its_task_wherever_the_client_leaves(autojump_clock, pieces):
    source = Source(*(f"{number}" for number in range(5)), then=trio.sleep_forever)
    app = serving(lambda: Stream(source.run()))
    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.send(GET % b"/")
        if pieces:
            await peer.receive_head()
        for number in range(pieces - 1):
            assert await receive_chunk(peer) == b"%d" % number
        await peer.stream.aclose()
        await source.ended.wait()
    assert len(source.tasks) == 1


async def test_a_client_that_leaves_a_real_socket_stops_the_source(caplog):
    source = Source("one", then=trio.sleep_forever)
    app = serving(lambda: Stream(source.run()))
    async with running(app) as server, httpx.AsyncClient(base_url=server.urls[0]) as client:
        async with client.stream("GET", "/") as answer:
            with trio.CancelScope() as scope:
                async for text in answer.aiter_text():
                    assert text == "one"
                    scope.cancel()
        with trio.fail_after(5):
            await source.ended.wait()
        assert (await client.get("/next")).text == "next"
    assert not caplog.records


async def test_a_reset_stops_the_source():
    source = Source("one", then=trio.sleep_forever)
    async with running(serving(lambda: Stream(source.run()))) as server, connected(server) as peer:
        await peer.send(GET % b"/")
        await peer.receive_head()
        peer.stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await peer.stream.aclose()
        with trio.fail_after(5):
            await source.ended.wait()


@pytest.mark.slow
@pytest.mark.parametrize("version", ["TLS 1.2", "TLS 1.3"])
@pytest.mark.parametrize("says_goodbye", [False, True])
async def test_a_client_that_leaves_over_tls_stops_the_source(version, says_goodbye):
    server_context, client_context = contexts(version)
    source = Source("one", then=trio.sleep_forever)
    app = serving(lambda: Stream(source.run()))
    async with running(app, ssl_context=server_context) as server:
        async with tls_client(server.port, client_context) as client:
            peer = RawPeer(client)
            await peer.send(GET % b"/")
            await peer.receive_head()
            assert await receive_chunk(peer) == b"one"
            if says_goodbye:
                await client.send_raw(client.goodbye())
                with trio.fail_after(5):
                    await source.ended.wait()
        with trio.fail_after(5):
            await source.ended.wait()


async def test_a_client_that_only_half_closed_gets_files_and_whole_bodies(autojump_clock, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 300_000)
    app = serving(lambda: File(tmp_path / "file"))

    @app.get("/text")
    async def text(request):
        await trio.sleep(1)
        return Text("whole")

    for path, length in ((b"/", 300_000), (b"/text", 5)):
        async with in_memory(app) as peer:
            await peer.send(GET % path)
            await peer.stream.send_eof()
            assert len((await peer.receive_response())[1]) == length


# Input from the client meanwhile.


async def test_requests_that_come_meanwhile_are_answered_in_their_turn(autojump_clock):
    go = trio.Event()
    async with in_memory(serving(lambda: Stream(Source("one", then=go.wait).run()))) as peer:
        await peer.send(GET % b"/" + GET % b"/next" + GET[:4])
        await peer.receive_head()
        for byte in (GET % b"/next")[4:] + GET % b"/next":
            await peer.send(bytes([byte]))
        go.set()
        assert await receive_chunks(peer) == b"one"
        for _ in range(3):
            assert (await peer.receive_response())[1] == b"next"


async def test_a_handshake_that_comes_meanwhile_is_accepted_with_its_first_frame():
    go = trio.Event()
    app = serving(lambda: Stream(Source("one", then=go.wait).run()))

    @app.websocket("/ws")
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    async with running(app) as server, connected(server) as peer:
        await peer.send(GET % b"/")
        await peer.receive_head()
        assert await receive_chunk(peer) == b"one"
        await peer.send(handshake("/ws") + frame(TEXT, b"early"))
        await trio.testing.wait_all_tasks_blocked(0.01)
        go.set()
        assert await receive_chunks(peer) == b""
        assert (await peer.receive_head()).startswith("HTTP/1.1 101")
        assert await peer.receive_text() == "early"
        await peer.send_text("late")
        assert await peer.receive_text() == "late"
        await peer.close()


async def test_no_more_than_a_bound_is_read_ahead(autojump_clock):
    source = Source("one", then=trio.sleep_forever)
    app = serving(lambda: Stream(source.run()))
    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.send(GET % b"/")
        await peer.receive_head()
        sent = 0
        with trio.move_on_after(5):
            while sent < 10_000_000:
                await peer.send(b"x" * 10_000)
                sent += 10_000
        assert sent < 200_000
        assert not source.ended.is_set()


async def test_a_source_may_read_the_request_while_it_answers(autojump_clock):
    app = App()

    @app.post("/")
    async def echo(request):
        return Stream(piece async for piece in request.stream())

    async with in_memory(app) as peer:
        await peer.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for word in (b"one", b"two"):
            await peer.send(b"3\r\n%s\r\n" % word)
            if word == b"one":
                await peer.receive_head()
            assert await receive_chunk(peer) == word
        await peer.send(b"0\r\n\r\n")
        assert await receive_chunk(peer) == b""


async def test_a_client_that_leaves_is_noticed_once_its_request_has_arrived(autojump_clock):
    source = Source("one", then=trio.sleep_forever)
    app = App()

    @app.post("/")
    async def answer(request):
        async def pieces():
            yield "early"
            assert await request.body() == b"hello"
            async for piece in source.run():
                yield piece

        return Stream(pieces())

    async with in_memory(app) as peer:
        await peer.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe")
        await peer.receive_head()
        assert await receive_chunk(peer) == b"early"
        await peer.send(b"llo")
        assert await receive_chunk(peer) == b"one"
        await peer.stream.aclose()
        await source.ended.wait()


async def test_a_request_that_fails_while_it_is_answered_is_not_a_bug_of_the_program(autojump_clock, caplog):
    app = App()

    @app.post("/")
    async def echo(request):
        return Stream(piece async for piece in request.stream())

    async with in_memory(app) as peer:
        with caplog.at_level(logging.INFO):
            await peer.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
            await peer.receive_head()
            assert await receive_chunk(peer) == b"a"
            await peer.send(b"what?\r\n")
            assert await peer.receive_end() == b""
    broken, line = caplog.records
    assert broken.levelname == "INFO"
    assert broken.message.startswith("POST / broke off within its response: ")
    assert '"POST /" 200' in line.message


async def test_any_response_with_pieces_is_stopped_as_a_stream_is(autojump_clock):
    source = Source(b"one", then=trio.sleep_forever)

    class Own(Response):
        is_streamed = True

        def chunks(self):
            return source.run()

    async with in_memory(serving(Own)) as peer:
        await peer.send(GET % b"/")
        await peer.receive_head()
        await peer.stream.aclose()
        await source.ended.wait()
    assert source.was_cancelled


async def test_a_channel_is_a_source_and_is_closed_with_its_client(autojump_clock):
    send, receive = trio.open_memory_channel(0)
    async with in_memory(serving(lambda: Stream(receive))) as peer:
        await peer.send(GET % b"/")
        await send.send("one")
        await peer.receive_head()
        assert await receive_chunk(peer) == b"one"
        await peer.stream.aclose()
        await trio.sleep(1)
        with pytest.raises(trio.BrokenResourceError):
            await send.send("two")


async def test_a_client_that_leaves_a_tls_listener_of_the_programs_own_stops_the_source():
    server_context, client_context = contexts()
    source = Source("one", then=trio.sleep_forever)
    app = serving(lambda: Stream(source.run()))
    (tcp,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        listener = trio.SSLListener(tcp, server_context)
        server = await nursery.start(partial(trioweb.serve, app, listeners=[listener]))
        async with tls_client(server.port, client_context) as client:
            peer = RawPeer(client)
            await peer.send(GET % b"/next" + GET % b"/")
            assert (await peer.receive_response())[1] == b"next"
            await peer.receive_head()
            assert await receive_chunk(peer) == b"one"
            await peer.send(GET % b"/next")
        with trio.fail_after(5):
            await source.ended.wait()
        await server.aclose()


async def test_a_client_that_half_closes_still_gets_a_short_stream(autojump_clock):
    source = Source("one", "two")
    async with in_memory(serving(lambda: Stream(source.run()))) as peer:
        await peer.send(GET % b"/")
        await peer.stream.send_stream.aclose()
        await peer.receive_head()
        assert await receive_chunks(peer) == b"onetwo"

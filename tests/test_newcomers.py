"""Programs that were written for asyncio, or for other arguments, are told what to write here."""

from __future__ import annotations

import asyncio

import pytest
import trio
from support.serving import in_memory

import trioweb
from trioweb import App, Config, SetupError

SAYS_TRIO = "trioweb runs handlers under Trio, where nothing of asyncio works: write trio.sleep"


def test_serving_with_asyncio_says_that_trio_is_needed():
    with pytest.raises(SetupError, match=r"write trioweb\.run\(app\), or trio\.run\(trioweb\.serve, app\)"):
        asyncio.run(trioweb.serve(App()))


def test_serving_a_stream_with_asyncio_says_that_trio_is_needed():
    ours, _ = trio.testing.memory_stream_pair()
    with pytest.raises(SetupError, match="trioweb runs under Trio"):
        asyncio.run(trioweb.serve_stream(App(), ours))


async def test_asyncio_in_a_handler_is_explained_in_the_log_and_on_the_debug_page(autojump_clock, caplog):
    app = App(Config(debug=True))

    @app.get("/")
    async def sleeping(request):
        await asyncio.sleep(1)

    async with in_memory(app) as peer:
        await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        _, page = await peer.receive_response()
    assert SAYS_TRIO in page.decode()
    assert caplog.text.count(SAYS_TRIO) == 1


async def test_asyncio_in_the_handler_of_a_websocket_is_explained_in_the_log(autojump_clock, caplog):
    app = App()

    @app.websocket("/")
    async def sleeping(ws):
        await ws.accept()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(asyncio.sleep, 1)

    async with in_memory(app) as peer:
        await peer.open()
        assert (await peer.receive_close())[0] == 1011
    assert caplog.text.count(SAYS_TRIO) == 1


async def test_other_errors_are_logged_as_they_are(autojump_clock, caplog):
    app = App()

    @app.get("/")
    async def failing(request):
        raise RuntimeError("no running engine")

    async with in_memory(app) as peer:
        await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await peer.receive_response()
    assert "no running engine" in caplog.text and "Trio" not in caplog.text


@pytest.mark.parametrize(
    ("mistake", "advice"),
    [
        (lambda: trioweb.Text("made", status_code=201), "write status="),
        (lambda: trioweb.Response("<p>", media_type="text/html"), "write content_type="),
        (lambda: trioweb.JSON({}, status_code=201), "write status="),
        (lambda: trioweb.HTTPError(status_code=404), "write status="),
        (lambda: trioweb.Text("").set_cookie("name", "value", max_age=60), "write max_age_seconds="),
    ],
)
async def test_an_argument_of_another_framework_is_explained(autojump_clock, caplog, mistake, advice):
    app = App(Config(debug=True))

    @app.get("/")
    async def mistaken(request):
        return mistake()

    async with in_memory(app) as peer:
        await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        _, page = await peer.receive_response()
    assert advice in page.decode() and advice in caplog.text


async def test_an_argument_that_only_the_program_knows_is_not_explained(autojump_clock, caplog):
    app = App()

    def own(body): ...

    @app.get("/")
    async def mistaken(request):
        own(status_code=201)

    async with in_memory(app) as peer:
        await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await peer.receive_response()
    assert "status_code" in caplog.text and "another name for it" not in caplog.text

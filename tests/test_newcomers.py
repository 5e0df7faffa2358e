"""Programs that were written for asyncio, or for other arguments, get an error with advice."""

from __future__ import annotations

import asyncio
import traceback
from contextlib import asynccontextmanager

import pytest
import trio
import trio.lowlevel

import trioweb
from trioweb import App, Config, ConfigError, Router, SetupError
from trioweb.testing import open_client

SAYS_TRIO = "trioweb runs handlers under Trio, where asyncio does not work: write trio.sleep"


async def page_of(app):
    """What a browser would show for a handler that fails."""
    async with open_client(app, raise_errors=False) as client:
        return (await client.get("/")).text


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

    assert SAYS_TRIO in await page_of(app)
    assert caplog.text.count(SAYS_TRIO) == 1


async def test_asyncio_in_the_handler_of_a_websocket_is_explained_in_the_log(autojump_clock, caplog):
    app = App()

    @app.websocket("/")
    async def sleeping(ws):
        await ws.accept()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(asyncio.sleep, 1)

    async with open_client(app, raise_errors=False) as client, client.websocket("/") as ws:
        await ws.expect_close(1011)
    assert caplog.text.count(SAYS_TRIO) == 1


async def test_unrelated_errors_are_logged_as_they_are(autojump_clock, caplog):
    app = App()

    @app.get("/")
    async def failing(request):
        raise RuntimeError("no running engine")

    await page_of(app)
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

    assert advice in await page_of(app) and advice in caplog.text


async def test_an_argument_that_only_the_program_knows_is_not_explained(autojump_clock, caplog):
    app = App()

    def own(body): ...

    @app.get("/")
    async def mistaken(request):
        own(status_code=201)

    await page_of(app)
    assert "status_code" in caplog.text and "another name for it" not in caplog.text


def _queue():
    return asyncio.Queue().get()


def _event():
    return asyncio.Event().wait()


async def _lock():
    lock = asyncio.Lock()
    await lock.acquire()
    await lock.acquire()


async def _future():
    loop = asyncio.new_event_loop()
    try:
        await loop.run_in_executor(None, int)
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _thread():
    await asyncio.get_running_loop().run_in_executor(None, int)


@pytest.mark.parametrize("call", [_queue, _event, _lock, _future, _thread])
async def test_every_wait_for_the_loop_of_asyncio_is_explained(caplog, call):
    app = App()

    @app.get("/")
    async def waiting(request):
        await call()

    await page_of(app)
    assert caplog.text.count(SAYS_TRIO) == 1


async def test_asyncio_in_the_lifespan_is_explained():
    @asynccontextmanager
    async def lifespan(nursery):
        await asyncio.sleep(1)
        yield

    with pytest.raises(RuntimeError) as told:
        await trioweb.serve(App(lifespan=lifespan), port=0)
    assert SAYS_TRIO in "".join(traceback.format_exception(told.value))


async def test_the_error_for_an_http_error_after_the_handshake_says_what_to_raise(autojump_clock, caplog):
    app = App()

    @app.websocket("/")
    async def handler(ws):
        await ws.accept()
        raise trioweb.HTTPError(404)

    async with open_client(app, raise_errors=False) as client, client.websocket("/") as ws:
        await ws.expect_close(1011)
    assert "no status can be sent: raise CloseWebSocket(code, reason)" in caplog.text


async def test_running_within_trio_says_how_to_serve_in_a_nursery():
    with pytest.raises(
        SetupError, match=r"which runs already: write await nursery\.start\(trioweb\.serve, app\)"
    ):
        trioweb.run(App())


def test_running_a_name_says_that_the_app_itself_is_wanted():
    with pytest.raises(
        ConfigError, match=r"an App, not 'main:app': write trioweb\.run\(app\), or in a shell"
    ):
        trioweb.run("main:app")


@pytest.mark.parametrize(
    ("mistake", "advice"),
    [
        (
            lambda: App().include(Router(), "/x"),
            r'include takes a prefix and then a router, as in app\.include\("/x"',
        ),
        (lambda: App().include("/x", 3), "include takes a prefix and then a router.* not '/x' and 3"),
        (lambda: Router().include(Router(), "/x"), "include takes a prefix and then a router"),
        (lambda: App().get(_lock), r'write the decorator with its path, as in @app\.get\("/path"\)'),
        (lambda: App().websocket(_lock), "write the decorator with its path"),
        (lambda: App().get("/{int:id}"), r"the type before the name in '\{int:id\}': write \{id:int\}$"),
        (lambda: App().get("/x/:id"), r"has ':id' for a parameter: write \{id\}$"),
        (lambda: App().static("static", "."), "unlike 'static': write '/static'$"),
        (lambda: App(lifespan=3), "lifespan=3: expected an async context manager function"),
        (lambda: trioweb.Response("x", "200"), "a status from 200 to 599, not '200'"),
        (
            lambda: trioweb.CloseWebSocket("4000"),
            "a close code is an int and its reason a str, not '4000' and ''",
        ),
        (lambda: trioweb.CloseWebSocket(4000, b"x"), "its reason a str, not 4000 and b'x'"),
        (lambda: trioweb.HTTPError("404"), "a status from 400 to 599, not '404'"),
    ],
)
def test_a_mistake_is_explained_in_the_words_of_the_program(mistake, advice):
    with pytest.raises(trioweb.TriowebError, match=advice):
        mistake()


async def test_an_unknown_host_is_named():
    with pytest.raises(OSError, match=r"host 'no such host' cannot be resolved: "):
        await trioweb.serve(App(), "no such host", 0)


async def test_the_missing_folder_of_a_unix_socket_is_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=f"the folder '{tmp_path}/no' for the Unix socket does not exist"
    ):
        await trioweb.serve(App(), unix_path=tmp_path / "no" / "socket")

"""The responses that middleware sees, what it may do with them, and that nothing stays open."""

from __future__ import annotations

from functools import partial

import pytest
import trio

from trioweb import App, Config, File, HTTPError, Response, SetupError, Text, Timeouts
from trioweb.testing import open_client


async def pass_on(request, call_next):
    return await call_next(request)


class Opened(Response):
    """Holds something that must be closed, like an open file."""

    is_streamed = True
    is_closed = False

    async def chunks(self):
        for piece in (b"<p>", b"hello"):
            assert not self.is_closed
            yield piece

    def close(self):
        self.is_closed = True


class Opening(Response):
    """Opens it when it is prepared."""

    is_streamed = True

    def __init__(self):
        super().__init__()
        self.opened = []

    async def prepare(self, request):
        self.opened.append(Opened(content_type="text/html"))
        return self.opened[-1]

    @property
    def all_closed(self):
        return [one.is_closed for one in self.opened]


@pytest.fixture
def served():
    """An app whose response must be closed, and that response."""
    app, opening = App(Config(timeouts=Timeouts(drain_seconds=0.1))), Opening()

    @app.get("/")
    async def index(request):
        return opening

    return app, opening


class Stamp:
    """Middleware may be an object."""

    async def __call__(self, request, call_next):
        response = await call_next(request)
        response.headers["x-stamp"] = str(response.status)
        return response


async def test_an_object_may_be_middleware():
    app = App()
    app.middleware(Stamp())

    async with open_client(app) as client:
        assert (await client.get("/")).headers["x-stamp"] == "404"


async def test_an_async_function_with_some_arguments_given_may_be_middleware():
    async def stamp(text, request, call_next):
        response = await call_next(request)
        response.headers["x-stamp"] = text
        return response

    app = App()
    app.middleware(partial(stamp, "partial"))

    async with open_client(app) as client:
        assert (await client.get("/")).headers["x-stamp"] == "partial"


class Plain:
    def __call__(self, request, call_next):
        raise AssertionError("never called")


@pytest.mark.parametrize("thing", [Stamp, Plain(), Plain, 7, lambda request, call_next: None])
def test_a_class_or_something_that_is_not_async_is_refused(thing):
    with pytest.raises(SetupError, match=r"write async def, or GZip\(\) and not GZip"):
        App().middleware(thing)


async def test_middleware_sees_the_status_that_a_file_is_sent_with(tmp_path):
    app, seen = App(), []
    page = tmp_path / "page.html"
    page.write_text("<p>hello")

    @app.middleware
    async def look(request, call_next):
        response = await call_next(request)
        seen.append((response.status, response.headers.get("content-length"), response.content_bytes))
        return response

    @app.get("/")
    async def index(request):
        return File(page)

    async with open_client(app) as client:
        first = await client.get("/")
        await client.get("/", headers={"If-None-Match": first.headers["etag"]})
        await client.get("/", headers={"Range": "bytes=2-3"})
        assert [status for status, *_ in seen] == [200, 304, 206]
        page.unlink()
        assert (await client.get("/")).status_code == 404
        assert seen[-1][0] == 404


async def test_the_response_for_a_missing_file_passes_all_middleware(tmp_path):
    app = App()
    app.middleware(Stamp())

    @app.get("/")
    async def index(request):
        return File(tmp_path / "nothing")

    @app.error_handler(404)
    async def not_found(request, error):
        return Text("not here", 404)

    async with open_client(app) as client:
        response = await client.get("/")
        assert (response.text, response.headers["x-stamp"]) == ("not here", "404")


async def test_one_response_for_all_requests_does_not_collect_the_fields_of_each():
    app, shared = App(), Text("the same")

    @app.middleware
    async def mark(request, call_next):
        response = await call_next(request)
        if "mark" in request.query:
            response.headers.add("x-mark", request.query["mark"])
            response.status = 299
        return response

    @app.get("/")
    async def index(request):
        return shared

    async with open_client(app) as client:
        for text in ("one", "two"):
            marked = await client.get("/", params={"mark": text})
            assert (marked.headers["x-mark"], marked.status_code) == (text, 299)
        plain = await client.get("/")
        assert "x-mark" not in plain.headers
        assert (plain.status_code, plain.text) == (200, "the same")
    assert shared.headers.lines() == [("content-type", "text/plain; charset=utf-8")]


async def test_a_file_that_middleware_does_not_send_is_closed(served):
    app, opening = served

    @app.middleware
    async def instead(request, call_next):
        await call_next(request)
        return "instead"

    async with open_client(app) as client:
        assert (await client.get("/")).text == "instead"
    assert opening.all_closed == [True]


async def test_a_file_inside_a_streamed_response_is_open_until_that_ends(served):
    class Shouted(Response):
        is_streamed = True

        def __init__(self, inner):
            super().__init__(content_type="text/html")
            self.inner = inner

        async def chunks(self):
            async for chunk in self.inner.chunks():
                yield chunk.upper()

    app, opening = served

    @app.middleware
    async def shout(request, call_next):
        return Shouted(await call_next(request))

    async with open_client(app) as client:
        assert (await client.get("/")).text == "<P>HELLO"
    assert opening.all_closed == [True]


@pytest.mark.parametrize("depth", [1, 3])
async def test_a_file_is_closed_when_middleware_fails_after_it(served, depth, caplog):
    app, opening = served
    for _ in range(depth - 1):
        app.middleware(pass_on)

    @app.middleware
    async def fail(request, call_next):
        await call_next(request)
        raise RuntimeError("no")

    async with open_client(app, raise_errors=False) as client:
        assert (await client.get("/")).status_code == 500
    assert opening.all_closed == [True]


async def test_a_file_is_closed_when_its_middleware_is_cancelled(served, autojump_clock):
    (app, opening), waiting = served, trio.Event()

    @app.middleware
    async def wait(request, call_next):
        await call_next(request)
        waiting.set()
        await trio.sleep_forever()

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:

            async def serve():
                async with open_client(app) as client:
                    await client.get("/")

            nursery.start_soon(serve)
            await waiting.wait()
            nursery.cancel_scope.cancel()
    assert opening.all_closed == [True]


@pytest.mark.parametrize("depth", [0, 1, 2])
async def test_a_file_returned_by_the_outermost_layer_is_prepared(served, depth):
    app, opening = served

    @app.middleware
    async def instead(request, call_next):
        await call_next(request)
        return opening

    for _ in range(depth):
        app.middleware(pass_on)

    async with open_client(app) as client:
        assert (await client.get("/")).text == "<p>hello"
    assert opening.all_closed == [True, True]


async def test_a_response_that_prepares_itself_is_prepared_once():
    class Counted(Response):
        async def prepare(self, request):
            self.headers.add("x-prepared", "yes")
            return self

    app = App()
    app.middleware(pass_on)

    @app.get("/")
    async def index(request):
        return Counted("body")

    async with open_client(app) as client:
        response = await client.get("/")
        assert response.headers.get_list("x-prepared") == ["yes"]
        assert (response.text, response.headers["content-length"]) == ("body", "4")


@pytest.mark.parametrize("has_middleware", [False, True])
async def test_an_error_handler_whose_file_is_missing_has_failed(tmp_path, caplog, has_middleware):
    app = App()
    if has_middleware:
        app.middleware(pass_on)

    @app.error_handler(404)
    async def not_found(request, error):
        return File(tmp_path / "404.html", 404)

    async with open_client(app) as client:
        response = await client.get("/")
        assert response.status_code == 404
        assert response.text == "404 Not Found\n"
        (tmp_path / "404.html").write_text("<h1>Gone fishing")
        response = await client.get("/")
        assert (response.status_code, response.text) == (404, "<h1>Gone fishing")


async def test_a_request_may_be_passed_on_twice(served):
    app, opening = served

    @app.middleware
    async def twice(request, call_next):
        await call_next(request)
        return await call_next(request)

    async with open_client(app) as client:
        assert (await client.get("/")).text == "<p>hello"
    assert opening.all_closed == [True, True]


async def test_a_refusal_by_the_outermost_layer_is_a_response():
    app = App()

    @app.middleware
    async def refuse(request, call_next):
        raise HTTPError(403, "no")

    async with open_client(app) as client:
        assert (await client.get("/")).status_code == 403

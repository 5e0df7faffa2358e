"""Middleware, error handlers, state and static files, through a running session."""

from __future__ import annotations

import pytest
import trio
import trio.testing

import trioweb
from trioweb import (
    App,
    Config,
    ConfigError,
    DuplicateRoute,
    HandshakeRejected,
    HTTPError,
    Router,
    SetupError,
    Text,
)
from trioweb.app import responder_of
from trioweb.testing import open_client


async def answer(app, path="/"):
    async with open_client(app, raise_errors=False) as client:
        return await client.get(path)


async def refusal(app, path="/"):
    """Open a WebSocket that is refused, and return the response."""
    async with open_client(app) as client:
        with pytest.raises(HandshakeRejected) as rejected:
            async with client.websocket(path):
                pass
    return rejected.value


async def test_middleware_surrounds_requests_in_the_order_it_was_added(autojump_clock):
    app, order = App(), []

    @app.middleware
    async def outer(request, call_next):
        order.append("outer in")
        request.state["user"] = "ann"
        response = await call_next(request)
        order.append("outer out")
        response.headers["x-outer"] = "yes"
        return response

    @app.middleware
    async def inner(request, call_next):
        order.append("inner")
        return await call_next(request)

    @app.get("/")
    async def index(request):
        order.append(request.state.user)
        return Text("x")

    response = await answer(app)
    assert order == ["outer in", "inner", "ann", "outer out"]
    assert response.headers["x-outer"] == "yes"
    assert (await answer(app, "/nowhere")).headers["x-outer"] == "yes", "errors too"


async def test_middleware_surrounds_handshakes_and_may_add_headers_or_refuse(autojump_clock):
    app, seen = App(), []

    @app.middleware
    async def guard(request, call_next):
        if request.query.get("token") != "good":
            raise HTTPError(401, "who are you?")
        request.state["user"] = "ann"
        response = await call_next(request)
        response.headers["x-session"] = "7"
        return response

    @app.websocket("/")
    async def handler(ws):
        seen.append(ws.state["user"])

    refused = await refusal(app)
    assert refused.status == 401
    assert b"who are you?" in refused.body
    async with open_client(app) as client, client.websocket("/?token=good") as ws:
        assert ws.response.headers["x-session"] == "7"
        await ws.expect_close(1000, reason="")
    assert seen == ["ann"]


async def test_middleware_that_returns_another_response_refuses_a_handshake(autojump_clock):
    app = App()

    @app.middleware
    async def refuse(request, call_next):
        await call_next(request)
        return "not today"

    @app.websocket("/")
    async def handler(ws):
        raise AssertionError("never runs")

    refused = await refusal(app)
    assert (refused.status, refused.body) == (200, b"not today")


async def test_middleware_that_forgets_to_return_is_named_in_the_log(autojump_clock, caplog):
    app = App()

    @app.middleware
    async def forgetful(request, call_next):
        await call_next(request)

    @app.get("/")
    async def index(request):
        return "x"

    assert (await answer(app)).status_code == 500
    assert "forgetful returned nothing: expected `return await call_next(request)`" in caplog.text


async def test_error_handlers_are_found_by_status_then_class_then_base(autojump_clock, caplog):
    app = App()

    @app.error_handler(404)
    async def missing(request, error):
        return Text("nothing here", 404)

    @app.error_handler(LookupError)
    async def lookup(request, error):
        return Text(f"no {error}", 410)

    @app.error_handler(ZeroDivisionError)
    async def broken(request, error):
        raise RuntimeError("handler fails too")

    @app.get("/key")
    async def key(request):
        raise KeyError("x")

    @app.get("/zero")
    async def zero(request):
        return 1 / 0

    assert (await answer(app)).text == "nothing here"
    assert (await answer(app, "/key")).status_code == 410
    assert (await answer(app, "/zero")).status_code == 500
    assert "handler fails too" in caplog.text


async def test_a_handler_for_500_answers_every_bug(autojump_clock):
    app = App()

    @app.error_handler(500)
    async def sorry(request, error):
        return Text(f"sorry: {type(error).__name__}", 500)

    @app.get("/")
    async def index(request):
        raise KeyError("x")

    assert (await answer(app)).text == "sorry: KeyError"


async def test_an_error_whose_headers_cannot_be_sent_is_500(autojump_clock, caplog):
    app = App()

    @app.get("/")
    async def index(request):
        raise HTTPError(401, headers={"X-Bad": "a\nb"})

    assert (await answer(app)).status_code == 500
    assert "control character" in caplog.text


def test_functions_that_are_not_async_or_known_twice_are_refused_at_once():
    app = App()
    with pytest.raises(SetupError, match="async def"):
        app.middleware(lambda request, call_next: None)
    with pytest.raises(SetupError, match="async def"):
        app.error_handler(404)(lambda request, error: None)

    async def handler(request, error):
        return None

    app.error_handler(404)(handler)
    with pytest.raises(DuplicateRoute):

        @app.error_handler(404)
        async def other(request, error):
            return None

    for key in (200, True, "404", BaseException, KeyError(), (KeyError, ValueError)):
        with pytest.raises(SetupError, match="status from 400"):
            app.error_handler(key)
    with pytest.raises(SetupError, match=r"write @app\.error_handler\(SomeError\) above the handler"):
        app.error_handler(handler)  # a decorator without its parentheses
    with pytest.raises(SetupError, match=r"one @app\.error_handler\(\.\.\.\) above the handler for each"):
        app.error_handler((KeyError, ValueError))
    with pytest.raises(ConfigError):
        App({"debug": True})


async def test_static_files_and_their_folders(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.html").write_text("<h1>docs</h1>")
    (tmp_path / "site.css").write_text("body {}")
    (tmp_path.parent / "secret").write_text("secret")
    app = App()
    app.static("/static", tmp_path, name="static")
    assert app.url_for("static", relative="site.css") == "/static/site.css"
    async with open_client(app) as client:
        client.follow_redirects = True
        style = await client.get("/static/site.css")
        assert (style.text, style.headers["content-type"]) == ("body {}", "text/css; charset=utf-8")
        again = await client.get("/static/site.css", headers={"If-None-Match": style.headers["etag"]})
        assert again.status_code == 304
        part = await client.get("/static/site.css", headers={"Range": "bytes=0-3"})
        assert (part.status_code, part.text) == (206, "body")
        assert (await client.get("/static/docs")).text == "<h1>docs</h1>"
        assert (await client.get("/static/docs/")).text == "<h1>docs</h1>"
        assert (await client.head("/static/site.css")).headers["content-length"] == "7"
        for path in (
            "/static/../secret",
            "/static/%2e%2e/secret",
            "/static/..%2fsecret",
            "/static",
            "/static/",
        ):
            assert (await client.get(path)).status_code == 404


async def test_static_files_may_be_the_whole_site(tmp_path, autojump_clock):
    (tmp_path / "index.html").write_text("<h1>home</h1>")
    app = App()
    app.static("/", tmp_path)
    assert (await answer(app)).text == "<h1>home</h1>"


@pytest.mark.parametrize("lifespan", [5, lambda: None, lambda one, two, three: None])
def test_a_lifespan_that_cannot_be_called_is_refused_where_it_is_given(lifespan):
    with pytest.raises(SetupError, match="a lifespan is called with the nursery"):
        App(lifespan=lifespan)


def test_an_app_that_would_lose_its_middleware_cannot_be_included():
    async def around(request, call_next):
        return await call_next(request)

    with_middleware, with_error_handler = App(), App()
    with_middleware.middleware(around)
    with_error_handler.error_handler(404)(around)
    around_an_app, around_it = App(), Router()
    around_an_app.middleware(around)
    around_it.include("/inner", around_an_app)
    for app in (with_middleware, with_error_handler, around_it):
        with pytest.raises(SetupError, match="cannot be included"):
            App().include("/api", app)
    App().include("/api", App())


def test_nothing_can_be_put_around_an_app_that_is_already_included():
    async def around(request, call_next):
        raise AssertionError("never called")

    included, in_a_router, router = App(), App(), Router()
    App().include("/api", included)
    router.include("/inner", in_a_router)
    for app in (included, in_a_router):
        with pytest.raises(SetupError, match="middleware of an app that is included in another would never"):
            app.middleware(around)
        with pytest.raises(SetupError, match="an error handler of an app that is included"):
            app.error_handler(404)(around)
        assert responder_of(app).is_bare


def guarded_below():
    async def guard(request, call_next):
        return Text("Log in first.\n", 401)

    guarded = App()
    guarded.middleware(guard)
    app, router = App(), Router()
    app.include("/api", router)
    router.include("/members", guarded)  # a router does not know what an app may lose
    return app


async def test_an_app_that_would_lose_the_middleware_of_an_inner_one_is_not_served(autojump_clock):
    with pytest.raises(SetupError, match="cannot be included, since they would be lost"):
        await trioweb.serve(guarded_below(), port=0)
    _, theirs = trio.testing.memory_stream_pair()
    with pytest.raises(SetupError, match="cannot be included, since they would be lost"):
        await trioweb.serve_stream(guarded_below(), theirs)


def test_an_app_that_would_lose_the_middleware_of_an_inner_one_does_not_run():
    with pytest.raises(SetupError, match="cannot be included, since they would be lost"):
        trioweb.run(guarded_below(), port=0)


async def test_an_intended_response_with_500_is_not_a_bug_and_is_not_logged(autojump_clock, caplog):
    app = App()

    @app.error_handler(500)
    async def sorry(request, error):
        return Text("sorry", 500)

    @app.get("/")
    async def index(request):
        raise HTTPError(500)

    assert (await answer(app)).text == "sorry"
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_websocket_is_shown_with_its_path_and_its_progress(autojump_clock):
    app, seen = App(), []

    @app.websocket("/chat/{name}")
    async def handler(ws, name):
        seen.append(repr(ws))
        await ws.accept()
        seen.append(repr(ws))
        async for _ in ws:
            pass
        seen.append(repr(ws))

    async with open_client(app) as client, client.websocket("/chat/ann") as ws:
        await ws.aclose(1001)
    assert seen == [f"<WebSocket /chat/ann {state}>" for state in ("connecting", "open", "1001")]


async def test_routers_are_included_with_their_websockets(autojump_clock):
    router = Router()

    @router.websocket("/ws/{name}")
    async def handler(ws, name):
        await ws.send(f"hello {name} {ws.path_params['name']}")

    app = App(Config())
    app.include("/api", router)
    async with open_client(app) as client, client.websocket("/api/ws/ann") as ws:
        await ws.expect_text("hello ann ann")

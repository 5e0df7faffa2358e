"""The check, when an app is served, that some path of a handler fills each parameter with a default."""

from __future__ import annotations

import functools
import re

import pytest
import trio
import trio.testing

import trioweb
from trioweb import App, Router, SetupError, serve_stream

USER = object()


async def page(request, page: int = 1): ...
async def word(request, word="all"): ...
async def token(ws, token: str = ""): ...
async def found(request, *, user=USER): ...
async def price(request, price: float | None = None): ...
async def of_tenant(request, tenant="none"): ...


class Pages:
    async def show(self, request, number=1): ...


async def serving(app):
    ours, theirs = trio.testing.memory_stream_pair()
    await theirs.aclose()
    await serve_stream(app, ours)


@pytest.mark.parametrize(
    ("handler", "advice"),
    [
        (page, 'request.query.read("page", int, default=1), and a value'),
        (word, "request.query.read(\"word\", default='all'), and a value"),
        (price, 'request.query.read("price", default=None), and a value'),
        (found, 'request.query.read("user"), and a value'),
    ],
)
async def test_a_parameter_that_would_always_have_its_default_is_refused(handler, advice):
    app, router = App(), Router()
    router.get("/x")(handler)
    app.include("/all", router)
    complaint = (
        f"{handler.__name__!r} that nothing fills, so it would always have its default: neither '/all/x'"
    )
    if handler is found:
        complaint = complaint.replace("found", "user")
    with pytest.raises(SetupError, match=f"{re.escape(complaint)}.*{re.escape(advice)}"):
        await serving(app)


async def test_an_unfilled_default_of_a_websocket_is_refused_by_every_way_to_serve():
    app = App()
    app.websocket("/")(token)
    ways = (
        lambda: serving(app),
        lambda: trioweb.serve(app, port=0),
    )
    for way in ways:
        with pytest.raises(SetupError, match=r"ws\.request\.query\.read\(\"token\", default=''\)"):
            await way()


async def test_a_default_that_one_path_of_the_handler_replaces_is_accepted():
    app = App()
    app.get("/")(page)
    app.get("/{page:int}")(page)
    pages = Pages()
    app.get("/all")(pages.show)
    app.get("/all/{number:int}")(pages.show)
    await serving(app)


async def test_a_default_that_the_prefix_of_an_included_app_replaces_is_accepted_in_both():
    app, inner = App(), App()
    inner.get("/")(of_tenant)
    app.include("/{tenant}", inner)
    await serving(app)
    await serving(inner)


async def test_a_parameter_that_a_partial_fills_is_not_a_default():
    app = App()
    app.get("/")(functools.partial(page, page=3))
    await serving(app)


async def test_a_route_added_after_an_app_was_served_is_checked():
    app = App()
    await serving(app)
    app.get("/")(page)
    with pytest.raises(SetupError, match="nothing fills"):
        await serving(app)


async def test_an_object_that_has_no_hash_may_be_a_handler():
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        async def __call__(self, request, number=1): ...

    app, handler = App(), Unhashable()
    app.get("/")(handler)
    with pytest.raises(SetupError, match="'number' that nothing fills"):
        await serving(app)
    app.get("/{number:int}")(handler)
    await serving(app)

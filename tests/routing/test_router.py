"""The effects of a router's decorators."""

from __future__ import annotations

from typing import Any

import pytest

from trioweb._routing.route import HttpRoute
from trioweb._routing.router import Router
from trioweb.errors import DuplicateRoute


async def handler(request: object, **params: Any) -> None:
    """Answer nothing: only its routes matter here."""


def test_each_method_has_its_decorator() -> None:
    router = Router()
    router.get("/")(handler)
    router.post("/")(handler)
    router.put("/")(handler)
    router.patch("/")(handler)
    router.delete("/")(handler)
    router.route("/", methods=["PROPFIND"])(handler)
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"]:
        route = router._table.resolve("/", method, is_websocket=False).route
        assert isinstance(route, HttpRoute)
        assert route.methods == {method}


def test_a_handler_may_answer_at_several_paths() -> None:
    router = Router()

    @router.get("/a")
    @router.post("/b")
    @router.websocket("/c")
    async def several(request: object) -> None:
        """Answer nothing."""

    assert [route.path for route in router.routes] == ["/c", "/b", "/a"]
    assert {route.handler for route in router.routes} == {several}


def test_a_decorator_that_fails_adds_nothing() -> None:
    router = Router()
    router.get("/a", name="a")(handler)
    with pytest.raises(DuplicateRoute):
        router.route("/a", methods=["PUT", "GET"], name="b")(handler)
    assert len(router.routes) == 1
    router.put("/a", name="b")(handler)
    assert router.url_for("b") == "/a"


def test_the_routes_that_were_listed_do_not_change() -> None:
    router = Router()
    before = router.routes
    router.get("/a")(handler)
    assert before == ()
    assert len(router.routes) == 1

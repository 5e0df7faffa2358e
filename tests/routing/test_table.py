"""Routers in routers: prefixes, converters, duplicates, and later additions."""

from __future__ import annotations

from typing import Any

import pytest

from trioweb._routing.route import HttpRoute, WebSocketRoute
from trioweb._routing.router import Router
from trioweb.config import Limits
from trioweb.errors import DuplicateRoute, HTTPError, PatternError, SetupError


async def handler(request: object, **params: Any) -> None:
    """Answer nothing: only its routes matter here."""


async def other(request: object, **params: Any) -> None:
    """Answer nothing under another name."""


def found(router: Router, raw_path: str) -> tuple[str, dict[str, Any]]:
    match = router._table.resolve(raw_path, "GET", is_websocket=False)
    return match.route.path, match.path_params


def test_routes_before_and_after_the_inclusion_have_the_prefix() -> None:
    root, api, items = Router(), Router(), Router()
    items.get("/first")(handler)
    api.include("/items", items)
    root.include("/api/{version:int}", api)
    items.get("/{item}")(other)
    api.get("/")(handler)
    assert found(root, "/api/2/items/first") == ("/api/{version:int}/items/first", {"version": 2})
    assert found(root, "/api/2/items/a") == ("/api/{version:int}/items/{item}", {"version": 2, "item": "a"})
    assert found(root, "/api/2/") == ("/api/{version:int}/", {"version": 2})
    assert root.url_for("other", version=2, item="a b") == "/api/2/items/a%20b"
    assert found(items, "/a") == ("/{item}", {"item": "a"})
    assert items.url_for("other", item="a") == "/a"
    with pytest.raises(HTTPError):
        found(root, "/api/2")


def test_an_empty_prefix_adds_nothing() -> None:
    root, pages = Router(), Router()
    root.include("", pages)
    pages.get("/a")(handler)
    assert found(root, "/a") == ("/a", {})


def test_routes_are_listed_in_the_order_in_which_they_were_added() -> None:
    root, api = Router(), Router()
    root.get("/a", name="a")(handler)
    api.websocket("/b", limits=Limits(message_bytes=5), subprotocols=["v1"])(other)
    root.include("/api", api)
    root.post("/c")(handler)
    api.get("/d")(handler)
    assert [route.path for route in root.routes] == ["/a", "/api/b", "/c", "/api/d"]
    assert [str(route).partition(" (")[0] for route in root.routes] == [
        "GET /a",
        "WebSocket /api/b",
        "POST /c",
        "GET /api/d",
    ]
    page, socket = root.routes[:2]
    assert isinstance(page, HttpRoute)
    assert page.methods == {"GET"}
    assert (page.name, page.handler) == ("a", handler)
    assert isinstance(socket, WebSocketRoute)
    assert (socket.subprotocols, socket.limits, socket.handler) == (("v1",), Limits(message_bytes=5), other)


@pytest.mark.parametrize(
    ("prefix", "complaint"),
    [
        ("api", 'starts with "/"'),
        ("/", "write ''"),
        ("/api/", "write '/api'"),
        ("/a//b", "empty segment"),
        ("/{rest:path}", "leaves no segments"),
        ("/{a:nothing}", "converter 'nothing'"),
    ],
)
def test_an_invalid_prefix_is_refused(prefix: str, complaint: str) -> None:
    root, api = Router(), Router()
    with pytest.raises(PatternError, match=complaint):
        root.include(prefix, api)
    root.include("/fine", api)


def test_a_parameter_occurs_only_once_in_prefix_and_path() -> None:
    root, early, late = Router(), Router(), Router()
    early.get("/{a}")(handler)
    with pytest.raises(PatternError, match=r"'/\{a\}/\{a\}' has two parameters of the same name"):
        root.include("/{a}", early)
    root.include("/{a}", late)
    with pytest.raises(PatternError, match="same name"):
        late.get("/{a}")(handler)
    assert root.routes == late.routes == ()


def test_a_router_has_one_place_and_no_circle() -> None:
    root, api, items = Router(), Router(), Router()
    with pytest.raises(SetupError, match="in itself"):
        root.include("/a", root)
    root.include("/api", api)
    api.include("/items", items)
    with pytest.raises(SetupError, match="in one that it includes"):
        items.include("/a", root)
    with pytest.raises(SetupError, match="under '/items' already"):
        root.include("/b", items)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/a", "/a"),
        ("/{a}", "/{b}"),
        ("/{a}", "/{b:str}"),
        ("/{a:int}/b/", "/{c:int}/b/"),
        ("/{a:path}", "/{b:path}"),
    ],
)
def test_two_routes_for_the_same_requests_are_refused(first: str, second: str) -> None:
    router = Router()
    router.route(first, methods=["GET", "POST"])(handler)
    router.websocket(first)(handler)
    with pytest.raises(DuplicateRoute) as caught:
        router.route(second, methods=["PUT", "POST"])(other)
    assert f"POST, PUT {second} ({__name__}.other) would" in str(caught.value)
    assert f"GET, POST {first} ({__name__}.handler)" in str(caught.value)
    with pytest.raises(
        DuplicateRoute, match=r"WebSocket .*other.* would answer the same requests as WebSocket"
    ):
        router.websocket(second)(other)
    router.put(second)(other)
    assert len(router.routes) == 3


def test_another_converter_makes_another_place() -> None:
    router = Router()
    router.get("/{a:int}")(handler)
    router.get("/{a:float}")(handler)
    router.get("/{a}")(handler)
    assert len(router.routes) == 3


def test_a_duplicate_in_an_included_router_adds_nothing_anywhere() -> None:
    root, api = Router(), Router()
    root.get("/api/a")(handler)
    root.get("/x", name="taken")(handler)
    api.get("/fine")(other)
    api.get("/a")(other)
    with pytest.raises(DuplicateRoute, match=r"GET /api/a .*other"):
        root.include("/api", api)
    root.include("/elsewhere", api)
    root.get("/elsewhere/b")(handler)
    with pytest.raises(DuplicateRoute, match="GET /elsewhere/b"):
        api.get("/b")(other)
    with pytest.raises(DuplicateRoute, match="'taken'"):
        api.get("/c", name="taken")(other)
    assert [route.path for route in api.routes] == ["/fine", "/a"]
    assert [route.path for route in root.routes][2:] == ["/elsewhere/fine", "/elsewhere/a", "/elsewhere/b"]


def test_an_included_router_knows_its_own_converters_and_those_above() -> None:
    root, api = Router(), Router()
    root.converter("hex", lambda text: int(text, 16))
    root.converter("shared", lambda text: f"root {text}")
    api.converter("shared", lambda text: f"api {text}")
    with pytest.raises(PatternError, match=r"known here: float, int, path, shared, str, uuid\. Register it"):
        api.get("/hex/{a:hex}")
    root.include("/api", api)
    api.get("/hex/{a:hex}")(handler)
    api.get("/shared/{a:shared}")(handler)
    root.get("/shared/{a:shared}")(handler)
    assert found(root, "/api/hex/ff")[1] == {"a": 255}
    assert found(root, "/api/shared/x")[1] == {"a": "api x"}
    assert found(root, "/shared/x")[1] == {"a": "root x"}


def test_the_converters_of_an_included_router_stay_in_it() -> None:
    root, api = Router(), Router()
    api.converter("hex", lambda text: int(text, 16))
    root.include("/api", api)
    with pytest.raises(PatternError, match="'hex'"):
        root.get("/{a:hex}")

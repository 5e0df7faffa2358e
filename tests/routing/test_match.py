"""The one walk that decides between a route, 404, 405 and 426."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._routing.match import find_match
from trioweb._routing.route import HttpRoute, WebSocketRoute
from trioweb._routing.router import Router
from trioweb.errors import HTTPError


async def handler(request: object, **params: Any) -> None:
    """Answer nothing: only its routes matter here."""


def found(router: Router, method: str, raw_path: str) -> str:
    match = router._table.resolve(raw_path, method, is_websocket=False)
    assert isinstance(match.route, HttpRoute)
    return match.route.path


def refused(router: Router, method: str, raw_path: str, *, is_websocket: bool = False) -> HTTPError:
    with pytest.raises(HTTPError) as caught:
        router._table.resolve(raw_path, method, is_websocket=is_websocket)
    return caught.value


def test_an_empty_router_finds_nothing() -> None:
    assert refused(Router(), "GET", "/").status == 404
    assert refused(Router(), "GET", "/", is_websocket=True).status == 404
    assert refused(Router(), "OPTIONS", "*").status == 404


def test_a_get_route_answers_head_unless_head_has_its_own() -> None:
    router = Router()
    router.get("/a")(handler)
    router.get("/b")(handler)
    router.route("/b", methods=["HEAD"])(handler)
    router.post("/c")(handler)
    implied = router._table.resolve("/a", "HEAD", is_websocket=False).route
    own = router._table.resolve("/b", "HEAD", is_websocket=False).route
    assert isinstance(implied, HttpRoute)
    assert implied.methods == {"GET"}
    assert isinstance(own, HttpRoute)
    assert own.methods == {"HEAD"}
    assert refused(router, "HEAD", "/c").headers == {"Allow": "POST"}


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS", "get", "BREW"])
def test_another_method_gets_405_with_the_allowed_ones(method: str) -> None:
    router = Router()
    router.post("/a")(handler)
    router.get("/a")(handler)
    error = refused(router, method, "/a")
    assert (error.status, error.headers) == (405, {"Allow": "GET, HEAD, POST"})


def test_a_route_for_options_answers_it() -> None:
    router = Router()
    router.route("/a", methods=["OPTIONS"])(handler)
    assert found(router, "OPTIONS", "/a") == "/a"


def test_a_place_without_the_method_is_passed_over_for_one_that_has_it() -> None:
    router = Router()
    router.get("/users/me")(handler)
    router.post("/users/{name}")(handler)
    router.delete("/{rest:path}")(handler)
    router.put("/{a}/{b}/{c}")(handler)
    assert found(router, "GET", "/users/me") == "/users/me"
    assert found(router, "POST", "/users/me") == "/users/{name}"
    assert found(router, "DELETE", "/users/me") == "/{rest:path}"
    assert refused(router, "PUT", "/users/me").headers == {"Allow": "DELETE, GET, HEAD, POST"}


def test_a_parameter_may_have_another_name_for_each_method() -> None:
    router = Router()
    router.get("/{room}")(handler)
    router.post("/{name}")(handler)
    assert router._table.resolve("/a", "GET", is_websocket=False).path_params == {"room": "a"}
    assert router._table.resolve("/a", "POST", is_websocket=False).path_params == {"name": "a"}


def test_a_handshake_finds_the_websocket_beside_a_page() -> None:
    router = Router()
    router.get("/chat/{room}")(handler)
    router.websocket("/chat/{name}")(handler)
    match = router._table.resolve("/chat/a", "GET", is_websocket=True)
    assert isinstance(match.route, WebSocketRoute)
    assert match.path_params == {"name": "a"}
    assert found(router, "GET", "/chat/a") == "/chat/{room}"


def test_a_handshake_passes_over_pages_for_a_websocket_further_on() -> None:
    router = Router()
    router.get("/chat")(handler)
    router.get("/{page}")(handler)
    router.websocket("/{rest:path}")(handler)
    assert router._table.resolve("/chat", "GET", is_websocket=True).route.path == "/{rest:path}"


def test_a_handshake_for_a_path_with_pages_only_gets_the_first_of_them() -> None:
    router = Router()
    router.get("/chat")(handler)
    router.get("/{page}")(handler)
    assert router._table.resolve("/chat", "GET", is_websocket=True).route.path == "/chat"


def test_a_handshake_for_a_path_with_neither_gets_the_usual_status() -> None:
    router = Router()
    router.post("/a")(handler)
    assert refused(router, "GET", "/a", is_websocket=True).headers == {"Allow": "POST"}
    assert refused(router, "GET", "/b", is_websocket=True).status == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_websocket_asks_a_plain_get_to_upgrade(method: str) -> None:
    router = Router()
    router.websocket("/chat")(handler)
    error = refused(router, method, "/chat")
    assert error.status == 426
    assert error.headers == {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"}


def test_a_plain_get_passes_over_a_websocket_for_a_page_further_on() -> None:
    router = Router()
    router.websocket("/chat")(handler)
    router.get("/{page}")(handler)
    assert found(router, "GET", "/chat") == "/{page}"


def test_a_websocket_allows_get_to_the_other_methods() -> None:
    router = Router()
    router.websocket("/chat")(handler)
    router.post("/chat")(handler)
    error = refused(router, "DELETE", "/chat")
    assert (error.status, error.headers) == (405, {"Allow": "GET, POST"})
    assert refused(router, "GET", "/chat").status == 426


PATTERNS = [
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/{x}",
    "/{x}/",
    "/a/{x}",
    "/{x}/b",
    "/{x:path}",
    "/100%",
    "/stra\u00dfe",
    "/.a",
]
PATHS = ["/", "/a", "/a/", "/a/b", "/%61", "/a%2Fb", "//a", "/c", "/c/b", "/100%", "/100%25", "/stra%C3%9Fe"]
PATHS += ["/stra\u00c3\u009fe", "/stra\u00dfe", "/.a", "/.", "/a/..", "*", ""]
METHODS = ["GET", "HEAD", "POST"]


@given(
    st.lists(st.tuples(st.sampled_from(PATTERNS), st.sampled_from([*METHODS, "WebSocket"])), unique=True),
    st.sampled_from(PATHS),
    st.sampled_from(METHODS),
    st.booleans(),
)
def test_a_path_that_is_looked_up_whole_is_the_one_that_a_walk_would_find(
    routes: list[tuple[str, str]], raw_path: str, method: str, is_websocket: bool
) -> None:
    router = Router()
    for path, kind in routes:
        decorate = router.websocket(path) if kind == "WebSocket" else router.route(path, methods=[kind])
        decorate(handler)
    tree = router._table.tree

    def outcome() -> object:
        try:
            match = find_match(tree, raw_path, method, is_websocket=is_websocket)
        except HTTPError as error:
            return error.status, error.headers
        return match.route, match.path_params

    looked_up = outcome()
    tree.plain.clear()
    assert looked_up == outcome()


def test_the_parameters_of_a_request_are_its_own() -> None:
    router = Router()
    router.get("/a")(handler)
    router._table.resolve("/a", "GET", is_websocket=False).path_params["x"] = 1
    assert router._table.resolve("/a", "GET", is_websocket=False).path_params == {}


def test_a_route_of_an_included_router_is_looked_up_under_its_prefix() -> None:
    router, inner = Router(), Router()
    inner.get("/b")(handler)
    router.include("/a", inner)
    inner.websocket("/c")(handler)
    assert list(router._table.tree.plain) == ["/a/b", "/a/c"]
    assert found(router, "GET", "/a/b") == "/a/b"
    assert router._table.resolve("/a/c", "GET", is_websocket=True).route.path == "/a/c"

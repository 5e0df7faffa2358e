"""Looking up a route by name."""

from __future__ import annotations

from typing import Any

import pytest

from trioweb._routing.router import Router
from trioweb.errors import DuplicateRoute, PatternError


async def handler(request: object, **params: Any) -> None:
    """Answer nothing: only its routes matter here."""


async def other(request: object, **params: Any) -> None:
    """Answer nothing under another name."""


def test_a_route_is_found_by_its_own_name_or_its_handlers() -> None:
    router = Router()
    router.get("/a/{x:int}", name="given")(handler)
    router.websocket("/b")(other)
    assert router.url_for("given", x=1) == "/a/1"
    assert router.url_for("other") == "/b"


def test_an_unknown_name_is_an_error() -> None:
    router = Router()
    router.get("/a", name="given")(handler)
    with pytest.raises(PatternError, match="no route is named 'handler'"):
        router.url_for("handler")


def test_a_handlers_name_may_be_repeated_but_cannot_be_looked_up_then() -> None:
    router = Router()
    for path in ["/a", "/b", "/c", "/d"]:
        router.get(path)(handler)
    with pytest.raises(
        PatternError, match="'handler' stands for 4 paths, such as /a, /b, /c: give each a name"
    ):
        router.url_for("handler")


def test_a_handlers_name_can_be_looked_up_while_its_routes_have_one_path() -> None:
    router = Router()
    router.get("/a")(handler)
    router.post("/a")(handler)
    assert router.url_for("handler") == "/a"


def test_an_explicit_name_takes_precedence_over_a_handlers() -> None:
    router = Router()
    router.get("/a")(handler)
    router.get("/b", name="handler")(other)
    assert router.url_for("handler") == "/b"


def test_an_explicit_name_belongs_to_one_route() -> None:
    router = Router()
    router.get("/a", name="it")(handler)
    with pytest.raises(
        DuplicateRoute, match=r"POST /a \(.*other\) has the same name as GET /a \(.*handler\): 'it'"
    ):
        router.post("/a", name="it")(other)
    assert len(router.routes) == 1

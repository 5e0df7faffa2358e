"""Which paths can be parsed, and the errors for those that cannot."""

from __future__ import annotations

from typing import Any

import pytest

from trioweb._routing.router import Router
from trioweb.errors import HTTPError, PatternError


async def handler(request: object, **params: Any) -> None:
    """Answer nothing: only its routes matter here."""


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("", 'starts with "/"'),
        ("a", 'starts with "/"'),
        (handler, "write the decorator with its path, as in @app.get"),
        ("/a?b={c}", "query"),
        ("/a#b", "query"),
        ("/a//b", "empty segment"),
        ("//", "empty segment"),
        ("/../a", "could never match"),
        ("/a/.", "could never match"),
        ("/a\0", "could never match"),
        ("/\ud800", "could never match"),
        ("/{a", "pair up"),
        ("/a}", "pair up"),
        ("/{a/b}", "pair up"),
        ("/file-{n:int}", "whole segment"),
        ("/{n:int}.txt", "whole segment"),
        ("/{a}{b}", "whole segment"),
        ("/{a}-{b}", "whole segment"),
        ("/{{a}}", "whole segment"),
        ("/}a{", "whole segment"),
        ("/{}", "name of a handler's parameter"),
        ("/{:int}", "name of a handler's parameter"),
        ("/{2a}", "name of a handler's parameter"),
        ("/{class}", "name of a handler's parameter"),
        ("/{ a }", "name of a handler's parameter"),
        ("/{a:integer}", "converter 'integer'; known here: float, int, path, str, uuid"),
        ("/{a:}", "converter ''"),
        ("/{a: int}", "converter ' int'"),
        ("/{a}/{a}", "same name"),
        ("/{a:path}/b", "goes on after a path parameter"),
        ("/{a:path}/", "goes on after a path parameter"),
    ],
)
def test_a_path_that_cannot_be_read_is_refused_before_there_is_a_handler(path: Any, complaint: str) -> None:
    with pytest.raises(PatternError, match=complaint):
        Router().get(path)
    with pytest.raises(PatternError, match=complaint):
        Router().websocket(path)


@pytest.mark.parametrize(
    ("path", "raw_path"),
    [
        ("/", "/"),
        ("/a/", "/a/"),
        ("/straße", "/stra%C3%9Fe"),
        ("/100%", "/100%25"),
        ("/%41", "/%2541"),
        ("/a b", "/a%20b"),
        ("/a", "/%61"),
        ("/~a:@!", "/~a:@!"),
    ],
)
def test_static_text_is_written_decoded(path: str, raw_path: str) -> None:
    router = Router()
    router.get(path)(handler)
    assert router._table.resolve(raw_path, "GET", is_websocket=False).route.path == path
    assert router._table.resolve(router.url_for("handler"), "GET", is_websocket=False).route.path == path


def test_an_encoded_slash_does_not_stand_for_the_slash_of_a_pattern() -> None:
    router = Router()
    router.get("/a/b")(handler)
    with pytest.raises(HTTPError) as caught:
        router._table.resolve("/a%2Fb", "GET", is_websocket=False)
    assert caught.value.status == 404


@pytest.mark.parametrize("params", [{}, {"a": "x"}, {"a": "x", "b": 1, "c": 2}, {"a": "x", "c": 1}])
def test_url_for_wants_every_parameter_and_no_other(params: dict[str, Any]) -> None:
    router = Router()
    router.get("/{a}/{b:int}")(handler)
    given = ", ".join(params) or "none"
    with pytest.raises(PatternError, match=rf"^/\{{a\}}/\{{b:int\}} takes a, b; given: {given}$"):
        router.url_for("handler", **params)


def test_url_for_wants_no_parameters_where_there_are_none() -> None:
    router = Router()
    router.get("/a")(handler)
    with pytest.raises(PatternError, match="/a takes no parameters; given: b"):
        router.url_for("handler", b=1)


def test_parameters_may_be_called_name_and_self() -> None:
    router = Router()
    router.get("/{name}/{self}")(handler)
    assert router.url_for("handler", name="a", self="b") == "/a/b"

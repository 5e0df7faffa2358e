"""Which of several routes comes first, and the cost of a walk."""

from __future__ import annotations

import itertools
import time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._routing.router import Router
from trioweb.errors import HTTPError


async def handler(request: object, **params: Any) -> None:
    """Answer nothing: only its routes matter here."""


def found(router: Router, raw_path: str) -> tuple[str, dict[str, Any]]:
    match = router._table.resolve(raw_path, "GET", is_websocket=False)
    return match.route.path, match.path_params


KINDS = ["/7", "/{a:int}", "/{b:float}", "/{c:uuid}", "/{d:word}", "/{e}", "/{f:path}"]


@given(st.permutations(KINDS))
def test_the_strictest_converter_goes_first_whatever_the_order_of_the_routes(paths: list[str]) -> None:
    router = Router()
    router.converter("word", lambda text: int(text, 36))
    for path in paths:
        router.get(path)(handler)
    identifier = "abcd1234-0000-4000-8000-abcd12340000"
    assert found(router, "/7") == ("/7", {})
    assert found(router, "/8") == ("/{a:int}", {"a": 8})
    assert found(router, "/8.5") == ("/{b:float}", {"b": 8.5})
    assert found(router, f"/{identifier}") == ("/{c:uuid}", {"c": UUID(identifier)})
    assert found(router, "/zz") == ("/{d:word}", {"d": 1295})
    assert found(router, "/z-z") == ("/{e}", {"e": "z-z"})
    assert found(router, "/z/z") == ("/{f:path}", {"f": "z/z"})


def test_of_two_custom_converters_the_one_used_first_goes_first() -> None:
    router = Router()
    router.converter("late", str)
    router.converter("early", str)
    router.get("/{a:early}")(handler)
    router.get("/{b:late}")(handler)
    assert found(router, "/x") == ("/{a:early}", {"a": "x"})


def test_a_branch_that_leads_nowhere_is_left_for_the_next() -> None:
    router = Router()
    for path in ["/a/b/c", "/a/{x:int}/d", "/{y}/1/e", "/{z:path}"]:
        router.get(path)(handler)
    assert found(router, "/a/b/c") == ("/a/b/c", {})
    assert found(router, "/a/1/d") == ("/a/{x:int}/d", {"x": 1})
    assert found(router, "/a/1/e") == ("/{y}/1/e", {"y": "a"})
    assert found(router, "/a/1/f") == ("/{z:path}", {"z": "a/1/f"})
    assert found(router, "/a/b") == ("/{z:path}", {"z": "a/b"})


@pytest.mark.parametrize("raw_path", ["/a//", "//a", "/a//b", "/", "//"])
def test_an_empty_segment_is_not_a_value(raw_path: str) -> None:
    router = Router()
    for path in ["/a", "/a/{x}", "/{x}/{y}", "/{rest:path}"]:
        router.get(path)(handler)
    with pytest.raises(HTTPError) as caught:
        router._table.resolve(raw_path, "GET", is_websocket=False)
    assert caught.value.status == 404


def test_a_trailing_slash_makes_a_different_path() -> None:
    router = Router()
    for path in ["/a", "/a/", "/b/{x}", "/b/{x}/"]:
        router.get(path)(handler)
    assert found(router, "/a") == ("/a", {})
    assert found(router, "/a/") == ("/a/", {})
    assert found(router, "/b/c") == ("/b/{x}", {"x": "c"})
    assert found(router, "/b/c/") == ("/b/{x}/", {"x": "c"})


def test_a_head_full_of_slashes_does_no_harm() -> None:
    router = Router()
    router.get("/{rest:path}")(handler)
    router.get("/{a}/{b}")(handler)
    with pytest.raises(HTTPError):
        router._table.resolve("/" * 16_384, "GET", is_websocket=False)
    long_path = "/a" * 8_192
    assert found(router, long_path) == ("/{rest:path}", {"rest": long_path[1:]})


def test_a_pattern_of_thousands_of_segments_does_no_harm() -> None:
    router = Router()
    router.get("/{rest:path}")(handler)
    router.get("/a" * 5_000 + "/{x}")(handler)
    assert found(router, "/a" * 5_000 + "/b")[1] == {"x": "b"}
    assert found(router, "/a" * 5_001 + "/b")[1] == {"rest": "a/" * 5_001 + "b"}


def test_a_walk_over_hostile_patterns_visits_no_place_twice() -> None:
    parsed: list[str] = []
    depth = 8

    def parse(text: str) -> str:
        parsed.append(text)
        return text

    router = Router()
    router.converter("spy", parse)
    for number, segments in enumerate(itertools.product(["a", "{%s:spy}"], repeat=depth)):
        named = "/".join(segment.replace("%s", f"p{place}") for place, segment in enumerate(segments))
        router.get(f"/{named}/end{number}")(handler)
    with pytest.raises(HTTPError):
        router._table.resolve("/a" * depth + "/nowhere", "GET", is_websocket=False)
    assert len(parsed) == 2**depth - 1
    parsed.clear()
    assert found(router, "/a" * depth + "/end0")[1] == {}
    assert parsed == []


@pytest.mark.slow
def test_twenty_thousand_routes_do_not_slow_down_a_request() -> None:
    router = Router()
    for number in range(20_000):
        router.get(f"/{number}")(handler)
    started = time.perf_counter()
    for number in range(0, 20_000, 10):
        assert found(router, f"/{number}") == (f"/{number}", {})
    with pytest.raises(HTTPError):
        found(router, "/20000")
    # It takes milliseconds. Looking at one route after another would take half a minute.
    assert time.perf_counter() - started < 2

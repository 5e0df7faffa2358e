"""The text that each converter takes, and that `url_for` and `resolve` are inverses."""

from __future__ import annotations

import ntpath
from enum import IntEnum
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._routing.converters import parse_path
from trioweb._routing.router import Router
from trioweb._routing.segments import decoded_segments, has_separator
from trioweb.errors import HTTPError, PatternError, SetupError


async def handler(request: object, **params: Any) -> None:
    """Answer nothing: only its routes matter here."""


class Size(IntEnum):
    """An int with a name, whose `str` differs between versions of Python."""

    LARGE = 3


def routed(kind: str) -> Router:
    router = Router()
    router.get(f"/before/{{value:{kind}}}", name="it")(handler)
    return router


def value_of(kind: str, raw: str) -> Any:
    return routed(kind)._table.resolve(f"/before/{raw}", "GET", is_websocket=False).path_params["value"]


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("int", "7", 7),
        ("int", "-7", -7),
        ("int", "007", 7),
        ("int", "1" * 100, int("1" * 100)),
        ("float", "7", 7.0),
        ("float", "-1.5", -1.5),
        ("float", "1e-07", 1e-07),
        ("float", "1E+3", 1000.0),
        (
            "uuid",
            "{0}-0000-4000-8000-{0}0000".format("AbCd1234"),
            UUID("abcd1234-0000-4000-8000-abcd12340000"),
        ),
        ("str", "7", "7"),
        ("str", "a%25b", "a%b"),
        ("path", "a", "a"),
        ("path", "a/b/c.txt", "a/b/c.txt"),
        ("path", "a%2Fb/c", "a/b/c"),
    ],
)
def test_a_converter_makes_the_value(kind: str, raw: str, value: object) -> None:
    converted = value_of(kind, raw)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("int", "1_000"),
        ("int", "+1"),
        ("int", "%201"),
        ("int", "1%0A"),
        ("int", "%D9%A1"),
        ("int", "1.0"),
        ("int", "1" * 101),
        ("int", ""),
        ("float", "nan"),
        ("float", "inf"),
        ("float", "1e999"),
        ("float", ".5"),
        ("float", "1."),
        ("float", "1_0.0"),
        ("uuid", "abcd1234000040008000abcd12340000"),
        ("uuid", "{abcd1234-0000-4000-8000-abcd12340000}"),
        ("uuid", "abcd1234-0000-4000-8000-abcd1234000g"),
        ("str", ""),
        ("str", "a/b"),
        ("str", ".."),
        ("str", "%2Fetc%2Fpasswd"),
        ("str", "a%2Fb"),
        ("str", "a%2f"),
        ("str", "..%5C..%5Cetc"),
        ("path", "..%5C..%5Cetc"),
        ("path", "a/..%5Cb"),
        ("path", ""),
        ("path", "a//b"),
        ("path", "a//"),
        ("path", "%2Fetc/passwd"),
        ("path", "a%2F%2Fb"),
        ("path", "a/../b"),
        ("path", "a%2F..%2Fb"),
    ],
)
def test_text_that_a_converter_refuses_is_not_found(kind: str, raw: str) -> None:
    with pytest.raises(HTTPError) as caught:
        value_of(kind, raw)
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", "7"),
        ("int", True),
        ("int", 7.0),
        ("int", None),
        ("int", 10**100),
        ("float", "1.5"),
        ("float", False),
        ("float", float("nan")),
        ("float", float("inf")),
        ("uuid", "abcd1234-0000-4000-8000-abcd12340000"),
        ("str", 7),
        ("str", None),
        ("str", ""),
        ("str", ".."),
        ("str", "a/../b"),
        ("str", "a/b"),
        ("str", "/a"),
        ("str", "a\0b"),
        ("str", "\udc80"),
        ("path", ""),
        ("path", "/a"),
        ("path", "a//"),
        ("path", "a/./b"),
        ("path", b"a"),
    ],
)
def test_url_for_refuses_a_value_that_could_not_come_back(kind: str, value: object) -> None:
    with pytest.raises(PatternError, match=r'cannot take .* for "value"'):
        routed(kind).url_for("it", value=value)


@pytest.mark.parametrize(
    ("kind", "value", "path"),
    [
        ("int", Size.LARGE, "/before/3"),
        ("float", 2, "/before/2.0"),
        ("str", "a b%ä", "/before/a%20b%25%C3%A4"),
        ("path", "a b/ä", "/before/a%20b/%C3%A4"),
        ("path", "folder/", "/before/folder/"),
    ],
)
def test_url_for_encodes_the_value(kind: str, value: object, path: str) -> None:
    assert routed(kind).url_for("it", value=value) == path


VALUES = {
    "int": st.integers(min_value=-(10**100) + 1, max_value=10**100 - 1),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "uuid": st.uuids(),
    "str": st.text() | st.text(alphabet="/%.ä2F", max_size=6),
    "path": st.lists(st.text() | st.text(alphabet="%.ä2F", max_size=3), max_size=5).map("/".join),
    "hex": st.integers(min_value=0),
}


@pytest.mark.parametrize("kind", VALUES)
@given(data=st.data())
def test_resolve_inverts_url_for(kind: str, data: st.DataObject) -> None:
    router = Router()
    router.converter("hex", lambda text: int(text, 16), "{:x}".format)
    router.get(f"/b ä/{{value:{kind}}}")(handler)
    value: Any = data.draw(VALUES[kind])
    try:
        path = router.url_for("handler", value=value)
    except PatternError:
        assert kind in {"str", "path"}
        is_several = kind == "str" and "/" in value
        parts = value.replace("\\", "/").split("/")
        assert is_several or not {"", ".", ".."}.isdisjoint(parts) or "\0" in value
        return
    assert router._table.resolve(path, "GET", is_websocket=False).path_params == {"value": value}


def test_only_a_path_parameter_takes_an_encoded_slash_and_no_custom_converter_does() -> None:
    router = Router()
    router.converter("raw", str)
    router.get("/own/{value:raw}")(handler)
    with pytest.raises(HTTPError) as caught:
        router._table.resolve("/own/%2Fetc%2Fpasswd", "GET", is_websocket=False)
    assert caught.value.status == 404


@given(st.text(alphabet="aC:\\/.", max_size=8))
def test_the_rest_of_a_path_stays_below_the_folder_it_is_joined_to_on_windows(rest: str) -> None:
    try:
        segments = decoded_segments(f"/{quote(rest)}")
        value = parse_path("/".join(segments), is_windows=True)
    except (HTTPError, ValueError):
        return
    assert ntpath.normpath(ntpath.join("D:\\folder", value)).startswith("D:\\folder\\")


def test_a_backslash_separates_names_on_windows_only() -> None:
    assert has_separator("a\\b", is_windows=True)
    assert not has_separator("a\\b", is_windows=False)
    assert parse_path("C:/a\\b", is_windows=False) == "C:/a\\b"


def test_a_bug_in_a_custom_converter_is_not_hidden() -> None:
    router = Router()
    router.converter("broken", {"known": 1}.__getitem__)
    router.get("/{value:broken}")(handler)
    with pytest.raises(KeyError):
        router._table.resolve("/a", "GET", is_websocket=False)


def test_url_for_refuses_text_that_a_custom_converter_would_not_parse() -> None:
    router = Router()
    router.converter("hex", lambda text: int(text, 16))
    router.converter("number", int, int)  # type: ignore[arg-type]
    router.get("/hex/{value:hex}", name="hex")(handler)
    router.get("/number/{value:number}", name="number")(handler)
    assert router.url_for("hex", value="ff") == "/hex/ff"
    with pytest.raises(PatternError, match="base 16"):
        router.url_for("hex", value="green")
    with pytest.raises(PatternError, match='for "value"'):
        router.url_for("number", value=5)


@pytest.mark.parametrize("name", ["int", "float", "uuid", "str", "path"])
def test_a_built_in_converter_keeps_its_name(name: str) -> None:
    with pytest.raises(SetupError, match="already"):
        Router().converter(name, str)


def test_a_converter_needs_a_free_name_and_functions() -> None:
    router = Router()
    router.converter("hex", str)
    with pytest.raises(SetupError, match="'hex' already"):
        router.converter("hex", str)
    with pytest.raises(SetupError, match="identifier"):
        router.converter("two words", str)
    with pytest.raises(SetupError, match="identifier"):
        router.converter(7, str)  # type: ignore[arg-type]
    with pytest.raises(SetupError, match='parse of converter "a"'):
        router.converter("a", "text")  # type: ignore[arg-type]
    with pytest.raises(SetupError, match='format of converter "a"'):
        router.converter("a", str, "text")  # type: ignore[arg-type]

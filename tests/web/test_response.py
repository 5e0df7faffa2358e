from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._web.request import Request
from trioweb._web.response import HTML, JSON, Redirect, Response, Text
from trioweb.errors import LocalProtocolError


async def content(response: Response) -> bytes:
    return b"".join([piece async for piece in response.chunks()])


@pytest.mark.parametrize(
    ("response", "content_type"),
    [
        (Response("a"), "text/plain; charset=utf-8"),
        (Response(b"a"), "application/octet-stream"),
        (Response(), None),
        (Response("a", content_type="text/css"), "text/css; charset=utf-8"),
        (Response("a", content_type="TEXT/CSS; Charset=ascii"), "TEXT/CSS; Charset=ascii"),
        (Response("{}", content_type="application/json"), "application/json"),
        (Response(b"a", content_type="text/css"), "text/css"),
        (Response(b"a", headers={"Content-Type": "image/png"}), "image/png"),
        (Response(b"a", headers={"Content-Type": "a/b"}, content_type="image/png"), "image/png"),
        (Text(""), "text/plain; charset=utf-8"),
        (HTML("<p>"), "text/html; charset=utf-8"),
        (JSON(None), "application/json"),
        (JSON({}, content_type="application/problem+json"), "application/problem+json"),
    ],
)
def test_a_response_says_what_it_is(response: Response, content_type: str | None) -> None:
    assert response.headers.get_all("content-type") == ([] if content_type is None else [content_type])


async def test_text_is_sent_as_utf_8() -> None:
    response = HTML("ü", 201, headers={"X-A": "1"})
    assert (response.status, response.headers["x-a"]) == (201, "1")
    assert await content(response) == response.body == b"\xc3\xbc"
    assert response.content_bytes == 2
    assert not response.is_streamed
    assert repr(response) == "<HTML 201>"


async def test_an_empty_response_has_no_pieces() -> None:
    assert [piece async for piece in Response().chunks()] == []


async def test_an_ordinary_response_is_prepared_and_may_be_closed_twice(
    make_request: Callable[..., Request],
) -> None:
    response = Text("a")
    assert await response.prepare(make_request()) is response
    response.close()
    response.close()


@pytest.mark.parametrize("body", [404, [1, 2], {"a": 1}, None])
def test_a_body_that_is_neither_text_nor_bytes_is_refused(body: Any) -> None:
    with pytest.raises(TypeError, match="HTML takes str or bytes"):
        HTML(body)


async def test_a_response_that_streams_has_no_length_before_its_end(
    make_request: Callable[..., Request],
) -> None:
    class Ticks(Response):
        is_streamed = True

        async def chunks(self) -> AsyncGenerator[bytes, None]:
            yield b"a"
            yield b"b"

    response = await Ticks(content_type="text/plain").prepare(make_request())
    assert response.content_bytes is None
    assert await content(response) == b"ab"


def test_half_a_surrogate_pair_does_not_break_a_text() -> None:
    assert Text("a\ud800b").body == b"a?b"


@pytest.mark.parametrize("status", [100, 101, 199, 600, 0, -1])
def test_a_status_that_does_not_end_a_request_is_refused(status: int) -> None:
    with pytest.raises(LocalProtocolError, match="200 to 599"):
        Response(status=status)


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_status_without_a_body_takes_none(status: int) -> None:
    assert Response(status=status).status == status
    with pytest.raises(LocalProtocolError, match="has no body"):
        Response("a", status)


def test_a_header_with_a_line_break_is_refused_when_it_is_set() -> None:
    with pytest.raises(LocalProtocolError, match="control character"):
        Response(headers={"X": "a\r\nSet-Cookie: b"})
    with pytest.raises(LocalProtocolError, match="control character"):
        Response("a", content_type="text/plain\r\nX: y")


@pytest.mark.parametrize(
    ("value", "status", "body"),
    [
        (None, 204, b""),
        ("ü", 200, b"\xc3\xbc"),
        (b"a", 200, b"a"),
        (bytearray(b"a"), 200, b"a"),
        (memoryview(b"a"), 200, b"a"),
        ({"a": 1}, 200, b'{"a":1}'),
        ([], 200, b"[]"),
    ],
)
def test_a_value_returned_by_a_handler_becomes_a_response(value: object, status: int, body: bytes) -> None:
    response = Response.of(value)
    assert (response.status, response.body) == (status, body)


def test_a_returned_response_stays_what_it_is() -> None:
    response = HTML("a")
    assert Response.of(response) is response
    assert Response.of(b"").headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("value", [1, True, ("a", 201), object, 1.5, {1}])
def test_a_value_that_cannot_become_a_response_is_a_clear_error(value: object) -> None:
    with pytest.raises(
        TypeError, match=f"a handler returned .* of type {type(value).__name__}: expected a Response"
    ):
        Response.of(value)


def test_a_long_value_is_shown_in_short() -> None:
    with pytest.raises(TypeError) as caught:
        Response.of(tuple(range(1000)))
    assert len(str(caught.value)) < 200


def test_json_is_compact_and_not_escaped() -> None:
    assert JSON({"ä": [1, None]}).body == '{"ä":[1,null]}'.encode()


def test_json_with_half_a_surrogate_pair_is_still_json() -> None:
    assert json.loads(JSON(["\ud800", "ä"]).body) == ["\ud800", "ä"]


@pytest.mark.parametrize("value", [float("nan"), [float("inf")]])
def test_json_has_no_nan(value: Any) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        JSON(value)


def test_a_value_that_json_cannot_represent_is_refused() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        JSON({"a": object()})


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("/a?b=c&d=%20#e", "/a?b=c&d=%20#e"),
        ("https://user@[::1]:80/", "https://user@[::1]:80/"),
        ("/a b", "/a%20b"),
        ("/\r\nSet-Cookie: a=b", "/%0D%0ASet-Cookie:%20a=b"),
        ("/ü", "/%C3%BC"),
        ("/\\evil.example", "/%5Cevil.example"),
        ("/\ud800", "/?"),
        ('/"<>', "/%22%3C%3E"),
    ],
)
def test_a_redirect_leads_to_a_clean_address(url: str, location: str) -> None:
    response = Redirect(url, headers={"X": "y"})
    assert (response.status, response.headers["location"], response.headers["x"]) == (303, location, "y")


@given(st.text())
def test_any_address_can_be_sent_as_one_line(url: str) -> None:
    assert re.fullmatch(r"[\x21-\x7e]*", Redirect(url).headers["location"])


def test_a_redirect_takes_only_statuses_that_redirect() -> None:
    assert Redirect("/", 308).status == 308
    with pytest.raises(LocalProtocolError, match="303"):
        Redirect("/", 200)  # type: ignore[arg-type]

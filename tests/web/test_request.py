from __future__ import annotations

import weakref
from collections.abc import Callable

import pytest

from trioweb._web.address import Address
from trioweb._web.request import Request
from trioweb.errors import HTTPError, LocalProtocolError

MakeRequest = Callable[..., Request]


@pytest.mark.parametrize("length", [512, 513])
def test_a_query_and_cookies_of_any_length_can_be_read_again(make_request: MakeRequest, length: int) -> None:
    text = "a=" + "x" * (length - 2)
    request = make_request(f"/?{text}", headers=[("Cookie", text)])
    for _ in range(2):
        assert request.query["a"] == request.cookies["a"] == "x" * (length - 2)


def test_a_request_says_what_was_asked(make_request: MakeRequest) -> None:
    request = make_request(
        "/caf%C3%A9/7?q=a+b", "POST", [("Cookie", "a=1"), ("Content-Type", "Text/CSV; charset=x")]
    )
    assert (request.method, request.path, request.raw_path) == ("POST", "/café/7", "/caf%C3%A9/7")
    assert (request.query_string, request.query["q"]) == ("q=a+b", "a b")
    assert request.query is request.query
    assert request.cookies == {"a": "1"}
    assert request.cookies is request.cookies
    assert request.headers["HOST"] == request.host == "example.org"
    assert request.client == Address("192.0.2.1", 5000)
    assert (request.scheme, request.http_version) == ("http", "1.1")
    assert request.content_type == "text/csv"
    assert request.url == "http://example.org/caf%C3%A9/7?q=a+b"
    assert repr(request) == "<Request POST /caf%C3%A9/7>"


def test_the_host_from_a_trusted_proxy_replaces_the_host_field(make_request: MakeRequest) -> None:
    request = make_request(
        "/x", host="public.example", scheme="https", path_params={"n": 1}, app_state="shared"
    )
    assert request.url == "https://public.example/x"
    assert request.path_params == {"n": 1}
    assert request.app_state == "shared"


def test_a_request_without_content_type_and_cookies_has_empty_ones(make_request: MakeRequest) -> None:
    request = make_request()
    assert request.content_type == ""
    assert request.cookies == {}
    assert request.query == {}


def test_state_is_free_and_belongs_to_one_request(make_request: MakeRequest) -> None:
    first, second = make_request(), make_request()
    first.state["user"] = "ada"
    assert second.state == {}
    assert first.state is first.state
    second.state = first.state
    assert second.state.user == "ada"


async def test_the_body_is_bytes_text_and_json_at_once(make_request: MakeRequest) -> None:
    request = make_request(pieces=[b'{"a":', b" [1]}"])
    assert await request.json() == {"a": [1]}
    assert await request.text() == '{"a": [1]}'
    assert await request.body() == b'{"a": [1]}'
    assert [piece async for piece in request.stream()] == [b'{"a": [1]}']


@pytest.mark.parametrize(
    ("content_type", "octets", "text"),
    [
        ("text/plain", b"\xc3\xbc", "ü"),
        ("text/plain; charset=utf-8", b"\xef\xbb\xbf\xc3\xbc", "ü"),
        ('text/plain; x=y; Charset="ISO-8859-1"', b"\xfc", "ü"),
        ("text/plain; charset=windows-1252", b"\x80", "€"),
        ('text/plain; x="; charset=utf-7"; charset=iso-8859-1', b"\xfc", "ü"),
        ("text/plain; charset=a; charset=b", b"\xc3\xbc", "ü"),
    ],
)
async def test_text_is_in_the_charset_that_is_named(
    make_request: MakeRequest, content_type: str, octets: bytes, text: str
) -> None:
    request = make_request(headers=[("Content-Type", content_type)], pieces=[octets])
    assert await request.text() == text


async def test_an_unknown_charset_is_415(make_request: MakeRequest) -> None:
    with pytest.raises(HTTPError, match="'punycode' is not known") as caught:
        await make_request(headers=[("Content-Type", "text/plain; charset=punycode")]).text()
    assert caught.value.status == 415


async def test_text_that_does_not_fit_its_charset_is_400(make_request: MakeRequest) -> None:
    with pytest.raises(HTTPError, match="byte 1 is wrong") as caught:
        await make_request(pieces=[b"a\xff"]).text()
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("octets", "complaint"),
    [
        (b"", "line 1 column 1"),
        (b'{"a": 1,}', "line 1 column"),
        (b"\xff", "byte 0 is not UTF-8"),
        (b"[NaN]", "NaN is not a JSON number"),
        (b"[-Infinity]", "-Infinity is not a JSON number"),
        (b"[1e999]", "the number 1e999 is too large for a float"),
        (b'{"a": -1E+400}', "the number -1E.400 is too large"),
        (b"[" + b"9" * 1000 + b".0]", "9... is too large"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 5000, "the body is not JSON"),
    ],
    ids=[
        "empty",
        "comma",
        "not-utf-8",
        "nan",
        "infinity",
        "too-large",
        "too-small",
        "too-long",
        "deep",
        "digits",
    ],
)
async def test_bad_json_is_400_and_says_where(
    make_request: MakeRequest, octets: bytes, complaint: str
) -> None:
    with pytest.raises(HTTPError, match=complaint) as caught:
        await make_request(pieces=[octets]).json()
    assert caught.value.status == 400


async def test_json_may_begin_with_a_byte_order_mark(make_request: MakeRequest) -> None:
    assert await make_request(pieces=[b"\xef\xbb\xbf{}"]).json() == {}


async def test_a_request_without_a_body_reads_like_an_empty_one(make_request: MakeRequest) -> None:
    request = make_request(content_bytes=0, pieces=[b"of the next request"])
    assert await request.body() == b""
    assert await request.text() == ""
    assert [piece async for piece in request.stream()] == []
    streamed = make_request(content_bytes=0)
    assert [piece async for piece in streamed.stream()] == []
    with pytest.raises(LocalProtocolError, match="streamed"):
        await streamed.body()


async def test_a_request_without_a_body_does_not_hold_its_connection(make_request: MakeRequest) -> None:
    class Connection:
        async def receive_body(self) -> bytes:
            return b""

    for content_bytes, is_held in ((0, False), (5, True)):
        connection = Connection()
        kept = weakref.ref(connection)
        request = make_request(content_bytes=content_bytes, receive_body=connection.receive_body)
        del connection
        assert (kept() is not None) == is_held
        assert request.method == "GET"


async def test_the_error_for_a_huge_number_omits_the_advice_of_python(make_request):
    request = make_request(method="POST", pieces=[b"[" + b"9" * 900 + b"]"])
    assert await request.json() == [int("9" * 900)]
    request = make_request(method="POST", pieces=[b"9" * 5000])
    with pytest.raises(HTTPError, match="too many digits") as caught:
        await request.json()
    assert (caught.value.status, "sys." in caught.value.detail) == (400, False)


def test_a_request_without_a_connection_cannot_watch_its_client(
    make_request: MakeRequest,
) -> None:
    with pytest.raises(LocalProtocolError, match="did not come over a connection"):
        make_request().cancel_on_disconnect()

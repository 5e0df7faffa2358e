"""The request with which a client begins, as programs for other clients expect it."""

from __future__ import annotations

import pytest
import trio
import trio.testing

import trioweb
from trioweb.errors import InvalidURL, LocalProtocolError
from trioweb.testing.raw.handshake import field_value


@pytest.fixture
def request_of(dial):
    """Return the head of the request that a client sends."""

    async def request_of(url="ws://server.example/", **arguments):
        heads = []

        async def conduct(peer):
            heads.append(await peer.accept())
            await peer.receive_close()
            await peer.send_close()

        async with dial(conduct, url, **arguments):
            pass
        return heads[0]

    return request_of


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("ws://server.example", "GET / HTTP/1.1"),
        ("ws://server.example/", "GET / HTTP/1.1"),
        ("ws://server.example/path/to", "GET /path/to HTTP/1.1"),
        ("ws://server.example?a=b", "GET /?a=b HTTP/1.1"),
        ("ws://server.example/p?a=b&c", "GET /p?a=b&c HTTP/1.1"),
        ("ws://server.example/%D7%90?%D7%90", "GET /%D7%90?%D7%90 HTTP/1.1"),
    ],
)
async def test_path_and_query_are_asked_for_as_they_are_written(request_of, url, line):
    assert (await request_of(url)).split("\r\n")[0] == line


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("ws://server.example", "server.example"),
        ("ws://server.example:80", "server.example"),
        ("ws://server.example:8080", "server.example:8080"),
        ("wss://server.example:443", "server.example"),
        ("wss://server.example:80", "server.example:80"),
        ("ws://[2001:db8::1]:8080", "[2001:db8::1]:8080"),
        ("ws://bücher.example", "xn--bcher-kva.example"),
    ],
)
async def test_the_host_field_has_the_port_unless_it_is_the_usual_one(request_of, url, host):
    assert field_value(await request_of(url), "Host") == host


async def test_user_and_password_of_the_url_are_sent_as_basic_authorization(request_of):
    head = await request_of("ws://hello:ilove%20you@server.example/")
    assert field_value(head, "Authorization") == "Basic aGVsbG86aWxvdmUgeW91"
    assert "ilove" not in head


async def test_more_fields_are_sent_and_may_replace_the_usual_ones(request_of):
    headers = {"Authorization": "Bearer abc", "User-Agent": "Smith", "Origin": "https://site.example"}
    head = await request_of("ws://user:password@server.example/", headers=headers)
    for name, value in headers.items():
        assert field_value(head, name) == value
    assert head.lower().count("authorization:") == 1


async def test_a_field_may_be_sent_twice(request_of):
    head = await request_of(headers=[("X-Tag", "one"), ("X-Tag", "two")])
    assert [line for line in head.split("\r\n") if line.startswith("X-Tag")] == ["X-Tag: one", "X-Tag: two"]


@pytest.mark.parametrize("name", ["Sec-WebSocket-Key", "upgrade", "CONNECTION", "Sec-WebSocket-Extensions"])
async def test_a_field_of_the_handshake_itself_cannot_be_given(name):
    ours, _ = trio.testing.memory_stream_pair()
    with pytest.raises(LocalProtocolError, match="(?i)" + name):
        async with trioweb.connect_stream(ours, "ws://server/", headers={name: "x"}):
            pytest.fail("it was sent")


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b"])
def test_a_value_cannot_bring_a_field_of_its_own(value):
    ours, _ = trio.testing.memory_stream_pair()
    with pytest.raises(LocalProtocolError):
        trioweb.connect_stream(ours, "ws://server/", headers={"X-Name": value})


@pytest.mark.parametrize(
    "url",
    [
        "http://server.example/",
        "https://server.example/",
        "server.example",
        "ws://",
        "ws:///path",
        "ws://server.example/#fragment",
        "ws://server.example:port/",
        "ws://server.example:70000/",
        "ws://server.example/a b",
        "ws://server.example/\r\nX-Evil: 1",
        "",
    ],
)
def test_a_text_that_is_not_the_url_of_a_websocket_is_refused_where_it_is_written(url):
    with pytest.raises(InvalidURL) as caught:
        trioweb.connect(url)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("subprotocols", ["chat", ["a", "a"], ["not a token"], [""]])
def test_subprotocols_are_a_list_of_tokens_without_doubles(subprotocols):
    with pytest.raises((LocalProtocolError, TypeError)):
        trioweb.connect("ws://server/", subprotocols=subprotocols)

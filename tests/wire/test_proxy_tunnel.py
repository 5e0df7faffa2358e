"""Tunnels through HTTP proxies: their URLs, CONNECT, and what proxies answer."""

from __future__ import annotations

import pytest

from trioweb import ConfigError, Limits
from trioweb._wire.proxy_tunnel import Proxy, ProxyTunnel, parse_proxy
from trioweb._wire.websocket_url import parse_url
from trioweb.errors import BadHandshake, ConnectFailed

PROXY = Proxy("http", "proxy.example", 3128)


def tunnel(url: str = "wss://example.org/", proxy: Proxy = PROXY) -> ProxyTunnel:
    return ProxyTunnel(proxy, parse_url(url), Limits())


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port", "shown"),
    [
        ("http://proxy.example:3128", "http", "proxy.example", 3128, "http://proxy.example:3128"),
        ("HTTP://Proxy.example/", "http", "proxy.example", 80, "http://proxy.example:80"),
        ("https://proxy.example", "https", "proxy.example", 443, "https://proxy.example:443"),
        ("proxy.example:3128", "http", "proxy.example", 3128, "http://proxy.example:3128"),
        ("192.0.2.1", "http", "192.0.2.1", 80, "http://192.0.2.1:80"),
        ("http://[2001:db8::1]:8080", "http", "2001:db8::1", 8080, "http://[2001:db8::1]:8080"),
    ],
)
def test_the_url_of_a_proxy_says_where_it_is(text, scheme, host, port, shown):
    proxy = parse_proxy(text, "proxy")

    assert (proxy.scheme, proxy.host, proxy.port, proxy.authorization) == (scheme, host, port, None)
    assert proxy.is_secure is (scheme == "https")
    assert str(proxy) == shown


def test_the_user_in_a_proxys_url_is_sent_to_the_proxy_and_not_shown():
    proxy = parse_proxy("http://ann:s%40cret@proxy.example:3128", "proxy")

    assert b"\r\nProxy-Authorization: Basic YW5uOnNAY3JldA==\r\n" in tunnel(proxy=proxy).request
    assert "YW5u" not in f"{proxy!r}{proxy}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "socks5://proxy.example:1080",
            "SOCKS is not supported. To connect without a proxy, pass proxy=False",
        ),
        ("SOCKS5h://proxy.example:1080", "SOCKS is not supported"),
        ("ftp://proxy.example", "it is of another kind"),
        ("http://proxy.example/path", "takes the URL of a proxy"),
        ("http://proxy.example?x", "takes the URL of a proxy"),
        ("http://proxy.example#x", "takes the URL of a proxy"),
        ("http://proxy.example\r\nX: y", "takes the URL of a proxy"),
        ("http://", "does not have a host"),
        ("", "does not have a host"),
        ("http://proxy.example:0", "has a port that is not one"),
        ("http://127.1:3128", "has an invalid IPv4 address"),
    ],
)
def test_a_wrong_proxy_is_refused_with_the_setting_that_names_it(text, problem):
    with pytest.raises(ConfigError) as caught:
        parse_proxy(text, "https_proxy of the environment")

    assert problem in str(caught.value)
    assert "https_proxy of the environment" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["socks5://ann:secret@proxy.example", "http://ann:secret@proxy.example/x", "http://a:secret@b:0"]
)
def test_an_error_about_a_proxys_url_hides_its_password(text):
    with pytest.raises(ConfigError) as caught:
        parse_proxy(text, "proxy")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "end"),
    [
        ("wss://example.org/chat?x", "example.org:443"),
        ("ws://example.org/", "example.org:80"),
        ("ws://[2001:db8::1]:8000/", "[2001:db8::1]:8000"),
    ],
)
def test_a_tunnel_is_asked_for_by_host_and_port(url, end):
    assert tunnel(url).request == f"CONNECT {end} HTTP/1.1\r\nHost: {end}\r\n\r\n".encode()


def test_the_user_of_the_websockets_url_is_not_shown_to_the_proxy():
    assert b"uthorization" not in tunnel("wss://ann:secret@example.org/").request


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 Connection established\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nVia: 1.0 proxy\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 Fine\r\nContent-Length: 5\r\n\r\n",
    ],
)
def test_a_tunnel_is_open_with_the_end_of_the_head(response, size):
    one = tunnel()
    pieces = [response[start : start + size] for start in range(0, len(response), size)]

    assert [one.feed(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]


def refusal(response: bytes, proxy: Proxy = PROXY, *, kind: type[ConnectFailed] = ConnectFailed) -> str:
    one = tunnel(proxy=proxy)
    with pytest.raises(ConnectFailed) as caught:
        if not response or not one.feed(response):
            one.input_ended()
    assert type(caught.value) is kind
    assert caught.value.phase == "proxy"
    return str(caught.value)


def test_a_refusal_names_the_proxy_its_status_and_its_reason():
    text = refusal(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 8\r\n\r\nnot here")

    assert text == (
        "connecting failed (proxy): the proxy http://proxy.example:3128 answered CONNECT example.org:443 with"
        " 403 Forbidden, and said b'not here', not with 200"
    )


@pytest.mark.parametrize(
    ("authorization", "advice"),
    [(None, "it asks for a user in its URL"), ("Basic x", "it does not accept the user in its URL")],
)
def test_a_proxy_that_asks_for_a_user_is_an_error_with_advice(authorization, advice):
    proxy = Proxy("http", "proxy.example", 3128, authorization)

    text = refusal(b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", proxy)

    assert text.endswith(f"not with 200: {advice}, as in proxy='http://user:password@host:port'")


def test_a_refusal_of_a_proxy_cannot_control_a_terminal():
    assert "with 403 \\x1b[2J, not" in refusal(b"HTTP/1.1 403 \x1b[2J\r\nContent-Length: 0\r\n\r\n")


def test_a_redirect_of_a_proxy_is_not_followed():
    assert "with 302 Found" in refusal(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        (b"", "closed the connection without an answer"),
        (b"HTTP/1.1 2", "closed the connection after b'HTTP/1.1 2'"),
        (b"\x05\x00", r"expected a response of HTTP/1.1, and received b'\x05\x00'"),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n", "the response is malformed"),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Switching", "sent b'HTTP/1.1 101 Switching' before anything"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000, "Limits.head_bytes"),
    ],
)
def test_an_answer_that_does_not_fit_connect_is_a_bad_handshake(response, problem):
    assert problem in refusal(response, kind=BadHandshake)


def test_a_refusal_whose_body_never_ends_is_there_when_the_time_is_up():
    one = tunnel()
    one.give_up()  # without a response there is nothing to say
    assert not one.feed(b"HTTP/1.1 503 Busy\r\n\r\nlater")

    with pytest.raises(ConnectFailed, match="503 Busy, and said b'later'"):
        one.give_up()


def test_an_open_tunnel_has_nothing_to_give_up():
    one = tunnel()
    assert one.feed(b"HTTP/1.1 200 OK\r\n\r\n")

    one.give_up()

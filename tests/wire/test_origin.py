"""Which pages may open a WebSocket."""

from __future__ import annotations

import pytest

from trioweb._wire.http1.request_head import RequestHead
from trioweb._wire.origin import check_origin
from trioweb.config import parse_origins
from trioweb.errors import HandshakeRejected
from trioweb.headers import Headers


def head(*origins: str, host: str = "example.org") -> RequestHead:
    return RequestHead(
        method="GET",
        target="/",
        raw_path="/",
        query_string="",
        headers=Headers([("Host", host), *(("origin", origin) for origin in origins)]),
        http_version="1.1",
        content_bytes=0,
        is_chunked=False,
        expects_continue=False,
        wants_websocket=True,
    )


def is_allowed(
    request: RequestHead,
    allowed: str | tuple[str, ...] | None = None,
    scheme: str = "http",
    host: str | None = None,
) -> bool:
    try:
        check_origin(request, allowed, scheme=scheme, host=host)
    except HandshakeRejected:
        return False
    return True


@pytest.mark.parametrize("allowed", [None, "*", (), ("https://example.org",)])
def test_a_peer_that_is_not_a_browser_is_always_let_in(allowed: str | tuple[str, ...] | None) -> None:
    assert is_allowed(head(), allowed)


@pytest.mark.parametrize("origins", [["null"], ["x"], ["https://a", "https://b"], ["\xff"], [""]])
def test_a_star_allows_any_origin(origins: list[str]) -> None:
    assert is_allowed(head(*origins), "*")


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://example.org", "example.org"),
        ("http://EXAMPLE.org", "example.ORG"),
        ("HTTP://example.org:80", "example.org"),
        ("http://example.org", "example.org:80"),
        ("https://example.org", "example.org:443"),
        ("http://example.org:8000", "example.org:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("http://127.0.0.1", "127.0.0.1"),
        # Behind a proxy that ends TLS.
        ("https://example.org", "example.org"),
        ("https://example.org:8443", "example.org:8443"),
    ],
)
def test_a_page_of_the_same_origin_is_let_in(origin: str, host: str) -> None:
    assert is_allowed(head(origin, host=host))


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "example.org"),
        ("http://example.org.evil.example", "example.org"),
        ("http://evil.example.org", "example.org"),
        ("http://example.org:8000", "example.org"),
        ("http://example.org", "example.org:8000"),
        ("https://example.org", "example.org:80"),
        ("chrome-extension://example", "example.org"),
        ("http://example.org", ""),
        ("http://example.org", "example.org/"),
        ("http://example.org", "u@example.org"),
    ],
)
def test_a_page_of_another_origin_is_refused(origin: str, host: str) -> None:
    assert not is_allowed(head(origin, host=host))


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "example.org",
        "//example.org",
        "http:example.org",
        "http://",
        "http://example.org/",
        "http://example.org/path",
        "http://example.org, http://example.org",
        "http://example.org http://evil.example",
        "http://evil.example@example.org",
        "http://example.org:",
        "http://example.org:80a",
        "http://example.org:123456",
        "http://example.org:\xb2",
        "http://[::1",
        "http://example.org\\",
        "http://\xffexample.org",
    ],
)
def test_a_value_that_is_not_one_origin_is_refused(origin: str) -> None:
    assert not is_allowed(head(origin))
    assert not is_allowed(head(origin), ("http://example.org",))


def test_a_refusal_names_the_settings_that_change_it() -> None:
    with pytest.raises(HandshakeRejected, match=r"origins=\[\.\.\.\].*Config\.origins") as caught:
        check_origin(head("https://evil.example"), None, scheme="http")
    assert caught.value.status == 403


def test_several_origins_are_refused_even_if_each_is_allowed() -> None:
    assert not is_allowed(head("http://example.org", "http://example.org"))


@pytest.mark.parametrize("scheme", ["https", "wss"])
def test_an_http_page_is_another_origin_if_the_handshake_came_over_tls(scheme: str) -> None:
    assert is_allowed(head("https://example.org"), scheme=scheme)
    assert not is_allowed(head("http://example.org"), scheme=scheme)


def test_the_host_from_a_trusted_proxy_counts() -> None:
    request = head("https://example.org", host="127.0.0.1:8000")
    assert not is_allowed(request)
    assert is_allowed(request, host="example.org")
    assert not is_allowed(request, host="other.example")


def test_a_list_of_origins_is_compared_with_default_ports_filled_in() -> None:
    allowed = parse_origins(["https://Example.org", "http://other.example:8000", "app://local"])
    assert isinstance(allowed, tuple)
    for origin in (
        "https://example.org",
        "https://EXAMPLE.org:443",
        "http://other.example:8000",
        "app://local",
    ):
        assert is_allowed(head(origin), allowed)
    for origin in (
        "http://example.org",
        "https://example.org:444",
        "http://other.example",
        "app://other",
        "null",
    ):
        assert not is_allowed(head(origin), allowed)


def test_a_list_replaces_the_own_origin() -> None:
    assert not is_allowed(head("http://example.org"), ("http://other.example",))
    assert not is_allowed(head("http://example.org"), ())


def test_an_entry_that_no_page_can_have_allows_nobody() -> None:
    assert not is_allowed(head("null"), ("http://u@example.org", "http://a:b:c"))

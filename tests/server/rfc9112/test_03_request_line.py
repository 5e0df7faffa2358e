"""RFC 9112 §3: the request line and the four forms of a target."""

from __future__ import annotations

import pytest
from support.conduct import METHODS, NEXT, Site, refused, request, talk

# §3, Request Line.


@pytest.mark.parametrize(
    "start",
    [
        "GET",
        "GET /",
        "GET / ",
        "GET HTTP/1.1",
        " GET / HTTP/1.1",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET / HTTP/1.1\t",
        "GET / x HTTP/1.1",
        "GET / HTTP/1.1 HTTP/1.1",
        "/ HTTP/1.1",
    ],
)
async def test_3_a_line_has_three_words_with_one_space_between(autojump_clock, start):
    assert await refused(request(start=start) + NEXT) == 400


# §3.1, Method.


@pytest.mark.parametrize(
    "method",
    [
        "G\x00T",
        "G\x7fT",
        "G(T",
        "G,T",
        "G/T",
        "G:T",
        "G;T",
        "G<T",
        "G=T",
        "G@T",
        "G[T",
        "G\\T",
        "G{T",
        'G"T',
        "\xc4GET",
    ],
)
async def test_3_1_a_method_is_a_token(autojump_clock, method):
    assert await refused(request(start=f"{method} / HTTP/1.1") + NEXT) == 400


async def test_3_1_methods_are_case_sensitive(autojump_clock):
    assert (await talk(Site(), request(start="get / HTTP/1.1"))).statuses == [405]


async def test_3_1_an_unregistered_method_is_405_with_the_allowed_ones(autojump_clock):
    conversation = await talk(Site(), request(start="BREW /pot HTTP/1.1") + request())
    assert conversation.statuses == [405, 200]
    assert set(METHODS) <= set(conversation.answers[0].headers["allow"].split(", "))


async def test_3_1_a_method_longer_than_any_known_one_is_501(autojump_clock):
    assert await refused(b"X" * 200) == 501


# §3.2, Request Target.


@pytest.mark.parametrize(
    "target",
    ["/\x00", "/\x01", "/\x7f", "/\x80", "/\xe9", "/a\tb", "/#a", "a", "?a", "example.org", "..", "\\"],
)
async def test_3_2_a_target_has_only_characters_of_a_url(autojump_clock, target):
    assert await refused(request(start=f"GET {target} HTTP/1.1") + NEXT) == 400


async def test_3_2_a_target_that_is_too_long_is_414_at_once(autojump_clock):
    assert await refused(b"GET /" + b"a" * 20_000) == 414
    assert await refused(b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n" + NEXT) == 414


async def test_3_2_a_long_target_is_accepted(autojump_clock):
    path = "/" + "a" * 8000
    conversation = await talk(Site(), request(start=f"GET {path} HTTP/1.1"))
    assert conversation.bodies == [f"GET {path} 0"]


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
async def test_3_2_a_request_has_one_host(autojump_clock, version):
    for second in ("Host: example.org", "host: evil.example", "HOST:"):
        assert await refused(request(second, start=f"GET / {version}") + NEXT) == 400


async def test_3_2_a_1_1_request_needs_a_host_and_a_1_0_request_does_not(autojump_clock):
    assert await refused(request(host="") + NEXT) == 400
    assert (await talk(Site(), request(host="", start="GET / HTTP/1.0"))).statuses == [200]


@pytest.mark.parametrize(
    "host",
    [
        "a b", "a, b", "a/b", "a?b", "a#b", "u@a", "u:p@a", "a:b", "a:80:80", "a:-1", "a:+1", "a:123456", "[::1",
        "::1", "[::1]x", "[::1%25eth0]", "[x]", "http://a", "a\\b", "\xe9", "a\x00", "<a>", '"a"', "a%zz", "a%0",
    ],
)  # fmt: skip
async def test_3_2_a_host_is_a_name_or_an_address_with_an_optional_port(autojump_clock, host):
    assert await refused(request(host=f"Host: {host}") + NEXT) == 400


@pytest.mark.parametrize(
    "host", ["", "a", "A.b", "a.", "xn--bcher-kva.example", "a_b", "1.2.3.4:80", "[::1]:80", "a:"]
)
async def test_3_2_a_valid_host_is_accepted(autojump_clock, host):
    assert (await talk(Site(), request(host=f"Host: {host}"))).statuses == [200]


# §3.2.1, origin form.


@pytest.mark.parametrize(
    "target", ["/", "//", "//evil.example/", "/a//b", "/.", "/../x", "/a;b=c", "/?", "/a?b?c", "/%41"]
)
async def test_3_2_1_a_path_reaches_the_handler_as_it_was_sent(autojump_clock, target):
    site, seen = Site(), []

    @site.app.middleware
    async def note(request, call_next):
        seen.append(request.raw_path)
        return await call_next(request)

    await talk(site, request(start=f"GET {target} HTTP/1.1"))
    assert seen == [target.partition("?")[0]]


async def test_3_2_1_a_path_that_cannot_be_decoded_is_400_and_the_connection_continues(autojump_clock):
    assert (await talk(Site(), request(start="GET /%ff HTTP/1.1") + request())).statuses == [400, 200]


# §3.2.2, absolute form.


async def test_3_2_2_the_host_of_an_absolute_target_overrides_the_field(autojump_clock):
    site = Site()
    hosts = []

    @site.app.get("/host")
    async def host(request):
        hosts.append((request.host, request.headers["host"], request.url))

    starts = ["GET http://real.example:8080/host?q HTTP/1.1", "GET HTTP://REAL.example/host HTTP/1.1"]
    conversation = await talk(site, *(request(start=start, host="Host: field.example") for start in starts))
    assert conversation.statuses == [204, 204]
    assert hosts == [
        ("real.example:8080", "real.example:8080", "http://real.example:8080/host?q"),
        ("REAL.example", "REAL.example", "http://REAL.example/host"),
    ]


async def test_3_2_2_an_absolute_target_does_not_make_up_for_the_field(autojump_clock):
    assert await refused(request(host="", start="GET http://a/ HTTP/1.1") + NEXT) == 400


@pytest.mark.parametrize(
    "target",
    [
        "http:///",
        "http://",
        "http:/a",
        "http:a",
        "http://:80/",
        "http://u@a/",
        "http://a:x/",
        "http://a\\b/",
        "ftp://a/",
        "ws://a/",
        "file:///etc/passwd",
        "javascript:x",
        "http://[::1/",
        "http://a/#b",
        "http://é/",
    ],
)
async def test_3_2_2_an_invalid_absolute_target_is_refused(autojump_clock, target):
    assert await refused(request(start=f"GET {target} HTTP/1.1") + NEXT) == 400


# §3.2.3, authority form.


async def test_3_2_3_connect_is_for_proxies(autojump_clock):
    assert await refused(request(start="CONNECT example.org:443 HTTP/1.1") + NEXT) == 501


@pytest.mark.parametrize("target", ["example.org:443", "example.org"])
async def test_3_2_3_an_authority_is_refused_for_other_methods(autojump_clock, target):
    assert await refused(request(start=f"GET {target} HTTP/1.1") + NEXT) == 400


# §3.2.4, asterisk form.


async def test_3_2_4_the_asterisk_is_for_options_and_is_not_a_path(autojump_clock):
    conversation = await talk(Site(), request(start="OPTIONS * HTTP/1.1") + request())
    assert conversation.statuses[0] in {200, 204, 404}, "there is no handler for the server as a whole"
    assert conversation.statuses[1] == 200


async def test_3_3_the_address_of_the_server_as_a_whole_has_no_path(autojump_clock):
    site, seen = Site(), []

    async def note(request, call_next):
        seen.append((request.url, request.path, request.raw_path))
        return await call_next(request)

    site.app.middleware(note)
    starts = ["OPTIONS * HTTP/1.1", "OPTIONS http://a.example:81 HTTP/1.1", "OPTIONS /?a HTTP/1.1"]
    await talk(site, *(request(start=start, host="Host: example.org") for start in starts))
    assert seen == [
        ("http://example.org", "*", "*"),
        ("http://a.example:81/", "/", "/"),
        ("http://example.org/?a", "/", "/"),
    ]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "options"])
async def test_3_2_4_the_asterisk_is_refused_for_other_methods(autojump_clock, method):
    assert await refused(request(start=f"{method} * HTTP/1.1") + NEXT, method=method) == 400

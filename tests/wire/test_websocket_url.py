"""URLs of WebSockets: what they mean, and what is refused."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from trioweb._wire.websocket_url import parse_url
from trioweb.errors import InvalidURL


def basic(user: str) -> str:
    return "Basic " + b64encode(user.encode()).decode()


# The forms of a URL.


@pytest.mark.parametrize(
    ("text", "host", "port", "host_field", "target"),
    [
        ("ws://example.org", "example.org", 80, "example.org", "/"),
        ("wss://example.org", "example.org", 443, "example.org", "/"),
        ("WSS://Example.ORG/Chat", "example.org", 443, "example.org", "/Chat"),
        ("ws://example.org:80/", "example.org", 80, "example.org", "/"),
        ("ws://example.org:/", "example.org", 80, "example.org", "/"),
        ("ws://example.org:443/", "example.org", 443, "example.org:443", "/"),
        ("wss://example.org:80/", "example.org", 80, "example.org:80", "/"),
        ("ws://example.org:00080/", "example.org", 80, "example.org", "/"),
        ("ws://example.org:65535/", "example.org", 65535, "example.org:65535", "/"),
        ("ws://example.org?a=1", "example.org", 80, "example.org", "/?a=1"),
        ("ws://example.org/a/../b?", "example.org", 80, "example.org", "/a/../b?"),
        ("ws://a_b.local./", "a_b.local.", 80, "a_b.local.", "/"),
        ("ws://192.0.2.1:8000/", "192.0.2.1", 8000, "192.0.2.1:8000", "/"),
        ("ws://[2001:DB8::1]:8000/", "2001:db8::1", 8000, "[2001:db8::1]:8000", "/"),
        ("ws://[::ffff:192.0.2.1]", "::ffff:192.0.2.1", 80, "[::ffff:192.0.2.1]", "/"),
        ("ws://[fe80::1%25eth0]/", "fe80::1%eth0", 80, "[fe80::1]", "/"),
        ("ws://[fe80::1%eth0]:81/", "fe80::1%eth0", 81, "[fe80::1]:81", "/"),
    ],
)
def test_a_url_says_where_to_connect_and_what_to_ask_for(text, host, port, host_field, target):
    url = parse_url(text)

    assert (url.host, url.port, url.host_field, url.target) == (host, port, host_field, target)
    assert url.is_secure is text.lower().startswith("wss")
    assert url.unix_path is None
    assert url.authority_with_port == (
        host_field if host_field.endswith(f":{port}") else f"{host_field}:{port}"
    )


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("faß.de", "xn--fa-hia.de"),  # "fass.de" by the older IDNA, which is another host
        ("ＥＸＡＭＰＬＥ。org", "example.org"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("１２７.0.0.1", "127.0.0.1"),
    ],
)
def test_an_internationalised_name_is_the_one_of_browsers(host, expected):
    assert parse_url(f"ws://{host}/").host_field == expected


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("ws://a/ü?ß", "/%C3%BC?%C3%9F"),
        ('ws://a/?q={"x":1}', "/?q=%7B%22x%22:1%7D"),
        ("ws://a/%7e%zz%?100%", "/%7e%zz%?100%"),
        ("ws://a//b;c=1/@:!$&'()*+,?[x]", "//b;c=1/@:!$&'()*+,?[x]"),
    ],
)
def test_a_target_gets_the_escapes_that_it_lacks_and_keeps_its_own(text, target):
    assert parse_url(text).target == target


@pytest.mark.parametrize(
    ("userinfo", "user"),
    [
        ("ann:secret", "ann:secret"),
        ("ann", "ann:"),
        (":token", ":token"),
        ("ann:", "ann:"),
        ("a%40b:p%3Aq%2Fr", "a@b:p:q/r"),
        ("ann:p:q", "ann:p:q"),
        ("ann:p@q", "ann:p@q"),
        ("ä:ö", "ä:ö"),
    ],
)
def test_a_user_in_the_url_becomes_basic_authentication(userinfo, user):
    url = parse_url(f"ws://{userinfo}@example.org/")

    assert url.authorization == basic(user)
    assert url.host == "example.org"


def test_an_empty_user_is_not_sent():
    assert parse_url("ws://@example.org/").authorization is None


@pytest.mark.parametrize(
    ("text", "unix_path", "target"),
    [
        ("ws+unix:///run/app.sock:/chat?room=1", "/run/app.sock", "/chat?room=1"),
        ("ws+unix:/run/app.sock:/chat", "/run/app.sock", "/chat"),
        ("ws+unix:///run/app.sock", "/run/app.sock", "/"),
        ("ws+unix:///run/app.sock:", "/run/app.sock", "/"),
        ("ws+unix:///run/app.sock?a", "/run/app.sock", "/?a"),
        ("ws+unix:///run/my%20app%3A1.sock:/a:b", "/run/my app:1.sock", "/a:b"),
        ("ws+unix://%2Frun%2Fapp.sock/chat?room=1", "/run/app.sock", "/chat?room=1"),
        ("ws+unix://%2Frun%2Fapp.sock", "/run/app.sock", "/"),
        ("ws+unix:///run/%FF:/", "/run/\udcff", "/"),
    ],
)
def test_a_url_may_name_a_unix_socket(text, unix_path, target):
    url = parse_url(text)

    assert (url.unix_path, url.target, url.host_field) == (unix_path, target, "localhost")
    assert not url.is_secure
    assert parse_url(str(url)).unix_path == unix_path


def test_a_unix_socket_may_have_a_user():
    assert parse_url("ws+unix://ann:secret@%2Fa.sock/").authorization == basic("ann:secret")


@pytest.mark.parametrize(("host", "name"), [("example.org.", "example.org"), ("[fe80::1%25eth0]", "fe80::1")])
def test_a_certificate_is_checked_for_the_name_without_dot_or_zone(host, name):
    assert parse_url(f"wss://{host}/").server_name == name


# What is refused.


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("http://example.org/", "is for HTTP: write ws://"),
        ("https://example.org/", "is for HTTP: write wss://"),
        ("ftp://example.org/", "expected ws://, wss:// or ws+unix://"),
        ("example.org/chat", "expected ws://, wss:// or ws+unix://"),
        ("//example.org/chat", "expected ws://, wss:// or ws+unix://"),
        ("ws:example.org", "expected ws://, wss:// or ws+unix://"),
        ("wss+unix:///a.sock:/", "expected ws://, wss:// or ws+unix://"),
        ("", "expected ws://, wss:// or ws+unix://"),
        ("ws://", "does not have a host"),
        ("ws:///chat", "does not have a host"),
        ("ws://:80/", "does not have a host"),
        ("ws://ann@/", "does not have a host"),
        ("ws://example.org/#top", "has a fragment"),
        ("ws://example.org/#", "has a fragment"),
        (" ws://example.org/", "begins or ends with white space"),
        ("ws://example.org/\n", "begins or ends with white space"),
        ("ws://example.org/a b", "contains ' ' at 18: expected an escape such as %20"),
        ("ws://example.org/a\r\nX: y", r"contains '\r' at 18"),
        ("ws://exa\tmple.org/", r"contains '\t' at 8"),
        ("ws://example.org\\@evil.example/", r"contains '\\' at 16"),
        ("ws://example.org/\x00", r"contains '\x00'"),
        ("ws://example.org/\ud800", r"contains '\ud800'"),
        ("ws://example.org:0/", "from 1 to 65535"),
        ("ws://example.org:65536/", "from 1 to 65535"),
        (f"ws://example.org:{'9' * 5000}/", "from 1 to 65535"),
        ("ws://example.org:8O/", "not a name, an IPv4 address or an IPv6 address"),
        ("ws://example.org:８0/", "not a name, an IPv4 address or an IPv6 address"),
        ("ws://2001:db8::1/", "not a name, an IPv4 address or an IPv6 address in brackets"),
        ("ws://[::1/", "not a name, an IPv4 address or an IPv6 address"),
        ("ws://[::1]x/", "not a name, an IPv4 address or an IPv6 address"),
        ("ws://[::g]/", "has an invalid IPv6 address"),
        ("ws://[127.0.0.1]/", "has an invalid IPv6 address"),
        (f"ws://[{'1' * 5000}]/", "has an invalid IPv6 address"),
        ("ws://[fe80::1%]/", "has an invalid zone"),
        ("ws://[fe80::1%25]/", "has an invalid zone"),
        ("ws://[fe80::1%a%0d]/", "has an invalid zone"),
        ("ws://127.1/", "has an invalid IPv4 address"),
        ("ws://0x7f000001/", "has an invalid IPv4 address"),
        ("ws://2130706433/", "has an invalid IPv4 address"),
        ("ws://0177.0.0.1/", "has an invalid IPv4 address"),
        ("ws://256.0.0.1/", "has an invalid IPv4 address"),
        ("ws://127.0.0.1./", "has an invalid IPv4 address"),
        ("ws://exam%70le.org/", "has a host with characters"),
        ("ws://a<b/", "has a host with characters"),
        ("ws://example.org／evil/", "not a valid internationalised name"),
        ("ws://℀.example/", "not a valid internationalised name"),
        ("ws://-ü-.example/", "not a valid internationalised name"),
        ("ws://a..b/", "with 1 to 63 between two dots"),
        ("ws://./", "with 1 to 63 between two dots"),
        (f"ws://{'a' * 64}.example/", "with 1 to 63 between two dots"),
        (f"ws://{'a.' * 127}/", "at most 253 characters"),
        ("ws://a%3Ab:c@example.org/", "has a user with a colon"),
        ("ws://ann:%0d%0a@example.org/", "control characters"),
        ("ws://[::1]@example.org/", "with a bracket"),
        ("ws+unix:", "does not name a Unix socket"),
        ("ws+unix://run/app.sock:/", "does not name a Unix socket"),
        ("ws+unix:app.sock:/", "does not name a Unix socket"),
        ("ws+unix:///run/app.sock:chat", "does not name a Unix socket"),
        ("ws+unix:///run/app%00.sock:/", "does not name a Unix socket"),
    ],
)
def test_a_wrong_url_is_refused_with_the_reason(text, problem):
    with pytest.raises(InvalidURL) as caught:
        parse_url(text)

    assert problem in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_url_has_to_be_text():
    with pytest.raises(InvalidURL, match="a URL is a str, not bytes"):
        parse_url(b"ws://example.org")


@pytest.mark.parametrize(
    "text",
    [
        "ws://ann:secret@example.org:x/?token=secret",
        "ws://ann:sec/secret@example.org/",
        "ws://ann:#secret@example.org/",
        "http://ann:secret@example.org/?token=secret",
        "ws://example.org/#?secret",
    ],
)
def test_an_error_about_a_url_hides_passwords_and_queries(text):
    with pytest.raises(InvalidURL) as caught:
        parse_url(text)

    assert "secret" not in str(caught.value)


def test_a_url_is_shown_without_its_user_and_its_query():
    url = parse_url("wss://ann:secret@example.org:8443/chat?token=secret")

    assert str(url) == "wss://example.org:8443/chat?..."
    assert basic("ann:secret") not in repr(url)
    assert str(parse_url(f"ws://a/{'x' * 100}")) == f"ws://a/{'x' * 79}..."


@pytest.mark.parametrize(
    "text",
    [
        "wss://example.org:8443/chat?token=secret",
        "ws://example.org/",
        "ws://[fe80::1%25eth0]:81/",
        "ws+unix://%2Frun%2Fapp.sock/chat?a",
    ],
)
def test_a_url_without_its_user_leads_to_the_same_place(text):
    assert parse_url(text).without_user == text
    assert parse_url(text.replace("://", "://ann:secret@")).without_user == text


# Every text.

AUTHORITY_CHARACTERS = st.sampled_from("aZ09.-_~%:@[]/?#\\ \t\r\n!$&'()*+,;=|^`{}<>\"é。／ß\u2028\ud800")
TEXTS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["ws://", "wss://", "ws+unix://", "ws+unix:///a", "ws:", "http://", ""]),
    st.text(AUTHORITY_CHARACTERS, max_size=12),
    st.sampled_from(["", "/", "/x?y", ":80/", "@example.org/", "]:80"]),
)


@given(TEXTS)
def test_any_text_is_parsed_or_refused_and_never_carries_a_line_of_its_own(text: str):
    try:
        url = parse_url(text)
    except InvalidURL:
        return
    for part in (url.host_field, url.target, url.authorization or "", url.authority_with_port):
        assert part.isascii()
        assert part.isprintable()
    assert " " not in url.host_field + url.target
    assert url.target.startswith("/")
    assert "#" not in url.target


@given(TEXTS)
@example("ws://a@b@c/")
def test_a_url_leads_to_the_host_that_other_parsers_see(text: str):
    assume(text.isascii())
    try:
        url = parse_url(text)
    except InvalidURL:
        return
    if url.unix_path is None:
        seen = urlsplit(text)
        assert (url.host.partition("%")[0], url.port) == (
            str(seen.hostname).partition("%")[0],
            seen.port or (443 if url.is_secure else 80),
        )


NAMES = st.from_regex(
    r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?(\.[a-z]([a-z0-9-]{0,10}[a-z0-9])?){0,3}", fullmatch=True
)
PARTS = st.text(st.characters(codec="utf-8"), max_size=8)


@given(NAMES, st.integers(1, 65535), PARTS, PARTS, PARTS)
def test_escaped_parts_come_out_as_they_went_in(host: str, port: int, user: str, password: str, path: str):
    assume(not any(ord(character) < 32 or ord(character) == 127 for character in user + password))
    assume(":" not in user)
    userinfo = f"{quote(user, safe='')}:{quote(password, safe='')}"

    url = parse_url(f"ws://{userinfo}@{host}:{port}/{quote(path)}?{quote(path)}")

    assert (url.host, url.port, url.authorization) == (host, port, basic(f"{user}:{password}"))
    assert url.target == f"/{quote(path)}?{quote(path)}"

"""RFC 9112 §2: the layout of a message, seen from raw bytes."""

from __future__ import annotations

import pytest
from support.conduct import NEXT, Site, refused, request, talk

GET = request()
POST = request("Content-Length: 5", start="POST /post HTTP/1.1", body=b"hello")


# §2.1, Message Format.


async def test_2_1_a_message_is_a_line_fields_an_empty_line_and_maybe_a_body(autojump_clock):
    assert (await talk(Site(), POST)).bodies == ["POST /post 5"]


async def test_2_1_a_message_may_be_cut_anywhere_on_its_way(autojump_clock):
    whole = POST + GET
    for place in range(1, len(whole)):
        conversation = await talk(Site(), whole[:place], whole[place:])
        assert conversation.bodies == ["POST /post 5", "GET / 0"], place


async def test_2_1_a_message_may_arrive_byte_by_byte(autojump_clock):
    pieces = [bytes([byte]) for byte in POST]
    assert (await talk(Site(), *pieces)).bodies == ["POST /post 5"]


# §2.2, Message Parsing.


@pytest.mark.parametrize("before", [b"\r\n", b"\r\n\r\n", b"\r\n" * 4])
async def test_2_2_empty_lines_before_a_request_are_ignored(autojump_clock, before):
    assert (await talk(Site(), before + GET)).statuses == [200]


async def test_2_2_an_empty_line_after_a_body_is_ignored(autojump_clock):
    assert (await talk(Site(), POST + b"\r\n" + GET)).bodies == ["POST /post 5", "GET / 0"]


async def test_2_2_too_many_empty_lines_are_refused(autojump_clock):
    assert await refused(b"\r\n" * 5 + NEXT) == 400


@pytest.mark.parametrize(
    "data",
    [
        GET.replace(b"\r\n", b"\n"),
        GET.replace(b"\r\n", b"\r"),
        GET.replace(b"\r\n", b"\n\r"),
        GET.replace(b"\r\n", b"\r\r\n"),
        GET.replace(b"1.1\r\n", b"1.1\n"),
        GET.replace(b"org\r\n\r\n", b"org\r\n\n"),
        GET.replace(b"org\r\n\r\n", b"org\n\r\n"),
        GET.replace(b"org\r\n\r\n", b"org\n\n"),
        b"\n" + GET,
        b"\r" + GET,
        b"\r\n\n" + GET,
    ],
    ids=repr,
)
async def test_2_2_only_crlf_ends_a_line(autojump_clock, data):
    assert await refused(data + NEXT) == 400


@pytest.mark.parametrize(
    "place", [b"GE%bT / HTTP/1.1", b"GET /%b HTTP/1.1", b"GET / %bHTTP/1.1", b"GET / HTTP/1.1%b", b"GET /%b"]
)
async def test_2_2_a_cr_alone_is_refused_anywhere_in_the_first_line(autojump_clock, place):
    assert await refused(place % b"\r" + b"\r\nHost: a\r\n\r\n" + NEXT) == 400


@pytest.mark.parametrize("line", ["X: a\rb", "X\r: a", "X:\ra", "X: a\r", "\rX: a"])
async def test_2_2_a_cr_alone_is_refused_anywhere_in_a_field(autojump_clock, line):
    assert await refused(request(line) + NEXT) == 400


@pytest.mark.parametrize("blank", [b" ", b"\t", b"\x0b", b"\x0c", b"\xa0", b"\x85"])
async def test_2_2_whitespace_after_the_first_line_is_refused(autojump_clock, blank):
    assert await refused(b"GET / HTTP/1.1\r\n" + blank + b"Host: a\r\n\r\n" + NEXT) == 400
    assert await refused(b"GET / HTTP/1.1\r\n" + blank + b"\r\nHost: a\r\n\r\n" + NEXT) == 400


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"\x00" * 100,
        b"\xff" * 100,
        b"\xef\xbb\xbf" + GET,
        b'{"id": 1}\r\n',
    ],
    ids=["TLS", "SSH", "SOCKS", "HTTP/2", "an answer", "zeros", "ones", "a byte order mark", "JSON"],
)
async def test_2_2_a_client_of_another_protocol_is_told_so_in_http(autojump_clock, data):
    assert await refused(data) == 400


# §2.3, HTTP Version.


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ("HTTP/1.0", 200),
        ("HTTP/1.1", 200),
        ("HTTP/1.2", 505),
        ("HTTP/0.9", 505),
        ("HTTP/2.0", 505),
        ("HTTP/3.0", 505),
        ("http/1.1", 400),
        ("HTTP/1", 400),
        ("HTTP/11", 400),
        ("HTTP/01.1", 400),
        ("HTTP/1.01", 400),
        ("HTTP/1,1", 400),
        ("HTTP /1.1", 400),
        ("HTTP/ 1.1", 400),
        ("HTTP/1.1x", 400),
        ("HTTP/+1.1", 400),
        ("HTTPS/1.1", 400),
        ("ICY/1.1", 400),
    ],
)
async def test_2_3_a_version_is_accepted_exactly_as_spelled_or_refused(autojump_clock, version, status):
    data = request(start=f"GET / {version}")
    if status == 200:
        assert (await talk(Site(), data)).statuses == [200]
    else:
        assert await refused(data + NEXT) == status

"""RFC 9112 §4 and §5: the status line of a response, and field lines in both directions."""

from __future__ import annotations

import pytest
from support.conduct import NEXT, Site, refused, request, talk
from support.serving import in_memory

from trioweb import Response

# §4, Status Line.


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (200, b"HTTP/1.1 200 OK"),
        (299, b"HTTP/1.1 299 Success"),
        (404, b"HTTP/1.1 404 Not Found"),
        (413, b"HTTP/1.1 413 Content Too Large"),
        (599, b"HTTP/1.1 599 Server Error"),
    ],
)
async def test_4_a_status_line_has_a_phrase_that_fits_the_status(autojump_clock, status, line):
    site = Site()

    @site.app.get("/status")
    async def answer(request):
        return Response(status=status)

    async with in_memory(site.app) as peer:
        await peer.send(request(start="GET /status HTTP/1.1"))
        assert (await peer.receive_head()).encode().split(b"\r\n")[0] == line


async def test_4_the_version_of_a_response_is_the_servers_own(autojump_clock):
    async with in_memory(Site().app) as peer:
        await peer.send(request(start="GET / HTTP/1.0"))
        assert (await peer.receive_head()).startswith("HTTP/1.1 200 ")


# §5, Field Syntax.


async def test_5_a_name_matches_in_any_case_and_a_value_has_no_whitespace_around_it(autojump_clock):
    site, seen = Site(), []

    @site.app.get("/fields")
    async def fields(request):
        seen.append([request.headers[name] for name in ("x-A", "x-b", "X-C", "x-d")])

    await talk(site, request("X-a:1", "X-B: \t 2 \t ", "x-c:", "X-D: a \t b", start="GET /fields HTTP/1.1"))
    assert seen == [["1", "2", "", "a \t b"]]


async def test_5_fields_of_one_name_keep_their_order(autojump_clock):
    site, seen = Site(), []

    @site.app.get("/fields")
    async def fields(request):
        seen.append((request.headers.get_all("x"), request.headers["x"]))

    await talk(site, request("X: 1", "Y: 0", "x: 2", start="GET /fields HTTP/1.1"))
    assert seen == [(["1", "2"], "1, 2")]


# §5.1, Field Line Parsing.


@pytest.mark.parametrize("blank", [" ", "\t", "  ", "\x0b", "\x0c", "\xa0", "\x00", "\r", "\n"])
async def test_5_1_nothing_is_allowed_between_a_name_and_its_colon(autojump_clock, blank):
    assert await refused(request(f"X{blank}: a") + NEXT) == 400
    assert await refused(request(f"Content-Length{blank}: 5") + NEXT) == 400
    assert await refused(request(f"Transfer-Encoding{blank}: chunked") + b"0\r\n\r\n" + NEXT) == 400
    assert await refused(b"GET / HTTP/1.1\r\nHost" + blank.encode("latin-1") + b": a\r\n\r\n" + NEXT) == 400


@pytest.mark.parametrize(
    "line",
    [
        "",
        ":",
        ": a",
        "X",
        "X a",
        "=a",
        "X=a",
        "\x00: a",
        "X\x00: a",
        " : a",
        "\xe9: a",
        "(X): a",
        "X,Y: a",
        "X/Y: a",
    ],
)
async def test_5_1_a_line_without_a_name_and_a_colon_is_refused(autojump_clock, line):
    if line:
        assert await refused(request(line) + NEXT) == 400
        assert await refused(request(host=line) + NEXT) == 400


@pytest.mark.parametrize("code", [*range(9), *range(10, 32), 127])
async def test_5_1_a_control_character_in_a_value_is_refused(autojump_clock, code):
    assert await refused(request(f"X: a{chr(code)}b") + NEXT) == 400
    assert await refused(request(f"X: a{chr(code)}") + NEXT) == 400
    assert await refused(request(f"X:{chr(code)}") + NEXT) == 400


@pytest.mark.parametrize("code", [0x80, 0x85, 0xA0, 0xE9, 0xFF])
async def test_5_1_a_byte_above_ascii_is_part_of_the_value_and_not_whitespace(autojump_clock, code):
    site, seen = Site(), []

    @site.app.get("/fields")
    async def fields(request):
        seen.append(request.headers["x"])

    await talk(site, request(f"X: {chr(code)}a{chr(code)}", start="GET /fields HTTP/1.1"))
    assert seen == [f"{chr(code)}a{chr(code)}"]


# §5.2, Obsolete Line Folding.


@pytest.mark.parametrize("blank", [" ", "\t", " \t ", "  "])
async def test_5_2_a_folded_line_is_refused(autojump_clock, blank):
    assert await refused(request("X: a", f"{blank}b") + NEXT) == 400
    assert await refused(request("X:", f"{blank}Transfer-Encoding: chunked") + NEXT) == 400
    assert await refused(request("Transfer-Encoding:", f"{blank}chunked") + b"0\r\n\r\n" + NEXT) == 400
    assert await refused(request("X: a", blank) + NEXT) == 400
    assert await refused(request(host=f"{blank}Host: a") + NEXT) == 400


# RFC 9110 §5.4, Field Limits.


async def test_too_many_fields_are_431_and_the_setting_is_named(autojump_clock):
    for lines in (["X: " + "y" * 20_000], ["X: y"] * 5000, ["X" * 20_000 + ": y"]):
        assert await refused(request(*lines) + NEXT) == 431
    async with in_memory(Site().app) as peer:
        await peer.send(request("X: " + "y" * 20_000))
        assert b"Limits.head_bytes" in (await peer.receive_response())[1]


async def test_a_head_that_never_ends_is_431_before_it_ends(autojump_clock):
    assert await refused(request()[:-2] + b"X: " + b"y" * 20_000) == 431

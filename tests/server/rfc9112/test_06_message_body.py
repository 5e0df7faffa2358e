"""RFC 9112 §6: the end of a message's body, and what makes it uncertain."""

from __future__ import annotations

import pytest
import trio
from support.conduct import NEXT, Site, refused, request, talk
from support.serving import in_memory

from trioweb import Limits, Response

CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


def post(*lines, body=b"", version="HTTP/1.1"):
    return request(*lines, start=f"POST /post {version}", body=body)


# §6.1, Transfer-Encoding.


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "CHUNKED", "\tchunked\t"])
async def test_6_1_chunked_is_understood_in_any_case(autojump_clock, coding):
    data = post(f"Transfer-Encoding:{coding}", body=CHUNKS)
    assert (await talk(Site(), data + request())).bodies == ["POST /post 5", "GET / 0"]


@pytest.mark.parametrize("coding", ["gzip, chunked", "gzip,chunked", "deflate, gzip, chunked", "x, chunked"])
async def test_6_1_another_coding_under_chunked_is_501(autojump_clock, coding):
    assert await refused(post(f"Transfer-Encoding: {coding}", body=CHUNKS) + NEXT) == 501
    first, _, second = coding.rpartition(",")
    lines = [f"Transfer-Encoding: {first}", f"Transfer-Encoding: {second}"]
    assert await refused(post(*lines, body=CHUNKS) + NEXT) == 501


@pytest.mark.parametrize("coding", ["chunked, chunked", "chunked,chunked", "chunked, gzip, chunked"])
async def test_6_1_chunked_is_applied_once(autojump_clock, coding):
    assert await refused(post(f"Transfer-Encoding: {coding}", body=CHUNKS) + NEXT) == 400


async def test_6_1_chunked_on_two_lines_is_chunked_twice(autojump_clock):
    lines = ["Transfer-Encoding: chunked"] * 2
    assert await refused(post(*lines, body=CHUNKS) + NEXT) == 400


@pytest.mark.parametrize("start", [0, 1])
async def test_6_1_with_a_length_as_well_a_request_is_refused(autojump_clock, start):
    lines = ["Content-Length: 5", "Transfer-Encoding: chunked", "Content-Length: 5"]
    assert await refused(post(*lines[start : start + 2], body=CHUNKS) + NEXT) == 400


async def test_6_1_http_1_0_knows_no_transfer_encoding(autojump_clock):
    assert await refused(post("Transfer-Encoding: chunked", body=CHUNKS, version="HTTP/1.0") + NEXT) == 400
    lines = ["Transfer-Encoding: chunked", "Content-Length: 5"]
    assert await refused(post(*lines, body=CHUNKS, version="HTTP/1.0") + NEXT) == 400


async def test_6_1_a_response_to_http_1_0_is_never_chunked(autojump_clock):
    class Pieces(Response):
        is_streamed = True

        async def chunks(self):
            yield b"one "
            yield b"two"

    site = Site()

    @site.app.get("/pieces")
    async def pieces(request):
        return Pieces()

    for version, is_chunked in [("HTTP/1.0", False), ("HTTP/1.1", True)]:
        conversation = await talk(site, request(start=f"GET /pieces {version}"))
        assert conversation.bodies == ["one two"]
        assert ("transfer-encoding" in conversation.answers[0].headers) is is_chunked


# §6.2, Content-Length.


@pytest.mark.parametrize(
    "length",
    [
        "", "-1", "+5", "5.0", "0x5", "5e0", "5_0", "five", "5 ", " 5", "5,5", "5, 5", "5,6", ",5", "5,", "5;", "5;x=y",
        '"5"', "5 5", "\xb2", "\u00bd", "5\x0b", "\x0c5", "5\xa0", "5\x00", "0" * 19, "9" * 19, "18446744073709551621",
        "4294967301" * 3, "\uff15".encode().decode("latin-1"), "NaN", "Infinity", "0b101", "0o5", "--5",
    ],
)  # fmt: skip
async def test_6_2_a_length_is_digits_and_nothing_else(autojump_clock, length):
    data = post(f"Content-Length: {length}", body=b"hello")
    if length.strip(" \t") == "5":  # whitespace around a value is not part of it
        assert (await talk(Site(), data)).bodies == ["POST /post 5"]
    else:
        assert await refused(data + NEXT) == 400


@pytest.mark.parametrize("lines", [("5", "5"), ("5", "6"), ("6", "5"), ("0", "5"), ("5", ""), ("", "5")])
async def test_6_2_two_lengths_are_refused_even_when_they_agree(autojump_clock, lines):
    data = post(*(f"Content-Length: {length}" for length in lines), body=b"hello")
    assert await refused(data + NEXT) == 400
    data = post("content-length: 5", "X: y", "CONTENT-LENGTH: 5", body=b"hello")
    assert await refused(data + NEXT) == 400


@pytest.mark.parametrize("length", ["5", "05", "000000000000000005"])
async def test_6_2_leading_zeros_are_decimal(autojump_clock, length):
    assert (await talk(Site(), post(f"Content-Length: {length}", body=b"hello"))).bodies == ["POST /post 5"]


@pytest.mark.parametrize("length", ["11", "1048577", "999999999999999999"])
async def test_6_2_a_length_above_the_limit_is_413_before_the_body_arrives(autojump_clock, length):
    async with in_memory(Site(limits=Limits(body_bytes=10)).app) as peer:
        started = trio.current_time()
        await peer.send(post(f"Content-Length: {length}"))
        assert (await peer.receive_head()).startswith("HTTP/1.1 413 ")
        assert trio.current_time() == started


async def test_6_2_a_length_that_does_not_fit_64_bits_is_refused(autojump_clock):
    assert await refused(post("Content-Length: 9223372036854775808") + NEXT) == 400


# §6.3, Message Body Length.


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
async def test_6_3_without_either_field_there_is_no_body_whatever_the_method(autojump_clock, method):
    conversation = await talk(Site(), request(start=f"{method} /a HTTP/1.1") + request())
    assert conversation.bodies == [f"{method} /a 0", "GET / 0"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
async def test_6_3_a_body_with_a_method_that_needs_none_is_still_a_body(autojump_clock, method):
    start = f"{method} /a HTTP/1.1"
    data = request("Content-Length: 5", start=start, body=b"GET /") + request()
    assert (await talk(Site(), data)).bodies == [f"{method} /a 5", "GET / 0"]
    data = request("Transfer-Encoding: chunked", start=start, body=CHUNKS) + request()
    assert (await talk(Site(), data)).bodies == [f"{method} /a 5", "GET / 0"]


@pytest.mark.parametrize(
    "coding",
    ["", " ", "gzip", "identity", "chunked, gzip", "chunked, identity", "xchunked", "chunkedx", "x-chunked", "chunked;q=1", "chunked,", ",chunked", "chunked, ,", "chunked gzip", '"chunked"', "'chunked'", "chun ked", "c", "chunked;", "[chunked]", "\xa0chunked", "chunked\x85", "ÿ", "cow", "chunkeä"],
)  # fmt: skip
async def test_6_3_when_chunked_is_not_last_the_end_is_unknown_and_the_request_400(autojump_clock, coding):
    assert await refused(post(f"Transfer-Encoding: {coding}", body=CHUNKS) + NEXT) == 400


async def test_6_3_204_304_and_responses_to_head_have_no_body_whatever_they_declare(autojump_clock):
    site = Site()

    @site.app.get("/{status:int}")
    async def answer(request, status):
        return Response(b"" if status != 200 else b"hello", status, headers={"Content-Length": "7"})

    starts = ["GET /204", "GET /304", "HEAD /200", "GET /200"]
    data = b"".join(request(start=f"{start} HTTP/1.1") for start in starts)
    conversation = await talk(site, data, methods=[start.split()[0] for start in starts])
    assert conversation.statuses == [204, 304, 200, 200]
    assert conversation.bodies == ["", "", "", "hello"]
    assert [answer.headers.get("content-length") for answer in conversation.answers] == [None, None, "5", "5"]
    assert not any("transfer-encoding" in answer.headers for answer in conversation.answers)


async def test_6_3_a_body_shorter_than_announced_is_not_taken_for_complete(autojump_clock):
    site = Site()
    conversation = await talk(site, post("Content-Length: 6", body=b"hello"))
    assert conversation.statuses == [400]
    assert site.seen == []


async def test_6_3_bytes_after_a_body_are_the_next_request(autojump_clock):
    data = post("Content-Length: 4", body=b"hello") + request()
    conversation = await talk(Site(), data)
    assert conversation.statuses == [200, 405], "oPOST or whatever it has become is another method"


async def test_framing_fields_of_a_handler_never_reach_the_wire(autojump_clock):
    site = Site()

    @site.app.get("/framed")
    async def framed(request):
        fields = [("Content-Length", "100"), ("Transfer-Encoding", "chunked"), ("Keep-Alive", "timeout=900")]
        return Response(b"hello", headers=fields)

    async with in_memory(site.app) as peer:
        await peer.send(request(start="GET /framed HTTP/1.1"))
        head, body = await peer.receive_response()
        assert body == b"hello"
        assert head.lower().count("content-length") == 1
        assert "transfer-encoding" not in head.lower()
        assert "keep-alive" not in head.lower()

"""RFC 9112 §7: bodies in chunks."""

from __future__ import annotations

import pytest
from support.conduct import NEXT, Site, request, talk

from trioweb import Limits


def chunked(body):
    return request("Transfer-Encoding: chunked", start="POST /post HTTP/1.1", body=body)


async def broken(body, **options):
    """Return the status of a refusal, after checking that nothing after it was answered."""
    site = Site(**options)
    conversation = await talk(site, chunked(body) + NEXT, is_ended=False)
    assert site.seen == [], "the handler was given half a body"
    assert len(conversation.answers) == 1
    assert "close" in conversation.answers[0].headers.tokens("connection")
    assert conversation.seconds < 5
    return conversation.statuses[0]


# §7.1, Chunked Transfer Coding.


@pytest.mark.parametrize(
    ("body", "length"),
    [
        (b"0\r\n\r\n", 0),
        (b"000\r\n\r\n", 0),
        (b"5\r\nhello\r\n0\r\n\r\n", 5),
        (b"00005\r\nhello\r\n0\r\n\r\n", 5),
        (b"1\r\nh\r\n4\r\nello\r\n0\r\n\r\n", 5),
        (b"a\r\n0123456789\r\n0\r\n\r\n", 10),
        (b"A\r\n0123456789\r\n0\r\n\r\n", 10),
        (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", 4),
        (b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", 5),
    ],
)
async def test_7_1_a_body_is_its_chunks_put_together(autojump_clock, body, length):
    conversation = await talk(Site(), chunked(body) + request())
    assert conversation.bodies == [f"POST /post {length}", "GET / 0"]


async def test_7_1_chunks_may_be_cut_anywhere(autojump_clock):
    data = chunked(b'5;a="b"\r\nhello\r\n1\r\n!\r\n0\r\nX: y\r\n\r\n') + request()
    for place in range(1, len(data)):
        conversation = await talk(Site(), data[:place], data[place:])
        assert conversation.bodies == ["POST /post 6", "GET / 0"], place


@pytest.mark.parametrize(
    "size",
    [b"", b"g", b"-1", b"-5", b"+5", b"0x5", b"0X5", b"5h", b"5_0", b"0_5", b"5.0", b"5e0g", b" 5", b"5 ", b"\t5", b"5\t", b"5 ;a", b"\x0b5", b"5\x0c", b"5\x00", b"\xa05", b"5\xa0", b"\xb2", b"\xef\xbc\x95", b"5,", b"5:5", b"five", b'"5"', b"0" * 16 + b"5", b"1" + b"0" * 15 + b"5", b"ffffffffffffffffff", b"1" * 300],
)  # fmt: skip
async def test_7_1_a_size_is_hexadecimal_digits_and_nothing_else(autojump_clock, size):
    assert await broken(size + b"\r\nhello\r\n0\r\n\r\n") == 400


@pytest.mark.parametrize(
    "size", [b"100001", b"7fffffffffffffff", b"8000000000000000", b"fffffffffffffff0", b"ffffffffffffffff"]
)
async def test_7_1_a_size_that_would_overflow_elsewhere_is_too_large_here(autojump_clock, size):
    assert await broken(size + b"\r\nhello\r\n0\r\n\r\n") == 413


@pytest.mark.parametrize(
    "end", [b"\n", b"\r", b"", b"\r\r\n", b"\n\r", b"\n\n", b" \r\n", b"\x00\r\n", b"XX", b"\rX"]
)
async def test_7_1_the_line_of_a_size_ends_with_crlf(autojump_clock, end):
    assert await broken(b"5" + end + b"hello\r\n0\r\n\r\n") == 400


@pytest.mark.parametrize(
    "end", [b"\n", b"\r", b"", b"\r\r\n", b"\n\r", b"XX", b"\rX", b"  ", b"!\r\n", b"0\r\n\r\n"]
)
async def test_7_1_the_data_of_a_chunk_ends_with_crlf(autojump_clock, end):
    assert await broken(b"5\r\nhello" + end + b"0\r\n\r\n") == 400


@pytest.mark.parametrize(
    "end", [b"0\n\n", b"0\r\n\n", b"0\r\n\r\r\n", b"0\r\r\n\r\n", b"0\r\nX", b"0\r\n \r\n\r\n"]
)
async def test_7_1_the_last_chunk_ends_with_an_empty_line(autojump_clock, end):
    assert await broken(b"5\r\nhello\r\n" + end) == 400


async def test_7_1_a_sum_of_sizes_is_bounded(autojump_clock):
    assert await broken(b"5\r\nhello\r\n6\r\nworld!\r\n0\r\n\r\n", limits=Limits(body_bytes=10)) == 413


# §7.1.1, Chunk Extensions.


@pytest.mark.parametrize(
    "extension", [b";", b";a", b";a=b", b';a="b c"', b";a;b;c=d", b"; a = b", b';a="\xe9"', b";a\t"]
)
async def test_7_1_1_an_extension_is_ignored(autojump_clock, extension):
    data = chunked(b"5" + extension + b"\r\nhello\r\n0" + extension + b"\r\n\r\n")
    assert (await talk(Site(), data + request())).bodies == ["POST /post 5", "GET / 0"]


@pytest.mark.parametrize(
    "extension",
    [b";\n", b";a\nb", b";a\n", b";a\rb", b";a\r", b";\x00", b";a=\x7f", b';a="\n"', b';a="\r"', b";\n;\r"],
)
async def test_7_1_1_no_line_ends_within_an_extension(autojump_clock, extension):
    # A proxy that ends the line at the LF reads the chunk that follows as another size.
    assert await broken(b"5" + extension + b"\r\nhello\r\n0\r\n\r\n") == 400
    assert await broken(b"0" + extension + b"\r\n\r\n") == 400


async def test_7_1_1_endless_extensions_are_refused(autojump_clock):
    assert await broken(b"5;" + b"a" * 300) == 400
    assert await broken(b"1;aaaaaaaaaaaaaaa\r\nx\r\n" * 2000) == 431


# §7.1.2, Chunked Trailer Section.


async def test_7_1_2_trailers_are_read_but_are_not_headers(autojump_clock):
    site, seen = Site(), []

    @site.app.post("/trailers")
    async def trailers(request):
        await request.body()
        seen.append(request.headers.get("x-checksum"))

    start = request("Transfer-Encoding: chunked", start="POST /trailers HTTP/1.1")
    conversation = await talk(site, start + b"0\r\nX-Checksum: 1\r\nY:\r\n\r\n" + request())
    assert conversation.statuses == [204, 200]
    assert seen == [None]


@pytest.mark.parametrize(
    "name", [b"Content-Length", b"Transfer-Encoding", b"Host", b"host", b"TRANSFER-ENCODING"]
)
async def test_7_1_2_a_trailer_that_would_frame_the_message_is_refused(autojump_clock, name):
    assert await broken(b"0\r\n" + name + b": 5\r\n\r\n") == 400


@pytest.mark.parametrize(
    "line", [b"X", b": a", b"X : a", b" X: a", b"X: a\n", b"X: a\rb", b"X: \x00", b"X: a\r\n b", b"\n"]
)
async def test_7_1_2_a_trailer_is_as_well_formed_as_a_header(autojump_clock, line):
    assert await broken(b"0\r\n" + line + b"\r\n\r\n") == 400


async def test_7_1_2_trailers_are_bounded(autojump_clock):
    assert await broken(b"0\r\nX: " + b"y" * 20_000) == 431
    assert await broken(b"0\r\n" + b"X: y\r\n" * 5000) == 431


# §7.2 and §7.4, TE.


async def test_7_4_the_codings_that_a_client_accepts_change_nothing(autojump_clock):
    conversation = await talk(Site(), request("TE: trailers, gzip;q=0.5", "Connection: TE") + request("TE:"))
    assert conversation.statuses == [200, 200]

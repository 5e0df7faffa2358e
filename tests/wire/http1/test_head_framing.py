"""What a head says about the length of its body (RFC 9112 §6)."""

from __future__ import annotations

import pytest
from support.heads import read, refusal, request


@pytest.mark.parametrize(
    "length",
    [
        b"",
        b"-1",
        b"+1",
        b"1.0",
        b"0x1",
        b"1 1",
        b"5, 5",
        b"5,5",
        b"\xb2",
        b"1e1",
        b"1_0",
        b"5;",
        b"9" * 19,
        b"0" * 19,
    ],
)
def test_a_content_length_that_is_not_a_plain_number_is_answered_400(length: bytes) -> None:
    assert refusal(request(b"Content-Length: " + length)).status == 400


@pytest.mark.parametrize("lines", [(b"5", b"5"), (b"5", b"6"), (b"0", b"")])
def test_a_second_content_length_is_refused_even_if_it_is_the_same(lines: tuple[bytes, bytes]) -> None:
    assert refusal(request(*(b"Content-Length: " + line for line in lines))).status == 400


@pytest.mark.parametrize(("length", "expected"), [(b"0", 0), (b"7", 7), (b"007", 7)])
def test_a_content_length_is_the_length_of_the_body(length: bytes, expected: int) -> None:
    head = read(request(b"Content-Length: " + length))
    assert (head.content_bytes, head.is_chunked) == (expected, False)


@pytest.mark.parametrize("order", [1, -1])
def test_content_length_with_transfer_encoding_is_refused(order: int) -> None:
    lines = [b"Content-Length: 5", b"Transfer-Encoding: chunked"][::order]
    assert refusal(request(*lines)).status == 400


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"GZIP\t,Chunked", b"x, y, chunked"])
def test_another_transfer_encoding_under_chunked_is_answered_501(coding: bytes) -> None:
    assert refusal(request(b"Transfer-Encoding: " + coding)).status == 501
    lines = [b"Transfer-Encoding: " + one for one in coding.split(b",")]
    assert refusal(request(*lines)).status == 501


@pytest.mark.parametrize(
    "coding",
    [
        b"",
        b"gzip",
        b"chunked, gzip",
        b"chunked, chunked",
        b"xchunked",
        b"identity",
        b'"chunked"',
        b"chunked,",
        b",chunked",
    ],
)
def test_a_transfer_encoding_that_does_not_end_with_one_chunked_is_answered_400(coding: bytes) -> None:
    assert refusal(request(b"Transfer-Encoding: " + coding)).status == 400
    if b"," in coding:
        lines = [b"Transfer-Encoding: " + one for one in coding.split(b",")]
        assert refusal(request(*lines)).status == 400


def test_transfer_encoding_in_http_1_0_is_answered_400() -> None:
    assert refusal(request(b"Transfer-Encoding: chunked", start=b"POST / HTTP/1.0")).status == 400


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked", b"\tCHUNKED "])
def test_chunked_is_accepted_in_any_case(coding: bytes) -> None:
    head = read(request(b"Transfer-Encoding:" + coding))
    assert (head.content_bytes, head.is_chunked) == (None, True)

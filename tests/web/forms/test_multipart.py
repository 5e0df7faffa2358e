from __future__ import annotations

import logging
import subprocess
import sys
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import EXAMPLES
from support.forms import BOUNDARY, Part, cut, encode, encode_part

from trioweb._web.forms.multipart import MultipartDecoder, PartHead
from trioweb.errors import HTTPError

LINE = f"--{BOUNDARY}\r\n".encode()
END = f"\r\n--{BOUNDARY}--\r\n".encode()
HEAD = b'Content-Disposition: form-data; name="a"\r\n\r\n'


def decoded(
    *pieces: bytes, boundary: str = BOUNDARY, header_bytes: int = 8192
) -> list[tuple[PartHead, bytes]]:
    decoder = MultipartDecoder(boundary, header_bytes=header_bytes)
    parts: list[tuple[PartHead, bytes]] = []
    for piece in pieces:
        for event in decoder.feed(piece):
            if isinstance(event, PartHead):
                parts.append((event, b""))
            else:
                parts[-1] = (parts[-1][0], parts[-1][1] + event)
    decoder.finish()
    return parts


def refusal(*pieces: bytes, **options) -> HTTPError:
    with pytest.raises(HTTPError) as caught:
        decoded(*pieces, **options)
    return caught.value


def test_parts_come_with_their_heads() -> None:
    form = encode(
        Part("note", "grüße\r\n".encode()),
        Part("photo", b"\0\r\n--\xff", "a b.png", "image/png"),
        Part("none", b"", ""),
    )
    assert decoded(form) == [
        (PartHead(b"note", None, ""), "grüße\r\n".encode()),
        (PartHead(b"photo", b"a b.png", "image/png"), b"\0\r\n--\xff"),
        (PartHead(b"none", b"", ""), b""),
    ]


def test_a_form_without_parts_is_only_its_last_boundary() -> None:
    assert decoded(encode()) == []


# Two backslashes are one that was escaped (RFC 9110 §5.6.4): nobody can tell that a browser meant both.
NAMES = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=20).filter(
    lambda text: (
        not any(ord(c) < 32 and c not in "\r\n" for c in text)
        and not any(odd in text for odd in ("\x7f", "%", "\\\\"))
    )
)
# Content that looks like a boundary, but is not one.
CONTENTS = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [b"\r\n", b"\r", b"\n", b"--", b"-", b"\r\n--" + BOUNDARY.encode()[:-1], b"\r\n--", LINE[:-2]]
        ),
    ),
    max_size=8,
).map(b"".join)
PARTS = st.lists(
    st.builds(Part, NAMES, CONTENTS, st.none() | NAMES, st.none() | st.just("text/x")), max_size=5
)


@settings(max_examples=EXAMPLES)
@given(PARTS, st.lists(st.integers(min_value=0, max_value=5000), max_size=30))
def test_a_form_is_the_same_wherever_it_is_cut(parts: list[Part], places: list[int]) -> None:
    boundary = BOUNDARY.encode()
    parts = [part for part in parts if b"\r\n--" + boundary not in b"\r\n" + part.content]
    assert [
        (head.name.decode(), content, None if head.filename is None else head.filename.decode())
        for head, content in decoded(*cut(encode(*parts), places))
    ] == [(part.name, part.content, part.filename) for part in parts]


@settings(max_examples=EXAMPLES)
@given(
    PARTS,
    st.binary(min_size=1, max_size=10),
    st.integers(min_value=0),
    st.lists(st.integers(0, 5000), max_size=5),
)
def test_a_damaged_form_is_read_or_refused(parts, damage, position, places) -> None:
    data = encode(*parts)
    start = position % len(data)
    try:
        decoded(*cut(data[:start] + damage + data[start + 1 :], places))
    except HTTPError as error:
        assert error.status in {400, 413, 415}  # noqa: PT017 - either way is good


@pytest.mark.parametrize(
    "preamble",
    [
        b"\r\n",
        b"\r\n\r\n",
        b"For old readers.\r\n",
        b"--other\r\n\r\n",
        b"--" + BOUNDARY.encode()[:9] + b"\r\n",
    ],
)
def test_text_before_the_first_boundary_is_ignored(preamble) -> None:
    form = encode(Part("a", b"x"))
    data = preamble + form
    assert decoded(data) == decoded(*(data[n : n + 1] for n in range(len(data)))) == decoded(form)


def test_a_form_may_be_empty() -> None:
    assert decoded(END.removeprefix(b"\r\n")) == []


def test_a_form_that_arrives_byte_by_byte_is_the_same() -> None:
    form = encode(Part("a", b"\r\n--" + BOUNDARY.encode()[:5] + b"\r"), Part("b", b"-", "f"))
    assert decoded(*(form[n : n + 1] for n in range(len(form)))) == decoded(form)


@pytest.mark.parametrize(
    ("disposition", "name", "filename"),
    [
        ('form-data; name="x"', b"x", None),
        ("form-data; name=x; filename=y.txt", b"x", b"y.txt"),
        ('FORM-DATA; NAME="x"; FILENAME="y"', b"x", b"y"),
        ('form-data; name="a%22b%0D%0Ac%0d%20"', b'a"b\r\nc\r%20', None),
        ('form-data; name="a\\"b"; filename="C:\\\\x.txt"', b'a"b', b"C:\\x.txt"),
        ('form-data; name="x"; filename="C:\\dir\\"', b"x", b"C:\\dir\\"),
        # RFC 7578 §4.2: the encoded form of the name must not be used, so it is ignored.
        ('form-data; name="x"; filename="plain"; filename*=utf-8\'\'other', b"x", b"plain"),
        ("form-data; name=\"x\"; filename*=utf-8''other", b"x", None),
        ('form-data; name=""', b"", None),
    ],
)
def test_names_are_what_browsers_and_others_mean(disposition, name, filename) -> None:
    part = f"Content-Disposition: {disposition}\r\n\r\n".encode("latin-1")
    assert decoded(LINE + part + b"x" + END) == [(PartHead(name, filename, ""), b"x")]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "ends without its first boundary"),
        (b"\r\n\r\n", "ends without its first boundary"),
        (LINE + HEAD + b"x", "ends without its last boundary"),
        (LINE + HEAD + b"x\r\n--" + BOUNDARY.encode(), "ends without its last boundary"),
        (LINE + HEAD + b"x\r\n--" + BOUNDARY.encode() + b"-", "ends without its last boundary"),
        (b"junk" + encode(Part("a", b"x")).replace(END, b""), "first boundary"),
        (encode(Part("a", b"x")).replace(b"\r\n", b"\n"), "Did not find CR"),
        (LINE + HEAD.replace(b"\r\n\r\n", b"\n\n") + b"x" + END, "control character"),
        (LINE + b"\r\nx" + END, "lacks its Content-Disposition"),
        (LINE + b"Content-Type: a/b\r\n\r\nx" + END, "lacks its Content-Disposition"),
        (LINE + b'Content-Disposition: attachment; name="a"\r\n\r\nx' + END, "lacks its Content-Disposition"),
        (LINE + b"Content-Disposition: form-data\r\n\r\nx" + END, "lacks its Content-Disposition"),
        (LINE + b'Content-Disposition: form-data; name="a"; name="b"\r\n\r\nx' + END, "lacks its"),
        (LINE + HEAD[:-2] + HEAD + b"x" + END, "content-disposition twice"),
        (LINE + b"X: a\nb\r\n" + HEAD + b"x" + END, "x holds a control character"),
        (LINE + b"X: a\0b\r\n" + HEAD + b"x" + END, "x holds a control character"),
        (LINE + b"X: a\r\n b\r\n" + HEAD + b"x" + END, "header"),
        (LINE + b": a\r\n" + HEAD + b"x" + END, "header"),
        (LINE + b"X y: a\r\n" + HEAD + b"x" + END, "header"),
    ],
)
def test_an_ambiguous_form_is_400_that_says_why(body: bytes, problem: str) -> None:
    for pieces in ([body], [body[n : n + 1] for n in range(len(body))]):
        error = refusal(*pieces)
        assert error.status == 400
        assert "multipart/form-data" in error.detail
        assert problem in error.detail


def test_mistakes_of_clients_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        refusal(b"nonsense")
    assert not caplog.records


def test_empty_lines_before_a_form_and_text_after_it_are_skipped() -> None:
    form = encode(Part("a", b"x"))
    assert decoded(b"\r\n\r\n", b"\r\n" + form + b"epilogue" * 1000, b"more") == decoded(form)


def test_spaces_after_a_boundary_belong_to_it() -> None:
    # RFC 2046 §5.1.1: transport padding.
    form = encode(Part("a", b"x"), Part("b", b"y"))
    second = form.index(LINE, 1) + len(LINE) - 2
    assert decoded(form[:second] + b" \t" + form[second:]) == decoded(form)


def test_a_part_that_is_multipart_itself_is_plain_content() -> None:
    inner = encode(Part("inner", b"x"), boundary="inner")
    for _ in range(50):
        inner = encode(Part("deeper", inner, None, "multipart/mixed; boundary=inner"), boundary="x")
    assert decoded(encode(Part("a", inner, None, "multipart/mixed; boundary=x"))) == [
        (PartHead(b"a", None, "multipart/mixed; boundary=x"), inner)
    ]


def test_encoded_content_is_415_instead_of_stored_as_it_is() -> None:
    for encoding in (b"base64", b"Quoted-Printable", b"gzip"):
        part = b"Content-Transfer-Encoding: " + encoding + b"\r\n" + HEAD
        error = refusal(LINE + part + b"eA==" + END)
        assert error.status == 415
        assert "Content-Transfer-Encoding" in error.detail
    assert decoded(LINE + b"Content-Transfer-Encoding: 8BIT\r\n" + HEAD + b"x" + END)[0][1] == b"x"


@pytest.mark.parametrize("boundary", ["", "b" * 71, "b" * 100_000, "b ", "ü", "a\r\nb", "a\0"])
def test_an_invalid_boundary_is_400(boundary: str) -> None:
    error = refusal(b"", boundary=boundary)
    assert error.status == 400
    assert "boundary of 1 to 70" in error.detail


@pytest.mark.parametrize("boundary", ["b", "b" * 70, "a b", "=_'()+,./:?", "-", "--"])
def test_any_valid_boundary_is_accepted(boundary: str) -> None:
    form = encode(Part("a", b"x\r\n--"), Part("b", b"\r\n-"), boundary=boundary)
    assert [content for _, content in decoded(form, boundary=boundary)] == [b"x\r\n--", b"\r\n-"]
    assert decoded(*(form[n : n + 1] for n in range(len(form))), boundary=boundary) == decoded(
        form, boundary=boundary
    )


HEADER_BYTES = 1024


@pytest.mark.parametrize(
    "head",
    [
        b"X: " + b"y" * 2_000_000,
        b"X" * 2_000_000,
        b"X: " + b" " * 2_000_000,
        b"".join(b"X%d: y\r\n" % number for number in range(100_000)),
        b"".join(b"X%d:\r\n" % number for number in range(100_000)),
    ],
)
@pytest.mark.parametrize("piece_bytes", [100, 65_536, 5_000_000])
def test_an_endless_head_is_refused_at_its_bound(head: bytes, piece_bytes: int) -> None:
    decoder = MultipartDecoder(BOUNDARY, header_bytes=HEADER_BYTES)
    taken = 0
    with pytest.raises(HTTPError) as caught:
        for start in range(0, len(head), piece_bytes):
            taken += piece_bytes
            decoder.feed((LINE if start == 0 else b"") + head[start : start + piece_bytes])
    assert caught.value.status in {400, 413}
    assert taken <= HEADER_BYTES + 65_536 + piece_bytes


def test_the_head_of_a_part_may_be_as_long_as_its_limit_and_no_longer() -> None:
    counted = len(b"Content-Dispositionform-data; name=x") + 4
    padding = b"X: " + b"y" * (HEADER_BYTES - counted - 5) + b"\r\n"
    form = LINE + b"Content-Disposition: form-data; name=x\r\n" + padding + b"\r\nz" + END
    assert decoded(form, header_bytes=HEADER_BYTES)[0][1] == b"z"
    error = refusal(form, header_bytes=HEADER_BYTES - 1)
    assert (error.status, "1023 bytes (Limits.form_header_bytes)" in error.detail) == (413, True)


def test_a_part_has_16_header_fields_and_no_more() -> None:
    fields = [b"X-%d: y\r\n" % number for number in range(16)]
    assert decoded(LINE + b"".join(fields[:15]) + HEAD + b"z" + END)[0][1] == b"z"
    error = refusal(LINE + b"".join(fields) + HEAD + b"z" + END)
    assert (error.status, "more than 16 header fields" in error.detail) == (413, True)


def seconds_for(data: bytes) -> float:
    best = 10.0
    for _ in range(3):
        decoder = MultipartDecoder(BOUNDARY, header_bytes=HEADER_BYTES)
        started = time.perf_counter()
        for start in range(0, len(data), 16_384):
            decoder.feed(data[start : start + 16_384])
        best = min(best, time.perf_counter() - started)
    return best


@pytest.mark.parametrize(
    "unit",
    [
        b"\r\n",
        b"\r",
        b"-",
        b"\r\n--",
        b"\r\n--" + BOUNDARY.encode()[:-1],
        b"\r\n--" + BOUNDARY.encode() + b"-x",
        b"\r\n--" + BOUNDARY.encode() + b"\rx",
        b"\r\n--" + BOUNDARY.encode() + b"x",
    ],
)
def test_content_that_is_nearly_a_boundary_takes_time_in_proportion(unit: bytes) -> None:
    short, long = 60_000 // len(unit), 600_000 // len(unit)
    seconds = seconds_for(LINE + HEAD + unit * long)
    assert seconds < max(0.2, 40 * seconds_for(LINE + HEAD + unit * short))
    content = unit * 300
    assert decoded(LINE + HEAD + content + b"z" + END)[0][1] == content + b"z"


def test_the_decoder_holds_no_content() -> None:
    decoder = MultipartDecoder(BOUNDARY, header_bytes=HEADER_BYTES)
    decoder.feed(LINE + HEAD)
    piece = b"x" * 65_536
    tracemalloc.start()
    try:
        for _ in range(200):
            assert sum(len(event) for event in decoder.feed(piece)) > 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 500_000


def test_the_encoder_of_these_tests_makes_what_browsers_make() -> None:
    assert encode_part(Part('a"\r\n', b"x", "f", "t/t")) == (
        b'Content-Disposition: form-data; name="a%22%0D%0A"; filename="f"\r\nContent-Type: t/t\r\n\r\nx'
    )


def test_a_program_without_forms_does_not_wait_for_the_parser() -> None:
    code = "import sys, trioweb; print('python_multipart' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"

"""JSON (RFC 8259), as bodies and messages are read and written."""

from __future__ import annotations

import json

import pytest

from trioweb.json_text import read_json, write_json


@pytest.mark.parametrize(
    "text", ["[1.5, 1e308, -0.0, 5e-324, 1e-999]", '{"a": [null, true, "x"]}', "12345678901234567890"]
)
def test_json_is_read_as_python_reads_it(text: str) -> None:
    assert read_json(text) == json.loads(text)


@pytest.mark.parametrize("text", ["NaN", "[-Infinity]", "1e309", "[-1E+309]", "9" * 400 + ".0"])
def test_text_that_could_not_be_written_back_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a JSON number|too large for a float") as caught:
        read_json(text)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("content", ["\ufeff[1]", b"\xef\xbb\xbf[1]", b"[1]"])
def test_a_text_may_begin_with_a_byte_order_mark(content: str | bytes) -> None:
    assert read_json(content) == [1]


@pytest.mark.parametrize("value", ["\ufeff", {"\ufeff": 1}, ["\ufeff\ud800"]])
def test_no_byte_order_mark_is_written_before_a_text(value: object) -> None:
    assert write_json(value)[0] in '"{['
    assert read_json(write_json(value)) == value


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[\xff]", "not JSON: byte 1 is not UTF-8"),
        ("[" * 100_000, "not JSON that can be read: it is nested too deeply"),
        ("1" * 5000, "not JSON: a number in it has too many digits"),
        ("[1,]", "not JSON: Expecting value: line 1 column 4"),
    ],
    ids=["octets", "depth", "digits", "syntax"],
)
def test_text_that_is_not_json_is_refused_with_the_reason(content: str | bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}"):
        read_json(content)


def test_json_is_written_compactly_on_one_line() -> None:
    assert write_json({"a": [1, "é\n"]}) == '{"a":[1,"é\\n"]}'


def test_half_a_surrogate_pair_is_written_as_the_escape_that_it_came_as() -> None:
    text = write_json(["é", read_json('"\\ud800"')])

    assert text.encode() == b'["\\u00e9","\\ud800"]'


@pytest.mark.parametrize(
    ("value", "error"), [(float("nan"), ValueError), (float("inf"), ValueError), ({1}, TypeError)]
)
def test_values_that_json_cannot_represent_are_not_written(value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        write_json(value)

"""JSON as RFC 8259 has it."""

from __future__ import annotations

import json

import pytest

from trioweb._wire.json_text import read_json


@pytest.mark.parametrize(
    "text", ["[1.5, 1e308, -0.0, 5e-324, 1e-999]", '{"a": [null, true, "x"]}', "12345678901234567890"]
)
def test_json_is_read_as_python_reads_it(text: str) -> None:
    assert read_json(text) == json.loads(text)


@pytest.mark.parametrize("text", ["NaN", "[-Infinity]", "1e309", "[-1E+309]", "9" * 400 + ".0"])
def test_what_could_not_be_written_again_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a JSON number|too large for a float") as caught:
        read_json(text)
    assert len(str(caught.value)) < 100

"""Names of people: visible characters, and joiners where they change what is visible."""

from __future__ import annotations

import importlib
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

FOLDER = Path(__file__).parents[2] / "demo"


@pytest.fixture(scope="module")
def names():
    """The module, kept for all examples of a property."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield importlib.import_module("parts.names")


@pytest.mark.parametrize(
    "name",
    [
        "Ann",
        "Zoë van der Berg",
        "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",  # Persian, with a non-joiner
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Sinhala, with a joiner after a virama
        "\U0001f469\u200d\U0001f4bb",  # a woman and a computer
        "\U0001f3f3\ufe0f\u200d\U0001f308",  # a flag and a rainbow
        "\U0001f469\U0001f3fd\u200d\U0001f680 Ann",
    ],
)
def test_a_name_that_people_have_is_taken_as_it_is(names, name):
    assert names.fault_of(name) == ""
    assert names.visible(name) == name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("\u200dAnn", "U+200D"),
        ("Ann\u200c", "U+200C"),
        ("A\u200c\u200dn", "U+200C"),
        ("A \u200dn", "U+200D"),
        ("1\u200d2", "U+200D"),
        ("A\u202en", "U+202E"),
        ("A\u2067n", "U+2067"),
        ("A\u200fn", "U+200F"),
        ("A\ufeffn", "U+FEFF"),
        ("A\u00adn", "U+00AD"),
        ("A\u2028n", "U+2028"),
    ],
)
def test_an_invisible_character_is_refused_by_its_code_point(names, name, code):
    assert code in names.fault_of(name)


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("\u0639\u0644\u06cc\u200c\u0631\u0636\u0627.txt", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627.txt"),
        ("\U0001f469\u200d\U0001f4bb.png", "\U0001f469\u200d\U0001f4bb.png"),
        ("\u200dan\u200d.t\u200cxt\u200c", "an.t\u200cxt"),
        ("世" * 32 + "\u200d世", "世" * 32),
    ],
)
def test_a_file_keeps_the_joiners_of_its_name(example, wanted, name):
    assert example("upload").safe(wanted) == name


@given(some.text(alphabet="aé\u200c\u200d\u202e\u0dca \U0001f469\ufe0f1", max_size=12))
def test_a_cleaned_name_has_nothing_hidden_in_it(names, text):
    seen = names.visible(text)
    assert names.visible(seen) == seen
    assert not seen.strip() or not names.fault_of(seen)
    assert {one for one in seen if unicodedata.category(one) == "Cf"} <= set(names.JOINERS)

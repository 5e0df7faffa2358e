"""Source text in colours: nothing added, nothing lost, nothing let through."""

from __future__ import annotations

import re
from html import unescape

import pytest

TRICKY = '''\
"""Several
lines, <b>&amp;</b>"""

def f(x: int = 0x1F) -> str:  # <comment>
\tif x and \\
            True:
        return f"{x!r:>{10}} and {{braces}}"
    return b"bytes" and \'\'\'

    indented\'\'\'
'''


@pytest.mark.parametrize("text", [TRICKY.replace("\t", "    "), "", "\n", "x = 1", "# only a comment\n\n\n"])
def test_the_text_is_kept(example, text):
    spans = "".join(example("parts.source_page").python_spans(text))
    assert unescape(re.sub(r"<[^>]*>", "", spans)) == text
    assert not re.search(r"<(?!/?span)", spans)


def test_tokens_that_matter_to_a_reader_have_a_colour(example):
    spans = "".join(example("parts.source_page").python_spans("import os  # why\nprint(1, 'a')\n"))
    for colour in ("keyword", "comment", "builtin", "number", "string"):
        assert f'<span class="{colour}">' in spans


def test_a_colour_never_spans_two_lines(example):
    spans = "".join(example("parts.source_page").python_spans(TRICKY.replace("\t", "    ")))
    for line in spans.split("\n"):
        assert line.count("<span") == line.count("</span>")


SPLIT = """x = f"is {name!r:>{5}} so"
"""


def test_an_f_string_has_a_colour_in_every_python(example):
    spans = "".join(example("parts.source_page").python_spans(SPLIT))
    assert re.search('<span class="string">[^<]* so', spans)


@pytest.mark.parametrize(
    "text",
    [
        "upload.open()",
        "event.set()",
        "re.match(text)",
        "field(type=text)",
        "field(\n    type  # why\n    =text)",
        "def open(self): ...",
    ],
)
def test_a_name_that_means_something_else_is_not_a_builtin(example, text):
    spans = "".join(example("parts.source_page").python_spans(f"{text}\n"))
    assert not re.search('class="builtin"|>match<', spans)


@pytest.mark.parametrize("text", ["open(path)", "type = 1", "call(type)", "call(a, kind=type)", "[set, 1]"])
def test_a_builtin_is_one_where_nothing_says_otherwise(example, text):
    spans = "".join(example("parts.source_page").python_spans(f"{text}\n"))
    assert spans.count('class="builtin"') == 1

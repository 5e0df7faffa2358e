"""A page that shows source text: Python in colours, by the standard library's tokenizer."""

from __future__ import annotations

import builtins
import io
import keyword
import tokenize
from collections.abc import Iterator, Mapping
from html import escape

COLOURED = {tokenize.COMMENT: "comment", tokenize.STRING: "string", tokenize.NUMBER: "number"}


def render(template: str, *, name: str, title: str, texts: Mapping[str, str]) -> str:
    """Fill the template with one section for each file."""
    sections = "\n".join(section(file, text) for file, text in texts.items())
    page = template.replace("<!-- sections -->", sections)
    return page.replace("<!-- title -->", escape(title)).replace("<!-- name -->", escape(name))


def section(file: str, text: str) -> str:
    content = "".join(python_spans(text)) if file.endswith(".py") else escape(text)
    rows = "".join(f'<span class="line">{row}\n</span>' for row in content.rstrip("\n").split("\n"))
    return (
        f'<section class="card" aria-labelledby="{escape(file)}"><header><h2 id="{escape(file)}">{escape(file)}</h2>'
        f'<span class="hint">{text.count(chr(10))} lines</span></header>'
        f'<pre class="code" tabindex="0" aria-labelledby="{escape(file)}"><code>{rows}</code></pre></section>'
    )


def python_spans(text: str) -> Iterator[str]:
    """Yield the text as HTML, each token that has a colour in a span for each of its lines."""
    lines = text.splitlines(keepends=True)
    row, column = 1, 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        yield escape(between(lines, (row, column), token.start))
        colour = colour_of(token)
        if colour:
            yield "\n".join(
                f'<span class="{colour}">{escape(part)}</span>' for part in token.string.split("\n")
            )
        else:
            yield escape(between(lines, token.start, token.end))
        row, column = token.end


def colour_of(token: tokenize.TokenInfo) -> str | None:
    if token.type != tokenize.NAME:
        return COLOURED.get(token.type)
    if keyword.iskeyword(token.string) or token.string in ("match", "case"):
        return "keyword"
    return "builtin" if hasattr(builtins, token.string) else None


def between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    (first, left), (last, right) = start, end
    if first > len(lines):
        return ""
    if first == last:
        return lines[first - 1][left:right]
    middle = lines[first : last - 1]
    return "".join([lines[first - 1][left:], *middle, lines[last - 1][:right] if last <= len(lines) else ""])

"""A page that shows source text, with Python coloured by the standard library's tokenizer."""

from __future__ import annotations

import builtins
import io
import keyword
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from html import escape

COLOURED = {tokenize.COMMENT: "comment", tokenize.STRING: "string", tokenize.NUMBER: "number"}
# An f-string is several tokens since Python 3.12, and a t-string has been from the start, in 3.14.
for part in ("START", "MIDDLE", "END"):
    for kind in ("FSTRING", "TSTRING"):
        if hasattr(tokenize, f"{kind}_{part}"):
            COLOURED[getattr(tokenize, f"{kind}_{part}")] = "string"

INSIGNIFICANT = (tokenize.COMMENT, tokenize.NL)


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
    """Yield the text as HTML: a coloured token becomes a span on each of its lines."""
    lines = text.splitlines(keepends=True)
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    reached = (1, 0)
    for token, colour in zip(tokens, colours_of(tokens), strict=True):
        yield escape(between(lines, reached, token.start))
        shown = escape(between(lines, token.start, token.end))
        if colour:
            shown = "\n".join(f'<span class="{colour}">{part}</span>' for part in shown.split("\n"))
        yield shown
        reached = token.end


def colours_of(tokens: Sequence[tokenize.TokenInfo]) -> Iterator[str | None]:
    """Yield a colour or none for each token: the meaning of a name depends on its neighbours."""
    before, depth = "", 0
    for place, token in enumerate(tokens):
        if token.type == tokenize.NAME:
            rest = (tokens[later] for later in range(place + 1, len(tokens)))
            is_argument = depth > 0 and next(filter(is_significant, rest)).string == "="
            yield None if before == "." or is_argument else colour_of_name(token.string, before)
        else:
            yield COLOURED.get(token.type)
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
        if is_significant(token):
            before = token.string


def colour_of_name(name: str, before: str) -> str | None:
    if keyword.iskeyword(name) or name in ("match", "case"):
        return "keyword"
    return "builtin" if hasattr(builtins, name) and before not in ("def", "class") else None


def is_significant(token: tokenize.TokenInfo) -> bool:
    return token.type not in INSIGNIFICANT


def between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    (first, left), (last, right) = start, end
    if first > len(lines):
        return ""
    if first == last:
        return lines[first - 1][left:right]
    middle = lines[first : last - 1]
    return "".join([lines[first - 1][left:], *middle, lines[last - 1][:right] if last <= len(lines) else ""])

"""The parameters of a media type or a disposition: `; name=value; name="value"`."""

from __future__ import annotations

import re

# By RFC 9110 §5.6.4, a quoted value ends at the first quote without a backslash before it. Browsers
# do not escape backslashes, and send a quote as %22 (HTML §4.10.21.8). So a line that cannot be
# parsed by the first rule is parsed by the second.
_GRAMMARS = tuple(
    re.compile(rf'[ \t]*+;[ \t]*+(?:([^\s";=]++)[ \t]*+=[ \t]*+(?:"({quoted})"|([^\s";]++)))?+[ \t]*+')
    for quoted in (r'(?:[^"\\]|\\.)*+', r'[^"]*+')
)
_QUOTED_PAIR = re.compile(r'\\(["\\])')


def media_type_of(content_type: str) -> str:
    """Return the media type in a Content-Type, in lower case; `""` if there is none."""
    return content_type.partition(";")[0].strip().lower()


def charset_of(content_type: str) -> str | None:
    """Return the charset in a Content-Type; `None` if there is none, or it cannot be parsed."""
    parsed = split_parameters(content_type)
    return None if parsed is None else parsed[1].get("charset")


def split_parameters(text: str) -> tuple[str, dict[str, str]] | None:
    """Return the text before the first semicolon, and the parameters by name in lower case.

    Args:
        text: The value of a field such as Content-Type.

    Returns:
        `None` if it cannot be parsed, or has a parameter twice, since another program might
        then use the other value.
    """
    _, semicolon, rest = text.partition(";")
    for number, grammar in enumerate(_GRAMMARS):
        parameters = _read(semicolon + rest, grammar, has_escapes=number == 0)
        if parameters is not None:
            return media_type_of(text), parameters
    return None


def _read(text: str, grammar: re.Pattern[str], *, has_escapes: bool) -> dict[str, str] | None:
    parameters: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = grammar.match(text, position)
        if match is None:
            return None
        position = match.end()
        name, quoted, token = match.groups()
        if name is None:  # a semicolon with nothing after it
            continue
        if name.lower() in parameters:
            return None
        if quoted is not None and has_escapes:
            # A backslash before any other character is part of the name: browsers do not escape it.
            quoted = _QUOTED_PAIR.sub(r"\1", quoted)
        parameters[name.lower()] = token if quoted is None else quoted
    return parameters

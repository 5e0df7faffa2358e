"""The parameters behind a media type or a disposition: `; name=value; name="value"`."""

from __future__ import annotations

import re

# A quoted value ends at the first quote that has no backslash before it (RFC 9110 §5.6.4). Browsers
# send backslashes as they are and a quote as %22 (HTML §4.10.21.8), so if the line makes no sense in
# the first way, it is read in the second.
_GRAMMARS = tuple(
    re.compile(rf'[ \t]*+;[ \t]*+(?:([^\s";=]++)[ \t]*+=[ \t]*+(?:"({quoted})"|([^\s";]++)))?+[ \t]*+')
    for quoted in (r'(?:[^"\\]|\\.)*+', r'[^"]*+')
)
_ESCAPED = re.compile(r'\\(["\\])')


def media_type_of(content_type: str) -> str:
    """Return the media type that a Content-Type names, in lower case; `""` if none."""
    return content_type.partition(";")[0].strip().lower()


def charset_of(content_type: str) -> str | None:
    """Return the charset that a Content-Type names; `None` if none, or none that can be read."""
    parsed = split_parameters(content_type)
    return None if parsed is None else parsed[1].get("charset")


def split_parameters(text: str) -> tuple[str, dict[str, str]] | None:
    """Return what stands before the first semicolon and the parameters, names in lower case.

    Args:
        text: A field's value, such as that of Content-Type.

    Returns:
        `None` if it cannot be read, or names a parameter twice: two readers might
        understand it differently.
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
        if name is None:  # a semicolon with nothing behind it
            continue
        if name.lower() in parameters:
            return None
        if quoted is not None and has_escapes:
            # Other backslashes than before these two are the browsers' own.
            quoted = _ESCAPED.sub(r"\1", quoted)
        parameters[name.lower()] = token if quoted is None else quoted
    return parameters

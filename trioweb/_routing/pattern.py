"""Patterns: the path of a route, parsed once when the route is declared."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from typing import Any

import attrs

from trioweb._routing.converters import STR, Converter
from trioweb._routing.segments import encoded_segment
from trioweb.errors import PatternError

_ANGLE = re.compile(r"<(?:(?P<converter>\w+):)?(?P<name>\w+)>")
"""A parameter as Flask and Quart write it."""


@attrs.frozen
class Parameter:
    """A segment that takes a value: `{name}` or `{name:converter}`."""

    name: str
    converter: Converter

    def fill(self, value: Any) -> str:
        """Return the encoded text for `value`.

        Raises:
            ValueError: No request could contain the value.
            TypeError: It has the wrong type.
        """
        text = self.converter.format(value)
        self.converter.parse(text)
        if not self.converter.takes_rest:
            return encoded_segment(text)
        folder = text.removesuffix("/")
        encoded = "/".join(encoded_segment(segment) for segment in folder.split("/"))
        return encoded + text[len(folder) :]


@attrs.frozen
class Pattern:
    """The path of a route, in segments.

    Attributes:
        path: The path as it was written.
        segments: Each is static text, decoded, or a parameter. "/a/" ends in the text "".
        parameters: The parameters among the segments, from left to right.
    """

    path: str
    segments: tuple[str | Parameter, ...]
    parameters: tuple[Parameter, ...] = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        parameters = tuple(segment for segment in self.segments if isinstance(segment, Parameter))
        object.__setattr__(self, "parameters", parameters)

    def under(self, prefix: Pattern) -> Pattern:
        """Return this pattern preceded by the segments of `prefix`.

        Raises:
            PatternError: Both have a parameter of the same name.
        """
        joined = Pattern(prefix.path + self.path, prefix.segments + self.segments)
        _check_parameters(joined)
        return joined

    def bind(self, values: tuple[Any, ...]) -> dict[str, Any]:
        """Return the values found by a walk, by the names of this pattern's parameters."""
        if not values and not self.parameters:
            return {}
        return {parameter.name: value for parameter, value in zip(self.parameters, values, strict=True)}

    def fill(self, params: Mapping[str, Any]) -> str:
        """Return the path of a request that matches with these parameters.

        Raises:
            PatternError: A parameter is missing or unknown, or its value does not fit.
        """
        names = {parameter.name for parameter in self.parameters}
        if names != set(params):
            expected = ", ".join(sorted(names)) or "no parameters"
            given = ", ".join(sorted(params)) or "none"
            raise PatternError(f"{self.path} takes {expected}; given: {given}")
        return "".join(f"/{self._fill_segment(segment, params)}" for segment in self.segments)

    def _fill_segment(self, segment: str | Parameter, params: Mapping[str, Any]) -> str:
        if isinstance(segment, str):
            return encoded_segment(segment) if segment else ""
        try:
            return segment.fill(params[segment.name])
        except (ValueError, TypeError) as error:
            value = params[segment.name]
            raise PatternError(f'{self.path} cannot take {value!r} for "{segment.name}": {error}') from error


def parse_pattern(path: str, converters: Mapping[str, Converter]) -> Pattern:
    """Parse the path of a route.

    Args:
        path: For example "/rooms/{room}/{number:int}", written decoded: "/straße", "/100%".
        converters: The converters that the path may name.

    Raises:
        PatternError: The path cannot be parsed, or could never match.
    """
    if callable(path):  # a decorator used without parentheses receives the handler
        raise PatternError('write the decorator with its path, as in @app.get("/path")')
    if not _is_absolute(path):
        raise PatternError(f'a path starts with "/", unlike {path!r}')
    if "?" in path or "#" in path:
        raise PatternError(f'{path!r} has a "?" or "#": a query is not part of a path, read request.query')
    *inner, last = path[1:].split("/")
    if "" in inner:
        raise PatternError(f"{path!r} has an empty segment; only the last may be empty")
    segments = tuple(_parse_segment(text, path, converters) for text in (*inner, last))
    pattern = Pattern(path, segments)
    _check_parameters(pattern)
    return pattern


def parse_prefix(path: str, converters: Mapping[str, Converter]) -> Pattern:
    """Parse the prefix of an included router: like a path, or "" for none.

    Raises:
        PatternError: It cannot be parsed, or it ends in "/", with which the routes' paths begin.
    """
    if path == "":
        return Pattern("", ())
    prefix = parse_pattern(path, converters)
    if path.endswith("/"):
        raise PatternError(f'a prefix does not end in "/", unlike {path!r}: write {path.rstrip("/")!r}')
    if any(parameter.converter.takes_rest for parameter in prefix.parameters):
        raise PatternError(f"{path!r} leaves no segments: a prefix cannot have a path parameter")
    return prefix


def _is_absolute(path: object) -> bool:
    return isinstance(path, str) and path.startswith("/")


def _parse_segment(text: str, path: str, converters: Mapping[str, Converter]) -> str | Parameter:
    if "{" not in text and "}" not in text:
        return _parse_static(text, path)
    if text.count("{") != text.count("}"):
        raise PatternError(f"{path!r} has braces that do not pair up in the segment {text!r}")
    inside = text[1:-1]
    if text[0] != "{" or text[-1] != "}" or "{" in inside or "}" in inside:
        raise PatternError(
            f"a parameter is a whole segment, unlike {text!r} in {path!r}: "
            "take the segment as one parameter, or write a converter that splits it"
        )
    name, colon, converter_name = inside.partition(":")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise PatternError(f"{name!r} in {path!r} cannot be the name of a handler's parameter")
    if not colon:
        return Parameter(name, STR)
    if converter_name not in converters and name in converters:
        raise PatternError(
            f"{path!r} has the type before the name in {text!r}: write {{{converter_name}:{name}}}"
        )
    if converter_name not in converters:
        raise PatternError(
            f"{path!r} names the converter {converter_name!r}; "
            f"known here: {', '.join(sorted(converters))}. Register it before this line with "
            "router.converter(), on this router or on one that has included it"
        )
    return Parameter(name, converters[converter_name])


def _parse_static(text: str, path: str) -> str:
    if text.startswith(":") and text[1:].isidentifier():  # the syntax of Express and many others
        raise PatternError(f"{path!r} has {text!r} for a parameter: write {{{text[1:]}}}")
    foreign = _ANGLE.fullmatch(text)
    if foreign is not None:
        inside = f"{foreign['name']}:{foreign['converter']}" if foreign["converter"] else foreign["name"]
        raise PatternError(
            f"{path!r} has {text!r} for a parameter: write {{{inside.replace(':string', '')}}}"
        )
    try:
        if text:
            encoded_segment(text)
    except ValueError as error:
        raise PatternError(f"{path!r} could never match because of its segment {text!r}: {error}") from None
    return text


def _check_parameters(pattern: Pattern) -> None:
    parameters = pattern.parameters
    names = [parameter.name for parameter in parameters]
    if len(set(names)) != len(names):
        raise PatternError(f"{pattern.path!r} has two parameters of the same name")
    if any(parameter.converter.takes_rest for parameter in Pattern("", pattern.segments[:-1]).parameters):
        raise PatternError(f"{pattern.path!r} goes on after a path parameter, which takes all that is left")

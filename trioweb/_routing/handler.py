"""Handlers: the functions that routes call, checked by the decorator.

A handler that takes the wrong parameters would otherwise fail at its first request, perhaps
weeks later and in production. Checked at the decorator, it fails at import, with an error
that shows the line to write instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Any, TypeGuard
from uuid import UUID

import attrs

from trioweb._routing.converters import Rank
from trioweb._routing.pattern import Parameter, Pattern
from trioweb.errors import SetupError
from trioweb.signatures import (
    BY_POSITION,
    is_async,
    is_required,
    label,
    parameters_of,
    resolved_annotation,
    short_name,
    union_members,
    without_partial,
)

Handler = Callable[..., Awaitable[Any]]

_GIVEN: dict[Rank, type] = {
    Rank.INT: int,
    Rank.FLOAT: float,
    Rank.UUID: UUID,
    Rank.STR: str,
    Rank.PATH: str,
}
"""The types that the built-in converters return. For other converters they are not known."""

_WRITTEN = {int: ":int", float: ":float", UUID: ":uuid", str: ""}
"""The suffix that selects a type in a path."""

_VALUES = frozenset({"builtins", "uuid", "decimal", "datetime", "pathlib"})
"""The modules whose classes describe plain values. A class from elsewhere may be anything."""

_FIRST = {"request": "Request", "ws": "WebSocket"}


def check_is_async(_: object, __: attrs.Attribute[Any], handler: object) -> None:
    """Refuse a handler that does not return a coroutine; a validator for attrs.

    Raises:
        SetupError: It is neither an async function nor an object that can be called as one.
    """
    if not is_async(without_partial(handler)):
        raise SetupError(
            f"{label(handler)} is not an async function: write async def, and no yield in it. "
            "Code that blocks goes to a thread: await trio.to_thread.run_sync(function)"
        )


def check_parameters(handler: Handler, pattern: Pattern, first: str, *, is_complete: bool) -> None:
    """Refuse a handler that could not be called with the parameters of its path.

    Args:
        handler: An async callable.
        pattern: The path, with the prefixes known so far.
        first: The usual name of the first parameter: "request" or "ws".
        is_complete: Whether all prefixes are known, so that no further parameters can follow.

    Raises:
        SetupError: A parameter is missing, nothing fills it, or its annotation is a different type.
    """
    parameters = parameters_of(handler, follow_wrapped=False)
    if parameters is None:
        return
    signature = _Signature(handler, pattern, first, parameters)
    signature.check_first()
    signature.check_path()
    signature.check_rest(is_complete=is_complete)
    # A decorator with functools.wraps shows the annotations of the function that it wraps, and
    # may itself convert the values before it calls that function.
    if not hasattr(without_partial(handler), "__wrapped__"):
        signature.check_annotations()


@attrs.frozen
class _Signature:
    handler: Handler
    pattern: Pattern
    first: str
    parameters: Sequence[inspect.Parameter]

    @property
    def names(self) -> list[str]:
        return [parameter.name for parameter in self.pattern.parameters]

    @property
    def wanted(self) -> str:
        """The signature that the path requires."""
        return f"async def {short_name(self.handler)}({', '.join([self.first, *self.names])})"

    @property
    def by_name(self) -> dict[str, inspect.Parameter]:
        """The parameters after the first that can be passed by name."""
        rest = self.parameters[1:] if self.parameters[0].kind in BY_POSITION else self.parameters
        keyword = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
        return {one.name: one for one in rest if one.kind in keyword}

    def check_first(self) -> None:
        what = "the request" if self.first == "request" else "the WebSocket"
        kinds = {*BY_POSITION, inspect.Parameter.VAR_POSITIONAL}
        if not self.parameters or self.parameters[0].kind not in kinds:
            raise SetupError(
                f"{label(self.handler)} has no parameter for {what}, which comes first: write {self.wanted}"
            )
        first = self.parameters[0]
        if first.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and first.name in self.names:
            raise SetupError(
                f"{label(self.handler)} begins with {first.name!r}, which is a parameter of "
                f"{self.pattern.path!r}: {what} comes first, so write {self.wanted}"
            )

    def check_path(self) -> None:
        takes_all = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in self.parameters)
        missing = [] if takes_all else [name for name in self.names if name not in self.by_name]
        if missing:
            raise SetupError(
                f"{label(self.handler)} has no parameter for {{{missing[0]}}} of {self.pattern.path!r}: "
                f"write {self.wanted}"
            )

    def check_rest(self, *, is_complete: bool) -> None:
        for parameter in self.parameters[1:]:
            is_named = parameter.kind is not inspect.Parameter.POSITIONAL_ONLY
            may_come = is_named and (not is_complete or parameter.name in self.names)
            if is_required(parameter) and not may_come:
                query = "request.query" if self.first == "request" else "ws.request.query"
                raise SetupError(
                    f"{label(self.handler)} has a parameter {parameter.name!r} that nothing fills: "
                    f"{self.pattern.path!r} has no {{{parameter.name}}}. A query is read with {query}, "
                    "and what belongs to the whole application is in app.state"
                )

    def check_annotations(self) -> None:
        self._check_annotation_of_first()
        for parameter in self.pattern.parameters:
            own = self.by_name.get(parameter.name)
            given = _GIVEN.get(parameter.converter.rank)
            if own is None or given is None:
                continue
            expected = _value_types(resolved_annotation(own, self.handler))
            if expected and not any(_fits(given, one) for one in expected):
                said = " | ".join(one.__name__ for one in expected)
                raise SetupError(
                    f"{label(self.handler)} takes {own.name}: {said}, and {_braces(parameter)} in "
                    f"{self.pattern.path!r} gives {given.__name__}: {_advice(own.name, expected[0], given)}"
                )

    def _check_annotation_of_first(self) -> None:
        first, expected = self.parameters[0], _FIRST[self.first]
        annotation = resolved_annotation(first, self.handler)
        if first.kind not in BY_POSITION or not isinstance(annotation, type) or annotation is object:
            return
        is_ours = (
            annotation.__module__.partition(".")[0] == "trioweb" and annotation.__name__ in _FIRST.values()
        )
        if _is_value_type(annotation) or (is_ours and annotation.__name__ != expected):
            other = ", or use the decorator for the other" if is_ours else ""
            raise SetupError(
                f"{label(self.handler)} begins with {first.name}: {annotation.__name__}, and here the first "
                f"parameter is a {expected}: write {self.wanted}{other}"
            )


def _value_types(annotation: object) -> tuple[type, ...]:
    """Return the classes that an annotation allows, without the `None` of a union.

    The result is empty if they cannot be known: for a type variable or a class of the
    application, or for a union that contains one.
    """
    members = union_members(annotation)
    types = tuple(one for one in members if _is_value_type(one))
    return types if len(types) == len(members) else ()


def _is_value_type(annotation: object) -> TypeGuard[type]:
    return isinstance(annotation, type) and (annotation.__module__ in _VALUES or issubclass(annotation, Enum))


def _fits(given: type, expected: type) -> bool:
    return issubclass(given, expected) or (given is int and expected is float)  # PEP 484: the numeric tower


def _braces(parameter: Parameter) -> str:
    name = parameter.converter.name
    return f"{{{parameter.name}}}" if name == "str" else f"{{{parameter.name}:{name}}}"


def _advice(name: str, expected: type, given: type) -> str:
    if expected in _WRITTEN:
        return f"write {{{name}{_WRITTEN[expected]}}} in the path"
    return f"write {name}: {given.__name__}, or a converter of your own (router.converter)"

"""The parameters of a function, inspected before it is called."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any, cast

from trioweb.errors import SetupError

BY_POSITION = frozenset({inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD})
OPEN_ENDED = frozenset({inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD})


def without_partial(function: object) -> object:
    """Return the function inside any partials around it."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def label(function: object) -> str:
    """Return the module and the qualified name of a function, for error texts."""
    target = without_partial(function)
    module = getattr(target, "__module__", type(target).__module__)
    return f"{module}.{getattr(target, '__qualname__', type(target).__qualname__)}"


def is_async(function: object) -> bool:
    """Return whether it is an async function, or an object with `async def __call__`."""
    return inspect.iscoroutinefunction(function) or (
        callable(function) and inspect.iscoroutinefunction(type(function).__call__)
    )


def parameters_of(function: Callable[..., object], *, follow_wrapped: bool) -> list[inspect.Parameter] | None:
    """Return the parameters that a caller can pass, or `None` if Python does not know them.

    Args:
        function: Anything that can be called.
        follow_wrapped: Whether to look through a decorator that uses `functools.wraps`. The
            function that is called is the decorator's own, which may fill parameters itself.
    """
    try:
        return list(inspect.signature(function, follow_wrapped=follow_wrapped).parameters.values())
    except (TypeError, ValueError, NameError):  # written in C, or annotated with an undefined name
        return None


def count_positional(function: Callable[..., object]) -> int:
    """Count the parameters that can be passed by position, including those with a default."""
    parameters = parameters_of(function, follow_wrapped=True) or []
    return sum(one.kind in BY_POSITION for one in parameters)


def check_takes(function: Callable[..., object], names: tuple[str, ...], what: str) -> None:
    """Refuse a function that cannot be called with these arguments by position.

    Raises:
        SetupError: It takes fewer, or requires more.
    """
    parameters = parameters_of(function, follow_wrapped=False)
    if parameters is None:
        return
    positional = [one for one in parameters if one.kind in BY_POSITION]
    is_open = any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters)
    surplus = [one for one in parameters if one not in positional[: len(names)] and is_required(one)]
    if surplus or (len(positional) < len(names) and not is_open):
        taken = ", ".join(map(str, parameters))
        raise SetupError(
            f"{label(function)} takes ({taken}), but {what} is called with {' and '.join(names)}: "
            f"write async def {short_name(function)}({', '.join(names)})"
        )


def check_lifespan(lifespan: object) -> None:
    """Refuse an object that cannot be a lifespan, or that expects other arguments than it would get.

    Raises:
        SetupError: It is not an async context manager function of one or two parameters.
    """
    innermost = inspect.unwrap(cast("Callable[..., Any]", lifespan)) if callable(lifespan) else lifespan
    if inspect.isasyncgenfunction(lifespan):
        raise SetupError(
            f"decorate {label(lifespan)} with @contextlib.asynccontextmanager: a lifespan is one"
        )
    if inspect.iscoroutinefunction(lifespan) or inspect.isgeneratorfunction(innermost):
        raise SetupError(
            f"{label(lifespan)} is not an async context manager function: write async def, with one yield in"
            " it, and decorate it with @contextlib.asynccontextmanager"
        )
    if not callable(lifespan):
        raise SetupError(
            f"lifespan={lifespan!r}: expected an async context manager function, since "
            "a lifespan is called with the nursery, or with the app and the nursery"
        )
    if count_positional(lifespan) not in {1, 2}:
        raise SetupError("a lifespan is called with the nursery, or with the app and the nursery")
    names = [
        one.name for one in parameters_of(lifespan, follow_wrapped=True) or [] if one.kind in BY_POSITION
    ]
    if names in (["app"], ["nursery", "app"]):
        raise SetupError(
            f"{label(lifespan)}({', '.join(names)}) would be given the nursery as its app: a lifespan is "
            "called with the nursery, or with the app and the nursery, so write lifespan(app, nursery)"
        )


def is_required(parameter: inspect.Parameter) -> bool:
    """Return whether every call has to pass the parameter."""
    return parameter.default is inspect.Parameter.empty and parameter.kind not in OPEN_ENDED


def short_name(function: object) -> str:
    """Return the name of a function, or of the class of a callable object."""
    target = without_partial(function)
    return str(getattr(target, "__name__", type(target).__name__))


def resolved_annotation(parameter: inspect.Parameter, function: object) -> object:
    """Return a parameter's annotation; if it is text, evaluated in the module of the function.

    Returns:
        `None` if there is no annotation, or if it uses names that exist only for type checkers.
    """
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty:
        return None
    if isinstance(annotation, str):
        target = without_partial(function)
        if not inspect.isroutine(target):
            target = type(target).__call__

        def carrier() -> None: ...

        carrier.__annotations__ = {"it": annotation}
        try:
            names = getattr(inspect.unwrap(target), "__globals__", {})
            annotation = inspect.get_annotations(carrier, globals=names, eval_str=True)["it"]
        except Exception:  # an annotation may raise anything, and the function is still fine
            return None
    return _bare(annotation)


def union_members(annotation: object) -> list[object]:
    """Return the members of a union without `None`; for any other annotation, only itself."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return [annotation]
    return [_bare(one) for one in typing.get_args(annotation) if one is not types.NoneType]


def _bare(annotation: Any) -> object:
    if hasattr(annotation, "__metadata__"):  # Annotated
        annotation = annotation.__origin__
    while hasattr(annotation, "__supertype__"):  # NewType
        annotation = annotation.__supertype__
    return cast("object", annotation)

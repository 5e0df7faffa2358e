"""The check that some path of a handler fills each of its parameters with a default."""

from __future__ import annotations

import functools
import inspect
from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import cast

from trioweb._routing.handler import Handler
from trioweb._routing.route import Route
from trioweb.errors import SetupError
from trioweb.signatures import BY_POSITION, label, parameters_of, resolved_annotation


def check_defaults(routes: Iterable[Route]) -> None:
    """Refuse parameters that would always have their default.

    A handler may be used for several paths, and one path may fill a parameter that another
    leaves out. A prefix may fill parameters too. So this can be checked only after all routes
    have been added.

    Args:
        routes: All routes, with the prefixes of every router above.

    Raises:
        SetupError: A parameter has a default, and no path of its handler contains its name.
    """
    of_one_handler: defaultdict[Hashable, list[Route]] = defaultdict(list)
    for route in routes:
        of_one_handler[_identity(route.handler)].append(route)
    for namesakes in of_one_handler.values():
        filled = {parameter.name for route in namesakes for parameter in route.pattern.parameters}
        for parameter in _with_default(namesakes[0].handler):
            if parameter.name not in filled:
                raise SetupError(_complaint(namesakes[0], parameter))


def _identity(handler: Handler) -> Hashable:
    """Return a key that is the same for each use of a handler.

    A bound method is a new object each time, but equal to the one before; an unhashable
    handler can be recognised only by its identity.
    """
    try:
        hash(handler)
    except TypeError:
        return id(handler)
    return handler


def _with_default(handler: Handler) -> list[inspect.Parameter]:
    """Return the parameters after the first that have a default, except those that a partial fills."""
    parameters = parameters_of(handler, follow_wrapped=False) or []
    given: set[str] = set()
    while isinstance(handler, functools.partial):
        given |= set(handler.keywords)
        handler = handler.func
    rest = parameters[1:] if parameters and parameters[0].kind in BY_POSITION else parameters
    return [one for one in rest if one.default is not inspect.Parameter.empty and one.name not in given]


def _complaint(route: Route, parameter: inspect.Parameter) -> str:
    name = parameter.name
    source = "request.query" if route.first_parameter == "request" else "ws.request.query"
    return (
        f"{label(route.handler)} has a parameter {name!r} that nothing fills, so it would always have its "
        f"default: neither {route.path!r} nor another path of the handler has {{{name}}}. A query is read with "
        f"{source}.{_reading(parameter, route.handler)}, and a value that the program knows is given with "
        "functools.partial"
    )


def _reading(parameter: inspect.Parameter, handler: Handler) -> str:
    """Return the source of the call that reads the parameter from a query."""
    default: object = parameter.default
    arguments = [f'"{parameter.name}"']
    for kind in (resolved_annotation(parameter, handler), type(default)):
        if kind in (int, float, bool):
            arguments.append(cast("type", kind).__name__)
            break
    if default is None or type(default) in (str, int, float, bool):
        arguments.append(f"default={default!r}")
    return f"read({', '.join(arguments)})"

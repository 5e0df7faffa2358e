"""Names of routes, which `url_for` turns into paths."""

from __future__ import annotations

from trioweb._routing.route import Route
from trioweb.errors import PatternError
from trioweb.signatures import short_name

_SHOWN_PATHS = 3


class Names:
    """Routes by their explicit name, or by the name of their handler.

    An explicit name belongs to one route. Handlers in different modules often have the
    same name; such a name can be used only if all its routes have the same path.
    """

    def __init__(self) -> None:
        self._given: dict[str, Route] = {}
        self._implied: dict[str, dict[str, Route]] = {}

    def rival(self, route: Route) -> Route | None:
        """Return another route that has the same explicit name."""
        return None if route.name is None else self._given.get(route.name)

    def add(self, route: Route) -> None:
        """Add a route, which must not have a rival."""
        if route.name is not None:
            self._given[route.name] = route
        else:
            self._implied.setdefault(short_name(route.handler), {})[route.path] = route

    def find(self, name: str) -> Route:
        """Return the route with this name; an explicit name takes precedence over a handler's.

        Raises:
            PatternError: There is no such name, or it belongs to several paths.
        """
        if name in self._given:
            return self._given[name]
        by_path = self._implied.get(name, {})
        if not by_path:
            raise PatternError(
                f"no route is named {name!r}: a route has its handler's name, unless name= is given"
            )
        if len(by_path) > 1:
            paths = ", ".join(list(by_path)[:_SHOWN_PATHS])
            raise PatternError(
                f"{name!r} stands for {len(by_path)} paths, such as {paths}: give each a name with name="
            )
        return next(iter(by_path.values()))

"""A free place for an application's own things."""

from __future__ import annotations

from typing import Any


class State(dict[Any, Any]):
    """A dict whose string keys can also be written as attributes: `app.state.database`."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"nothing has set state.{name}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(f"nothing has set state.{name}") from None

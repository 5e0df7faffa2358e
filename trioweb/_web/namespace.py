"""A place for values of the application."""

from __future__ import annotations

from typing import Any


class Namespace(dict[Any, Any]):
    """A dict whose string keys can also be written as attributes: `app.state.database`.

    The names of a dict's own methods, such as `items`, are keys only: `state["items"]`.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"nothing has set state.{name}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        _check_is_free(name)
        self[name] = value

    def __delattr__(self, name: str) -> None:
        _check_is_free(name)
        try:
            del self[name]
        except KeyError:
            raise AttributeError(f"nothing has set state.{name}") from None


_TAKEN = frozenset(dir(Namespace))


def _check_is_free(name: str) -> None:
    # A value set under such a name could not be read again: the dict's own attribute is found first.
    if name in _TAKEN:
        raise AttributeError(
            f'state.{name} is an attribute of every dict: write state["{name}"], or choose another name'
        )

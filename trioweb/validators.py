"""Validators of settings for attrs classes. Their errors name the setting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from trioweb.errors import ConfigError

Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def whole_number(least: int, most: int | None = None, *, optional: bool = False) -> Validator:
    """Accept whole numbers from `least` to `most`, but not booleans; and `None` if `optional`."""

    def validate(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        if optional and value is None:
            return
        is_fit = isinstance(value, int) and value >= least and (most is None or value <= most)
        if not is_fit or isinstance(value, bool):
            span = f"{least} or more" if most is None else f"from {least} to {most}"
            span += ", or None for no bound" if optional else ""
            raise ConfigError(f"{_place(instance, attribute)} takes a whole number, {span}, not {value!r}")

    return validate


def seconds(*, optional: bool) -> Validator:
    """Accept seconds above 0, and `None` if `optional`."""

    def validate(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is None and optional:
            return
        if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
            off = ", or None to switch it off" if optional else ""
            raise ConfigError(f"{_place(instance, attribute)} takes seconds above 0{off}, not {value!r}")

    return validate


def instance_of(kind: type, *, optional: bool = False) -> Validator:
    """Accept objects of one class, and `None` if `optional`."""

    def validate(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, kind) and not (optional and value is None):
            none = " or None" if optional else ""
            raise ConfigError(f"{_place(instance, attribute)} takes {kind.__name__}{none}, not {value!r}")

    return validate


def _place(instance: object, attribute: attrs.Attribute[Any]) -> str:
    return f"{type(instance).__name__}.{attribute.name}"

"""A class is an assembly of parts, not the end of an ancestry."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import trioweb

ANCESTORS = 2

MODULES = [
    importlib.import_module(module.name)
    for module in pkgutil.walk_packages(trioweb.__path__, "trioweb.")
    if not module.name.endswith("__main__")
]


def own_ancestors(one: type) -> list[str]:
    return [base.__qualname__ for base in one.__mro__[1:] if base.__module__.split(".")[0] == "trioweb"]


def test_few_of_our_own_classes_are_above_a_class() -> None:
    # The errors are a tree by design: an `except` may name any class above one.
    classes = {
        one
        for module in MODULES
        for _, one in inspect.getmembers(module, inspect.isclass)
        if not issubclass(one, BaseException)
    }
    assert not {
        one.__qualname__: ancestors
        for one in classes
        if one.__module__.startswith("trioweb") and len(ancestors := own_ancestors(one)) > ANCESTORS
    }

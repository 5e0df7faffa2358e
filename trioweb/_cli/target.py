"""Finds the app that a command names: `main:app`, or the file `shop/main.py`.

A file is imported as a module of its own name, after its folder has been put first on
Python's path, as `python shop/main.py` does. If the folder is a package, the folder above
that package is put on the path instead, and the name has dots, so that relative imports work.

The alternative was to execute the file under a made-up name. Then a second module that
imports the first would get a copy of it, with an app and rooms of its own, and nobody would
see why messages do not arrive. The cost is that a file cannot have the name of a module that
is in use, such as `trio.py`; it is refused, since the other module would be served instead.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, NoReturn

from trioweb._cli.refusal import FAILED, USAGE, Refusal
from trioweb.app import App

DEFAULT = "app"
"""The variable that holds the app of a file, unless the command names another."""

_FILE_TARGET = re.compile(r"(.+\.py)(?::(.+))?")


def find_app(target: str) -> App:
    """Import the module or the file that a target names, and return its app.

    Args:
        target: `MODULE:APP`, `FILE.py` or `FILE.py:APP`. `APP` may have dots: `main:site.app`.

    Raises:
        Refusal: There is no such module, file or app, or the import failed.
    """
    if match := _FILE_TARGET.fullmatch(target):
        file, attribute = match.groups()
        module = _import_file(file)
        if attribute is None and not hasattr(module, DEFAULT):
            raise Refusal(_no_default(module, file), USAGE)
        return _app_of(module, file, attribute or DEFAULT)
    name, _, attribute = target.partition(":")
    if os.sep in name or not all(name.split(".")) or not attribute:
        raise Refusal(
            f"{target!r} names no app: expected MODULE:APP, such as main:app, or a file, such as main.py",
            USAGE,
        )
    sys.path.insert(0, os.getcwd())
    return _app_of(_import(name, f"the module {name!r}"), name, attribute)


def _app_of(module: ModuleType, place: str, attribute: str) -> App:
    found: Any = module
    for name in attribute.split("."):
        if not hasattr(found, name):
            raise Refusal(f"{place!r} has no attribute {attribute!r}{_its_apps(module)}", USAGE)
        found = getattr(found, name)
    if not isinstance(found, App):
        raise Refusal(
            f"'{place}:{attribute}' is of type {type(found).__name__}: expected an App{_its_apps(module)}",
            USAGE,
        )
    return found


def _no_default(module: ModuleType, file: str) -> str:
    if names := _app_names(module):
        return (
            f"{file!r} has no attribute {DEFAULT!r}{_its_apps(module)}: name one, such as {file}:{names[0]}"
        )
    return f"{file!r} has no app: expected {DEFAULT} = trioweb.App()"


def _its_apps(module: ModuleType) -> str:
    names = _app_names(module)
    return f" (its apps: {', '.join(names)})" if names else ""


def _app_names(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if isinstance(value, App)]


def _import_file(file: str) -> ModuleType:
    path = Path(file).resolve()
    if not path.is_file():
        raise Refusal(f"there is no file {file!r}", USAGE)
    folder, name = path.parent, path.stem
    while (folder / "__init__.py").is_file():
        folder, name = folder.parent, f"{folder.name}.{name}"
    sys.path.insert(0, str(folder))
    module = _import(name, repr(file))
    origin = getattr(module, "__file__", None)  # modules in C may have none
    if origin is None or not path.samefile(origin):
        raise Refusal(f"{file!r} has the name of another module that is in use: rename the file", USAGE)
    return module


def _import(name: str, shown: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # The named module or a package above it; any other module is missing inside this one.
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise Refusal(f"there is no module {error.name!r} here or on Python's path", USAGE) from None
        _fail_with_traceback(error, shown)
    except Exception as error:
        _fail_with_traceback(error, shown)


def _fail_with_traceback(error: Exception, shown: str) -> NoReturn:
    traceback.print_exception(error.with_traceback(_user_frames(error.__traceback__)))
    raise Refusal(f"{shown} cannot be imported: see above", FAILED)


def _user_frames(frames: TracebackType | None) -> TracebackType | None:
    """Leave out the frames at the top, which are this file's and those of Python's import."""
    while frames is not None and (
        frames.tb_frame.f_code.co_filename in (__file__, importlib.__file__)
        or frames.tb_frame.f_code.co_filename.startswith("<frozen importlib")
    ):
        frames = frames.tb_next
    return frames

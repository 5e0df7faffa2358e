"""What the names in a text can mean: the public names of trioweb, followed from class to class."""

from __future__ import annotations

import ast
import builtins
import decimal
import enum
import importlib
import inspect
import keyword
import sys
import typing
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType, UnionType
from typing import Any

import trio
import trio.testing
from support.code_figures import Source, sources

import trioweb

PUBLIC_MODULES = (
    "trioweb",
    "trioweb.errors",
    "trioweb.middleware",
    "trioweb.rooms",
    "trioweb.templates",
    "trioweb.testing",
)

# What in a program's tree has a name, and where the tree keeps it.
NAMING: dict[type, str] = {
    ast.Name: "id",
    ast.Attribute: "attr",
    ast.arg: "arg",
    ast.keyword: "arg",
    ast.alias: "name",
    ast.ClassDef: "name",
    ast.FunctionDef: "name",
    ast.AsyncFunctionDef: "name",
    ast.ExceptHandler: "name",
    ast.MatchAs: "name",
    ast.MatchStar: "name",
}

# A name that cannot be followed further, because nothing says what it holds.
UNKNOWN = object()
MISSING = object()


class Instance(typing.NamedTuple):
    """An object of a class, which texts call by the usual name of its variable."""

    kind: type


@cache
def public() -> dict[str, Any]:
    """Gather the public names, and by their usual variables the objects of public classes."""
    names: dict[str, Any] = {}
    for name in PUBLIC_MODULES:
        module = importlib.import_module(name)
        listed = getattr(module, "__all__", None) or [
            each for each, value in vars(module).items() if getattr(value, "__module__", "") == name
        ]
        names |= {each: getattr(module, each) for each in listed}
    modules = {"trio": trio, "trioweb": trioweb, "errors": trioweb.errors}
    objects = {
        each.lower(): Instance(value)
        for each, value in names.items()
        if inspect.isclass(value) and not each.isupper()
    }
    return modules | objects | {"ws": Instance(trioweb.WebSocket), "file": Instance(trioweb.Upload)} | names


@cache
def internal() -> dict[str, Any]:
    """Gather the classes of every module, for the pages of those who work on trioweb."""
    found: dict[str, Any] = {}
    for source in sources("trioweb"):
        if source.name.endswith("__main__.py"):  # importing it would run it
            continue
        module = importlib.import_module(module_name(source.name))
        found |= {name: value for name, value in vars(module).items() if inspect.isclass(value)}
    return found


def attribute(owner: Any, name: str) -> Any:
    """Follow one step of a chain, from a module, a class or an object of one."""
    if isinstance(owner, ModuleType):
        return getattr(owner, name, MISSING)
    if not isinstance(owner, Instance):
        value = getattr(owner, name, MISSING)
        return attribute(Instance(owner), name) if value is MISSING and inspect.isclass(owner) else value
    value = inspect.getattr_static(owner.kind, name, MISSING)
    if value is MISSING and hasattr(owner.kind, "__getattr__"):  # a bag for values of the program
        return UNKNOWN
    if isinstance(value, property):
        return of_type(hints(value.fget).get("return"))
    if inspect.isroutine(value):
        return value
    hint = hints(owner.kind).get(name) or assigned(owner.kind).get(
        name, MISSING if value is MISSING else None
    )
    return hint if hint is MISSING else of_type(hint)


def called(function: Any) -> Any:
    """Return the type that a call gives."""
    if inspect.isclass(function):
        return Instance(function)
    return of_type(hints(inspect.unwrap(function)).get("return")) if callable(function) else UNKNOWN


def of_type(hint: Any) -> Any:
    """Find the class in an annotation; an optional one means its object."""
    if isinstance(hint, UnionType) or typing.get_origin(hint) is typing.Union:
        hint = next((each for each in typing.get_args(hint) if each is not type(None)), None)
    hint = typing.get_origin(hint) or hint
    return Instance(hint) if inspect.isclass(hint) and hint is not object else UNKNOWN


def hints(thing: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(thing)
    except (NameError, TypeError, AttributeError):
        return {}


@cache
def assigned(kind: type) -> dict[str, Any]:
    """List the attributes that a class of ours assigns, with the class that it calls for each."""
    found: dict[str, Any] = {}
    ancestors = {each.__name__ for each in kind.__mro__ if each.__module__.startswith("trioweb")}
    for file, one in classes():
        if one.name in ancestors:
            module = vars(importlib.import_module(module_name(file)))
            found |= {target: module.get(name) for target, name in assignments(one)}
    return found


@cache
def classes() -> list[tuple[str, ast.ClassDef]]:
    """List the classes of the package, each with its file."""
    return [
        (source.name, node)
        for source in sources("trioweb")
        for node in source.tree.body
        if isinstance(node, ast.ClassDef)
    ]


def module_name(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def assignments(one: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Pair each assigned attribute with the name that is called for it, or is its value."""
    for node in ast.walk(one):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            value = node.value.func if isinstance(node.value, ast.Call) else node.value
            for target in (each for each in targets if isinstance(each, ast.Attribute)):
                yield target.attr, getattr(value, "id", "")


def parameters(function: Any) -> set[str] | None:
    """Return the keyword parameters of a function; `None` if it takes any."""
    try:
        taken = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return None if any(each.kind is each.VAR_KEYWORD for each in taken) else {each.name for each in taken}


@cache
def public_words() -> set[str]:
    """List every public name, member and parameter, each as a word of its own."""
    words = set(public())
    for thing in list(public().values()):
        words |= parameters(thing) or set()
        for name, member in members(thing):
            words |= {name} | (parameters(member) or set())
    return words


def members(thing: Any) -> Iterator[tuple[str, Callable[..., Any] | object]]:
    if inspect.isclass(thing) and thing.__module__.startswith("trioweb"):
        yield from ((name, getattr(thing, name, None)) for name in dir(thing) if not name.startswith("_"))
        yield from ((name, None) for name in (*hints(thing), *assigned(thing)) if not name.startswith("_"))


@cache
def python_words() -> set[str]:
    """List the names that belong to Python and Trio."""
    modules = (builtins, decimal, enum, uuid, trio, trio.abc, trio.lowlevel, trio.testing)
    words = {*keyword.kwlist, *keyword.softkwlist, *sys.stdlib_module_names}
    return words | {name for module in modules for name in dir(module)}


@cache
def strings(*folders: str) -> set[str]:
    """List the strings in our own sources, in lower case."""
    return {text for source in sources(*folders) for text in words_of(source).strings}


@cache
def identifiers(*folders: str) -> set[str]:
    """List every identifier of our own sources."""
    return {name for source in sources(*folders) for name in words_of(source).identifiers}


class Words(typing.NamedTuple):
    """What one file names, and the strings in it, in lower case."""

    identifiers: set[str]
    strings: set[str]


@cache
def words_of(source: Source) -> Words:
    words = Words(set(), set())
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant):
            value = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
            if isinstance(value, str):
                words.strings.add(value.lower())
        elif isinstance(field := NAMING.get(type(node)), str) and (name := getattr(node, field)):
            words.identifiers.add(name)
    return words

"""The names that the pages mention in code spans exist: attributes, methods and their arguments."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import attrs
import pytest
from support.code_blocks import FENCE, ROOT

import trioweb
from trioweb import middleware
from trioweb.rooms.member import Member
from trioweb.rooms.subscription import Subscription
from trioweb.templates import Templates

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SPAN = re.compile(r"`([^`\n]+)`")
MEMBER = re.compile(r"(?<![\w.])(\w+)\.(\w+)(?:\(([^()]*)\))?")
ARGUMENT = re.compile(r"(\w+)=")
OTHERS = {"app.js", "app.sock", "trioweb.access"}
"""Files and a logger, which look like attributes."""

HOLDERS = {
    "app": trioweb.App,
    "member": Member,
    "request": trioweb.Request,
    "response": trioweb.Response,
    "room": trioweb.Room,
    "server": trioweb.Server,
    "subscription": Subscription,
    "templates": Templates,
    "trioweb": trioweb,
    "ws": trioweb.WebSocket,
    **{name: getattr(trioweb, name) for name in ("Config", "Deflate", "Limits", "Overflow", "Timeouts")},
}
CALLABLES = {
    name: found
    for holder in (trioweb, middleware)
    for name in holder.__all__
    if inspect.isclass(found := getattr(holder, name))
} | {"Templates": Templates}


def spans_of(page: Path) -> list[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    # That page's left column shows another framework's names; a test of its own reads the right one.
    rows = [] if page.stem == "coming_from_fastapi" else text.splitlines()
    return SPAN.findall("\n".join(rows))


def names_of(holder: object) -> set[str]:
    """Return what a class or module has, and what the initialisers of an instance set."""
    names = set(dir(holder))
    for one in getattr(holder, "__mro__", ()):
        names |= set(inspect.get_annotations(one))
        if inspect.isfunction(initialiser := vars(one).get("__init__")) and not attrs.has(one):
            names |= set(re.findall(r"\bself\.([a-z]\w*)", inspect.getsource(initialiser)))
    return names


def takes(function: object, names: list[str]) -> bool:
    parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    return any(one.kind is one.VAR_KEYWORD for one in parameters) or set(names) <= {
        one.name for one in parameters
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_an_attribute_in_a_code_span_exists(page: Path) -> None:
    found = [match for span in spans_of(page) for match in MEMBER.finditer(span) if match[1] in HOLDERS]

    unknown = {match[0] for match in found if match[2] not in names_of(HOLDERS[match[1]])}
    assert not unknown - OTHERS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_method_in_a_code_span_takes_the_arguments_that_it_is_given(page: Path) -> None:
    calls = [match for span in spans_of(page) for match in MEMBER.finditer(span) if match[3]]

    assert not [
        match[0]
        for match in calls
        if match[1] in HOLDERS and not takes(getattr(HOLDERS[match[1]], match[2]), ARGUMENT.findall(match[3]))
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_class_in_a_code_span_takes_the_arguments_that_it_is_given(page: Path) -> None:
    calls = [
        match
        for span in spans_of(page)
        for match in re.finditer(r"(?<![\w.])([A-Z]\w+)\(([^()]*)\)", span)
        if match[1] in CALLABLES
    ]

    assert not [match[0] for match in calls if not takes(CALLABLES[match[1]], ARGUMENT.findall(match[2]))]

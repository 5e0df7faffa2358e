"""The public names: which there are, and that each explains itself."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import Any

import pytest

# Adding a name here is a promise; taking one away breaks programs.
PUBLIC = [
    "Address",
    "AlreadyClosed",
    "App",
    "BadHandshake",
    "ClientWebSocket",
    "Close",
    "CloseCode",
    "CloseWebSocket",
    "Config",
    "ConfigError",
    "ConnectFailed",
    "ConnectTimedOut",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "Deflate",
    "DuplicateRoute",
    "EventStream",
    "Fields",
    "File",
    "Form",
    "HTML",
    "HTTPError",
    "HandshakeRejected",
    "Headers",
    "InvalidURL",
    "JSON",
    "Limits",
    "LocalProtocolError",
    "Member",
    "OutboxFull",
    "OutboxStatistics",
    "Overflow",
    "PatternError",
    "Query",
    "ReceiveBusy",
    "ReconnectingWebSocket",
    "Redirect",
    "RemoteProtocolError",
    "Request",
    "Response",
    "Retry",
    "Room",
    "RoomStatistics",
    "Router",
    "Server",
    "ServerSentEvent",
    "ServerStatistics",
    "SetupError",
    "Stream",
    "Subscription",
    "Text",
    "Timeouts",
    "TriowebError",
    "Upload",
    "Uploads",
    "WebSocket",
    "connect",
    "connect_stream",
    "reconnecting",
    "run",
    "serve",
    "serve_stream",
]


@pytest.fixture(scope="module")
def trioweb() -> ModuleType:
    return importlib.import_module("trioweb")


def own_members(thing: object) -> dict[str, Any]:
    """List what a public class gives under a plain name, its own or a base's of trioweb."""
    if not isinstance(thing, type):
        return {}
    classes = [base for base in thing.__mro__ if base.__module__.startswith("trioweb")]
    return {
        name: member
        for base in reversed(classes)
        for name, member in vars(base).items()
        if not name.startswith("_")
        and (inspect.isroutine(member) or isinstance(member, property | classmethod | staticmethod))
    }


def test_the_public_names_are_those_that_were_promised(trioweb: ModuleType) -> None:
    assert sorted(trioweb.__all__) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_thing_has_a_docstring(trioweb: ModuleType, name: str) -> None:
    thing = getattr(trioweb, name)
    assert inspect.getdoc(thing)
    assert not [
        member
        for member, value in own_members(thing).items()
        if not inspect.getdoc(getattr(thing, member, value))
    ]


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_thing_says_that_it_comes_from_trioweb(trioweb: ModuleType, name: str) -> None:
    assert getattr(trioweb, name).__module__ in {"trioweb", "trioweb.errors"}


def test_the_errors_are_reached_by_one_name() -> None:
    errors = importlib.import_module("trioweb.errors")
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), errors.TriowebError)
        assert inspect.getdoc(getattr(errors, name))

"""What completion shows of an object that programs hold: the documented names, and no machinery."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

import trioweb
from trioweb import (
    App,
    ClientWebSocket,
    Config,
    Limits,
    Member,
    Overflow,
    ReconnectingWebSocket,
    Request,
    Server,
    WebSocket,
)
from trioweb._server.instruments import Instruments
from trioweb._server.shutdown import Shutdown
from trioweb._transport.engine import Engine
from trioweb._transport.flusher import Flusher
from trioweb._transport.timers import Timers
from trioweb._web.proxies import Forwarding
from trioweb._websocket.message_reader import MessageReader
from trioweb._websocket.message_writer import MessageWriter
from trioweb._websocket.parts import put_together
from trioweb._wire.client_handshake import Accepted
from trioweb._wire.http1.request_head import RequestHead
from trioweb._wire.websocket_url import parse_url
from trioweb.config import Timeouts
from trioweb.headers import Headers
from trioweb.rooms.policies import delivery_for
from trioweb.testing import AppClient, ExpectingWebSocket

PAGES = sorted((Path(__file__).parents[2] / "docs").rglob("*.md"))
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.DOTALL | re.MULTILINE)


def make_request() -> Request:
    head = RequestHead(
        method="GET",
        target="/",
        raw_path="/",
        query_string="",
        headers=Headers([]),
        http_version="1.1",
        content_bytes=0,
        is_chunked=False,
        expects_continue=False,
        wants_websocket=False,
    )
    return Request(head, Forwarding(None, "http", ""))


def make_server() -> Server:
    instruments = Instruments()
    return Server(urls=[], port=None, shutdown=Shutdown(Timeouts(), instruments), instruments=instruments)


def make_websocket() -> WebSocket:
    transport, engine = (
        cast("Any", None),
        Engine(nursery=cast("Any", None), timers=Timers(), flusher=Flusher(), pump=None),
    )
    websocket = WebSocket(
        put_together(transport, engine, limits=Limits(), timeouts=Timeouts()),
        cast("Any", None),
        make_request(),
    )
    websocket.nursery = engine.nursery
    return websocket


def make_client_websocket(kind: type[ClientWebSocket] = ClientWebSocket) -> ClientWebSocket:
    engine = Engine(nursery=cast("Any", None), timers=Timers(), flusher=Flusher(), pump=None)
    parts = put_together(cast("Any", None), engine, limits=Limits(), timeouts=Timeouts())
    return kind(parts, parse_url("ws://localhost/"), Accepted(Headers([]), None, None, b""))


def make_message_writer() -> MessageWriter:
    nothing = cast("Any", None)
    return MessageWriter(nothing, nothing, nothing, is_text=True)


CLIENT = """
    aclose closed flush latency_seconds outbox ping receive receive_bytes receive_json receive_stream
    receive_text response send send_json send_nowait send_stream subprotocol traffic url wait_closed
"""

SHOWN: dict[Callable[[], object], str] = {
    make_request: """
        app_state body cancel_on_disconnect client content_type cookies form headers host http_version
        is_anonymous is_unix json last_event_id may_be_recoded method path path_params query query_string
        raw_path scheme state stream text url
    """,
    lambda: App(Config()): """
        config converter delete error_handler get include lifespan middleware patch post put room route
        routes state static url_for websocket
    """,
    lambda: App().room("lobby"): "join members name overflow publish statistics subscribe",
    make_websocket: """
        accept aclose closed flush is_accepted is_rejected latency_seconds nursery observe_wire outbox path_params ping
        receive receive_bytes receive_json receive_stream receive_text reject request send send_json send_nowait
        send_stream state subprotocol traffic wait_closed
    """,
    make_client_websocket: CLIENT,
    lambda: make_client_websocket(ReconnectingWebSocket): (
        f"{CLIENT} attempt last_close position seconds_apart"
    ),
    lambda: trioweb.connect("ws://localhost/"): "",
    lambda: trioweb.reconnecting("ws://localhost/"): "aclose",
    lambda: make_websocket().outbox: "aclose send send_nowait statistics",
    lambda: MessageReader(cast("Any", None)): "",
    make_message_writer: "send",
    lambda: Member(delivery_for(make_websocket(), Overflow.WAIT, None)): "connection missed overflow",
    lambda: App().room("lobby").subscribe(): "close is_closed missed overflow",
    make_server: "abort aclose connections port statistics stop urls wait_closed",
}
CLASSES = [
    "Request",
    "App",
    "Room",
    "WebSocket",
    "ClientWebSocket",
    "ReconnectingWebSocket",
    "what connect returns",
    "what reconnecting returns",
    "OutboxChannel",
    "MessageReader",
    "MessageWriter",
    "Member",
    "Subscription",
    "Server",
]


@pytest.mark.parametrize(("make", "names"), SHOWN.items(), ids=CLASSES)
async def test_an_object_shows_its_documented_names_and_no_other(make: Any, names: str) -> None:
    assert [name for name in dir(make()) if not name.startswith("_")] == sorted(names.split())


@pytest.mark.parametrize(
    ("kind", "parent", "names"),
    [
        (AppClient, httpx.AsyncClient, "events open_stream websocket"),
        (
            ExpectingWebSocket,
            ClientWebSocket,
            "expect_bytes expect_close expect_json expect_nothing expect_text",
        ),
    ],
)
def test_the_kit_adds_only_its_documented_names(kind: type, parent: type, names: str) -> None:
    added = set(dir(kind)) - set(dir(parent))
    assert sorted(name for name in added if not name.startswith("_")) == sorted(names.split())


@pytest.mark.parametrize("names", SHOWN.values(), ids=CLASSES)
def test_every_name_that_is_shown_is_on_a_page(names: str) -> None:
    code = "\n".join("\n".join(CODE.findall(page.read_text(encoding="utf-8"))) for page in PAGES)
    written = set(re.findall(r"\w+", code))
    assert not set(names.split()) - written

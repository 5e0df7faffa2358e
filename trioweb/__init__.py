"""trioweb: a web framework for Trio in which WebSockets come first."""

from typing import TYPE_CHECKING, NoReturn

from trioweb._client.connect import connect, connect_stream
from trioweb._client.reconnecting import reconnecting
from trioweb._client.reconnecting_websocket import ReconnectingWebSocket
from trioweb._client.retry import Retry
from trioweb._client.websocket import ClientWebSocket
from trioweb._routing.router import Router
from trioweb._server.instruments import ServerStatistics
from trioweb._server.program import run
from trioweb._server.serve import serve, serve_stream
from trioweb._server.server import Server
from trioweb._web.address import Address
from trioweb._web.files.file import File
from trioweb._web.forms.fields import Fields
from trioweb._web.forms.form import Form, Uploads
from trioweb._web.forms.upload import Upload
from trioweb._web.query import Query
from trioweb._web.request import Request
from trioweb._web.response import HTML, JSON, Redirect, Response, Text
from trioweb._web.streams.event_stream import EventStream
from trioweb._web.streams.server_sent_event import ServerSentEvent
from trioweb._web.streams.stream import Stream
from trioweb._web.websocket import WebSocket
from trioweb._websocket.outbox_channel import OutboxStatistics
from trioweb.app import App
from trioweb.closing import Close, CloseCode
from trioweb.config import Config, Deflate, Limits, Timeouts
from trioweb.errors import (
    AlreadyClosed,
    BadHandshake,
    CloseWebSocket,
    ConfigError,
    ConnectFailed,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    ConnectTimedOut,
    DuplicateRoute,
    HandshakeRejected,
    HTTPError,
    InvalidURL,
    LocalProtocolError,
    OutboxFull,
    PatternError,
    ReceiveBusy,
    RemoteProtocolError,
    SetupError,
    TriowebError,
)
from trioweb.foreign_names import refuse_module_name
from trioweb.headers import Headers
from trioweb.rooms import Member, Overflow, Room, RoomStatistics, Subscription

if not TYPE_CHECKING:  # or checkers would take every name for one of ours

    def __getattr__(name: str) -> NoReturn:
        refuse_module_name(name)


__version__ = "0.1.0"

__all__ = [
    "HTML",
    "JSON",
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
    "HTTPError",
    "HandshakeRejected",
    "Headers",
    "InvalidURL",
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

# Tracebacks and documentation show the names that users write.
for _thing in [globals()[name] for name in __all__]:
    _thing.__module__ = __name__

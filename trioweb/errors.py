"""Every exception that trioweb raises.

TriowebError
├── SetupError                  raised before serving: the program is wrong
│   ├── PatternError            a route's path cannot be read
│   ├── DuplicateRoute          two routes would answer the same request
│   └── ConfigError             a setting has a value that cannot work
├── InvalidURL                  + ValueError: the URL is not that of a WebSocket
├── HTTPError                   a handler raises it to send an error status
│   ├── HandshakeRejected       the handshake was refused with that status, by this side or by the server
│   └── MissingField            + KeyError: the request lacks a field that the handler needs, 400
├── ProtocolError               abstract
│   ├── LocalProtocolError      the program asked for something illegal: a bug
│   └── RemoteProtocolError     the peer broke the protocol; `status` or `close_code` answers it
│       ├── MessageTooBig       1009
│       ├── BodyTooLarge        413
│       └── HeadersTooLarge     431
├── ConnectFailed               + OSError: a client got no connection; `phase` says how far it got
│   ├── ConnectTimedOut         + TimeoutError + trio.TooSlowError: it took longer than `Timeouts.connect_seconds`
│   └── BadHandshake            + RemoteProtocolError: the answer is not the one to a WebSocket handshake
├── ConnectionClosed            abstract
│   ├── ConnectionClosedOK      + trio.EndOfChannel: 1000, 1001, 1005
│   ├── ConnectionClosedError   + trio.BrokenResourceError: every other code
│   └── AlreadyClosed           + trio.ClosedResourceError: you closed it yourself
├── CloseWebSocket              a handler raises it to close with a code of its own
├── OutboxFull                  + trio.WouldBlock: there is no room now
└── ReceiveBusy                 + trio.BusyResourceError: another task is receiving
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal

import trio

from trioweb.closing import QUIET_CODES, Close, CloseCode, complaint
from trioweb.excerpts import excerpt, one_line, shown_url
from trioweb.header_mapping import Headers, HeaderSource
from trioweb.phrases import phrase

__all__ = [
    "AlreadyClosed",
    "BadHandshake",
    "BodyTooLarge",
    "CloseWebSocket",
    "ConfigError",
    "ConnectFailed",
    "ConnectTimedOut",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "DuplicateRoute",
    "HTTPError",
    "HandshakeRejected",
    "HeadersTooLarge",
    "InvalidURL",
    "LocalProtocolError",
    "MessageTooBig",
    "MissingField",
    "OutboxFull",
    "PatternError",
    "ProtocolError",
    "ReceiveBusy",
    "RemoteProtocolError",
    "SetupError",
    "TriowebError",
]


class TriowebError(Exception):
    """The base class: `except TriowebError` catches every exception of trioweb's own."""


class SetupError(TriowebError):
    """The program is wrong; raised before anything is served."""


class PatternError(SetupError):
    """A route's path cannot be read."""


class DuplicateRoute(SetupError):
    """Two routes would answer the same request, or share a name."""


class ConfigError(SetupError):
    """A setting has a value that cannot work."""


class InvalidURL(TriowebError, ValueError):
    """The URL is not that of a WebSocket; nothing was sent."""


class HTTPError(TriowebError):
    """Raise this in a handler to send an error status, or to refuse a handshake.

    Args:
        status: 400 to 599.
        detail: An explanation for people; the status's standard phrase if empty.
        headers: Header fields to add to the response.

    Raises:
        LocalProtocolError: `status` is not an error status.
    """

    def __init__(self, status: int, detail: str = "", headers: Mapping[str, str] | None = None) -> None:
        if not isinstance(status, int) or not 400 <= status <= 599:  # type: ignore[redundant-expr]
            raise LocalProtocolError(f"HTTPError takes a status from 400 to 599, not {status!r}")
        self.status = int(status)
        self.detail = detail or phrase(self.status)
        self.headers: dict[str, str] = dict(headers or {})
        super().__init__(status, self.detail)

    def __str__(self) -> str:
        return f"{self.status} {self.detail}"


class HandshakeRejected(HTTPError):
    """The WebSocket handshake was refused with this status (RFC 6455 §4.2.2).

    A server raises it about a handshake that it has refused. A client raises it when the server answers
    with any status but 101, a redirect for instance; `status`, `headers` and `body` are the server's then.

    Attributes:
        headers: The fields, by names in any case, with `get_all` for repeated ones.
        body: The body of the server's response, up to 64 KiB.
        is_body_complete: Whether `body` is all of it: not cut, broken off or malformed.
        was_received: Whether a server has sent this to a client. In a handler, that is not an answer
            to the handler's own client: uncaught, it is a failure like any other.

    Raises:
        LocalProtocolError: `status` is not an error status, and there is no body.
    """

    headers: Headers  # type: ignore[assignment]

    def __init__(
        self,
        status: int,
        detail: str = "",
        headers: HeaderSource | None = None,
        *,
        body: bytes | None = None,
        is_body_complete: bool = True,
    ) -> None:
        if body is None:
            super().__init__(status, detail)
        else:
            TriowebError.__init__(self, status, detail)  # any status refuses, a 200 too
            self.status, self.detail = status, detail
        self.headers = Headers(headers or ())  # pyright: ignore[reportIncompatibleVariableOverride]
        self.body = body or b""
        self.is_body_complete = is_body_complete
        self.was_received = body is not None

    def __str__(self) -> str:
        if not self.was_received:
            return super().__str__()
        said = f", and said {excerpt(self.body, 200)}" if self.body else ""
        location = self.headers.get("location") if 300 <= self.status < 400 else None
        advice = f" to {shown_url(location)} (most_redirects=... follows)" if location else ""
        answer = f"{self.status} {one_line(self.detail[:80])}".rstrip()
        return f"the server answered the handshake with {answer}{advice}, not with 101{said}"


class MissingField(HTTPError, KeyError):
    """The request lacks a field, cookie or file that the handler asked for by name: 400.

    A client that leaves something out is not a bug in the program, so this is not logged as one.
    For an optional field, catch it as `KeyError`, or use `get`, `in` or `read(name, default=...)`.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST, detail)
        self.args = (detail,)  # with which it is copied and pickled


class ProtocolError(TriowebError):
    """Abstract: one side broke a protocol. Only the subclasses are raised."""

    def __init__(self, *args: object) -> None:
        if type(self) is ProtocolError:
            raise TypeError("ProtocolError is abstract: raise the Local or the Remote one")
        super().__init__(*args)


class LocalProtocolError(ProtocolError):
    """The program asked for something illegal, and nothing was sent: a bug in the caller."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the rules of HTTP or WebSocket: a status or a close code answers that.

    Args:
        message: What the peer did, and what was expected.
        status: The HTTP status that answers it.
        close_code: The close code that answers it; 1002 if there is no status either.
        answer: Either of the two; for programs written when there was only this one.

    Attributes:
        status: The HTTP status that answers it, or `None` on a WebSocket.
        close_code: The close code that answers it, or `None` for a request. Exactly one is set.

    Raises:
        LocalProtocolError: More than one of `status`, `close_code` and `answer` is given.
    """

    status: int | None = None
    close_code: int | None = CloseCode.PROTOCOL_ERROR

    def __init__(
        self,
        message: str,
        status: int | None = None,
        *,
        close_code: int | None = None,
        answer: int | None = None,
    ) -> None:
        super().__init__(message)
        given = [code for code in (status, close_code, answer) if code is not None]
        if len(given) > 1:
            raise LocalProtocolError(
                f"a RemoteProtocolError has either a status or a close code, not {given}"
            )
        if not given:
            return
        # Both used to be passed as `status`, and no status is as high as a close code.
        is_close_code = close_code is not None or given[0] >= 1000
        self.status, self.close_code = (None, given[0]) if is_close_code else (given[0], None)

    @property
    def answer(self) -> int:
        """The `status`, or else the `close_code`, which is never below 1000."""
        return self.status or self.close_code or CloseCode.PROTOCOL_ERROR


class MessageTooBig(RemoteProtocolError):
    """A message was longer than `Limits.message_bytes`."""

    close_code = CloseCode.MESSAGE_TOO_BIG


class BodyTooLarge(RemoteProtocolError):
    """A request's body was longer than `Limits.body_bytes`."""

    status, close_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, None


class HeadersTooLarge(RemoteProtocolError):
    """A request's head was longer than `Limits.head_bytes`, or had more than `Limits.head_fields`."""

    status, close_code = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, None


Phase = Literal["TCP", "Unix socket", "proxy", "TLS", "handshake"]


class ConnectFailed(TriowebError, OSError):
    """A client got no connection. Trying again later may help.

    Args:
        message: What happened, and what was expected.
        phase: The step that failed, one of `Phase`; an attribute, too.
    """

    def __init__(self, message: str, phase: Phase) -> None:
        super().__init__(message)
        self.phase: Phase = phase
        self.args = (message, phase)  # with which it is copied and pickled

    def __str__(self) -> str:
        return f"connecting failed ({self.phase}): {self.args[0]}"


class ConnectTimedOut(ConnectFailed, TimeoutError, trio.TooSlowError):
    """A client got no connection within `Timeouts.connect_seconds`; `phase` says what took so long."""


class BadHandshake(ConnectFailed, RemoteProtocolError):
    """The peer's answer is not one to a WebSocket handshake, or to a request for a tunnel."""

    def __init__(self, message: str, phase: Phase = "handshake") -> None:
        super().__init__(message, phase)


class ConnectionClosed(TriowebError):
    """Abstract: the WebSocket has ended.

    Args:
        sent: The close frame that this side sent, if any.
        received: The close frame that the peer sent, if any.
        received_first: Whether the peer's came first; `None` without any close frame.
    """

    def __init__(
        self,
        sent: Close | None = None,
        received: Close | None = None,
        received_first: bool | None = None,
    ) -> None:
        if type(self) is ConnectionClosed:
            raise TypeError("ConnectionClosed is abstract: raise the OK or the Error one")
        super().__init__(sent, received, received_first)
        self.sent = sent
        self.received = received
        self.received_first = received_first

    @property
    def close(self) -> Close:
        """The close frame that ended the connection: the first of the two, or 1006 without any."""
        first = self.received if self.received_first else self.sent
        return first or self.received or Close(CloseCode.ABNORMAL_CLOSURE)

    @property
    def code(self) -> int:
        """The close code that ended the connection; 1006 if the peer vanished."""
        return self.close.code

    @property
    def reason(self) -> str:
        """The reason given with that code."""
        return self.close.reason

    def __str__(self) -> str:
        if self.sent is None and self.received is None:
            return "1006: the peer vanished without a close frame"
        sides = [("received", self.received), ("sent", self.sent)]
        if not self.received_first:
            sides.reverse()
        return ", then ".join(f"{verb} {close}" for verb, close in sides if close is not None)


class ConnectionClosedOK(ConnectionClosed, trio.EndOfChannel):
    """The WebSocket ended normally: with 1000, 1001 or no code at all."""


class ConnectionClosedError(ConnectionClosed, trio.BrokenResourceError):
    """The WebSocket ended with any other code, or the peer vanished (1006)."""


class AlreadyClosed(ConnectionClosed, trio.ClosedResourceError):
    """You closed the WebSocket yourself and then used it again."""


def connection_closed(
    sent: Close | None, received: Close | None, received_first: bool | None
) -> ConnectionClosed:
    """Build the exception that fits how a connection ended."""
    first = received if received_first else sent
    is_quiet = first is not None and first.code in QUIET_CODES
    kind = ConnectionClosedOK if is_quiet else ConnectionClosedError
    return kind(sent, received, received_first)


class CloseWebSocket(TriowebError):
    """Raise this in a handler to close the WebSocket with a code of your own.

    Args:
        code: 1000-1003, 1007-1014 or 3000-4999 (RFC 6455 §7.4.2).
        reason: At most 123 bytes of UTF-8.

    Raises:
        LocalProtocolError: The code or the reason cannot be sent.
    """

    def __init__(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        self.close = checked_close(code, reason)
        super().__init__(self.close.code, self.close.reason)

    @property
    def code(self) -> int:
        """The close code to send."""
        return self.close.code

    @property
    def reason(self) -> str:
        """The reason to send."""
        return self.close.reason


class OutboxFull(TriowebError, trio.WouldBlock):
    """There is no room now: in the outbox, in a subscription, or for another unanswered ping."""


class ReceiveBusy(TriowebError, trio.BusyResourceError):
    """Another task is receiving from this WebSocket; only one task may at a time."""


def checked_close(code: int, reason: str) -> Close:
    """Check the code and the reason that an application gives, and return them as a `Close`.

    Raises:
        LocalProtocolError: The code or the reason cannot be sent (RFC 6455 §5.5.1, §7.4.2).
    """
    problem = complaint(code, reason)
    if problem is not None:
        raise LocalProtocolError(problem)
    return Close(int(code), reason)

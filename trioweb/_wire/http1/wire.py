"""The requests of one connection in HTTP/1.1: bytes in, events out.

h11 parses HTTP/1.1 well, but it is too lenient for a server behind a proxy. It accepts some input that the
proxy may have read differently, and requests are smuggled through such differences (RFC 9112 §11.2). It also
sets no bound for trailers and chunk extensions. So guards check each byte first, and h11 gets only input that
has a single meaning.

A guard that has checked a head has nearly parsed it. So in the usual case its result is used, and h11 does
not decode the head:

| the input                                | who decodes it            | when h11 sees it            |
|------------------------------------------|---------------------------|-----------------------------|
| a head in one piece, without a body      | the guard, as it checks   | before the response is sent |
| a head in several pieces, or with a body | h11                       | at once                     |
| the framing of a body                    | h11                       | at once                     |
| a head that a WebSocket starts with      | one of the first two rows | never, or at once           |

h11 also frames the responses (`response_encoder.py`), so it has to know which request they answer.
`late_h11.py` creates its connection when it is first needed. Most WebSockets start without one, which saves
a good part of the time that a handshake takes.
"""

from __future__ import annotations

import h11

from trioweb._wire.http1.body_decoder import BodyDecoder
from trioweb._wire.http1.events import (
    INPUT_TRANSITIONS,
    Body,
    Ended,
    EndOfBody,
    Http1Event,
    NeedData,
    Paused,
    Stage,
    Step,
)
from trioweb._wire.http1.head_guard import CheckedHead, HeadGuard
from trioweb._wire.http1.late_h11 import GivenUpH11, LateH11
from trioweb._wire.http1.request_head import RequestHead, request_head
from trioweb.errors import LocalProtocolError, RemoteProtocolError
from trioweb.headers import RequestHeaders

__all__ = ["Body", "EndOfBody", "Ended", "Http1Event", "Http1Wire", "NeedData", "Paused", "RequestHead"]

EMPTY_LINES = 4
"""The most empty lines before a request. Some old clients send one after a body (RFC 9112 §2.2)."""


_END_OF_BODY, _NEED_DATA, _PAUSED, _ENDED = EndOfBody(), NeedData(), Paused(), Ended()

_GIVEN_UP = GivenUpH11()

_CR = 0x0D
_HEAD = b"HEAD "

# Looked up only once, because these two moves happen in every request and cannot fail.
_AFTER_HEAD = INPUT_TRANSITIONS[Stage.HEAD, Step.HEAD_READ]
_AFTER_BODY = INPUT_TRANSITIONS[Stage.BODY, Step.BODY_READ]


class Http1Wire:
    """Reads the requests of one connection, one after the other.

    Call `next_event` until it returns `NeedData`, and then `feed` it one more piece. Then at most
    `head_bytes` and the last piece are held while a head arrives. After the head, the caller may feed
    more than it was asked for, and has to limit `held_bytes` itself.

    A client may send its next request before it has its response (pipelining, RFC 9112 §9.3.2). Those
    bytes stay here, unread, until `start_next_request`. h11 never gets them early, because its
    own buffer has no bound.

    Input from a client can only raise `RemoteProtocolError`. A connection that becomes a WebSocket
    keeps nothing of its request here, since it may stay open for days.

    Args:
        head_bytes: How long a head may be. The extensions and trailers of a body have the same bound.
        head_fields: How many fields a head may have.

    Attributes:
        head: The head of the current request, or of one that failed in its body; otherwise `None`.
        is_last: Whether the client, or a response, has said that no request follows this one.
        h11: The `h11.Connection` that reading and framing share, made when it is needed.
    """

    __slots__ = (
        "_body",
        "_empty_lines",
        "_failure",
        "_has_input_ended",
        "_head_bytes",
        "_head_fields",
        "_head_guard",
        "_input",
        "_stage",
        "h11",
        "head",
        "is_last",
    )

    def __init__(self, *, head_bytes: int, head_fields: int = 100) -> None:
        self._head_bytes = head_bytes
        self._head_fields = head_fields
        self.h11: LateH11 = LateH11()
        self._stage = Stage.HEAD
        self._input = bytearray()
        self._has_input_ended = False
        self._failure: RemoteProtocolError | None = None  # set in `Stage.FAILED`, and only there
        self._head_guard: HeadGuard | None = None
        self._body: BodyDecoder | None = None  # of a request that has one
        self.head: RequestHead | None = None
        self._empty_lines = 0
        self.is_last = False

    # Receiving.

    def feed(self, data: bytes) -> None:
        """Take bytes from the client; `b""` means that it has ended its side.

        Raises:
            LocalProtocolError: The connection is a WebSocket's by now, or had ended.
        """
        if self._stage is Stage.SWITCHED or (data and self._has_input_ended):
            raise LocalProtocolError("bytes were fed to HTTP after its end")
        if not data:
            self._has_input_ended = True
        elif self._stage is not Stage.FAILED:
            self._input += data

    def next_event(self) -> Http1Event:
        """Return the next event in the bytes that were fed.

        Raises:
            RemoteProtocolError: The client broke the protocol. Each later call raises the same error:
                bytes after a mistake have no meaning (RFC 9112 §2.2).
            HeadersTooLarge: The head is longer than `head_bytes`, or has too many fields.
            BodyTooLarge: The next chunk of the body announces more than `limit_body` allows.
            LocalProtocolError: A body comes next, and `limit_body` was not called.
        """
        try:
            if self._stage is Stage.HEAD:
                return self._read_head()
            if self._stage is Stage.BODY:
                return self._read_body()
        except RemoteProtocolError as error:
            self._fail(error)
            raise
        if self._failure is not None:
            raise self._failure.with_traceback(None)  # which would grow with each call
        return _PAUSED

    @property
    def held_bytes(self) -> int:
        """How many bytes have been fed and have not become an event."""
        return len(self._input)

    def limit_body(self, body_bytes: int) -> None:
        """Set how long the body of the current request may be; it has no events before that.

        Raises:
            BodyTooLarge: The body is announced to be longer. It can still be read, to be discarded.
            LocalProtocolError: There is no request, or its body is complete.
        """
        if self._stage is not Stage.BODY:
            raise LocalProtocolError("there is no body to limit: expected a request whose body is to come")
        if self._body is not None:  # a request without a body keeps to any limit
            self._body.limit(body_bytes)

    @property
    def has_partial_head(self) -> bool:
        """Whether the head of the next request has begun to arrive, and is incomplete."""
        return self._stage is Stage.HEAD and bool(self._input)

    def _fail(self, failure: RemoteProtocolError) -> None:
        self._failure = failure
        # The method alone still matters: a response to HEAD has no body, even if it is a refusal.
        is_head = self._stage is Stage.HEAD and self._input.startswith(_HEAD)
        del self._input[len(_HEAD) if is_head else 0 :]
        self._move(Step.FAILURE)

    def _move(self, step: Step) -> None:
        stage = INPUT_TRANSITIONS.get((self._stage, step))
        if stage is None:
            raise LocalProtocolError(f"{step.name} does not follow when the input is {self._stage.name}")
        self._stage = stage

    def _read_head(self) -> Http1Event:
        # A response has been sent already, such as 408 to a head that took too long. Nothing can follow it.
        if not self.h11.is_idle:
            return _PAUSED
        if self._input.startswith(b"\r\n"):
            self._skip_empty_lines()
        if not self._input:
            return _ENDED if self._has_input_ended else _NEED_DATA
        checked = self._check_head()
        if checked is None:
            if self._has_input_ended:
                raise RemoteProtocolError("the peer ended its side within the head of a request", 400)
            return _NEED_DATA
        data = bytes(self._input[: checked.size_bytes])
        if checked.headers is not None and checked.content_bytes == 0:
            self.h11.unseen_head = data
            head = request_head(checked, checked.method, checked.target.text, checked.headers)
        else:
            head = self._decode_head(data, checked)
        del self._input[: checked.size_bytes]
        # Persistent connections were never standardised for HTTP/1.0. h11 closes them, and so does this.
        self.is_last = head.http_version == "1.0" or b"close" in checked.connection
        self.head = head
        self._head_guard = None
        self._stage = _AFTER_HEAD
        return head

    def _check_head(self) -> CheckedHead | None:
        if len(self._input) == 1 and self._input[0] == _CR:  # half of an empty line, perhaps
            return None
        if self._head_guard is None:
            self._head_guard = HeadGuard(self._head_bytes, self._head_fields)
        return self._head_guard.check(self._input)

    def _decode_head(self, data: bytes, checked: CheckedHead) -> RequestHead:
        """Let h11 decode a head that has a body, whose framing h11 has to know, or that came in pieces."""
        event = self.h11.decode(data)
        assert isinstance(event, h11.Request)
        if checked.content_bytes == 0:
            self.h11.decode(b"")  # the end of a request without a body follows at once
        else:
            self._body = BodyDecoder(self.h11, checked.content_bytes, overhead_bytes=self._head_bytes)
        fields = [
            (name.decode("ascii"), value.decode("latin-1")) for name, value in event.headers.raw_items()
        ]
        return request_head(
            checked, event.method.decode("ascii"), event.target.decode("ascii"), RequestHeaders(fields)
        )

    def _skip_empty_lines(self) -> None:
        while self._input.startswith(b"\r\n"):
            self._empty_lines += 1
            if self._empty_lines > EMPTY_LINES:
                raise RemoteProtocolError(f"more than {EMPTY_LINES} empty lines before a request", 400)
            del self._input[:2]

    def _read_body(self) -> Http1Event:
        body = self._body
        if body is not None:
            if piece := body.take(self._input):
                return Body(piece)
            if not body.has_ended:
                if self._has_input_ended:  # RFC 9112 §8: the request is incomplete
                    raise RemoteProtocolError("the peer ended its side within the body of a request", 400)
                return _NEED_DATA
        self._stage = _AFTER_BODY
        return _END_OF_BODY

    # For the responses.

    @property
    def has_failed(self) -> bool:
        """Whether the client has broken the protocol, so that nothing more of its input is read."""
        return self._stage is Stage.FAILED

    @property
    def asks_for_head(self) -> bool:
        """Whether the request is a HEAD, even one that was refused (RFC 9110 §9.3.2)."""
        return self._input.startswith(_HEAD) if self.head is None else self.head.method == "HEAD"

    @property
    def awaits_continue(self) -> bool:
        """Whether the client holds its body back until it gets 100 Continue (RFC 9110 §10.1.1).

        If some of the body has arrived, the client did not wait, and needs no interim response.
        """
        return (
            self.head is not None
            and self.head.expects_continue
            and self._stage is Stage.BODY
            and self.h11.awaits_continue
            and not self._input
        )

    # From one request to the next, or to a WebSocket.

    @property
    def can_keep_alive(self) -> bool:
        """Whether another request may follow when this one and its response are complete.

        None may follow a mistake of either side, or a request or response that said it was the last.
        """
        if self.is_last or self._stage in {Stage.FAILED, Stage.SWITCHED}:
            return False
        return not self.h11.must_close

    def start_next_request(self) -> None:
        """Continue with the next request, whose bytes may be here already.

        Raises:
            LocalProtocolError: The request or its response is not complete, or the connection has
                to close.
        """
        if not (self.can_keep_alive and self.h11.is_response_complete):
            raise LocalProtocolError(
                "the next request cannot start: this response is the last, or not complete"
            )
        self._move(Step.NEXT_REQUEST)
        self.h11.start_next_cycle()
        self.head = self._body = None
        self._empty_lines = 0
        # An old client may send an empty line after a body. It does not begin a request: the connection is idle.
        if bytes(self._input[:3]) == b"\r\n":
            self._empty_lines = 1
            self._input.clear()

    def switch_to_websocket(self) -> bytes:
        """Give up the connection, and return the bytes that came after the request.

        They are the first frames of a client that did not wait for its response (RFC 6455 §4.1).

        Raises:
            LocalProtocolError: There is no request, it has a body, or a response was begun.
        """
        if not self.h11.is_response_due:
            raise LocalProtocolError("no WebSocket can start here: expected a request without a response")
        if self._stage is Stage.BODY and self._body is None:
            self._stage = _AFTER_BODY  # no task has asked for the end of a body that does not exist
        self._move(Step.SWITCH)
        data = bytes(self._input)
        self._input.clear()
        self.head = self._body = None
        self.h11 = _GIVEN_UP  # an open WebSocket keeps no parser
        return data

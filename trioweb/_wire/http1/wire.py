"""The requests of one connection in HTTP/1.1: bytes in, events out.

h11 parses HTTP/1.1 well, and it is more lenient than a server may be that sits behind proxies: it accepts
some of what a proxy may have read differently, and such a difference is how requests are smuggled
(RFC 9112 §11.2). It also bounds neither trailers nor chunk extensions. So guards judge each byte first, and
h11 gets only input on which it cannot differ from anybody.

A guard that has judged a head has nearly parsed it. In the usual case it therefore hands over what it
found, and h11 is not asked:

| the input                                | who decodes it            | when h11 sees it            |
|------------------------------------------|---------------------------|-----------------------------|
| a head in one piece, without a body      | the guard, while it judges | before the response is sent |
| a head in several pieces, or with a body | h11                       | at once                     |
| the framing of a body                    | h11                       | at once                     |
| a head that a WebSocket starts with      | one of the first two rows | never, or at once           |

h11 also frames the responses (`response_encoder.py`), so it has to know which request they answer. It is
made when it is first needed. Most WebSockets start without it, which saves a good part of the handshake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import h11

from trioweb._wire.http1.body_guard import ChunkGuard, LengthGuard
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
from trioweb._wire.http1.request_head import RequestHead, request_head
from trioweb.errors import BodyTooLarge, LocalProtocolError, RemoteProtocolError
from trioweb.headers import RequestHeaders

__all__ = ["Body", "EndOfBody", "Ended", "Http1Event", "Http1Wire", "NeedData", "Paused", "RequestHead"]

EMPTY_LINES = 4
"""Empty lines before a request. Some old clients send one after a body (RFC 9112 §2.2), none sends many."""


_END_OF_BODY, _NEED_DATA, _PAUSED, _ENDED = EndOfBody(), NeedData(), Paused(), Ended()

_CR = 0x0D
_HEAD = b"HEAD "

# Looked up once: these two moves happen with every request, and cannot fail.
_BEHIND_HEAD = INPUT_TRANSITIONS[Stage.HEAD, Step.HEAD_READ]
_BEHIND_BODY = INPUT_TRANSITIONS[Stage.BODY, Step.BODY_READ]


class Http1Wire:
    """Reads the requests of one connection, one after the other.

    Call `next_event` until it returns `NeedData`, and then `feed` it one more piece. That bounds what
    is held while a head comes: `head_bytes`, and the piece fed last. After the head more may be fed
    than is asked for; the caller then has to mind `held_bytes` itself.

    A client may send its next request before it has its response (pipelining, RFC 9112 §9.3.2). Those
    bytes stay here, unread, until `start_next_request`. h11 never gets them early, because its
    own buffer has no bound.

    Nothing that a client sends raises anything but `RemoteProtocolError`. A connection that becomes a
    WebSocket keeps nothing of its request here, as it may stay open for days.

    Args:
        head_bytes: How long a head may be; and the extensions and trailers of a body together.
        head_fields: How many fields a head may have.

    Attributes:
        head: The head of the current request, or of the one that failed after its head; else `None`.
        is_last: Whether the client, or a response, has said that no request follows this one.
    """

    __slots__ = (
        "_body_guard",
        "_empty_lines",
        "_failure",
        "_h11",
        "_has_body_ended",
        "_has_input_ended",
        "_head_bytes",
        "_head_fields",
        "_head_guard",
        "_input",
        "_stage",
        "_unseen_head",
        "head",
        "is_last",
    )

    def __init__(self, *, head_bytes: int, head_fields: int = 100) -> None:
        self._head_bytes = head_bytes
        self._head_fields = head_fields
        self._h11: h11.Connection | None = None
        self._unseen_head = b""  # of a request that h11 has not seen yet
        self._stage = Stage.HEAD
        self._input = bytearray()
        self._has_input_ended = False
        self._failure: RemoteProtocolError | None = None
        self._head_guard: HeadGuard | None = None
        self._body_guard: LengthGuard | ChunkGuard | None = None
        self.head: RequestHead | None = None
        self._empty_lines = 0
        self._has_body_ended = False
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
        """Return what the fed bytes say next.

        Raises:
            RemoteProtocolError: The client broke the protocol. Each later call raises the same error:
                bytes after a mistake have no meaning (RFC 9112 §2.2).
            HeadersTooLarge: The head is longer than `head_bytes`, or has too many fields.
            BodyTooLarge: The next chunk of the body announces more than `limit_body` allows.
            LocalProtocolError: A body comes next, and `limit_body` was not called.
        """
        if self._failure is not None:
            raise self._failure.with_traceback(None)  # which would grow with each call
        try:
            return self._read_head() if self._stage is Stage.HEAD else self._READERS[self._stage](self)
        except RemoteProtocolError as error:
            self._fail(error)
            raise
        except h11.RemoteProtocolError as error:
            failure = RemoteProtocolError(str(error), error.error_status_hint)
            self._fail(failure)
            raise failure from None

    @property
    def held_bytes(self) -> int:
        """How many bytes are here that have not become an event."""
        return len(self._input)

    def limit_body(self, body_bytes: int) -> None:
        """Set how long the body of the current request may be, before its first event.

        Limits depend on the route, and the route on the head, so the limit cannot come with the
        others. Instead of a default, a body has no events until its limit is set: a default would
        have to be unlimited, for the sake of the route with the highest limit, and forgetting the
        call would then go unnoticed.

        Raises:
            BodyTooLarge: The body is announced to be longer. It can still be read, to be thrown away.
            LocalProtocolError: There is no request, or its body is complete.
        """
        if self._stage is not Stage.BODY or self.head is None:
            raise LocalProtocolError("there is no body to limit: expected a request whose body is to come")
        content_bytes = self.head.content_bytes
        if content_bytes is None:
            self._body_guard = ChunkGuard(body_bytes=body_bytes, head_bytes=self._head_bytes)
            return
        self._body_guard = LengthGuard(content_bytes)
        # Refused by its announcement, before a byte of it is awaited (RFC 9110 §15.5.14).
        if content_bytes > body_bytes:
            raise BodyTooLarge(
                f"a body of {content_bytes} bytes was announced, and at most {body_bytes} are taken"
                " (Limits.body_bytes)"
            )

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
        # There is a response already, such as 408 to a head that took too long: nothing can follow it.
        if self._h11 is not None and self._h11.our_state is not h11.IDLE:
            return _PAUSED
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
            self._unseen_head = data
            self._has_body_ended = True
            head = request_head(checked, checked.method, checked.target.text, checked.headers)
        else:
            head = self._decode_head(data, checked)
        del self._input[: checked.size_bytes]
        # Keeping connections of HTTP/1.0 was never standardised; h11 closes them, and so does this.
        self.is_last = head.http_version == "1.0" or b"close" in checked.connection
        self.head = head
        self._head_guard = None
        self._stage = _BEHIND_HEAD
        return head

    def _check_head(self) -> CheckedHead | None:
        if len(self._input) == 1 and self._input[0] == _CR:  # half of an empty line, perhaps
            return None
        if self._head_guard is None:
            self._head_guard = HeadGuard(self._head_bytes, self._head_fields)
        return self._head_guard.check(self._input)

    def _decode_head(self, data: bytes, checked: CheckedHead) -> RequestHead:
        """Let h11 decode a head: it has to know the framing of a body, and heads in pieces are rare."""
        event = self._h11_event(data)
        assert isinstance(event, h11.Request)
        if checked.content_bytes == 0:
            self._decode(b"")  # without a body its end comes at once, and nobody sets a limit
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
        while not self._has_body_ended:
            if self._body_guard is None:
                raise LocalProtocolError("the body has no limit yet: call limit_body before reading it")
            taken = self._body_guard.take(self._input)
            if data := self._decode(taken):
                return Body(data)
            if not taken and not self._has_body_ended:
                if self._has_input_ended:  # RFC 9112 §8: incomplete, whatever has come
                    raise RemoteProtocolError("the peer ended its side within the body of a request", 400)
                return _NEED_DATA
        self._stage = _BEHIND_BODY
        return _END_OF_BODY

    def _decode(self, taken: bytes) -> bytes:
        """Let h11 remove the framing and find the end."""
        pieces: list[bytes] = []
        event = self._h11_event(taken)
        while isinstance(event, h11.Data):
            pieces.append(event.data)
            event = self._h11_event(b"")
        self._has_body_ended = isinstance(event, h11.EndOfMessage)
        return b"".join(pieces)

    def _h11_event(self, taken: bytes) -> object:
        connection = self.h11_connection()
        if taken:
            connection.receive_data(taken)
        return connection.next_event()

    def _read_nothing(self) -> Http1Event:
        return _PAUSED

    _READERS: ClassVar[dict[Stage, Callable[[Http1Wire], Http1Event]]] = {
        Stage.HEAD: _read_head,
        Stage.BODY: _read_body,
        Stage.COMPLETE: _read_nothing,
        Stage.SWITCHED: _read_nothing,
    }

    # For the responses.

    def h11_connection(self) -> h11.Connection:
        """Return h11's side of the connection, which has seen all that was read.

        Raises:
            LocalProtocolError: The connection has become a WebSocket.
        """
        if self._stage is Stage.SWITCHED:
            raise LocalProtocolError("the connection is a WebSocket's and no longer takes HTTP responses")
        if self._h11 is None:
            self._h11 = h11.Connection(h11.SERVER)
        if self._unseen_head:
            head, self._unseen_head = self._unseen_head, b""
            self._h11.receive_data(head)
            self._h11.next_event()  # the request
            self._h11.next_event()  # and its end, for it has no body
        return self._h11

    def forget_h11(self) -> None:
        """Let h11 start from scratch, as if nothing had been read."""
        self._h11 = None

    @property
    def has_failed(self) -> bool:
        """Whether the client has broken the protocol, so that nothing more of its input is read."""
        return self._failure is not None

    @property
    def asks_for_head(self) -> bool:
        """Whether a response would answer a HEAD, even one whose head was refused (RFC 9110 §9.3.2)."""
        return self._input.startswith(_HEAD) if self.head is None else self.head.method == "HEAD"

    @property
    def awaits_continue(self) -> bool:
        """Whether the client holds its body back until it gets 100 Continue (RFC 9110 §10.1.1).

        If some of the body is here, it did not wait after all, and needs no interim response.
        """
        return (
            self.head is not None
            and self.head.expects_continue
            and self._stage is Stage.BODY
            and self._h11 is not None
            and self._h11.they_are_waiting_for_100_continue
            and not self._input
        )

    # From one request to what follows.

    @property
    def can_keep_alive(self) -> bool:
        """Whether another request may follow when this one and its response are complete.

        It may not after a mistake of either side, or if one of them has said that this is the last.
        """
        if self.is_last or self._stage in {Stage.FAILED, Stage.SWITCHED}:
            return False
        return self._h11 is None or self._h11.our_state not in {h11.ERROR, h11.MUST_CLOSE}

    def start_next_request(self) -> None:
        """Continue with the next request, whose bytes may be here already.

        Raises:
            LocalProtocolError: The request or its response is not complete, or the connection has
                to close.
        """
        if not self.can_keep_alive or self._h11 is None or self._h11.our_state is not h11.DONE:
            raise LocalProtocolError(
                "the next request cannot start: this response is the last, or not complete"
            )
        self._move(Step.NEXT_REQUEST)
        self._h11.start_next_cycle()
        self.head = None
        self._body_guard = None
        self._has_body_ended = False
        self._empty_lines = 0
        # The empty line of an old client is not the start of a request: the connection is idle.
        if bytes(self._input[:3]) == b"\r\n":
            self._empty_lines = 1
            self._input.clear()

    def switch_to_websocket(self) -> bytes:
        """Give up the connection, and return the bytes that came after the request.

        They are the first frames of a client that did not wait for its response (RFC 6455 §4.1).

        Raises:
            LocalProtocolError: There is no request, it has a body, or a response was begun.
        """
        is_answered = self._h11 is None or self._h11.our_state is not h11.SEND_RESPONSE
        if is_answered and not self._unseen_head:
            raise LocalProtocolError("no WebSocket can start here: expected a request without a response")
        if self.head is not None and self.head.content_bytes == 0 and self._stage is Stage.BODY:
            self._read_body()
        self._move(Step.SWITCH)
        data = bytes(self._input)
        self._input.clear()
        self._h11 = self.head = self._body_guard = None
        self._unseen_head = b""
        return data

"""The server's side of HTTP/1.1: h11 behind one class that owns its gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import h11

from trioweb._wire.body_guard import ChunkGuard, LengthGuard
from trioweb._wire.head_guard import CheckedHead, HeadGuard
from trioweb._wire.http1_events import (
    TRANSITIONS,
    Body,
    Ended,
    EndOfBody,
    Http1Event,
    NeedData,
    Paused,
    Stage,
    Step,
)
from trioweb._wire.request_head import RequestHead
from trioweb.errors import BodyTooLarge, LocalProtocolError, RemoteProtocolError, phrase
from trioweb.headers import Headers, check_field

__all__ = ["Body", "EndOfBody", "Ended", "Http1Event", "Http1Wire", "NeedData", "Paused", "RequestHead"]

EMPTY_LINES = 4
"""Some clients send CRLF behind a body; more than a few is no client (RFC 9112 §2.2)."""


_END_OF_BODY, _NEED_DATA, _PAUSED, _ENDED = EndOfBody(), NeedData(), Paused(), Ended()

# What no answer of these statuses has, whatever its fields say (RFC 9112 §6.3).
_BODILESS = frozenset({204, 304})

# This class frames every answer itself: what else said so could only disagree with it.
_FRAMING = frozenset({"content-length", "transfer-encoding", "keep-alive"})


class Http1Wire:
    """Bytes in, requests out; answers in, bytes out. One request after the other.

    Call `next_event` until it gives `NeedData`, and only then `feed` one more piece:
    held are at most `head_bytes` and the piece fed last. Bytes of a request that follows
    early wait in their place until `start_next_request` (pipelining, RFC 9112 §9.3.2).

    Every byte is judged here before h11 gets it, and h11 gets only bytes of the request
    that is being read. Whatever the peer sends, `RemoteProtocolError` is all that is raised.

    Args:
        head_bytes: How long a head may be; likewise chunk extensions and trailers together.
        body_bytes: How long a body may be.
    """

    def __init__(self, *, head_bytes: int, body_bytes: int) -> None:
        self._head_bytes = head_bytes
        self._body_bytes = body_bytes
        self._h11 = h11.Connection(h11.SERVER)
        self._stage = Stage.HEAD
        self._input = bytearray()
        self._has_input_ended = False
        self._failure: RemoteProtocolError | None = None
        self._head_guard = HeadGuard(head_bytes)
        self._body_guard: LengthGuard | ChunkGuard = LengthGuard(0)
        self._head: RequestHead | None = None
        self._empty_lines = 0
        self._has_h11_ended = False
        self._is_bodiless = False
        self._is_last = False

    # Receiving.

    def feed(self, data: bytes) -> None:
        """Take what the peer sent; `b""` says that it has ended its side.

        Raises:
            LocalProtocolError: The connection is a WebSocket's by now, or had ended.
        """
        if self._stage is Stage.SWITCHED or (data and self._has_input_ended):
            raise LocalProtocolError("bytes were fed to HTTP behind its end")
        if not data:
            self._has_input_ended = True
        elif self._stage is not Stage.FAILED:
            self._input += data

    def next_event(self) -> Http1Event:
        """Return what the fed bytes say next.

        Raises:
            RemoteProtocolError: The peer broke the protocol; `answer` is the status to
                tell it. Every later call raises the same.
            BodyTooLarge: The body is, or says that it is, longer than `body_bytes`.
            HeadersTooLarge: The head is longer than `head_bytes`.
        """
        if self._failure is not None:
            raise self._failure.with_traceback(None)
        try:
            return self._READERS[self._stage](self)
        except RemoteProtocolError as error:
            self._fail(error)
            raise
        except h11.RemoteProtocolError as error:
            failure = RemoteProtocolError(str(error), error.error_status_hint)
            self._fail(failure)
            raise failure from None

    @property
    def has_partial_head(self) -> bool:
        """Whether bytes of a request are here whose head is not complete."""
        return self._stage is Stage.HEAD and bool(self._input)

    def _fail(self, failure: RemoteProtocolError) -> None:
        self._failure = failure
        self._input.clear()
        self._move(Step.FAILURE)

    def _move(self, step: Step) -> None:
        stage = TRANSITIONS.get((self._stage, step))
        if stage is None:
            raise LocalProtocolError(f"{step.name} does not follow when the input is {self._stage.name}")
        self._stage = stage

    def _read_head(self) -> Http1Event:
        if self._h11.our_state is not h11.IDLE:  # answered before its head was there, with 408 for one
            return _PAUSED
        self._skip_empty_lines()
        if not self._input:
            return _ENDED if self._has_input_ended else _NEED_DATA
        checked = self._head_guard.check(self._input) if bytes(self._input[:2]) != b"\r" else None
        if checked is None:
            if self._has_input_ended:
                raise RemoteProtocolError("the peer ended its side within the head of a request", 400)
            return _NEED_DATA
        # A declared length is refused before anything of it is read (RFC 9110 §15.5.14).
        if checked.content_bytes is not None and checked.content_bytes > self._body_bytes:
            raise BodyTooLarge(
                f"a body of {checked.content_bytes} bytes was announced, and at most"
                f" {self._body_bytes} are taken (Limits.body_bytes)"
            )
        event = self._h11_event(bytes(self._input[: checked.size_bytes]))
        del self._input[: checked.size_bytes]
        assert isinstance(event, h11.Request)
        self._head = head = _request_head(event, checked)
        if head.content_bytes is None:
            self._body_guard = ChunkGuard(body_bytes=self._body_bytes, head_bytes=self._head_bytes)
        else:
            self._body_guard = LengthGuard(head.content_bytes)
        # Connections of HTTP/1.0 end with their answer, which is what h11 has them do.
        self._is_last = head.http_version == "1.0" or b"close" in checked.connection
        self._move(Step.HEAD_READ)
        return head

    def _skip_empty_lines(self) -> None:
        while self._input.startswith(b"\r\n"):
            self._empty_lines += 1
            if self._empty_lines > EMPTY_LINES:
                raise RemoteProtocolError(f"more than {EMPTY_LINES} empty lines before a request", 400)
            del self._input[:2]

    def _read_body(self) -> Http1Event:
        while not self._has_h11_ended:
            taken = self._body_guard.take(self._input)
            if data := self._decode(taken):
                return Body(data)
            if not taken and not self._has_h11_ended:
                if self._has_input_ended:  # RFC 9112 §8: incomplete, whatever has come
                    raise RemoteProtocolError("the peer ended its side within the body of a request", 400)
                return _NEED_DATA
        self._move(Step.BODY_READ)
        return _END_OF_BODY

    def _decode(self, taken: bytes) -> bytes:
        """Have h11 take the framing off, and find the end."""
        pieces: list[bytes] = []
        event = self._h11_event(taken)
        while isinstance(event, h11.Data):
            pieces.append(event.data)
            event = self._h11.next_event()
        self._has_h11_ended = isinstance(event, h11.EndOfMessage)
        return b"".join(pieces)

    def _h11_event(self, taken: bytes) -> object:
        if taken:
            self._h11.receive_data(taken)
        return self._h11.next_event()

    def _read_nothing(self) -> Http1Event:
        return _PAUSED

    _READERS: ClassVar[dict[Stage, Callable[[Http1Wire], Http1Event]]] = {
        Stage.HEAD: _read_head,
        Stage.BODY: _read_body,
        Stage.COMPLETE: _read_nothing,
        Stage.SWITCHED: _read_nothing,
    }

    # Sending.

    def encode_continue(self) -> bytes:
        """Return 100 Continue, or nothing if it would make no sense (any more).

        It does while the peer waits for it: it asked, nothing of its body has come, and
        no answer was begun (RFC 9110 §10.1.1).
        """
        is_awaited = (
            self._head is not None
            and self._head.expects_continue
            and self._stage is Stage.BODY
            and self._h11.they_are_waiting_for_100_continue
            and not self._input
        )
        if not is_awaited:
            return b""
        return self._encode(h11.InformationalResponse, status_code=100, headers=[], reason=b"Continue")

    def encode_head(
        self,
        status: int,
        headers: Iterable[tuple[str, str]],
        *,
        content_bytes: int | None,
        is_close: bool,
    ) -> bytes:
        """Return the head of the answer, framed as status, method and version demand.

        Without a length it is chunked, for HTTP/1.0 ended by the end of the connection.
        An answer to HEAD has the fields of one to GET and no body; 204 and 304 have
        neither a body nor a length. After a mistake or a time-out there may be an answer
        without a request, which is the last.

        Args:
            status: 200 to 599.
            headers: More fields; framing ones among them are left out.
            content_bytes: The length of the body, `None` if only its end will tell.
            is_close: Whether this answer is the connection's last.

        Raises:
            LocalProtocolError: `status` or a field cannot be sent, or an answer was begun.
        """
        if not 200 <= status <= 599:
            raise LocalProtocolError(f"an answer has a status from 200 to 599, not {status}")
        fields = [_encoded_field(name, value) for name, value in headers if name.lower() not in _FRAMING]
        if content_bytes is not None and status not in _BODILESS:
            fields.append((b"Content-Length", b"%d" % content_bytes))
        # An answer to what is no request, or no longer, leaves nothing that could follow.
        self._is_last = self._is_last or is_close or self._head is None or self._failure is not None
        if self._is_last:
            fields.append((b"Connection", b"close"))
        self._is_bodiless = status in _BODILESS or (self._head is not None and self._head.method == "HEAD")
        return self._encode(h11.Response, status_code=status, headers=fields, reason=phrase(status).encode())

    def encode_body(self, data: bytes) -> bytes:
        """Return the bytes for one piece of the answer's body; none if it has no body.

        Raises:
            LocalProtocolError: No answer was begun, or it would be longer than was said.
        """
        return b"" if self._is_bodiless or not data else self._encode(h11.Data, data=data)

    def encode_end(self) -> bytes:
        """Return the bytes that end the answer.

        Raises:
            LocalProtocolError: No answer was begun, or it is shorter than was said.
        """
        return self._encode(h11.EndOfMessage)

    def _encode(self, kind: Callable[..., h11.Event], **parts: Any) -> bytes:
        if self._stage is Stage.SWITCHED:
            raise LocalProtocolError("the connection is a WebSocket's: it takes no HTTP answer any more")
        try:
            return self._h11.send(kind(**parts)) or b""
        except h11.LocalProtocolError as error:
            raise LocalProtocolError(f"the answer cannot be sent: {error}") from error

    # From one request to what follows.

    @property
    def can_keep_alive(self) -> bool:
        """Whether another request may follow when this one and its answer are complete.

        Not after a mistake of either side, nor if one of them said that it is the last.
        """
        is_over = self._stage in {Stage.FAILED, Stage.SWITCHED}
        return not (self._is_last or is_over or self._h11.our_state in {h11.ERROR, h11.MUST_CLOSE})

    def start_next_request(self) -> None:
        """Go on to the next request, whose bytes may be here already.

        Raises:
            LocalProtocolError: The request or its answer is not complete, or the
                connection has to close.
        """
        if not self.can_keep_alive or self._h11.our_state is not h11.DONE:
            raise LocalProtocolError("the next request cannot start: this answer is the last or not complete")
        self._move(Step.NEXT_REQUEST)
        self._h11.start_next_cycle()
        self._head_guard = HeadGuard(self._head_bytes)
        self._head = None
        self._has_h11_ended = False
        self._empty_lines = 0
        # So that `has_partial_head` tells an idle connection from one that sends a request.
        if bytes(self._input[:3]) == b"\r\n":
            self._empty_lines = 1
            self._input.clear()

    def switch_to_websocket(self) -> bytes:
        """Give up the connection, and return what came behind the request, in order.

        Those bytes are the first frames of a client that did not wait (RFC 6455 §4.1).

        Raises:
            LocalProtocolError: There is no request, it has a body, or an answer was begun.
        """
        if self._h11.our_state is not h11.SEND_RESPONSE:
            raise LocalProtocolError("no WebSocket can start here: expected a request without an answer")
        if self._head is not None and self._head.content_bytes == 0 and self._stage is Stage.BODY:
            self.next_event()
        self._move(Step.SWITCH)
        data = bytes(self._input)
        self._input.clear()
        return data


def _request_head(event: h11.Request, checked: CheckedHead) -> RequestHead:
    """Put together what h11 read and what the guard found.

    Of an absolute target the host counts, not that of the field (RFC 9112 §3.2.2).
    """
    target = checked.target
    fields = [(name.decode("ascii"), value.decode("latin-1")) for name, value in event.headers.raw_items()]
    if target.authority is not None:
        fields = [field for field in fields if field[0].lower() != "host"]
        fields.insert(0, ("Host", target.authority))
    is_current = checked.http_version == "1.1"
    return RequestHead(
        method=event.method.decode("ascii"),
        target=event.target.decode("ascii"),
        raw_path=target.raw_path,
        query_string=target.query_string,
        headers=Headers(fields),
        http_version=checked.http_version,
        content_bytes=checked.content_bytes,
        is_chunked=checked.content_bytes is None,
        # Both are to be ignored in HTTP/1.0 (RFC 9110 §10.1.1, §7.8).
        expects_continue=is_current and checked.content_bytes != 0 and b"100-continue" in checked.expect,
        wants_websocket=is_current and b"websocket" in checked.upgrade and b"upgrade" in checked.connection,
    )


def _encoded_field(name: str, value: str) -> tuple[bytes, bytes]:
    check_field(name, value)
    return name.encode("ascii"), value.strip(" \t").encode("latin-1")

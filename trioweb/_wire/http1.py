"""The server's side of HTTP/1.1: h11 behind one class that owns its gaps.

The guards judge every byte. Who decodes what they let pass:

| what came                               | who decodes it            | when h11 sees it      |
|-----------------------------------------|---------------------------|-----------------------|
| a head in one piece, and no body to it  | the guard, on its way     | before it is answered |
| any other head: in pieces, or with body | h11                       | at once               |
| the framing of a body                   | h11                       | at once               |
| a head that a WebSocket starts with     | as above                  | in one piece: never   |

h11 frames the answers, so it has to know what they answer. It is made when it is first
needed, and only then: most handshakes are answered without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import h11

from trioweb._wire.answer_fields import BODILESS, answer_fields
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
from trioweb.headers import RequestHeaders

__all__ = ["Body", "EndOfBody", "Ended", "Http1Event", "Http1Wire", "NeedData", "Paused", "RequestHead"]

EMPTY_LINES = 4
"""Some clients send CRLF behind a body; more than a few is no client (RFC 9112 §2.2)."""


_END_OF_BODY, _NEED_DATA, _PAUSED, _ENDED = EndOfBody(), NeedData(), Paused(), Ended()

_CR = 0x0D
_HEAD = b"HEAD "

# Where a reader leaves the stage that it is called in.
_BEHIND_HEAD = TRANSITIONS[Stage.HEAD, Step.HEAD_READ]
_BEHIND_BODY = TRANSITIONS[Stage.BODY, Step.BODY_READ]


class Http1Wire:
    """Bytes in, requests out; answers in, bytes out. One request after the other.

    Call `next_event` until it gives `NeedData`, and only then `feed` one more piece:
    held are at most `head_bytes` and the piece fed last. Behind a head more may be fed
    ahead, as far as whoever feeds minds `held_bytes`. Bytes of a request that follows early
    wait in their place until `start_next_request` (pipelining, RFC 9112 §9.3.2).

    Every byte is judged here before h11 gets it, and h11 gets only bytes of the request
    that is being read. Whatever the peer sends, `RemoteProtocolError` is all that is raised.

    When the connection becomes a WebSocket's, nothing of what was read is kept.

    Args:
        head_bytes: How long a head may be; likewise chunk extensions and trailers together.
        head_fields: How many fields a head may have.
        body_bytes: How long a body may be.
    """

    __slots__ = (
        "_body_bytes",
        "_body_guard",
        "_empty_lines",
        "_failure",
        "_h11",
        "_has_body_ended",
        "_has_input_ended",
        "_head",
        "_head_bytes",
        "_head_fields",
        "_head_guard",
        "_input",
        "_is_bodiless",
        "_is_last",
        "_stage",
        "_unseen_head",
    )

    def __init__(self, *, head_bytes: int, head_fields: int = 100, body_bytes: int) -> None:
        self._head_bytes = head_bytes
        self._head_fields = head_fields
        self._body_bytes = body_bytes
        self._h11: h11.Connection | None = None
        self._unseen_head = b""  # what h11 has still to be told before the answer
        self._stage = Stage.HEAD
        self._input = bytearray()
        self._has_input_ended = False
        self._failure: RemoteProtocolError | None = None
        self._head_guard: HeadGuard | None = None
        self._body_guard: LengthGuard | ChunkGuard | None = None
        self._head: RequestHead | None = None
        self._empty_lines = 0
        self._has_body_ended = False
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
            RemoteProtocolError: The peer broke the protocol; `status` is to
                tell it. Every later call raises the same.
            BodyTooLarge: The body is, or says that it is, longer than `body_bytes`.
            HeadersTooLarge: The head is longer than `head_bytes`, or has too many fields.
        """
        if self._failure is not None:
            raise self._failure.with_traceback(None)
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
        """How much is here that belongs to no event yet."""
        return len(self._input)

    def limit_body(self, body_bytes: int) -> None:
        """Let the body of the request whose head came last be of another length than others.

        To be called before the first of its events is asked for.

        Raises:
            BodyTooLarge: It says that it is longer; it can still be read, to be thrown away.
            LocalProtocolError: There is no such request.
        """
        if self._stage is not Stage.BODY or self._head is None:
            raise LocalProtocolError("there is no body to limit: expected a request whose body is to come")
        if self._head.content_bytes is None:
            self._body_guard = ChunkGuard(body_bytes=body_bytes, head_bytes=self._head_bytes)
        _check_announced(self._head.content_bytes, body_bytes)

    @property
    def has_partial_head(self) -> bool:
        """Whether bytes of a request are here whose head is not complete."""
        return self._stage is Stage.HEAD and bool(self._input)

    def _fail(self, failure: RemoteProtocolError) -> None:
        self._failure = failure
        # Nothing of it has a meaning any more but the method, by which the refusal is framed.
        is_head = self._stage is Stage.HEAD and self._input.startswith(_HEAD)
        del self._input[len(_HEAD) if is_head else 0 :]
        self._move(Step.FAILURE)

    def _move(self, step: Step) -> None:
        stage = TRANSITIONS.get((self._stage, step))
        if stage is None:
            raise LocalProtocolError(f"{step.name} does not follow when the input is {self._stage.name}")
        self._stage = stage

    def _read_head(self) -> Http1Event:
        # Answered before its head was there, with 408 for one.
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
            head = _request_head(checked, checked.method, checked.target.text, checked.headers)
        else:
            head = self._decode_head(data, checked)
        del self._input[: checked.size_bytes]
        # Connections of HTTP/1.0 end with their answer, which is what h11 has them do.
        self._is_last = head.http_version == "1.0" or b"close" in checked.connection
        self._head = head
        self._head_guard = None
        self._stage = _BEHIND_HEAD
        return head

    def _check_head(self) -> CheckedHead | None:
        if len(self._input) == 1 and self._input[0] == _CR:  # maybe half of an empty line
            return None
        if self._head_guard is None:
            self._head_guard = HeadGuard(self._head_bytes, self._head_fields)
        checked = self._head_guard.check(self._input)
        # A declared length is refused before anything of it is read (RFC 9110 §15.5.14).
        if checked is not None and checked.content_bytes:
            _check_announced(checked.content_bytes, self._body_bytes)
        return checked

    def _decode_head(self, data: bytes, checked: CheckedHead) -> RequestHead:
        """Have h11 read a head, and make ready for the body."""
        event = self._h11_event(data)
        assert isinstance(event, h11.Request)
        if checked.content_bytes is None:
            self._body_guard = ChunkGuard(body_bytes=self._body_bytes, head_bytes=self._head_bytes)
        else:
            self._body_guard = LengthGuard(checked.content_bytes)
        fields = [
            (name.decode("ascii"), value.decode("latin-1")) for name, value in event.headers.raw_items()
        ]
        return _request_head(
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
            assert self._body_guard is not None
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
        """Have h11 take the framing off, and find the end."""
        pieces: list[bytes] = []
        event = self._h11_event(taken)
        while isinstance(event, h11.Data):
            pieces.append(event.data)
            event = self._h11_event(b"")
        self._has_body_ended = isinstance(event, h11.EndOfMessage)
        return b"".join(pieces)

    def _h11_event(self, taken: bytes) -> object:
        connection = self._h11_connection()
        if taken:
            connection.receive_data(taken)
        return connection.next_event()

    def _h11_connection(self) -> h11.Connection:
        """Return h11's side of the connection, which knows of all that was read."""
        if self._h11 is None:
            self._h11 = h11.Connection(h11.SERVER)
        if self._unseen_head:
            head, self._unseen_head = self._unseen_head, b""
            self._h11.receive_data(head)
            self._h11.next_event()  # the request
            self._h11.next_event()  # and its end, for it has no body
        return self._h11

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
            and self._h11 is not None
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
        neither a body nor a length, 205 has the length 0. After a mistake or a time-out there
        may be an answer without a request, which is the last.

        Args:
            status: 200 to 599.
            headers: More fields; framing ones among them are left out.
            content_bytes: The length of the body, `None` if only its end will tell.
            is_close: Whether this answer is the connection's last.

        Raises:
            LocalProtocolError: `status` or a field cannot be sent, or an answer was begun.
        """
        is_for_head = self._asks_for_head()
        if is_for_head and self._head is None:
            # The end of the connection ends it, also for who takes it for an answer to something else.
            content_bytes = self._h11 = None
        fields = answer_fields(status, headers, content_bytes)
        # An answer to what is no request, or no longer, leaves nothing that could follow.
        self._is_last = self._is_last or is_close or self._head is None or self._failure is not None
        if self._is_last:
            fields.append((b"Connection", b"close"))
        self._is_bodiless = status in BODILESS or is_for_head
        return self._encode(h11.Response, status_code=status, headers=fields, reason=phrase(status).encode())

    def _asks_for_head(self) -> bool:
        """Say whether the answer is to a HEAD, be it one that was refused as it came (RFC 9110 §9.3.2)."""
        return self._input.startswith(_HEAD) if self._head is None else self._head.method == "HEAD"

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
            return self._h11_connection().send(kind(**parts)) or b""
        except h11.ProtocolError as error:
            raise LocalProtocolError(f"the answer cannot be sent: {error}") from error

    # From one request to what follows.

    @property
    def can_keep_alive(self) -> bool:
        """Whether another request may follow when this one and its answer are complete.

        Not after a mistake of either side, nor if one of them said that it is the last.
        """
        if self._is_last or self._stage in {Stage.FAILED, Stage.SWITCHED}:
            return False
        return self._h11 is None or self._h11.our_state not in {h11.ERROR, h11.MUST_CLOSE}

    def start_next_request(self) -> None:
        """Go on to the next request, whose bytes may be here already.

        Raises:
            LocalProtocolError: The request or its answer is not complete, or the
                connection has to close.
        """
        if not self.can_keep_alive or self._h11 is None or self._h11.our_state is not h11.DONE:
            raise LocalProtocolError("the next request cannot start: this answer is the last or not complete")
        self._move(Step.NEXT_REQUEST)
        self._h11.start_next_cycle()
        self._head = None
        self._body_guard = None
        self._has_body_ended = False
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
        is_answered = self._h11 is None or self._h11.our_state is not h11.SEND_RESPONSE
        if is_answered and not self._unseen_head:
            raise LocalProtocolError("no WebSocket can start here: expected a request without an answer")
        if self._head is not None and self._head.content_bytes == 0 and self._stage is Stage.BODY:
            self._read_body()
        self._move(Step.SWITCH)
        data = bytes(self._input)
        self._input.clear()
        self._h11 = self._head = self._body_guard = None
        self._unseen_head = b""
        return data


def _request_head(
    checked: CheckedHead, method: str, target_text: str, headers: RequestHeaders
) -> RequestHead:
    """Put together what was decoded and what the guard found.

    Of an absolute target the host counts, not that of the field (RFC 9112 §3.2.2).
    """
    target = checked.target
    if target.authority is not None:
        others = [field for field in headers.lines() if field[0].lower() != "host"]
        headers = RequestHeaders([("Host", target.authority), *others])
    is_current = checked.http_version == "1.1"
    return RequestHead(
        method=method,
        target=target_text,
        raw_path=target.raw_path,
        query_string=target.query_string,
        headers=headers,
        http_version=checked.http_version,
        content_bytes=checked.content_bytes,
        is_chunked=checked.content_bytes is None,
        # Both are to be ignored in HTTP/1.0 (RFC 9110 §10.1.1, §7.8).
        expects_continue=is_current and checked.content_bytes != 0 and b"100-continue" in checked.expect,
        wants_websocket=is_current and b"websocket" in checked.upgrade and b"upgrade" in checked.connection,
    )


def _check_announced(content_bytes: int | None, body_bytes: int) -> None:
    if content_bytes is not None and content_bytes > body_bytes:
        raise BodyTooLarge(
            f"a body of {content_bytes} bytes was announced, and at most"
            f" {body_bytes} are taken (Limits.body_bytes)"
        )

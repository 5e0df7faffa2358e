"""The client's side of HTTP/1.1: the response to one request, which asks for another protocol.

A client of WebSockets sends one request on a connection, GET with `Upgrade` or CONNECT to a proxy. If the
response grants it, all later bytes are of the other protocol. Otherwise the response says why not, and its body
is worth reading, up to a bound.

h11 parses heads and bodies, and knows how each response is framed (RFC 9112 §6.3). Two things are done before it:

- It measures a head only while that is incomplete, so a long one that arrives in one read gets past its
  bound. Here every head is measured first, so the same bytes have the same result however they are cut.
- It would listen to a peer that does not speak HTTP until an empty line comes, perhaps for ever. The first bytes
  are enough to know.

Interim responses (1xx) may come in any number (RFC 9110 §15.2). Nobody needs many, so they are counted.
"""

from __future__ import annotations

import re

import attrs
import h11

from trioweb.errors import BadHandshake, Phase
from trioweb.excerpts import excerpt
from trioweb.header_mapping import Headers

BODY_BYTES = 64 * 1024
"""How much of a refusal's body is kept."""

_FRAMED_BYTES = 4 * BODY_BYTES
"""How much is read for that, with the framing: the extensions of chunks may be far longer than the chunks."""

_INTERIM_RESPONSES = 16  # servers send one or two: 100 Continue, 103 Early Hints
_SHOWN_OF_FAULT = 200  # h11 quotes the whole line
_PROTOCOL = b"HTTP/"
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_TLS_RECORDS = (b"\x15", b"\x16")  # an alert and a handshake (RFC 8446 §5.1)


@attrs.frozen
class ReceivedResponse:
    """A response as it arrived.

    Attributes:
        status: The status; 101, or 2xx to CONNECT, if the connection has switched.
        reason: The reason phrase, which may be empty.
        http_version: `"1.1"`, or another.
        headers: The fields.
        body: The beginning of the body.
        is_body_complete: Whether `body` is all of it.
        rest: The bytes after the head, if the connection has switched.
    """

    status: int
    reason: str
    http_version: str
    headers: Headers
    body: bytes = b""
    is_body_complete: bool = True
    rest: bytes = b""


class ResponseDecoder:
    """Decodes the response to one request; feed it until it returns the response.

    Attributes:
        request: The bytes of the request.
    """

    def __init__(self, request: h11.Request, *, head_bytes: int, phase: Phase = "handshake") -> None:
        """Begin with a request.

        Args:
            request: Its headers have been checked.
            head_bytes: How long each head may be.
            phase: The phase of connecting, for the texts of errors.
        """
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=_FRAMED_BYTES)
        end = h11.EndOfMessage()
        self.request = (self._h11.send(request) or b"") + (self._h11.send(end) or b"")
        self._head_bytes = head_bytes
        self._phase: Phase = phase
        self._head = bytearray()
        self._searched = 0
        self._interim = 0
        self._response: ReceivedResponse | None = None
        self._body = bytearray()
        self._framed_bytes = 0

    def feed(self, data: bytes) -> ReceivedResponse | None:
        """Take input, and return the response when it is complete, or as complete as it will be.

        Args:
            data: Not empty.

        Raises:
            BadHandshake: The input is not HTTP, or a head is malformed or too long.
        """
        if self._response is not None:
            return self._read_body(data)
        self._head += data
        while True:
            head = self._take_head()
            if head is None:
                return None
            event = self._parse_head(head)
            if isinstance(event, h11.InformationalResponse) and event.status_code != 101:
                self._count_interim()
                continue
            response, rest = _received(event), bytes(self._head)
            if self._h11.their_state is h11.SWITCHED_PROTOCOL:
                return attrs.evolve(response, rest=rest)
            self._response = response
            self._head.clear()
            return self._read_body(rest)

    def input_ended(self) -> ReceivedResponse:
        """Take the end of the input, and return the response, which may be incomplete.

        Raises:
            BadHandshake: There was none.
        """
        if self._response is None:
            came = f"after {excerpt(self._head)}" if self._head else "without an answer"
            raise self._bad(f"the peer closed the connection {came}")
        self._h11.receive_data(b"")
        return self._decode_body() or self._with_body(is_complete=False)

    def so_far(self) -> ReceivedResponse | None:
        """Return a refusal whose head is there, with as much of its body as has come; else `None`."""
        return None if self._response is None else self._with_body(is_complete=False)

    def _take_head(self) -> bytes | None:
        """Return the next whole head, checked for nothing but its beginning and its length."""
        head = self._head
        # Checked with the first byte: a server of another protocol may wait for this side, and never send a line.
        if not _PROTOCOL.startswith(head[: len(_PROTOCOL)]):
            hint = ", which is TLS: use wss:// or https://" if head.startswith(_TLS_RECORDS) else ""
            raise self._bad(f"expected a response of HTTP/1.1, and received {excerpt(head)}{hint}")
        found = _END_OF_HEAD.search(head, self._searched, self._head_bytes + len(b"\n\r\n"))
        end = found.end() if found else len(head)
        if end > self._head_bytes:
            raise self._bad(
                f"the head of the response is longer than {self._head_bytes} bytes (Limits.head_bytes)"
            )
        if found is None:
            # The next search begins where an end may have begun, or one byte at a time would cost a square.
            self._searched = max(0, end - len(b"\n\r"))
            return None
        taken = bytes(head[:end])
        del head[:end]
        self._searched = 0
        return taken

    def _parse_head(self, head: bytes) -> h11.Response | h11.InformationalResponse:
        self._h11.receive_data(head)
        try:
            event = self._h11.next_event()
        except h11.RemoteProtocolError as error:
            raise self._bad(f"the response is malformed: {str(error)[:_SHOWN_OF_FAULT]}") from None
        assert isinstance(event, h11.Response | h11.InformationalResponse)  # for the head is whole
        return event

    def _count_interim(self) -> None:
        """Give up on a server that would keep a client busy with interim responses for ever."""
        self._interim += 1
        if self._interim > _INTERIM_RESPONSES:
            raise self._bad(f"more than {_INTERIM_RESPONSES} interim responses (1xx) came before an answer")

    def _read_body(self, data: bytes) -> ReceivedResponse | None:
        """Take a piece of a refusal, up to the bound of everything that is read of it, framing included."""
        data = data[: _FRAMED_BYTES - self._framed_bytes]
        self._framed_bytes += len(data)
        if data:  # to h11, empty data is the end of input
            self._h11.receive_data(data)
        response = self._decode_body()
        if response is None and self._framed_bytes == _FRAMED_BYTES:
            return self._with_body(is_complete=False)
        return response

    def _decode_body(self) -> ReceivedResponse | None:
        # One byte more than is kept, to know whether there is more.
        while len(self._body) <= BODY_BYTES:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError:
                # The status is known, and says more than the broken body.
                return self._with_body(is_complete=False)
            if isinstance(event, h11.EndOfMessage):
                return self._with_body(is_complete=True)
            if not isinstance(event, h11.Data):
                return None
            self._body += event.data
        return self._with_body(is_complete=False)

    def _with_body(self, *, is_complete: bool) -> ReceivedResponse:
        assert self._response is not None
        body = bytes(self._body[:BODY_BYTES])
        return attrs.evolve(self._response, body=body, is_body_complete=is_complete)

    def _bad(self, problem: str) -> BadHandshake:
        return BadHandshake(problem, self._phase)


def _received(event: h11.Response | h11.InformationalResponse) -> ReceivedResponse:
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers.raw_items()]
    return ReceivedResponse(
        event.status_code, event.reason.decode("latin-1"), event.http_version.decode("ascii"), Headers(fields)
    )

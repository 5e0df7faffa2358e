"""h11's view of one connection, which begins as late as possible.

h11 does two jobs here: it decodes the input that the guards leave to it, and it frames the responses. To frame
a response it has to know the request, so both jobs need the same `h11.Connection`. This class is its only owner.

Making one takes about as long as checking a head, and it uses memory for as long as it exists. Many connections
need it late or never:

- The guard decodes most heads itself (`wire.py`). Such a head is kept as bytes, and h11 sees it when a
  response begins.
- A WebSocket has a response without h11. Thousands of idle ones would each keep a parser for nothing.

The alternative was an encoder of our own without h11. It would have to repeat h11's states for responses,
and these must not be wrong: a client that finds the end of a response in the wrong place reads the rest as
its next response (RFC 9112 §11.1).

The states are h11's own. Before there is an `h11.Connection`, the properties have the values of a new one,
whose state is IDLE.
"""

from __future__ import annotations

import h11

from trioweb.errors import LocalProtocolError, RemoteProtocolError

_LAST_STATES = frozenset({h11.ERROR, h11.MUST_CLOSE})


class LateH11:
    """Makes an `h11.Connection` when it is first needed, and then feeds it the head that it has missed.

    Invariant: there is at most one such head. The next head is not read before the response to this
    one is complete, and no response begins before h11 has seen its request.

    Attributes:
        unseen_head: A head without a body, kept for the moment when h11 has to see it.
    """

    __slots__ = ("_connection", "unseen_head")

    def __init__(self) -> None:
        self._connection: h11.Connection | None = None
        self.unseen_head = b""

    def connection(self) -> h11.Connection:
        """Return h11's connection, which has then seen all requests that were read.

        Raises:
            LocalProtocolError: The connection has become a WebSocket.
        """
        if self._connection is None:
            self._connection = h11.Connection(h11.SERVER)
        if self.unseen_head:
            head, self.unseen_head = self.unseen_head, b""
            self._connection.receive_data(head)
            self._connection.next_event()  # the request
            self._connection.next_event()  # and its end, for it has no body
        return self._connection

    def decode(self, data: bytes) -> object:
        """Return the next event that h11 finds, `h11.NEED_DATA` among them.

        Raises:
            RemoteProtocolError: h11 refuses input that the guards have passed. No such input is known.
                Without the translation, an error of h11's own would get past every `except` of the
                packages above.
        """
        connection = self.connection()
        if data:  # to h11, empty data is the end of input
            connection.receive_data(data)
        try:
            return connection.next_event()
        except h11.RemoteProtocolError as error:
            raise RemoteProtocolError(str(error), error.error_status_hint) from None

    @property
    def has_begun(self) -> bool:
        """Whether there is an `h11.Connection`."""
        return self._connection is not None

    @property
    def is_response_due(self) -> bool:
        """Whether there is a request to which no response has begun."""
        if self.unseen_head:
            return True
        return self._connection is not None and self._connection.our_state is h11.SEND_RESPONSE

    @property
    def is_idle(self) -> bool:
        """Whether nothing was sent since the last complete response."""
        return self._connection is None or self._connection.our_state is h11.IDLE

    @property
    def is_response_complete(self) -> bool:
        """Whether the response has ended, and the connection may be kept for another."""
        return self._connection is not None and self._connection.our_state is h11.DONE

    @property
    def must_close(self) -> bool:
        """Whether no other response can follow, because of a mistake or of `Connection: close`."""
        return self._connection is not None and self._connection.our_state in _LAST_STATES

    @property
    def awaits_continue(self) -> bool:
        """Whether the client has sent `Expect: 100-continue`, and has not got a response yet."""
        return self._connection is not None and self._connection.they_are_waiting_for_100_continue

    # From one request to the next.

    def start_next_cycle(self) -> None:
        """Get ready for the next request, after a response that is complete."""
        self.connection().start_next_cycle()

    def start_over(self) -> None:
        """Forget all input.

        h11 then assumes a client of HTTP/1.0, for which a response can end with the connection.
        """
        self._connection = None


class GivenUpH11(LateH11):
    """Stands in for h11 on a connection that has become a WebSocket. One serves all of them."""

    __slots__ = ()

    def connection(self) -> h11.Connection:
        """Raise: no response can follow a handshake that was accepted.

        Raises:
            LocalProtocolError: Always.
        """
        raise LocalProtocolError("the connection is a WebSocket's and no longer takes HTTP responses")

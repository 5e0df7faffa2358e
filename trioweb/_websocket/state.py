"""The states of a WebSocket, as a table."""

from __future__ import annotations

from enum import Enum, auto

# Theory. A WebSocket ends by a handshake of its own (RFC 6455 §7.1.2): each side sends
# one close frame, and once a side has both sent and received one, the server closes TCP
# (§7.1.1). There are three shorter ways. A side that finds a violation of the protocol sends its
# close frame and does not wait for the other (§7.1.7, "Fail the WebSocket Connection"). The
# connection to a peer that does not answer is cut when its time is up. And TCP may simply be lost.
# A client lets the server close TCP first (§7.1.1). The side that closes first has to keep the pair of ports
# out of use for some minutes (TIME-WAIT, RFC 9293 §3.6.1). A server does not notice, because all its
# connections share one port; a client that connects again and again could run out of them.
# The side that closes TCP first must have read everything. If input is unread, the kernel resets the
# connection, and the reset can overtake the close frame. So if the peer may still be sending,
# only our side of TCP is ended, and we wait for the peer's end for a bounded time.
#
#   CONNECTING     the handler has not accepted yet; nothing was written
#   OPEN           messages go both ways
#   CLOSE_SENT     our close frame is queued after our messages; the peer's is awaited
#   ENDING         nothing more is expected from the peer; our output is being written
#   AWAITING_END   of a client: both close frames have been written, and the server's end of TCP is awaited
#   LINGERING      our side of TCP is ended; whatever the peer still sends is discarded until its end
#   CLOSED         nothing more happens; without an accepted handshake, TCP goes on as HTTP
#
# A pair that is not in the table changes nothing: a second close, input after the end.


class State(Enum):
    """How far a WebSocket has come."""

    # Each member exists once, so its identity can be its hash, which is quicker than hashing its name.
    __hash__ = object.__hash__

    CONNECTING = auto()
    OPEN = auto()
    CLOSE_SENT = auto()
    ENDING = auto()
    AWAITING_END = auto()
    LINGERING = auto()
    CLOSED = auto()


class Event(Enum):
    """An occurrence that changes the state; not to be confused with `trio.Event`, for which tasks wait."""

    __hash__ = object.__hash__

    ACCEPT = auto()
    REJECT = auto()
    SEND_CLOSE = auto()
    RECEIVE_CLOSE = auto()
    FAIL = auto()
    DRAIN = auto()
    AWAIT_END = auto()
    LINGER = auto()
    LOSE = auto()


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.CONNECTING, Event.ACCEPT): State.OPEN,
    (State.CONNECTING, Event.REJECT): State.CLOSED,
    (State.OPEN, Event.SEND_CLOSE): State.CLOSE_SENT,
    (State.OPEN, Event.RECEIVE_CLOSE): State.ENDING,
    (State.OPEN, Event.FAIL): State.ENDING,
    (State.OPEN, Event.LOSE): State.CLOSED,
    (State.CLOSE_SENT, Event.RECEIVE_CLOSE): State.ENDING,
    (State.CLOSE_SENT, Event.FAIL): State.ENDING,
    (State.CLOSE_SENT, Event.LINGER): State.LINGERING,
    (State.CLOSE_SENT, Event.LOSE): State.CLOSED,
    (State.ENDING, Event.DRAIN): State.CLOSED,
    (State.ENDING, Event.AWAIT_END): State.AWAITING_END,
    (State.ENDING, Event.LINGER): State.LINGERING,
    (State.ENDING, Event.LOSE): State.CLOSED,
    (State.AWAITING_END, Event.LINGER): State.LINGERING,
    (State.AWAITING_END, Event.LOSE): State.CLOSED,
    (State.LINGERING, Event.LOSE): State.CLOSED,
}

CLOSING = frozenset({State.CLOSE_SENT, State.ENDING, State.AWAITING_END, State.LINGERING})
"""A close was sent or received, and TCP is still there."""

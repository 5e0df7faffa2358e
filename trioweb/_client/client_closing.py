"""How the closing handshake of a client differs: the server closes TCP first (RFC 6455 §7.1.1).

`state.py` says why. So there is one more state, `AWAITING_END`, and one more fact, whether the server's
end has come already: a server may close TCP right after its close frame, while ours is being written.

When its block was cancelled, or its program has forgotten it, no task waits for the end of a client's connection.
So the engine keeps a list of all connections, and learns from here when one leaves it.
"""

from __future__ import annotations

from collections.abc import Callable

from trioweb._transport.timers import Timers
from trioweb._websocket.closing_handshake import ClosingHandshake
from trioweb._websocket.outlet import Outlet
from trioweb._websocket.state import Event
from trioweb.config import Timeouts


class ClientClosing(ClosingHandshake):
    """The closing handshake of a client.

    Attributes:
        on_closed: Called once, when nothing more happens on the connection.
    """

    __slots__ = ("_has_input_ended", "on_closed")

    def __init__(self, outlet: Outlet, timers: Timers, timeouts: Timeouts) -> None:
        super().__init__(outlet, timers, timeouts)
        self._has_input_ended = False
        self.on_closed: Callable[[ClientClosing], None] | None = None

    def input_ended(self) -> None:
        """The server has closed TCP; our answer to its close may still be on its way."""
        self._has_input_ended = True
        super().input_ended()

    def _end_tcp(self) -> bool:
        """Let the server close first, unless it has."""
        return super()._end_tcp() if self._has_input_ended else self._move(Event.AWAIT_END)

    def _let_go(self) -> None:
        super()._let_go()
        on_closed, self.on_closed = self.on_closed, None
        if on_closed is not None:
            on_closed(self)

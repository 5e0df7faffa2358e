"""The intake of a client: the task that receives may wait for the socket by itself.

`stand_in.py` explains when, and what it saves. A connection over TLS or a stream, and any connection beside
another one, waits as a server's does: for the pump, or for a reader task.
"""

from __future__ import annotations

from trioweb._transport.pump import Pump
from trioweb._transport.socket_transport import SocketTransport
from trioweb._websocket.intake import Intake


class ClientIntake(Intake):
    """Takes what the transport reports; the task that receives may take the pump's place."""

    __slots__ = ("_carrier", "_pump")

    _carrier: SocketTransport
    _pump: Pump | None

    def use_pump(self, pump: Pump | None, carrier: object) -> None:
        """Note which pump reads the connection, if its socket is plain."""
        self._pump = None
        if isinstance(carrier, SocketTransport):
            self._pump, self._carrier = pump, carrier

    async def receive_message(self) -> str | bytes:
        """Wait for the next message, as the base class does.

        Raises:
            ConnectionClosed: Nothing more will come.
            ReceiveBusy: Another task is receiving.
        """
        pump = self._pump
        if pump is not None and not self._inbox.items and not self._closing.is_over:
            self.check_free()
            self.is_receiving = True
            try:
                await self._receive_in_place_of(pump)
            finally:
                self.is_receiving = False
        return await super().receive_message()

    async def _receive_in_place_of(self, pump: Pump) -> None:
        """Wait for a message, or until the pump has to wait itself."""
        stand_in, inbox = pump.stand_in, self._inbox
        while (descriptor := pump.only_descriptor_of(self._carrier)) is not None and stand_in.is_due():
            self._prepare_to_wait()
            if not inbox.items:
                await stand_in.wait(descriptor)
                self.calls = 0  # others have run
            if inbox.items:
                break

    # What happens elsewhere must reach a task that waits for the socket alone.

    def _decode(self) -> None:
        super()._decode()
        self._recall()

    def _end(self) -> None:
        super()._end()
        self._recall()

    def _recall(self) -> None:
        if self._pump is not None:
            self._pump.stand_in.recall()

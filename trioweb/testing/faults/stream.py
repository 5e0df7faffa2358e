"""A stream over a bad network: it splits, delays, stalls, resets and ends, the same way for the same seed.

`FaultyStream` belongs on the side whose troubles a test is about: that side sees the reset. The other side sees it
over TCP as well, where a reset can be sent; a pair of streams in memory has none, so there it sees an end of file.

A plan consists of places in the stream of bytes (see `plan.py`). So each call moves bytes only up to the next
place: `send_all` cuts its data there, and `receive_some` asks for no more than fits. That alone is a split. The other
faults happen at one of two moments:

    reset, end      as soon as the place is reached, since the other side may be waiting for nothing else
    delay, stall    before the next bytes: a `receive_some` that waits after it has read would lose what it
                    has read when it is cancelled
"""

from __future__ import annotations

import secrets
import socket
import struct
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import trio

from trioweb.testing.faults.plan import LIKELIHOODS, Fault, FaultKind, FaultyDirection, Odds, likelihoods_of

READ_AT_ONCE_BYTES = 64 * 1024
SHOWN_STREAMS = 16

RESET_WHEN_CLOSED = struct.pack("ii", 1, 0)
"""For `SO_LINGER`: closing drops the bytes that have not been sent, and TCP sends RST in place of FIN."""


class FaultyStream(trio.abc.HalfCloseableStream):
    """A stream that splits, delays, stalls, resets and ends, by a plan that its seed decides.

    The seed is in its `repr`, in every exception that it raises, and in the report of a failed test under pytest.
    Put it into the call to see the same faults again. Waiting is done with `trio.sleep`, so that a virtual clock
    makes it quick. An exact plan, in `sending` or `receiving`, replaces the random one in both directions:

        FaultyStream(stream, receiving=[Fault("end", at_byte=17)])

    Args:
        stream: The connection to spoil. It is closed with this one.
        seed: Which plan; a random one if it is `None`.
        faults: Which kinds may happen: names, or a mapping with how likely each is in comparison with the others.
            With `("split", "delay")` every byte arrives in the end.
        every_bytes: How many bytes are between two faults on average, in each direction.
        most_delay_seconds: The longest delay.
        stall_seconds: How long a stall is; the default outlasts the time-outs that trioweb has.
        sending: Exact faults of the bytes that are sent.
        receiving: Exact faults of the bytes that are received.

    Cancellation: A cancelled `send_all` may have sent a part, as with every stream.
    Concurrency: One task may send while another receives.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        *,
        seed: int | None = None,
        faults: Iterable[FaultKind] | Mapping[FaultKind, float] = LIKELIHOODS,
        every_bytes: int = 100,
        most_delay_seconds: float = 0.05,
        stall_seconds: float = 60.0,
        sending: Iterable[Fault] | None = None,
        receiving: Iterable[Fault] | None = None,
    ) -> None:
        self._stream = stream
        self._reset_by = ""
        self._is_closed = False
        if sending is None and receiving is None:
            seed = secrets.randbits(32) if seed is None else seed
            odds = Odds(
                likelihoods=likelihoods_of(faults),
                every_bytes=every_bytes,
                most_delay_seconds=most_delay_seconds,
                stall_seconds=stall_seconds,
            )
            sending, receiving = odds.draw(seed, "sending"), odds.draw(seed, "receiving")
        else:
            seed = None
            sending, receiving = _in_order(sending or ()), _in_order(receiving or ())
        self.seed = seed
        self._sending = FaultyDirection("sent", sending)
        self._receiving = FaultyDirection("received", receiving)
        _recent.append((seed, self._sending, self._receiving))

    def __repr__(self) -> str:
        return f"<{_described(self.seed, self._sending, self._receiving)}>"

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send, with the faults that the plan has for these bytes.

        Raises:
            trio.BrokenResourceError: The plan, or the network, has broken the connection.
        """
        with self._using(self._sending), memoryview(data) as rest:
            start = 0
            while True:
                await self._arrive(self._sending)
                if self._sending.is_ended:
                    raise trio.BrokenResourceError("nobody receives any longer")
                ahead = self._sending.bytes_ahead()
                end = len(rest) if ahead is None else min(start + ahead, len(rest))
                await self._stream.send_all(rest[start:end])
                await self._pass(self._sending, end - start)
                start = end
                if start == len(rest):
                    return
                await trio.lowlevel.checkpoint()  # so that a reader can see the piece alone

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive, with the faults that the plan has for these bytes.

        Raises:
            trio.BrokenResourceError: The plan, or the network, has broken the connection.
        """
        with self._using(self._receiving):
            await self._arrive(self._receiving)
            if self._receiving.is_ended:
                await trio.lowlevel.checkpoint()
                return b""
            if (ahead := self._receiving.bytes_ahead()) is not None:
                max_bytes = min(ahead, READ_AT_ONCE_BYTES if max_bytes is None else max_bytes)
            data = bytes(await self._stream.receive_some(max_bytes))
            await self._pass(self._receiving, len(data))
            return data

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the stream below could take more, or has been reset."""
        with self._using(self._sending):
            await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """End the sending direction, if the stream below can.

        Raises:
            NotImplementedError: It cannot, as TLS cannot.
        """
        with self._using(self._sending):
            if not isinstance(self._stream, trio.abc.HalfCloseableStream):
                raise NotImplementedError(f"{type(self._stream).__name__} has no send_eof()")
            await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close this stream and the one below."""
        self._is_closed = True
        await self._stream.aclose()

    async def _arrive(self, direction: FaultyDirection) -> None:
        """Let everything happen that the plan has for this place."""
        while (fault := direction.take(waits=True)) is not None:
            if fault.is_wait:
                await trio.sleep(fault.seconds)
            await self._cut(direction, fault)

    async def _pass(self, direction: FaultyDirection, count: int) -> None:
        """Note that bytes got through, and let the connection break at once if its place is here."""
        direction.passed_bytes += count
        while (fault := direction.take(waits=False)) is not None:
            await self._cut(direction, fault)

    async def _cut(self, direction: FaultyDirection, fault: Fault) -> None:
        if fault.kind == "reset" and not self._reset_by:
            self._reset_by = f"{fault} bytes {direction.verb}"
            await self._reset()
        elif fault.kind == "end":
            direction.is_ended = True
            if direction is self._sending and isinstance(self._stream, trio.abc.HalfCloseableStream):
                # As short as a reset's close: neither waits for the other side.
                with trio.CancelScope(shield=True):
                    await self._stream.send_eof()

    async def _reset(self) -> None:
        below: object = self._stream
        while isinstance(below, trio.SSLStream):
            below = cast("trio.SSLStream[trio.abc.Stream]", below).transport_stream
        if isinstance(below, trio.SocketStream):
            below.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_WHEN_CLOSED)
        # Without a shield, bytes that came together with the reset would be lost to a cancellation. Closing
        # forcefully waits for nobody.
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(self._stream)

    @contextmanager
    def _using(self, direction: FaultyDirection) -> Iterator[None]:
        """Refuse a second task, and let every exception name the seed."""
        if direction.is_busy:
            raise trio.BusyResourceError(f"another task is using this stream: {self!r}")
        if self._reset_by and not self._is_closed:
            raise self._broken()
        direction.is_busy = True
        try:
            yield
        except trio.ClosedResourceError as error:
            if self._reset_by and not self._is_closed:
                raise self._broken() from error
            error.add_note(repr(self))
            raise
        except Exception as error:
            error.add_note(repr(self))
            raise
        finally:
            direction.is_busy = False

    def _broken(self) -> trio.BrokenResourceError:
        return trio.BrokenResourceError(f"{self._reset_by}: {self!r}")


_recent: deque[tuple[int | None, FaultyDirection, FaultyDirection]] = deque(maxlen=SHOWN_STREAMS)


def recent_faults() -> list[str]:
    """Describe the streams made since `forget_recent_faults`, the latest sixteen at most."""
    return [_described(*parts) for parts in _recent]


def forget_recent_faults() -> None:
    """Begin a new list, for the next test."""
    _recent.clear()


def _described(seed: int | None, sending: FaultyDirection, receiving: FaultyDirection) -> str:
    plan = "exact plan" if seed is None else f"seed={seed}"
    return f"FaultyStream({plan}): {sending}, {receiving}"


def _in_order(faults: Iterable[Fault]) -> list[Fault]:
    return sorted(faults, key=lambda fault: fault.at_byte)

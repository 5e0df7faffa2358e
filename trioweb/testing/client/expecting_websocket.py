"""The WebSocket of a test: a client's, which can also say what it expects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import trio

from trioweb._client.websocket import ClientWebSocket
from trioweb.closing import Close, CloseCode
from trioweb.errors import ConnectionClosed
from trioweb.json_text import read_json
from trioweb.testing.bench import Bench
from trioweb.testing.client.expectation import ANYTHING, Received, difference, shown, shown_received
from trioweb.testing.memory.listener import MemoryConnection

UNREAD = (
    "This client has a full inbox, since the test has received nothing for a while. A server that cannot send for"
    " Timeouts.send_seconds cuts the connection."
)


class ExpectingWebSocket(ClientWebSocket):
    """A client's WebSocket with `expect_*`, from `client.websocket(path)`.

    Each `expect_*` takes what comes next and returns it. If that is something else, an `AssertionError`
    says what was expected, what came, and what passed last in both directions. Where the handler has
    failed, each call that meets the end of the connection raises the handler's exception, unless
    the client was opened with `raise_errors=False`.

    Any number of tasks may send, ping and close at the same time; one may receive.

    Attributes:
        response: The response that opened it.
    """

    __slots__ = ("_bench", "_carrier")
    _bench: Bench
    _carrier: MemoryConnection

    @contextmanager
    def _calling(self, call: str) -> Iterator[None]:
        """Let a call count as waiting, and raise the handler's failure in place of the end that it caused."""
        with self._bench.waiting(f"{self._carrier.label}, {call}", self._carrier):
            try:
                yield
            except ConnectionClosed as error:
                self._bench.raise_failure(self._carrier)
                if self._intake.is_paused:
                    error.add_note(UNREAD)
                raise

    # Everything that may wait, as the client's WebSocket has it.

    async def receive(self) -> str | bytes:
        """As `ClientWebSocket.receive`."""
        with self._calling("receive()"):
            return await super().receive()

    async def __anext__(self) -> str | bytes:
        with self._calling("async for"):
            try:
                return await super().receive()
            except trio.EndOfChannel:
                self._bench.raise_failure(self._carrier)
                raise StopAsyncIteration from None

    async def send(self, message: str | bytes) -> None:
        """As `ClientWebSocket.send`."""
        with self._calling("send()"):
            await super().send(message)

    async def flush(self) -> None:
        """As `ClientWebSocket.flush`."""
        with self._calling("flush()"):
            await super().flush()

    async def ping(self) -> float:
        """As `ClientWebSocket.ping`."""
        with self._calling("ping()"):
            return await super().ping()

    async def aclose(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """As `ClientWebSocket.aclose`."""
        with self._calling("aclose()"):
            await super().aclose(code, reason)

    async def wait_closed(self) -> Close:
        """As `ClientWebSocket.wait_closed`; raises what the handler raised."""
        with self._calling("wait_closed()"):
            close = await super().wait_closed()
        self._bench.raise_failure(self._carrier)
        return close

    # Expectations.

    async def expect_text(self, expected: str | None = None) -> str:
        """Return the next message, which must be this text.

        Args:
            expected: By default, any text will do.

        Raises:
            AssertionError: Something else came: another message, or the end.
            Stuck: Nothing can come any more.
        """
        wanted = "a text" if expected is None else f"the text {shown(expected)}"
        got = await self._expect(
            f"expect_text({'' if expected is None else shown(expected)})",
            wanted,
            lambda got: isinstance(got, str) and expected in (None, got),
            expected,
        )
        assert isinstance(got, str)
        return got

    async def expect_bytes(self, expected: bytes | None = None) -> bytes:
        """Return the next message, which must be these bytes.

        Args:
            expected: By default, any bytes will do.

        Raises:
            AssertionError: As for `expect_text`.
            Stuck: As for `expect_text`.
        """
        wanted = "a binary message" if expected is None else f"the bytes {shown(expected)}"
        got = await self._expect(
            f"expect_bytes({'' if expected is None else shown(expected)})",
            wanted,
            lambda got: isinstance(got, bytes) and expected in (None, got),
            expected,
        )
        assert isinstance(got, bytes)
        return got

    async def expect_json(self, expected: Any = ANYTHING) -> Any:
        """Return the JSON value of the next message, which must be equal to this one.

        Args:
            expected: By default, any JSON will do.

        Raises:
            AssertionError: As for `expect_text`.
            Stuck: As for `expect_text`.
        """
        values: list[Any] = []

        def fits(got: Received) -> bool:
            if isinstance(got, Close):
                return False
            try:
                values.append(read_json(got))
            except ValueError:
                return False
            return expected is ANYTHING or bool(values[0] == expected)

        call = f"expect_json({'' if expected is ANYTHING else shown(expected)})"
        wanted = "JSON" if expected is ANYTHING else f"the JSON value {shown(expected)}"
        await self._expect(call, wanted, fits, expected)
        return values[0]

    async def expect_close(self, code: int | None = None, reason: str | None = None) -> Close:
        """Wait for the end of the connection, which must come next, and return it.

        Args:
            code: By default, any will do.
            reason: By default, any will do.

        Raises:
            AssertionError: A message came, or another code or reason.
            Stuck: The connection will never end.
        """
        arguments = [str(int(code))] if code is not None else []
        arguments += [f"reason={reason!r}"] if reason is not None else []
        wanted = "a close" if code is None else f"a close with {int(code)}"
        wanted += "" if reason is None else f" and the reason {reason!r}"

        def fits(got: Received) -> bool:
            return isinstance(got, Close) and code in (None, got.code) and reason in (None, got.reason)

        got = await self._expect(f"expect_close({', '.join(arguments)})", wanted, fits, None)
        assert isinstance(got, Close)
        return got

    async def expect_nothing(self, seconds: float) -> None:
        """Check that nothing comes for so long: no message, and no end.

        Under a clock that jumps over waiting, this takes no time.

        Args:
            seconds: By the clock of the test.

        Raises:
            AssertionError: Something came.
        """
        call = f"expect_nothing({seconds:g})"
        with trio.move_on_after(seconds) as scope:
            got = await self._next(call)
            self._fail(call, f"nothing for {seconds:g} s", got, None)
        assert scope.cancelled_caught

    async def _expect(
        self, call: str, wanted: str, fits: Callable[[Received], bool], expected: object
    ) -> Received:
        __tracebackhide__ = True
        got = await self._next(call)
        if not fits(got):
            self._fail(call, wanted, got, expected)
        return got

    async def _next(self, call: str) -> Received:
        """Return the next message, or the close if there is none."""
        with self._calling(call):
            try:
                return await super().receive()
            except ConnectionClosed:
                self._bench.raise_failure(self._carrier)
                return self.closed or Close(CloseCode.ABNORMAL_CLOSURE)

    def _fail(self, call: str, wanted: str, got: Received, expected: object) -> None:
        __tracebackhide__ = True
        lines = [
            f"{call} on {self._carrier.label}",
            f"    expected: {wanted}",
            f"    received: {shown_received(got)}",
            *difference(expected, got),
            "The last that passed, with the seconds since the connection was opened:",
            str(self._carrier.transcript),
        ]
        raise AssertionError("\n".join(lines))


def attach(ws: ExpectingWebSocket, bench: Bench, carrier: MemoryConnection) -> None:
    """Give a WebSocket what its expectations need, before a test sees it; completion must not show this."""
    ws._bench, ws._carrier = bench, carrier  # noqa: SLF001

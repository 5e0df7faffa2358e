"""One run of `trioweb connect`: lines become messages, messages become lines.

    a line            is sent, or is a command
    end of the input  at a terminal, closes with 1000; in a pipe, after a time without messages
    Ctrl-C, SIGTERM   closes with 1001; the second one waits for nothing
    output broken     its reader has seen enough: closes with 1001

In a pipe, the answers to the last lines are still on their way when the input ends. Nobody can know how many
there are, so the command waits until the server has been silent for a while. Closing at once would lose them,
and waiting for the server to close would never end with most servers.
"""

from __future__ import annotations

import math
import signal
from collections.abc import AsyncIterator

import attrs
import trio

from trioweb import ClientWebSocket, Close, CloseCode, ConnectionClosed
from trioweb._cli.connection_report import ConnectionReport
from trioweb._cli.line_input import LineInput
from trioweb._cli.refusal import FAILED, Refusal
from trioweb._cli.typed_line import (
    HELP,
    Action,
    CloseWith,
    SendMessage,
    SendPing,
    read_typed_line,
)
from trioweb.exception_groups import bare_exceptions

LEAVING_SECONDS = 1.0
"""How long Ctrl-C waits for the server to close as well."""


@attrs.frozen(kw_only=True)
class ConversationSettings:
    """How lines are read, and when the command ends.

    Attributes:
        has_commands: Whether a slash at the beginning of a line has a meaning in a pipe, too.
        is_hex: Whether lines are binary messages in hexadecimal digits.
        wait_seconds: After the end of the input in a pipe, how long the server must be silent.
        reconnects: Whether a connection that ends is followed by another one.
    """

    has_commands: bool
    is_hex: bool
    wait_seconds: float
    reconnects: bool


class Conversation:
    """Holds connections, one after the other, with the same input and output.

    Attributes:
        is_over: Whether this side has closed, and wants no other connection.
        last_close: How the last connection has ended; `None` before that.
        signal: The signal that ended it, if one did.
    """

    def __init__(self, source: LineInput, report: ConnectionReport, settings: ConversationSettings) -> None:
        self._source = source
        self._report = report
        self._settings = settings
        self._line_number = 0
        self._unsent: bytes | None = None
        self._silence = trio.CancelScope()
        self._ws: ClientWebSocket | None = None
        self.is_over = False
        self.last_close: Close | None = None
        self.signal: int | None = None

    @property
    def reconnects(self) -> bool:
        """Whether a connection that ends is followed by another one."""
        return self._settings.reconnects

    async def run(self, connections: AsyncIterator[ClientWebSocket]) -> None:
        """Hold each connection until it ends, unless a signal comes before.

        Raises:
            Refusal: A connection ended badly, or a line cannot be sent.
            TriowebError: There is no connection.
            KeyboardInterrupt: Ctrl-C came at the very end.
        """
        with bare_exceptions(), trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._obey_signals, signals, nursery.cancel_scope)
                async for ws in connections:
                    await self._hold(ws)
                    if self.is_over or not self.reconnects:
                        break
                nursery.cancel_scope.cancel()

    async def _hold(self, ws: ClientWebSocket) -> None:
        self._ws = ws
        try:
            with bare_exceptions():
                async with trio.open_nursery() as nursery:
                    await self._report.opened(ws)
                    nursery.start_soon(self._send_lines, ws)
                    await self._show_messages(ws)
                    nursery.cancel_scope.cancel()
            await self._report.closed(await ws.wait_closed(), ws.latency_seconds)
        except BrokenPipeError:
            await self._leave(ws, CloseCode.GOING_AWAY)
        except Refusal:
            await self._leave(ws, CloseCode.GOING_AWAY)
            raise
        finally:
            self._ws, self.last_close = None, ws.closed

    # From the input to the server.

    async def _send_lines(self, ws: ClientWebSocket) -> None:
        try:
            while (line := await self._next_line()) is not None:
                self._unsent = line  # until it is sent: the next connection may be luckier
                action = await self._read(line)
                if isinstance(action, SendMessage):
                    await ws.send(action.message)
                elif isinstance(action, SendPing):
                    await self._report.pong(await ws.ping())
                elif isinstance(action, CloseWith):
                    self.is_over = True
                    await ws.aclose(action.close.code, action.close.reason)
                elif action is not None:
                    await self._report.note(HELP.replace("\n", "\n  "))
                self._unsent = None
            await self._finish(ws)
        except ConnectionClosed:
            pass  # the other task reports it

    async def _next_line(self) -> bytes | None:
        if self._unsent is not None:
            return self._unsent
        while (line := await self._source.receive_line()) is not None:
            self._line_number += 1
            if line or not self._source.is_terminal:  # at a terminal, an empty line is only the Enter key
                break
        return line

    async def _read(self, line: bytes) -> Action | None:
        """Return what a line asks for, or `None` after telling a person what is wrong with it."""
        try:
            has_commands = self._settings.has_commands or self._source.is_terminal
            return read_typed_line(line, has_commands=has_commands, is_hex=self._settings.is_hex)
        except ValueError as error:
            if not self._source.is_terminal:
                raise Refusal(f"line {self._line_number} of the input: {error}", FAILED) from None
            await self._report.note(str(error))
            return None

    async def _finish(self, ws: ClientWebSocket) -> None:
        """Close after the end of the input."""
        if not self._source.is_terminal:
            await ws.flush()
            with trio.CancelScope() as self._silence:
                self._restart_silence()
                await trio.sleep_forever()
        await self._leave(ws, CloseCode.NORMAL_CLOSURE)

    # From the server to the output.

    async def _show_messages(self, ws: ClientWebSocket) -> None:
        try:
            async for message in ws:
                self._silence.deadline = math.inf  # the output may be slow; that is not silence
                await self._report.message(message)
                self._restart_silence()
        except ConnectionClosed:
            pass

    def _restart_silence(self) -> None:
        """Measure the server's silence from now on."""
        self._silence.deadline = trio.current_time() + self._settings.wait_seconds

    # The end.

    async def _leave(self, ws: ClientWebSocket, code: CloseCode) -> None:
        self.is_over = True
        with trio.move_on_after(LEAVING_SECONDS):
            await ws.aclose(code)

    async def _interrupt(self, ws: ClientWebSocket, scope: trio.CancelScope) -> None:
        """Close, and wait a moment: the other tasks end by themselves and report the close."""
        self.is_over = True
        with trio.move_on_after(LEAVING_SECONDS):
            await ws.aclose(CloseCode.GOING_AWAY)
            await trio.sleep_forever()
        scope.cancel()

    async def _obey_signals(self, signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
        async with trio.open_nursery() as nursery:
            async for self.signal in signals:
                if self._ws is None or self.is_over:
                    scope.cancel()
                else:
                    self.is_over = True
                    nursery.start_soon(self._interrupt, self._ws, scope)

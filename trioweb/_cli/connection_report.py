"""The output of `trioweb connect`: messages for people or for programs, and notes.

| | standard output | standard error |
|---|---|---|
| a terminal | messages with `< ` before them, control characters made visible | notes with `* ` before them |
| a pipe | messages, one line each, as they are | nothing |
| `--json` | one object for each event | as above |

A server chooses what its messages and reasons contain. On a terminal, a control character could move
the cursor, forge a line or set the title, so none gets there.
"""

from __future__ import annotations

import json
from typing import Any

from trioweb import ClientWebSocket, Close, HandshakeRejected, TriowebError
from trioweb._cli.line_output import LineOutput
from trioweb.json_text import write_json

ERASE_LINE = "\r\x1b[K"
"""Takes away the line that is being typed, so that a message gets a line of its own."""


def visible(text: str) -> str:
    """Return a text with escapes in place of the characters that a terminal would obey."""
    return "".join(one if one.isprintable() or one in "\n\t" else repr(one)[1:-1] for one in text)


class ConnectionReport:
    """Messages as lines, for people or for programs; binary ones in hexadecimal digits.

    Args:
        output: For messages.
        notes: For everything else; written to only if it is a terminal.
        is_typed: Whether somebody types at the terminal on which messages appear.
    """

    def __init__(self, output: LineOutput, notes: LineOutput, *, is_typed: bool) -> None:
        self._output = output
        self._notes = notes
        self._is_typed = is_typed

    async def note(self, text: str) -> None:
        """Show a text to a person, if there is one."""
        if self._notes.is_terminal:
            erase = ERASE_LINE if self._is_typed else ""
            await self._notes.write(f"{erase}* {visible(text)}\n")

    async def opened(self, ws: ClientWebSocket) -> None:
        """Report a new connection."""
        chosen = f", subprotocol {ws.subprotocol}" if ws.subprotocol else ""
        await self.note(f"connected to {ws.url}{chosen}")

    async def message(self, message: str | bytes) -> None:
        """Report a message."""
        text = message if isinstance(message, str) else message.hex()
        if self._output.is_terminal:
            text = visible(text if isinstance(message, str) else f"(binary) {text}")
        if self._is_typed:
            text = f"{ERASE_LINE}< " + text.replace("\n", "\n  ")
        await self._output.write(f"{text}\n")

    async def pong(self, seconds: float) -> None:
        """Report the round trip of a ping."""
        await self.note(f"pong after {seconds * 1000:.1f} ms")

    async def closed(self, close: Close, latency_seconds: float | None) -> None:
        """Report the end of a connection."""
        side = {True: "closed by the server", False: "closed by this side", None: "lost"}[
            close.received_first
        ]
        latency = "" if latency_seconds is None else f", latency {latency_seconds * 1000:.1f} ms"
        await self.note(f"{side}: {close}{latency}")

    async def failed(self, error: TriowebError) -> None:
        """Report that there is no connection. The command says so on standard error in any case."""


class JSONReport(ConnectionReport):
    """One JSON object on one line for each event."""

    async def _event(self, event: str, **fields: Any) -> None:
        text = write_json({"event": event, **fields})
        if self._output.is_terminal:  # JSON itself allows characters that a terminal would obey
            text = "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)
        await self._output.write(f"{text}\n")

    async def opened(self, ws: ClientWebSocket) -> None:
        """Write `open`."""
        await super().opened(ws)
        extensions = ws.response.headers.get("sec-websocket-extensions")
        await self._event("open", url=ws.url, subprotocol=ws.subprotocol, extensions=extensions)

    async def message(self, message: str | bytes) -> None:
        """Write `message`, with the text or the hexadecimal digits."""
        if isinstance(message, str):
            await self._event("message", text=message)
        else:
            await self._event("message", hex=message.hex())

    async def pong(self, seconds: float) -> None:
        """Write `pong`."""
        await super().pong(seconds)
        await self._event("pong", latency_seconds=seconds)

    async def closed(self, close: Close, latency_seconds: float | None) -> None:
        """Write `close`; `by` is `null` for a connection that was lost."""
        await super().closed(close, latency_seconds)
        side = {True: "server", False: "client", None: None}[close.received_first]
        await self._event(
            "close", code=close.code, reason=close.reason, by=side, latency_seconds=latency_seconds
        )

    async def failed(self, error: TriowebError) -> None:
        """Write `error`, with the status of a refusal."""
        status = error.status if isinstance(error, HandshakeRejected) else None
        await self._event("error", text=str(error), status=status)

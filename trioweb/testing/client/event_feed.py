"""Reads a stream of server-sent events, as a browser's `EventSource` does (WHATWG HTML §9.2.6).

A line is `name: value`, and an empty line ends an event. The other rules are easily missed:

- One space after the colon is not part of the value; a second one is.
- A line that begins with a colon is a comment. Servers send them to keep a quiet stream open.
- Several `data` lines are the lines of one text.
- An `id` with a NUL and a `retry` with anything but digits are ignored, and so are unknown names.
- An event that the end of the stream cuts off is not one: half of a text could mean anything.

Apart from the class of an event, nothing is shared with the encoder of `EventStream`, which tests are to check.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator

import httpx

from trioweb._web.streams.server_sent_event import MOST_SECONDS, ServerSentEvent

_END_OF_LINE = re.compile(r"\r\n|\n|\r(?!$)")
_MILLISECONDS = re.compile(r"[0-9]{1,15}")  # not `str.isdigit`, which knows digits that `int` does not


class EventFeed:
    """The events of a response, as `async for event in events` or `await anext(events)`.

    Comments are left out. An event without data, which a browser would not show to the page, is included:
    a test may want to see its id, or `retry_seconds`.

    Args:
        response: The response, whose body has not been read.
        last_event_id: The id that the request has sent, if it has sent one.

    Attributes:
        response: Its status and header fields.
        last_event_id: The id of the last event that had one, which a browser would send when it connects again.
    """

    def __init__(self, response: httpx.Response, last_event_id: str | None) -> None:
        self.response = response
        self.last_event_id = last_event_id
        self._lines = _lines(response.aiter_text())

    def __aiter__(self) -> AsyncIterator[ServerSentEvent]:
        return self

    async def __anext__(self) -> ServerSentEvent:
        fields: dict[str, str] = {}
        data: list[str] = []
        async for line in self._lines:
            if not line:
                if fields or data:
                    return self._event(fields, data)
                continue
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data.append(value)
            elif (
                name == "event"
                or (name == "id" and "\0" not in value)
                or (name == "retry" and _MILLISECONDS.fullmatch(value))
            ):
                fields[name] = value
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Read no more."""
        await self._lines.aclose()

    def _event(self, fields: dict[str, str], data: list[str]) -> ServerSentEvent:
        self.last_event_id = fields.get("id", self.last_event_id)
        return ServerSentEvent(
            "\n".join(data) if data else None,
            event=fields.get("event"),
            id=fields.get("id"),
            retry_seconds=min(int(fields["retry"]) / 1000, MOST_SECONDS) if "retry" in fields else None,
        )


async def _lines(pieces: AsyncIterator[str]) -> AsyncGenerator[str]:
    """Yield whole lines. `str.splitlines` would not do: it knows a dozen ends of lines, and events have three."""
    rest = ""
    async for piece in pieces:
        # A carriage return at the end may be the first half of an end that a line feed completes.
        *lines, rest = _END_OF_LINE.split(rest + piece)
        for line in lines:
            yield line

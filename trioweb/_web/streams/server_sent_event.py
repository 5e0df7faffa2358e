"""One server-sent event, and its lines."""

from __future__ import annotations

import re
from typing import Any

import attrs

from trioweb.errors import LocalProtocolError
from trioweb.json_text import write_json

# These three end a line, and nothing else does (WHATWG HTML §9.2.5).
_LINE_END = re.compile(r"\r\n|\r|\n")

MOST_SECONDS = 86_400
"""A day. To keep a browser away for longer, answer it with 204."""

Data = str | dict[str, Any] | list[Any]
"""The data of an event: text, or a value that is sent as JSON."""


def _text(data: Data | None) -> str | None:
    if data is None or isinstance(data, str):
        return data
    if isinstance(data, dict | list):
        return write_json(data)
    raise LocalProtocolError(f"an event carries a str, or a dict or list as JSON, not {type(data).__name__}")


def _optional_text(instance: object, attribute: attrs.Attribute[str | None], value: object) -> None:
    del instance
    if value is not None and not isinstance(value, str):
        raise LocalProtocolError(
            f"the {attribute.name} of an event is a str, not {type(value).__name__}: {value!r}"
        )


def _line(instance: object, attribute: attrs.Attribute[str | None], value: str | None) -> None:
    _optional_text(instance, attribute, value)
    if value is not None and _LINE_END.search(value):
        raise LocalProtocolError(f"the {attribute.name} of an event is one line, not {value!r}")


def _identifier(instance: object, attribute: attrs.Attribute[str | None], value: str | None) -> None:
    _line(instance, attribute, value)
    if value is not None and "\0" in value:  # browsers ignore such an id altogether
        raise LocalProtocolError(f"the id of an event holds no NUL, not {value!r}")


def _seconds(instance: object, attribute: attrs.Attribute[float | None], value: Any) -> None:
    del instance
    if value is None:
        return
    if not isinstance(value, int | float) or not 0 <= value <= MOST_SECONDS:
        raise LocalProtocolError(f"{attribute.name} is a number from 0 to {MOST_SECONDS}, not {value!r}")


@attrs.frozen
class ServerSentEvent:
    """One event for an `EventStream` (WHATWG HTML §9.2.6).

    Attributes:
        data: The `event.data` of the page. A dict or a list becomes JSON. Without data, a
            browser does not dispatch an event to the page, but does use the other fields.
        event: The type that the page listens for; by default `"message"`.
        id: The browser sends it back as `request.last_event_id` when it reconnects. It also
            applies to later events, until one has another id.
        retry_seconds: How long the browser waits before it reconnects.
        comment: For people who look at the stream; browsers skip it.

    Raises:
        LocalProtocolError: A part cannot be sent: `event` and `id` must be single lines, an
            `id` must not contain NUL, and the data must be text or JSON.
    """

    data: str | None = attrs.field(default=None, converter=_text)
    event: str | None = attrs.field(default=None, kw_only=True, validator=_line)
    id: str | None = attrs.field(default=None, kw_only=True, validator=_identifier)
    retry_seconds: float | None = attrs.field(default=None, kw_only=True, validator=_seconds)
    comment: str | None = attrs.field(default=None, kw_only=True, validator=_optional_text)

    def encode(self) -> bytes:
        """Return its lines in UTF-8, with the empty one that ends it."""
        lines: list[str] = []
        if self.comment is not None:
            lines += [f": {line}" for line in _LINE_END.split(self.comment)]
        if self.event is not None:
            lines.append(f"event: {self.event}")
        if self.id is not None:
            lines.append(f"id: {self.id}")
        if self.retry_seconds is not None:
            lines.append(f"retry: {round(self.retry_seconds * 1000)}")
        if self.data is not None:
            lines += [f"data: {line}" for line in _LINE_END.split(self.data)]
        return "\n".join([*lines, "", ""]).encode("utf-8", "replace")

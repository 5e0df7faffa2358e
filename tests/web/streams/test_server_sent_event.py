"""Server-sent events: what is refused, and that a browser reads each event as it was meant."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb import LocalProtocolError, ServerSentEvent


class EventSource:
    """Reads a stream as WHATWG HTML §9.2.6 prescribes for browsers."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []
        self.last_id = ""
        self.retry_milliseconds: int | None = None

    def read(self, stream: bytes) -> EventSource:
        text = stream.decode("utf-8").removeprefix("\ufeff")
        kind, data = "", ""
        for line in re.split(r"\r\n|\r|\n", text)[:-1]:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line:
                if data:
                    self.events.append((kind or "message", data.removesuffix("\n"), self.last_id))
                kind, data = "", ""
            elif name == "event":
                kind = value
            elif name == "data":
                data += value + "\n"
            elif name == "id" and "\0" not in value:
                self.last_id = value
            elif name == "retry" and value.isascii() and value.isdigit():
                self.retry_milliseconds = int(value)
        return self


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (ServerSentEvent("hello"), b"data: hello\n\n"),
        (ServerSentEvent(""), b"data: \n\n"),
        (ServerSentEvent("a\nb\rc\r\nd\n"), b"data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"),
        (ServerSentEvent("not\u2028a\x0bnew\x85line"), b"data: not\xe2\x80\xa8a\x0bnew\xc2\x85line\n\n"),
        (ServerSentEvent({"a": [1, "ä"]}), 'data: {"a":[1,"ä"]}\n\n'.encode()),
        (ServerSentEvent([]), b"data: []\n\n"),
        (ServerSentEvent("half a pair: \ud800"), b"data: half a pair: ?\n\n"),
        (ServerSentEvent("x", event="joined", id="7"), b"event: joined\nid: 7\ndata: x\n\n"),
        (ServerSentEvent(id=""), b"id: \n\n"),
        (ServerSentEvent(retry_seconds=1.5), b"retry: 1500\n\n"),
        (ServerSentEvent(comment="two\nlines"), b": two\n: lines\n\n"),
        (ServerSentEvent(), b"\n"),
    ],
)
def test_an_event_is_written_in_lines(event: ServerSentEvent, lines: bytes) -> None:
    assert event.encode() == lines


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("event", "a\nb", "event of an event is one line"),
        ("event", "a\rb", "one line"),
        ("id", "a\r\nb", "id of an event is one line"),
        ("id", "a\0b", "NUL"),
        ("retry_seconds", -1, "retry_seconds is a number from 0 to 86400, not -1"),
        ("retry_seconds", math.nan, "not nan"),
        ("retry_seconds", math.inf, "not inf"),
        ("data", b"bytes", "a str, or a dict or list as JSON, not bytes"),
        ("data", 5, "not int"),
        ("event", 5, "the event of an event is a str, not int: 5"),
        ("id", 42, "the id of an event is a str, not int: 42"),
        ("comment", 3, "the comment of an event is a str, not int: 3"),
        ("retry_seconds", "2", "retry_seconds is a number from 0 to 86400, not '2'"),
    ],
)
def test_an_event_that_cannot_be_sent_is_refused_when_it_is_made(
    part: str, value: object, message: str
) -> None:
    with pytest.raises(LocalProtocolError, match=message):
        ServerSentEvent(**{part: value})


def test_a_value_that_is_not_json_is_refused_when_the_event_is_made() -> None:
    with pytest.raises(ValueError, match="JSON"):
        ServerSentEvent({"a": math.nan})


def test_an_event_does_not_change() -> None:
    event = ServerSentEvent("x", id="1")
    with pytest.raises(AttributeError):
        event.data = "y"  # type: ignore[misc]
    assert event == ServerSentEvent("x", id="1")


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1)


@given(st.lists(st.tuples(TEXT, LINE, LINE, st.none() | TEXT), max_size=4))
def test_a_browser_reads_an_event_as_it_was_meant(events: list[tuple[str, str, str, str | None]]) -> None:
    stream = b":\n\n" + b"".join(
        ServerSentEvent(data, event=kind, id=last, comment=comment).encode()
        for data, kind, last, comment in events
    )
    expected = [(kind, re.sub(r"\r\n|\r", "\n", data), last) for data, kind, last, _ in events]
    assert EventSource().read(stream).events == expected


def test_a_browser_heeds_an_event_without_data_but_does_not_dispatch_it() -> None:
    stream = ServerSentEvent(id="5", retry_seconds=2).encode() + ServerSentEvent("next").encode()
    source = EventSource().read(stream)
    assert source.events == [("message", "next", "5")]
    assert source.retry_milliseconds == 2000

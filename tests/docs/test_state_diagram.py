"""The diagram of a WebSocket's states is the table of its transitions."""

from __future__ import annotations

import re
from pathlib import Path

from trioweb._websocket.state import TRANSITIONS, Event, State

PAGE = (Path(__file__).parents[2] / "docs" / "concepts" / "closing.md").read_text(encoding="utf-8")


def diagram() -> str:
    """Write the table as Mermaid draws it, one arrow for all events between two states."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for (state, event), following in TRANSITIONS.items():
        arrows.setdefault((state, following), []).append(spoken(event))
    lines = [
        f"{state.name} --> {after.name}: {', '.join(events)}" for (state, after), events in arrows.items()
    ]
    lines = [f"[*] --> {State.CONNECTING.name}", *lines, f"{State.CLOSED.name} --> [*]"]
    return "\n".join(["stateDiagram-v2", *(f"    {line}" for line in lines)])


def spoken(event: Event) -> str:
    return event.name.lower().replace("_", " ")


def test_the_page_shows_the_table_as_it_is() -> None:
    drawn = re.search(r"^```mermaid\n(stateDiagram-v2\n.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)

    assert drawn
    assert drawn[1] == diagram()


def test_every_state_and_event_is_explained() -> None:
    explained = set(re.findall(r"^\| `?([A-Za-z_ ]+?)`? \|", PAGE, re.MULTILINE))

    assert {state.name for state in State} <= explained
    assert {spoken(event) for event in Event} <= explained

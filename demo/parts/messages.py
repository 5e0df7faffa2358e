"""JSON from outside, where anything may come."""

from __future__ import annotations

import json
from typing import Any


def parsed(message: str | bytes) -> Any:
    """Return the value of a message in JSON, or `None`, which no `match` of ours understands."""
    try:
        return json.loads(message)
    except (ValueError, RecursionError):  # the latter where brackets are nested too deep
        return None

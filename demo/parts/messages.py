"""JSON from outside, which may be anything."""

from __future__ import annotations

import json
from typing import Any


def parsed(message: str | bytes) -> Any:
    """Return the value of a message in JSON; for anything else `None`, which no program expects."""
    try:
        return json.loads(message)
    except (ValueError, RecursionError):  # the latter for brackets nested too deeply
        return None

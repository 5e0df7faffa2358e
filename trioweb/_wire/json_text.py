"""JSON as RFC 8259 has it, where Python's reader takes more."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

SHOWN_CHARACTERS = 40


def read_json(text: str) -> Any:
    """Return the value of a text.

    A number that no `float` holds is refused as `Infinity` is (§6, §9): it would become that, and the
    program could not write it as JSON any more.

    Raises:
        ValueError: It is not JSON, a `json.JSONDecodeError` if its place is known.
        RecursionError: It is nested too deeply.
    """
    return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number (RFC 8259 §6)")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        shown = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
        raise ValueError(f"the number {shown} is too large for a float")
    return number

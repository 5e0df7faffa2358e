"""JSON (RFC 8259) as trioweb reads and writes it: in bodies, messages and events.

Python's `json` goes further than the standard in both directions, and each step beyond it would
surface elsewhere, as a failure that is hard to trace:

| Python's `json`                    | here      | otherwise                                              |
|------------------------------------|-----------|--------------------------------------------------------|
| reads `NaN` and `Infinity`         | refused   | the program could not write them as JSON again (§6)    |
| reads `1e309` as infinity          | refused   | the same                                               |
| refuses a byte order mark in text  | skipped   | files of some editors begin with one (§8.1 allows both)|
| writes `NaN` and `Infinity`        | refused   | other readers would refuse the whole text              |
| writes half a surrogate pair as is | as escape | the text would have no UTF-8, and could not be sent    |

Bodies and messages share these rules; the caller decides what a failure leads to: a bad
body is answered with 400 and the reason, a bad message closes its WebSocket with 1007.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

SHOWN_DIGITS = 40
"""How much of a number an error shows: a peer chooses how long it is."""


def read_json(content: str | bytes) -> Any:
    """Return the value of a JSON text.

    Args:
        content: The text, or its UTF-8.

    Raises:
        ValueError: It is not JSON. The message completes the sentence "The body is ...", and
            says nothing about Python: the peer may see it.
    """
    try:
        text = content if isinstance(content, str) else content.decode()
        return json.loads(
            text.removeprefix("\ufeff"), parse_constant=_refuse_constant, parse_float=_finite_float
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"not JSON: byte {error.start} is not UTF-8") from error
    except RecursionError as error:
        raise ValueError("not JSON that can be read: it is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from error
    except ValueError as error:
        # Python's own bound on the digits of an integer comes with advice for programmers.
        problem = str(error)
        shown = "a number in it has too many digits" if "digits" in problem else problem
        raise ValueError(f"not JSON: {shown}") from error


def write_json(value: Any) -> str:
    """Return a value as compact JSON, on one line, which UTF-8 can always encode.

    A peer may have sent half a surrogate pair as an escape, and it becomes half a pair in a
    `str`. Then everything outside ASCII is escaped: such a text is rare, and need not be short.

    Raises:
        TypeError: The value contains something that JSON cannot represent.
        ValueError: It holds NaN, an infinity, or itself.
        RecursionError: It is nested too deeply.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if _is_encodable(text):
        return text
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _is_encodable(text: str) -> bool:
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number (RFC 8259 §6)")


def _finite_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        shown = text if len(text) <= SHOWN_DIGITS else f"{text[:SHOWN_DIGITS]}..."
        raise ValueError(f"the number {shown} is too large for a float")
    return number

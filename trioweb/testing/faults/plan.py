"""The faults of a connection and their places in its bytes: drawn from a seed, or written down.

A plan is made of places in the stream of bytes, not of calls. How many calls it takes to move some bytes depends on
timing, on buffers and on the other side. Places do not, so that a seed means the same faults in every run, and each
direction draws from a generator of its own: more bytes in one do not move the faults of the other.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, cast

import attrs

FaultKind = Literal["split", "delay", "stall", "reset", "end"]

LIKELIHOODS: Mapping[FaultKind, float] = {"split": 10, "delay": 6, "stall": 1, "reset": 1, "end": 1}
"""How often each kind is drawn in comparison with the others. Connections survive the first two."""

SHOWN_FAULTS = 20


@attrs.frozen
class Fault:
    """One thing that goes wrong with one direction of a connection.

    Attributes:
        kind: `"split"` ends a piece here. `"delay"` and `"stall"` let nothing through for `seconds`. `"reset"`
            breaks the connection in both directions. `"end"` is the end of this direction: the bytes after it
            never arrive.
        at_byte: How many bytes of this direction get through before it.
        seconds: For a delay or a stall.
    """

    kind: FaultKind
    at_byte: int
    seconds: float = 0.0

    @property
    def is_wait(self) -> bool:
        """Whether the bytes get through later, and nothing else happens."""
        return self.kind in {"delay", "stall"}

    def __str__(self) -> str:
        duration = f" of {self.seconds:.3g} s" if self.is_wait else ""
        return f"{self.kind}{duration} after {self.at_byte}"


class FaultyDirection:
    """One direction of a stream: how far it has come, and which faults are ahead and behind.

    Attributes:
        verb: `"sent"` or `"received"`.
        passed_bytes: How many bytes have got through.
        is_ended: Whether nothing more gets through.
        is_busy: Whether a task is using it.
    """

    def __init__(self, verb: Literal["sent", "received"], faults: Iterable[Fault]) -> None:
        self.verb = verb
        self.passed_bytes = 0
        self.is_ended = self.is_busy = False
        self._ahead = iter(faults)
        self._next = next(self._ahead, None)
        self._behind: deque[Fault] = deque(maxlen=SHOWN_FAULTS)

    def bytes_ahead(self) -> int | None:
        """Return how many bytes get through before the next fault; `None` if there is none."""
        return None if self._next is None else self._next.at_byte - self.passed_bytes

    def take(self, *, waits: bool) -> Fault | None:
        """Return the fault whose place has been reached, if any, and go on to the one after it.

        Args:
            waits: Whether it may be one that waits; if not, such a fault and those after it stay.
        """
        fault = self._next
        if fault is None or fault.at_byte > self.passed_bytes or (fault.is_wait and not waits):
            return None
        self._behind.append(fault)
        self._next = next(self._ahead, None)
        return fault

    def __str__(self) -> str:
        faults = ", ".join(map(str, self._behind)) or "no fault"
        return f"{self.passed_bytes} bytes {self.verb} ({faults})"


@attrs.frozen(kw_only=True)
class Odds:
    """How faults are drawn.

    Attributes:
        likelihoods: The kinds, each with how likely it is in comparison with the others.
        every_bytes: How many bytes are between two faults on average.
        most_delay_seconds: The longest delay.
        stall_seconds: How long a stall is.
    """

    likelihoods: Mapping[FaultKind, float]
    every_bytes: int
    most_delay_seconds: float
    stall_seconds: float

    def draw(self, seed: int, name: str) -> Iterator[Fault]:
        """Draw faults without end; they are the same for the same seed and name."""
        if self.every_bytes < 1:
            raise ValueError(f"every_bytes is at least 1, not {self.every_bytes}")
        return self._draw(random.Random(f"{seed} {name}"))  # noqa: S311 - it need not be secret

    def _draw(self, dice: random.Random) -> Iterator[Fault]:
        kinds, weights = list(self.likelihoods), list(self.likelihoods.values())
        place = 0
        while kinds:
            place += dice.randint(1, 2 * self.every_bytes - 1)
            (kind,) = dice.choices(kinds, weights)
            # Drawn for each kind, or another `stall_seconds` would move every fault that follows.
            drawn = dice.uniform(0, self.most_delay_seconds)
            seconds = {"delay": drawn, "stall": self.stall_seconds}.get(kind, 0.0)
            yield Fault(kind, place, seconds)


def likelihoods_of(faults: Iterable[FaultKind] | Mapping[FaultKind, float]) -> Mapping[FaultKind, float]:
    """Return a mapping as it is, and add to bare names how likely these are by default."""
    if isinstance(faults, Mapping):
        return cast("Mapping[FaultKind, float]", faults)
    return {kind: LIKELIHOODS[kind] for kind in faults}

"""How a command refuses: one line, and an exit status."""

from __future__ import annotations

FAILED = 1
USAGE = 2


class Refusal(Exception):
    """A mistake that the user can correct: `trioweb` prints the text and exits with the status.

    Every other exception is a bug, in the user's program or in ours, and keeps its traceback.
    """

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status

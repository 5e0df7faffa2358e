"""Counts the output that is not whole messages, so that messages and their bytes can be reported."""

from __future__ import annotations

from collections.abc import Sequence


class Ledger:
    """Counts everything that an outbox sends except messages.

    The outbox counts its output for its own purposes: for `flush`, and to notice whether the peer
    reads. So its bytes include the response to the handshake and control frames, and its messages
    include the close frame and the pieces of unfinished messages. The ledger counts all of these, so
    that they can be subtracted. A message in a single frame, the usual case, never passes here.

    Attributes:
        answer_bytes: The length of the response to the handshake, with which the output begins.
    """

    __slots__ = (
        "_batch",
        "_close_bytes",
        "_control_bytes",
        "_control_end",
        "_control_frames",
        "_leaving_bytes",
        "_leaving_frames",
        "_leaving_pieces",
        "_pieces",
        "answer_bytes",
    )

    def __init__(self) -> None:
        self.answer_bytes = 0
        self._close_bytes = 0
        self._control_frames = self._control_bytes = 0
        self._leaving_frames = self._leaving_bytes = self._control_end = 0
        self._pieces = self._leaving_pieces = 0
        self._batch = -1

    def control_leaves(self, frames: Sequence[bytes], sent_bytes: int) -> None:
        """Count control frames that leave next, after `sent_bytes`; the rest of the response comes first."""
        rest_bytes = max(0, self.answer_bytes - sent_bytes)
        if rest_bytes:
            frames = frames[1:]
        self._leaving_frames, self._leaving_bytes = len(frames), sum(map(len, frames))
        self._control_frames += self._leaving_frames
        self._control_bytes += self._leaving_bytes
        self._control_end = sent_bytes + rest_bytes + self._leaving_bytes

    def piece_leaves(self, sent_messages: int) -> None:
        """Count a frame that is not the last of its message, in the write after `sent_messages`."""
        if self._batch != sent_messages:
            self._batch, self._leaving_pieces = sent_messages, 0
        self._pieces += 1
        self._leaving_pieces += 1

    def close_comes(self, frame: bytes) -> None:
        """Count the close frame, which is queued as the last of all."""
        self._close_bytes = len(frame)

    def close_is_lost(self) -> None:
        """Take the close frame back: it will not leave."""
        self._close_bytes = 0

    def totals(
        self, sent_messages: int, sent_bytes: int, *, is_drained: bool
    ) -> tuple[int, int, int, int, int]:
        """Separate messages from the rest.

        Args:
            sent_messages: As the outbox counts them.
            sent_bytes: All bytes that are on their way, as the outbox counts them.
            is_drained: Nothing waits.

        Returns:
            The numbers of messages, bytes of their frames, control frames, bytes of control frames, and
            bytes of the response to the handshake.
        """
        unsent_bytes = min(self._leaving_bytes, max(0, self._control_end - sent_bytes))
        control_bytes = self._control_bytes - unsent_bytes
        control_frames = self._control_frames - (self._leaving_frames if unsent_bytes else 0)
        messages = sent_messages - self._pieces
        if self._batch == sent_messages:  # that write is not complete, or never was
            messages += self._leaving_pieces
        if is_drained and self._close_bytes:
            messages -= 1
            control_frames += 1
            control_bytes += self._close_bytes
        answer_bytes = min(self.answer_bytes, sent_bytes)
        message_bytes = sent_bytes - answer_bytes - control_bytes
        return messages, message_bytes, control_frames, control_bytes, answer_bytes

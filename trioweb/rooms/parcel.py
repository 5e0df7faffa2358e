"""A room's message while it waits in a member's outbox and may still be dropped."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from trioweb._connection.outbox import Buffers, Slot
from trioweb._connection.publication import Publication
from trioweb._wire.websocket import WebSocketWire

NOTICE_BYTES = 64
"""What the notice of a gap is taken for until it is written."""


class Parcel(Slot):
    """Encoded when it leaves. Dropped, it may stay in its place as the mark of a gap.

    Attributes:
        publication: The message; `None` once it has become the mark of a gap.
        key: For `Overflow.LATEST`.
        missed: As a mark, how many messages are missing there.
    """

    __slots__ = ("_notice", "_on_leaving", "_wire", "key", "missed", "publication")

    def __init__(
        self,
        publication: Publication,
        key: Hashable,
        wire: WebSocketWire,
        notice: Callable[[int], str | bytes] | None,
        on_leaving: Callable[[Parcel], None],
    ) -> None:
        super().__init__(publication.size_for(wire))
        self._wire = wire
        self._notice = notice
        self._on_leaving = on_leaving
        self.publication: Publication | None = publication
        self.key = key
        self.missed = 0

    def encode(self) -> Buffers:
        """Leave the member's list and become a frame."""
        self._on_leaving(self)
        publication = self.publication
        if publication is None:
            text = self._notice(self.missed) if self._notice is not None else b""
            publication = Publication(text)
        return publication.frame_for(self._wire)

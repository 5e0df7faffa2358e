"""A room's message while it waits in a member's outbox and may still be dropped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable

from trioweb._websocket.outbox_entry import Slot
from trioweb._websocket.publication import Publication
from trioweb._wire.frames import Buffers
from trioweb._wire.websocket import WebSocketWire
from trioweb.errors import SetupError
from trioweb.failures import log_failure
from trioweb.signatures import is_async

logger = logging.getLogger("trioweb")

NOTICE_BYTES = 64
"""How many bytes a notice counts as until its real length is known.

The notice is made when it leaves, because its text depends on how many messages are missing by then.
"""


class Parcel(Slot):
    """A message that is encoded when it leaves. If dropped, it may stay in place as the mark of a gap.

    Encoding late keeps it droppable: a compressor has not seen it, and no frame has been built that
    only this connection could use. Connections that share a frame still share it, through the
    `Publication`.

    Attributes:
        publication: The message; `None` once it has become the mark of a gap.
        key: The key under which `Overflow.LATEST` may replace it.
        missed: If it is a mark, how many messages are missing there.
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

    @property
    def is_mark(self) -> bool:
        """Whether it is the mark of a gap, and no longer a message."""
        return self.publication is None

    def encode(self) -> Buffers:
        """Leave the member's list and become a frame."""
        self._on_leaving(self)
        publication = self.publication
        if publication is None and self._notice is not None:
            publication = notice_of(self._notice, self.missed)
        return b"" if publication is None else publication.frame_for(self._wire)


def check_notice(make: object) -> None:
    """Refuse a function that cannot make a notice.

    Raises:
        SetupError: It cannot be called, or is an async function.
    """
    if not callable(make) or is_async(make):
        raise SetupError(
            f"missed_notice={make!r}: expected a function, not an async one, that takes how many messages "
            'were missed and returns the notice, such as lambda missed: f"you missed {missed}"'
        )


def notice_of(make: Callable[[int], str | bytes], missed: int) -> Publication | None:
    """Let the application make its notice; `None`, and a line in the log, if that fails.

    This runs while a publisher delivers or a transport writes. An exception there would end the task
    of somebody who can do nothing about it, so no exception gets out.
    """
    try:
        return Publication(make(missed))
    except Exception as error:
        log_failure(
            logger, "missed_notice failed: the gap of %d messages is only counted", missed, error=error
        )
        return None

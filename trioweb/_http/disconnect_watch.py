"""Noticing that the client disconnects while its request is answered.

A handler may wait for a long time on behalf of one client, and a stream may have no end of its own. Both
can be cancelled when the client disconnects, because no one would read their output.

HTTP has no message for leaving, so the end of the client's output has to be taken for one. That is
ambiguous: a client may end its output after its last request and still read (RFC 9112 §9.6), as some
command-line tools do. So a response that is nearly ready gets a short grace time. After that the client
counts as gone. Usually it is, and the server would go on working for no one.

Only a task that reads notices the end, and the bytes that it reads before that have to be kept or discarded.
`reading_ahead.py` decides which. This module decides which task reads, and which blocks it cancels.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext

import trio

from trioweb._http.link import Link
from trioweb._http.reading_ahead import Incoming, ReadingAhead
from trioweb._transport.companion import accompanied
from trioweb.errors import LocalProtocolError

HALF_CLOSED_SECONDS = 0.5
"""How long a response may still take when the client has ended its side."""


class DisconnectWatch:
    """Reads ahead during blocks of one request, and cancels those that asked for it.

    A transport takes one reader, but any number of tasks may watch, and one task may nest two
    watches. So the watches queue for a lock: one of them reads ahead, and when its block ends, the
    next one continues. When the reader finds that the client has left, each of the other watches
    learns this when it gets the lock.

    The alternative was one task that reads for all of them. It would need a nursery that outlives
    each block, and its failures would surface in whichever block happened to be first.

    Args:
        body: The body of the request, through which everything is read.
        link: The link to the client.
    """

    __slots__ = ("_body", "_has_left", "_link", "_reading", "_reading_ahead", "_watches")

    def __init__(self, body: Incoming, link: Link) -> None:
        self._body = body
        self._link = link
        self._reading_ahead = ReadingAhead(body, link)
        self._reading = trio.Lock()
        self._watches: set[trio.CancelScope] = set()
        self._has_left = False

    def cancel_on_disconnect(self) -> AbstractAsyncContextManager[trio.CancelScope]:
        """Do as `cancel_stream_on_disconnect`, for a request whose body has been read.

        While the body is still arriving, a watch could miss the disconnect: reading ahead stops at its
        bound and waits for a reader, so it never gets to the end of the input. During a streamed
        response this is rare, because a body that no task reads is discarded then.

        Raises:
            LocalProtocolError: The body has not been read, the request is answered, or it has become
                a WebSocket.
        """
        if self._body.is_to_come and not self._body.is_closed:
            raise LocalProtocolError(
                "cannot watch for a disconnect while the body is still arriving: await request.body() first"
            )
        return self.cancel_stream_on_disconnect()

    def cancel_stream_on_disconnect(self) -> AbstractAsyncContextManager[trio.CancelScope]:
        """Cancel a block when the client ends its side, or resets the connection.

        Exceptions of the block are raised as they are, not in a group. Bytes that the client sends in the meantime
        are held, within the bounds of `reading_ahead.py`.

        Raises:
            LocalProtocolError: The request is answered, or has become a WebSocket.
        """
        if self._body.is_closed:
            raise LocalProtocolError(
                "cannot watch for a disconnect: this request is answered, or has become a WebSocket,"
                " which notices by itself"
            )
        return accompanied(self._cancel, "trioweb disconnect watch")

    def discarding(self) -> AbstractAsyncContextManager[object]:
        """Discard the rest of the body during a block that sends the response.

        This is for a response whose handler has returned, so no task will read the body. Many clients
        read nothing before they have sent everything, and each side would wait for the other. The block
        is not cancelled, because sending fails by itself when the client is gone.
        """
        if not self._body.is_to_come or self._body.is_closed:
            return nullcontext()
        self._body.is_wanted = False
        return accompanied(self._discard, "trioweb reading ahead")

    async def _cancel(self, block: trio.CancelScope) -> None:
        if await self._has_disconnected():
            block.cancel(reason="the client has disconnected")

    async def _discard(self, _block: trio.CancelScope) -> None:
        await self._has_disconnected()

    async def _has_disconnected(self) -> bool:
        """Read ahead until the client has left; return `False` if the watch was stopped before that."""
        with trio.CancelScope() as watch:
            self._watches.add(watch)
            try:
                async with self._reading:
                    if not self._has_left:
                        await self._reading_ahead.run()
                        with self._link.timers.move_on_after(HALF_CLOSED_SECONDS):
                            await trio.sleep_forever()
                    self._has_left = True
                    return True
            finally:
                self._watches.discard(watch)
        return False

    def stop(self) -> None:
        """End all watches: the request is answered. Blocks that are still open continue."""
        for watch in list(self._watches):
            watch.cancel(reason="the request is answered")

    async def wait_stopped(self) -> None:
        """End all watches, and wait until none of them reads any more."""
        self.stop()
        async with self._reading:
            pass

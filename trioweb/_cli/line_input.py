"""Standard input as lines, for a program that does other things meanwhile.

`sys.stdin.readline` in a thread is the usual way, and it has a fault: a thread that waits for a key
cannot be cancelled, so that a program whose connection has ended would go on until somebody presses
Enter. Trio can wait for a descriptor instead. Regular files and some devices cannot be waited for.
They are read in a thread, but they are also always ready, so that no thread is left waiting.

The descriptor is not made non-blocking: it is shared with the shell, which would get it back that way.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

import trio

from trioweb._cli.refusal import FAILED, Refusal

INPUT_BYTES = 65_536
INPUT_LINE_BYTES = 64 * 1024 * 1024
"""How much of a line without an end is kept."""


class LineInput:
    """The lines of a descriptor. One task at a time.

    Args:
        descriptor: A pipe, a terminal, a file or a device.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = bytearray()
        self._searched_bytes = 0
        self._is_over = False
        self._can_wait = True
        self.is_terminal = os.isatty(descriptor)

    async def receive_line(self) -> bytes | None:
        """Return the next line without its line feed, and `None` after the last one.

        The end of the input ends a line too, unless it is empty.

        Raises:
            Refusal: The input cannot be read, or a line is longer than `INPUT_LINE_BYTES`.

        Cancellation: Safe; no input is lost.
        """
        while (end := self._buffer.find(b"\n", self._searched_bytes)) < 0:
            self._searched_bytes = len(self._buffer)
            if self._searched_bytes > INPUT_LINE_BYTES:
                raise Refusal(f"a line of the input is longer than {INPUT_LINE_BYTES} bytes", FAILED)
            if self._is_over:
                return self._take(len(self._buffer)) or None
            data = await self._read()
            self._buffer += data
            self._is_over = not data
        await trio.lowlevel.checkpoint()
        return self._take(end)

    def _take(self, end: int) -> bytes:
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched_bytes = 0
        return line

    async def _read(self) -> bytes:
        try:
            while self._can_wait:
                try:
                    await trio.lowlevel.wait_readable(self._descriptor)
                except OSError:  # not one that can be waited for
                    self._can_wait = False
                else:
                    with suppress(BlockingIOError):  # non-blocking, and another process was quicker
                        return os.read(self._descriptor, INPUT_BYTES)
            # Reading a regular file ends soon; abandoning it would lose what it has read.
            may_abandon = not stat.S_ISREG(os.fstat(self._descriptor).st_mode)
            return await trio.to_thread.run_sync(
                os.read, self._descriptor, INPUT_BYTES, abandon_on_cancel=may_abandon
            )
        except OSError as error:
            if error.errno == errno.EIO:  # the terminal has gone away
                return b""
            raise Refusal(f"the input cannot be read: {error.strerror}", FAILED) from None

"""Standard output for a program that must not stop while its reader does.

A write to a full pipe blocks the whole program: pings would go unanswered, and the server would
take the connection for dead. So each write waits in Trio until there is room. The descriptor stays
blocking, because it is often the terminal that the shell reads from. A write of at most `PIPE_BYTES`
does not block once the system has reported room for it: pipes promise that much.
"""

from __future__ import annotations

import os
import select

import trio

from trioweb._cli.refusal import FAILED, Refusal

PIPE_BYTES = getattr(select, "PIPE_BUF", 512)  # POSIX promises at least that; Windows has no name for it


class LineOutput:
    """Writes to a descriptor. Any number of tasks; their texts do not mix.

    Args:
        descriptor: A pipe, a terminal, a file or a device.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._readiness = select.poll()
        self._readiness.register(descriptor, select.POLLOUT)
        self._turn = trio.Lock()
        self.is_terminal = os.isatty(descriptor)

    async def write(self, text: str) -> None:
        """Write a text as UTF-8, waiting while the reader is slow.

        Raises:
            BrokenPipeError: The reader has gone away.
            Refusal: It cannot be written for another reason, such as a full disk.

        Cancellation: A part of the text may have been written.
        """
        data = memoryview(text.encode(errors="backslashreplace"))
        async with self._turn:
            while data:
                await self._wait()
                try:
                    data = data[os.write(self._descriptor, data[:PIPE_BYTES]) :]
                except BlockingIOError:  # somebody has made it non-blocking, and another process was quicker
                    continue
                except BrokenPipeError:
                    raise
                except OSError as error:
                    raise Refusal(f"the output cannot be written: {error.strerror}", FAILED) from None

    async def _wait(self) -> None:
        # Asking costs a tenth of waiting. And a regular file, for which Trio cannot wait, is always ready.
        if self._readiness.poll(0):
            await trio.lowlevel.checkpoint()
        else:
            await trio.lowlevel.wait_writable(self._descriptor)

"""Multipart forms in bytes, as a browser makes them (HTML §4.10.21.8)."""

from __future__ import annotations

import os
import threading
from itertools import pairwise
from typing import NamedTuple

import pytest
import trio

from trioweb import HTTPError

BOUNDARY = "----Boundary7MA4YWxkTrZu0gW"
MULTIPART = ("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
URLENCODED = ("Content-Type", "application/x-www-form-urlencoded")


class Part(NamedTuple):
    name: str
    content: bytes
    filename: str | None = None
    content_type: str | None = None


def escaped(text):
    return text.replace("\n", "%0A").replace("\r", "%0D").replace('"', "%22")


def encode_part(part):
    disposition = f'form-data; name="{escaped(part.name)}"'
    if part.filename is not None:
        disposition += f'; filename="{escaped(part.filename)}"'
    lines = [f"Content-Disposition: {disposition}"]
    if part.content_type is not None:
        lines.append(f"Content-Type: {part.content_type}")
    return "\r\n".join([*lines, "\r\n"]).encode() + part.content


def encode(*parts, boundary=BOUNDARY):
    line = f"--{boundary}".encode()
    return b"".join(line + b"\r\n" + encode_part(Part(*part)) + b"\r\n" for part in parts) + line + b"--\r\n"


def cut(data, places):
    """Cut bytes at these places."""
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


def open_files_in(folder):
    """Count the files of a folder that this process holds open, with or without a name."""
    links = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        except FileNotFoundError:  # the descriptor of the listing itself
            continue
    return len([link for link in links if link.startswith(os.fspath(folder) + os.sep)])


class SlowReads:
    """A disk on which a read lasts until `may_end` is set."""

    def __init__(self, monkeypatch):
        self.may_end = threading.Event()
        self._begun = threading.Semaphore(0)
        read = os.pread

        def slow(*arguments):
            self._begun.release()
            assert self.may_end.wait(20)
            return read(*arguments)

        monkeypatch.setattr(os, "pread", slow)

    async def begun(self, count=1):
        """Wait until this many threads read."""
        for _ in range(count):
            while not self._begun.acquire(blocking=False):
                await trio.lowlevel.checkpoint()


async def refusal(request):
    with pytest.raises(HTTPError) as caught:
        await request.form()
    return caught.value.status, caught.value.detail

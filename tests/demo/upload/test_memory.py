"""The upload example's memory, while a file comes that is far larger."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import socket
from functools import partial

import pytest
from support.program import Program
from websockets.sync.client import connect

from trioweb.testing import handshake

SLICE = 256 * 1024


def peak_bytes(program):
    with open(f"/proc/{program.process.pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads the peak of memory from /proc")
@pytest.mark.parametrize(("path", "megabytes"), [("/whole", 200), ("/slices", 100)])
def test_memory_stays_small_however_large_the_file(path, megabytes, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Program("demo/upload.py", "--port", "0") as program:
        port = int(program.wait_for_url().rpartition(":")[2])
        send = partial(send_whole if path == "/whole" else send_in_slices, port)
        send(1_000_000)
        before = peak_bytes(program)
        digest = send(megabytes * 1_000_000)
        assert peak_bytes(program) - before < 16_000_000
        (stored,) = tmp_path.rglob("file (2)")
        with stored.open("rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == digest
        assert program.interrupt()[0] == 0


def send_whole(port, size):
    """One message in one frame, by a client that has no library and never holds it whole."""
    piece = random.Random(0).randbytes(1_000_000)
    digest = hashlib.sha256()
    with socket.create_connection(("127.0.0.1", port)) as stream, stream.makefile("rb") as answers:
        stream.sendall(handshake("/whole"))
        while answers.readline() != b"\r\n":
            pass
        name = json.dumps({"name": "", "size": size}).encode()
        stream.sendall(bytes([0x81, 0x80 | len(name), 0, 0, 0, 0]) + name)
        read_frame(answers)
        stream.sendall(b"\x82\xff" + size.to_bytes(8, "big") + bytes(4))
        for _ in range(size // len(piece)):
            stream.sendall(piece)
            digest.update(piece)
        first, payload = read_frame(answers)
        assert first == 0x81, payload
        assert json.loads(payload)["sha256"] == digest.hexdigest()
    return digest.hexdigest()


def read_frame(stream):
    """Read one short frame: its first byte and its payload."""
    first, length = stream.read(2)
    if length == 126:
        length = int.from_bytes(stream.read(2), "big")
    return first, stream.read(length)


def send_in_slices(port, size):
    digest = hashlib.sha256()
    piece = random.Random(0).randbytes(SLICE)
    with connect(f"ws://127.0.0.1:{port}/slices", proxy=None) as ws:
        ws.send(json.dumps({"name": "", "size": size}))
        ws.recv()
        for offset in range(0, size, SLICE):
            part = piece[: size - offset]
            ws.send(offset.to_bytes(8, "big") + part)
            digest.update(part)
            ws.recv()
        assert json.loads(ws.recv())["sha256"] == digest.hexdigest()
    return digest.hexdigest()

"""A program beside the test: its output is read line by line, and Ctrl-C ends it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 20
URL = r"https?://[\w.\[\]:]+:\d+"


class Program:
    """Python with these arguments. Leaving the block kills it if it still runs."""

    def __init__(self, *arguments, cwd=ROOT):
        self.process = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def wait_for(self, pattern):
        """Read lines until one has the pattern; the failure shows the lines read before."""
        read = []
        for line in self.process.stdout:
            read.append(line)
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"the program ended without {pattern!r}:\n{''.join(read)}")

    def wait_for_url(self):
        return self.wait_for(URL)[0]

    def interrupt(self):
        """Press Ctrl-C, and return the exit status and the output since."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self):
        printed, _ = self.process.communicate(timeout=STOP_SECONDS)
        return self.process.returncode, printed

"""The plain end of a transport: it records all calls, and sends the bytes it has."""

from __future__ import annotations


class Recorder:
    """A receiver; `failing` names the methods whose call is a bug."""

    def __init__(self, *failing):
        self.failing = failing
        self.told = []

    def data_received(self, data, now):
        self._tell("data", data)

    def input_ended(self):
        self._tell("ended")

    def lost(self):
        self._tell("lost")

    def drained(self):
        self._tell("drained")

    def blocked(self):
        self._tell("blocked")

    def _tell(self, name, *what):
        self.told.append((name, *what) if what else name)
        if name in self.failing:
            raise LookupError(f"a bug in {name}")


class Writing:
    """An output whose progress a recorder is told, among what it receives."""

    def __init__(self, output, recorder):
        self.gather, self.advance = output.gather, output.advance
        self.drained, self.blocked = recorder.drained, recorder.blocked


def begin(transport, recorder, output):
    """Start a transport, and have all that it tells written down in one place."""
    transport.start(recorder, Writing(output, recorder))


class Pile:
    """An output of buffers that wait; `None` among them is a bug."""

    def __init__(self, *buffers):
        self.buffers = list(buffers)

    def gather(self):
        if self.buffers and self.buffers[0] is None:
            raise LookupError("a bug in the output")
        return self.buffers[:1]

    def advance(self, sent_bytes):
        rest = self.buffers[0][sent_bytes:]
        self.buffers[:1] = [rest] if rest else []
        return bool(self.buffers)

    def drained(self):
        """Not asked for here."""

    def blocked(self):
        """Nor is this."""

"""What the Trio client of `websockets` needs to be told."""

from __future__ import annotations

UNREAD = 1000
"""For `max_queue`: with more messages unread than that, 16 by default, the end of its block waits for ever."""

"""A setting that the Trio client of `websockets` needs."""

from __future__ import annotations

UNREAD = 1000
"""For `max_queue`: with more unread messages than this, 16 by default, the end of its block never comes."""

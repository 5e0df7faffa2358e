"""Connections in memory: streams, the listener that accepts them, and what has passed. See README.md above."""

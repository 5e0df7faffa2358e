"""Streams over a bad network."""

"""Cancelling a scenario at each of its checkpoints."""

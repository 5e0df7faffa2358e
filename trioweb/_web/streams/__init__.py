"""Responses that are generated while they are sent."""

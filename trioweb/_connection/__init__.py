"""Connections: where Trio begins. See README.md beside this file."""

"""The server: listeners, sessions, shutdown. See README.md beside this file."""

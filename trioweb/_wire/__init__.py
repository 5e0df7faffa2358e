"""Bytes to events and back, without I/O: HTTP/1.1, the handshake, and WebSocket frames."""

"""One WebSocket: its messages, its backpressure and its end."""

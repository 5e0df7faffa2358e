"""What carries bytes: sockets and streams, pushed by shared tasks."""

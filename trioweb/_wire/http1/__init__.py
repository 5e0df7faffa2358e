"""HTTP/1.1, as the server reads and writes it."""

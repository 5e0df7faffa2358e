"""HTTP/1.1 over a transport."""

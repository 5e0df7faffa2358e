"""The client of a test: requests, WebSockets, expectations. See README.md above."""

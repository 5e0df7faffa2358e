"""Finding out that a test waits for ever, and saying why. See README.md above."""

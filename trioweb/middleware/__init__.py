"""What is wrapped around every request and every handshake."""

from trioweb.middleware.chain import Middleware, Next

__all__ = ["Middleware", "Next"]

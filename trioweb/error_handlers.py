"""Error handlers: they turn exceptions into responses."""

from __future__ import annotations

import inspect
import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from trioweb._web.error_pages import error_response
from trioweb._web.request import Request
from trioweb._web.response import Response, prepared
from trioweb.errors import (
    DuplicateRoute,
    HandshakeRejected,
    HTTPError,
    LocalProtocolError,
    RemoteProtocolError,
    SetupError,
)
from trioweb.exception_groups import bare
from trioweb.failures import log_failure
from trioweb.newcomers import explain

logger = logging.getLogger("trioweb")

ErrorHandler = Callable[[Request, Any], Awaitable[object]]


class ErrorHandlers:
    """Finds the handler for an exception: by status first, then by its class and bases."""

    def __init__(self) -> None:
        self._by_status: dict[int, ErrorHandler] = {}
        self._by_type: dict[type[Exception], ErrorHandler] = {}

    def __bool__(self) -> bool:
        return bool(self._by_status or self._by_type)

    def add(self, key: type[Exception] | int, handler: ErrorHandler) -> None:
        """Register a handler for a class of exceptions or for one status.

        Args:
            key: An exception class or a status, checked by `check_key`.
            handler: The function that makes the response.

        Raises:
            DuplicateRoute: There is already a handler for it.
        """
        if isinstance(key, int):
            known = self._by_status.setdefault(key, handler)
        else:
            known = self._by_type.setdefault(key, handler)
        if known is not handler:
            raise DuplicateRoute(f"there is an error handler for {key!r} already")

    async def respond(self, request: Request, error: Exception, *, is_debug: bool) -> Response:
        """Return the response for an exception that a handler or middleware raised, prepared.

        If an error handler fails itself, the response is 500; no exception escapes.
        """
        error = bare(error)  # without the group of a nursery
        handler = self._find(error)
        if handler is not None:
            if handler in (self._by_status.get(500), self._by_type.get(Exception)):
                self._log(request, error)  # a handler for 500 answers every bug, but it is still a bug
            try:
                # A file that cannot be opened is a failure of the handler too.
                return await prepared(Response.of(await handler(request, error)), request)
            except Exception as second:
                error = second
        carried = as_http_error(error)
        if carried is not None:
            try:
                return error_response(carried, accept=request.headers.get("accept", ""))
            except LocalProtocolError as bad_headers:
                error = bad_headers
        self._log(request, error)
        shown = "".join(traceback.format_exception(error)) if is_debug else None
        return error_response(HTTPError(500), accept=request.headers.get("accept", ""), traceback=shown)

    @staticmethod
    def _log(request: Request, error: Exception) -> None:
        if as_http_error(error) is None:
            explain(error)
            log_failure(logger, "%s %s failed", request.method, request.raw_path, error=error)

    def _find(self, error: Exception) -> ErrorHandler | None:
        carried = as_http_error(error)
        if carried is not None and carried.status in self._by_status:
            return self._by_status[carried.status]
        for kind in type(error).__mro__:
            if kind is HTTPError and carried is None:
                continue  # an answer to this program, not one of it
            if kind in self._by_type:
                return self._by_type[kind]
        return self._by_status.get(500) if carried is None else None


def check_key(key: object) -> None:
    """Refuse a key that an error handler cannot have.

    Raises:
        SetupError: It is neither an exception class nor a status of an error.
    """
    routine = inspect.isroutine(key)
    is_status = isinstance(key, int) and not isinstance(key, bool) and 400 <= key <= 599
    if not is_status and not (isinstance(key, type) and issubclass(key, Exception)):
        advice = ""
        if routine:
            advice = (
                ": write @app.error_handler(SomeError) above the handler, with what it is for in parentheses"
            )
        elif isinstance(key, tuple):
            advice = ": write one @app.error_handler(...) above the handler for each"
        raise SetupError(
            f"an error handler is for an exception class or a status from 400 to 599, not {key!r}{advice}"
        )


def as_http_error(error: Exception) -> HTTPError | None:
    """Return the status that an exception carries, or `None` for a failure of the program.

    A status that another server has sent to a client in a handler is such a failure. Its 403 is about
    this program, and sent on it would tell a stranger that he may not be here.
    """
    if isinstance(error, HTTPError):
        return None if isinstance(error, HandshakeRejected) and error.was_received else error
    if isinstance(error, RemoteProtocolError) and error.status is not None:
        return HTTPError(error.status, str(error))
    return None

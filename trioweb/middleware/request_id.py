"""A name for each request, for the client and for the log."""

from __future__ import annotations

import logging
import re
import uuid
from contextvars import ContextVar

import attrs

from trioweb._web.request import Request
from trioweb._web.response import Response
from trioweb.errors import ConfigError
from trioweb.headers import is_token
from trioweb.middleware.chain import Next
from trioweb.validators import instance_of

_ACCEPTABLE = re.compile(r"[0-9A-Za-z._~+/=:@-]{1,128}")

_NOBODY = "-"
_current: ContextVar[str] = ContextVar("trioweb_request_id")


def _is_header_name(instance: object, attribute: attrs.Attribute[str], value: object) -> None:
    del instance, attribute
    if not isinstance(value, str) or not is_token(value):
        raise ConfigError(f"RequestId.header takes the name of a header field, not {value!r}")


@attrs.frozen(kw_only=True)
class RequestId:
    """Give each request a name: `request.state.request_id`, and a field of the answer.

    Every answer has it, errors and accepted handshakes too; `ws.state.request_id` is the
    same. With `RequestIdFilter` the log has it.

    Args:
        header: The field of the answer, and of the request if that is trusted.
        is_client_trusted: Take the name that the request brings, if it is 1 to 128 letters,
            digits or any of `._~+/=:@-`. For servers behind a proxy that sets the field;
            anybody else could give many requests one name.

    Raises:
        ConfigError: `header` cannot be the name of a field.
    """

    header: str = attrs.field(default="X-Request-ID", validator=_is_header_name)
    is_client_trusted: bool = attrs.field(default=False, validator=instance_of(bool))

    async def __call__(self, request: Request, call_next: Next) -> Response:
        """Answer as the next layer does, with the name added.

        Cancellation: As the next layer; the name stays the log's.
        """
        given = request.headers.get(self.header, "") if self.is_client_trusted else ""
        name = given if _ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex
        request.state.request_id = name
        # It stays until `forget_request_id`, for the line in the access log and for a WebSocket's
        # handler with its tasks, which all come after this.
        _current.set(name)
        response = await call_next(request)
        response.headers[self.header] = name
        return response


def forget_request_id() -> None:
    """For the server: what the connection's task logs from here on is about another request."""
    _current.set(_NOBODY)


class RequestIdFilter(logging.Filter):
    """Gives each record a `request_id`: of the request in whose task it is logged, or `-`.

    Add it to a handler, whose formatter may then use `%(request_id)s`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the name, and let the record pass."""
        record.request_id = _current.get(_NOBODY)
        return True

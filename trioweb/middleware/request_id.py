"""An id for each request, for the client and for the log.

The log gets the id from a context variable, so it does not have to be passed to every function that
logs. Tasks started by the handler inherit it.
"""

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
    """Give each request an id: `request.state.request_id`, and a field of the response.

    Every response has the field, including errors and accepted handshakes; `ws.state.request_id`
    is the same id. With `RequestIdFilter`, the log shows it.

    Args:
        header: The field of the response, and of the request if clients are trusted.
        is_client_trusted: Whether to keep an id sent with the request, if it consists of 1 to
            128 letters, digits or any of `._~+/=:@-`. For servers behind a proxy that sets the
            field; other clients could give the same id to many requests.

    Raises:
        ConfigError: `header` cannot be the name of a field.
    """

    header: str = attrs.field(default="X-Request-ID", validator=_is_header_name)
    is_client_trusted: bool = attrs.field(default=False, validator=instance_of(bool))

    async def __call__(self, request: Request, call_next: Next) -> Response:
        """Pass the request on with its id, and add the id to the response.

        Cancellation: As for the next layer. The id stays set, so that the log can still show it.
        """
        given = request.headers.get(self.header, "") if self.is_client_trusted else ""
        name = given if _ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex
        request.state.request_id = name
        # Not reset when this layer returns: the access log, a WebSocket's handler and the tasks of that
        # handler run later, and need it. `forget_request_id` ends it.
        _current.set(name)
        response = await call_next(request)
        response.headers[self.header] = name
        return response


def forget_request_id() -> None:
    """Forget the id. The server calls this before it logs about another request."""
    _current.set(_NOBODY)


class RequestIdFilter(logging.Filter):
    """Gives each log record the `request_id` of the request whose task logs it, or `-`.

    Add it to a logging handler; its formatter may then use `%(request_id)s`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the id, and let the record pass."""
        record.request_id = _current.get(_NOBODY)
        return True

"""Names that things have in other frameworks, and what to write instead.

An application ported from another framework fails at such a name first. The `AttributeError`
would be correct without advice, but would send its author to the documentation each time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn, TypeVar

WEBSOCKET = {
    "send_text": "await ws.send(text)",
    "send_bytes": "await ws.send(data)",
    "send_message": "await ws.send(message)",
    "recv": "await ws.receive()",
    "get_message": "await ws.receive()",
    "iter_text": "async for message in ws",
    "iter_bytes": "async for message in ws",
    "iter_json": "await ws.receive_json()",
    "close": "await ws.aclose(code, reason)",
    "close_code": "ws.closed.code",
    "client_state": "ws.closed",
    "application_state": "ws.closed",
    "headers": "ws.request.headers",
    "query_params": "ws.request.query",
    "args": "ws.request.query",
    "cookies": "ws.request.cookies",
    "url": "ws.request.url",
    "path": "ws.request.path",
    "client": "ws.request.client",
    "remote_address": "ws.request.client",
    "app": "ws.request.app_state, or the app that the module has made",
}

CLIENT_WEBSOCKET = {
    "send_text": "await ws.send(text)",
    "send_str": "await ws.send(text)",
    "send_bytes": "await ws.send(data)",
    "send_message": "await ws.send(message)",
    "recv": "await ws.receive()",
    "receive_str": "await ws.receive_text()",
    "get_message": "await ws.receive()",
    "iter_text": "async for message in ws",
    "iter_bytes": "async for message in ws",
    "close": "await ws.aclose(code, reason)",
    "close_code": "ws.closed.code",
    "close_reason": "ws.closed.reason",
    "latency": "ws.latency_seconds",
    "protocol": "ws.subprotocol",
    "headers": "ws.response.headers",
    "response_headers": "ws.response.headers",
}

CONNECT: dict[str, str] = dict.fromkeys(
    ("send", "receive", "recv", "send_json", "receive_text", "receive_json", "aclose", "close"),
    "async with trioweb.connect(url) as ws: and use ws",
)
"""Names of the WebSocket that a program may look for in the block that `connect` returns."""

ROUTER = {
    "include_router": "app.include(prefix, router)",
    "register_blueprint": "app.include(prefix, router)",
    "mount": "app.include(prefix, router), or app.static(prefix, folder) for files",
    "add_route": "app.route(path, methods=[...])(handler)",
    "add_api_route": "app.route(path, methods=[...])(handler)",
    "api_route": "@app.route(path, methods=[...])",
    "add_websocket_route": "app.websocket(path)(handler)",
    "websocket_route": "@app.websocket(path)",
    "add_middleware": "app.middleware(GZip()), or @app.middleware over an async function",
    "before_request": "@app.middleware over an async function of request and call_next",
    "after_request": "@app.middleware over an async function of request and call_next",
    "exception_handler": "@app.error_handler(SomeError)",
    "add_exception_handler": "app.error_handler(SomeError)(handler)",
    "errorhandler": "@app.error_handler(SomeError)",
    "on_event": "App(lifespan=...)",
    "add_event_handler": "App(lifespan=...)",
    "url_path_for": "app.url_for(name, ...)",
    "run": "trioweb.run(app)",
}

REQUEST = {
    "query_params": "request.query",
    "args": "request.query",
    "get_json": "await request.json()",
    "get_data": "await request.body()",
    "files": "await request.form()",
    "is_disconnected": "async with request.cancel_on_disconnect()",
    "match_info": "request.path_params",
    "view_args": "request.path_params",
    "remote_addr": "request.client",
    "url_for": "app.url_for(name, ...)",
    "app": "request.app_state, or the app that the module has made",
}

RESPONSE = {
    "status_code": "response.status",
    "media_type": 'response.headers["content-type"]',
    "mimetype": 'response.headers["content-type"]',
}

MODULE = {
    "JSONResponse": "trioweb.JSON",
    "ORJSONResponse": "trioweb.JSON",
    "HTMLResponse": "trioweb.HTML",
    "PlainTextResponse": "trioweb.Text",
    "RedirectResponse": "trioweb.Redirect",
    "FileResponse": "trioweb.File",
    "StreamingResponse": "trioweb.Stream",
    "EventSourceResponse": "trioweb.EventStream",
    "HTTPException": "trioweb.HTTPError",
    "WebSocketException": "trioweb.CloseWebSocket",
    "WebSocketDisconnect": "async for message in ws, which ends when the peer leaves",
    "Depends": "a call in the handler: there is no dependency injection",
    "APIRouter": "trioweb.Router",
    "Blueprint": "trioweb.Router",
    "FastAPI": "trioweb.App",
    "Starlette": "trioweb.App",
    "UploadFile": "trioweb.Upload",
    "StaticFiles": "app.static(prefix, folder)",
    "responses": "trioweb.Response, trioweb.JSON and the others, which are in trioweb itself",
    "websockets": "trioweb.WebSocket",
    "requests": "trioweb.Request",
    "exceptions": "trioweb.errors",
}

KEYWORDS = {
    "status_code": "status=",
    "media_type": "content_type=",
    "mimetype": "content_type=",
    "content": "the body first, as in Text(body)",
    "max_age": "max_age_seconds=",
    "httponly": "http_only=",
    "samesite": "same_site=",
    "filename": "download_name=",
}
"""The names that arguments of responses, cookies and `HTTPError` have here."""

ClassT = TypeVar("ClassT", bound=type)


class ForeignName:
    """A missing attribute whose `AttributeError` says what to write instead.

    `__getattr__` would do the same. But before Python 3.12 a class that has it is slower at
    every attribute that does exist: 30 ns instead of 8.
    """

    __slots__ = ("_advice", "_name")

    def __init__(self, name: str, advice: str) -> None:
        self._name = name
        self._advice = advice

    def __get__(self, instance: object, owner: type) -> NoReturn:
        raise AttributeError(
            f"{owner.__name__!r} object has no attribute {self._name!r}: write {self._advice}",
            name=self._name,
            obj=instance,
        )


def explaining(names: Mapping[str, str]) -> Callable[[ClassT], ClassT]:
    """Make a class raise errors with advice for names that it does not have.

    The names are not in `dir()`, type checkers do not know them, and `hasattr` returns `False`.
    """

    def decorate(cls: ClassT) -> ClassT:
        def own_names(self: object) -> Iterable[str]:
            return [name for name in object.__dir__(self) if name not in names]

        assert not any(hasattr(cls, name) for name in names)
        added: dict[str, object] = {name: ForeignName(name, advice) for name, advice in names.items()}
        for name, value in (added | {"__dir__": own_names}).items():
            setattr(cls, name, value)
        return cls

    return decorate


def refuse_module_name(name: str) -> NoReturn:
    """Raise the error for a name that trioweb does not have; for `__getattr__` of the module.

    Raises:
        ImportError: For `from trioweb import name`, which would replace the text of an `AttributeError`.
        AttributeError: For any other use.
    """
    advice = f": write {MODULE[name]}" if name in MODULE else ""
    # Frame 0 is this function, 1 is `__getattr__`, 2 its caller. For `from ... import`, importlib
    # calls `hasattr` there to look for a submodule.
    if advice and sys._getframe(2).f_code.co_name == "_handle_fromlist":  # noqa: SLF001 - it is public all the same
        raise ImportError(f"cannot import name {name!r} from 'trioweb'{advice}", name=name)
    raise AttributeError(f"module 'trioweb' has no attribute {name!r}{advice}", name=name)

"""Private chat: log in, and write messages that only one person receives.

Try it with `python demo/private_chat.py --port 8000`. With CHAT_KEY set to some secret,
people stay logged in when the server restarts.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import attrs
import trio

from trioweb import (
    App,
    CloseCode,
    CloseWebSocket,
    ConnectionClosed,
    HTTPError,
    Limits,
    OutboxFull,
    Overflow,
    Request,
    Response,
    WebSocket,
)

from parts import names
from parts.alive import say_alive
from parts.messages import parsed
from parts.page import add_page, serve_alone

KEY = os.environ.get("CHAT_KEY", "").encode() or secrets.token_bytes(32)
COOKIE = "private_chat"
HELD_SECONDS = 60.0
MOST_PEOPLE = 1000
SIGNED_IN_ELSEWHERE, LOGGED_OUT, NAME_IS_TAKEN = 4001, 4002, 4003


@attrs.define(eq=False)
class Person:
    """The holder of a name: the browser that logged in with it, and its connection if there is one."""

    session: str
    ws: WebSocket | None = None
    last_seen: float = attrs.field(factory=trio.current_time)


app = App()
add_page(app, "private_chat")
people: dict[str, Person] = {}

# Only the newest list of people counts: a slow page skips outdated ones.
everyone = app.room("everyone", overflow=Overflow.LATEST)


# Your identity is decided once, here. From then on the cookie states it. It is signed, so a browser
# can keep it but not change it, and scripts cannot read it.
@app.post("/login")
async def log_in(request: Request) -> Response:
    form = await request.form()
    name = " ".join(form.get("name", "").split())
    if fault := fault_of(name):
        raise HTTPError(400, fault)
    session = known(request)[1] or secrets.token_urlsafe(12)
    if is_taken(name, session):
        raise HTTPError(409, f"{why_taken(name)} Choose another name.")
    response = Response(status=204)
    is_encrypted = request.scheme == "https"
    response.set_cookie(COOKIE, signed(name, session), secure=is_encrypted, same_site="Strict")
    return response


def fault_of(name: str) -> str:
    """Return what is wrong with a name, or nothing."""
    if fault := names.fault_of(name):
        return fault
    # Browsers remove these from a path, escaped or not.
    if not {"", ".", ".."}.isdisjoint(name.replace("\\", "/").split("/")):
        return 'A name cannot be "." or "..", which mean folders in an address, nor have them beside a slash.'
    return ""


@app.post("/logout")
async def log_out(request: Request) -> Response:
    name, session = known(request)
    if name in people and people[name].session == session:
        person = people.pop(name)
        if person.ws is not None:
            await person.ws.aclose(LOGGED_OUT, "You have logged out.")
    response = Response(status=204)
    response.delete_cookie(COOKIE, same_site="Strict")
    return response


@app.get("/me")
async def me(request: Request) -> dict[str, Any]:
    # The name is empty for a stranger. A page with a cookie that another key signed, before a restart,
    # logs in again by itself. Without a cookie, somebody has logged out, and the page respects that.
    return {"name": known(request)[0], "has_cookie": COOKIE in request.cookies}


# The name in the path, which may contain slashes, is only a wish: the cookie decides. Before the
# handshake is accepted, an exception becomes an HTTP response. A subprotocol is agreed on only if the
# page offers one. The page sends at most 2000 characters, each up to 6 bytes in JSON: that always fits.
@app.websocket("/ws/{user_name:path}", subprotocols=("chat",), limits=Limits(message_bytes=16 * 1024))
async def talk(ws: WebSocket, user_name: str) -> None:
    name, session = known(ws.request)
    if not name:
        raise HTTPError(401, "Log in first.")
    if name != user_name:
        raise HTTPError(403, f"You are {name}, not {user_name}.")
    await ws.accept()
    if is_taken(name, session):
        raise CloseWebSocket(NAME_IS_TAKEN, "Somebody else has this name now.")
    if name not in people and len(people) >= MOST_PEOPLE:
        raise CloseWebSocket(CloseCode.TRY_AGAIN_LATER, "There are too many people here.")
    ws.nursery.start_soon(say_alive, ws)
    person = people.setdefault(name, Person(session))
    person.session, elsewhere, person.ws = session, person.ws, ws
    if elsewhere is not None:  # another tab of the same browser, which learns why it ends
        ws.nursery.start_soon(elsewhere.aclose, SIGNED_IN_ELSEWHERE, "You came in somewhere else.")
    try:
        async with everyone.join(ws):
            await announce()
            async for message in ws:
                await ws.send_json(deliver(name, message))
    finally:
        if person.ws is ws:
            person.ws, person.last_seen = None, trio.current_time()
            await announce()


# A message goes to one connection, without waiting for it. The sender learns what became of it,
# and nonsense gets an answer too.
def deliver(name: str, message: str | bytes) -> dict[str, Any]:
    match parsed(message):
        case {"to_user": str(to_user), "info": str(info), **rest} if info.strip():
            receipt = {"to_user": to_user, "id": rest.get("id")}
        case _:
            return {"type": "error", "text": 'Expected {"to_user": …, "info": …}.'}
    person = people.get(to_user)
    if person is None or person.ws is None:
        return {"type": "absent", **receipt}
    try:
        # `from_user` is the name that the server knows, whatever the message says.
        person.ws.send_nowait(json.dumps({"type": "message", "from_user": name, "info": info}))
    except OutboxFull:
        return {"type": "busy", **receipt}
    except ConnectionClosed:
        return {"type": "absent", **receipt}
    return {"type": "delivered", **receipt}


async def announce() -> None:
    names = sorted(name for name, person in people.items() if person.ws is not None)
    await everyone.publish(json.dumps({"type": "people", "names": names}), key="people")


# A name belongs to the browser that took it until a minute after that browser was last seen.
def is_taken(name: str, session: str) -> bool:
    now = trio.current_time()
    for other, person in list(people.items()):
        if person.ws is None and now - person.last_seen > HELD_SECONDS:
            del people[other]
    return name in people and people[name].session != session


def why_taken(name: str) -> str:
    if people[name].ws is not None:
        return f"{name} is here already."
    seconds = HELD_SECONDS - (trio.current_time() - people[name].last_seen)
    return f"{name} was here just now, and the name is kept for {math.ceil(seconds)} s more."


# The cookie holds name, session, and a signature over both that only this server can make.
def signed(name: str, session: str) -> str:
    content = f"{urlsafe_b64encode(name.encode()).decode()}.{session}"
    return f"{content}.{hmac.new(KEY, content.encode(), hashlib.sha256).hexdigest()}"


def known(request: Request) -> tuple[str, str]:
    """Return the name and session in the cookie, both empty when it is not one of ours."""
    content, _, signature = request.cookies.get(COOKIE, "").rpartition(".")
    expected = hmac.new(KEY, content.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        return "", ""
    name, _, session = content.partition(".")
    return urlsafe_b64decode(name).decode(), session


if __name__ == "__main__":
    serve_alone(app)

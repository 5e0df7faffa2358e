"""Login: a form sets a cookie, and the cookie tells a WebSocket who its user is.

$ trioweb run examples/login.py
Open http://127.0.0.1:8000/ and log in as ann with the password tea.
"""

import secrets

from trioweb import HTML, App, HTTPError, Redirect, Request, WebSocket

PAGE = """<!doctype html><title>Login</title><form method="post"><label>Name <input name="user"></label>
<label>Password <input name="password" type="password"></label> <button>Log in</button></form>
<script>new WebSocket("me").onmessage = ({data}) => document.body.append(data);</script>"""
PASSWORDS = {"ann": b"tea"}  # a real program stores hashes: see hashlib.scrypt
app = App()
users: dict[str, str] = {}  # by the key in their cookie; a real program lets logins expire


@app.get("/")
async def page(request: Request) -> HTML:
    return HTML(PAGE)


@app.post("/")
async def log_in(request: Request) -> Redirect:
    form = await request.form()
    # A name that nobody has fits no password, since no text is b"\xff" in UTF-8.
    if not secrets.compare_digest(PASSWORDS.get(form["user"], b"\xff"), form["password"].encode()):
        raise HTTPError(403, "The name or the password is wrong.")
    users[key := secrets.token_urlsafe()] = form["user"]
    response = Redirect("/")
    response.set_cookie("key", key, secure=request.scheme == "https")
    return response


@app.websocket("/me")  # only pages of the same origin may connect: no other site can use the cookie
async def me(ws: WebSocket) -> None:
    if (user := users.get(ws.request.cookies.get("key", ""))) is None:
        raise HTTPError(401, "Log in first.")  # an HTTP response, until something is sent or received
    await ws.send(f"You are {user}.")

r"""TLS: https and wss on one port, with a certificate from two files.

$ openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout key.pem -out cert.pem \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost
$ trioweb run examples/tls.py --port 8443 --certfile cert.pem --keyfile key.pem
$ curl --cacert cert.pem https://localhost:8443/
"""

import ssl

import trioweb
from trioweb import App, Request, WebSocket

app = App()


@app.get("/")
async def index(request: Request) -> str:
    return f"You came by {request.scheme}.\n"


@app.websocket("/")
async def greet(ws: WebSocket) -> None:
    await ws.send(f"You came by {ws.request.scheme}.")


# A program without the command line makes the context itself: python examples/tls.py
if __name__ == "__main__":
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain("cert.pem", "key.pem")
    trioweb.run(app, port=8443, ssl_context=context)

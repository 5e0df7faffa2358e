"""Behind a proxy: nginx ends TLS and passes requests on, and the app still knows its clients.

$ trioweb run examples/behind_proxy.py
$ curl -H "X-Forwarded-For: 203.0.113.7" -H "X-Forwarded-Proto: https" http://127.0.0.1:8000/

For nginx, in the `server` that has the certificate:

    location / {
        proxy_pass http://127.0.0.1:8000;
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection "upgrade";
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Host "";
        proxy_set_header Forwarded "";
        proxy_read_timeout 75s;
    }
"""

from trioweb import App, Config, Request, WebSocket

# Only these may say who the client is; from anyone else the fields above count for nothing.
app = App(Config(trusted_proxies=("127.0.0.1", "::1")))


@app.get("/")
async def index(request: Request) -> str:
    return f"You are {request.client}, and asked for {request.url}\n"


@app.websocket("/")
async def greet(ws: WebSocket) -> None:
    await ws.send(f"You are {ws.request.client}")

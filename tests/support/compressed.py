"""An app with compressed responses, and their responses as they are on the wire."""

from __future__ import annotations

from trioweb import App
from trioweb.middleware import GZip

GZIPPED = {"Accept-Encoding": "gzip"}
TEXT = "It is better to be small than to be sorry. " * 100


def answering(make, **settings):
    """Make an app that compresses the response of `make()`."""
    app = App()
    app.middleware(GZip(**settings))

    @app.route("/", methods=["GET", "POST"])
    async def answer(request):
        return make()

    return app


async def raw(client, headers=GZIPPED, path="/"):
    """Return the response, and its content as it was on the wire."""
    client.headers.pop("accept-encoding", None)  # a test sends its own, or none
    async with client.stream("GET", path, headers=headers) as response:
        content = b"".join([piece async for piece in response.aiter_raw()])
    return response, content

"""An app whose answers are compressed, and what comes over the wire of them."""

from __future__ import annotations

from trioweb import App
from trioweb.middleware import GZip

GZIPPED = {"Accept-Encoding": "gzip"}
TEXT = "It is better to be small than to be sorry. " * 100


def answering(make, **settings):
    """Make an app that compresses what `make()` gives."""
    app = App()
    app.middleware(GZip(**settings))

    @app.route("/", methods=["GET", "POST"])
    async def answer(request):
        return make()

    return app


async def raw(client, headers=GZIPPED, path="/"):
    """Return the answer, and its content as it came over the wire."""
    async with client.stream("GET", path, headers=headers) as response:
        content = b"".join([piece async for piece in response.aiter_raw()])
    return response, content

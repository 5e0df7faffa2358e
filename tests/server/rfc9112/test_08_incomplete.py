"""RFC 9112 §8: messages that break off."""

from __future__ import annotations

import pytest
from support.conduct import Site, request, talk
from support.serving import in_memory

from trioweb import Response

POST = request("Content-Length: 5", start="POST /post HTTP/1.1", body=b"hello")
CHUNKED = request(
    "Transfer-Encoding: chunked", start="POST /post HTTP/1.1", body=b"5\r\nhello\r\n0\r\nX: y\r\n\r\n"
)


@pytest.mark.parametrize("whole", [POST, CHUNKED], ids=["length", "chunks"])
async def test_8_a_request_that_breaks_off_anywhere_never_looks_complete(autojump_clock, whole):
    for length in range(1, len(whole)):
        site = Site()
        conversation = await talk(site, request() + whole[:length])
        assert conversation.statuses == [200, 400], length
        assert site.seen == [("GET", "/", b"")], length
        assert conversation.seconds < 1


async def test_8_a_connection_that_ends_between_requests_gets_no_response(autojump_clock):
    for data in (b"", b"\r\n", request(), request() + b"\r\n"):
        conversation = await talk(Site(), data)
        assert conversation.statuses == [200] * data.count(b"GET")
        assert conversation.seconds < 1


async def test_8_a_response_that_breaks_off_never_looks_complete(autojump_clock, caplog):
    class Breaking(Response):
        is_streamed = True

        async def chunks(self):
            yield b"half"
            raise OSError("the disk is gone")

    site = Site()

    @site.app.get("/breaking")
    async def breaking(request):
        return Breaking()

    async with in_memory(site.app) as peer:
        await peer.send(request(start="GET /breaking HTTP/1.1") + request())
        data = await peer.receive_end()
        assert data.endswith(b"4\r\nhalf\r\n"), "no last chunk, and no other answer"
    assert "the disk is gone" in caplog.text

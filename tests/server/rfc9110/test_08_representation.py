"""RFC 9110 §8: Content-Length, and when there is none."""

from __future__ import annotations

import pytest
from support.conduct import Site, request, talk

from trioweb import File, Response, Text

# §8.6, Content-Length.


class Pieces(Response):
    is_streamed = True

    async def chunks(self):
        yield b"one "
        yield b""
        yield b"two"


async def test_8_6_the_length_of_a_response_to_head_is_that_of_the_response_to_get(tmp_path):
    site = Site()
    (tmp_path / "file.txt").write_text("from a file")

    @site.app.get("/text")
    async def text(request):
        return Text("grüße")

    @site.app.get("/file")
    async def file(request):
        return File(tmp_path / "file.txt")

    @site.app.get("/pieces")
    async def pieces(request):
        return Pieces()

    for path in ("/text", "/file", "/pieces", "/%ff"):
        starts = [f"HEAD {path} HTTP/1.1", f"GET {path} HTTP/1.1"]
        conversation = await talk(
            site, b"".join(request(start=start) for start in starts), methods=["HEAD", "GET"]
        )
        head, get = conversation.answers
        assert head.body == b""
        assert head.status == get.status
        for name in ("content-length", "content-type", "transfer-encoding", "etag", "vary"):
            assert head.headers.get(name) == get.headers.get(name), (path, name)


@pytest.mark.parametrize("status", [204, 304])
async def test_8_6_204_and_304_have_no_length_however_they_are_made(autojump_clock, status):
    site = Site()

    @site.app.get("/held")
    async def held(request):
        return Response(status=status)

    @site.app.get("/streamed")
    async def streamed(request):
        return Pieces(status=status)

    for path in ("/held", "/streamed"):
        conversation = await talk(site, request(start=f"GET {path} HTTP/1.1") + request())
        assert conversation.statuses == [status, 200]
        assert not {"content-length", "transfer-encoding"} & set(conversation.answers[0].headers)


async def test_8_6_an_empty_response_says_that_it_is_empty(autojump_clock):
    site = Site()

    @site.app.get("/empty")
    async def empty(request):
        return Response()

    conversation = await talk(site, request(start="GET /empty HTTP/1.1"))
    assert conversation.answers[0].headers["content-length"] == "0"

"""RFC 9110 §6: what every response says about itself."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest
from support.conduct import Site, request, talk

from trioweb import HTTPError, Response

# §6.6.1, Date.


async def test_6_6_1_every_response_has_one_date_even_a_refusal(autojump_clock, caplog):
    site = Site()

    @site.app.get("/{status:int}")
    async def answer(request, status):
        if status == 500:
            raise OSError
        if status >= 400:
            raise HTTPError(status)
        return Response(status=status)

    statuses = [200, 204, 303, 304, 404, 500]
    data = b"".join(request(start=f"GET /{status} HTTP/1.1") for status in statuses) + b"junk\r\n"
    conversation = await talk(site, data)
    assert conversation.statuses == [*statuses, 400]
    for answer in conversation.answers:
        (date,) = answer.headers.get_all("date")
        assert date.endswith(" GMT")
        assert parsedate_to_datetime(date).year >= 2024


async def test_6_6_1_a_date_of_the_handler_is_left_alone(autojump_clock):
    site = Site()

    @site.app.get("/dated")
    async def dated(request):
        return Response(headers={"date": "Tue, 15 Nov 1994 08:12:31 GMT"})

    conversation = await talk(site, request(start="GET /dated HTTP/1.1"))
    assert conversation.answers[0].headers.get_all("Date") == ["Tue, 15 Nov 1994 08:12:31 GMT"]


# §6.4, Content.


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_6_4_a_body_is_not_accepted_where_none_is_allowed(autojump_clock, caplog, status):
    site = Site()

    @site.app.get("/body")
    async def body(request):
        return Response("x", status)

    conversation = await talk(site, request(start="GET /body HTTP/1.1") + request())
    assert conversation.statuses == [500, 200]
    assert "has no body" in caplog.text

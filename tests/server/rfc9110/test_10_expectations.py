"""RFC 9110 §10.1.1: Expect, and who waits for whom."""

from __future__ import annotations

import pytest
import trio
from support.conduct import Site, read_answers, request, talk
from support.serving import in_memory

from trioweb import HTTPError, Limits, Text

HELLO = "Content-Length: 5"
EXPECT = "Expect: 100-continue"


def post(*lines, path="/post", version="HTTP/1.1", body=b""):
    return request(*lines, start=f"POST {path} {version}", body=body)


def site(**options):
    site = Site(**options)

    @site.app.post("/ignore")
    async def ignore(request):
        return Text("did not look")

    @site.app.post("/forbidden")
    async def forbidden(request):
        raise HTTPError(403)

    @site.app.post("/late")
    async def late(request):
        await trio.sleep(2)
        return Text(await request.text())

    return site


@pytest.mark.parametrize("framing", [HELLO, "Transfer-Encoding: chunked"])
@pytest.mark.parametrize(
    "expect", [EXPECT, "Expect: 100-Continue", "expect:100-CONTINUE", "Expect: x, 100-continue"]
)
async def test_10_1_1_continue_is_sent_when_the_body_is_wanted(autojump_clock, framing, expect):
    async with in_memory(site().app) as peer:
        await peer.send(post(framing, expect))
        assert await peer.receive_head() == "HTTP/1.1 100 Continue"
        assert peer.buffer == b""
        await peer.send(b"hello" if framing == HELLO else b"5\r\nhello\r\n0\r\n\r\n")
        assert (await peer.receive_response())[1] == b"POST /post 5"
        await peer.send(request())
        assert (await peer.receive_response())[1] == b"GET / 0"


async def test_10_1_1_continue_is_sent_when_the_handler_asks_and_not_before(autojump_clock):
    async with in_memory(site().app) as peer:
        started = trio.current_time()
        await peer.send(post(HELLO, EXPECT, path="/late"))
        assert await peer.receive_head() == "HTTP/1.1 100 Continue"
        assert trio.current_time() - started == pytest.approx(2)


@pytest.mark.parametrize(
    ("path", "status"), [("/ignore", 200), ("/forbidden", 403), ("/nowhere/%ff", 400), ("/brew", 200)]
)
async def test_10_1_1_a_handler_that_does_not_want_the_body_answers_at_once_and_closes(
    autojump_clock, path, status
):
    # Here nobody can know whether the body comes, or the next request.
    conversation = await talk(
        site(), post(HELLO, EXPECT, path=path), request(), is_ended=False, pause_seconds=1
    )
    if path == "/brew":  # it is read there
        assert conversation.answers[0].interim == (100,)
        return
    assert conversation.statuses == [status]
    assert conversation.answers[0].interim == ()
    assert conversation.answers[0].headers.tokens("connection") == ["close"]
    assert conversation.seconds < 2


async def test_10_1_1_a_body_that_has_already_arrived_is_not_asked_for(autojump_clock):
    conversation = await talk(site(), post(HELLO, EXPECT, body=b"hello") + request())
    assert conversation.bodies == ["POST /post 5", "GET / 0"]
    assert conversation.answers[0].interim == ()


async def test_10_1_1_a_client_may_grow_tired_of_waiting(autojump_clock):
    async with in_memory(site().app) as peer:
        await peer.send(post(HELLO, EXPECT, path="/late"))
        await trio.sleep(1)
        await peer.send(b"hello")
        head, body = await peer.receive_response()
        if head == "HTTP/1.1 100 Continue":  # a little late, which is harmless
            head, body = await peer.receive_response()
        assert head.startswith("HTTP/1.1 200 ")
        assert body == b"hello"


@pytest.mark.parametrize(
    "data",
    [
        post(EXPECT),
        post(EXPECT, "Content-Length: 0"),
        post(EXPECT, HELLO, version="HTTP/1.0", body=b"hello"),
        post("Expect: 101-continue", HELLO, body=b"hello"),
        post("Expect: tea", HELLO, body=b"hello"),
        post("Expect:", HELLO, body=b"hello"),
        request(EXPECT),
    ],
)
async def test_10_1_1_continue_is_not_sent_without_a_body_to_wait_for(autojump_clock, data):
    conversation = await talk(site(), data)
    assert conversation.statuses == [200]
    assert conversation.answers[0].interim == ()


@pytest.mark.parametrize("expectation", ["tea", "100", "101-continue", "continue", "100-continue-x"])
async def test_10_1_1_an_unknown_expectation_is_ignored(autojump_clock, expectation):
    conversation = await talk(site(), post(f"Expect: {expectation}", HELLO, body=b"hello") + request())
    assert conversation.statuses == [200, 200]


async def test_10_1_1_a_body_too_long_is_refused_in_place_of_continue(autojump_clock):
    small = site(limits=Limits(body_bytes=4))
    conversation = await talk(small, post(HELLO, EXPECT), is_ended=False)
    assert conversation.statuses == [413]
    assert conversation.answers[0].interim == ()
    assert conversation.seconds < 1


async def test_10_1_1_requests_after_an_expectation_wait_for_their_turn(autojump_clock):
    async with in_memory(site().app) as peer:
        await peer.send(request() + post(HELLO, EXPECT))
        assert (await peer.receive_response())[1] == b"GET / 0"
        assert await peer.receive_head() == "HTTP/1.1 100 Continue"
        await peer.send(b"hello" + request("Connection: close"))
        answers = read_answers(await peer.receive_end())
        assert [answer.body for answer in answers] == [b"POST /post 5", b"GET / 0"]

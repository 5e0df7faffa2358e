"""RFC 9112 §9: how long a connection lasts, and in which order it is used."""

from __future__ import annotations

import socket
from contextlib import aclosing

import pytest
import trio
from support.conduct import Site, read_answers, request, talk
from support.serving import connected, in_memory, running
from support.waiting import until

from trioweb import HTTPError, Limits, Response, Text, Timeouts

GET = request()
OLD = request(start="GET / HTTP/1.0")


# §9.3, Persistence.


async def test_9_3_a_1_1_connection_persists_without_a_field_that_says_so(autojump_clock):
    conversation = await talk(Site(), *[GET] * 20)
    assert conversation.statuses == [200] * 20
    assert not any("connection" in answer.headers for answer in conversation.answers)


@pytest.mark.parametrize(
    "options", ["close", "Close", "keep-alive, close", "close, x", ",close", "\tclose\t"]
)
async def test_9_3_close_is_honoured_and_repeated_in_the_response(autojump_clock, options):
    site = Site()
    conversation = await talk(site, request(f"Connection: {options}") + GET, is_ended=False)
    assert conversation.statuses == [200]
    assert conversation.answers[0].headers.tokens("connection") == ["close"]
    assert len(site.seen) == 1, "what follows is not answered, nor acted on"
    assert conversation.seconds < 1


async def test_9_3_close_may_be_on_any_line(autojump_clock):
    data = request("Connection: x", "Connection: close", "Connection: y")
    assert (await talk(Site(), data + GET, is_ended=False)).seconds < 1


@pytest.mark.parametrize("options", ["closed", "xclose", "close;", '"close"', "keep-alive"])
async def test_9_3_an_option_that_only_resembles_close_is_ignored(autojump_clock, options):
    assert (await talk(Site(), request(f"Connection: {options}") + GET)).statuses == [200, 200]


@pytest.mark.parametrize(
    "lines", [[], ["Connection: keep-alive"], ["Connection: Keep-Alive", "Keep-Alive: timeout=900"]]
)
async def test_9_3_a_1_0_connection_ends_with_its_response(autojump_clock, lines):
    site = Site()
    conversation = await talk(site, request(*lines, start="GET / HTTP/1.0") + GET, is_ended=False)
    assert conversation.statuses == [200]
    assert conversation.answers[0].headers.tokens("connection") == ["close"]
    assert len(site.seen) == 1
    assert conversation.seconds < 1


async def test_9_3_an_error_of_a_handler_does_not_end_the_connection(autojump_clock, caplog):
    site = Site()

    @site.app.get("/{status:int}")
    async def fail(request, status):
        if status == 500:
            raise OSError
        raise HTTPError(status)

    paths = [400, 401, 404, 409, 500, 503]
    data = b"".join(request(start=f"GET /{status} HTTP/1.1") for status in paths)
    conversation = await talk(site, data + GET)
    assert conversation.statuses == [*paths, 200]


async def test_9_3_an_unread_body_is_not_taken_for_a_request(autojump_clock):
    site = Site()

    @site.app.post("/ignore")
    async def ignore(request):
        return Text("did not look")

    for framing, body in [
        (f"Content-Length: {len(GET)}", GET),
        ("Transfer-Encoding: chunked", b"%x\r\n%b\r\n0\r\n\r\n" % (len(GET), GET)),
    ]:
        data = request(framing, start="POST /ignore HTTP/1.1", body=body)
        assert (await talk(site, data + request(start="GET /next HTTP/1.1"))).bodies == [
            "did not look",
            "GET /next 0",
        ]


async def test_9_3_a_response_says_that_it_is_the_last_if_too_much_is_left_unread(autojump_clock):
    site = Site(limits=Limits(body_bytes=10_000_000))

    @site.app.post("/ignore")
    async def ignore(request):
        return Text("did not look")

    @site.app.post("/peek")
    async def peek(request):
        async with aclosing(request.stream()) as pieces:
            return Text(str(len(await anext(pieces)) > 0))

    for path, length, is_last in [
        ("ignore", 1_000_000, True),
        ("peek", 1_000_000, True),
        ("ignore", 200_000, False),
    ]:
        data = request(f"Content-Length: {length}", start=f"POST /{path} HTTP/1.1", body=b"x" * length)
        conversation = await talk(site, data + GET)
        assert ("close" in conversation.answers[0].headers.tokens("connection")) is is_last
        assert conversation.statuses == [200] * (1 if is_last else 2)


# §9.3.2, Pipelining.


async def test_9_3_2_a_slow_response_is_sent_before_a_later_quick_one(autojump_clock):
    site, order = Site(), []

    @site.app.get("/{number:int}")
    async def answer(request, number):
        order.append(number)
        await trio.sleep(1 if number == 0 else 0)
        order.append(number)
        return Text(str(number))

    data = b"".join(request(start=f"GET /{number} HTTP/1.1") for number in range(5))
    assert (await talk(site, data)).bodies == ["0", "1", "2", "3", "4"]
    assert order == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4], "one at a time: the second may depend on the first"


@pytest.mark.parametrize(
    "bad", [b"junk\r\n\r\n", request("Content-Length: x"), request(start="GET / HTTP/9.9"), b"\n"]
)
async def test_9_3_2_a_mistake_in_the_middle_ends_the_connection_after_the_good_responses(
    autojump_clock, bad
):
    site = Site()
    conversation = await talk(site, GET + GET + bad + GET, is_ended=False)
    assert conversation.statuses[:2] == [200, 200]
    assert conversation.statuses[2] in {400, 505}
    assert len(conversation.statuses) == 3
    assert len(site.seen) == 2


async def test_9_3_2_a_mistake_after_a_slow_request_does_not_overtake_its_response(autojump_clock):
    site = Site()

    @site.app.get("/slow")
    async def slow(request):
        await trio.sleep(3)
        return Text("slow")

    conversation = await talk(site, request(start="GET /slow HTTP/1.1") + b"junk\r\n\r\n", is_ended=False)
    assert conversation.statuses == [200, 400]
    assert conversation.bodies[0] == "slow"


async def test_9_3_2_waiting_requests_are_read_only_up_to_a_bound(autojump_clock):
    site = Site()

    @site.app.get("/slow")
    async def slow(request):
        await trio.sleep(3)

    async with in_memory(site.app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.send(request(start="GET /slow HTTP/1.1"))
        with trio.move_on_after(2) as scope:  # the server does not take what it cannot use
            await peer.send(GET * 20_000)
        assert scope.cancelled_caught


async def test_9_3_2_half_closing_after_the_requests_loses_no_response(autojump_clock):
    assert (await talk(Site(), GET * 3)).statuses == [200] * 3
    async with running(Site().app) as server, connected(server) as peer:
        await peer.send(GET * 50)
        await peer.stream.send_eof()
        assert len(read_answers(await peer.receive_end())) == 50


# §9.5, Failures and Timeouts.


TIMES = Timeouts(head_seconds=4, idle_seconds=7, body_seconds=5, send_seconds=6)


async def test_9_5_an_idle_connection_is_closed_without_a_response(autojump_clock):
    conversation = await talk(Site(timeouts=TIMES), GET, is_ended=False)
    assert conversation.statuses == [200]
    assert conversation.seconds == pytest.approx(7)
    assert (await talk(Site(timeouts=TIMES), is_ended=False)).seconds == pytest.approx(7)


async def test_9_5_an_empty_line_does_not_begin_a_request_that_could_be_late(autojump_clock):
    conversation = await talk(Site(timeouts=TIMES), GET, b"\r\n", is_ended=False, pause_seconds=1)
    assert conversation.statuses == [200], (
        "no 408, which the client would take for the answer to its next request"
    )
    assert conversation.seconds <= 1 + 7


@pytest.mark.parametrize("start", [b"G", b"GET / HTTP/1.1\r\n", GET[:-2], GET[:-1]])
async def test_9_5_a_head_that_is_not_completed_is_408(autojump_clock, start):
    conversation = await talk(Site(timeouts=TIMES), GET, start, is_ended=False, pause_seconds=1)
    assert conversation.statuses == [200, 408]
    assert conversation.seconds == pytest.approx(1 + 4)


async def test_9_5_a_head_that_drips_is_408_just_as_soon(autojump_clock):
    pieces = [bytes([byte]) for byte in request("X: " + "y" * 100)]
    conversation = await talk(Site(timeouts=TIMES), *pieces, is_ended=False, pause_seconds=0.5)
    assert conversation.statuses == [408]
    assert conversation.seconds == pytest.approx(4)


async def test_9_5_a_body_may_be_slow_but_must_not_stop(autojump_clock):
    head = request("Content-Length: 5", start="POST /post HTTP/1.1")
    slow = [head, *(bytes([byte]) for byte in b"hello")]
    conversation = await talk(Site(timeouts=TIMES), *slow, pause_seconds=4)
    assert conversation.bodies == ["POST /post 5"]
    conversation = await talk(Site(timeouts=TIMES), *slow[:-1], is_ended=False, pause_seconds=4)
    assert conversation.statuses == [408]
    assert conversation.answers[0].headers.tokens("connection") == ["close"], "RFC 9110 §15.5.9"
    assert conversation.seconds == pytest.approx(4 * 4 + 5)


async def test_9_5_chunks_may_be_slow_but_must_not_stop(autojump_clock):
    head = request("Transfer-Encoding: chunked", start="POST /post HTTP/1.1")
    pieces = [head, b"5\r\nhe", b"llo\r\n", b"0\r\n", b"X: y\r\n"]
    conversation = await talk(Site(timeouts=TIMES), *pieces, b"\r\n", pause_seconds=4)
    assert conversation.bodies == ["POST /post 5"]
    for count in range(1, len(pieces)):
        conversation = await talk(Site(timeouts=TIMES), *pieces[:count], is_ended=False, pause_seconds=1)
        assert conversation.statuses == [408]
        assert conversation.seconds == pytest.approx(count - 1 + 5)


async def test_9_5_an_unread_body_must_not_stop(autojump_clock):
    site = Site(timeouts=TIMES)

    @site.app.post("/ignore")
    async def ignore(request):
        return Text("did not look")

    data = request("Content-Length: 5", start="POST /ignore HTTP/1.1", body=b"he")
    conversation = await talk(site, data, is_ended=False)
    assert conversation.bodies == ["did not look"], "and nothing behind it"
    assert conversation.seconds == pytest.approx(5)


async def test_9_5_a_peer_that_does_not_read_its_response_is_dropped(autojump_clock):
    site = Site(timeouts=TIMES)

    @site.app.get("/large")
    async def large(request):
        return Response(b"x" * 1_000_000)

    async with in_memory(site.app, pair=trio.testing.lockstep_stream_pair) as peer:
        started = trio.current_time()
        await peer.send(request(start="GET /large HTTP/1.1"))
        await trio.sleep(20)
        assert b"large" not in await peer.receive_end()
        assert len(peer.buffer) < 1_000_000
        assert trio.current_time() - started == pytest.approx(20)


def site_with_long_answer():
    site = Site(timeouts=TIMES, limits=Limits(body_bytes=10**9))

    @site.app.post("/long")
    async def long(request):
        return Response(b"x" * 1_000_000)

    return site


@pytest.mark.parametrize(
    ("framing", "body", "statuses"),
    [
        ("Content-Length: 200000", b"y" * 200_000, [200, 200]),
        ("Content-Length: 3000000", b"y" * 3_000_000, [200]),
        ("Transfer-Encoding: chunked", b"30d40\r\n" + b"y" * 200_000 + b"\r\n0\r\n\r\n", [200, 200]),
        ("Transfer-Encoding: chunked", b"30d40\r\n" + b"y" * 200_000 + b"junk", [200]),
        ("Transfer-Encoding: chunked", b"junk", [200]),
        ("Content-Length: 200000", b"y", [200]),
    ],
)
async def test_9_5_a_long_response_and_a_long_body_do_not_wait_for_each_other(
    autojump_clock, framing, body, statuses
):
    # The buffers have no room at all, and this client reads nothing until it has sent everything.
    app = site_with_long_answer().app
    async with in_memory(app, pair=trio.testing.lockstep_stream_pair) as peer:
        with trio.move_on_after(4):
            await peer.send(request(framing, start="POST /long HTTP/1.1", body=body) + GET)
        answers = read_answers(await peer.receive_end())
    assert [answer.status for answer in answers] == statuses
    assert len(answers[0].body) == 1_000_000


async def test_9_5_a_peer_that_neither_sends_nor_reads_is_dropped(autojump_clock):
    async with in_memory(site_with_long_answer().app, pair=trio.testing.lockstep_stream_pair) as peer:
        await peer.send(request("Content-Length: 9", start="POST /long HTTP/1.1", body=b"half"))
        await trio.sleep(20)
        assert len(await peer.receive_end()) < 1_000_000


# §9.6, Tear-down.


async def upload(server, head, length):
    """Send the whole body, whatever the server does, and return its response."""
    async with connected(server) as peer:
        # As small as a kernel allows, so that bytes that the server does not read are noticed.
        peer.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        await peer.send(head)
        for start in range(0, length, 65_536):
            await peer.send(b"x" * min(65_536, length - start))
        await peer.stream.send_eof()
        return read_answers(await peer.receive_end())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("framing", "body_bytes", "status"),
    [
        ("Content-Length: 5000000", 1000, 413),
        ("Content-Length: x", 1000, 400),
        ("Content-Length: 5000000", 10**9, 200),
    ],
)
async def test_9_6_a_client_in_the_middle_of_sending_still_gets_its_response(framing, body_bytes, status):
    site = Site(limits=Limits(body_bytes=body_bytes))

    @site.app.post("/ignore")
    async def ignore(request):
        return Text("did not look")

    async with running(site.app) as server:
        with trio.fail_after(20):
            answers = await upload(server, request(framing, start="POST /ignore HTTP/1.1"), 5_000_000)
        assert [answer.status for answer in answers] == [status]
        assert "close" in answers[0].headers.tokens("connection")


@pytest.mark.slow
async def test_9_6_a_client_that_keeps_the_connection_is_not_waited_for_long():
    async with running(Site().app) as server, connected(server) as peer:
        await peer.send(request("Connection: close"))
        with trio.fail_after(5):
            assert len(read_answers(await peer.receive_end())) == 1
        await until(lambda: server.connections == 0, seconds=5)  # it may be silent for a second


@pytest.mark.slow
async def test_9_6_a_client_that_keeps_dripping_is_not_waited_for():
    async with running(Site().app) as server, connected(server) as peer:
        await peer.send(request("Connection: close"))
        with trio.fail_after(5), pytest.raises(trio.BrokenResourceError):
            while True:
                await peer.send(b"x")
                await trio.sleep(0.05)
        await until(lambda: server.connections == 0)


async def test_9_6_a_client_that_never_stops_sending_is_cut(monkeypatch):
    monkeypatch.setattr("trioweb._http.lingering.LINGER_SECONDS", 0.5)
    async with running(Site().app) as server, connected(server) as peer:
        await peer.send(request("Content-Length: 999999999999", start="POST / HTTP/1.1"))
        with trio.fail_after(10), pytest.raises(trio.BrokenResourceError):
            while True:
                await peer.send(b"x" * 65_536)
        assert (await peer.receive_end()).startswith(b"HTTP/1.1 413 ")

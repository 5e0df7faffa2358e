"""Any bytes in: whole responses out, in order, never a 500, and an end."""

from __future__ import annotations

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from support.conduct import request, talk
from support.examples import EXAMPLES

from trioweb import App, Config, Limits, Response, Text, Timeouts

FUZZ = settings(max_examples=EXAMPLES)


class Pieces(Response):
    is_streamed = True

    async def chunks(self):
        yield b"one "
        yield b"two"


class Numbered:
    """An application that numbers its responses, and keeps the methods of the requests."""

    def __init__(self):
        self.app = App(
            Config(
                limits=Limits(head_bytes=600, body_bytes=100),
                timeouts=Timeouts(head_seconds=3, idle_seconds=3, body_seconds=3),
            )
        )
        self.methods = []
        self.app.middleware(self.number)
        for path, handler in [
            ("/", self.read),
            ("/ignored", self.ignore),
            ("/pieces", self.pieces),
            ("/none", self.none),
        ]:
            self.app.route(path, methods=("GET", "POST", "PUT", "OPTIONS"))(handler)
        self.app.websocket("/ws")(self.listen)

    async def number(self, request, call_next):
        number = len(self.methods)
        self.methods.append(request.method)
        response = await call_next(request)
        response.headers["X-Number"] = str(number)
        return response

    async def read(self, request):
        return Text(await request.text())

    async def ignore(self, request):
        return Text("did not look")

    async def pieces(self, request):
        return Pieces()

    async def none(self, request):
        await trio.sleep(0.5)

    async def listen(self, ws):
        raise AssertionError("no example is a whole handshake")


PATHS = ["/", "/ignored", "/pieces", "/none", "/nowhere", "/%ff", "/ws", "http://h/pieces?q"]

requests = st.one_of(
    st.builds(lambda method, path: request(start=f"{method} {path} HTTP/1.1"), st.sampled_from(["GET", "HEAD", "POST", "DELETE"]), st.sampled_from(PATHS)),
    st.builds(lambda path, body: request(f"Content-Length: {len(body)}", start=f"POST {path} HTTP/1.1", body=body), st.sampled_from(PATHS), st.binary(max_size=120)),
    st.builds(lambda path, body: request("Transfer-Encoding: chunked", start=f"PUT {path} HTTP/1.1", body=b"%x;a\r\n%b\r\n0\r\nX: y\r\n\r\n" % (len(body), body)), st.sampled_from(PATHS), st.binary(min_size=1, max_size=120)),
    st.sampled_from(
        [
            request("Expect: 100-continue", "Content-Length: 5", start="POST / HTTP/1.1", body=b"hello"),
            request("Expect: 100-continue", "Content-Length: 5", start="POST /ignored HTTP/1.1", body=b"hello"),
            request("Upgrade: websocket", "Connection: Upgrade"),
            request("Upgrade: websocket", "Connection: Upgrade", start="GET /ws HTTP/1.1"),
            request("Upgrade: h2c", "Connection: Upgrade"),
            request("Connection: close"),
            request(start="GET /pieces HTTP/1.0"),
            request(start="OPTIONS * HTTP/1.1"),
            request(start="CONNECT a:1 HTTP/1.1"),
            request("Content-Type: text/plain; charset=ascii", "Content-Length: 1", start="POST / HTTP/1.1", body=b"\xff"),
        ]
    ),
)  # fmt: skip
TROUBLE = [
    b"\r",
    b"\n",
    b"\r\n",
    b"\x00",
    b"\xff",
    b" ",
    b":",
    b";",
    b"0",
    b"\t",
    b"a" * 700,
    b"Host: a\r\n",
    b"Content-Length: 3\r\n",
]
TROUBLE += [
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Expect: 100-continue\r\n",
    b"HTTP/1.0",
    b"HEAD / HTTP/1.1\r\n",
]
damages = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(0, 4), st.sampled_from(TROUBLE) | st.binary(max_size=4)),
    max_size=3,
)


def converse(data, places, is_ended):
    """Send data in pieces; `talk` checks with `read_answers` that the responses are whole."""
    cuts = sorted(place % (len(data) + 1) for place in places)
    pieces = [
        data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True) if start < end
    ]
    site = Numbered()

    async def main():
        return await talk(site, *pieces, methods=site.methods, is_ended=is_ended)

    conversation = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    numbers = [answer.headers.get("x-number") for answer in conversation.answers]
    handled = len(site.methods)
    assert numbers[:handled] == [str(number) for number in range(handled)][: len(numbers)], (
        "in order, none twice"
    )
    assert len(numbers) in {handled, handled + 1}, "one more at most, which refuses what is no request"
    assert numbers[handled:] in ([], [None])
    assert 500 not in conversation.statuses
    assert conversation.seconds < 100
    return conversation


@FUZZ
@given(
    st.lists(requests, max_size=5).map(b"".join),
    damages,
    st.lists(st.integers(0, 5000), max_size=4),
    st.booleans(),
)
def test_good_and_damaged_requests_get_whole_responses_in_order(data, changes, places, is_ended):
    for place, length, trouble in changes:
        start = place % (len(data) + 1)
        data = data[:start] + trouble + data[start + length :]
    converse(data, places, is_ended)


@FUZZ
@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=4), st.booleans())
def test_noise_gets_one_refusal_or_none(data, places, is_ended):
    assert len(converse(data, places, is_ended).answers) <= 1


def test_a_client_that_half_closed_long_ago_gets_whole_responses_and_streams():
    length = "Content-Length: 0"
    data = request(length, start="POST /none HTTP/1.1") + request(length, start="POST /pieces HTTP/1.1")
    assert converse(data, [], is_ended=True).statuses == [204, 200]

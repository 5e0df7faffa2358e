"""Raw requests to a server in memory, and its responses as a strict client reads them."""

from __future__ import annotations

from typing import NamedTuple

import h11
import trio
from support.serving import in_memory

from trioweb import App, Config, Text
from trioweb.headers import Headers

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


class Answer(NamedTuple):
    status: int
    headers: Headers
    body: bytes
    interim: tuple[int, ...] = ()


class Talk(NamedTuple):
    answers: list[Answer]
    seconds: float
    """How long it took the server to end the connection."""

    @property
    def statuses(self):
        return [answer.status for answer in self.answers]

    @property
    def bodies(self):
        return [answer.body.decode() for answer in self.answers]


class Site:
    """Answers every path with the request as it understood it, and keeps a list of them."""

    def __init__(self, **options):
        self.app = App(Config(**options))
        self.seen = []
        for path in ("/", "/{rest:path}"):
            self.app.route(path, methods=METHODS, name=path)(self.answer)

    async def answer(self, request, rest=""):
        body = await request.body()
        self.seen.append((request.method, request.raw_path, body))
        return Text(f"{request.method} {request.raw_path} {len(body)}")


def read_answers(data, methods=()):
    """Split the server's bytes into responses. Each must be whole, and no byte may be left over.

    Args:
        data: All bytes until the end of the connection.
        methods: The methods of the requests, since a response to HEAD has no body; then GET.
    """
    answers = []
    waiting = iter(methods)
    while data:
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method=next(waiting, "GET"), target="/", headers=[("Host", "a")]))
        client.send(h11.EndOfMessage())
        client.receive_data(data)
        client.receive_data(b"")
        interim, body, head = [], b"", None
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.InformationalResponse):
                interim.append(event.status_code)
            elif isinstance(event, h11.Response):
                head = event
            else:
                assert isinstance(event, h11.Data), f"an answer is incomplete: {data!r}"
                body += event.data
        headers = Headers([(name.decode(), value.decode("latin-1")) for name, value in head.headers])
        answers.append(Answer(head.status_code, headers, body, tuple(interim)))
        data, _ = client.trailing_data
        if "close" in headers.tokens("connection"):
            assert not data, "the server went on behind its last answer"
    return answers


async def talk(app, *pieces, methods=(), is_ended=True, pause_seconds=0.1, **options):
    """Send pieces to a server in memory, and wait until it has ended the connection.

    Args:
        app: An `App`, or a `Site`.
        pieces: Bytes; each piece arrives alone.
        methods: As for `read_answers`.
        is_ended: Whether the client half-closes after the last piece.
        pause_seconds: Virtual time between pieces.
        options: For the server.
    """
    started = trio.current_time()
    async with in_memory(getattr(app, "app", app), **options) as peer, trio.open_nursery() as nursery:

        async def send():
            try:
                for piece in pieces:
                    await peer.send(piece)
                    await trio.sleep(pause_seconds)
                if is_ended:
                    await peer.stream.send_eof()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # it need not take more than it wants

        nursery.start_soon(send)
        with trio.fail_after(1000):
            data = await peer.receive_end()
        seconds = trio.current_time() - started
        nursery.cancel_scope.cancel()
    return Talk(read_answers(data, methods), seconds)


def request(*lines, start="GET / HTTP/1.1", host="Host: example.org", body=b""):
    """The bytes of a request; `lines` are fields."""
    fields = [
        line if isinstance(line, bytes) else line.encode("latin-1") for line in (start, host, *lines) if line
    ]
    return b"\r\n".join([*fields, b"", b""]) + body


NEXT = request(start="GET /smuggled HTTP/1.1")
"""A request that must not be answered after one that is refused."""


async def refused(*pieces, method="GET", **options):
    """Return the status of a refusal, after checking that it was the last response."""
    site = Site(**options)
    conversation = await talk(site, *pieces, is_ended=False, methods=[method])
    assert len(conversation.answers) == 1, conversation.answers
    answer = conversation.answers[0]
    assert "close" in answer.headers.tokens("connection")
    assert bool(answer.body) == (method != "HEAD"), "it says what was wrong, where it may"
    assert conversation.seconds < 5, "it was not a time-out"
    assert not [path for _, path, _ in site.seen if "smuggled" in path]
    return answer.status

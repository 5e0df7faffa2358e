"""The voice example's server: chunks go to the talker and to listeners, and nothing piles up."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import httpx
import pytest
import trio
from support.program import Program
from support.serving import connected, in_memory
from trio.testing import lockstep_stream_pair
from websockets.exceptions import ConnectionClosed

from trioweb.testing import BINARY, TEXT, RawPeer

HEADER = b"the header"


@pytest.fixture
def module(example):
    return example("voice")


@pytest.fixture
def talk(visit):
    """Go on the air: the header comes first, and comes back after the name."""

    @asynccontextmanager
    async def talk(server, name):
        async with visit(server, f"/talk?name={name}") as talker:
            await talker.send(HEADER)
            talker.name = (await talker.hear())["name"]
            assert await talker.receive() == HEADER
            yield talker

    return talk


async def next_chunk(visitor):
    """Receive the next sound, and skip the texts with counts."""
    while isinstance(message := await visitor.receive(), str):
        assert json.loads(message)["type"] in {"outbox", "missed"}
    return message


async def on_the_air(server, visit, expected):
    """Watch until the list is as expected."""
    async with visit(server, "/watch") as watcher:
        while (await watcher.hear())["talkers"] != expected:
            pass


async def test_each_chunk_comes_back_to_the_person_who_speaks(server, talk):
    async with talk(server, "Ann") as ann:
        for chunk in (b"one", b"", b"\x00" * 5000):
            await ann.send(chunk)
            assert await next_chunk(ann) == chunk


async def test_a_late_listener_gets_the_header_first_and_then_what_is_said(server, talk, visit):
    async with talk(server, "Ann") as ann:
        await ann.send(b"before anybody listens")
        assert await next_chunk(ann) == b"before anybody listens"
        async with visit(server, "/listen?name=Ann") as ben, visit(server, "/listen?name=Ann") as cy:
            assert await ben.receive() == await cy.receive() == HEADER
            await on_the_air(server, visit, [{"name": "Ann", "listeners": 2}])
            await ann.send(b"hello")
            assert await next_chunk(ben) == await next_chunk(cy) == await next_chunk(ann) == b"hello"


async def test_two_talkers_are_two_rooms(server, talk, visit):
    async with (
        talk(server, "Ann") as ann,
        talk(server, "Ben") as ben,
        visit(server, "/listen?name=Ben") as listener,
    ):
        assert await listener.receive() == HEADER
        await on_the_air(server, visit, [{"name": "Ann", "listeners": 0}, {"name": "Ben", "listeners": 1}])
        await ann.send(b"of Ann")
        assert await next_chunk(ann) == b"of Ann"
        await ben.send(b"of Ben")
        assert await next_chunk(listener) == b"of Ben"


async def test_the_list_follows_who_comes_and_goes(server, talk, visit):
    async with visit(server, "/watch") as watcher:
        assert await watcher.hear() == {"type": "talkers", "talkers": []}
        await watcher.send("nobody listens")
        async with talk(server, "Ann"):
            assert (await watcher.hear())["talkers"] == [{"name": "Ann", "listeners": 0}]
            async with visit(server, "/listen?name=Ann") as listener:
                await listener.send(b"nobody listens")
                assert (await watcher.hear())["talkers"] == [{"name": "Ann", "listeners": 1}]
            assert (await watcher.hear())["talkers"] == [{"name": "Ann", "listeners": 0}]
        assert (await watcher.hear())["talkers"] == []


async def test_listeners_are_disconnected_when_the_talk_ends(server, talk, visit):
    async with talk(server, "Ann") as ann, visit(server, "/listen?name=Ann") as listener:
        assert await listener.receive() == HEADER
        await ann.ws.aclose()
        await listener.ws.wait_closed()
        assert (listener.ws.close_code, listener.ws.close_reason) == (1000, "the talk has ended")


async def test_a_person_who_is_not_on_the_air_cannot_be_listened_to(server, visit):
    async with visit(server, "/listen?name=Nobody") as listener:
        await listener.ws.wait_closed()
        assert listener.ws.close_code == 4404


async def test_a_name_becomes_one_that_nobody_has(server, talk):
    async with (
        talk(server, "Ann") as first,
        talk(server, "%20Ann%20") as second,
        talk(server, "Ann%20%20Lee") as third,
        talk(server, "x" * 24) as fourth,
        talk(server, "%FF") as fifth,
    ):
        assert [one.name for one in (first, second, third, fourth, fifth)] == [
            "Ann",
            "Ann 2",
            "Ann Lee",
            "x" * 24,
            "\ufffd",
        ]


async def test_only_a_few_people_talk_at_a_time(module, server, talk, visit, monkeypatch):
    monkeypatch.setattr(module, "MOST_TALKERS", 1)
    async with talk(server, "Ann"), visit(server, "/talk?name=Ben") as late:
        await late.send(HEADER)
        await late.ws.wait_closed()
        assert (late.ws.close_code, late.ws.close_reason) == (1013, "1 people are talking already")
    async with talk(server, "Ben") as ben:
        assert ben.name == "Ben"


@pytest.mark.parametrize(("message", "code"), [("text", 1003), (b"x" * 16_385, 1009)])
async def test_a_message_that_is_not_a_chunk_ends_only_its_own_connection(server, talk, visit, message, code):
    async with talk(server, "Ann") as ann, visit(server, "/talk?name=Ben") as ben:
        await ben.send(message)
        await ben.ws.wait_closed()
        assert ben.ws.close_code == code
        await ann.send(b"still here")
        assert await next_chunk(ann) == b"still here"


async def test_a_listener_who_stops_reading_loses_chunks_and_the_talker_waits_for_nobody(
    module, server, talk, visit, monkeypatch
):
    monkeypatch.setattr(module.Pace, "BYTES_PER_SECOND", 10**9)
    chunks, size = 1200, 8000
    async with talk(server, "Ann") as ann:
        socket = trio.socket.socket()
        socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 4096)
        await socket.connect(("127.0.0.1", server.port))
        async with trio.SocketStream(socket) as stream:
            slow = RawPeer(stream)
            await slow.open("/listen?name=Ann")
            await on_the_air(server, visit, [{"name": "Ann", "listeners": 1}])
            for number in range(chunks):
                chunk = number.to_bytes(4, "big").ljust(size, b"x")
                await ann.send(chunk)
                assert await next_chunk(ann) == chunk
            (talker,) = module.talkers.values()
            listening = talker.room.members[1].outbox.statistics()
            assert listening.drops > chunks / 2
            assert listening.high_water_bytes <= module.LIMITS.outbox_bytes + 2 * size
            await follow(slow, chunks)


async def follow(slow, chunks):
    """Read to the last chunk: each comes in order, or is counted where it is missing."""
    assert (await slow.receive_frame()).payload == HEADER
    expected, gaps = 0, 0
    while expected < chunks:
        opcode, payload, *_ = await slow.receive_frame()
        if opcode == BINARY:
            assert int.from_bytes(payload[:4], "big") == expected
            expected += 1
        elif opcode == TEXT and (notice := json.loads(payload))["type"] == "missed":
            expected += notice["count"]
            gaps += 1
    assert gaps >= 1


async def test_a_sender_that_is_too_fast_is_read_slowly_and_nothing_piles_up(module, autojump_clock):
    """640 kB at once: 32 KiB a second go through after a burst, and the sender has to wait."""
    chunk, chunks = b"x" * 8000, 80
    waited_seconds = []
    async with in_memory(module.app, pair=lockstep_stream_pair) as peer:

        async def flood():
            await peer.send_binary(HEADER)
            started = trio.current_time()
            for _ in range(chunks):
                await peer.send_binary(chunk)
            waited_seconds.append(trio.current_time() - started)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.open, "/talk")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood)
            started, heard = trio.current_time(), 0
            while heard < chunks:
                heard += (await peer.receive_frame()).payload == chunk
    needed_seconds = len(chunk) * chunks / module.Pace.BYTES_PER_SECOND - module.Pace.BURST_SECONDS
    held_seconds = module.LIMITS.inbox_bytes / module.Pace.BYTES_PER_SECOND
    assert trio.current_time() - started == pytest.approx(needed_seconds, abs=0.5)
    assert waited_seconds[0] > needed_seconds - held_seconds - 3


async def test_a_talker_who_sends_nothing_gives_up_the_place_on_the_air(module, autojump_clock):
    async with in_memory(module.app) as peer:
        await peer.open("/talk")
        assert await peer.receive_close() == (4408, "nothing came for 30 seconds")


async def test_a_talker_who_vanishes_leaves_nothing_behind(module, server, visit):
    async with visit(server, "/watch") as watcher:
        await watcher.hear()
        async with connected(server) as peer:
            await peer.open("/talk?name=Ann")
            await peer.send_binary(HEADER)
            assert len((await watcher.hear())["talkers"]) == 1
        assert (await watcher.hear())["talkers"] == []
    assert not module.talkers


async def test_waiting_and_missed_chunks_are_reported(server, talk):
    async with talk(server, "Ann") as ann:
        assert await ann.hear() == {"type": "outbox", "bytes": 0, "missed": 0, "missed_by_all": 0}


def test_the_program_serves_by_itself_until_ctrl_c():
    with Program("demo/voice.py", "--port", "0") as program:
        assert "<h1>Voice</h1>" in httpx.get(program.wait_for_url(), trust_env=False).text
        assert program.interrupt()[0] == 0


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "A name has 1 to 24 characters, and not only spaces."),
        ("%20%20", "A name has 1 to 24 characters, and not only spaces."),
        ("x" * 25, "A name has 1 to 24 characters, and not only spaces."),
        ("a%E2%80%8Bb", "A name has only characters that can be seen, and U+200B cannot be."),
        ("%0A", "A name has 1 to 24 characters, and not only spaces."),
    ],
)
async def test_a_name_that_nobody_could_read_is_refused_with_the_reason(server, visit, name, fault):
    async with visit(server, f"/talk?name={name}") as talker:
        with pytest.raises(ConnectionClosed) as caught:
            await talker.receive()
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4400, fault)

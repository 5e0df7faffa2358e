"""The voice example's server: chunks go to the talker and to listeners, and nothing piles up."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import httpx
import pytest
import trio
from support.program import Program
from support.serving import in_memory
from trio.testing import lockstep_stream_pair

from trioweb import Close
from trioweb.testing import BINARY, TEXT, RawPeer

HEADER = b"the header"


@pytest.fixture
def module(example):
    return example("voice")


@pytest.fixture
def talk(client):
    """Go on the air: the header comes first, and comes back after the name."""

    @asynccontextmanager
    async def talk(name, *, called=None):
        async with client.websocket("/talk", params={"name": name}) as talker:
            await talker.send(HEADER)
            assert (await talker.expect_json())["name"] == (called or name)
            await talker.expect_bytes(HEADER)
            yield talker

    return talk


async def next_chunk(visitor):
    """Receive the next sound, and skip the texts with counts."""
    while isinstance(message := await visitor.receive(), str):
        assert json.loads(message)["type"] in {"outbox", "missed"}
    return message


async def on_the_air(client, expected):
    """Watch until the list is as expected."""
    async with client.websocket("/watch") as watcher:
        while (await watcher.expect_json())["talkers"] != expected:
            pass


async def test_each_chunk_comes_back_to_the_person_who_speaks(client, talk, autojump_clock):
    async with talk("Ann") as ann:
        for chunk in (b"one", b"", b"\x00" * 5000):
            await ann.send(chunk)
            assert await next_chunk(ann) == chunk


async def test_a_late_listener_gets_the_header_first_and_then_what_is_said(client, talk, autojump_clock):
    async with talk("Ann") as ann:
        await ann.send(b"before anybody listens")
        assert await next_chunk(ann) == b"before anybody listens"
        async with client.websocket("/listen?name=Ann") as ben, client.websocket("/listen?name=Ann") as cy:
            assert await ben.receive() == await cy.receive() == HEADER
            await on_the_air(client, [{"name": "Ann", "listeners": 2}])
            await ann.send(b"hello")
            assert await next_chunk(ben) == await next_chunk(cy) == await next_chunk(ann) == b"hello"


async def test_two_talkers_are_two_rooms(client, talk, autojump_clock):
    async with (
        talk("Ann") as ann,
        talk("Ben") as ben,
        client.websocket("/listen?name=Ben") as listener,
    ):
        await listener.expect_bytes(HEADER)
        await on_the_air(client, [{"name": "Ann", "listeners": 0}, {"name": "Ben", "listeners": 1}])
        await ann.send(b"of Ann")
        assert await next_chunk(ann) == b"of Ann"
        await ben.send(b"of Ben")
        assert await next_chunk(listener) == b"of Ben"


async def test_the_list_follows_who_comes_and_goes(client, talk, autojump_clock):
    async with client.websocket("/watch") as watcher:
        await watcher.expect_json({"type": "talkers", "talkers": []})
        await watcher.send("nobody listens")
        async with talk("Ann"):
            assert (await watcher.expect_json())["talkers"] == [{"name": "Ann", "listeners": 0}]
            async with client.websocket("/listen?name=Ann") as listener:
                await listener.send(b"nobody listens")
                assert (await watcher.expect_json())["talkers"] == [{"name": "Ann", "listeners": 1}]
            assert (await watcher.expect_json())["talkers"] == [{"name": "Ann", "listeners": 0}]
        assert (await watcher.expect_json())["talkers"] == []


async def test_listeners_are_disconnected_when_the_talk_ends(client, talk, autojump_clock):
    async with talk("Ann") as ann, client.websocket("/listen?name=Ann") as listener:
        await listener.expect_bytes(HEADER)
        await ann.aclose()
        assert await listener.wait_closed() == Close(1000, "the talk has ended")


async def test_a_person_who_is_not_on_the_air_cannot_be_listened_to(client, autojump_clock):
    async with client.websocket("/listen?name=Nobody") as listener:
        await listener.expect_close(4404)


async def test_a_name_becomes_one_that_nobody_has(client, talk, autojump_clock):
    async with (
        talk("Ann"),
        talk(" Ann ", called="Ann 2"),
        talk("Ann  Lee", called="Ann Lee"),
        talk("x" * 24),
        client.websocket("/talk?name=%FF") as broken,
    ):
        await broken.send(HEADER)
        assert (await broken.expect_json())["name"] == "\ufffd"


async def test_only_a_few_people_talk_at_a_time(module, client, talk, monkeypatch, autojump_clock):
    monkeypatch.setattr(module, "MOST_TALKERS", 1)
    async with talk("Ann"), client.websocket("/talk?name=Ben") as late:
        await late.send(HEADER)
        await late.expect_close(1013, "1 people are talking already")
    async with talk("Ben"):
        pass


@pytest.mark.parametrize(("message", "code"), [("text", 1003), (b"x" * 16_385, 1009)])
async def test_a_message_that_is_not_a_chunk_ends_only_its_own_connection(
    client, talk, message, code, autojump_clock
):
    async with talk("Ann") as ann, client.websocket("/talk?name=Ben") as ben:
        await ben.send(message)
        await ben.expect_close(code)
        await ann.send(b"still here")
        assert await next_chunk(ann) == b"still here"


async def test_a_listener_who_stops_reading_loses_chunks_and_the_talker_waits_for_nobody(
    module, client, talk, monkeypatch, autojump_clock
):
    monkeypatch.setattr(module.Pace, "BYTES_PER_SECOND", 10**9)
    chunks, size = 1200, 8000
    async with talk("Ann") as ann, client.open_stream() as stream:
        slow = RawPeer(stream)
        await slow.open("/listen?name=Ann")
        await on_the_air(client, [{"name": "Ann", "listeners": 1}])
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


async def test_a_talker_who_sends_nothing_gives_up_the_place_on_the_air(client, autojump_clock):
    async with client.websocket("/talk") as talker:
        await talker.expect_close(4408, "nothing came for 30 seconds")


async def test_a_talker_who_vanishes_leaves_nothing_behind(module, client, autojump_clock):
    async with client.websocket("/watch") as watcher:
        await watcher.expect_json()
        async with client.open_stream() as stream:
            peer = RawPeer(stream)
            await peer.open("/talk?name=Ann")
            await peer.send_binary(HEADER)
            assert len((await watcher.expect_json())["talkers"]) == 1
        assert (await watcher.expect_json())["talkers"] == []
    assert not module.talkers


async def test_waiting_and_missed_chunks_are_reported(client, talk, autojump_clock):
    async with talk("Ann") as ann:
        report = await ann.expect_json()
        assert report["type"] == "outbox"
        assert (report["missed"], report["missed_by_all"]) == (0, 0)
        assert report["bytes"] < 100


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
async def test_a_name_that_nobody_could_read_is_refused_with_the_reason(client, name, fault, autojump_clock):
    async with client.websocket(f"/talk?name={name}") as talker:
        await talker.expect_close(4400, fault)

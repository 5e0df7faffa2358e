"""A stream over a bad network, with faults that a seed decides."""

from __future__ import annotations

import random
import re

import pytest
import trio
import trio.testing

from trioweb.testing import Fault, FaultyStream
from trioweb.testing.faults.stream import forget_recent_faults, recent_faults

DATA = random.Random(1).randbytes(5000)


def pair(**options):
    """A bad stream, and the other end of it."""
    near, far = trio.testing.memory_stream_pair()
    return FaultyStream(near, **options), far


async def send_in_pieces(stream, data, size):
    for start in range(0, len(data), size):
        await stream.send_all(data[start : start + size])


async def receive_all(stream):
    received = bytearray()
    pieces = []
    try:
        while data := await stream.receive_some():
            received += data
            pieces.append(len(data))
    except trio.BrokenResourceError as error:
        return bytes(received), pieces, str(error)
    return bytes(received), pieces, "the end"


async def story(seed, size=500):
    """What one side receives through a bad stream, and how long that takes."""
    near, far = pair(seed=seed)
    started = trio.current_time()
    outcome = []
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def send():
            try:
                await send_in_pieces(far, DATA, size)
                await far.send_eof()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass

        outcome += await receive_all(near)
    return (*outcome, trio.current_time() - started)


async def test_a_faulty_stream_is_a_stream_like_any_other(autojump_clock):
    async def make():
        near, far = trio.testing.memory_stream_pair()
        quiet = {"faults": ["split", "delay"], "every_bytes": 20_000, "seed": 1}
        return FaultyStream(near, **quiet), FaultyStream(far, **quiet)

    async def make_full():
        near, far = trio.testing.lockstep_stream_pair()
        return FaultyStream(near, faults=[]), FaultyStream(far, faults=[])

    await trio.testing.check_half_closeable_stream(make, make_full)


@pytest.mark.parametrize("seed", range(8))
async def test_the_same_seed_has_the_same_faults_whatever_the_pieces(autojump_clock, seed):
    received, pieces, end, seconds = await story(seed)
    assert (received, pieces, end, pytest.approx(seconds)) == await story(seed)
    other, _, other_end, other_seconds = await story(seed, size=70)
    assert (other, other_end) == (received, end)
    assert other_seconds == pytest.approx(seconds)
    assert DATA.startswith(received)


async def test_every_kind_of_fault_happens_for_some_seed(autojump_clock):
    endings = [(await story(seed))[2:] for seed in range(40)]
    assert {"the end"} < {ending for ending, _ in endings}
    assert [ending for ending, _ in endings if "reset after" in ending]
    assert [seconds for _, seconds in endings if seconds > 60]


async def test_harmless_faults_lose_no_byte_in_either_direction(autojump_clock):
    near, far = pair(faults={"split": 1, "delay": 3}, every_bytes=50)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def there():
            await near.send_all(DATA)
            await near.send_eof()

        assert (await receive_all(far))[0] == DATA
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def back():
            await far.send_all(DATA)
            await far.send_eof()

        received, pieces, _ = await receive_all(near)
    assert received == DATA
    assert len(pieces) > 50


@pytest.mark.parametrize("place", [0, 1, 17])
async def test_a_received_end_comes_after_exactly_so_many_bytes(autojump_clock, place):
    near, far = pair(receiving=[Fault("end", at_byte=place)])
    await far.send_all(DATA)
    assert (await receive_all(near))[0] == DATA[:place]
    await near.send_all(b"the other direction goes on")
    assert await far.receive_some() == b"the other direction goes on"


@pytest.mark.parametrize("place", [0, 1, 17])
async def test_a_sent_end_comes_after_exactly_so_many_bytes(autojump_clock, place):
    near, far = pair(sending=[Fault("end", at_byte=place)])
    with pytest.raises(trio.BrokenResourceError):
        await near.send_all(DATA)
    assert (await receive_all(far))[0] == DATA[:place]
    await far.send_all(b"the other direction goes on")
    assert await near.receive_some() == b"the other direction goes on"


@pytest.mark.parametrize("direction", ["sending", "receiving"])
async def test_a_reset_breaks_both_directions_at_once(autojump_clock, direction):
    near, far = pair(**{direction: [Fault("reset", at_byte=3)]})
    if direction == "receiving":
        await far.send_all(b"tea for two")
        assert await near.receive_some() == b"tea"
    else:
        await near.send_all(b"tea")
    for call in (near.send_all(b"x"), near.receive_some(), near.wait_send_all_might_not_block()):
        with pytest.raises(trio.BrokenResourceError, match=r"reset after 3 bytes (sent|received)"):
            await call
    with pytest.raises(trio.BrokenResourceError):
        await far.send_all(b"x")


async def test_a_reset_wakes_a_task_that_was_receiving(autojump_clock):
    near, _ = pair(sending=[Fault("reset", at_byte=3)])
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def receive():
            with pytest.raises(trio.BrokenResourceError, match="reset after 3 bytes sent"):
                await near.receive_some()

        await trio.testing.wait_all_tasks_blocked()
        await near.send_all(b"tea")


async def test_a_reset_over_tcp_is_a_real_one():
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        near = await trio.testing.open_stream_to_socket_listener(listener)
        far = await listener.accept()
        async with near, far:
            bad = FaultyStream(near, sending=[Fault("reset", at_byte=3)])
            await bad.send_all(b"tea")
            with pytest.raises(trio.BrokenResourceError):
                while await far.receive_some():
                    pass


async def test_a_stall_lets_nothing_through_for_its_time(autojump_clock):
    near, far = pair(receiving=[Fault("stall", at_byte=3, seconds=40)])
    await far.send_all(b"tea for two")
    assert await near.receive_some() == b"tea"
    started = trio.current_time()
    assert await near.receive_some() == b" for two"
    assert trio.current_time() - started == pytest.approx(40)


async def test_a_cancelled_delay_loses_nothing(autojump_clock):
    near, far = pair(receiving=[Fault("stall", at_byte=3, seconds=40)])
    await far.send_all(b"tea for two")
    assert await near.receive_some() == b"tea"
    with trio.move_on_after(1):
        await near.receive_some()
    assert await near.receive_some() == b" for two"


async def test_a_failing_test_shows_the_seed(autojump_clock):
    forget_recent_faults()
    near, _ = pair(faults=["reset"])
    text = f"seed={near.seed}"
    assert text in repr(near)
    with pytest.raises(trio.BrokenResourceError, match=text):
        await near.send_all(DATA)
    assert re.search(rf"{text}\): \d+ bytes sent \(reset after \d+\), 0 bytes received", *recent_faults())
    await near.aclose()
    with pytest.raises(trio.ClosedResourceError) as raised:
        await near.send_all(b"x")
    assert text in raised.value.__notes__[0]
    forget_recent_faults()
    assert recent_faults() == []


async def test_an_exact_plan_is_shown_instead_of_a_seed(autojump_clock):
    near, _ = pair(seed=3, sending=[Fault("split", 1), Fault("delay", 0, 0.25)])
    await near.send_all(b"tea")
    assert near.seed is None
    assert repr(near) == (
        "<FaultyStream(exact plan): 3 bytes sent (delay of 0.25 s after 0, split after 1), "
        "0 bytes received (no fault)>"
    )


async def test_two_tasks_that_send_at_once_are_a_bug(autojump_clock):
    near, _ = pair(sending=[Fault("stall", 0, 10)])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(near.send_all, b"one")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await near.send_all(b"two")


async def test_a_stream_without_half_closing_cannot_get_it(autojump_clock):
    class Whole(trio.abc.Stream):
        send_all = receive_some = wait_send_all_might_not_block = aclose = None

    with pytest.raises(NotImplementedError, match="Whole has no send_eof"):
        await FaultyStream(Whole()).send_eof()


def test_faults_cannot_be_closer_than_every_byte():
    with pytest.raises(ValueError, match="at least 1"):
        pair(every_bytes=0)

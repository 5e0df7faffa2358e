"""Whatever a program calls, in whatever order, the output is legal, in order, and as promised.

`TRIOWEB_FUZZ_EXAMPLES` says how many programs are tried.
"""

from __future__ import annotations

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.examples import EXAMPLES
from support.sending_story import COMPRESSIONS, POLICIES, telling

TRIED = max(4, EXAMPLES // 30)

SIZES = st.sampled_from([1, 100, 3000, 9000, 15_000, 30_000])
PLACES = st.integers(0, 5)

STEPS = st.one_of(
    st.tuples(st.just("send"), SIZES, st.booleans()),
    st.tuples(st.just("send_nowait"), SIZES),
    st.tuples(st.just("publish"), st.sampled_from(sorted(POLICIES)), SIZES),
    st.tuples(st.just("open_stream"), st.booleans()),
    st.tuples(st.just("piece"), PLACES, SIZES),
    st.tuples(st.just("piece"), PLACES, SIZES),
    st.tuples(st.just("end_stream"), PLACES, st.sampled_from(["whole", "raise", "cancel"])),
    st.tuples(st.just("flush")),
    st.tuples(st.just("ping")),
    st.tuples(st.just("cancel"), PLACES),
    st.tuples(st.just("read"), st.sampled_from([500, 5000, 60_000])),
)
LAST_STEPS = st.one_of(
    st.tuples(st.just("close"), st.sampled_from([1000, 4001])),
    st.tuples(st.just("leave")),
    st.tuples(st.just("shut_down")),
    st.tuples(st.just("peer_closes")),
)
PROGRAMS = st.tuples(
    st.lists(st.lists(STEPS, min_size=1, max_size=4), min_size=1, max_size=10),
    LAST_STEPS,
    st.lists(st.lists(STEPS, min_size=1, max_size=3), max_size=2),
)


async def told(bursts, **settings):
    """Let a program run, burst by burst, and return its story."""
    async with telling(**settings) as story:
        for burst in bursts:
            for name, *arguments in burst:
                await getattr(story, name)(*arguments)
            await trio.testing.wait_all_tasks_blocked()
    return story


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("transport", ["plain", "TLS"])
def test_no_program_of_public_calls_makes_the_wire_illegal(transport, compression):
    @given(PROGRAMS)
    @settings(max_examples=TRIED, deadline=None, suppress_health_check=list(HealthCheck))
    def check(program):
        bursts, last, after = program
        story = trio.run(
            lambda: told(
                [*bursts, [last], *after], transport=transport, compression=COMPRESSIONS[compression]
            )
        )
        assert story.reader.close is not None, "a program's end is a close frame"

        received = [whole if isinstance(whole, str) else whole.decode() for whole in story.reader.messages]
        own = [message if isinstance(message, str) else message.decode() for message in story.entered]
        came = [message for message in received if message in set(own)]
        assert came == [message for message in own if message in set(came)], "nobody passes who waits"
        flushed = {message if isinstance(message, str) else message.decode() for message in story.flushed}
        if last != ("peer_closes",):
            assert flushed <= set(received), "what was flushed has left"
        assert len(set(came)) == len(came)

    check()

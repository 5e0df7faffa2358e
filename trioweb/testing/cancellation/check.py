"""Cancels an async function at every checkpoint in turn, and checks how it ends.

    it ends with                              verdict
    `trio.Cancelled`                          right
    a return, and noticed nothing             right: it had no checkpoint left
    a return, though it was cancelled         wrong: it has swallowed the cancellation
    another exception                         wrong: the caller cannot know that this was a cancellation
    nothing within `most_seconds`             wrong: a shield or a loop keeps it alive
    any of these, and tasks left behind       wrong: they go on without the scope that was cancelled

Cancellation is the one exception that every `await` may raise, and hardly any test raises it anywhere. Code that is
wrong about it works until a client goes away at the wrong time: a connection that is not given back, an `except`
that is too broad, a shield that waits for ever.
"""

from __future__ import annotations

import inspect

import trio

from trioweb.exception_groups import bare_exceptions
from trioweb.testing.cancellation.round import CancellationRound, Scenario, scheduler_dice

__all__ = ["check_cancellation"]


async def check_cancellation(
    scenario: Scenario, *, most_checkpoints: int = 1000, most_seconds: float = 15.0
) -> int:
    """Run an async function again and again, and cancel it at each checkpoint in turn.

    It runs once without being cancelled. Then it is cancelled before its first checkpoint; in the next run, while it
    waits at the first; then as it goes on from there; and so on, until a run ends by itself. All tasks in its own
    nurseries count. The order in which Trio runs the tasks is the same in each run.

    Args:
        scenario: The function, not a coroutine: each run calls it, and begins from the start.
        most_checkpoints: How many checkpoints it may have.
        most_seconds: How long it may take to end after it was cancelled; and the tasks that it started outside
            its own nurseries, after it has ended.

    Returns:
        How many checkpoints the function passed in the run that was not cancelled.

    Raises:
        AssertionError: A cancellation was swallowed; something else was raised in its place; the function did not
            end in time; or a task was left. The text names the line where it was cancelled.
        Exception: The function fails without being cancelled; its exception comes out as it is.

    Cancellation: Ends the run that is under way.
    """
    given: object = scenario
    if inspect.iscoroutine(given):
        given.close()
        raise TypeError(
            "check_cancellation takes an async function, not a coroutine: leave out the parentheses"
        )
    dice = scheduler_dice()
    order = dice.getstate()
    try:
        checkpoints = await _run_undisturbed(scenario, most_seconds)
        if checkpoints > most_checkpoints:
            raise AssertionError(
                f"the scenario has {checkpoints} checkpoints, and most_checkpoints is {most_checkpoints}"
            )
        # Two moments for each checkpoint, and one before the first. A scenario that has more of them in a
        # later run takes another way each time; then the last ones are not tried.
        for moment in range(1, 2 * checkpoints + 2):
            if not await _is_cancelled_well(scenario, moment, most_seconds):
                break
    finally:
        dice.setstate(order)
    return checkpoints


async def _run_undisturbed(scenario: Scenario, most_seconds: float) -> int:
    this_round = await _run(scenario, 0, most_seconds)
    if this_round.error is not None:
        this_round.error.add_note("check_cancellation: the scenario had not been cancelled")
        raise this_round.error
    return this_round.checkpoints


async def _is_cancelled_well(scenario: Scenario, moment: int, most_seconds: float) -> bool:
    """Cancel the scenario at one moment, and check what it does; return `False` if it ended before."""
    this_round = await _run(scenario, moment, most_seconds)
    if not this_round.place:
        return False
    if this_round.error is not None:
        raise AssertionError(
            f"cancelled {this_round.place}\nthe scenario raised {this_round.error!r} in place of trio.Cancelled"
        ) from this_round.error
    if this_round.was_swallowed:
        raise AssertionError(
            f"cancelled {this_round.place}\nthe scenario returned although trio.Cancelled was raised at {this_round.noticed_at}\n"
            "was it swallowed by an `except` that is too broad, or by a `return` in a `finally`?"
        )
    if this_round.others:
        names = ", ".join(sorted(task.name for task in this_round.others))
        raise AssertionError(f"cancelled {this_round.place}\nthe scenario left tasks behind: {names}")
    return True


async def _run(scenario: Scenario, moment: int, most_seconds: float) -> CancellationRound:
    this_round = CancellationRound(moment)
    scheduler_dice().seed(0)
    try:
        with bare_exceptions():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(this_round.run, scenario)
                await this_round.has_begun_to_end.wait()
                await _end_in_time(this_round, most_seconds)
        with trio.move_on_after(most_seconds):
            await this_round.wait_for_others()
    finally:
        trio.lowlevel.remove_instrument(this_round)
    return this_round


async def _end_in_time(this_round: CancellationRound, most_seconds: float) -> None:
    with trio.move_on_after(most_seconds):
        await this_round.has_ended.wait()
        return
    places = this_round.places()
    this_round.lift_shields()
    raise AssertionError(
        f"cancelled {this_round.place}\nthe scenario had not ended after {most_seconds:g} s, and was at {places}\n"
        "is there a shield without a deadline, or a loop that catches trio.Cancelled?"
    )

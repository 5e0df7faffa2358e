"""Both ways to ask whether a task is cancelled say what a checkpoint would do."""

from __future__ import annotations

import pytest
import trio

from trioweb._websocket import cancellation


@pytest.mark.parametrize(
    "ask", [cancellation._by_status, cancellation._by_deadline, cancellation.is_cancelled]
)
async def test_is_cancelled_says_whether_the_next_checkpoint_would_raise(ask):
    assert not ask()
    with trio.CancelScope() as outer, trio.CancelScope() as inner:
        assert not ask()
        outer.cancel()
        assert ask()
        inner.shield = True
        assert not ask()
        inner.cancel()
        assert ask()
        with pytest.raises(trio.Cancelled):
            await trio.lowlevel.checkpoint()
    assert not ask()


def test_the_quick_way_is_taken_if_there_is_one():
    assert cancellation.is_cancelled is cancellation._by_status


def test_the_public_way_is_taken_without_the_quick_one(monkeypatch):
    monkeypatch.setattr(trio.lowlevel, "Task", object)
    assert cancellation._quickest() is cancellation._by_deadline

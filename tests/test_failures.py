"""Failures that a server survives go to the log, or to whoever listens for them."""

from __future__ import annotations

import logging

import trio

from trioweb.failures import listen_for_failures, log_failure

logger = logging.getLogger("trioweb")


async def fail(text):
    log_failure(logger, "it failed: %s", text, error=ValueError(text))


async def test_a_failure_is_logged_with_its_traceback_where_nobody_listens(caplog):
    await fail("one")
    (record,) = caplog.records
    assert record.getMessage() == "it failed: one"
    assert record.exc_info[0] is ValueError
    assert record.funcName == "fail"


async def test_only_the_tasks_of_a_listener_report_to_it(caplog):
    async def listen(text, heard, nursery):
        listen_for_failures(heard.append)
        nursery.start_soon(fail, text)

    first, second = [], []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen, "one", first, nursery)
        nursery.start_soon(listen, "two", second, nursery)
    await fail("three")
    assert [[str(error) for error in heard] for heard in (first, second)] == [["one"], ["two"]]
    assert [record.getMessage() for record in caplog.records] == ["it failed: three"]


async def test_a_listener_gets_a_single_error_without_the_groups_around_it():
    heard, error = [], ValueError("one")
    listen_for_failures(heard.append)
    log_failure(
        logger, "failed", error=ExceptionGroup("of a nursery", [ExceptionGroup("of another", [error])])
    )
    assert heard == [error]

"""The text of `Stuck`: where both sides wait, and what passed between them last.

    this test can never end: every task waits, no deadline is left, and nothing comes from outside
    The test waits in:
        WebSocket /chat, expect_text('bye'): test_chat.py:12 in test_goodbye: await ws.expect_text("bye")
    The application waits in:
        WebSocket /chat: chat.py:30 in chat: await ws.receive()
    The last of WebSocket /chat:
        0.000 s  client -> server  GET /chat HTTP/1.1  (178 bytes)
        0.000 s  client <- server  HTTP/1.1 101 Switching Protocols  (125 bytes)
       40.000 s                    4 pings and pongs

One line for each side is usually enough: they show two parties that wait for each other. Tasks of trioweb and of Trio
are left out unless they serve a connection, and so are connections between two requests, where waiting is normal.
"""

from __future__ import annotations

import trio

from trioweb._http.connection import Http1Connection
from trioweb.testing.bench import Bench, Stuck, Wait
from trioweb.testing.memory.listener import MemoryConnection, connection_served_by
from trioweb.testing.program_line import line_of
from trioweb.testing.stuck.outside import all_tasks

_BETWEEN_REQUESTS = Http1Connection.receive_head.__code__


def report(why: str, bench: Bench, watch: trio.lowlevel.Task) -> Stuck:
    """Describe a test that is stuck.

    Args:
        why: The rule by which it is.
        bench: Knows the calls that wait.
        watch: Is left out.
    """
    served: dict[str, MemoryConnection] = {}
    of_app: list[str] = []
    of_others: list[str] = []
    calling = {wait.task for wait in bench.waits}
    for task in all_tasks():
        connection, line = connection_served_by(task), line_of(task)
        if connection is not None and not _is_between_requests(task):
            if line is not None or task.name == "trioweb session":
                of_app.append(f"{connection.label}: {line or 'in trioweb, not in a line of the program'}")
                served[of_app[-1]] = connection
        elif task is not watch and task not in calling and line is not None and connection is None:
            of_others.append(f"{task.name}: {line}")
    of_test = [f"{wait.call}: {line_of(wait.task) or 'by a library'}" for wait in _outermost(bench)]
    sections = [
        f"this test can never end: {why}",
        *_section("The test waits in", of_test or ["no call of the client"]),
        *_section("The application waits in", of_app or ["no handler"]),
        *_section("Other tasks wait in", of_others),
    ]
    connections = [wait.connection for wait in bench.waits if wait.connection is not None]
    for connection in dict.fromkeys([*connections, *served.values()]):
        sections += [f"The last of {connection.label}:", str(connection.transcript)]
    return Stuck("\n".join(sections))


def _section(title: str, lines: list[str]) -> list[str]:
    return [f"{title}:", *(f"    {line}" for line in lines)] if lines else []


def _outermost(bench: Bench) -> list[Wait]:
    """Return the call that each task has made; it may consist of others."""
    return list({wait.task: wait for wait in reversed(bench.waits)}.values())[::-1]


def _is_between_requests(task: trio.lowlevel.Task) -> bool:
    """Return whether the task of a connection waits for the client's next request."""
    return any(frame.f_code is _BETWEEN_REQUESTS for frame, _ in task.iter_await_frames())

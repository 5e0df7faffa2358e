"""What serves the connections of a Trio run: it comes with the first, goes with the last, and fails alone."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import threading
from contextlib import ExitStack

import pytest
import trio
import trio.testing

import trioweb
from trioweb import ConnectFailed, ConnectionClosedError
from trioweb._client import shared_engine
from trioweb._client.connecting import open_connection
from trioweb._client.options import ConnectOptions
from trioweb._client.websocket import ClientWebSocket
from trioweb._transport.flusher import Flusher
from trioweb._websocket.intake import Intake
from trioweb._websocket.outlet import Outlet
from trioweb._wire.websocket_url import parse_url
from trioweb.testing.raw.frames import masked_bytes
from trioweb.testing.raw.handshake import accepting


class ServerThread:
    """A server outside the Trio run: it accepts each handshake, then reads to the end."""

    def __init__(self):
        self.closes = []
        self.answers = True
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._listening.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        try:
            while True:
                with self._listening.accept()[0] as connected:
                    self._serve_one(connected)
        except OSError:
            pass

    def _serve_one(self, connected):
        data = b""
        while b"\r\n\r\n" not in data:
            data += connected.recv(4096)
        head, _, data = data.partition(b"\r\n\r\n")
        connected.sendall(accepting(head.decode()))
        while not data.startswith(b"\x88") and (more := connected.recv(4096)):
            data += more
        if not data:
            self.closes.append(None)
            return
        payload = masked_bytes(data[6:], data[2:6])
        self.closes.append(int.from_bytes(payload[:2], "big"))
        if self.answers:
            connected.sendall(b"\x88\x02" + payload[:2])
        else:
            connected.recv(4096)

    def stop(self):
        # `close` would not wake a thread that waits in `accept`.
        if self._thread.is_alive():
            self._listening.shutdown(socket.SHUT_RDWR)
            self._thread.join()
        self._listening.close()


@pytest.fixture
def server():
    server = ServerThread()
    yield server
    server.stop()


def opened(url):
    return open_connection(parse_url(url), ConnectOptions(proxy=False))


def test_two_runs_in_one_process_each_have_their_own(server):
    async def main():
        async with trioweb.connect(server.url) as ws:
            assert ws.closed is None

    trio.run(main)
    trio.run(main)

    server.stop()
    assert server.closes == [1000, 1000]


def test_a_connection_that_outlives_its_run_is_closed_with_1001(server):
    kept = []

    async def main():
        kept.append(await opened(server.url))

    trio.run(main)

    server.stop()
    assert server.closes == [1001]
    assert kept[0].closed.code == 1001


def test_a_server_that_does_not_answer_delays_the_end_of_its_run_only_for_a_moment(monkeypatch, server):
    monkeypatch.setattr(shared_engine, "LAST_SECONDS", 0.02)
    server.answers = False
    kept = []

    async def main():
        kept.append(await opened(server.url))

    trio.run(main)

    server.stop()
    assert kept[0].closed.code == 1001


def test_an_async_generator_may_hold_a_connection_when_its_run_ends(server):
    ends = []

    async def messages():
        async with trioweb.connect(server.url) as ws:
            try:
                yield 1
            finally:
                ends.append(ws.closed.code)

    async def main():
        generator = messages()
        assert await anext(generator) == 1
        ends.append(generator)  # nobody closes it

    trio.run(main)

    server.stop()
    assert server.closes == [1001]
    assert ends[1] == 1001


def test_control_c_in_a_block_closes_with_1001_and_passes_through(server):
    async def main():
        async with trioweb.connect(server.url):
            signal.raise_signal(signal.SIGINT)
            await trio.sleep_forever()

    with pytest.raises(KeyboardInterrupt):
        trio.run(main)

    server.stop()
    assert server.closes == [1001]


def test_control_c_while_connecting_passes_through_as_it_is():
    # The kernel drops what does not fit into a full backlog, so that Trio waits in its nursery of attempts.
    with socket.socket() as listening, ExitStack() as stack:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)

        async def main():
            trio.lowlevel.spawn_system_task(interrupt)
            await opened(f"ws://127.0.0.1:{address[1]}/")

        async def interrupt():
            await trio.testing.wait_all_tasks_blocked(0.02)
            signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            trio.run(main)


async def until(condition):
    with trio.fail_after(5):
        while not condition():
            await trio.lowlevel.checkpoint()


async def closed_by_server(server):
    await until(lambda: server.closes)
    return server.closes


def tasks():
    return trio.lowlevel.current_statistics().tasks_living


async def test_a_forgotten_connection_is_closed_with_1001(server):
    ws = await opened(server.url)
    during = tasks()
    del ws

    assert await closed_by_server(server) == [1001]
    await until(lambda: tasks() < during)


async def test_a_connection_may_be_forgotten_in_another_thread(server):
    cell = [await opened(server.url)]
    await trio.to_thread.run_sync(cell.clear)

    assert await closed_by_server(server) == [1001]


def test_a_connection_may_be_forgotten_after_its_run(server):
    kept = []

    async def main():
        kept.append(await opened(server.url))

    trio.run(main)
    kept.clear()


def test_a_websocket_that_was_never_complete_is_forgotten_in_silence():
    del_it = ClientWebSocket.__new__(ClientWebSocket)
    del_it.__del__()


async def test_a_connection_that_has_ended_needs_no_garbage_collector(server):
    def alive():
        return sum(isinstance(one, ClientWebSocket | Intake | Outlet) for one in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = alive()
        async with trioweb.connect(server.url) as ws:
            assert alive() == before + 3
        del ws
        await until(lambda: alive() == before)
    finally:
        gc.enable()


@pytest.mark.slow
async def test_a_thousand_connections_share_the_tasks_of_one(nursery):
    app = trioweb.App()

    @app.websocket("/")
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    server = await nursery.start(trioweb.serve, app, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.port}/"
    limit = trio.CapacityLimiter(50)
    opened_all, answers = [], []

    async def open_one():
        async with limit:
            opened_all.append(await opened(url))

    async def use(ws):
        await ws.send("hello")
        answers.append(await ws.receive())
        await ws.aclose()

    async with trio.open_nursery() as inner:
        for _ in range(1000):
            inner.start_soon(open_one)
    assert tasks() < 1000 + 50  # the server has one for each handler
    async with trio.open_nursery() as inner:
        for ws in opened_all:
            inner.start_soon(use, ws)
    assert answers == ["hello"] * 1000


async def test_an_engine_that_ends_while_a_connection_is_being_opened_leaves_no_socket(serving):
    async def end_it(peer):
        request = await peer.receive_head()
        shared_engine.shared_engine()._unused.set()
        await trio.testing.wait_all_tasks_blocked()
        await peer.send(accepting(request))
        assert await peer.receive_end() == b""

    async with serving(end_it) as port:
        with pytest.raises(RuntimeError, match="this Trio run is ending"):
            await opened(f"ws://127.0.0.1:{port}/")


async def test_nothing_runs_before_the_first_connection_and_after_the_last(server):
    before = tasks()
    async with trioweb.connect(server.url):
        assert tasks() > before
    await until(lambda: tasks() == before)


async def test_a_failure_of_the_engine_costs_its_connections_and_not_the_run(server, monkeypatch, caplog):
    ws = await opened(server.url)
    with monkeypatch.context() as broken:
        broken.setattr(Flusher, "_flush_all", lambda self: 1 / 0)
        ws.send_nowait("one")
        ws.send_nowait("two")
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.receive()
    assert caught.value.code == 1006
    await until(lambda: "all client connections of this Trio run are cut" in caplog.text)

    async with trioweb.connect(server.url) as ws:
        assert ws.closed is None


async def test_a_descriptor_too_few_for_the_engine_is_a_failure_to_connect(monkeypatch, server, caplog):
    def refuse():
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as short:
        short.setattr("trioweb._transport.engine.open_poller", refuse)
        with pytest.raises(ConnectFailed, match="Too many open files"):
            await opened(server.url)

    async with trioweb.connect(server.url) as ws:
        assert ws.closed is None
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_system_without_poller_has_a_task_for_each_connection(monkeypatch, server):
    monkeypatch.setattr("trioweb._transport.engine.open_poller", lambda: None)
    async with trioweb.connect(server.url) as ws:
        assert ws.closed is None
    assert await closed_by_server(server) == [1000]

"""The embedding example: a program that stops its server in three ways."""

from __future__ import annotations

import httpx
import pytest
import trio
from support.program import Program
from websockets.sync.client import connect as connect_blocking


@pytest.fixture
def module(example):
    return example("embedding")


@pytest.mark.slow
async def test_every_watcher_gets_the_ticks(module, client, autojump_clock):
    watchers = client.websocket("/ws"), client.websocket("/ws")
    async with watchers[0] as one, watchers[1] as two, trio.open_nursery() as nursery:
        nursery.start_soon(module.tick)
        first = await one.expect_json()
        assert first == await two.expect_json()
        assert (first["tick"], first["watching"], first["can_stop"]) == (0, 2, False)
        assert (await one.expect_json())["tick"] == 1
        nursery.cancel_scope.cancel()


async def test_a_server_embedded_in_another_program_cannot_be_stopped_from_the_page(client, autojump_clock):
    assert (await client.post("/stop")).status_code == 409


def start(*arguments):
    return Program("demo/embedding.py", "--port", "0", *arguments)


def watch(url):
    return connect_blocking(f"{url.replace('http', 'ws', 1)}/ws", proxy=None)


@pytest.mark.slow
def test_the_button_stops_the_program_gracefully():
    with start() as program:
        url = program.wait_for_url()
        with watch(url) as ws:
            assert '"can_stop": true' in ws.recv()
            assert httpx.post(f"{url}/stop", trust_env=False).status_code == 202
            for _ in ws:
                pass
            assert (ws.close_code, ws.close_reason) == (1001, "the program has ended")
        assert program.wait() == (0, "The program has ended.\n")


@pytest.mark.slow
def test_ctrl_c_stops_the_program_gracefully():
    with start() as program, watch(program.wait_for_url()) as ws:
        ws.recv()
        assert program.interrupt() == (0, "The program has ended.\n")
        for _ in ws:
            pass
        assert ws.close_code == 1001


def test_the_program_ends_when_its_time_is_over():
    with start("--seconds", "0.2") as program:
        program.wait_for_url()
        assert program.wait() == (0, "The program has ended.\n")

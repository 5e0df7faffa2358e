"""The example `commands.py`."""

from __future__ import annotations

import pytest


@pytest.fixture
def app(example):
    return example("commands").app


@pytest.fixture
async def lights(client):
    async with client.websocket("/lights") as ws:
        yield ws


async def test_a_light_is_switched_and_shown(lights, autojump_clock):
    await lights.send_json({"do": "switch", "light": "hall", "on": True})
    await lights.expect_json({"lights": {"hall": True, "kitchen": False}})
    await lights.send_json({"do": "show"})
    await lights.expect_json({"lights": {"hall": True, "kitchen": False}})


@pytest.mark.parametrize(
    "command",
    [
        None,
        3,
        [],
        {},
        {"do": "dance"},
        {"do": "switch", "light": "moon", "on": True},
        {"do": "switch", "light": "hall", "on": 1},
    ],
)
async def test_a_command_that_is_not_understood_gets_an_error_and_the_next_is_obeyed(
    lights, autojump_clock, command
):
    await lights.send_json(command)
    assert "error" in await lights.expect_json()
    await lights.send_json({"do": "show"})
    assert "lights" in await lights.expect_json()


@pytest.mark.parametrize("message", ["tea", "[" * 1000, ""])
async def test_a_message_that_is_not_json_closes_with_1007(lights, autojump_clock, message):
    await lights.send(message)
    await lights.expect_close(1007)

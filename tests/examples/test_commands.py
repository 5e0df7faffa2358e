"""The example `commands.py`."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import ConnectionClosedError


@pytest.fixture
async def client(example, site):
    async with site(example("commands").app) as there, there.connect("/lights") as client:
        yield client


async def ask(client, command):
    await client.send(json.dumps(command))
    return json.loads(await client.recv())


async def test_a_light_is_switched_and_shown(client):
    assert await ask(client, {"do": "switch", "light": "hall", "on": True}) == {
        "lights": {"hall": True, "kitchen": False}
    }
    assert (await ask(client, {"do": "show"}))["lights"]["hall"] is True


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
async def test_a_command_that_is_not_understood_gets_an_error_and_the_next_is_obeyed(client, command):
    assert "error" in await ask(client, command)
    assert "lights" in await ask(client, {"do": "show"})


@pytest.mark.parametrize("message", ["tea", "[" * 1000, ""])
async def test_a_message_that_is_not_json_closes_with_1007(client, message):
    await client.send(message)
    with pytest.raises(ConnectionClosedError):
        await client.recv()
    assert client.close_code == 1007

"""The example `behind_proxy.py`."""

from __future__ import annotations

import pytest

from trioweb.testing import open_client

FORWARDED = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "Host": "tea.example"}
PROXY = ("127.0.0.1", 50_000)


@pytest.fixture
def app(example):
    return example("behind_proxy").app


async def test_the_app_knows_the_proxys_client_and_what_it_asked_for(app, autojump_clock):
    async with open_client(app, peer=PROXY) as client:
        response = await client.get("/", headers=FORWARDED)
        assert response.text == "You are 203.0.113.7, and asked for https://tea.example/\n"
        async with client.websocket("/", headers={"X-Forwarded-For": "203.0.113.7"}) as ws:
            await ws.expect_text("You are 203.0.113.7")


async def test_from_anyone_else_these_fields_count_for_nothing(client, autojump_clock):
    response = await client.get("/", headers=FORWARDED)
    assert response.text == "You are 192.0.2.1:50000, and asked for http://tea.example/\n"

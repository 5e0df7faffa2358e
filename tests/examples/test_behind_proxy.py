"""The example `behind_proxy.py`."""

from __future__ import annotations

import pytest
from support.serving import in_memory

FORWARDED = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "Host": "tea.example"}


@pytest.fixture
def app(example):
    return example("behind_proxy").app


async def test_the_app_knows_the_proxys_client_and_what_it_asked_for(app, site):
    async with site(app) as there:
        response = await there.get("/", headers=FORWARDED)
        assert response.text == "You are 203.0.113.7, and asked for https://tea.example/\n"
        headers = {"X-Forwarded-For": "203.0.113.7"}
        async with there.connect("/", additional_headers=headers) as client:
            assert await client.recv() == "You are 203.0.113.7"


async def test_from_anyone_else_these_fields_count_for_nothing(app):
    lines = "".join(f"{name}: {value}\r\n" for name, value in FORWARDED.items())
    async with in_memory(app) as peer:
        await peer.send(f"GET / HTTP/1.1\r\n{lines}\r\n".encode())
        head, body = await peer.receive_response()
    assert head.startswith("HTTP/1.1 200")
    assert b"203.0.113.7" not in body and b"http://tea.example/" in body

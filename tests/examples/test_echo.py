"""The echo example, spoken to by another library's client."""

from __future__ import annotations

import httpx
import pytest
from support.program import Program
from support.serving import running
from websockets.exceptions import InvalidStatus


async def test_text_comes_back_as_text_and_bytes_as_bytes(example, visit):
    async with running(example("echo").app) as server, visit(server, "/ws") as visitor:
        for message in ("Grüße, 世界 🙂", "", b"\x00\xff", b"", "x" * 125, "x" * 126):
            await visitor.send(message)
            assert await visitor.receive() == message


@pytest.mark.parametrize("size", [65_535, 65_536, 200_000, 1024 * 1024])
async def test_a_large_message_comes_back_whole(example, visit, size):
    async with running(example("echo").app) as server, visit(server, "/ws") as visitor:
        message = "0123456789abcdef" * (size // 16) + "." * (size % 16)
        await visitor.send(message)
        assert await visitor.receive() == message


async def test_the_close_code_comes_back(example, visit):
    async with running(example("echo").app) as server, visit(server, "/ws") as visitor:
        await visitor.ws.aclose(4001, "bye")
        assert visitor.ws.close_code == 4001


async def test_each_message_is_answered_in_json(example, visit):
    async with running(example("echo").app) as server, visit(server, "/json") as visitor:
        for message, answer in (
            ("hello", "hello"),
            ("x" * 70_000, "x" * 70_000),
            (b"as bytes \xff", "as bytes \ufffd"),
        ):
            await visitor.send(message)
            assert await visitor.hear() == {"message": answer}


async def test_a_client_that_goes_leaves_the_others_alone(example, visit):
    async with running(example("echo").app) as server, visit(server, "/ws") as second:
        async with visit(server, "/ws") as first:
            await first.send("one")
            assert await first.receive() == "one"
        await second.send("two")
        assert await second.receive() == "two"


async def test_plain_http_is_answered_on_the_same_port(example):
    async with (
        running(example("echo").app) as server,
        httpx.AsyncClient(base_url=server.urls[0], trust_env=False) as client,
    ):
        assert (await client.get("/hello")).text == "Hello over plain HTTP.\n"
        assert "<h1>Echo</h1>" in (await client.get("/")).text
        assert (await client.get("/shared/style.css")).headers["content-type"].startswith("text/css")
        assert (await client.get("/ws")).status_code == 426
        assert (await client.get("/elsewhere")).status_code == 404


async def test_a_handshake_elsewhere_is_refused(example, visit):
    async with running(example("echo").app) as server:
        with pytest.raises(InvalidStatus, match="404"):
            async with visit(server, "/nowhere"):
                pass


def test_the_program_serves_by_itself_until_ctrl_c():
    with Program("examples/echo.py", "--port", "0") as program:
        url = program.wait_for_url()
        assert httpx.get(f"{url}/hello", trust_env=False).status_code == 200
        status, printed = program.interrupt()
    assert status == 0
    assert "Traceback" not in printed

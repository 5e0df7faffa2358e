"""`trioweb connect` in a pipe: what goes in and out, and how it ends."""

from __future__ import annotations

import json
import os
import signal

import pytest
import trio
from support.waiting import until

from trioweb._cli import conversation
from trioweb._cli.connecting import status_of
from trioweb.testing import RawPeer


def events(output):
    return [json.loads(line) for line in output.splitlines()]


# Messages


async def test_lines_are_sent_as_they_are_and_messages_come_out_as_lines(script, url):
    data = "one\n\n/ping\n//two\r\nGrüße".encode()
    assert await script(f"{url}/echo", data) == (0, data.decode() + "\n", "")


async def test_binary_messages_are_hexadecimal_both_ways(script, url):
    assert await script(f"{url}/echo", b"0a0b\n00 FF\n\n", is_hex=True) == (0, "0a0b\n00ff\n\n", "")


async def test_commands_work_in_a_pipe_if_they_are_asked_for(script, url):
    data = b"/hex 0a\n//two\n/ping\n"
    status, output, _ = await script(f"{url}/echo", data, has_commands=True, is_json=True)
    assert status == 0
    found = events(output)
    messages = [event for event in found if event["event"] == "message"]
    assert messages == [{"event": "message", "hex": "0a"}, {"event": "message", "text": "/two"}]
    [pong] = [event for event in found if event["event"] == "pong"]
    assert 0 < pong["latency_seconds"] < 5
    assert (found[0]["event"], found[-1]["event"]) == ("open", "close")


async def test_headers_and_compression_are_offered(script, url):
    status, output, _ = await script(f"{url}/cookie", headers=[("Cookie", "id=1")], is_compressed=True)
    assert status == 0
    cookie, extensions = output.splitlines()
    assert cookie == "id=1"
    assert extensions.startswith("permessage-deflate")


async def test_each_event_is_a_json_object(script, url):
    status, output, complaint = await script(f"{url}/bye", b"4001 b\x07ye", is_json=True, subprotocols=["x"])
    assert status == 40
    assert complaint == r"the server closed the connection with 4001 b\x07ye"
    assert events(output) == [
        {"event": "open", "url": f"{url}/bye", "subprotocol": None, "extensions": None},
        {"event": "close", "code": 4001, "reason": "b\x07ye", "by": "server", "latency_seconds": None},
    ]


async def test_messages_come_out_while_the_input_stays_open(pipes, url):
    one = pipes(f"{url}/echo")
    one.write(b"hello\n")
    assert await one.read_line() == "hello\n"
    one.write(b"again\n")
    assert await one.read_line() == "again\n"
    one.end_input()
    await until(lambda: one.shell.status == 0)


# The end


@pytest.mark.parametrize(
    ("code", "status"),
    [(1000, 0), (1001, 0), (1002, 102), (1008, 108), (1011, 111), (1013, 113), (3000, 30), (4999, 40)],
)
async def test_the_close_code_decides_the_exit_status(script, url, code, status):
    found, output, complaint = await script(f"{url}/bye", f"{code} because\n".encode())
    assert (found, output) == (status, "")
    assert complaint == (f"the server closed the connection with {code} because" if status else "")


def test_a_close_without_a_code_is_a_good_end_and_a_lost_connection_is_not():
    assert [status_of(code) for code in (1005, 1006, 1015)] == [0, 106, 115]


async def test_a_refused_handshake_has_a_status_of_its_own(script, url):
    status, output, complaint = await script(f"{url}/refused", is_json=True)
    assert status == 3
    assert "401" in complaint and "who are you?" in complaint
    assert events(output) == [{"event": "error", "text": complaint, "status": 401}]


async def test_no_connection_is_a_failure(script, server, url):
    await server.aclose()
    status, output, complaint = await script(f"{url}/echo", is_json=True)
    assert status == 1
    assert complaint.startswith("connecting failed (TCP)")
    assert events(output) == [{"event": "error", "text": complaint, "status": None}]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"url": "http://host/"}, "write ws://"),
        ({"url": "host:80"}, "expected ws://"),
        ({"headers": [("Co okie", "1")]}, "is not a header name"),
        ({"subprotocols": ["a b"]}, "subprotocol"),
        ({"resume": ""}, "resume"),
    ],
)
async def test_wrong_arguments_are_a_mistake_of_the_user(script, arguments, complaint):
    status, output, found = await script(arguments.pop("url", "ws://127.0.0.1:1/"), **arguments)
    assert (status, output) == (2, "")
    assert complaint in found


async def test_a_server_that_goes_away_is_an_error(script, nursery):
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def accept_and_leave():
        async with listener, await listener.accept() as stream:
            await RawPeer(stream, is_server=True).accept()

    nursery.start_soon(accept_and_leave)
    port = listener.socket.getsockname()[1]
    status, _, complaint = await script(f"ws://127.0.0.1:{port}/", wait=5)
    assert (status, complaint) == (106, "the connection was lost without a close frame (1006)")


async def test_the_command_waits_until_the_server_has_been_silent(pipes, url):
    one = pipes(f"{url}/echo", wait=0.2)
    one.write(b"one\n")
    assert await one.read_line() == "one\n"
    one.end_input()
    began = trio.current_time()
    await until(lambda: one.shell.status is not None)
    assert trio.current_time() - began > 0.15
    assert one.shell.status == 0


async def test_the_command_may_wait_for_the_server_to_close(pipes, url, server):
    one = pipes(f"{url}/echo", wait=float("inf"), is_json=True)
    one.end_input()
    await one.read_line()
    await server.aclose(grace_seconds=0.1)
    await until(lambda: one.shell.status == 0)
    assert json.loads(await one.read_line())["by"] == "server"


async def test_a_line_that_is_not_utf8_ends_the_command(script, url):
    status, output, complaint = await script(f"{url}/echo", b"fine\nnot \xff fine\nnever sent\n", wait=5)
    assert status == 1
    assert complaint.startswith("line 2 of the input: byte 5 of the line is not UTF-8")
    assert "never" not in output


async def test_a_reader_that_has_seen_enough_ends_the_command_quietly(pipes, url):
    one = pipes(f"{url}/flood")
    await one.read_line()
    one.end_output()
    await until(lambda: one.shell.status == 0)
    assert one.shell.complaint == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_closes_with_1001(pipes, url, number):
    one = pipes(f"{url}/echo", is_json=True)
    await one.read_line()
    os.kill(os.getpid(), number)
    event = json.loads(await one.read_line())
    assert (event["event"], event["code"], event["by"]) == ("close", 1001, "client")
    await until(lambda: one.shell.status == 0)


async def test_a_signal_ends_a_command_whose_output_is_stuck(pipes, url, monkeypatch):
    monkeypatch.setattr(conversation, "LEAVING_SECONDS", 0.05)
    one = pipes(f"{url}/flood")
    await trio.lowlevel.wait_readable(one.read_end)
    await trio.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)
    with trio.fail_after(5):
        await until(lambda: one.shell.status == 0)


async def test_a_signal_before_there_is_a_connection_has_the_status_of_shells(pipes):
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        one = pipes(f"ws://127.0.0.1:{listener.socket.getsockname()[1]}/")
        async with await listener.accept() as stream:
            await stream.receive_some()
            os.kill(os.getpid(), signal.SIGINT)
            await until(lambda: one.shell.status == 130)


# Connecting again


async def test_the_command_connects_again_and_reads_on(pipes, url):
    one = pipes(f"{url}/bye", reconnects=True, is_json=True)
    for code in (1001, 1011, 4001):
        assert json.loads(await one.read_line())["event"] == "open"
        one.write(f"{code}\n".encode())
        assert json.loads(await one.read_line())["code"] == code
    await until(lambda: one.shell.status == 40)


async def test_a_signal_between_two_connections_ends_the_command(pipes, url):
    one = pipes(f"{url}/bye", reconnects=True, is_json=True)
    await one.read_line()
    one.write(b"1012\n")
    assert json.loads(await one.read_line())["code"] == 1012
    os.kill(os.getpid(), signal.SIGINT)
    await until(lambda: one.shell.status == 130)


async def test_a_resumed_connection_shows_messages_without_their_envelopes(script, url):
    data = b'{"position": "a", "message": {"x":  1}}'
    assert await script(f"{url}/echo", data, reconnects=True, resume="since") == (0, '{"x":  1}\n', "")


async def test_a_code_to_give_up_on_ends_the_command(pipes, url):
    one = pipes(f"{url}/bye", reconnects=True)
    one.write(b"1008 enough\n")
    await until(lambda: one.shell.status == 108)
    assert one.shell.complaint == "the server closed the connection with 1008 enough"

"""`trioweb connect` at a terminal, with a person who types."""

from __future__ import annotations

import pytest
from support.waiting import until


async def ended(terminal):
    await until(lambda: terminal.shell.status is not None)
    return terminal.shell.status, terminal.shell.complaint


async def test_messages_and_notes_are_told_apart(terminal, url):
    one = terminal(f"{url}/echo", subprotocols=["chat"])
    await one.see(f"* connected to {url}/echo, subprotocol chat\r\n")
    one.type("hello\n")
    await one.see("< hello\r\n")
    one.type("\x04")  # Ctrl-D
    await one.see("* closed by this side: 1000\r\n")
    assert await ended(one) == (0, "")


async def test_commands_begin_with_a_slash(terminal, url):
    one = terminal(f"{url}/echo")
    one.type("\n/hex 0a0b\n")
    await one.see("< (binary) 0a0b\r\n")
    one.type("//path\n")
    await one.see("< /path\r\n")
    one.type("/ping\n")
    await one.see("* pong after ")
    one.type("/nonsense\n")
    await one.see("* there is no command /nonsense: /help lists them")
    one.type("/help\n")
    await one.see("/close [1000 bye]")
    one.type("/close 4001 bye\n")
    await one.see("* closed by this side: 4001 bye, latency ")
    assert await ended(one) == (0, "")
    assert "< \r\n" not in one.shown


async def test_a_message_takes_the_place_of_the_line_that_is_being_typed(terminal, url):
    one = terminal(f"{url}/echo")
    await one.see("connected")
    one.type("hello\nhalf a li")
    await one.see("\r\x1b[K< hello\r\n")
    one.type("ne\n")
    await one.see("< half a line\r\n")
    one.type("\x04")
    assert (await ended(one))[0] == 0


async def test_a_server_cannot_write_to_the_terminal_what_it_would_obey(terminal, url):
    one = terminal(f"{url}/echo")
    one.type("/hex 1b5b4a\nred \x1b[31m and \u202eturned\n")
    await one.see(r"< red \x1b[31m and \u202eturned")
    one.type("/close\n")
    await ended(one)

    one = terminal(f"{url}/bye")
    one.type("4001 \x1b[2J\n")
    await one.see(r"* closed by the server: 4001 \x1b[2J")
    assert await ended(one) == (40, r"the server closed the connection with 4001 \x1b[2J")


async def test_a_message_of_several_lines_cannot_pass_for_several_messages(terminal, url):
    one = terminal(f"{url}/lines")
    await one.see("< one\r\n  < two\r\n")
    one.type("/close\n")
    await ended(one)


async def test_a_person_may_look_at_json(terminal, url):
    one = terminal(f"{url}/echo", is_json=True)
    one.type("hello\n")
    await one.see('{"event":"message","text":"hello"}\r\n')
    assert "\x1b" not in one.shown
    one.type("\x9b2J\n")
    await one.see('"text":"\\u009b2J"')
    one.type("/close\n")
    assert (await ended(one))[0] == 0


@pytest.mark.parametrize("line", ["/close 5", "/hex 0"])
async def test_a_mistake_is_explained_and_the_connection_goes_on(terminal, url, line):
    one = terminal(f"{url}/echo")
    one.type(f"{line}\nstill here\n")
    await one.see("< still here")
    assert "* " in one.shown
    one.type("/close\n")
    assert (await ended(one))[0] == 0

"""What a line of `trioweb connect` asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb import Close
from trioweb._cli.typed_line import CloseWith, SendMessage, SendPing, ShowHelp, read_typed_line


@pytest.mark.parametrize(
    ("line", "action"),
    [
        (b"hello", SendMessage("hello")),
        (b"", SendMessage("")),
        (b" /ping", SendMessage(" /ping")),
        ("Grüße\r".encode(), SendMessage("Grüße\r")),
        (b"//path", SendMessage("/path")),
        (b"//", SendMessage("/")),
        (b"/hex 0a0b", SendMessage(b"\n\x0b")),
        (b"/hex  0A 0b ", SendMessage(b"\n\x0b")),
        (b"/hex", SendMessage(b"")),
        (b"/ping", SendPing()),
        (b"/ping ", SendPing()),
        (b"/help", ShowHelp()),
        (b"/close", CloseWith(Close(1000))),
        (b"/close 4001", CloseWith(Close(4001))),
        ("/close 1000 bis später".encode(), CloseWith(Close(1000, "bis später"))),
    ],
)
def test_a_line_is_a_message_or_a_command(line, action):
    assert read_typed_line(line, has_commands=True) == action


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"ab\xff", "byte 3 of the line is not UTF-8"),
        (b"/hex 0", "pairs of hexadecimal digits, such as 0a0b"),
        ("/hex ０a".encode(), "pairs of hexadecimal digits"),
        (b"/Ping", r"there is no command /Ping: /help lists them, // sends a slash"),
        (b"/ping now", "there is no command /ping now"),
        (b"/", "there is no command /:"),
        (b"/close bye", r"expected /close CODE REASON, such as /close 1000 bye, not 'bye'"),
        (b"/close 1005", "close code 1005 cannot be sent"),
        (b"/close " + b"9" * 5000, "close code 99999 cannot be sent"),
        (b"/close 1000 " + b"x" * 124, "124 bytes does not fit"),
    ],
)
def test_a_line_that_cannot_be_sent_says_why(line, complaint):
    with pytest.raises(ValueError, match=complaint):
        read_typed_line(line, has_commands=True)


@given(st.text())
def test_without_commands_every_text_is_sent_as_it_is(text):
    assert read_typed_line(text.encode(errors="replace"), has_commands=False) == SendMessage(
        text.encode(errors="replace").decode()
    )


@given(st.binary())
def test_hexadecimal_lines_are_binary_messages(data):
    for has_commands in (True, False):
        line = data.hex(" ").encode()
        assert read_typed_line(line, has_commands=has_commands, is_hex=True) == SendMessage(data)


def test_commands_work_among_hexadecimal_lines():
    assert read_typed_line(b"/ping", has_commands=True, is_hex=True) == SendPing()
    for line in (b"/ping", b"0", b"\xff", b"xy"):
        with pytest.raises(ValueError, match="pairs of hexadecimal digits"):
            read_typed_line(line, has_commands=False, is_hex=True)

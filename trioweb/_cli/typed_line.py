"""The meaning of a typed line: a message, or one of the commands that begin with a slash.

    hello              the text "hello"
    //hello            the text "/hello"
    /hex 0a0b          a binary message
    /ping              a ping; the time of its pong is shown
    /close 1000 bye    a close frame; both parts may be left out
    /help              the commands

In a pipe there are no commands unless they are asked for: data that begins with a slash must arrive
as it is.
"""

from __future__ import annotations

import attrs

from trioweb.closing import Close, CloseCode
from trioweb.errors import LocalProtocolError, checked_close

HELP = """\
/hex 0a0b          send a binary message
/ping              send a ping and show how long its pong takes
/close [1000 bye]  close, with a code and a reason
//text             send a text that begins with a slash"""


@attrs.frozen
class SendMessage:
    """Send a message."""

    message: str | bytes


@attrs.frozen
class SendPing:
    """Send a ping, and show how long its pong takes."""


@attrs.frozen
class CloseWith:
    """Close the connection."""

    close: Close


@attrs.frozen
class ShowHelp:
    """Show the commands."""


Action = SendMessage | SendPing | CloseWith | ShowHelp


def read_typed_line(line: bytes, *, has_commands: bool, is_hex: bool = False) -> Action:
    """Return what a line asks for.

    Args:
        line: The line, without its line feed.
        has_commands: Whether a slash at its beginning has a meaning.
        is_hex: Whether any other line is a binary message.

    Raises:
        ValueError: It cannot be sent, or the command is wrong; the text says why.
    """
    is_command = has_commands and line.startswith(b"/")
    if is_hex and not is_command:
        return SendMessage(_from_hex(line.decode("latin-1")))
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"byte {error.start + 1} of the line is not UTF-8, which a text message must be; "
            "--hex sends binary messages"
        ) from None
    if not is_command:
        return SendMessage(text)
    if text.startswith("//"):
        return SendMessage(text[1:])
    name, _, argument = text.strip().partition(" ")
    return _command(name, argument.strip())


def _from_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError("expected pairs of hexadecimal digits, such as 0a0b") from None


def _command(name: str, argument: str) -> Action:
    if name == "/hex":
        return SendMessage(_from_hex(argument))
    if name == "/close":
        return CloseWith(_close(argument))
    if name in {"/ping", "/help"} and not argument:
        return SendPing() if name == "/ping" else ShowHelp()
    raise ValueError(
        f"there is no command {name} {argument}".rstrip() + ": /help lists them, // sends a slash"
    )


def _close(argument: str) -> Close:
    code, _, reason = argument.partition(" ")
    if not code:
        return Close(CloseCode.NORMAL_CLOSURE)
    if not (code.isascii() and code.isdigit()):
        raise ValueError(f"expected /close CODE REASON, such as /close 1000 bye, not {code!r}")
    try:
        return checked_close(int(code[:5]), reason.strip())
    except LocalProtocolError as error:
        raise ValueError(str(error)) from None

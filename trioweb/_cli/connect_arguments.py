"""The arguments of `trioweb connect`."""

from __future__ import annotations

import argparse
import math

from trioweb._cli.connecting import Destination, converse, tls_client_context
from trioweb._cli.conversation import ConversationSettings
from trioweb._cli.refusal import USAGE, Refusal

DESCRIPTION = """\
Connect to a WebSocket: send the lines of standard input, show the messages on standard output.

At a terminal, a line may be a command: /hex 0a0b, /ping, /close 1000 bye, /help; // sends a slash."""

EXIT_STATUSES = """\
exit status:
  0         closed with 1000, 1001 or without a code, or by this side
  1         no connection
  2         wrong arguments
  3         the server refused the handshake
  30, 40    closed with 3000-3999, 4000-4999
  102-115   closed with 1002-1015; 106: lost without a close frame
  130, 143  interrupted before there was a connection"""


def add_connect_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; `connect_as_asked` takes them."""
    parser.description, parser.epilog = DESCRIPTION, EXIT_STATUSES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("url", metavar="URL", help="ws://, wss:// or ws+unix://")
    add(
        "-H",
        "--header",
        action="append",
        default=[],
        type=_header,
        metavar="NAME:VALUE",
        help="header field for the handshake; may be repeated",
    )
    add("--subprotocol", action="append", default=[], metavar="NAME", help="to offer; may be repeated")
    add("--compression", action="store_true", help="offer permessage-deflate")
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument("--cafile", metavar="FILE", help="trust the certificates in this file (PEM)")
    trust.add_argument("--insecure", action="store_true", help="trust any certificate")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--proxy", metavar="URL", help="HTTP proxy, instead of that of the environment")
    way.add_argument("--no-proxy", action="store_true", help="use no proxy")
    add("--json", action="store_true", help="write one JSON object for each event")
    add("--hex", action="store_true", help="read lines as binary messages in hexadecimal digits")
    add("--commands", action="store_true", help="take lines with a slash as commands in a pipe, too")
    add(
        "--wait",
        type=_seconds,
        default=1.0,
        metavar="SECONDS",
        help="in a pipe, close after the end of the input when the server has been silent for this long; "
        "inf waits until the server closes (%(default)s)",
    )
    add("--reconnect", action="store_true", help="connect again when the connection ends")
    add("--resume", metavar="NAME", help="with --reconnect, the query parameter for the last position")


def connect_as_asked(arguments: argparse.Namespace) -> int:
    """Connect, and return the exit status."""
    if arguments.resume is not None and not arguments.reconnect:
        raise Refusal("--resume needs --reconnect: a position is for the next connection", USAGE)
    if (arguments.insecure or arguments.cafile) and not arguments.url.startswith("wss:"):
        raise Refusal("--insecure and --cafile are for wss://, which has certificates", USAGE)
    destination = Destination(
        url=arguments.url,
        headers=arguments.header,
        subprotocols=arguments.subprotocol,
        ssl_context=tls_client_context(arguments.cafile, is_insecure=arguments.insecure),
        proxy=False if arguments.no_proxy else arguments.proxy,
        is_compressed=arguments.compression,
        resume=arguments.resume,
    )
    settings = ConversationSettings(
        has_commands=arguments.commands,
        is_hex=arguments.hex,
        wait_seconds=arguments.wait,
        reconnects=arguments.reconnect,
    )
    return converse(destination, settings, is_json=arguments.json)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"expected NAME:VALUE, such as 'Cookie: id=1', not {text!r}")
    return name.strip(), value.strip()


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise argparse.ArgumentTypeError(f"expected seconds, such as 2.5, or inf, not {text!r}")
    return seconds

"""Connects to a WebSocket as the command line asks, and turns the end of the connection into an exit status."""

from __future__ import annotations

import logging
import os
import signal
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

import attrs
import trio

import trioweb
from trioweb import Close, Config, ConfigError, ConnectionClosed, Deflate, HandshakeRejected, Limits, Retry
from trioweb._cli.connection_report import ConnectionReport, JSONReport, visible
from trioweb._cli.conversation import Conversation, ConversationSettings
from trioweb._cli.line_input import LineInput
from trioweb._cli.line_output import LineOutput
from trioweb._cli.refusal import FAILED, USAGE, Refusal
from trioweb.closing import QUIET_CODES
from trioweb.errors import ConnectFailed, InvalidURL, LocalProtocolError

REFUSED = 3
INTERRUPTED = 128 + signal.SIGINT  # as shells have it
LIBRARY_CODE, APPLICATION_CODE = 30, 40

# A person who looks at a server by hand wants to see large messages too.
TOLERANT = Config(limits=Limits(message_bytes=64 * 1024 * 1024))


@attrs.frozen(kw_only=True)
class Destination:
    """The server to connect to, and the options for it.

    Attributes:
        url: Where the WebSocket is.
        headers: More fields for the request.
        subprotocols: The subprotocols to offer.
        ssl_context: For `wss`, instead of the usual one.
        proxy: The URL of a proxy, `False` for none, `None` for that of the environment.
        is_compressed: Whether to offer permessage-deflate.
        resume: The query parameter for positions.
    """

    url: str
    headers: Sequence[tuple[str, str]]
    subprotocols: Sequence[str]
    ssl_context: ssl.SSLContext | None
    proxy: str | Literal[False] | None
    is_compressed: bool
    resume: str | None


def tls_client_context(cafile: str | None, *, is_insecure: bool) -> ssl.SSLContext | None:
    """Return a context that trusts this certificate, or any; `None` for the usual one."""
    if not (cafile or is_insecure):
        return None
    try:
        context = ssl.create_default_context(cafile=cafile)
    except OSError as error:  # ssl.SSLError is one
        raise Refusal(
            f"the certificates cannot be loaded from {cafile}: {error.strerror or error}", FAILED
        ) from None
    if is_insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def converse(destination: Destination, settings: ConversationSettings, *, is_json: bool) -> int:
    """Send the lines of standard input, show messages on standard output, and return the exit status.

    Raises:
        Refusal: There was no connection, or it ended badly.
    """
    _open_what_is_closed()
    source, output, notes = LineInput(0), LineOutput(1), LineOutput(2)
    is_typed = source.is_terminal and output.is_terminal
    report = (JSONReport if is_json else ConnectionReport)(output, notes, is_typed=is_typed and not is_json)
    conversation = Conversation(source, report, settings)
    if notes.is_terminal:
        logging.basicConfig(format="* %(message)s")  # attempts that have failed
    else:
        logging.getLogger("trioweb").addHandler(logging.NullHandler())
    try:
        trio.run(connect_and_talk, conversation, destination, report)
    except KeyboardInterrupt:
        return INTERRUPTED
    return exit_status(conversation)


def _open_what_is_closed() -> None:
    """Open the null device for each standard descriptor that the process was started without.

    The next socket would get its number, and a message for standard output would go to the server.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free


async def connect_and_talk(
    conversation: Conversation, destination: Destination, report: ConnectionReport
) -> None:
    """Hold a conversation.

    Raises:
        Refusal: There is no connection, or a line cannot be sent.
    """
    try:
        await conversation.run(
            trioweb.reconnecting(
                destination.url,
                retry=Retry() if conversation.reconnects else Retry(attempts=1),
                resume=destination.resume,
                headers=destination.headers,
                subprotocols=destination.subprotocols,
                ssl_context=destination.ssl_context,
                proxy=destination.proxy,
                compression=Deflate() if destination.is_compressed else None,
                config=TOLERANT,
            )
        )
    except (InvalidURL, ConfigError, LocalProtocolError) as error:
        raise Refusal(str(error), USAGE) from None
    except (HandshakeRejected, ConnectFailed) as error:
        with suppress(BrokenPipeError):
            await report.failed(error)
        is_refusal = isinstance(error, HandshakeRejected)
        raise Refusal(visible(str(error)), REFUSED if is_refusal else FAILED) from None
    except ConnectionClosed:
        pass  # a code to give up on, which the exit status shows


def status_of(code: int) -> int:
    """Return the exit status for a close code.

    A status has one byte. So 1002 to 1015 become 102 to 115, and the ranges for libraries and
    applications have one status each.
    """
    if code in QUIET_CODES:
        return 0
    if code >= 3000:
        return APPLICATION_CODE if code >= 4000 else LIBRARY_CODE
    return 100 + code % 100


def exit_status(conversation: Conversation) -> int:
    """Return the exit status of a conversation that has ended.

    Raises:
        Refusal: Its connection ended badly.
    """
    close = conversation.last_close
    if close is None or (
        conversation.signal and not conversation.is_over
    ):  # there was no connection to close
        return 128 + (conversation.signal or signal.SIGINT)
    if conversation.is_over and not close.received_first:
        return 0
    if status := status_of(close.code):
        raise Refusal(_complaint(close), status)
    return 0


def _complaint(close: Close) -> str:
    if close.received_first is None:
        return "the connection was lost without a close frame (1006)"
    side = "the server" if close.received_first else "this side"
    return f"{side} closed the connection with {visible(str(close))}"

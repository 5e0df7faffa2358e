"""What every foreign server does, and how it is started: `python FILE [CERTIFICATE KEY]`.

It prints its port, and serves on 127.0.0.1 until it is killed:

    /echo     sends each message back; obeys `please close CODE REASON`, `please fragment` and `please ping`
    /closes   sends the code of each close frame that a client of /echo has sent
    /refuse   answers with 403 and a body
"""

from __future__ import annotations

import socket
import ssl
import sys

SUBPROTOCOL = "superchat"
MESSAGE_BYTES = 2**24
REFUSAL = "Not for you."

FRAGMENTS = ["frag", "ment", "ed"]

closes = []
"""The codes with which clients have closed."""


def certificate():
    """Return the paths of a certificate and its key, or an empty list."""
    return sys.argv[-2:] if sys.argv[-1].endswith(".key") else []


def ssl_context():
    if not certificate():
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate())
    return context


def listening_socket():
    """Listen, and say where; a client that comes too early waits in the backlog."""
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    return listener


def chosen(subprotocols):
    return SUBPROTOCOL if SUBPROTOCOL in subprotocols else None


def order(message):
    """Split what a client asks for, as `["close", "4321", "as you wish"]`; an echo is `[""]`."""
    if isinstance(message, str) and message.startswith("please "):
        return message.removeprefix("please ").split(" ", 2)
    return [""]


async def report_closes(send, sleep):
    """Send every code, those of the past and those to come."""
    sent = 0
    while True:
        while sent == len(closes):
            await sleep(0.01)
        await send(str(closes[sent]))
        sent += 1

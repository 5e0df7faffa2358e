"""Exceptions: the names by which they can be caught, and their texts."""

from __future__ import annotations

import pytest
import trio

from trioweb import Close
from trioweb.errors import (
    AlreadyClosed,
    BodyTooLarge,
    CloseWebSocket,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    HeadersTooLarge,
    HTTPError,
    LocalProtocolError,
    MessageTooBig,
    ProtocolError,
    RemoteProtocolError,
    connection_closed,
)


@pytest.mark.parametrize("status", [0, 200, 302, 399, 600, 1000])
def test_an_http_error_takes_an_error_status(status):
    with pytest.raises(LocalProtocolError, match=f"400 to 599, not {status}"):
        HTTPError(status)


def test_an_http_error_says_its_status_and_why():
    assert str(HTTPError(404)) == "404 Not Found"
    assert str(HTTPError(404, "no such room")) == "404 no such room"
    assert HTTPError(503, headers={"Retry-After": "1"}).headers == {"Retry-After": "1"}


def test_an_abstract_error_cannot_be_raised():
    with pytest.raises(TypeError, match="abstract"):
        ProtocolError("x")
    with pytest.raises(TypeError, match="abstract"):
        ConnectionClosed()


def test_a_remote_error_knows_its_answer():
    assert (RemoteProtocolError("x").answer, RemoteProtocolError("x", 400).answer) == (1002, 400)


@pytest.mark.parametrize(
    ("error", "status", "close_code"),
    [
        (RemoteProtocolError("x"), None, 1002),
        (RemoteProtocolError("x", 400), 400, None),
        (RemoteProtocolError("x", close_code=1007), None, 1007),
        (RemoteProtocolError("x", 1007), None, 1007),
        (RemoteProtocolError("x", answer=400), 400, None),
        (RemoteProtocolError("x", answer=1007), None, 1007),
        (MessageTooBig("x"), None, 1009),
        (BodyTooLarge("x"), 413, None),
        (HeadersTooLarge("x"), 431, None),
        (HeadersTooLarge("x", 414), 414, None),
    ],
)
def test_a_remote_error_is_answered_by_a_status_or_by_a_close_code(error, status, close_code):
    assert (error.status, error.close_code, error.answer) == (status, close_code, status or close_code)


@pytest.mark.parametrize(
    "codes",
    [
        {"status": 400, "close_code": 1007},
        {"status": 1002, "close_code": 1007},
        {"status": 400, "answer": 400},
        {"close_code": 1007, "answer": 400},
    ],
)
def test_a_remote_error_takes_a_status_or_a_close_code_but_not_both(codes):
    with pytest.raises(LocalProtocolError, match="either a status or a close code"):
        RemoteProtocolError("x", **codes)


@pytest.mark.parametrize(
    ("sent", "received", "received_first", "kind", "text"),
    [
        (None, None, None, ConnectionClosedError, "1006: the peer vanished without a close frame"),
        (Close(1000), None, False, ConnectionClosedOK, "sent 1000"),
        (Close(1000), Close(1000, "bye"), True, ConnectionClosedOK, "received 1000 bye, then sent 1000"),
        (Close(4000), Close(1000), False, ConnectionClosedError, "sent 4000, then received 1000"),
        (Close(1000), Close(4000), True, ConnectionClosedError, "received 4000, then sent 1000"),
        (Close(1005), Close(1005), True, ConnectionClosedOK, "received 1005, then sent 1005"),
        (Close(1001), None, False, ConnectionClosedOK, "sent 1001"),
        (Close(1011), None, False, ConnectionClosedError, "sent 1011"),
    ],
)
def test_an_end_is_quiet_or_an_error_by_the_close_that_came_first(sent, received, received_first, kind, text):
    error = connection_closed(sent, received, received_first)
    assert type(error) is kind
    assert str(error) == text
    first = (received if received_first else sent) or Close(1006)
    assert (error.code, error.reason) == tuple(first)


def test_ends_can_be_caught_by_trios_names():
    assert issubclass(ConnectionClosedOK, trio.EndOfChannel)
    assert issubclass(ConnectionClosedError, trio.BrokenResourceError)
    assert issubclass(AlreadyClosed, trio.ClosedResourceError)
    assert issubclass(AlreadyClosed, ConnectionClosed)


def test_close_websocket_carries_its_code_and_reason():
    error = CloseWebSocket(4001, "bye")
    assert (error.code, error.reason, error.close) == (4001, "bye", Close(4001, "bye"))
    assert CloseWebSocket().code == 1000

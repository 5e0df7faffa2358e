"""Exceptions: the names by which they can be caught, and their texts."""

from __future__ import annotations

import copy
import pickle

import pytest
import trio

from trioweb import Close
from trioweb.errors import (
    AlreadyClosed,
    BadHandshake,
    BodyTooLarge,
    CloseWebSocket,
    ConnectFailed,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    ConnectTimedOut,
    HandshakeRejected,
    HeadersTooLarge,
    HTTPError,
    InvalidURL,
    LocalProtocolError,
    MessageTooBig,
    MissingField,
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


# What a client raises.


def test_a_url_that_is_not_one_is_a_value_error():
    assert issubclass(InvalidURL, ValueError)


@pytest.mark.parametrize(
    ("error", "kinds", "text"),
    [
        (ConnectFailed("gone", "TCP"), [OSError], "connecting failed (TCP): gone"),
        (
            ConnectTimedOut("too slow", "TLS"),
            [ConnectFailed, OSError, TimeoutError, trio.TooSlowError],
            "connecting failed (TLS): too slow",
        ),
        (
            BadHandshake("not HTTP"),
            [ConnectFailed, OSError, RemoteProtocolError],
            "connecting failed (handshake): not HTTP",
        ),
        (BadHandshake("not HTTP", "proxy"), [ConnectFailed], "connecting failed (proxy): not HTTP"),
    ],
)
def test_a_failure_to_connect_is_caught_by_many_names_and_names_its_phase(error, kinds, text):
    assert str(error) == text
    assert error.phase in text
    assert all(isinstance(error, kind) for kind in kinds)


def test_a_bad_handshake_answers_nobody_with_a_status():
    assert (BadHandshake("x").status, BadHandshake("x").close_code) == (None, 1002)


@pytest.mark.parametrize("status", [101, 200, 302])
def test_a_refusal_by_this_side_has_an_error_status(status):
    with pytest.raises(LocalProtocolError, match=f"400 to 599, not {status}"):
        HandshakeRejected(status)


def test_a_refusal_by_this_side_is_not_a_received_one():
    error = HandshakeRejected(426, "try again", {"Upgrade": "websocket"})

    assert (error.was_received, error.body, error.headers["upgrade"]) == (False, b"", "websocket")
    assert str(error) == "426 try again"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (HandshakeRejected(200, "OK", body=b""), "with 200 OK, not with 101"),
        (HandshakeRejected(404, "", body=b"\xff\n"), r"with 404, not with 101, and said b'\xff\n'"),
        (
            HandshakeRejected(404, "x" * 5000, body=b"y" * 5000),
            f"with 404 {'x' * 80}, not with 101, and said b'{'y' * 200}'...",
        ),
        (
            HandshakeRejected(302, "Found", {"Location": "/" + "x" * 500}, body=b""),
            f"with 302 Found to '/{'x' * 79}'... (most_redirects",
        ),
        (
            HandshakeRejected(302, "Found", {"Location": "//u:p@a/?b"}, body=b""),
            "with 302 Found to '//...@a/?...' (",
        ),
        (HandshakeRejected(201, "Made", {"Location": "/x"}, body=b""), "with 201 Made, not with 101"),
        (HandshakeRejected(400, "\x1b[2J\x9b", body=b""), "with 400 \\x1b[2J\\x9b, not with 101"),
    ],
)
def test_a_received_refusal_shows_what_the_server_said_in_short(error, text):
    assert f"the server answered the handshake {text}" in str(error)
    assert error.was_received


@pytest.mark.parametrize(
    "error",
    [
        AlreadyClosed(Close(1000), None, received_first=False),
        BadHandshake("no accept"),
        CloseWebSocket(4001, "bye"),
        ConnectFailed("no route", "TCP"),
        ConnectTimedOut("too slow", "TLS"),
        ConnectionClosedError(None, Close(1011, "a bug"), received_first=True),
        HTTPError(503, headers={"Retry-After": "1"}),
        HandshakeRejected(404, "Not Found", {"a": "b"}, body=b"c", is_body_complete=False),
        MessageTooBig("too big"),
        MissingField("no field 'x'"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("duplicate", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_can_be_copied_and_sent_to_another_process(error, duplicate):
    again = duplicate(error)
    assert type(again) is type(error)
    assert str(again) == str(error)
    for name in ("answer", "body", "close", "headers", "is_body_complete", "phase", "status"):
        assert getattr(again, name, None) == getattr(error, name, None)

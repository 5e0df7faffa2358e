"""Positions that are read from messages and put into a URL."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb import ConfigError
from trioweb._client.positions import Positions

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
BLANKS = st.text(" \t\r\n", max_size=3)


def opened(message):
    positions = Positions("since", "before")
    return positions.opened(message), positions.position


# Envelopes


@pytest.mark.parametrize(
    ("envelope", "message", "position"),
    [
        ('{"position": "a-1", "message": {"text":  "hi"}}', '{"text":  "hi"}', "a-1"),
        ('{"position":"a-1","message":"\\u0041"}', '"\\u0041"', "a-1"),
        ('{"message": 1.50, "position": "a-1"}', "1.50", "a-1"),
        ('{"position": "a-1", "message": null}', "null", "a-1"),
        ('{"position": "\\u00e9\\"", "message": []}', "[]", 'é"'),
        ('{"position": "", "message": 1}', "1", ""),
        ('{"position": "a-1", "message": ' + "9" * 5000 + "}", "9" * 5000, "a-1"),
        (
            '{"position": "a-1", "message": {"position": "b", "message": 2}}',
            '{"position": "b", "message": 2}',
            "a-1",
        ),
    ],
)
def test_an_envelope_is_opened_and_its_message_is_handed_out_as_it_was_sent(envelope, message, position):
    assert opened(envelope) == (message, position)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "hello",
        b'{"position": "a-1", "message": 1}',
        '{"position": "a-1"}',
        '{"message": 1}',
        '{"position": "a-1", "position": "b"}',
        '{"position": "a-1", "message": 1, "sender": "ann"}',
        '{"sender": "ann", "position": "a-1", "message": 1}',
        '{"position": 5, "message": 1}',
        '{"position": null, "message": 1}',
        '{"position": "\\ud800", "message": 1}',
        '{"position": "a-1", "message": NaN}',
        '{"position": "a-1", "message": hello}',
        '{"position": "a-1", "message": 1',
        '{"position": "a-1", "message": 1}}',
        '{"position": "a-1", "message": 1} {}',
        ',"position": "a-1", "message": 1}',
        '{"position": "a-1"{"message": 1}',
        '[{"position": "a-1", "message": 1}]',
        '{"position": "a-1", "message": ' + "[" * 100_000,
    ],
)
def test_a_message_that_is_not_an_envelope_passes_unchanged(message):
    assert opened(message) == (message, "before")


@given(JSON_VALUES, st.text(st.characters(codec="utf-8")), BLANKS, BLANKS, st.booleans())
def test_any_message_comes_out_of_its_envelope_exactly(value, position, before, after, is_turned):
    inner = json.dumps(value, ensure_ascii=False)
    members = [f'"position"{after}:{before}{json.dumps(position)}', f'"message"{before}:{after}{inner}']
    if is_turned:
        members.reverse()
    envelope = f"{before}{{{after}{f'{after},{before}'.join(members)}{before}}}{after}"
    assert opened(envelope) == (inner, position)


@given(st.text())
def test_any_text_is_taken(text):
    opened(text)
    opened('{"position": ' + text)


def test_the_last_position_counts():
    positions = Positions("since")
    assert positions.position is None
    positions.opened('{"position": "a-1", "message": 1}')
    positions.opened('{"position": "a-2", "message": 2}')
    positions.opened("plain")
    assert positions.position == "a-2"


def test_positions_of_the_next_connection_are_not_moved_by_the_last():
    last = Positions("since", "a-1")
    following = last.after()
    last.opened('{"position": "a-9", "message": 1}')
    assert following.position == "a-1"


# The URL


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://host/path", "ws://host/path?since=a-1"),
        ("ws://host", "ws://host?since=a-1"),
        ("ws://host/?", "ws://host/?since=a-1"),
        ("ws://host/?x=1&y=%20+", "ws://host/?x=1&y=%20+&since=a-1"),
        ("ws://host/?since=old&x=1", "ws://host/?x=1&since=a-1"),
        ("ws://host/?x=1&s%69nce=old&since", "ws://host/?x=1&since=a-1"),
        ("ws://host/?since2=old", "ws://host/?since2=old&since=a-1"),
        ("ws+unix:///run/a.sock:/path?x=1", "ws+unix:///run/a.sock:/path?x=1&since=a-1"),
    ],
)
def test_the_position_goes_into_the_query_in_place_of_an_earlier_one(url, expected):
    assert Positions("since", "a-1").put_into(url) == expected


def test_a_position_and_its_parameter_are_encoded():
    assert (
        Positions("a b", "é/?&=#% +").put_into("ws://host/")
        == "ws://host/?a%20b=%C3%A9%2F%3F%26%3D%23%25%20%2B"
    )


def test_a_url_stays_as_it_is_until_there_is_a_position():
    assert Positions("since").put_into("ws://host/?since=kept") == "ws://host/?since=kept"
    assert Positions("since", "").put_into("ws://host/") == "ws://host/?since="


@pytest.mark.parametrize("name", ["", None, True, b"since"])
def test_a_parameter_without_a_name_is_refused(name):
    with pytest.raises(ConfigError, match="resume takes the name of a query parameter"):
        Positions(name)

"""Lookups in header fields, compared with a simple search."""

from __future__ import annotations

import copy
import pickle
from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from trioweb.headers import Headers, MutableHeaders

names = st.sampled_from(["Host", "HOST", "x-a", "X-A", "Set-Cookie", "set-cookie", "Sec-WebSocket-Key", "y"])
pairs = st.lists(st.tuples(names, st.text("abc ,", max_size=5)), max_size=12)


def matching(fields: list[tuple[str, str]], name: str) -> list[str]:
    return [value for own, value in fields if own.lower() == name.lower()]


@given(pairs, names)
def test_every_way_to_look_up_a_field_finds_the_same(fields: list[tuple[str, str]], name: str) -> None:
    headers = Headers(fields)
    values = matching(fields, name)
    assert headers.get_all(name) == values
    assert (name in headers) == bool(values)
    expected = None
    if values:
        expected = values[0] if name.lower() == "set-cookie" else ", ".join(values)
        assert headers[name] == expected
    assert headers.get(name) == expected
    assert headers.get(name, "else") == (expected if values else "else")
    assert headers.lines() == fields
    assert list(headers) == list(dict.fromkeys(own.lower() for own, _ in fields))
    assert len(headers) == len(list(headers))


@given(pairs, pairs, names)
def test_changes_leave_the_other_fields_in_their_order(
    fields: list[tuple[str, str]], more: list[tuple[str, str]], name: str
) -> None:
    headers = MutableHeaders(fields)
    for own, value in more:
        headers.add(own, value)
    everything = [*fields, *more]
    assert headers.lines() == everything
    others = [field for field in everything if field[0].lower() != name.lower()]
    headers[name] = "new"
    assert headers.lines() == [*others, (name, "new")]
    assert headers.get_all(name) == ["new"]
    del headers[name]
    assert headers.lines() == others
    assert name not in headers


@given(pairs)
def test_fields_come_from_a_list_a_tuple_an_iterator_or_a_mapping(fields: list[tuple[str, str]]) -> None:
    assert Headers(tuple(fields)).lines() == Headers(iter(fields)).lines() == fields
    assert Headers(dict(fields)).lines() == list(dict(fields).items())
    assert Headers(MappingProxyType(dict(fields))) == Headers(dict(fields))
    joined = Headers(fields)
    assert Headers(joined).lines() == fields
    assert Headers(joined) == joined == dict(joined)


def test_a_copy_has_its_own_fields() -> None:
    headers = MutableHeaders({"A": "b"})
    other = copy.copy(headers)
    other["C"] = "d"
    assert headers.lines() == [("A", "b")]
    assert pickle.loads(pickle.dumps(other)).lines() == [("A", "b"), ("C", "d")]


def test_requests_of_one_kind_of_client_share_their_names() -> None:
    first, second = (Headers([(b"Host".decode(), value)]) for value in "ab")
    assert first.lines()[0][0] is second.lines()[0][0]


def test_unusual_names_are_not_kept_for_others() -> None:
    for fields in ([("x" * 1000, "a")], [(f"X-{number}", "a") for number in range(100)]):
        first = Headers([("".join(name), value) for name, value in fields])
        second = Headers([(name[:1] + name[1:], value) for name, value in fields])
        assert first == second
        assert first.lines()[0][0] is not second.lines()[0][0]

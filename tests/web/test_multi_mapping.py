from __future__ import annotations

import pytest

from trioweb._web.multi_mapping import MultiMapping


def test_the_first_of_each_name_counts_and_all_can_be_read() -> None:
    things = MultiMapping([("a", 1), ("b", 2), ("a", 3)])
    assert dict(things) == {"a": 1, "b": 2}
    assert things.get_all("a") == [1, 3]
    assert things.get_all("c") == []
    assert (len(things), "a" in things, things.get("c")) == (2, True, None)
    assert repr(things) == "MultiMapping({'a': [1, 3], 'b': [2]})"
    assert things.get("c", 7) == 7
    with pytest.raises(KeyError):
        things["c"]


def test_changing_a_returned_list_does_not_change_the_mapping() -> None:
    things = MultiMapping([("a", 1)])
    things.get_all("a").append(2)
    assert things.get_all("a") == [1]

"""A dict whose keys are attributes too."""

from __future__ import annotations

import pytest

from trioweb._web.namespace import Namespace


def test_keys_are_attributes_and_attributes_are_keys():
    state = Namespace()
    state["user"] = "ann"
    state.count = 3
    assert (state.user, state["count"]) == ("ann", 3)
    assert state == {"user": "ann", "count": 3}
    del state.user
    assert "user" not in state


def test_a_missing_attribute_is_an_attribute_error_that_says_so():
    state = Namespace()
    with pytest.raises(AttributeError, match=r"nothing has set state\.user"):
        state.user  # noqa: B018
    with pytest.raises(AttributeError, match=r"nothing has set state\.user"):
        del state.user
    assert getattr(state, "user", None) is None


@pytest.mark.parametrize("name", ["items", "keys", "values", "get", "pop", "update", "copy", "clear"])
def test_a_name_that_every_dict_has_is_refused_and_the_text_names_the_key(name):
    state = Namespace()
    with pytest.raises(AttributeError, match=rf'write state\["{name}"\]'):
        setattr(state, name, {})
    state[name] = "ann"
    assert state[name] == "ann"
    with pytest.raises(AttributeError, match=rf'write state\["{name}"\]'):
        delattr(state, name)
    assert state == {name: "ann"}


def test_only_names_of_the_dict_itself_are_refused():
    state = Namespace()
    state.item = state.key = state.database = 1
    assert state == {"item": 1, "key": 1, "database": 1}

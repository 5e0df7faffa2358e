"""The page of settings names every field with the default that it has."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest

from trioweb.config import Config, Deflate, Limits, Timeouts

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")


def documented(section: str) -> dict[str, str]:
    """Read the fields and defaults of one section's table, in its order."""
    found = re.search(rf"^## {section}$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"no section {section}"
    return dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \| \S", found[1], re.MULTILINE))


def default_of(field: attrs.Attribute) -> str:
    if isinstance(field.default, attrs.Factory):
        return f"{field.default.factory.__name__}()"
    return repr(field.default)


@pytest.mark.parametrize("settings", [Config, Limits, Timeouts, Deflate])
def test_every_field_is_there_with_its_default(settings: type) -> None:
    fields = {field.name: default_of(field) for field in attrs.fields(settings)}

    assert list(documented(settings.__name__).items()) == list(fields.items())

"""Settings that cannot work are refused as soon as they are given."""

from __future__ import annotations

import math

import attrs
import pytest

from trioweb import Config, ConfigError, Deflate, Limits, Timeouts
from trioweb.config import parse_origins

LEAST_LIMITS = {
    attribute.name: 1 for attribute in attrs.fields(Limits) if attribute.name != "connections_per_client"
} | {
    "head_bytes": 256,
    "body_bytes": 0,
    "body_bytes_per_second": 0,
    "form_fields": 0,
    "form_field_bytes": 0,
    "form_files": 0,
    "form_memory_bytes": 0,
    "form_header_bytes": 256,
}


@pytest.mark.parametrize(("name", "least"), LEAST_LIMITS.items())
def test_a_limit_is_a_whole_number_and_has_a_least_value(name, least):
    assert getattr(Limits(**{name: least}), name) == least
    for value in (least - 1, least + 0.5, str(least + 1), True, None):
        with pytest.raises(ConfigError, match=rf"Limits\.{name} takes a whole number, {least} or more"):
            Limits(**{name: value})


def test_only_the_bound_of_each_client_may_be_none():
    assert Limits().connections_per_client is None
    assert Limits(connections_per_client=1).connections_per_client == 1
    for value in (0, 1.5, "2", True):
        with pytest.raises(ConfigError, match="takes a whole number, 1 or more, or None for no bound, not"):
            Limits(connections_per_client=value)


@pytest.mark.parametrize("name", [attribute.name for attribute in attrs.fields(Timeouts)])
def test_a_timeout_is_a_number_of_seconds_above_zero(name):
    assert getattr(Timeouts(**{name: 0.5}), name) == 0.5
    assert getattr(Timeouts(**{name: math.inf}), name) == math.inf
    for value in (0, -1, math.nan, "5", True):
        with pytest.raises(ConfigError, match=rf"Timeouts\.{name} takes seconds above 0"):
            Timeouts(**{name: value})


def test_only_pings_can_be_switched_off():
    Timeouts(ping_interval_seconds=None, ping_timeout_seconds=None)
    with pytest.raises(ConfigError, match="above 0, or None to switch it off, not 0"):
        Timeouts(ping_interval_seconds=0)
    with pytest.raises(ConfigError, match="above 0, not None"):
        Timeouts(send_seconds=None)
    with pytest.raises(ConfigError, match="above 0, not None"):
        Timeouts(connect_seconds=None)


@pytest.mark.parametrize(
    ("name", "least", "most"), [("level", 1, 9), ("window_bits", 9, 15), ("memory_level", 1, 9)]
)
def test_the_settings_of_zlib_have_an_upper_bound(name, least, most):
    assert [getattr(Deflate(**{name: value}), name) for value in (least, most)] == [least, most]
    for value in (least - 1, most + 1):
        with pytest.raises(ConfigError, match=f"a whole number, from {least} to {most}, not {value}"):
            Deflate(**{name: value})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"limits": {"body_bytes": 1}}, r"Config\.limits takes Limits, not"),
        ({"timeouts": None}, r"Config\.timeouts takes Timeouts, not None"),
        ({"compression": True}, r"Config\.compression takes Deflate or None, not True"),
        ({"debug": "no"}, r"Config\.debug takes bool, not 'no'"),
        ({"fast_lane": 1}, r"Config\.fast_lane takes bool, not 1"),
        ({"trusted_proxies": "127.0.0.1"}, r"takes a list such as"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_refused_by_name(settings, expected):
    with pytest.raises(ConfigError, match=expected):
        Config(**settings)


def test_a_config_cannot_be_changed_through_the_lists_it_was_given():
    config = Config(origins=["HTTPS://Example.org"], trusted_proxies=["10.0.0.0/8"])
    assert (config.origins, config.trusted_proxies) == (("https://example.org",), ("10.0.0.0/8",))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        config.debug = True


@pytest.mark.parametrize("value", [None, "*"])
def test_origins_may_be_the_same_or_any(value):
    assert parse_origins(value) == value


@pytest.mark.parametrize("value", ["https://example.org", 5, b"*"])
def test_origins_are_a_list_even_if_there_is_one(value):
    with pytest.raises(ConfigError):
        parse_origins(value)


@pytest.mark.parametrize(
    "origin",
    [
        *("example.org", "https://example.org/", "https://a b", "https://", "null", "", 5, "*"),
        *("https://*.example", "https://*", "https://u@a", "https://b\xfccher.example", "https://a:b"),
        *(
            "https://a..b",
            "https://.a",
            "https://[::1",
            "https://a%2fb",
            "https://a:123456",
            "https://a:99999",
            "https://a:0",
            "https://a\n",
        ),
    ],
)
def test_an_origin_that_no_browser_sends_is_refused(origin):
    with pytest.raises(ConfigError, match="list each as browsers send it"):
        parse_origins([origin])


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "https://a.example",
            "http://localhost:3000",
            "https://[::1]:8443",
            "http://192.0.2.1",
            "https://a_b.c.",
        ),
        *("chrome-extension://abcdef", "https://xn--bcher-kva.example", "capacitor://localhost"),
    ],
)
def test_an_origin_that_browsers_send_is_accepted(origin):
    assert parse_origins([origin]) == (origin,)


@pytest.mark.parametrize("entry", ["uinx", "10.0.0.0/33", "10.0.0.1/8", 5, "", None])
def test_an_invalid_proxy_is_refused_at_once(entry):
    with pytest.raises(ConfigError, match=r"Config\.trusted_proxies"):
        Config(trusted_proxies=["unix", entry])


@pytest.mark.parametrize("value", ["127.0.0.1", 5, None])
def test_trusted_proxies_are_a_list(value):
    with pytest.raises(ConfigError, match=r"Config\.trusted_proxies"):
        Config(trusted_proxies=value)

"""The proxy for a connection: the argument, or else the environment."""

from __future__ import annotations

import os

import pytest

from trioweb import ConfigError
from trioweb._client.proxies import choose_proxy
from trioweb._wire.websocket_url import parse_url


@pytest.fixture
def environment(monkeypatch):
    """Set variables in an environment that has no others of proxies."""
    for name in os.environ:
        if name.lower().endswith("_proxy") or name == "REQUEST_METHOD":
            monkeypatch.delenv(name)

    def environment(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return environment


def chosen(url, proxy=None):
    found = choose_proxy(parse_url(url), proxy)
    return None if found is None else str(found)


@pytest.mark.parametrize("url", ["ws://example.org/", "wss://example.org/", "ws://localhost/"])
def test_a_proxy_that_is_given_is_taken(url, environment):
    environment(https_proxy="http://other:1", no_proxy="*")

    assert chosen(url, "http://proxy.example:3128") == "http://proxy.example:3128"


def test_false_connects_without_a_proxy(environment):
    environment(https_proxy="http://proxy.example:3128")

    assert chosen("wss://example.org/", False) is None


@pytest.mark.parametrize("proxy", [True, 0, b"http://proxy.example", ["http://proxy.example"]])
def test_a_proxy_has_to_be_a_url(proxy):
    with pytest.raises(
        ConfigError, match="proxy takes a URL as a str, False for none or None for the environment's"
    ):
        chosen("ws://example.org/", proxy)


def test_a_proxy_cannot_reach_a_unix_socket(environment):
    environment(http_proxy="http://proxy.example:3128")

    assert chosen("ws+unix:///run/app.sock:/") is None
    with pytest.raises(ConfigError, match="no proxy can reach a Unix socket") as caught:
        chosen("ws+unix:///run/app.sock:/", "http://ann:secret@proxy.example")
    assert "secret" not in str(caught.value)


def test_without_an_environment_there_is_no_proxy(environment):
    assert chosen("ws://example.org/") is None
    assert chosen("wss://example.org/") is None


VARIABLES = {
    name: f"http://{name.split('_')[0]}:3128"
    for name in ("ws_proxy", "wss_proxy", "https_proxy", "http_proxy")
}


@pytest.mark.parametrize(
    ("url", "without", "expected"),
    [
        ("ws://example.org/", (), "http://ws:3128"),
        ("ws://example.org/", ("ws_proxy",), "http://https:3128"),
        ("ws://example.org/", ("ws_proxy", "https_proxy"), "http://http:3128"),
        ("ws://example.org/", ("ws_proxy", "https_proxy", "http_proxy"), None),
        ("wss://example.org/", (), "http://wss:3128"),
        ("wss://example.org/", ("wss_proxy",), "http://https:3128"),
        ("wss://example.org/", ("wss_proxy", "https_proxy"), None),
    ],
)
def test_the_environment_may_have_a_proxy_for_each_scheme(environment, url, without, expected):
    environment(**{name: value for name, value in VARIABLES.items() if name not in without})

    assert chosen(url) == expected


def test_the_names_of_variables_may_be_in_capitals(environment):
    environment(HTTPS_PROXY="proxy.example:3128", NO_PROXY="b.example")

    assert chosen("wss://a.example/") == "http://proxy.example:3128"
    assert chosen("wss://b.example/") is None


@pytest.mark.parametrize(
    ("no_proxy", "host", "is_direct"),
    [
        ("*", "a.example", True),
        ("a.example", "a.example", True),
        ("a.example", "x.a.example", True),
        (".a.example", "x.a.example", True),
        ("a.example", "xa.example", False),
        ("b.example, a.example", "a.example", True),
        ("a.example:8000", "a.example:8000", True),
        ("a.example:8000", "a.example:8001", False),
        ("a.example", "a.example.", True),
        ("192.0.2.1", "192.0.2.1:8000", True),
        ("192.0.2.0/24", "192.0.2.1:8000", True),
        ("198.51.100.0/24, 192.0.2.7/24", "192.0.2.1", True),
        ("192.0.2.0/24", "192.0.3.1", False),
        ("192.0.2.0/24", "a.example", False),
        ("x/24, 192.0.2.0/24", "192.0.2.1", True),
        ("2001:db8::1", "[2001:db8::1]", True),
        ("2001:db8::/32", "[2001:db8::1]:8000", True),
        ("2001:db8::/32", "192.0.2.1", False),
    ],
)
def test_no_proxy_lists_hosts_that_are_reached_directly(environment, no_proxy, host, is_direct):
    environment(ws_proxy="http://proxy.example:3128", no_proxy=no_proxy)

    assert chosen(f"ws://{host}/") == (None if is_direct else "http://proxy.example:3128")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "app.localhost", "127.0.0.1", "127.9.9.9:80", "[::1]:8000"]
)
def test_this_machine_is_reached_without_the_proxy_of_the_environment(environment, host):
    environment(ws_proxy="http://proxy.example:3128")

    assert chosen(f"ws://{host}/") is None


def test_a_proxy_of_another_kind_is_refused_with_its_variable(environment):
    environment(https_proxy="socks5://proxy.example:1080")

    with pytest.raises(ConfigError, match=r"https_proxy of the environment .* SOCKS is not supported"):
        chosen("wss://example.org/")

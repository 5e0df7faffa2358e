from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioweb._web.address import Address
from trioweb._web.proxies import Forwarding, TrustedProxies
from trioweb.errors import ConfigError
from trioweb.headers import Headers

PROXY = Address("10.0.0.1", 4000)
STRANGER = Address("203.0.113.9", 4000)
PROXIES = TrustedProxies(("10.0.0.0/8", "::1", "unix"))


def resolve(fields: dict[str, str], peer: Address | None = PROXY, scheme: str = "http") -> Forwarding:
    return PROXIES.resolve(peer, Headers({"Host": "inner", **fields}), scheme)


EVERYTHING = {
    "X-Forwarded-For": "192.0.2.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "public.example",
}


def test_a_trusted_proxy_is_believed() -> None:
    assert resolve(EVERYTHING) == Forwarding(Address("192.0.2.1"), "https", "public.example")


@pytest.mark.parametrize(
    "peer", [STRANGER, Address("11.0.0.1", 1), Address("::2", 1), Address("odd"), Address("::ffff:11.0.0.1")]
)
def test_a_stranger_is_not_believed(peer: Address) -> None:
    fields = EVERYTHING | {"Forwarded": "for=192.0.2.1;proto=https;host=evil"}
    assert resolve(fields, peer) == Forwarding(peer, "http", "inner")


def test_without_trusted_proxies_nothing_is_believed() -> None:
    for peer in (PROXY, None):
        seen = TrustedProxies(()).resolve(peer, Headers(EVERYTHING), "https")
        assert seen == Forwarding(peer, "https", "")


@pytest.mark.parametrize(
    "peer", [None, Address("::1", 9), Address("::ffff:10.2.3.4", 9), Address("10.255.0.1", 9)]
)
def test_proxies_come_over_unix_sockets_and_both_families(peer: Address | None) -> None:
    assert resolve(EVERYTHING, peer).client == Address("192.0.2.1")


def test_a_link_local_proxy_is_known_by_its_address_without_the_zone() -> None:
    proxies = TrustedProxies(["fe80::/10"])
    seen = proxies.resolve(Address("fe80::1%eth0", 1), Headers(EVERYTHING), "http")
    assert seen.client == Address("192.0.2.1")


@pytest.mark.parametrize("entry", ["::ffff:10.1.2.3", "::ffff:10.0.0.0/104", "::ffff:0:0/96", "::/0"])
def test_a_proxy_may_be_named_as_a_socket_of_both_families_shows_it(entry: str) -> None:
    proxies = TrustedProxies([entry])
    for host in ("10.1.2.3", "::ffff:10.1.2.3"):
        seen = proxies.resolve(Address(host, 1), Headers(EVERYTHING), "http")
        assert (seen.client == Address("192.0.2.1")) is (entry != "::/0"), "::/0 is all of IPv6"


def test_a_proxy_that_says_nothing_is_the_client() -> None:
    assert resolve({}) == Forwarding(PROXY, "http", "inner")


def test_the_claims_of_the_client_itself_are_not_reached() -> None:
    assert resolve({"X-Forwarded-For": "127.0.0.1, 192.0.2.1, 10.0.0.2"}).client == Address("192.0.2.1")
    assert resolve({"Forwarded": 'for=127.0.0.1, for="192.0.2.1:5", for=10.0.0.2'}).client == Address(
        "192.0.2.1", 5
    )


def test_a_chain_of_trusted_hops_ends_at_its_beginning() -> None:
    assert resolve({"X-Forwarded-For": "10.0.0.3, 10.0.0.2"}).client == Address("10.0.0.3")


def test_the_outermost_trusted_proxy_knows_the_scheme_and_the_host() -> None:
    fields = {
        "Forwarded": "for=6.6.6.6;proto=http;host=evil, for=192.0.2.1;proto=https;host=a, for=10.0.0.2;proto=http"
    }
    assert resolve(fields) == Forwarding(Address("192.0.2.1"), "https", "a")


def test_a_hop_without_for_does_not_vouch_for_hops_further_left() -> None:
    assert resolve({"Forwarded": "for=6.6.6.6;host=evil, proto=https"}) == Forwarding(PROXY, "https", "inner")
    assert resolve({"X-Forwarded-Proto": "https"}) == Forwarding(PROXY, "https", "inner")


@pytest.mark.parametrize(
    ("spelled", "scheme"),
    [("https", "https"), ("WSS", "https"), ("ws", "http"), ("http", "http"), ("gopher", "https")],
)
def test_schemes_are_http_or_https_and_bad_ones_are_ignored(spelled: str, scheme: str) -> None:
    assert resolve(EVERYTHING | {"X-Forwarded-Proto": spelled}, scheme="https").scheme == scheme


@pytest.mark.parametrize(
    ("spelled", "host"),
    [("a.example:8443", "a.example:8443"), ("[::1]:80", "[::1]:80")]
    + [
        (bad, "inner")
        for bad in (
            "a b",
            "a/b",
            "a@b",
            "<x>",
            "a:port",
            "x" * 300,
            "[::1",
            "",
            "a%2f.b",
            "a..b",
            "[...]",
            "[:::]",
            "a:65536",
            ".",
        )
    ],
)
def test_an_invalid_host_is_ignored(spelled: str, host: str) -> None:
    assert resolve(EVERYTHING | {"X-Forwarded-Host": spelled}).host == host


@pytest.mark.parametrize(
    ("spelled", "client"),
    [
        ("192.0.2.1:80", Address("192.0.2.1", 80)),
        ("2001:DB8::1", Address("2001:db8::1")),
        ("[2001:db8::1]:80", Address("2001:db8::1", 80)),
        ('"[2001:db8::1]"', Address("2001:db8::1")),
        ("::ffff:192.0.2.1", Address("192.0.2.1")),
        ("192.0.2.1:99999", Address("192.0.2.1")),
    ],
)
def test_addresses_are_read_in_every_spelling(spelled: str, client: Address) -> None:
    assert resolve({"X-Forwarded-For": spelled}).client == client


@pytest.mark.parametrize(
    ("spelled", "client"),
    [
        ("192.0.2.1", Address("192.0.2.1")),
        ('"192.0.2.1:47011"', Address("192.0.2.1", 47011)),
        ('"192.0.2.1:_made-up.port"', Address("192.0.2.1")),
        ('"[2001:db8::1]:_x"', Address("2001:db8::1")),
        ('"[2001:db8::1]"', Address("2001:db8::1")),
        ("_made-up", None),
        ('"_made-up:80"', None),
        ("unknown", None),
        ('"UNKNOWN:_x"', None),
        ('"192.0.2.1:"', None),
        ('"192.0.2.1:x"', None),
        ('"[192.0.2.1]"', Address("192.0.2.1")),
    ],
)
def test_a_node_is_read_as_rfc_7239_6_spells_it(spelled: str, client: Address | None) -> None:
    assert resolve({"Forwarded": f"for={spelled}"}).client == client


def test_an_empty_entry_is_a_client_that_cannot_be_named() -> None:
    assert resolve({"X-Forwarded-For": "6.6.6.6, "}).client is None
    assert resolve({"X-Forwarded-For": "6.6.6.6,, 10.0.0.2"}).client is None
    assert resolve({"X-Forwarded-For": ", 192.0.2.1"}).client == Address("192.0.2.1")


def test_fields_on_several_lines_are_one_list() -> None:
    lines = [("X-Forwarded-For", "6.6.6.6"), ("Host", "inner"), ("x-forwarded-for", "192.0.2.1, 10.0.0.2")]
    assert PROXIES.resolve(PROXY, Headers(lines), "http").client == Address("192.0.2.1")
    lines = [("Forwarded", "for=6.6.6.6;host=evil"), ("Host", "inner"), ("forwarded", "for=192.0.2.1")]
    assert PROXIES.resolve(PROXY, Headers(lines), "http") == Forwarding(Address("192.0.2.1"), "http", "inner")


@pytest.mark.parametrize(
    "spelled", ["unknown", "_hidden", "192.0.2", "1.2.3.4.5", "fe80::1%<b>", "[::1", "localhost"]
)
def test_a_client_that_cannot_be_named_is_unknown_and_not_the_proxy(spelled: str) -> None:
    assert resolve({"X-Forwarded-For": spelled}).client is None
    assert resolve({"X-Forwarded-For": f"{spelled}, 192.0.2.1"}).client == Address("192.0.2.1")


def test_a_field_that_cannot_be_read_is_not_believed() -> None:
    assert resolve({"Forwarded": 'for="6.6.6.6, for=192.0.2.1;proto=https'}) == Forwarding(
        None, "http", "inner", is_anonymous=True
    )


def test_two_fields_that_contradict_each_other_are_not_believed() -> None:
    spoofed = {"X-Forwarded-For": "192.0.2.1", "Forwarded": "for=10.0.0.7"}
    assert resolve(spoofed) == Forwarding(None, "http", "inner", is_anonymous=True)
    spoofed_host = {"X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1;host=evil"}
    assert resolve(spoofed_host) == Forwarding(None, "http", "inner", is_anonymous=True)
    same = EVERYTHING | {"Forwarded": "for=192.0.2.1;proto=https;host=public.example"}
    assert resolve(same) == resolve(EVERYTHING)


@pytest.mark.parametrize("entry", ["", "*", "localhost", "10.0.0.1/8", "10.0.0.0/33", "UNIX"])
def test_a_bad_entry_is_refused_at_once(entry: str) -> None:
    with pytest.raises(ConfigError, match=r"Config\.trusted_proxies"):
        TrustedProxies([entry])


_FIELD = st.text(alphabet='192.0:a[]",;= forpt\xff%', max_size=80)


@given(_FIELD, _FIELD, _FIELD, _FIELD)
def test_any_fields_can_be_read(client: str, scheme: str, host: str, forwarded: str) -> None:
    fields = {"X-Forwarded-For": client, "X-Forwarded-Proto": scheme, "X-Forwarded-Host": host}
    for chosen in (fields, {"Forwarded": forwarded}, fields | {"Forwarded": forwarded}):
        seen = resolve(chosen)
        assert seen.scheme in ("http", "https")
        assert not set(seen.host) & set(' ",;=\xff%')


@given(st.lists(st.ip_addresses(), max_size=5))
def test_the_address_that_the_proxy_saw_counts_whatever_the_client_claims(claims: list[object]) -> None:
    line = ", ".join([*map(str, claims), "192.0.2.77"])
    assert resolve({"X-Forwarded-For": line}).client == Address("192.0.2.77")

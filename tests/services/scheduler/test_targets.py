"""Which addresses a webhook may be sent to."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.targets import (
    FORBIDDEN,
    ForbiddenTarget,
    check_address,
    check_stored,
    parse_allowances,
    parse_target,
)
from shared.runtime.environment import UnusableSettings

FORBIDDEN_HOSTS = (
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:8.8.8.8]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::1]",
    "[100::1]",
    "[2001::1]",
    "[2001:db8::1]",
    "[2002:7f00:1::]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
)
ODD_HOSTS = (
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "127.1",
    "127.0.1",
    "0177.0.0.1",
    "0",
    "1.2.3.4.5",
    "256.1.1.1",
    "example.0x",
    "[fe80::1%25eth0]",
    "[::ffff:127.0.0.1",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "exämple.org",
    "under_score.example",
    "-a.example",
    "a..example",
    "example.org.",
    "",
    "a" * 64 + ".example",
)


@pytest.mark.parametrize("host", FORBIDDEN_HOSTS)
def test_addresses_that_are_not_public_are_refused_when_stored(host: str) -> None:
    """Private, loopback, link-local, wrapped, metadata and other special addresses are refused."""
    with pytest.raises(ForbiddenTarget) as refused:
        check_stored(f"https://{host}/hook", ())
    assert refused.value.code == "target_forbidden"


@pytest.mark.parametrize("host", ODD_HOSTS)
def test_hosts_with_more_than_one_reading_are_refused(host: str) -> None:
    """An address in an odd spelling, or a name that is no host name, is refused whatever it would mean."""
    with pytest.raises(ForbiddenTarget):
        check_stored(f"https://{host}/hook", ())


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.org/", "url_scheme"),
        ("http://8.8.8.8/", "url_scheme"),
        ("ftp://example.org/", "url_scheme"),
        ("file:///etc/passwd", "url_scheme"),
        ("//example.org/", "url_scheme"),
        ("example.org", "url_scheme"),
        ("https://user@example.org/", "url_credentials"),
        ("https://user:secret@example.org/", "url_credentials"),
        ("https://example.org/#part", "url_fragment"),
        ("https://example.org/#", "url_fragment"),
        ("https://example.org:0/", "url_port"),
        ("https://example.org:/", "url_port"),
        ("https://example.org:99999/", "url_unreadable"),
        ("https://example.org:x/", "url_unreadable"),
        ("https://example.org\\@127.0.0.1/", "url_unreadable"),
        ("https://example.org/a b", "url_unreadable"),
        ("https://example.org/\r\nhost: x", "url_unreadable"),
        ("https://example.org/" + "a" * 2000, "url_unreadable"),
    ],
)
def test_urls_are_read_strictly(url: str, code: str) -> None:
    """Anything but a plain https URL is refused with a code that says why."""
    with pytest.raises(ForbiddenTarget) as refused:
        check_stored(url, ())
    assert refused.value.code == code


@pytest.mark.parametrize(
    "url",
    ["https://example.org/hook?a=b", "https://example.org:8443", "https://8.8.8.8/", "https://[2606:4700::1111]/"],
)
def test_public_targets_are_taken(url: str) -> None:
    """Names, and public addresses, are taken with https on any port."""
    check_stored(url, ())


def test_an_allowance_opens_one_network_and_port() -> None:
    """What the operator allows is sent to, with or without https, and nothing beside it."""
    allowed = parse_allowances("10.20.0.0/16:443, 127.0.0.1/32:*,fd00::/8:8080")
    check_stored("https://10.20.1.1/", allowed)
    check_stored("http://127.0.0.1:5000/", allowed)
    check_stored("http://[fd00::1]:8080/", allowed)
    check_stored("http://receiver.council.example/", allowed)
    for url in ("https://10.20.1.1:8443/", "http://10.21.1.1:443/", "http://127.0.0.2/", "http://8.8.8.8/"):
        with pytest.raises(ForbiddenTarget):
            check_stored(url, allowed)


@pytest.mark.parametrize(
    "text",
    ["10.0.0.0/8", "10.0.0.0/8:http", "10.0.0.0/8:65536", "10.0.0.0/8:0", "host:443", "10.0.0.1/8:443", ":443"],
)
def test_an_unreadable_allowance_stops_the_start(text: str) -> None:
    """A mistyped setting is an error that names it, never an allowance that silently allows nothing or more."""
    with pytest.raises(UnusableSettings, match=r"^HOMEWARD_WEBHOOK_ALLOW names a (port|network) that is none"):
        parse_allowances(f"192.0.2.0/24:1,{text}")


@given(st.ip_addresses())
def test_every_address_is_refused_or_outside_every_forbidden_network(address: IPv4Address) -> None:
    """The check agrees with the table for any address."""
    inside = any(address in network for network in FORBIDDEN)
    try:
        check_address(address, 443, (), encrypted=True)
        refused = False
    except ForbiddenTarget:
        refused = True
    assert refused == inside


@given(st.ip_addresses(v=4))
def test_what_python_calls_private_is_forbidden(address: IPv4Address) -> None:
    """The table covers all that the standard library knows as private, multicast or reserved."""
    if address.is_private or address.is_multicast or address.is_reserved or address.is_link_local:
        assert any(address in network for network in FORBIDDEN)


def test_the_port_follows_from_the_scheme() -> None:
    """Without a port in the URL the allow-list is asked about 443 or 80."""
    assert parse_target("https://example.org/").port == 443
    assert parse_target("http://example.org/").port == 80
    assert parse_target("https://8.8.8.8/").address == ip_address("8.8.8.8")

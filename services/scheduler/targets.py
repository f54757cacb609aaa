"""Which addresses a webhook may be sent to.

A council's integrator chooses the URL, Homeward's network sends the request: so nothing
inside that network may be reachable this way (server-side request forgery).  The table of
forbidden networks is written out here; ``ipaddress.is_global`` is not used, because it
calls among others multicast, NAT64 and 6to4 wrappings and Azure's wire server global.
An operator may allow single networks and ports.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from shared.domain.errors import Fault
from shared.runtime.environment import UnusableSettings

MAX_URL_LENGTH = 2_000
DEFAULT_PORTS = {"http": 80, "https": 443}
GREATEST_PORT = 65_535

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_FORBIDDEN = (
    "0.0.0.0/8",  # this network
    "10.0.0.0/8",  # private
    "100.64.0.0/10",  # carriers' shared space; holds 100.100.100.200, Alibaba's metadata
    "127.0.0.0/8",  # loopback
    "168.63.129.16/32",  # Azure's wire server, a public address
    "169.254.0.0/16",  # link-local; holds the metadata of most clouds
    "172.16.0.0/12",  # private
    "192.0.0.0/24",  # protocol assignments
    "192.0.2.0/24",  # documentation
    "192.31.196.0/24",  # AS112
    "192.52.193.0/24",  # AMT relays
    "192.88.99.0/24",  # 6to4 relays
    "192.168.0.0/16",  # private
    "192.175.48.0/24",  # AS112
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # class E, and broadcast
    "::/96",  # unspecified, loopback, and IPv4-compatible addresses
    "::ffff:0:0/96",  # IPv4-mapped
    "::ffff:0:0:0/96",  # IPv4-translated
    "64:ff9b::/96",  # NAT64
    "64:ff9b:1::/48",  # NAT64 of one's own
    "100::/64",  # discard
    "100:0:0:1::/64",  # dummy prefix
    "2001::/23",  # protocol assignments; holds Teredo, benchmarks, ORCHID
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4
    "3fff::/20",  # documentation
    "5f00::/16",  # segment routing
    "fc00::/7",  # unique local; holds fd00:ec2::254
    "fe80::/10",  # link-local
    "fec0::/10",  # site-local
    "ff00::/8",  # multicast
)
FORBIDDEN: tuple[Network, ...] = tuple(ip_network(each) for each in _FORBIDDEN)

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
#: A last label like this makes a host an IPv4 address in one of its odd spellings.
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


class ForbiddenTarget(ValueError):
    """This URL or address must not be sent to; ``code`` is stable, the message says why."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the message."""
        super().__init__(message)
        self.code = code

    def fault(self, pointer: str) -> Fault:
        """Return this as a fault at a place of the request."""
        return Fault(pointer, self.code, str(self))


@dataclass(frozen=True, slots=True)
class Allowance:
    """A network and port that the operator allows; ``port`` None means any."""

    network: Network
    port: int | None

    def covers(self, address: Address, port: int) -> bool:
        """Tell whether this allows ``address`` on ``port``."""
        return address in self.network and self.port in {None, port}


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart.  ``address`` is set where the host is an address itself."""

    scheme: str
    host: str
    port: int
    address: Address | None


def parse_allowances(text: str) -> tuple[Allowance, ...]:
    """Read ``<CIDR>:<port>`` or ``<CIDR>:*``, comma-separated; raises UnusableSettings for anything else."""
    return tuple(_allowance(part.strip()) for part in text.split(",") if part.strip())


def _allowance(text: str) -> Allowance:
    network, _, port = text.rpartition(":")
    if port != "*" and not (re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) <= GREATEST_PORT):
        raise _unusable("a port that is none")
    try:
        return Allowance(ip_network(network), None if port == "*" else int(port))
    except ValueError:  # Python's words would repeat the value.
        raise _unusable("a network that is none, or an address with bits set behind its prefix") from None


def _unusable(what: str) -> UnusableSettings:
    example = "10.20.0.0/16:443,127.0.0.1/32:*"
    return UnusableSettings(
        f"HOMEWARD_WEBHOOK_ALLOW names {what}; it takes <CIDR>:<port> or <CIDR>:*, comma-separated, as in {example}"
    )


def parse_target(url: str) -> Target:
    """Take a URL apart strictly; raises ForbiddenTarget for what has more than one reading."""
    if not _PRINTABLE.fullmatch(url) or len(url) > MAX_URL_LENGTH or "\\" in url:
        raise ForbiddenTarget("url_unreadable", f"A URL has at most {MAX_URL_LENGTH} printable ASCII characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ForbiddenTarget("url_unreadable", "This is not a URL.") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise ForbiddenTarget("url_scheme", "A webhook URL begins with https://.")
    if "@" in parts.netloc:
        raise ForbiddenTarget("url_credentials", "A webhook URL holds no user name or password; verify the signature.")
    if "#" in url:
        raise ForbiddenTarget("url_fragment", "A webhook URL has no fragment.")
    if port == 0 or parts.netloc.endswith(":"):
        raise ForbiddenTarget("url_port", "The port lies between 1 and 65535.")
    host = parts.hostname or ""
    address = _literal(host, bracketed="[" in parts.netloc)
    return Target(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], address)


def _literal(host: str, *, bracketed: bool) -> Address | None:
    """Return the address that ``host`` is, or None for a name; raises ForbiddenTarget for odd spellings."""
    if bracketed:
        try:
            return IPv6Address(host) if "%" not in host else _odd_host()
        except ValueError:
            return _odd_host()
    labels = host.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        try:
            return IPv4Address(host)
        except ValueError:
            return _odd_host()
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):  # noqa: PLR2004 - RFC 1035
        return _odd_host()
    return None


def _odd_host() -> Address | None:
    raise ForbiddenTarget(
        "url_host", "The host is a name in ASCII, four decimal numbers, or an IPv6 address in brackets."
    )


def check_stored(url: str, allowances: tuple[Allowance, ...]) -> Target:
    """Judge a URL before it is stored: its form, and its host where that is an address.

    Raises ForbiddenTarget.  A name is judged at each connect, on what it resolves to then.
    """
    target = parse_target(url)
    if target.address is not None:
        check_address(target.address, target.port, allowances, encrypted=target.scheme == "https")
    elif target.scheme != "https" and not allowances:
        raise ForbiddenTarget("url_scheme", "A webhook URL begins with https://.")
    return target


def check_address(address: Address, port: int, allowances: tuple[Allowance, ...], *, encrypted: bool) -> None:
    """Raise ForbiddenTarget unless ``address`` may be connected to.

    Without encryption only what the operator allowed may be.
    """
    if any(allowance.covers(address, port) for allowance in allowances):
        return
    if not encrypted:
        raise ForbiddenTarget("url_scheme", "Without https only addresses that the operator allowed are sent to.")
    if any(address in network for network in FORBIDDEN):
        raise ForbiddenTarget("target_forbidden", "This address is not public, and the operator has not allowed it.")


def check_resolved(host: str, port: int, allowances: tuple[Allowance, ...], *, encrypted: bool) -> None:
    """As :func:`check_address`, for an address as a resolver writes it."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        raise ForbiddenTarget("target_forbidden", "The name does not resolve to an address.") from None
    check_address(address, port, allowances, encrypted=encrypted)

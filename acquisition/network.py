"""Which addresses may be contacted, and who we say we are.

Addresses come from servers and archives that nobody here controls, so a URL is only followed when the address that is really
connected to is public. The one exception is what the declaration itself writes: a loopback or private literal in `base_url`
or `urls` opens loopback, or exactly that host, for that source. Every client asks the guard at the moment of connecting, so
that a name which answers differently the second time gains nothing.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from acquisition import __version__
from acquisition.errors import AddressRefused, SourceUnavailable

if TYPE_CHECKING:
    from acquisition.settings import ContactSettings

_REMEMBERED: Final = 1024
_PORTS: Final = {"http": 80, "https": 443}
_MAX_URL: Final = 16_384
_SITE: Final = re.compile(r"https?://[a-z0-9.:-]+/", re.ASCII)
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f\\]")
_NUMERIC_HOST: Final = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+))*\.?", re.ASCII | re.IGNORECASE)

# IANA special-purpose registries (RFC 6890 and successors). Written out because ipaddress.is_global has changed its mind
# between Python releases, and an answer that depends on the patch level is no guard.
_REFUSED_V4: Final = tuple(
    IPv4Network(block)
    for block in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
        *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
)
_GLOBAL_V6: Final = IPv6Network("2000::/3")
_REFUSED_V6: Final = tuple(
    IPv6Network(block) for block in ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20"]
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")
_TEREDO: Final = IPv6Network("2001::/32")

Address = IPv4Address | IPv6Address


def user_agent(contact: ContactSettings | None) -> str:
    """Return who we are and how to reach whoever answers for the traffic: "acquisition/0.1.0 (+url; mailto:email)"."""
    product = f"acquisition/{__version__}"
    return product if contact is None else f"{product} (+{contact.url}; mailto:{contact.email})"


def origin(url: str) -> tuple[str, str, int]:
    """Return (scheme, host, port) of a URL, the unit that credentials belong to; ValueError if it is no http(s) URL."""
    return _origin(_site(url))


def _site(url: str) -> str:
    """Return what stands before the path, where that is plain to see; many files share it, so its reading is remembered."""
    match = _SITE.match(url)
    return match[0] if match else url


@lru_cache(maxsize=4096)
def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"{public_url(url)!r} is not an http or https URL")
    return scheme, parts.hostname.rstrip(".").lower(), parts.port or _PORTS[scheme]


def public_url(url: str) -> str:
    """Return the URL as it may be shown and kept: without user, query (signatures live there) and fragment."""
    head = url.split("#", 1)[0].split("?", 1)[0]
    if "@" not in head and len(head) <= 500:
        return head
    return re.sub(r"//[^/]*@", "//", head)[:500]


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for a URL (HTTPS_PROXY, NO_PROXY…), None for a direct connection."""
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme.lower()) or proxies.get("all")
    return None if not proxy or proxy_bypass(parts.hostname or "") else proxy


def ca_file() -> str:
    """Return the file of trusted authorities: the user's own bundle if the environment names one, else certifi's."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        if (path := os.environ.get(name)) and os.path.isfile(path):  # noqa: PTH113  # a plain existence question, no Path needed
            return path
    import certifi

    return str(certifi.where())


@lru_cache(maxsize=4096)
def literal_address(host: str) -> Address | None:
    """Return the address that a host names without asking DNS, None for a name.

    Understands what resolvers understand: brackets, zone ids, `127.1`, `0x7f.1`, `2130706433`, and `localhost`.
    """
    host = host.strip("[]").rstrip(".").lower().split("%", 1)[0]
    if host == "localhost" or host.endswith(".localhost"):
        return IPv4Address("127.0.0.1")
    try:
        return ip_address(host)
    except ValueError:
        pass
    if _NUMERIC_HOST.fullmatch(host):
        try:
            return IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    return None


def _embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 form carries (mapped, NAT64, 6to4, Teredo), else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _SIX_TO_FOUR and address.sixtofour is not None:
        return address.sixtofour
    if address in _TEREDO and address.teredo is not None:
        return address.teredo[1]
    return address


def is_public(address: Address) -> bool:
    """Say whether an address is a globally routable unicast one, looking through the IPv6 forms that carry an IPv4 one."""
    inner = _embedded(address)
    if isinstance(inner, IPv4Address):
        return not any(inner in block for block in _REFUSED_V4)
    return inner in _GLOBAL_V6 and not any(inner in block for block in _REFUSED_V6)


class AddressGuard:
    """Says which addresses one source may contact.

    `declared_urls` are the URLs that the source's declaration itself writes. A loopback literal among them (or localhost)
    opens loopback on every port, a private literal opens exactly that host; link-local addresses (cloud metadata) and
    multicast are never opened. Names are judged by the address that they resolve to when the connection is made.
    """

    __slots__ = ("_hosts", "_known", "_loopback", "_passed")

    def __init__(self, declared_urls: Iterable[str] = ()) -> None:
        literals = [literal for url in declared_urls if (literal := literal_address(urlsplit(url).hostname or ""))]
        self._loopback = any(_embedded(literal).is_loopback for literal in literals)
        self._known: set[str] = set()
        self._passed: set[tuple[str, str]] = set()
        self._hosts = frozenset(literal for literal in literals if _may_be_opened(_embedded(literal)))

    def __reduce__(self) -> tuple[object, ...]:
        """Guards cross process borders by what they allow."""
        return (_rebuild_guard, (self._loopback, self._hosts))

    def check_url(self, url: str) -> None:
        """Raise AddressRefused unless the URL is http(s), without user or control characters, and its literal is allowed."""
        site = _site(url)
        if site in self._known and len(url) <= _MAX_URL and not _UNSAFE.search(url):
            return
        shown = public_url(url)
        parts = _split(url)
        if parts is None:
            raise AddressRefused(f"{shown!r} is not an http or https address that can be followed", where=shown)
        if parts.username is not None or parts.password is not None or "@" in parts.netloc:
            raise AddressRefused("a user or password inside a URL is not followed", where=shown)
        literal = literal_address(parts.hostname or "")
        reason = None if literal is None else self._refusal_of(literal, literal)
        if reason:
            raise AddressRefused(
                f"{parts.hostname} {reason}",
                where=shown,
                hint="Write the address into base_url or urls if it is meant to be asked.",
            )
        if site != url and len(self._known) < _REMEMBERED:
            self._known.add(site)

    def refusal(self, host: str, address: str) -> str | None:
        """Return why this resolved address may not be contacted for this host, None when it may."""
        if (host, address) in self._passed:
            return None
        try:
            resolved = ip_address(address.strip("[]").split("%", 1)[0])
        except ValueError:
            return f"resolves to {address!r}, which is no IP address"
        reason = self._refusal_of(literal_address(host), resolved)
        if reason is None and len(self._passed) < _REMEMBERED:
            self._passed.add((host, address))
        return reason

    def _refusal_of(self, host: Address | None, address: Address) -> str | None:
        inner = _embedded(address)
        if is_public(address) or (inner.is_loopback and self._loopback):
            return None
        if host is not None and host in self._hosts and address == host:
            return None
        return f"is at {address}, which is not a public address"


def _rebuild_guard(loopback: bool, hosts: Iterable[Address]) -> AddressGuard:
    urls = [f"http://[{host}]/" if isinstance(host, IPv6Address) else f"http://{host}/" for host in hosts]
    return AddressGuard([*urls, *(["http://127.0.0.1/"] if loopback else [])])


def _may_be_opened(address: Address) -> bool:
    return address.is_private and not (
        address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved
    )


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL that may be looked at further, None for what no client should be given."""
    if len(url) > _MAX_URL or _UNSAFE.search(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return parts if parts.scheme.lower() in _PORTS and parts.hostname and port != 0 else None


def resolve_checked(host: str, port: int, guard: AddressGuard | None = None) -> list[str]:
    """Resolve a host and return its addresses; AddressRefused when one of them may not be contacted.

    For clients that cannot be asked at connecting: they must connect to the returned addresses and to nothing else.
    """
    guard = guard or AddressGuard()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SourceUnavailable(f"the name {host!r} cannot be resolved: {error}", where=host) from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if reason := guard.refusal(host, address):
            raise AddressRefused(f"{host} {reason}", where=host)
    return addresses

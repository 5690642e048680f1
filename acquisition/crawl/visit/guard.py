"""What may be contacted at all, judged twice: a URL before anything is done with it, a socket before it is connected.

The first look spares a visit and gives the reason a name; the second cannot be talked around, because it sees the address and
port that are really connected to, whatever a name, an odd spelling or a second answer of DNS makes of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import quote, urlsplit

from acquisition.crawl.contract import Refused
from acquisition.errors import AddressRefused
from acquisition.hosts import ascii_host
from acquisition.network import Address, AddressGuard, literal_address, origin, public_url

PORTS: Final = frozenset({80, 443, 8080, 8443})
"""Where web servers listen; other ports belong to other protocols, which must not be spoken to in HTTP."""

_PLAIN: Final = re.compile(r"https?://[a-z0-9.-]*[a-z0-9-](?::[0-9]{1,5})?(?=/)", re.ASCII)
_PLAIN_REST: Final = re.compile(r"[A-Za-z0-9/._~%?&=+,;:@!$'()*-]*", re.ASCII)
_SCHEME: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*):")
_SAFE: Final = "!$%&'()*+,/:;=?@[]~|"
_PORT: Final = re.compile(r":[0-9]*$", re.ASCII)
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f]")
_NAME: Final = re.compile(r"[a-z0-9._-]{1,253}", re.ASCII)
"""What DNS holds of hosts, in practice; in libcurl's list of resolved names other letters ("*", ",") have a meaning."""
_NUMERIC: Final = re.compile(r"[0-9a-fx.]*[0-9][0-9a-fx.]*", re.ASCII)
_LONGEST: Final = 16_384
_REMEMBERED: Final = 4_096
_RECENT: Final = 512
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Site:
    """Scheme, host and port, how the Host header names them, and whether the host is an address rather than a name."""

    scheme: str
    host: str
    port: int
    header: str
    literal: bool


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads; `url` is the form that goes over the wire, without fragment."""

    url: str
    site: Site


class UrlGuard:
    """Judges URLs and the sockets that are opened for them.

    `declared` are the URLs that the declaration itself writes: their ports are open everywhere, and a literal loopback or
    private host among them may be contacted (see `network.AddressGuard`), loopback on every port. `ports` are open besides.
    """

    __slots__ = ("_open_ports", "_recent", "_sites", "addresses")

    def __init__(self, declared: Iterable[str] = (), *, ports: Iterable[int] = PORTS) -> None:
        declared = tuple(declared)
        self.addresses = AddressGuard(declared)
        self._open_ports = frozenset(ports) | {port for url in declared if (port := _port(url))}
        self._sites: dict[str, Site] = {}
        self._recent: dict[str, Target] = {}

    def check(self, url: str) -> Target:
        """Return where the URL leads; Refused("scheme" | "userinfo" | "address" | "port") when nobody may go there."""
        target = self._recent.get(url)
        if target is None:  # who visits asks, and again who sends
            target = self._target(url)
            if len(self._recent) >= _RECENT:
                self._recent.clear()
            self._recent[url] = target
        return target

    def _target(self, url: str) -> Target:
        plain = _PLAIN.match(url)
        if plain is None or len(url) > _LONGEST or _PLAIN_REST.fullmatch(url, plain.end()) is None:
            wire = _wire_url(url)
            return Target(wire, self._judge(wire, url))
        site = self._sites.get(plain[0])
        if site is None:
            site = self._judge(url, url)
            if len(self._sites) < _REMEMBERED:
                self._sites[plain[0]] = site
        return Target(url, site)

    def refusal(self, site: Site, address: str, port: int) -> str | None:
        """Return why a socket to this address and port may not be opened for the site, None when it may."""
        if port != site.port:
            return f"leads to port {port} where {site.port} was meant"
        return self.addresses.refusal(site.host, address)

    def _judge(self, url: str, shown: str) -> Site:
        try:
            self.addresses.check_url(url)
            scheme, host, port = origin(url)
        except AddressRefused as error:
            raise Refused(_reason(url), shown, error.message) from None
        except ValueError as error:
            raise Refused("address", shown, str(error)) from None
        literal = literal_address(host)
        if literal is None and _NAME.fullmatch(host) is None:
            raise Refused("address", shown, f"{host[:80]!r} is no name of a host")
        if port not in self._open_ports and not _is_own_machine(literal):
            raise Refused("port", shown, f"port {port} is not one of those that may be asked")
        return Site(scheme, host, port, _host_header(scheme, host, port), literal is not None and "localhost" not in host)


def _is_own_machine(literal: Address | None) -> bool:
    """Say whether this is the machine itself, which can only be asked when the declaration opens it."""
    inner = literal.ipv4_mapped or literal if isinstance(literal, IPv6Address) else literal
    return inner is not None and inner.is_loopback


def _host_header(scheme: str, host: str, port: int) -> str:
    """Return the Host header as libcurl writes it: numbers in their usual form, the port when it is not the usual one."""
    shown = f"[{host}]" if ":" in host else host
    if _NUMERIC.fullmatch(host) and (literal := literal_address(host)):
        shown = str(literal)
    return shown if port == _DEFAULT_PORTS[scheme] else f"{shown}:{port}"


def _reason(url: str) -> str:
    scheme = _SCHEME.match(url)
    if scheme is None or scheme[1].lower() not in ("http", "https"):
        return "scheme"
    return "userinfo" if "@" in re.split(r"[/?#\\]", url.partition("://")[2], maxsplit=1)[0] else "address"


def _port(url: str) -> int | None:
    try:
        return origin(url)[2]
    except ValueError:
        return None


def _wire_url(url: str) -> str:
    """Return the URL as it goes over the wire: letters and spaces percent-encoded, host in ASCII (IDNA), no fragment.

    The dot that may end a host is left out; dots and doubled slashes in the path and the escapes that are there stay as they
    are written. Refused when it cannot be read.
    """
    text = url.strip(" ").partition("#")[0]
    if len(url) > _LONGEST or _UNSAFE.search(text):
        raise Refused("address", url[:_LONGEST], "the address is too long or holds control characters")
    try:
        parts = urlsplit(text)
        netloc = _ascii(parts.netloc)
        path, mark, query = text.partition("//")[2][len(parts.netloc) :].partition("?")
        path, query = quote(path, safe=_SAFE), quote(query, safe=_SAFE)
    except ValueError:
        raise Refused(_reason(text), url, f"{public_url(url)!r} cannot be read as an address") from None
    if parts.scheme not in ("http", "https") or not netloc:
        raise Refused(_reason(text), url, f"{public_url(url)!r} is not an http or https address")
    return f"{parts.scheme}://{netloc}{path or '/'}{mark}{query}"


def _ascii(netloc: str) -> str:
    """Return host and port in the spelling that robots.txt and clocks are kept under (`hosts.ascii_host`), or ValueError."""
    if "%" in netloc:  # some clients decode it, others do not, and no host needs it
        raise ValueError("encoded host")
    port = _PORT.search(netloc)
    host = ascii_host(netloc[: port.start()] if port else netloc)
    if not host.isascii():
        raise ValueError("no name of a host")
    return host + (port[0] if port else "")

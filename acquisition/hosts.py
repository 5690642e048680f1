"""Which machine owner a URL belongs to: the registrable host that one clock and one budget are kept for.

The registrable host is the public suffix and one label more (publicsuffix.org), so `a.example.co.uk` and `example.co.uk` share
a clock. Suffixes that companies let their customers register under count as well: two sites under `github.io` have two owners
and are two hosts. Ports and schemes share. An address is its own host, in one spelling. The list is the one that tldextract
brings along: the network is never asked for a newer one and nothing is written.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import idna

from acquisition.network import literal_address

if TYPE_CHECKING:
    from tldextract import TLDExtract

_AUTHORITY_END: Final = re.compile(r"[/?#\\]")
_PORT: Final = re.compile(r":\d*$", re.ASCII)
_LONGEST_URL: Final = 2_083
_LONGEST: Final = 300
"""Characters of an authority that is remembered; a name has at most 253."""


def registrable(url: str) -> str:
    """Return the registrable host of an absolute URL in ASCII and lower case, "" when it has none.

    `https://Www.Bücher.Example.co.uk:8080/x` gives `example.co.uk`, `http://127.1/` and `http://localhost/` give `127.0.0.1`,
    `http://[::1]/` gives `[::1]`. Nothing raises, whatever the text.
    """
    return _registrable_of(url) if len(url) <= _LONGEST_URL else _host_of(url)


def _host_of(url: str) -> str:
    parts = url.split("/", 3)
    if len(parts) < 3 or parts[1] or not parts[0].endswith(":"):
        return ""
    authority = parts[2]
    return _remembered(authority) if len(authority) <= _LONGEST else _registrable(authority)


_registrable_of: Final = lru_cache(maxsize=2_048)(_host_of)
"""Each part of a visit asks for the host of the same URL."""


@lru_cache(maxsize=4_096)
def is_loopback(host: str) -> bool:
    """Say whether a registrable host is this machine."""
    return host == "[::1]" or (
        host.startswith("127.") and (address := literal_address(host)) is not None and address.is_loopback
    )


def ascii_host(name: str) -> str:
    """Return a host name as it goes over the wire: IDNA 2008 with the UTS 46 mapping, lower case, no final dot.

    What cannot be mapped comes back in lower case.
    """
    name = unquote(name).strip().rstrip(".").lower()
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode("ascii").rstrip(".").lower()
    except idna.IDNAError:
        return name


def _registrable(authority: str) -> str:
    host = _AUTHORITY_END.split(authority, maxsplit=1)[0].rpartition("@")[2]
    bracketed, bracket, _ = host.partition("]")
    name = ascii_host(bracketed + bracket if bracket else _PORT.sub("", host))
    address = literal_address(name)
    if address is not None:
        address = getattr(address, "ipv4_mapped", None) or address
        return str(address) if address.version == 4 else f"[{address}]"
    return _under_suffix(name)


_remembered = lru_cache(maxsize=16_384)(_registrable)


def _under_suffix(name: str) -> str:
    found = str(_extractor()(name).top_domain_under_public_suffix)
    if found:
        return found
    if _extractor()(name).suffix:  # the name is itself a public suffix
        return name
    return ".".join(name.split(".")[-2:])  # the list's rule for names that it does not know


@cache
def _extractor() -> TLDExtract:
    from tldextract import TLDExtract  # it imports requests, which only a crawl needs

    return TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)

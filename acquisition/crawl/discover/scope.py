"""Which addresses a crawl takes: the sites it was sent to, and what the declaration allows and denies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import regex

LONGEST_URL: Final = 2_083
SECONDS: Final = 0.2
"""A pattern that takes longer on one address does not fit it."""
_NO_CONTENT: Final = regex.compile(
    r"^https?://[^/?#]+/(?:[^?#]*/)?(log-?in|log-?out|sign-?in|sign-?out|sign-?up|register|wp-login|wp-admin|cart|basket|checkout"
    r"|search)(?:\.php)?(?:[/?#]|$)",
    regex.IGNORECASE,
)
"""Pages that hold no samples, or one for every word (crawl.md section 5.4)."""
_NO_PAGE: Final = regex.compile(
    r"\.(7z|aac|aiff?|apk|avi|avif|bin|bmp|bz2|css|csv|deb|dmg|docx?|eot|epub|exe|flac|flv|gif|gz|ico|iso|jar|jpe?g|js|json|m3u8?"
    r"|m4[av]|mid|mjs|mkv|mov|mp[34]|mpe?g|msi|og[agv]|opus|otf|pdf|png|pptx?|ps|rar|rpm|rss|svg|swf|tar|tgz|tiff?|ts|ttf|wasm|wav"
    r"|webm|webp|wma|wmv|woff2?|xlsx?|xml|xz|zip|zst)$",
    regex.IGNORECASE,
)
"""Endings of addresses that are no pages; what of it is media is found as media."""


def site_of(url: str) -> str:
    """Return the site of an address: its host without "www." and with its port unless that is the default one."""
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].partition("?")[0].partition("#")[0].rpartition("@")[2].lower()
    host = host.removesuffix(":443" if scheme.lower() == "https" else ":80").rstrip(".")
    return host.removeprefix("www.")


def host_of(site: str) -> str:
    """Return the host of a site, without port and brackets."""
    return site[1:].partition("]")[0] if site.startswith("[") else site.partition(":")[0]


def addresses_of(hosts: Iterable[str], declared: Iterable[str]) -> list[str]:
    """Return addresses of hosts that are named beside declared ones; one without a port is meant at their ports, too."""
    ports = list(dict.fromkeys(port for url in declared if (port := _port_of(site_of(url)))))
    named = [name for host in hosts for name in (host, *(f"{host}:{port}" for port in ports if not _port_of(host)))]
    return [f"http://{name}" for name in named]


def _port_of(site: str) -> str:
    name, _, port = site.rpartition(":")
    return port if name and port.isdecimal() and (":" not in name or name.endswith("]")) else ""


@dataclass(frozen=True, slots=True)
class Scope:
    """`sites` as `site_of` names them; `allow` and `deny` are regular expressions searched in whole addresses.

    With `allow`, only addresses that one of them fits; `deny` beats `allow`.
    """

    sites: frozenset[str]
    allow: tuple[Any, ...] = ()
    deny: tuple[Any, ...] = ()

    @classmethod
    def of(cls, urls: Iterable[str], allow: Iterable[str] = (), deny: Iterable[str] = ()) -> Scope:
        """Return the scope of a crawl that begins at some addresses."""
        return cls(
            frozenset(site for url in urls if (site := site_of(url))),
            tuple(regex.compile(pattern) for pattern in allow),
            tuple(regex.compile(pattern) for pattern in deny),
        )

    def takes(self, url: str, home: str = "") -> bool:
        """Say whether a page is to be visited. `home` is one more site: where a start address was redirected to."""
        if len(url) > LONGEST_URL:
            return False
        site = site_of(url)
        return (site in self.sites or (home != "" and site == home)) and self.wants(url)

    def wants(self, url: str) -> bool:
        """Say whether the patterns let an address through, whatever its site.

        Log-ins, carts, searches and files that are no pages are left out unless a pattern that fits names them.
        """
        if any(_fits(pattern, url, slow=True) for pattern in self.deny):
            return False
        word = _doubt(url)
        if not self.allow:
            return not word
        return any(word in pattern.pattern.lower() and _fits(pattern, url, slow=False) for pattern in self.allow)

    def against(self, url: str) -> str:
        """Return what keeps a link to this address from being followed, in words; "" where nothing does."""
        if len(url) > LONGEST_URL:
            return f"it is longer than {LONGEST_URL:,} characters"
        if site_of(url) not in self.sites:
            return f"its host is none of {', '.join(sorted(self.sites))}"
        if self.wants(url):
            return ""
        if denied := [pattern.pattern for pattern in self.deny if _fits(pattern, url, slow=True)]:
            return f"`deny` fits it ({denied[0]})"
        if self.allow and not any(_fits(pattern, url, slow=False) for pattern in self.allow):
            return "no pattern of `allow` fits it"
        return f"it looks like no page of samples ({_doubt(url)}), and no pattern of `allow` names that"


def _doubt(url: str) -> str:
    """Return what makes an address look like no page, "" where nothing does: its ending, or a word such as "login"."""
    found = _NO_PAGE.search(url.partition("?")[0]) or _NO_CONTENT.match(url)
    return str(found[1]).lower() if found else ""


def _fits(pattern: Any, url: str, *, slow: bool) -> bool:
    """Say whether a pattern fits; one that takes too long keeps the address out, whichever list it is on."""
    try:
        return pattern.search(url, timeout=SECONDS) is not None
    except TimeoutError:
        return slow

"""Addresses: block lists of millions of domains in eight bytes each, and host names that say what they are.

A list may hold domains, hosts files (0.0.0.0 name) or whole addresses; a domain blocks its subdomains, an address what lies
below it. Entries are kept as sorted 64-bit digests (xxh3): 4.6 million take 37 MB, and a chance match has a probability of
10⁻¹² each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import numpy as np
import xxhash

_LONGEST: Final = 2_000
_HOSTS: Final = re.compile(r"^(?:0\.0\.0\.0|127\.0\.0\.1|::1?|fe80::1%lo0|255\.255\.255\.255)\s+")
_HOST: Final = re.compile(r"^[\w-]+(?:\.[\w-]+)+$")
_LOCAL: Final = frozenset({"localhost", "localhost.localdomain", "broadcasthost", "local", "0.0.0.0"})  # noqa: S104 - a name in hosts files

_NAMES: Final = (
    "pornhub xvideos xnxx xhamster redtube youporn tube8 spankbang eporner tnaflix hqporner beeg porntrex youjizz "
    "xtube drtuber "
    "chaturbate livejasmin stripchat bongacams camsoda myfreecams cam4 flirt4free streamate imlive jerkmate brazzers bangbros "
    "realitykings naughtyamerica digitalplayground nhentai hentaihaven e-hentai exhentai hanime rule34 gelbooru javhd "
    "javlibrary missav "
    "thothub fapello erome imagefap motherless literotica sexstories adultfriendfinder ashemaletube fetlife onlyfans "
    "fansly manyvids "
    "clips4sale adulttime pornpics sex-stories nudogram xvideos2 thumbzilla keezmovies"
)
_SITES: Final = frozenset(_NAMES.split())
"""Registrable names (the label before the suffix) of widely known adult sites."""
_ENDINGS: Final = frozenset({"xxx", "porn", "adult", "sex", "sexy"})
_LABEL: Final = re.compile(
    r"porno|porn(?!ic|chai|ography)|(?:^|[^a-z])xxx(?:[^a-z]|$)|xxx(?:video|tube|cam|movie|porn|sex|hd|pics)|sex(?:cam|tube|video|chat|kontakt|dating|film)s?"
    r"|(?:live|free|hot|hardcore|teen|amateur|gay|anal)sex|hentai|camgirl|nudecam|livecams?xxx|escort-?girls?|milf|bokep|erotikchat|pornhub"
)
_AGAINST: Final = re.compile(
    r"anti|against|addict|quit|stop|help|recover|nofap|block|filter|free-?from|law|research|museum|education|health|awareness|rehab|no-?porn"
)


@dataclass
class Addresses:
    """A set of domains and address prefixes."""

    digests: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))

    @classmethod
    def read(cls, path: Path) -> Addresses:
        """Read a list file; raises OSError. Lines that hold no domain and no address are passed over."""
        return cls(np.unique(np.fromiter(_digests(path), np.uint64)))

    @classmethod
    def merged(cls, several: Iterable[Addresses]) -> Addresses:
        """Return one set of all entries."""
        parts = [one.digests for one in several]
        return cls(np.unique(np.concatenate(parts))) if parts else cls()

    def __len__(self) -> int:
        return len(self.digests)

    def match(self, url: str) -> str:
        """Return the entry that an address falls under, "" for none."""
        if not len(self.digests):
            return ""
        for key in _keys(url):
            at = int(np.searchsorted(self.digests, digest := _digest(key)))
            if at < len(self.digests) and self.digests[at] == digest:
                return key
        return ""


def own_cue(url: str) -> str:
    """Return what in the host of an address says that it is an adult site, "" for nothing; paths are not looked at."""
    host = host_of(url)
    labels = host.split(".")
    if len(labels) < 2 or _AGAINST.search(host):
        return ""
    if labels[-1] in _ENDINGS:
        return f".{labels[-1]}"
    for label in labels[:-1]:
        if label in _SITES:
            return label
        if match := _LABEL.search(label):
            return match[0].strip("-")
    return ""


def host_of(url: str) -> str:
    """Return the host of an address in lower case, without www., user and port; "" where there is none."""
    try:
        host = urlsplit(url if "//" in url[:12] else f"//{url}").hostname or ""
    except ValueError:
        return ""
    host = host.rstrip(".").lower()
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            return ""
    return host.removeprefix("www.")


def _digests(path: Path) -> Iterator[int]:
    with path.open("rb") as stream:
        for line in stream:
            if key := _entry(line[:_LONGEST].decode("utf-8", "replace")):
                yield int(_digest(key))


def _entry(line: str) -> str:
    """Return the key of one line: a host, or a host with a path; "" for comments and everything else."""
    line = line.strip().lstrip("\ufeff")
    if not line or line[0] in "#!;/[":
        return ""
    line = _HOSTS.sub("", line).split("#")[0].strip()
    line = line.removeprefix("||").rstrip("^").removeprefix("*.").removeprefix(".")
    if not line or " " in line or "*" in line or "$" in line:
        return ""
    host = host_of(line)
    if not host or host in _LOCAL or not _HOST.match(host):
        return ""
    rest = line.partition("//")[2] if "//" in line[:12] else line
    path = rest.partition("/")[2]
    return f"{host}/{_plain(path)}" if path.strip("/") else host


def _keys(url: str) -> Iterator[str]:
    """Yield the host and its parent domains, and the host with every beginning of its path."""
    host = host_of(url[:_LONGEST])
    if not host:
        return
    labels = host.split(".")
    for at in range(max(1, len(labels) - 1)):
        yield ".".join(labels[at:])
    rest = url[:_LONGEST].partition("//")[2] if "//" in url[:12] else url[:_LONGEST]
    parts = _plain(rest.partition("/")[2]).split("/")
    for count in range(1, min(len(parts), 8) + 1):
        yield f"{host}/{'/'.join(parts[:count])}"


def _plain(path: str) -> str:
    return unquote(path.split("?")[0].split("#")[0]).strip("/").lower()


def _digest(key: str) -> np.uint64:
    return np.uint64(xxhash.xxh3_64_intdigest(key.encode("utf-8", "surrogatepass")))

"""The files in which a site speaks of use: tdmrep.json, ai.txt, trust.txt and the RSL documents that it announces.

Each is asked for once per origin (scheme, host and port) and lifetime, under the rules and clocks of any other visit, and
kept beside robots.txt, so all processes and runs of a source share it. A site that has none (404) says nothing; one whose
file cannot be had may say anything, and that is passed on as None, never as silence.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final
from urllib.parse import urljoin, urlsplit
from weakref import WeakValueDictionary

from acquisition.crawl.contract import PRODUCT_TOKEN, Answer, Failed, PolicyFile, PolicyStore, Refused, Ruling, Wire
from acquisition.crawl.visit.decoding import decoded
from acquisition.rights.signals import announced_in_robots, forbidden

Fetch = Callable[[str], Awaitable[Answer]]
"""Asks for one file about rights at its host's turn and archives the answer (`Fetcher.fetch_policy`)."""
Rule = Callable[[str], Awaitable[Ruling]]
"""Says what robots.txt of a URL's own origin says of it (`Permissions.ruling`)."""

LIFETIME: Final = 86_400.0
"""Seconds for which a file counts when its site says nothing else, and at most."""
SHORTEST: Final = 600.0
"""Seconds for which it counts at least: `no-cache` is no reason to ask before every page."""
RETRY: Final = 3_600.0
"""Seconds before a file that could not be had is asked for again."""
LAST_GOOD: Final = 30 * 86_400.0
"""Seconds for which the last good copy stands in for a file that cannot be had, as RFC 9309 section 2.3.1.4 has it."""
MAX_BYTES: Final = 1_000_000
MAX_REDIRECTS: Final = 5
MAX_DOCUMENTS: Final = 3
"""RSL documents of one robots.txt that are read; the others stay unknown."""
MAX_ANNOUNCED: Final = 20
"""RSL documents that pages of one origin may make us ask for in one process."""
MAX_REMEMBERED: Final = 64_000_000
"""Bytes of files that are held in memory, over all origins."""
_MAX_ORIGINS: Final = 20_000
_NOTHING: Final[Mapping[str, bytes | None]] = MappingProxyType({})
_FILES: Final = (
    ("tdmrep", "/.well-known/tdmrep.json", ()),
    ("ai-txt", "/ai.txt", ()),
    ("trust-txt", "/trust.txt", ("/.well-known/trust.txt",)),
)
"""Mechanism, path, and further paths that are tried where there is nothing."""
_CLOSING: Final = frozenset({401, 402, 407, 408, 425, 429, 451})
"""Statuses below 500 that stand in front of a file; any other 4xx means that there is none (as RFC 9309 section 2.3.1.3)."""
_OURS: Final = frozenset({"cancelled", "stopped"})
"""Failures that say nothing about the file: the crawl is being ended, and it was not asked for."""
_MAX_AGE: Final = re.compile(r"(?:^|,)\s*max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of one origin: its files by path or address, until when, and by which robots.txt."""

    files: Mapping[str, bytes | None]
    expires: float
    robots: str
    size: int


class Policies:
    """The files about rights of all origins that one crawl meets."""

    def __init__(
        self,
        store: PolicyStore,
        fetch: Fetch,
        rule: Rule,
        *,
        policy: Mapping[str, str],
        now: Callable[[], float] = time.time,
        offline: bool = False,
    ) -> None:
        """Take the shared store, the visitor's own ways to the network, and what the declaration says of each mechanism.

        With `offline` (a replay) nothing is asked for: what the store holds counts, however old, and the rest is unknown.
        """
        self._store, self._fetch, self._rule, self._now = store, fetch, rule, now
        self._policy, self._offline = policy, offline
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._held = 0
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._announced: OrderedDict[str, set[str]] = OrderedDict()

    async def of(self, url: str, ruling: Ruling) -> Mapping[str, bytes | None]:
        """Return the files of the URL's origin, as `rights.signals.read` takes them; asks for those not known yet.

        `ruling` is what robots.txt says of the URL. A file that the site has not is absent; None says that it is not known.
        Raises Refused("opt-out") where an honoured word beside the rules for us forbids the visit: a site that shuts out those
        who gather training data, or that takes payment for every fetch.
        """
        files = await self._files_of(url, ruling)
        word = forbidden(url, ruling.body, files, self._policy, agent=PRODUCT_TOKEN)
        if word is not None and not self._offline:  # what was fetched before is judged by its items' flags
            raise Refused("opt-out", url, f"{word.mechanism}: {word.raw}"[:500])
        return files

    async def _files_of(self, url: str, ruling: Ruling) -> Mapping[str, bytes | None]:
        origin = _origin(url)
        known = self._known.get(origin)
        if known is not None and known.robots == ruling.sha256 and self._now() < known.expires:
            return known.files
        async with self._lock(origin):
            known = self._known.get(origin)
            if known is None or known.robots != ruling.sha256 or self._now() >= known.expires:
                known = await self._ask_origin(origin, ruling)
                self._remember(origin, known)
        return known.files

    async def announced(self, url: str, addresses: Iterable[str]) -> Mapping[str, bytes | None]:
        """Return the RSL documents that a page announces, by address; at most MAX_ANNOUNCED for one origin.

        One that the network or robots.txt refuses to us is absent, which leaves the question open; one that cannot be had is
        None, which leaves the page without a license (RSL 1.0).
        """
        if self._policy.get("rsl") == "ignore":
            return _NOTHING
        asked = self._announced.setdefault(_origin(url), set())
        self._announced.move_to_end(_origin(url))
        if len(self._announced) > _MAX_ORIGINS:
            self._announced.popitem(last=False)
        found: dict[str, bytes | None] = {}
        for address in addresses:
            if address in asked or len(asked) < MAX_ANNOUNCED:
                asked.add(address)
                found.update((await self._documents((address,)))[0])
        return found

    # --- one origin -------------------------------------------------------------------------------------------------------

    async def _ask_origin(self, origin: str, ruling: Ruling) -> _Known:
        files: dict[str, bytes | None] = {}
        expires = self._now() + LIFETIME
        for mechanism, path, others in _FILES:
            if self._policy.get(mechanism) == "ignore":
                continue
            body, until = await self._file(origin, path, others)
            expires = min(expires, until)
            if body != b"":
                files[path] = body
        if ruling.body and self._policy.get("rsl") != "ignore":
            addresses = announced_in_robots(ruling.body, f"{origin}/", PRODUCT_TOKEN)[:MAX_DOCUMENTS]
            documents, until = await self._documents(addresses)
            files.update(documents)
            expires = min(expires, until)
        return _Known(MappingProxyType(files), expires, ruling.sha256, sum(len(body or b"") for body in files.values()))

    async def _file(self, origin: str, path: str, others: tuple[str, ...]) -> tuple[bytes | None, float]:
        """Return what a site has under a path, or under the next one where it has nothing; b"" stands for nothing."""
        expires = self._now() + LIFETIME
        for place in (path, *others):
            file, body = await self._current(origin, place.rpartition("/")[2] if place == path else place, origin + place)
            expires = expires if self._offline else min(expires, file.expires)
            if body != b"" and not _is_page(body):
                return body, expires
        return b"", expires

    async def _documents(self, addresses: Iterable[str]) -> tuple[dict[str, bytes | None], float]:
        found: dict[str, bytes | None] = {}
        expires = self._now() + LIFETIME
        for address in addresses:
            file, body = await self._current(_origin(address), address, address)
            expires = expires if self._offline else min(expires, file.expires)
            if body:
                found[address] = body
            elif not file.closed.startswith("refused"):
                found[address] = None
        return found, expires

    # --- one file ---------------------------------------------------------------------------------------------------------

    async def _current(self, origin: str, name: str, url: str) -> tuple[PolicyFile, bytes | None]:
        """Return a file as it counts now, asked for when its time is over, and the body that counts: b"" none, None unknown."""
        async with self._lock(f"{origin} {name}"):
            last, good = await self._store.policy(origin, name)
            if self._offline:
                last = last or PolicyFile(origin, name, url, 0.0, 0.0, 0, None, "refused: offline")
            elif last is None or self._now() >= last.expires:
                last = await self._ask(PolicyFile(origin, name, url, 0.0, 0.0, 0, None))
                if not last.closed.startswith("refused"):  # our own no is not the site's, and costs nothing to repeat
                    await self._store.keep_policy(last)
        if not last.closed:
            return last, last.body or b""
        if good is not None and (self._offline or self._now() - good.fetched <= LAST_GOOD):
            return last, good.body or b""
        return last, None

    async def _ask(self, file: PolicyFile) -> PolicyFile:
        """Ask for a file and follow its redirects, each under the rules of its own origin."""
        url = file.url
        closed = "too many redirects"
        for _ in range(MAX_REDIRECTS + 1):
            try:
                wire = await self._permitted(url)
                target = _redirect(url, wire)
                if not target:
                    return self._answered(file, wire)
                url = target
            except (Refused, Failed) as error:
                if error.reason in _OURS:
                    raise
                if _concerns_host(error) and url == file.url and "://" not in file.name:
                    raise  # the page itself has to wait, or is refused, for the same reason
                ours = isinstance(error, Refused) or _concerns_host(error)
                closed = f"refused: {error.reason}" if ours else error.reason
                break
        now = self._now()
        return replace(file, fetched=now, expires=now + RETRY, closed=closed)

    async def _permitted(self, url: str) -> Wire:
        ruling = await self._rule(url)
        if not ruling.allowed:
            raise Refused("robots", url, ruling.rule or ruling.closed)
        return (await self._fetch(url)).wire

    def _answered(self, file: PolicyFile, wire: Wire) -> PolicyFile:
        now, status = self._now(), wire.status
        if 200 <= status < 300:
            body = decoded(wire, MAX_BYTES, url=file.url)
            return replace(file, fetched=now, expires=now + lifetime(wire), status=status, body=body)
        if 400 <= status < 500 and status not in _CLOSING:
            return replace(file, fetched=now, expires=now + lifetime(wire), status=status)
        return replace(file, fetched=now, expires=now + RETRY, status=status, closed=f"status {status}")

    # --- memory -----------------------------------------------------------------------------------------------------------

    def _lock(self, key: str) -> asyncio.Lock:
        """Return the lock of a key, the same one to all who wait at the same time."""
        return self._locks.setdefault(key, asyncio.Lock())

    def _remember(self, origin: str, known: _Known) -> None:
        old = self._known.pop(origin, None)
        self._held += known.size - (old.size if old else 0)
        self._known[origin] = known
        while len(self._known) > 1 and (len(self._known) > _MAX_ORIGINS or self._held > MAX_REMEMBERED):
            self._held -= self._known.popitem(last=False)[1].size


def _concerns_host(error: Refused | Failed) -> bool:
    """Say whether the host rests, is closed, or has cost what it may cost."""
    return error.reason in ("host-held", "host-closed") or error.reason.startswith("budget-")


def lifetime(wire: Wire) -> float:
    """Return for how many seconds an answer counts by its Cache-Control, within SHORTEST and LIFETIME."""
    value = ",".join(value for name, value in wire.headers if name.lower() == "cache-control")
    if re.search(r"\bno-(?:cache|store)\b", value, re.IGNORECASE):
        return SHORTEST
    match = _MAX_AGE.search(value)
    return min(max(float(match[1]), SHORTEST), LIFETIME) if match else LIFETIME


def _redirect(url: str, wire: Wire) -> str:
    """Return where an answer leads, "" when it does not; Failed for an address that is none or leaves TLS."""
    location = next((value.strip() for name, value in wire.headers if name.lower() == "location"), "")
    if wire.status not in (301, 302, 303, 307, 308) or not location:
        return ""
    try:
        target = urljoin(url, location)
        scheme = urlsplit(target).scheme
    except ValueError:
        raise Failed("redirect", url, location[:200]) from None
    if scheme not in ("http", "https") or (url[:6].lower() == "https:" and scheme != "https"):
        raise Failed("redirect", url, target[:200])
    return target


def _is_page(body: bytes | None) -> bool:
    """Say whether a site answered with a web page, as many do for files that they do not have."""
    return body is not None and body[:1_000].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def _origin(url: str) -> str:
    """Return scheme, host and port as the beginning of an address, in lower case, "" for what is no address."""
    end = url.find("/", len("https://"))
    return _origin_of(url if end < 0 else url[:end])


@lru_cache(maxsize=4_096)
def _origin_of(authority: str) -> str:
    try:
        parts = urlsplit(authority)
        port = parts.port
    except ValueError:
        return ""
    standard = {"http": 80, "https": 443}.get(parts.scheme)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None and port != standard else "")

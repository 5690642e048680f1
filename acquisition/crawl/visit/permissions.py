"""What robots.txt says of a URL, by RFC 9309, failing closed: only an answer opens an origin.

    2xx                              the rules in its first 500 KiB count
    3xx                              followed, up to 5 hops, to any host; what is there counts for the origin that was asked
    4xx but 429                      there are no rules (section 2.3.1.3)
    429, 5xx, no whole answer,       the origin is closed (section 2.3.1.4), unless a good copy of the last 30 days is at hand,
    circles, undecodable bodies      which then counts

Rules are kept per scheme, host and port, for as long as Cache-Control or Expires say and never longer than 24 hours (section
2.4). The store shares them between processes and runs.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from acquisition.crawl import robots
from acquisition.crawl.contract import PRODUCT_TOKEN, Ask, Failed, PolicyFile, PolicyStore, Refused, Ruling, Wire
from acquisition.crawl.robots_paths import Verdict, path_of
from acquisition.crawl.visit.freshness import lifetime
from acquisition.crawl.visit.redirects import target_of
from acquisition.hosts import ascii_host

Fetch = Callable[[Ask], Awaitable[tuple[Wire, bytes]]]
"""Takes the host's turn, sends, archives, and returns the answer with its body decoded, `Ask.cut_at` bytes of it at most."""

NAME: Final = "robots.txt"
LONGEST_LIFE: Final = 86_400.0
"""Seconds; RFC 9309 section 2.4."""
SHORTEST_LIFE: Final = 60.0
"""Seconds that an answer counts at least, whatever its Cache-Control: `no-store` is no wish to be asked before every page."""
LAST_GOOD: Final = 30 * 86_400.0
"""Seconds for which the last good copy stands in for a file that cannot be had (section 2.3.1.4)."""
FIRST_PAUSE: Final = 60.0
"""Seconds before a file that could not be had is asked for again; they double from one time to the next."""
LONGEST_PAUSE: Final = 3_600.0
MAX_REDIRECTS: Final = 5
LONGEST_DELAY: Final = 300.0
"""Seconds between two requests; an origin that asks for more is not visited at all (Heritrix waits as long)."""
REMEMBERED: Final = 64_000_000
"""Bytes of files whose rules are held in memory; beyond that, the store is asked again."""
_ORIGINS: Final = 10_000

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PLAIN: Final = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?/", re.ASCII)
_ESCAPED_DOT: Final = re.compile("%2e", re.IGNORECASE)
_DOTS: Final = re.compile(r"/(?:\.|%2e){1,2}(?:[/?#]|$)", re.IGNORECASE)
_OURS: Final = frozenset({"host-held", "cancelled", "stopped"})
"""Failures that say nothing about the file: it was not asked for."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What counts for one origin until `expires`: the file, its rules (None for no rules at all), and the ruling's frame."""

    ruling: Ruling
    rules: robots.Rules | None
    expires: float
    size: int
    rulings: dict[tuple[bool, str], Ruling] = field(default_factory=dict)
    """The rulings by their verdict and rule, at most one per line of the file."""

    def said(self, verdict: Verdict) -> Ruling:
        """Return the ruling of a URL on which the file has this verdict: the very same one for the same."""
        key = (verdict.allowed, verdict.rule)
        ruling = self.rulings.get(key)
        if ruling is None:
            ruling = self.rulings[key] = replace(self.ruling, allowed=verdict.allowed, rule=verdict.rule)
        return ruling


class Permissions:
    """The robots.txt files of all origins that one process meets. Concurrent questions about one origin share one request."""

    def __init__(
        self,
        fetch: Fetch,
        store: PolicyStore,
        *,
        product_token: str = PRODUCT_TOKEN,
        clock: Callable[[], float] = time.time,
        pace: Callable[[str, float], None] | None = None,
    ) -> None:
        """Take the visitor's way to the network and the shared store; `pace` is told what delay each origin asks for."""
        self._fetch, self._store, self._token = fetch, store, product_token
        self._clock, self._pace = clock, pace
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._held = 0
        self._asking: dict[str, asyncio.Task[_Known]] = {}

    async def ruling(self, url: str) -> Ruling:
        """Return what robots.txt of the URL's origin says of the URL, asking for the file when what is kept has run out.

        Raises what the fetch raises when the file was not asked for at all: Refused (an address that is never contacted, a host
        that is closed, a budget that is spent) and Failed("host-held"), which is also raised for a URL that is allowed, but not
        at this time of day.
        """
        origin = origin_of(url)
        if not origin:
            raise Refused("scheme", url, "not an http or https address")
        known = self._known.get(origin)
        if known is None or self._clock() >= known.expires:
            known = await self._renewed(origin)
        else:
            self._known.move_to_end(origin)
        if self._pace is not None:
            self._pace(f"{origin}/", known.ruling.delay)
        if known.rules is None:
            return known.ruling
        verdict = known.rules.decide(url)
        if verdict.allowed and ("/." in url or "/%" in url) and _DOTS.search(url):  # the server will read /a/../b as /b
            verdict = known.rules.decide(f"{origin}{_without_dots(path_of(url))}")
        if verdict.allowed and (wait := known.rules.wait(self._clock())):
            raise Failed("host-held", url, f"{known.ruling.url} welcomes visits at another time of day", again=wait)
        return known.said(verdict)

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- one origin -------------------------------------------------------------------------------------------------------

    async def _renewed(self, origin: str) -> _Known:
        task = self._asking.get(origin)
        if task is None:
            task = self._asking[origin] = asyncio.ensure_future(self._current(origin))
            task.add_done_callback(lambda done: self._end(origin, done))
        return await asyncio.shield(task)

    def _end(self, origin: str, task: asyncio.Task[_Known]) -> None:
        del self._asking[origin]
        if task.cancelled() or task.exception() is not None:  # whoever still waits for it is told
            return
        known = task.result()
        old = self._known.pop(origin, None)
        self._held += known.size - (old.size if old else 0)
        self._known[origin] = known
        while len(self._known) > 1 and (self._held > REMEMBERED or len(self._known) > _ORIGINS):
            self._held -= self._known.popitem(last=False)[1].size

    async def _current(self, origin: str) -> _Known:
        """Return what counts for an origin now: what another process has asked for lately, or an answer of this moment."""
        last, good = await self._store.policy(origin, NAME)
        if last is None or self._clock() >= last.expires:
            last = await self._ask(origin, last)
            await self._store.keep_policy(last)
        if last.closed and good is not None and good.body is not None and self._clock() - good.fetched <= LAST_GOOD:
            return self._frame(good, expires=last.expires, note=f"last-good-copy: {last.closed}")
        return self._frame(last, expires=last.expires)

    def _frame(self, file: PolicyFile, *, expires: float, note: str = "") -> _Known:
        body = file.body
        rules = robots.parse(body, self._token) if body is not None and not file.closed else None
        notes = [note, *(rules.notes if rules else ())]
        ruling = Ruling(
            allowed=not file.closed,
            url=f"{file.origin}/robots.txt",
            status=file.status,
            sha256=hashlib.sha256(body).hexdigest() if body is not None else "",
            fetched=file.fetched,
            group=rules.group if rules else "",
            delay=rules.delay if rules else 0.0,
            closed=file.closed,
            body=body,
            expires=expires,
            note="; ".join(filter(None, notes)),
        )
        return _Known(ruling, rules, expires, len(body or b"") * 4 + 1_000)

    # --- one question -----------------------------------------------------------------------------------------------------

    async def _ask(self, origin: str, last: PolicyFile | None) -> PolicyFile:
        """Ask for the file and follow its redirects; whatever is no answer closes the origin."""
        url = f"{origin}/robots.txt"
        seen = {url}
        status = 0
        for _ in range(MAX_REDIRECTS + 1):
            try:
                wire, body = await self._fetch(Ask(url, kind="policy", cut_at=robots.MAX_BYTES + 1))
            except Refused as refusal:
                if len(seen) == 1:
                    raise
                return self._closed(origin, url, status, f"redirect to an address that is refused: {refusal.reason}", last)
            except Failed as failure:
                if failure.reason in _OURS:
                    raise
                return self._closed(origin, url, status, failure.reason, last)
            status = wire.status
            if status not in _REDIRECTS:
                return self._judged(origin, url, wire, body, last)
            url = _target(url, wire)
            if not url:
                return self._closed(origin, url, status, "redirect to nowhere", last)
            if url in seen:
                return self._closed(origin, url, status, "redirects in a circle", last)
            seen.add(url)
        return self._closed(origin, url, status, f"more than {MAX_REDIRECTS} redirects", last)

    def _judged(self, origin: str, url: str, wire: Wire, body: bytes, last: PolicyFile | None) -> PolicyFile:
        status = wire.status
        now = self._clock()
        if 200 <= status < 300:
            return PolicyFile(
                origin, NAME, url, now, now + lifetime(wire, SHORTEST_LIFE, LONGEST_LIFE), status, body[: robots.MAX_BYTES + 1]
            )
        if 400 <= status < 500 and status != 429:
            return PolicyFile(origin, NAME, url, now, now + lifetime(wire, SHORTEST_LIFE, LONGEST_LIFE), status, None)
        return self._closed(origin, url, status, f"status {status}", last)

    def _closed(self, origin: str, url: str, status: int, why: str, last: PolicyFile | None) -> PolicyFile:
        """Return that the file could not be had, to be asked for again after a time that doubles while that goes on."""
        now = self._clock()
        pause = FIRST_PAUSE
        if last is not None and last.closed:
            pause = min(max(2 * (last.expires - last.fetched), FIRST_PAUSE), LONGEST_PAUSE)
        return PolicyFile(origin, NAME, url or f"{origin}/robots.txt", now, now + pause, status, None, closed=why)


def origin_of(url: str) -> str:
    """Return scheme, host and port of an http(s) URL in one spelling (`https://example.org:8443`), "" for anything else."""
    plain = _PLAIN.match(url)
    return _origin_remembered(plain[0]) if plain is not None else _origin_of(url)


def _origin_of(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return ""
    scheme = parts.scheme.lower()
    host = ascii_host(parts.hostname or "")
    if scheme not in ("http", "https") or not host:
        return ""
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" if port in (None, 443 if scheme == "https" else 80) else f"{scheme}://{host}:{port}"


_origin_remembered: Final = lru_cache(maxsize=4_096)(_origin_of)


def _without_dots(path: str) -> str:
    """Return a path without its dot segments (RFC 3986 section 5.2.4), escaped ones included."""
    path, mark, query = path.partition("?")
    kept: list[str] = []
    segments = [_ESCAPED_DOT.sub(".", segment) if len(segment) <= 6 else segment for segment in path.split("/")[1:]]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept) + mark + query


def _target(url: str, wire: Wire) -> str:
    """Return where a redirect leads, "" when that is no http(s) address."""
    target = target_of(url, wire.headers)
    return target if origin_of(target) else ""

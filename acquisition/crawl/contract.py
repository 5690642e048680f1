"""What the rooms of the crawler say to each other. Nothing here knows Scrapy, libcurl, SQLite or WARC.

    engine/  (Scrapy)  ─┐                       ┌─ transport   the only socket
                        ├─▶ visit.Visitor ──────┼─ permissions robots.txt by RFC 9309
    listing/ (lists)   ─┘       │               ├─ policies    the site's other files about rights
           │                    │               ├─ clocks      one per registrable host, kept in the frontier
           ▼                    ▼               └─ watch       budgets, traps, back-off
        frontier/            archive/
        every URL, once      every answer, as it came

Every request that leaves the machine, robots.txt and media included, goes through `Visitor.visit`; there is no second door. All
moments are seconds since 1970 (UTC) by the frontier's clock, all spans are seconds, all sizes are bytes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

PRODUCT_TOKEN: Final = "acquisition"  # noqa: S105  # the name that robots.txt files address us by

HeaderLines = tuple[tuple[str, str], ...]
"""Header fields in the order and spelling of the wire, one pair per line, decoded as latin-1."""


# --- asking -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """One wish to fetch. `headers` may only be Accept, Accept-Language, If-None-Match and If-Modified-Since.

    `kind` says what is hoped for: a page may be followed, media is a sample, policy is a file about rights (robots.txt,
    tdmrep.json…). `referrer` is where the address was found; it is recorded and never sent. `cut_at` is the number of bytes of
    the body (as sent) after which reading stops without that being a failure (robots.txt, RFC 9309 section 2.5); None: a body
    above `max_bytes` is one. `lastmod` is a sitemap's date for the page, a hint that a new run need not ask for it.
    """

    url: str
    method: Literal["GET", "HEAD"] = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    referrer: str = ""
    kind: Literal["page", "media", "policy"] = "page"
    cut_at: int | None = None
    lastmod: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an archived response lies: WARC file, offset of its gzip member, record id, date (ISO 8601) and HTTP status."""

    file: str
    offset: int
    record_id: str
    date: str
    status: int


@dataclass(frozen=True, slots=True)
class Wire:
    """What the transport brought. `body` is as sent, still content-encoded; `started` and `ended` are moments."""

    status: int
    reason: str
    protocol: str
    headers: HeaderLines
    body: bytes
    ip_address: str
    request_headers: HeaderLines
    started: float
    ended: float
    certificate: Mapping[str, str] = field(default_factory=dict)
    """TLS only: subject, issuer, sha256 fingerprint, as far as known."""
    cut: bool = False
    """The body goes on behind what is here: `Ask.cut_at` was reached (WARC-Truncated: length)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a visit brought: the bytes, the rules under which they were fetched, and where they are archived.

    `place` is where the body lies, for a 304 and for unchanged content an earlier response. `replayed` says that the archive
    answered and nothing was sent. `unchanged` says that the content is what an earlier run archived.
    """

    ask: Ask
    wire: Wire
    decision: Mapping[str, Any]
    place: Place
    robots_txt: bytes | None = None
    well_known: Mapping[str, bytes | None] = field(default_factory=dict)
    """The site's other files about rights, as `rights.signals.read` takes them."""
    replayed: bool = False
    unchanged: bool = False

    def beside(self, robots_txt: bytes | None, well_known: Mapping[str, bytes | None]) -> Answer:
        """Return it with its site's files about rights."""
        replayed, unchanged = self.replayed, self.unchanged
        return Answer(self.ask, self.wire, self.decision, self.place, robots_txt, well_known, replayed, unchanged)


class Refused(Exception):
    """A rule, a limit or a budget says no; nothing (more) is sent. `reason` is a word in kebab-case, counted and shown."""

    def __init__(self, reason: str, url: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail or url}")
        self.reason, self.url, self.detail = reason, url, detail


class Failed(Exception):
    """It was tried in vain. `again` says after how many seconds another try makes sense, None that none does."""

    def __init__(self, reason: str, url: str, detail: str = "", again: float | None = None) -> None:
        super().__init__(f"{reason}: {detail or url}")
        self.reason, self.url, self.detail, self.again = reason, url, detail, again


class Transport(Protocol):
    """Sends one request and brings one answer, under caps. Guards addresses at the socket; follows nothing, retries nothing.

    Raises Refused("address" | "port" | "scheme" | "userinfo" | "header" | "method") before anything is sent, and
    Failed("timeout" | "slow" | "too-large" | "headers" | "content-encoding" | "truncated" | "dns" | "connect" | "tls" |
    "reset" | "protocol").
    """

    @abstractmethod
    async def send(self, ask: Ask, *, max_bytes: int) -> Wire:
        """Send it."""

    @abstractmethod
    async def close(self) -> None:
        """Close all connections."""


# --- permission -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ruling:
    """What robots.txt says of one URL, to be recorded with it.

    `group` is the token of the group that speaks to us ("" when none does), `rule` the line that decided ("" when none
    matched), `body` the file (None where there is none). `delay` is the seconds between two requests that the file asks for.
    """

    allowed: bool
    url: str
    status: int
    sha256: str
    fetched: float
    group: str = ""
    rule: str = ""
    delay: float = 0.0
    closed: str = ""
    """Why the whole origin is closed (5xx, unreachable…), "" when it is not."""
    body: bytes | None = None
    expires: float = 0.0
    """The moment from which the file is asked for again; a closed origin may be tried again then."""
    note: str = ""
    """What was unusual: "html", "cut", "last-good-copy: status 503", "crawl-delay unread: soon"…, separated by "; "."""

    def record(self) -> dict[str, Any]:
        """Return what is kept of it beside every page."""
        return {
            "url": self.url,
            "status": self.status,
            "sha256": self.sha256,
            "fetched_at": self.fetched,
            "group": self.group,
            "rule": self.rule,
            "crawl_delay": self.delay,
            "verdict": "allow" if self.allowed else "deny",
            **({"closed": self.closed} if self.closed else {}),
            **({"note": self.note} if self.note else {}),
        }


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """One file about rights of one origin, as last asked. `name` is robots.txt, tdmrep.json, ai.txt, trust.txt or an address.

    `body` is None when the site has none (404…) and when it could not be had; then `closed` says why.
    """

    origin: str
    name: str
    url: str
    fetched: float
    expires: float
    status: int
    body: bytes | None
    closed: str = ""


class PolicyStore(Protocol):
    """Keeps the files about rights, for all processes and runs of a source; the last good copy stays beside a failure."""

    @abstractmethod
    async def policy(self, origin: str, name: str) -> tuple[PolicyFile | None, PolicyFile | None]:
        """Return what was last asked, and the last good copy (2xx)."""

    @abstractmethod
    async def keep_policy(self, file: PolicyFile) -> None:
        """Keep it; a file without `closed` and with a 2xx status is also the last good copy from now on."""


# --- clocks -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HostState:
    """What is kept of one registrable host. `next_ok` is the moment from which it may be asked again.

    `hold` says why it rests longer than its delay (retry-after, errors…), `closed` why it is not asked any more at all.
    `failures` counts errors in a row, `errors` all of them; `novel` and `seen` count contents for the trap detector.
    """

    host: str
    next_ok: float = 0.0
    delay: float = 0.0
    hold: str = ""
    closed: str = ""
    pages: int = 0
    bytes: int = 0
    seconds: float = 0.0
    errors: int = 0
    failures: int = 0
    memory: Mapping[str, Any] = field(default_factory=dict)
    """Small JSON of the watchers (novelty, soft-404 print, path templates), at most a few kilobytes."""


class HostStore(Protocol):
    """Hosts, shared by all processes and machines of a crawl. At most one process at a time owns a host."""

    @abstractmethod
    async def claim(self, host: str, seconds: float) -> tuple[float, HostState]:
        """Return (0, state) when the host is ours for that long; else how long to wait before claiming again, and its state.

        Never before `next_ok`. A host that came with a lease is already ours.
        """

    @abstractmethod
    async def release(self, state: HostState) -> None:
        """Write the host's state and give it free; whoever claims it next waits for `next_ok`."""


class Clocks(Protocol):
    """Politeness: one clock per registrable host. A turn ends when the answer has come, and the next begins a delay later."""

    @abstractmethod
    def turn(self, url: str) -> AbstractAsyncContextManager[None]:
        """Wait for the host's turn and own it for the block.

        Raises Refused("host-closed" | "budget-…"), and Failed("host-held") with `again` when the host rests for long.
        """


# --- frontier ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One URL to be entered. `key` is 16 bytes and unique in a run; `request` is JSON that its engine understands.

    With `refused` it is only entered to be counted and explained, never leased.
    """

    key: bytes
    url: str
    host: str
    request: str = ""
    priority: int = 0
    depth: int = 0
    not_before: float = 0.0
    referrer: str = ""
    refused: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """One URL that is ours until the lease runs out."""

    id: int
    entry: Entry
    tries: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a leased URL ended. `state` done, failed and refused are final; retry gives it back for `not_before`.

    `again` says that the page asked for something that cannot be written down, so a resumed run goes through it once more
    (from the archive). `facts` are kept for the next run and for explain: status, etag, last_modified, sha256, place, robots.
    """

    state: Literal["done", "failed", "refused", "retry"]
    reason: str = ""
    detail: str = ""
    not_before: float = 0.0
    again: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


class Desk(HostStore, PolicyStore, Protocol):
    """The frontier as an engine sees it: nothing waits for a disk. Ends and entries are written in one transaction."""

    @abstractmethod
    def known(self, key: bytes) -> bool:
        """Say whether the key has certainly been entered (a bounded memory; False means "perhaps not")."""

    @abstractmethod
    def enter(self, entries: Iterable[Entry], *, parent: Lease | None = None) -> None:
        """Enter URLs; those of a parent become durable together with the parent's end, others at the next writing."""

    @abstractmethod
    def end(self, lease: Lease, outcome: Outcome) -> None:
        """End a lease."""

    @abstractmethod
    async def lease(self, limit: int) -> Sequence[Lease]:
        """Return URLs whose hosts may be asked now, best first; their hosts are ours. [] when there is none at the moment."""

    @abstractmethod
    async def rest(self) -> float | None:
        """Return how long to wait before leasing again makes sense, None when nothing is pending or leased anywhere."""

    @abstractmethod
    async def flush(self) -> None:
        """Return when everything entered and ended so far is durable."""

    @abstractmethod
    async def close(self) -> None:
        """Flush, give all leases back that have not ended, and close."""


# --- archive ----------------------------------------------------------------------------------------------------------------


class Archive(Protocol):
    """Every answer of a run, as it came, in WARC files; and what an earlier run of the source has archived."""

    pages: int
    """Answers archived in this run, files about rights not counted."""
    received: int
    """Bytes of their bodies, as sent."""

    @abstractmethod
    def find(self, url: str) -> Place | None:
        """Return this run's answer to a GET of the URL, None when there is none that is worth keeping (5xx, 408, 425, 429)."""

    @abstractmethod
    def validators(self, url: str) -> Mapping[str, str]:
        """Return If-None-Match and If-Modified-Since from what an earlier run archived of the URL; {} when nothing."""

    @abstractmethod
    def write(self, ask: Ask, wire: Wire, decision: Mapping[str, Any]) -> tuple[Place, bool]:
        """Append request, response (or revisit) and decision; return where the body lies and whether it is unchanged.

        A 304, and a 200 whose payload digest an earlier answer of the same URL has, become revisit records; the place is then
        that of the earlier body.
        """

    @abstractmethod
    def read(self, place: Place) -> tuple[HeaderLines, bytes]:
        """Return headers and undecoded body; WorkspaceDamaged unless the digest is right."""

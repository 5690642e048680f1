"""How we stand with one host: what it has cost, what it asks for, and when it may be asked again. No waiting happens here.

The delay between two requests is the longest of three: our own, what robots.txt of any of the host's origins asks for, and k
times the host's usual latency. After 429 or 503 it doubles, and comes back by halves when all is well. Nothing makes it
shorter than the longest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from acquisition.crawl.contract import Failed, HostState, Refused, Wire
from acquisition.crawl.visit.backoff import BUSY, FIRST_PAUSE, LONGEST_PAUSE, retry_after
from acquisition.hosts import is_loopback

if TYPE_CHECKING:
    from acquisition.settings import CrawlSettings

FLOOR: Final = 0.25
"""Seconds between two requests to any host but this machine, whatever is declared."""
LATENCY_CAP: Final = 30.0
"""Seconds that k times the latency may add up to (Heritrix: 30)."""
PENALTY_CAP: Final = 300.0
"""Seconds that doubling may lead to."""
HEALING: Final = 5
"""Good answers in a row that halve a doubled delay."""
ERRORS_IN_A_ROW: Final = 5
COOL_DOWN: Final = 60.0
"""Seconds of the first cool-down after ERRORS_IN_A_ROW; each further error doubles it."""
COOL_DOWNS: Final = 4
"""Cool-downs without any answer in between, after which the host is given up."""
DENIALS: Final = 10
"""Answers 401 or 403 in a row after which the host has said clearly enough that we are not wanted."""
SMOOTHING: Final = 0.25
"""Weight of the newest answer in the usual latency."""
ORIGINS: Final = 24
"""Origins of one host whose own delays are remembered; beyond, the longest ones are."""

_HOPELESS: Final = frozenset({"slow", "protocol"})
"""Failures of a host that is there and sends what nobody can take; waiting does not mend them."""
_HARMLESS: Final = frozenset({"host-held", "cancelled", "stopped"})
_SILENT: Final = frozenset({"timeout", "slow", "truncated", "dns", "connect", "tls", "reset", "protocol"})

Kind = Literal["page", "media", "policy"]


@dataclass(slots=True)
class Standing:
    """The mutable account of one host; `load` and `state` translate from and to what the frontier keeps.

    What a host costs and why it is closed counts for one `run`; delays, latency and holds outlive it. `ended` is the moment at
    which the last answer had come, `since` the same if this process has seen it. `slack` is added to every delay.
    """

    host: str
    settings: CrawlSettings
    run: str = ""
    slack: float = 0.0
    next_ok: float = 0.0
    hold: str = ""
    closed: str = ""
    pages: int = 0
    bytes: int = 0
    seconds: float = 0.0
    errors: int = 0
    failures: int = 0
    latency: float = 0.0
    doubled: int = 0
    good: int = 0
    denied: int = 0
    cooled: int = 0
    ended: float = 0.0
    since: float = 0.0
    asked: dict[str, float] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)

    def load(self, state: HostState) -> None:
        """Take over what the frontier keeps; what robots.txt files have said to this process in the meantime stays."""
        memory = dict(state.memory)
        kept = memory.pop("pace", None)
        pace: Mapping[str, Any] = kept if isinstance(kept, Mapping) else {}
        same_run = pace.get("run", self.run) == self.run
        self.next_ok, self.hold = state.next_ok, state.hold
        self.closed = state.closed if same_run else ""
        self.pages, self.bytes, self.seconds, self.errors = (
            (state.pages, state.bytes, state.seconds, state.errors) if same_run else (0, 0, 0.0, 0)
        )
        self.failures = state.failures
        self.latency, self.ended = float(pace.get("latency", 0.0)), float(pace.get("ended", 0.0))
        self.doubled, self.good = int(pace.get("doubled", 0)), int(pace.get("good", 0))
        self.denied, self.cooled = (int(pace.get("denied", 0)), int(pace.get("cooled", 0))) if same_run else (0, 0)
        self.asked = {**pace.get("asked", {}), **self.asked}
        self.memory = {**memory, **self.memory} if same_run else self.memory

    def state(self) -> HostState:
        """Return what the frontier keeps."""
        pace = {
            "run": self.run,
            "latency": round(self.latency, 4),
            "ended": self.ended,
            "doubled": self.doubled,
            "good": self.good,
            "denied": self.denied,
            "cooled": self.cooled,
            "asked": dict(self.asked),
        }
        return HostState(
            host=self.host,
            next_ok=self.next_ok,
            delay=self.delay(),
            hold=self.hold,
            closed=self.closed,
            pages=self.pages,
            bytes=self.bytes,
            seconds=self.seconds,
            errors=self.errors,
            failures=self.failures,
            memory={**self.memory, "pace": pace},
        )

    # --- how often --------------------------------------------------------------------------------------------------------

    def delay(self) -> float:
        """Return the seconds from the end of one answer to the next request."""
        floor = 0.0 if is_loopback(self.host) else FLOOR
        slow = min(self.settings.latency_factor * self.latency, LATENCY_CAP)
        longest = max(self.settings.delay, floor, slow, *self.asked.values())
        if not self.doubled:
            return longest
        return max(longest, min(max(longest, FLOOR) * 2.0**self.doubled, PENALTY_CAP))

    def is_free(self) -> bool:
        """Say whether several requests may be under way at once: on this machine, when declared and nothing is against it."""
        settings = self.settings
        by_declaration = settings.concurrency > 1 and settings.delay == 0 and is_loopback(self.host)
        return by_declaration and not self.doubled and not self.hold and not any(self.asked.values())

    def ask(self, origin: str, delay: float) -> None:
        """Take note of the delay that robots.txt of one of the host's origins asks for; 0 for none."""
        self.asked[origin] = delay
        if len(self.asked) > ORIGINS:
            del self.asked[min(self.asked, key=lambda known: self.asked[known])]

    def due(self) -> float:
        """Return the moment from which the host may be asked, by the delay that holds now."""
        if not self.ended:
            return self.next_ok
        delay = self.delay()
        return max(self.next_ok, self.ended + delay + (self.slack if delay else 0.0))

    def refusal(self, url: str) -> Refused | None:
        """Return why the host is not asked any more in this run, None when it may be."""
        if self.closed:
            return Refused("host-closed", url, f"{self.host}: {self.closed}")
        budget = self.settings.per_host
        spent = (
            ("pages", self.pages, budget.pages),
            ("bytes", self.bytes, budget.bytes),
            ("seconds", self.seconds, budget.seconds),
            ("errors", self.errors, budget.errors),
        )
        for name, amount, limit in spent:
            if limit is not None and amount >= limit:
                return Refused(f"budget-{name}", url, f"{self.host}: {amount:g} of {limit:g}")
        return None

    # --- what came --------------------------------------------------------------------------------------------------------

    def answered(self, wire: Wire, kind: Kind, now: float) -> None:
        """Take note of an answer: what it cost, and whether it asks us to slow down or stay away."""
        self.bytes += len(wire.body)
        self.pages += kind != "policy"
        took = max(0.0, wire.ended - wire.started)
        self.latency += (took - self.latency) * (SMOOTHING if self.latency else 1.0)
        self.next_ok, self.hold = 0.0, ""
        self._judge_denial(wire.status, kind)
        wait = retry_after(wire.headers, wire.ended) if wire.status >= 300 else None
        if wire.status in BUSY:
            self.doubled, self.good = min(self.doubled + 1, 20), 0
            self._rest(now, FIRST_PAUSE * 2.0 ** min(self.failures, 10) if wait is None else wait, f"status {wire.status}")
        elif wait:
            self._rest(now, wait, "retry-after")
        if wire.status >= 500 or wire.status in BUSY:
            self._count_error(now, silent=False)
        else:
            self._heal()

    def failed(self, failure: Failed, now: float) -> None:
        """Take note that no answer came, or none that could be taken."""
        if failure.reason in _HARMLESS:
            return
        self.next_ok, self.hold, self.good = 0.0, "", 0
        self._count_error(now, silent=failure.reason in _SILENT)
        if failure.reason in _HOPELESS and self.failures >= ERRORS_IN_A_ROW:
            self.closed = f"{failure.reason}: {self.failures} errors in a row"

    def over(self, begun: float, ended: float) -> None:
        """End a turn: from here the delay counts."""
        self.seconds += max(0.0, ended - (self.since or begun))
        self.since = self.ended = max(self.ended, ended)
        self.next_ok = self.due()

    def _judge_denial(self, status: int, kind: Kind) -> None:
        if kind == "policy":
            return
        self.denied = self.denied + 1 if status in (401, 403) else 0
        if self.denied >= DENIALS:
            self.closed = f"denied: {self.denied} answers {status} in a row"

    def _rest(self, now: float, wait: float, why: str) -> None:
        if wait > LONGEST_PAUSE:
            self.closed = f"retry-after: {wait:.0f} s"
        self.next_ok, self.hold = now + min(wait, LONGEST_PAUSE), why

    def _count_error(self, now: float, *, silent: bool) -> None:
        self.errors += 1
        self.failures += 1
        self.good = 0
        if self.failures < ERRORS_IN_A_ROW:
            return
        self.cooled += 1
        if silent and self.cooled > COOL_DOWNS:
            self.closed = f"unreachable: {self.failures} errors in a row"
        pause = min(COOL_DOWN * 2.0 ** (self.cooled - 1), LONGEST_PAUSE)
        if now + pause > self.next_ok:
            self.next_ok, self.hold = now + pause, f"{self.failures} errors in a row"

    def _heal(self) -> None:
        self.failures = self.cooled = 0
        self.good += 1
        if self.doubled and self.good >= HEALING:
            self.doubled, self.good = self.doubled - 1, 0

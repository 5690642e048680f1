"""Watches a crawl for traps, walls and pages that say nothing, host by host.

    reason            what it means
    trap-length       a page's address is longer than any that is meant for people
    trap-depth        its path has too many folders
    trap-repeat       its path repeats itself
    trap-calendar     it is a calendar's page of a time in which nobody writes pages
    trap-parameters   its path is asked for with ever new combinations of parameters
    trap-novelty      the host's last 200 pages held hardly anything new
    stopped-path      402, 401 with a challenge, 451 or a login page has closed the path before
    interactive-path  a page to log in, buy, search or change something; nothing on it was published
    soft-404          the page says what the site says of addresses that do not exist
    login-wall        the page is a form for a password, or leads to one

The first seven and `interactive-path` are said before a request, so nothing is sent; the last two of the answer, so that it is
archived but becomes no item. Media files are only kept from stopped paths.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from acquisition.crawl.contract import Answer, Ask, Failed, Refused
from acquisition.crawl.visit.soft404 import Print, print_of, probe_path
from acquisition.crawl.visit.traps import Combinations, trap
from acquisition.crawl.visit.walls import (
    AT_ONCE,
    address_of,
    beginnings,
    body_of,
    folder_of,
    interactive,
    is_html,
    path_of,
    wall_of,
)
from acquisition.hosts import registrable

WINDOW: Final = 200
"""Pages of a host that are looked back at (crawl.md section 5.4)."""
LEAST_NEW: Final = 20
"""Pages among them that must have held something new."""
CONTENTS: Final = 2_048
"""Contents of a host that are remembered."""
MAX_STOPPED: Final = 64
"""Stopped paths of a host that are remembered, the newest ones."""
_HOSTS: Final = 20_000
_ORIGINS: Final = 16
Visit = Callable[[Ask], Awaitable[Answer]]
_NOT_ASKED: Final = frozenset({"host-held", "stopped"})


@dataclass(slots=True)
class _Host:
    """What is known of one host. `stopped` maps beginnings of addresses to what stopped them, `good` counts pages by folder."""

    stopped: dict[str, str] = field(default_factory=dict)
    good: OrderedDict[str, int] = field(default_factory=OrderedDict)
    walls: OrderedDict[str, int] = field(default_factory=OrderedDict)
    contents: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    window: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW))
    combinations: Combinations = field(default_factory=Combinations)
    prints: dict[str, Print | None] = field(default_factory=dict)
    recalled: bool = False

    def has_run_dry(self) -> bool:
        return len(self.window) == WINDOW and sum(self.window) < LEAST_NEW

    def record(self) -> dict[str, Any]:
        """Return what outlives the process, as JSON of at most a few kilobytes."""
        bits = "".join("1" if new else "0" for new in self.window)
        prints = {origin: known.record() if known else None for origin, known in list(self.prints.items())[-_ORIGINS:]}
        return {"stopped": dict(self.stopped), "window": bits, "prints": prints}

    def recall(self, record: object) -> None:
        """Take over what an earlier process has learnt."""
        if not isinstance(record, Mapping):
            return
        self.recalled = True
        self.stopped = {str(path): str(why) for path, why in dict(record.get("stopped") or {}).items()} | self.stopped
        self.window.extendleft(bit == "1" for bit in reversed(str(record.get("window") or "")[: WINDOW - len(self.window)]))
        prints = {str(origin): Print.read(known) for origin, known in dict(record.get("prints") or {}).items()}
        self.prints = prints | self.prints


class Watch:
    """The watch over all hosts of one process. `recall` and `remember` reach what the frontier keeps of a URL's host.

    `wanted` are addresses that the declaration itself names: they are never interactive, and what lies beneath them is not.
    """

    def __init__(
        self,
        *,
        wanted: Iterable[str] = (),
        recall: Callable[[str], Mapping[str, Any]] = lambda _: {},
        remember: Callable[[str, str, Any], None] = lambda *_: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._exact = frozenset(wanted)
        self._wanted = tuple(sorted(path_of(url) for url in self._exact if interactive(url)))
        self._recall, self._remember, self._now = recall, remember, now
        self._hosts: OrderedDict[str, _Host] = OrderedDict()

    def before(self, ask: Ask) -> None:
        """Raise Refused when the address looks like a trap, or its path or host is closed to us; nothing is sent then."""
        if ask.kind == "policy":
            return
        host = self._host(ask.url)
        self._demand_open(host, ask.url)
        if ask.kind == "media" or ask.url in self._exact:
            return
        found = trap(ask.url, self._now()) or host.combinations.trap(ask.url)
        if found:
            raise Refused(found[0], ask.url, found[1])
        if host.has_run_dry():
            raise Refused("trap-novelty", ask.url, f"{sum(host.window)} of the last {WINDOW} pages held anything new")
        if (word := interactive(ask.url)) and not path_of(ask.url).startswith(self._wanted):
            raise Refused("interactive-path", ask.url, word)

    async def prepare(self, answer: Answer, visit: Visit) -> None:
        """Learn what the origin of a page says of addresses that do not exist, once per origin and by one request.

        It is asked when the first HTML page has come with status 200; `visit` sends it under all rules (or finds it in the
        archive), as a page of kind "policy", of which no item is made. When it is refused or fails, the origin has no such
        page as far as we know.
        """
        if answer.ask.kind != "page" or answer.wire.status != 200 or not is_html(answer.wire):
            return
        origin = _origin(answer.ask.url)
        host = self._host(answer.ask.url, asked=True)
        if origin in host.prints:
            return
        host.prints[origin] = None
        try:
            probe = await visit(Ask(origin + probe_path(origin), kind="policy"))
        except Failed as failed:
            if failed.reason in _NOT_ASKED:
                del host.prints[origin]  # the next page asks
            return
        except Refused:
            return
        nothing, page = body_of(probe.wire), body_of(answer.wire)
        if probe.wire.status != 200 or not is_html(probe.wire) or nothing is None or page is None:
            return
        print_ = print_of(probe.ask.url, nothing)
        if not print_of(answer.ask.url, page).is_like(
            print_
        ):  # else the site says the same of everything, and that tells nothing
            host.prints[origin] = print_
            self._remember(origin + "/", "watch", host.record())

    def after(self, answer: Answer) -> None:
        """Learn from an answer; Refused("login-wall" | "soft-404") when what came is no page.

        What the archive answers is judged in the same way, and nothing is learnt from it.
        """
        ask, wire = answer.ask, answer.wire
        if ask.kind == "policy":
            return
        if answer.replayed:
            self._judge_again(answer)
            return
        host = self._host(ask.url, asked=True)
        wall = wall_of(ask, wire)
        if wall:
            self._hit_wall(host, ask.url, wall)
        if ask.kind == "media":
            return
        host.combinations.visited(ask.url)
        if wall and wire.status == 200:
            raise Refused("login-wall", ask.url, wall)
        if wire.status == 200:
            self._took_page(host, answer)

    # --- what was learnt --------------------------------------------------------------------------------------------------

    def _took_page(self, host: _Host, answer: Answer) -> None:
        ask, wire = answer.ask, answer.wire
        _count(host.good, folder_of(ask.url))
        if not answer.unchanged:
            content = hashlib.blake2b(wire.body, digest_size=8).digest()
            host.window.append(content not in host.contents)
            host.contents[content] = None
            host.contents.move_to_end(content)
            if len(host.contents) > CONTENTS:
                host.contents.popitem(last=False)
            if len(host.window) == WINDOW and not host.window[-1]:
                self._remember(ask.url, "watch", host.record())
        self._demand_content(host, answer)

    def _judge_again(self, answer: Answer) -> None:
        if answer.ask.kind != "page" or answer.wire.status != 200:
            return
        if wall := wall_of(answer.ask, answer.wire):
            raise Refused("login-wall", answer.ask.url, wall)
        self._demand_content(self._host(answer.ask.url), answer)

    @staticmethod
    def _demand_content(host: _Host, answer: Answer) -> None:
        """Raise Refused when the page says what its site says of nothing; the start page may."""
        ask, wire = answer.ask, answer.wire
        nothing = host.prints.get(_origin(ask.url))
        if nothing is None or path_of(ask.url).partition("/")[2] in ("", "/") or not is_html(wire):
            return
        body = body_of(wire)
        if body is not None and print_of(ask.url, body).is_like(nothing):
            raise Refused("soft-404", ask.url, f"it says what {nothing.title or 'a page'!r} says of any address"[:300])

    def _hit_wall(self, host: _Host, url: str, wall: str) -> None:
        """Stop the path: at once for 401 and 402, for others when more walls than pages were met in the folder."""
        folder = folder_of(url)
        _count(host.walls, folder)
        if wall not in AT_ONCE and host.walls[folder] <= host.good.get(folder, 0):
            return
        host.stopped[folder] = wall
        if len(host.stopped) > MAX_STOPPED:
            del host.stopped[next(iter(host.stopped))]
        self._remember(url, "watch", host.record())

    def _demand_open(self, host: _Host, url: str) -> None:
        if not host.stopped:
            return
        address = address_of(url)
        for beginning in beginnings(address):
            if beginning in host.stopped:
                raise Refused("stopped-path", url, f"{beginning}: {host.stopped[beginning]}")

    def _host(self, url: str, *, asked: bool = False) -> _Host:
        """Return what is known of the URL's host; the frontier's part is there as soon as the host had a turn."""
        name = registrable(url)
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = _Host()
            if len(self._hosts) > _HOSTS:
                self._hosts.popitem(last=False)
        else:
            self._hosts.move_to_end(name)
        if not host.recalled:
            host.recalled = asked
            host.recall(self._recall(url).get("watch"))
        return host


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _count(known: OrderedDict[str, int], folder: str) -> None:
    known[folder] = known.get(folder, 0) + 1
    known.move_to_end(folder)
    if len(known) > CONTENTS:
        known.popitem(last=False)

"""A crawler without a web, to be killed: it leases pages of a tree, asks nobody, enters their links and ends them.

    python -m tests.flow.frontier_worker LOCATION RUN OWNER LOG [--pages N] [--hosts N] [--delay SECONDS] [--limit N]

LOCATION is a path or the URL of a database. Page n leads to 3n+1, 3n+2 and 3n+3. Every line of LOG is a JSON array: "lease"
when a page was taken, "ask" with the moments at which its host was ours, and "ended" once the end is durable.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import time
from dataclasses import replace
from pathlib import Path

from acquisition.crawl.contract import Entry, Lease, Outcome
from acquisition.crawl.frontier import FrontierDesk, open_desk


def page(number: int, hosts: int) -> Entry:
    """Return the entry of a page."""
    url = f"http://host{number % hosts}.test/{number}"
    return Entry(hashlib.blake2b(url.encode(), digest_size=16).digest(), url, f"host{number % hosts}.test", request="{}")


class Crawler:
    """One crawling process."""

    def __init__(self, desk: FrontierDesk, log: Path, options: argparse.Namespace) -> None:
        self.desk, self.options = desk, options
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def say(self, *words: object) -> None:
        """Write a line that a kill cannot cut."""
        os.write(self._log, (json.dumps(words) + "\n").encode())

    async def crawl(self) -> None:
        """Go on until nothing is pending or leased anywhere."""
        self.desk.enter([page(0, self.options.hosts)] if not self.options.flat else self._all())
        waiting: list[str] = []
        while (rest := await self.desk.rest()) is not None:
            leases = await self.desk.lease(self.options.limit)
            for url in waiting:  # leasing came after their ends in the same transaction or a later one
                self.say("ended", url)
            waiting = [lease.entry.url for lease in leases]
            for lease in leases:
                self.say("lease", lease.entry.url)
            await asyncio.gather(*map(self._visit, leases))
            if not leases:
                await asyncio.sleep(min(rest, 0.05))

    def _all(self) -> list[Entry]:
        return [page(number, self.options.hosts) for number in range(self.options.pages)]

    async def _visit(self, lease: Lease) -> None:
        host = lease.entry.host
        while True:
            wait, state = await self.desk.claim(host, 30.0)
            if wait <= 0:
                break
            await asyncio.sleep(wait)
        begun = time.time()
        if self.options.delay:
            await asyncio.sleep(0.005)
        ended = time.time()
        self.say("ask", host, begun, ended)
        delay = self.options.delay
        await self.desk.release(replace(state, next_ok=self.desk.now() + delay, delay=delay, pages=state.pages + 1))
        number = int(lease.entry.url.rpartition("/")[2])
        links = [] if self.options.flat else [3 * number + step for step in (1, 2, 3)]
        self.desk.enter([page(n, self.options.hosts) for n in links if n < self.options.pages], parent=lease)
        self.desk.end(lease, Outcome("done", facts={"status": 200}))


async def main() -> None:
    """Crawl as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("location")
    parser.add_argument("run")
    parser.add_argument("owner")
    parser.add_argument("log", type=Path)
    parser.add_argument("--pages", type=int, default=3_000)
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--limit", type=int, default=8)
    parser.add_argument("--flat", action="store_true")
    options = parser.parse_args()
    location = options.location if options.location.startswith("postgres") else Path(options.location)
    desk = open_desk(location, options.run, owner=options.owner)
    await Crawler(desk, options.log, options).crawl()
    await desk.close()


if __name__ == "__main__":
    asyncio.run(main())

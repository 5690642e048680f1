"""What the frontier costs at a million waiting URLs: on one host, and on a hundred thousand.

    python -m benchmarks.frontier [--rows 1000000] [--hosts 100000] [--pages 3000] [--postgres URL]

Every page has 60 links, of which 57 are known and 3 are new; its end, its links and the next leases share a transaction. Prints
CPU milliseconds (both threads) and wall time per page, entries per second, nanoseconds per known link and the growth of memory.
The file lies on tmpfs when there is one, so CPU is seen, not the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import resource
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from acquisition.crawl.contract import Entry, Outcome
from acquisition.crawl.frontier import FrontierDesk, open_desk

LINKS, NEW = 60, 3
FACTS = {"status": 200, "etag": '"abcdef"', "sha256": "0" * 64, "place": ["crawl-00001.warc.gz", 123456]}


def key(number: int) -> bytes:
    """Return the key of a numbered page."""
    return hashlib.blake2b(number.to_bytes(8, "big"), digest_size=16).digest()


def entries(first: int, last: int, hosts: int) -> Iterator[Entry]:
    """Return the entries of numbered pages, spread over hosts."""
    for number in range(first, last):
        host = f"host{number % hosts}.test"
        url = f"http://{host}/some/path/page-{number}.html"
        yield Entry(key(number), url, host, request='{"method":"GET"}', depth=1, referrer="http://host0.test/")


@dataclass(slots=True)
class Meter:
    """Prints what a stretch of work cost."""

    name: str
    units: int = 0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure the block; `units` is how much was done in it."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        each = f"{cpu / self.units * 1e3:.3f} ms CPU, {wall / self.units * 1e3:.3f} ms wall each"
        print(f"{self.name}: {self.units / wall:,.0f}/s, {each}, peak {peak():.0f} MB", flush=True)


def peak() -> float:
    """Return the largest resident memory so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def fill(desk: FrontierDesk, rows: int, hosts: int) -> None:
    """Enter all URLs."""
    meter = Meter(f"entering into {hosts:,} hosts", rows)
    with meter.measured():
        await desk.enter_all(entries(0, rows, hosts))


async def crawl(desk: FrontierDesk, pages: int, rows: int, hosts: int, *, limit: int) -> None:
    """Lease, find links and end until so many pages are done."""
    meter = Meter(f"a page with {LINKS} links, {hosts:,} hosts, {limit} leases at once")
    new = rows + limit * 10_000_000  # numbers that no other round uses
    known = [key(number) for number in range(rows - LINKS, rows)]
    with meter.measured():
        while meter.units < pages:
            for lease in await desk.lease(limit):
                if hosts > 1:
                    _, state = await desk.claim(lease.entry.host, 30)
                    await desk.release(replace(state, next_ok=desk.now() + 1.0, delay=1.0, pages=state.pages + 1))
                for link in known[NEW:]:
                    assert desk.known(link)
                desk.enter(entries(new, new + NEW, hosts), parent=lease)
                new += NEW
                desk.end(lease, Outcome("done", facts=FACTS))
                meter.units += 1
        await desk.flush()


def links(desk: FrontierDesk, rows: int) -> None:
    """Ask for known and unknown keys."""
    for name, first in (("known", rows - 100_000), ("unknown", 10**9)):
        keys = [key(number) for number in range(first, first + 100_000)]
        found = [desk.known(one) for one in keys].count(True)
        begun = time.thread_time()
        for one in keys:
            desk.known(one)
        took = (time.thread_time() - begun) / len(keys) * 1e9
        print(f"known() of {name} links: {took:.0f} ns CPU, {found:,} of {len(keys):,} found")


async def measured(location: Path | str, rows: int, hosts: int, act: Callable[[FrontierDesk], Awaitable[None]]) -> None:
    """Open a frontier, fill it and act."""
    desk = open_desk(location, "r", owner="benchmark")
    if hosts == 1:
        desk.unclock("host0.test", 64)
    await fill(desk, rows, hosts)
    links(desk, rows)
    await act(desk)
    begun = time.perf_counter()
    await desk.close()
    print(f"closing: {time.perf_counter() - begun:.2f} s", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--hosts", type=int, default=100_000)
    parser.add_argument("--pages", type=int, default=3_000)
    parser.add_argument("--postgres", action="append", default=[], help="URLs of two empty databases, one after the other")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    one, many = options.postgres or (folder / "one.sqlite", folder / "many.sqlite")

    async def narrow(desk: FrontierDesk) -> None:
        for limit in (1, 16):
            await crawl(desk, options.pages, options.rows, 1, limit=limit)

    async def wide(desk: FrontierDesk) -> None:
        for limit in (16, 500):
            await crawl(desk, options.pages, options.rows, options.hosts, limit=limit)

    try:
        asyncio.run(measured(one, options.rows, 1, narrow))
        asyncio.run(measured(many, options.rows, options.hosts, wide))
        for path in sorted(folder.glob("*")):
            print(f"{path.name}: {path.stat().st_size / 1e6:,.0f} MB")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

"""Crawling beside its peers: `python -m benchmarks.crawl [NAME …] [--pages N] [--rounds N] [--peer-python PYTHON]`.

An nginx on 127.0.0.1 serves linked pages of 10 KB with 60 links each from tmpfs. Ours obeys robots.txt, reads every signal,
writes WARC, keeps the durable frontier and the items; the peers do none of that but write their items as JSON Lines. All
candidates run in turn, round after round, each in a process of its own; every one of them must have seen every page. Printed
are pages and CPU time per page, the largest resident memory, and the median of the rounds' ratios (above 1: ours is faster).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Watched

PAGES, LINKS, PAGE_BYTES = 20_000, 60, 10_000
_NGINX = """
daemon off; pid {root}/nginx.pid; error_log stderr crit; worker_processes 1;
events {{ worker_connections 1024; }}
http {{ access_log off; sendfile on; keepalive_requests 1000000; default_type text/html; charset utf-8;
  client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3; uwsgi_temp_path {root}/t4;
  scgi_temp_path {root}/t5; server {{ listen 127.0.0.1:{port} backlog=1024; root {root}/www; }} }}
"""
_WORDS = "the pond holds water and frogs that call at night while owls listen from old trees beside a quiet road".split()  # noqa: SIM905  # a text
_ITEM = '{"url": response.url, "title": response.css("h1::text").get(), "text": " ".join(response.css("p::text").getall())}'
_OURS = f"""
import scrapy

class Linked(scrapy.Spider):
    name = "linked"

    def parse(self, response):
        yield {_ITEM}
        yield from response.follow_all(css="a")
"""
_STOCK = f"""
from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule

class Stock(CrawlSpider):
    name = "stock"
    start_urls = [START]
    rules = [Rule(LinkExtractor(), callback="page", follow=True)]

    def page(self, response):
        yield {_ITEM}
"""
_TUNED = f"""
import scrapy

class Tuned(scrapy.Spider):
    name = "tuned"
    custom_settings = {{
        "CONCURRENT_REQUESTS": 32, "CONCURRENT_REQUESTS_PER_DOMAIN": 32, "LOG_LEVEL": "ERROR", "COOKIES_ENABLED": False,
        "RETRY_ENABLED": False, "REDIRECT_ENABLED": False, "REFERER_ENABLED": False, "TELNETCONSOLE_ENABLED": False,
        "METAREFRESH_ENABLED": False, "DUPEFILTER_CLASS": "scrapy.dupefilters.BaseDupeFilter",
    }}
    start_urls = [START]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.known = {{START}}

    def parse(self, response):
        yield {_ITEM}
        for link in response.css("a::attr(href)").getall():
            url = response.urljoin(link)
            if url not in self.known:
                self.known.add(url)
                yield scrapy.Request(url)
"""
_CRAWLEE = """
import asyncio, json, sys
from crawlee import ConcurrencySettings
from crawlee.crawlers import ParselCrawler, ParselCrawlingContext
from crawlee.http_clients import HttpxHttpClient
from crawlee.storage_clients import MemoryStorageClient

async def main(start, target):
    with open(target, "w") as items:
        crawler = ParselCrawler(
            http_client=HttpxHttpClient(), storage_client=MemoryStorageClient(), max_request_retries=0,
            concurrency_settings=ConcurrencySettings(min_concurrency=64, max_concurrency=64, desired_concurrency=64),
            configure_logging=False)

        @crawler.router.default_handler
        async def page(context: ParselCrawlingContext) -> None:
            selector = context.selector
            item = {"url": context.request.url, "title": selector.css("h1::text").get(),
                    "text": " ".join(selector.css("p::text").getall())}
            items.write(json.dumps(item) + "\\n")
            await context.enqueue_links()

        await crawler.run([start])

asyncio.run(main(*sys.argv[1:]))
"""
_RUN = """
import json, os, sys, threading
from pathlib import Path
from acquisition import crawl
from acquisition.protocols import Silent, Source
from acquisition.settings import ContactSettings
from acquisition.sources.spider import SpiderSettings

folder, start = Path(sys.argv[1]), sys.argv[2]
given = {"kind": "spider", "spider": sys.argv[3], "start": [start], "delay": 0, "latency_factor": 0, "concurrency": 8}
contact = ContactSettings(name="Lab", url="https://example.org/bot", email="data@example.org")
settings = SpiderSettings.model_validate_json(json.dumps(given))
done = crawl.run(Source("web", settings), directory=folder / "run", contact=contact, environment=os.environ, base=folder,
                 reporter=Silent(), stop=threading.Event(), resume=False)
print(json.dumps({"items": done.items, "finished": done.finished}))
"""


@dataclass(frozen=True)
class Figure:
    """One run: wall and CPU seconds of the process and its children, largest resident memory in MB."""

    wall: float
    cpu: float
    rss: float


@dataclass(frozen=True)
class Bench:
    """Where things are: the served site, a scratch folder on tmpfs, a Python that has Crawlee."""

    start: str
    folder: Path
    peer_python: str
    pages: int


def make_site(www: Path, pages: int) -> None:
    """Write pages whose links are drawn at random, but that each lead to the next, so that all are reached."""
    www.mkdir()
    (www / "robots.txt").write_text("User-agent: *\nDisallow: /private/\n")
    dice = random.Random(20_000)
    for index in range(pages):
        targets = [(index + 1) % pages, *(dice.randrange(pages) for _ in range(LINKS - 1))]
        links = "\n".join(f'<li><a href="/page{target}.html">page {target}</a></li>' for target in targets)
        text = " ".join(dice.choice(_WORDS) for _ in range(1_100))
        body = f"<!doctype html><html><head><title>Page {index}</title></head><body><h1>Page {index}</h1><ul>{links}</ul>"
        room = PAGE_BYTES - len(body) - 30
        (www / f"page{index}.html").write_text(f"{body}<p>{text[:room]}</p></body></html>")


@contextmanager
def serving(root: Path) -> Iterator[str]:
    """Serve root/www with nginx and yield the start address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (root / "nginx.conf").write_text(_NGINX.format(root=root, port=port))
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "nginx"
    process = subprocess.Popen([program, "-p", str(root), "-e", "stderr", "-c", str(root / "nginx.conf")])
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/page0.html"
    finally:
        process.terminate()
        process.wait()


def timed(command: list[str], folder: Path) -> tuple[Figure, str]:
    """Run a command and return what it cost and said."""
    began = time.monotonic()
    watched, output = Watched.run(command, cwd=folder)
    return Figure(time.monotonic() - began, watched.cpu_seconds, watched.peak_mb), output


def lines_of(path: Path) -> int:
    """Return the number of different addresses among the items that a peer has written."""
    with path.open() as stream:
        return len({json.loads(line)["url"] for line in stream})


def ours(bench: Bench) -> tuple[Figure, int]:
    """Crawl with everything on."""
    (bench.folder / "linked.py").write_text(_OURS)
    figure, output = timed([sys.executable, "-c", _RUN, str(bench.folder), bench.start, "linked.py"], bench.folder)
    return figure, int(json.loads(output.splitlines()[-1])["items"])


def scrapy(text: str) -> Callable[[Bench], tuple[Figure, int]]:
    """Return a candidate that runs a spider with stock Scrapy."""

    def run(bench: Bench) -> tuple[Figure, int]:
        (bench.folder / "peer.py").write_text(text.replace("START", repr(bench.start)))
        command = [sys.executable, "-m", "scrapy", "runspider", "peer.py", "-o", "items.jsonl", "-L", "ERROR"]
        figure, _ = timed(command, bench.folder)
        return figure, lines_of(bench.folder / "items.jsonl")

    return run


def crawlee(bench: Bench) -> tuple[Figure, int]:
    """Crawl with Crawlee: parsel, httpx, 64 at once, its request queue in memory."""
    (bench.folder / "peer.py").write_text(_CRAWLEE)
    figure, _ = timed([bench.peer_python, "peer.py", bench.start, "items.jsonl"], bench.folder)
    return figure, lines_of(bench.folder / "items.jsonl")


def wget2(bench: Bench) -> tuple[Figure, int]:
    """Mirror the site with wget2."""
    figure, _ = timed(["wget2", "-q", "-r", "-l", "0", "--max-threads=8", "-P", "got", bench.start], bench.folder)
    return figure, sum(1 for _ in (bench.folder / "got").rglob("*.html"))


CANDIDATES: dict[str, Callable[[Bench], tuple[Figure, int]]] = {
    "ours": ours,
    "crawlee": crawlee,
    "tuned": scrapy(_TUNED),
    "stock": scrapy(_STOCK),
    "wget2": wget2,
}


def measure(names: list[str], bench: Bench, rounds: int) -> dict[str, list[Figure]]:
    """Run all candidates in turn, round after round, each in an empty folder."""
    figures: dict[str, list[Figure]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            folder = bench.folder / f"{name}-{number}"
            folder.mkdir()
            figure, pages = CANDIDATES[name](Bench(bench.start, folder, bench.peer_python, bench.pages))
            if pages != bench.pages:
                raise SystemExit(f"{name} has {pages} of {bench.pages} pages")
            figures[name].append(figure)
            shutil.rmtree(folder)
            rate = bench.pages / figure.wall
            say(f"{name:8} {figure.wall:7.1f} s {rate:7.0f} pages/s {figure.cpu:7.1f} s CPU {figure.rss:6.0f} MB")
    return figures


def report(figures: dict[str, list[Figure]], pages: int) -> None:
    """Print medians and ratios."""
    for name, found in figures.items():
        wall, cpu = (statistics.median(getattr(figure, what) for figure in found) for what in ("wall", "cpu"))
        ratio = statistics.median(other.wall / own.wall for own, other in zip(figures.get("ours", found), found, strict=True))
        peak = max(figure.rss for figure in found)
        say(f"{name:8} {pages / wall:7.0f} pages/s {1000 * cpu / pages:6.2f} ms CPU/page {peak:6.0f} MB   ours × {ratio:.2f}")


def say(line: str) -> None:
    """Print a line now."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[], help=f"candidates: {', '.join(CANDIDATES)}")
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--peer-python", default="", help="a Python with crawlee[parsel,httpx]; without it Crawlee is left out")
    given = parser.parse_args()
    names = given.names or [name for name in CANDIDATES if name != "crawlee" or given.peer_python]
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="crawl-") as folder:
        root = Path(folder)
        root.chmod(0o755)  # nginx serves as another user
        make_site(root / "www", given.pages)
        with serving(root) as start:
            (root / "work").mkdir()
            bench = Bench(start, root / "work", given.peer_python, given.pages)
            report(measure(names, bench, given.rounds), given.pages)


if __name__ == "__main__":
    main()

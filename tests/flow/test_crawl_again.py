"""A site is crawled, looked at, crawled again after it has changed, and replayed with a better selector."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.flow.running import Ran, acquire
from tests.flow.test_crawl import RIGHTS, Answer, Site, serving

pytestmark = pytest.mark.flow

WORDS = "The barn owl hunts over open fields at dusk and hears a vole under snow from far away. " * 6


def page(title: str, body: str = "", *, links: str = "", head: str = "") -> Answer:
    """Return a page of some length with a validator made of its bytes."""
    text = (
        f"<!doctype html><html><head><title>{title}</title>{head}</head><body><article><h1>{title}</h1>"
        f"<p class='lead'>{title} in short.</p><p>{body or title + ': ' + WORDS}</p></article><nav>{links}</nav></body></html>"
    ).encode()
    etag = f'"{hashlib.sha256(text).hexdigest()[:16]}"'
    return 200, {"Content-Type": "text/html; charset=utf-8", "ETag": etag}, text


@pytest.fixture
def site() -> Iterator[Site]:
    """Serve five pages and a robots.txt."""
    names = ("barn", "tawny", "snowy", "elf")
    links = "".join(f'<a href="/{name}">{name}</a>' for name in (*names, "closed/x"))
    routes: dict[str, Any] = {
        "/robots.txt": (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /closed\n"),
        "/": page("Owls", links=links),
        **{f"/{name}": page(name.capitalize()) for name in names},
    }
    with serving(Site(routes)) as running:
        yield running


def declare(folder: Path, site: Site, **options: Any) -> None:
    """Write a declaration of the site."""
    sources = {"owls": {"kind": "spider", "start": [f"{site.url}/"], "delay": 0, **options}}
    contact = {"name": "Lab", "url": "https://example.org/bot", "email": "data@example.org"}
    value = {
        "version": 1,
        "dataset": {"name": "owls"},
        "contact": contact,
        "sources": sources,
        "policy": [{"flag": "license.*", "outcome": "keep"}],
    }
    (folder / "sources.yaml").write_text(yaml.safe_dump(value, sort_keys=False), encoding="utf-8")


def crawl(folder: Path, *options: str) -> dict[str, Any]:
    """Run `acquire crawl` and return what it tells of the source."""
    ran = acquire(folder, "crawl", "owls", "--json", "--quiet", *options)
    assert ran.code == 0, ran.err
    (told,) = [source for source in ran.value["sources"] if source["name"] == "owls"]
    found: dict[str, Any] = told["crawl"]
    return found


def items(folder: Path, run: str) -> list[dict[str, Any]]:
    """Return the item lines of a run."""
    paths = sorted((folder / "data" / "crawl" / "owls" / run).glob("*.items.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]


def explained(folder: Path, url: str) -> Ran:
    """Run `acquire explain`."""
    return acquire(folder, "explain", url)


def test_a_crawl_can_be_looked_at(tmp_path: Path, site: Site) -> None:
    """Status, the rule behind every URL, and the archive in a player's format are there when a crawl has ended."""
    declare(tmp_path, site)
    told = crawl(tmp_path)
    assert told["items"] == 5
    assert told["refused"]["robots"] == 1
    assert told["examples"]["refused"]["robots"] == f"{site.url}/closed/x"

    visited = explained(tmp_path, f"{site.url}/barn")
    assert visited.code == 0, visited.err
    assert "in owls, run-0001: done" in visited.out
    assert f"found on {site.url}/" in visited.out
    assert "/robots.txt (200): group '*'" in visited.out
    assert "→ allow" in visited.out
    refused = explained(tmp_path, f"{site.url}/closed/x")
    assert "refused (robots" in refused.out
    assert "Disallow: /closed" in refused.out
    unknown = explained(tmp_path, f"{site.url}/never")
    assert unknown.code == 2

    status = acquire(tmp_path, "status")
    assert "owls: crawled, run-0001:" in status.out
    assert acquire(tmp_path, "archive", "owls", "owls.wacz").code == 0
    with zipfile.ZipFile(tmp_path / "owls.wacz") as package:
        assert {"datapackage.json", "pages/pages.jsonl"} <= set(package.namelist())
        assert any(name.startswith("archive/") for name in package.namelist())
    assert acquire(tmp_path, "archive", "owls", "owls.cdxj").code == 0
    assert len((tmp_path / "owls.cdxj").read_text(encoding="utf-8").splitlines()) > 5
    assert acquire(tmp_path, "archive", "owls", "owls.zip").code == 2


def test_a_second_crawl_asks_on_condition_and_tells_what_changed(tmp_path: Path, site: Site) -> None:
    """Unchanged pages cost a 304; changed, gone, new and opted-out ones are told apart, and opted-out items are dropped."""
    declare(tmp_path, site)
    crawl(tmp_path)
    before = len(site.log)

    site.routes["/tawny"] = page("Tawny", "Something else entirely. " + WORDS)
    del site.routes["/snowy"]
    site.routes["/elf"] = page("Elf", head='<meta name="robots" content="noai">')
    site.routes["/robots.txt"] = (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /closed\n")
    links = "".join(f'<a href="/{name}">{name}</a>' for name in ("barn", "tawny", "snowy", "elf", "pygmy"))
    site.routes["/"] = page("Owls", links=links)
    site.routes["/pygmy"] = page("Pygmy")
    _conditional(site)

    told = crawl(tmp_path)
    asked = {path: headers for _, _, path, headers in site.log[before:] if path not in RIGHTS}
    assert "If-None-Match" in asked["/barn"]
    assert "If-None-Match" not in asked["/pygmy"]
    listed = items(tmp_path, "run-0002")
    changes = {item["final_url"].rpartition("/")[2]: item.get("change") for item in listed if "carried" not in item}
    assert changes == {"": "changed", "barn": "same", "tawny": "changed", "elf": "changed", "pygmy": "new"}
    denied = [item for item in listed if item["final_url"].endswith("/elf")]
    assert [item["verdicts"]["train"] for item in denied] == ["deny", "deny"], "what was taken before and what is there now"
    assert told["changes"]["items"] == {"new": 1, "same": 1, "changed": 3, "carried": 1, "gone": 1}
    assert told["changes"]["pages"]["gone"] == 1
    assert "unchanged since an earlier visit" in explained(tmp_path, f"{site.url}/barn").out


def test_a_page_that_has_since_been_closed_is_marked_and_dropped(tmp_path: Path, site: Site) -> None:
    """What was taken before robots.txt closed its page is carried with that word, and policy drops it by name."""
    declare(tmp_path, site)
    crawl(tmp_path)
    site.routes["/robots.txt"] = (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /closed\nDisallow: /barn\n")
    _forget_robots(tmp_path)
    told = crawl(tmp_path)
    assert told["changes"]["pages"]["opted-out"] == 1
    (carried,) = [item for item in items(tmp_path, "run-0002") if item["final_url"].endswith("/barn")]
    assert carried["verdicts"]["train"] == "deny"
    fetched = acquire(tmp_path, "fetch", "--json", "--quiet")
    assert fetched.code == 0, fetched.err
    story = explained(tmp_path, f"{site.url}/barn")
    assert "drop" in story.out
    assert "opt-out." in story.out


def test_resume_begins_nothing_anew(tmp_path: Path, site: Site) -> None:
    """With --resume a crawl that has finished is left as it is; without it the site is crawled again."""
    declare(tmp_path, site)
    crawl(tmp_path)
    before = len(site.log)
    assert acquire(tmp_path, "crawl", "owls", "--resume", "--quiet").code == 0
    assert len(site.log) == before
    assert not (tmp_path / "data" / "crawl" / "owls" / "run-0002").exists()
    assert acquire(tmp_path, "crawl", "owls", "--resume", "--replay").code == 2


def test_what_nothing_links_to_any_more_is_still_closed(tmp_path: Path, site: Site) -> None:
    """A page that has been closed and unlinked at once is marked too, though the new crawl never came to it."""
    declare(tmp_path, site)
    crawl(tmp_path)
    site.routes["/"] = page("Owls", links='<a href="/tawny">tawny</a>')
    site.routes["/robots.txt"] = (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /closed\nDisallow: /barn\n")
    _forget_robots(tmp_path)
    told = crawl(tmp_path)
    assert told["changes"]["pages"] == {"opted-out": 1, "unlinked": 2}
    assert told["changes"]["items"]["carried"] == 1


def test_what_could_not_be_had_this_time_is_kept(tmp_path: Path, site: Site) -> None:
    """A page that answers 500 on the second crawl loses nothing of what the first one took, one that answers 451 does."""
    declare(tmp_path, site)
    crawl(tmp_path)
    site.routes["/barn"] = (500, {"Content-Type": "text/plain"}, b"broken")
    site.routes["/tawny"] = (451, {"Content-Type": "text/plain"}, b"not any more")
    told = crawl(tmp_path)
    (kept,) = [item for item in items(tmp_path, "run-0002") if item["final_url"].endswith("/barn")]
    assert kept["carried"] == "failed"
    assert kept["verdicts"]["train"] != "deny"
    assert not [item for item in items(tmp_path, "run-0002") if item["final_url"].endswith("/tawny")]
    assert told["changes"]["items"] == {"carried": 1, "gone": 1, "same": 3}


def test_a_sitemap_spares_visits(tmp_path: Path, site: Site) -> None:
    """Pages that a sitemap dates before the last visit are taken from the archive; the others are asked for."""
    urls = "".join(
        f"<url><loc>{site.url}/{name}</loc><lastmod>{date}</lastmod></url>"
        for name, date in (("barn", "2020-01-01"), ("tawny", "2999-01-01"))
    )
    text = f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'
    site.routes["/map.xml"] = (200, {"Content-Type": "application/xml"}, text.encode())
    declare(tmp_path, site, start=[], sitemaps=[f"{site.url}/map.xml"])
    assert crawl(tmp_path)["items"] == 2
    before = len(site.log)
    told = crawl(tmp_path)
    asked = {path for _, _, path, _ in site.log[before:]}
    assert "/tawny" in asked
    assert "/barn" not in asked
    assert told["changes"]["items"] == {"same": 2}
    assert len(items(tmp_path, "run-0002")) == 2


def test_a_better_selector_needs_no_second_visit(tmp_path: Path, site: Site) -> None:
    """With --replay the spider runs over the archive; nothing is sent, and what is not archived is counted."""
    declare(tmp_path, site)
    crawl(tmp_path)
    before = len(site.log)
    declare(tmp_path, site, select={"text": "p.lead::text"})
    told = crawl(tmp_path, "--replay")
    assert len(site.log) == before
    assert told["items"] == 5
    texts = {item["item"].get("text") for item in items(tmp_path, "run-0002")}
    assert "Barn in short." in texts
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    declare(fresh, site)
    never = acquire(fresh, "crawl", "owls", "--replay")
    assert never.code != 0
    assert "nothing to replay" in never.err


def test_what_says_nothing_says_nothing_in_a_replay_either(tmp_path: Path, site: Site) -> None:
    """A page that says what the site says of any address is no item, whether it comes from the web or from the archive."""

    class Polite(dict[str, Any]):
        """Answers every unknown address with the same friendly page and 200."""

        def get(self, path: str, default: Any = None) -> Any:
            return super().get(path) or page("Nothing here", "We could not find what you were looking for. " * 12)

    site.routes = Polite(site.routes)
    site.routes["/"] = page("Owls", links='<a href="/barn">barn</a><a href="/lost">lost</a>')
    declare(tmp_path, site)
    told = crawl(tmp_path)
    assert (told["items"], told["refused"]["soft-404"]) == (2, 1)
    before = len(site.log)
    told = crawl(tmp_path, "--replay")
    assert (told["items"], told["refused"]["soft-404"]) == (2, 1)
    assert len(site.log) == before


def _conditional(site: Site) -> None:
    """Let every page answer 304 when its validator is sent."""
    for path, answer in list(site.routes.items()):
        if not callable(answer) and "ETag" in answer[1]:
            site.routes[path] = _unless_known(site, path, answer)


def _unless_known(site: Site, path: str, answer: Answer) -> Any:
    def respond() -> Answer:
        asked = next(headers for _, _, seen, headers in reversed(site.log) if seen == path)
        return (304, {"ETag": answer[1]["ETag"]}, b"") if asked.get("If-None-Match") == answer[1]["ETag"] else answer

    return respond


def _forget_robots(folder: Path) -> None:
    """Let a day pass for the copy of robots.txt."""
    import sqlite3

    with sqlite3.connect(folder / "data" / "crawl" / "owls" / "frontier.sqlite") as database:
        database.execute("UPDATE policy SET fetched=fetched-90000, expires=expires-90000")


def test_an_outage_does_not_cost_what_an_earlier_crawl_brought(tmp_path: Path, site: Site) -> None:
    """When nobody answers, the crawl says so with a code of its own, and the set keeps the items of the run before."""
    declare(tmp_path, site)
    crawl(tmp_path)
    site.routes["/robots.txt"] = (503, {}, b"")
    with closing(sqlite3.connect(tmp_path / "data" / "crawl" / "owls" / "frontier.sqlite")) as frontier, frontier:
        frontier.execute("DELETE FROM policy")  # as after 30 days, when the last good copy no longer counts
    ran = acquire(tmp_path, "crawl", "owls", "--json", "--quiet")
    assert ran.code == 3
    (told,) = ran.value["sources"]
    assert [error["code"] for error in told["errors"]] == ["source-unavailable"]
    assert "the crawl brought no page: 1 robots-unreachable" in told["errors"][0]["message"]
    fetched = acquire(tmp_path, "fetch", "--json", "--quiet", "--until", "stage")
    assert fetched.value["sources"][0]["items"] == 5


def test_a_crawl_that_its_time_limit_ends_says_so(tmp_path: Path, site: Site) -> None:
    """What was still waiting is no secret."""
    declare(tmp_path, site, delay=0.6, limits={"seconds": 1})
    ran = acquire(tmp_path, "crawl", "owls", "--quiet")
    assert ran.code == 0, ran.err
    assert "  stopped by time-limit: what still waited was not visited" in ran.out


def test_a_crawl_that_cannot_begin_leaves_no_run_behind(tmp_path: Path, site: Site) -> None:
    """Without a contact there is no run to go on with, and a spider that fails at its start is not said to be crawling."""
    declare(tmp_path, site, spider="spiders/broken.py:Broken")
    text = (tmp_path / "sources.yaml").read_text(encoding="utf-8")
    value = yaml.safe_load(text)
    del value["contact"]
    (tmp_path / "sources.yaml").write_text(yaml.safe_dump(value), encoding="utf-8")
    assert acquire(tmp_path, "crawl", "owls", "--quiet").code == 5
    assert list((tmp_path / "data" / "crawl" / "owls").glob("run-*")) == []

    (tmp_path / "sources.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "spiders").mkdir()
    body = "import scrapy\n\nclass Broken(scrapy.Spider):\n    name = 'b'\n\n    async def start(self):\n        yield 1 / 0\n"
    (tmp_path / "spiders" / "broken.py").write_text(body, encoding="utf-8")
    ran = acquire(tmp_path, "crawl", "owls", "--quiet")
    assert "start() of spider Broken raised an exception" in ran.err
    log = tmp_path / "data" / "crawl" / "owls" / "run-0001" / "crawl.log"
    assert str(log) in ran.err
    assert "ZeroDivisionError" in log.read_text(encoding="utf-8")
    assert "owls: a crawl did not end" in acquire(tmp_path, "status").out

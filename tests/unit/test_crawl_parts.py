"""The parts of the crawler that need no server: declarations, jobs, settings, spiders, the reader."""

from __future__ import annotations

import asyncio
import json
import time
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from scrapy import Spider
from scrapy.settings import BaseSettings, Settings

from acquisition.crawl import process
from acquisition.crawl import session as sessions
from acquisition.crawl.contract import PolicyFile
from acquisition.crawl.engine.crawler import strip_spider
from acquisition.crawl.engine.finder import find_spider
from acquisition.crawl.engine.settings import PRIORITY, gentler, guarded, settings_for, weakened
from acquisition.crawl.frontier import open_desk
from acquisition.crawl.job import job_of, load_job, mapped, question
from acquisition.errors import NoContact, PluginError, WorkspaceDamaged
from acquisition.model import Asset, Rejection
from acquisition.protocols import Binary, ReadContext, ResolveContext, Source
from acquisition.read.crawl import CrawlReader
from acquisition.settings import ContactSettings, ItemSettings, PickSettings, ReadSettings
from acquisition.sources.spider import Spider as SpiderAdapter
from acquisition.sources.spider import SpiderSettings

CONTACT = ContactSettings(name="Lab", url="https://example.org/bot", email="data@example.org")


def declared(**options: Any) -> Source:
    """Declare a spider."""
    given: dict[str, Any] = {"spider": "pages", "start": ("https://example.org/",)} | options
    return Source("web", SpiderSettings(kind="spider", **given))


def job(tmp_path: Path, **options: Any) -> Any:
    """Return the job of a declared spider."""
    return job_of(declared(**options), directory=tmp_path, base=tmp_path, contact=CONTACT)


# --- declaration --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "accepted"),
    [
        ({"delay": 0.25}, True),
        ({"delay": 0.1}, False),
        ({"delay": 0.0, "start": ("http://127.0.0.1:8000/",)}, True),
        ({"delay": 0.0, "start": ("http://localhost/", "http://[::1]/")}, True),
        ({"delay": 0.0, "start": ("http://127.0.0.1/", "https://example.org/")}, False),
        ({"delay": 0.0, "base_url": "http://127.0.0.1:8000"}, True),
        ({"delay": 0.0, "base_url": "https://mirror.example"}, False),
        ({"delay": 0.0, "start": ()}, False),
        ({"start": ("ftp://example.org/",)}, False),
    ],
)
def test_only_loopback_may_be_hurried(options: dict[str, Any], accepted: bool) -> None:
    """A delay below 0.25 s is accepted for loopback hosts alone."""
    if accepted:
        assert declared(**options).name == "web"
        return
    with pytest.raises(ValidationError):
        declared(**options)


@pytest.mark.parametrize("code", ["disk-full", "source-unavailable", "credentials-rejected", "usage", "workspace-locked"])
def test_what_the_crawler_ends_with_keeps_its_code(code: str) -> None:
    """A full disk or a lost database is told by its own code, not as the fault of a plug-in."""
    assert process._error({"event": "error", "code": code, "message": "m"}).code == code


def test_one_clock_for_all_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files about rights are as old as the frontier's clock says: machines that share one may have clocks that differ."""
    ahead = 2 * 86_400.0
    monkeypatch.setattr(sessions, "open_desk", partial(open_desk, now=lambda: time.time() + ahead))
    source = declared(start=("http://127.0.0.1:9/",), delay=0.0)
    file = PolicyFile("http://127.0.0.1:9", "robots.txt", "", time.time(), time.time() + 86_400, 200, b"")

    async def closed() -> str:
        made = job_of(source, directory=tmp_path / "run-0001", base=tmp_path, contact=CONTACT)
        (tmp_path / "run-0001").mkdir()
        session = sessions.open_session(made)
        await session.desk.keep_policy(file)
        ruling = await session.permissions.ruling("http://127.0.0.1:9/")
        await session.close()
        session.close_files()
        return ruling.note

    assert "last-good-copy: connect" in asyncio.run(closed())


def test_the_adapter_names_no_assets() -> None:
    """What a site holds is known when it has been crawled; until then nothing can be located."""
    context = ResolveContext(None, {}, lambda: "2026-01-01T00:00:00Z", Path(), "agent")  # type: ignore[arg-type]  # asks nobody
    adapter = SpiderAdapter()
    release = adapter.resolve(declared(), context)
    assert (release.assets, release.revision, release.reader) == ((), "", "crawl")
    with pytest.raises(PluginError):
        adapter.locate(declared(), release, Asset("a"), context)


def test_jobs_are_written_and_read(tmp_path: Path) -> None:
    """A job survives the way to the child; a damaged file is named; nobody to answer means no job."""
    made = job(tmp_path, arguments={"a": "b"})
    assert load_job(made.save()) == made
    (tmp_path / "job.json").write_text("{}")
    with pytest.raises(WorkspaceDamaged):
        load_job(tmp_path / "job.json")
    with pytest.raises(NoContact):
        job_of(declared(), directory=tmp_path, base=tmp_path, contact=None)
    assert question(declared()) != question(declared(arguments={"x": "y"}))


@pytest.mark.parametrize(
    ("url", "base", "expected"),
    [
        ("https://example.org/a?b=c", None, "https://example.org/a?b=c"),
        ("https://example.org/a?b=c", "http://127.0.0.1:80", "http://127.0.0.1:80/a?b=c"),
        ("https://example.org", "http://127.0.0.1:80/site/", "http://127.0.0.1:80/site/"),
    ],
)
def test_start_urls_move_to_a_stand_in(url: str, base: str | None, expected: str) -> None:
    """Scheme and host are replaced, path and query stay."""
    assert mapped(url, base) == expected


# --- settings -----------------------------------------------------------------------------------------------------------


def test_guarded_settings_outrank_everything(tmp_path: Path) -> None:
    """Every guarded setting has the highest priority, and a spider's own is named as ignored or taken where stricter."""
    made = job(tmp_path)

    class Rude(Spider):
        name = "rude"
        custom_settings = {"ROBOTSTXT_OBEY": False, "DOWNLOAD_DELAY": 3, "DOWNLOAD_TIMEOUT": 900, "LOG_LEVEL": "DEBUG"}  # noqa: RUF012

    settings, ignored = settings_for(made, Rude)
    assert ignored == ["DOWNLOAD_TIMEOUT", "ROBOTSTXT_OBEY"]
    assert gentler(made, Rude).settings.delay == 3.0
    assert all(settings.getpriority(name) == PRIORITY for name in guarded(made))
    tampered = settings.copy()
    tampered.set("ROBOTSTXT_OBEY", False, priority="cmdline")
    assert weakened(tampered, settings) == []
    tampered.set("ROBOTSTXT_OBEY", False, priority=PRIORITY + 1)
    tampered["EXTENSIONS_BASE"]["x.Y"] = 1
    assert weakened(tampered, settings) == ["EXTENSIONS_BASE", "ROBOTSTXT_OBEY"]


def test_what_a_spider_forces_is_named_too(tmp_path: Path) -> None:
    """A setting that is set in update_settings(), however urgently, is without effect, and not in silence."""

    class Forcing(Spider):
        name = "forcing"

        @classmethod
        def update_settings(cls, settings: BaseSettings) -> None:
            super().update_settings(settings)
            settings.set("ROBOTSTXT_OBEY", value=False, priority="cmdline")
            settings.set("LOG_LEVEL", "DEBUG", priority="cmdline")

    settings, ignored = settings_for(job(tmp_path), Forcing)
    assert ignored == ["ROBOTSTXT_OBEY"]
    assert settings.getbool("ROBOTSTXT_OBEY")


def test_the_defaults_that_surprise_are_closed(tmp_path: Path) -> None:
    """TLS is verified; cookies, telnet, remote control, proxies and every scheme but http and https are off."""
    settings, _ = settings_for(job(tmp_path), Spider)
    assert isinstance(settings, Settings)
    assert settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES")
    for name in ("COOKIES_ENABLED", "TELNETCONSOLE_ENABLED", "REMOTE_CONTROL_ENABLED", "HTTPPROXY_ENABLED"):
        assert not settings.getbool(name)
    handlers = settings.getwithbase("DOWNLOAD_HANDLERS")
    assert {scheme for scheme, handler in handlers.items() if handler} == {"http", "https"}
    assert {handler for handler in handlers.values() if handler} == {"acquisition.crawl.engine.handler.VisitHandler"}


def test_attributes_are_taken_away() -> None:
    """Attributes that Scrapy still reads are removed from a spider and its bases."""

    class Base(Spider):
        name = "base"
        user_agent = "other"

    class Rude(Base):
        download_delay = 0

    made = Rude()
    made.download_timeout = 9  # type: ignore[attr-defined]  # as a spider might
    assert strip_spider(made) == ["download_delay", "download_timeout", "user_agent"]
    assert strip_spider(made) == []


# --- spiders ------------------------------------------------------------------------------------------------------------


def test_spiders_are_found(tmp_path: Path) -> None:
    """By entry point, by name in ./spiders, by path, with and without the class."""
    (tmp_path / "spiders").mkdir()
    file = tmp_path / "spiders" / "mine.py"
    file.write_text("import scrapy\nclass A(scrapy.Spider):\n    name = 'a'\n")
    assert find_spider("pages", tmp_path).name == "pages"
    assert find_spider("mine", tmp_path).__name__ == "A"
    assert find_spider("spiders/mine.py", tmp_path).__name__ == "A"
    assert find_spider("spiders/mine.py:A", tmp_path).__name__ == "A"
    file.write_text(file.read_text() + "class B(scrapy.Spider):\n    name = 'b'\n")
    assert find_spider("spiders/mine.py:B", tmp_path).__name__ == "B"
    for reference in ("spiders/mine.py", "spiders/mine.py:C", "spiders/none.py", "../mine", "nobody", "spiders/mine.py:scrapy"):
        with pytest.raises(PluginError):
            find_spider(reference, tmp_path)


# --- the reader ---------------------------------------------------------------------------------------------------------


class Bytes(Binary):
    """Some bytes."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name, self.size, self.path, self._data = name, len(data), None, data

    def open(self) -> BytesIO:
        """Open them."""
        return BytesIO(self._data)


def read(lines: list[object], items: ItemSettings | None = None) -> tuple[list[dict[str, Any]], list[Rejection]]:
    """Read a list of item records as the stage does."""
    data = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    siblings: dict[str, Binary] = {"crawl-00000.items.jsonl": Bytes("crawl-00000.items.jsonl", data)}
    context = ReadContext("web", "r", "crawl-00000.warc.gz", "", items or ItemSettings(), ReadSettings(), siblings=siblings)
    found = list(CrawlReader().read(Bytes("crawl-00000.warc.gz", b""), context))
    rejections = [entry for entry in found if isinstance(entry, Rejection)]
    return [row for batch in found if not isinstance(batch, Rejection) for row in batch.to_pylist()], rejections


def record(locator: str, item: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an item's record."""
    return {
        "locator": locator,
        "url": "https://example.org/drums/kick.wav",
        "final_url": "https://example.org/drums/kick.wav",
        "referrer": "",
        "retrieved_at": "2026-01-02T03:04:05.678901Z",
        "media_type": "text/html",
        "sample": "row",
        "size": 3,
        "sha256": "ab" * 32,
        "warc": {"file": "crawl-00000.warc.gz", "offset": 17, "record_id": "<x>"},
        "item": item,
    } | more


def test_items_come_sorted_and_bad_lines_are_named() -> None:
    """The order is that of the locators; a line that is no item is a rejection, and nothing is lost around it."""
    found, rejections = read([record("b", {"text": "two"}), b"{torn", {"locator": "x"}, record("a", {"text": "one"})])
    assert [(row["locator"], row["text"]) for row in found] == [("a", "one"), ("b", "two")]
    assert [(entry.code, entry.locator) for entry in rejections] == [
        ("item-unreadable", "crawl-00000.items.jsonl#line=1"),
        ("item-unreadable", "crawl-00000.items.jsonl#line=2"),
    ]


def test_labels_from_the_address() -> None:
    """`from: folder` means the folder in the item's address, with the declared renaming."""
    pick = PickSettings.model_validate({"from": "folder", "rename": {"drums": "drum"}})
    found, _ = read([record("a", {"caption": "x"}, media_type="audio/wav", sample="media")], ItemSettings(label=pick))
    assert (found[0]["label"], found[0]["member"], found[0]["name"], found[0]["text"]) == ("drum", "#warc=17", "kick", "x")


def test_a_missing_declared_text_is_a_rejection() -> None:
    """An item without the column that is declared as text says which ones it has."""
    found, rejections = read([record("a", {"title": "x"})], ItemSettings(text="quote"))
    assert found == []
    assert (rejections[0].code, "title" in rejections[0].detail) == ("no-such-column", True)

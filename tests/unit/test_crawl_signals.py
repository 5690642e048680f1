"""What a crawled answer says of its use, computed once, and what of a page holds for the media shown on it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from acquisition.crawl.contract import Answer, Ask, Place, Wire
from acquisition.crawl.visit.policies import Policies
from acquisition.crawl.visit.signals import judged, signals_of
from acquisition.rights.signals import Signal

PAGE = "https://site.example/a.html"
HTML = (("Content-Type", "text/html"),)
PNG = b"\x89PNG\r\n\x1a\n"
LICENSE = "https://site.example/l.xml"
LINK = f'<link rel="license" type="application/rsl+xml" href="{LICENSE}">'.encode()
RSL = (
    b'<rsl xmlns="https://rslstandard.org/rsl"><content url="/"><license>'
    b'<permits type="usage">%s</permits></license></content></rsl>'
)


def answer(
    url: str = PAGE, headers: tuple[tuple[str, str], ...] = HTML, robots: bytes | None = None, **well_known: bytes | None
) -> Answer:
    """Return an answer; files about rights are given as ai="…"."""
    wire = Wire(200, "OK", "HTTP/1.1", headers, b"", "127.0.0.1", (), 0.0, 0.0)
    files = {f"/{name}.txt": body for name, body in well_known.items()}
    return Answer(Ask(url), wire, {}, Place("", 0, "", "", 200), robots_txt=robots, well_known=files)


def test_a_reading_holds_everything() -> None:
    """Signals of all surfaces, the three verdicts, whether links may be followed, and the page's license."""
    headers = (*HTML, ("X-Robots-Tag", "nofollow"), ("Link", '<https://creativecommons.org/licenses/by/4.0/>; rel="license"'))
    page = answer(headers=headers, robots=b"User-agent: *\nAllow: /\n", ai=b"User-Agent: *\nDisallow: /a\n")
    reading = signals_of(page, b'<html><meta name="robots" content="noarchive">', {})
    assert [one.mechanism for one in reading.signals] == ["robots", "ai-txt", "x-robots-tag", "link-header", "meta-robots"]
    assert reading.verdicts() == {"fetch": "allow", "train": "deny", "store": "deny"}
    assert (reading.may_follow, reading.license) == (False, "CC-BY-4.0")
    assert [Signal.from_record(record) for record in reading.records()] == list(reading.signals)


@pytest.mark.parametrize(("treatment", "mechanisms"), [("record", ["tdmrep"]), ("ignore", [])])
def test_what_is_not_honoured_decides_nothing(treatment: str, mechanisms: list[str]) -> None:
    """A recorded mechanism is kept without consequence, an ignored one is not kept."""
    reading = signals_of(answer(headers=(*HTML, ("TDM-Reservation", "1"))), b"<html>", {"tdmrep": treatment})
    assert [one.mechanism for one in reading.signals] == mechanisms
    assert reading.train == "none"


def _image(page: Iterable[Signal | Mapping[str, Any]], url: str = "https://media.example/a.png") -> dict[str, str]:
    return signals_of(answer(url, (("Content-Type", "image/png"),)), PNG, {}, page=list(page)).verdicts()


def test_a_pages_reservation_covers_what_it_shows() -> None:
    """Noai and noimageai of a page hold for a picture met there; its yes and its wish not to be indexed do not."""
    said = {
        content: signals_of(answer(), f'<html><meta name="robots" content="{content}">'.encode(), {})
        for content in ("noai", "noimageai", "noimageindex", "noindex", "all")
    }
    assert _image(said["noai"].signals)["train"] == "deny"
    assert _image(said["noimageai"].records())["train"] == "deny"
    assert _image(said["noimageindex"].signals)["store"] == "deny"
    assert _image(said["noindex"].signals) == _image(said["all"].signals) == _image(())
    assert said["noimageai"].train == "none", "the page's own text is not reserved"
    allowed = signals_of(answer(headers=(*HTML, ("TDM-Reservation", "0"))), b"<html>", {})
    assert (allowed.train, _image(allowed.signals)["train"]) == ("allow", "none")
    sound = answer("https://media.example/a.wav", (("Content-Type", "audio/wav"),))
    assert signals_of(sound, b"RIFF", {}, page=said["noimageai"].signals).train == "none"
    assert signals_of(sound, b"RIFF", {}, page=said["noai"].signals).train == "deny"


def test_a_sites_files_do_not_cover_media_from_elsewhere() -> None:
    """What ai.txt and robots.txt of the page's site say, the media's own site has to say."""
    robots, ai = b"User-agent: *\nContent-Signal: ai-train=no\n", b"User-Agent: *\nDisallow: /\n"
    page = signals_of(answer(robots=robots, ai=ai), b"", {})
    assert page.train == "deny"
    assert _image(page.signals)["train"] == "none"


class Documents(Policies):
    """Has some license documents, and notes which were asked for."""

    def __init__(self, documents: Mapping[str, bytes | None]) -> None:
        self.documents, self.asked = documents, list[str]()

    async def announced(self, url: str, addresses: Iterable[str]) -> Mapping[str, bytes | None]:
        """Return what there is."""
        assert url == PAGE
        self.asked += addresses
        return {name: self.documents[name] for name in self.asked if name in self.documents}


@pytest.mark.parametrize(
    ("documents", "train"),
    [({LICENSE: RSL % b"ai-train"}, "allow"), ({LICENSE: RSL % b"search"}, "deny"), ({LICENSE: None}, "deny"), ({}, "unknown")],
)
def test_license_documents_are_read_before_the_verdict(documents: Mapping[str, bytes | None], train: str) -> None:
    """A document that only the page announces decides; one that cannot be had leaves no license, a refused one a question."""
    policies = Documents(documents)
    reading = asyncio.run(judged(answer(), b"<html>" + LINK, {}, policies))
    assert (reading.train, policies.asked) == (train, [LICENSE])


def test_pages_that_announce_nothing_ask_for_nothing() -> None:
    """No document is asked for without need, and none where the mechanism is ignored."""
    policies = Documents({})
    asyncio.run(judged(answer(), b"<html>", {}, policies))
    asyncio.run(judged(answer(), b"<html>" + LINK, {"rsl": "ignore"}, policies))
    assert policies.asked == []

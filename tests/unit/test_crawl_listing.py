"""The driver of lists: what a file must be, what becomes of each row, how a run goes on after kill -9. No network."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from acquisition.crawl import early
from acquisition.crawl import seeds as run_seeds
from acquisition.crawl.archive import ItemLog, RunArchive
from acquisition.crawl.contract import Answer, Ask, Entry, Failed, Lease, Outcome, Place, Refused, Wire
from acquisition.crawl.frontier import FrontierDesk, Spans, open_desk
from acquisition.crawl.frontier.look import Look
from acquisition.crawl.job import Job, Limits
from acquisition.crawl.listing import Means, Taker, Wanted, run_list, write_stats
from acquisition.crawl.listing.clerk import NearClerk
from acquisition.crawl.listing.far import FarArchive, FarItems, clerk_of
from acquisition.crawl.listing.frames import Frames, frame, wire_of, wire_said
from acquisition.crawl.listing.media import check, media_type_of
from acquisition.crawl.listing.rows import CURSOR_FILE, Cursor, Row, batches, entry_of
from acquisition.crawl.listing.visits import HOPS
from acquisition.crawl.visit.signals import Reading, signals_of
from acquisition.errors import AcquisitionError
from acquisition.protocols import Seed

URL = "http://a.example/1.jpg"


def picture(form: str = "JPEG", size: tuple[int, int] = (8, 6), color: str = "red", **options: Any) -> bytes:
    """A small image of one color."""
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, form, **options)
    return buffer.getvalue()


def animation() -> bytes:
    """A GIF of two frames."""
    buffer = io.BytesIO()
    frames = [Image.new("P", (4, 4), index) for index in (1, 2)]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


JPEG = picture()
ANY = Wanted()


# --- what a file is -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (picture("JPEG"), "image/jpeg"),
        (picture("PNG"), "image/png"),
        (picture("WEBP"), "image/webp"),
        (picture("GIF"), "image/gif"),
        (animation(), "image/gif"),
        (picture("BMP"), "image/bmp"),
        (picture("TIFF"), "image/tiff"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"ID3\x04\x00\x00", "audio/mpeg"),
        (b"\xff\xfb\x90\x64" + bytes(20), "audio/mpeg"),
        (b"fLaC\x00", "audio/flac"),
        (b"\x00\x00\x00\x20ftypavif", "image/avif"),
        (b"\x00\x00\x00\x20ftypisom", "video/mp4"),
        (b"%PDF-1.7", "application/pdf"),
        (b"\xef\xbb\xbf <!DOCTYPE html><title>x</title>", "text/html"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
        (b"BMW is a make of cars and no bitmap", ""),
        (b"hello", ""),
    ],
)
def test_a_file_is_what_its_bytes_say(body: bytes, media_type: str) -> None:
    """The server's Content-Type is not asked."""
    assert media_type_of(body) == media_type


@pytest.mark.parametrize(
    ("body", "expect", "wanted", "reason"),
    [
        (b"", {}, Wanted(), "empty"),
        (b"<html><body>photo unavailable", {}, Wanted(), "not-media"),
        (b"not found", {}, Wanted(), "not-media"),
        (b"%PDF-1.7", {}, Wanted(), "media-type"),
        (picture("PNG"), {}, Wanted(media_types=("image/jpeg",)), "media-type"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', {}, Wanted(), "media-type"),
        (JPEG, {"md5": "0" * 32}, Wanted(), "hash-mismatch"),
        (JPEG, {"sha1": "0" * 40}, Wanted(), "hash-mismatch"),
        (JPEG, {"sha256": "0" * 64}, Wanted(), "hash-mismatch"),
        (JPEG, {"size": 1}, Wanted(), "size-mismatch"),
        (JPEG, {"width": 9, "height": 6}, Wanted(), "dimensions-mismatch"),
        (JPEG, {}, Wanted(min_side=7), "too-small"),
        (picture(size=(1, 1)), {}, Wanted(), "too-small"),
        (JPEG, {}, Wanted(min_pixels=49), "too-few-pixels"),
        (JPEG, {}, Wanted(max_pixels=47), "too-many-pixels"),
        (picture("PNG", (10_000, 10_000)), {}, Wanted(), "too-many-pixels"),
        (JPEG, {}, Wanted(max_aspect_ratio=1.3), "aspect-ratio"),
        (JPEG[: len(JPEG) // 2], {}, Wanted(), "corrupt"),
        (JPEG[:-2], {}, Wanted(), "corrupt"),
        (b"\xff\xd8\xff\xe0" + b"\x00" * 200 + b"\xff\xd9", {}, Wanted(), "corrupt"),
        (picture("PNG")[:-8], {}, Wanted(), "corrupt"),
        (picture("GIF")[:-1], {}, Wanted(), "corrupt"),
        (picture("WEBP", (64, 64))[:-4], {}, Wanted(), "corrupt"),
    ],
)
def test_what_is_not_as_it_should_be_fails_by_name(body: bytes, expect: dict[str, Any], wanted: Wanted, reason: str) -> None:
    """Each way of being wrong has its own word."""
    with pytest.raises(Failed) as failed:
        check(body, expect, wanted, url=URL)
    assert failed.value.reason == reason


def test_what_is_as_the_list_says_passes() -> None:
    """Digests of the raw bytes, their number, the dimensions, the limits at their edge."""
    expect = {"md5": hashlib.md5(JPEG).hexdigest(), "sha256": hashlib.sha256(JPEG).hexdigest(), "size": len(JPEG)}
    media = check(JPEG, expect | {"width": 8, "height": 6}, Wanted(min_side=6, min_pixels=48, max_pixels=48), url=URL)
    assert (media.media_type, media.size) == ("image/jpeg", (8, 6))
    assert check(animation(), {}, Wanted(decode=True), url=URL).media_type == "image/gif"
    assert check(b"ID3\x04", {}, Wanted(media_types=("audio/*",)), url=URL).size == (0, 0)


@pytest.mark.parametrize("size", [(1, 300), (8, 6), (301, 2), (1_000, 700)])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_dimensions_are_those_that_pillow_sees(form: str, size: tuple[int, int]) -> None:
    """Own header readers and Pillow agree, with metadata in front, progressive and lossless files too."""
    variants: list[dict[str, Any]] = [{}]
    if form == "JPEG":
        variants += [{"progressive": True}, {"exif": b"Exif\x00\x00" + bytes(500)}]
    if form == "WEBP":
        variants += [{"lossless": True}, {"exif": b"Exif\x00\x00" + bytes(50)}]
    for options in variants:
        body = picture(form, size, **options)
        with Image.open(io.BytesIO(body)) as image:
            assert check(body, {}, Wanted(min_side=1), url=URL).size == image.size == size


def test_real_images_have_the_dimensions_that_pillow_sees(shared_data: Path) -> None:
    """Every real JPEG, PNG, GIF and WebP beside the checkout is read as Pillow reads it, or refused as cut."""
    seen = 0
    for path in sorted((shared_data / "images").rglob("*.*")) + sorted((shared_data / "laion").rglob("*.jpg")):
        body = path.read_bytes()
        if media_type_of(body) not in ("image/jpeg", "image/png", "image/gif", "image/webp"):
            continue
        with contextlib.suppress(Failed):
            with Image.open(io.BytesIO(body)) as image:
                size = image.size
            assert check(body, {}, Wanted(min_side=1), url=URL).size == size, path
            seen += 1
    assert seen > 20


def test_decoding_finds_what_header_and_end_mark_hide() -> None:
    """A PNG with damaged pixels passes the cheap checks; `decode` is what finds it."""
    body = bytearray(picture("PNG", (64, 64)))
    start = body.index(b"IDAT") + 4
    body[start : start + 12] = bytes(12)
    check(bytes(body), {}, Wanted(), url=URL)
    with pytest.raises(Failed) as failed:
        check(bytes(body), {}, Wanted(decode=True), url=URL)
    assert failed.value.reason == "corrupt"


@given(st.sampled_from([JPEG, picture("PNG"), picture("WEBP"), picture("GIF"), picture("TIFF")]), st.data())
def test_any_damage_is_a_failure_or_a_picture(body: bytes, data: st.DataObject) -> None:
    """Whatever bytes are changed, nothing but Failed comes out."""
    changed = bytearray(body)
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(body)))
    with contextlib.suppress(Failed):
        assert check(bytes(changed[:cut]), {}, Wanted(decode=True), url=URL).media_type


# --- rows -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("", "no-url"),
        ("ftp://a.example/x", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("data:image/png;base64,AA==", "scheme"),
        ("www.example/x.jpg", "scheme"),
        ("http://a.example/\r\nX: y", "control-characters"),
        ("http://a.example/\x00", "control-characters"),
        ("http://", "bad-url"),
        ("http:///x", "bad-url"),
        ("http://a.example:99999/x", "bad-url"),
        ("http://[::1/x", "bad-url"),
        ("http://a.example/" + "x" * 3_000, "url-length"),
    ],
)
def test_rows_without_an_address_are_refused_by_name(url: str, refused: str) -> None:
    """They are entered all the same, to be counted and shown with their place in the list."""
    entry = entry_of({"url": url, "reason": "list: l.csv#row=7"})
    assert (entry.refused, entry.request) == (refused, "")
    assert entry.detail.startswith("list: l.csv#row=7")
    assert entry.referrer == "list: l.csv#row=7"
    other = entry_of({"url": url, "reason": "list: l.csv#row=8"})
    assert other.key != entry.key


def test_an_unreadable_row_says_why() -> None:
    """What the reader of the list found is the detail."""
    entry = entry_of({"url": "", "reason": "list: l.csv#row=7", "fields": {"unreadable": "1 cell"}})
    assert (entry.refused, entry.detail) == ("bad-row", "list: l.csv#row=7: 1 cell")


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("http://a.example/1.jpg#top", "http://a.example/1.jpg"),
        ("HTTP://a.example/1.jpg", "http://a.example/1.jpg"),
        ("http://a.example/ä b.jpg?q=ß", "http://a.example/%C3%A4%20b.jpg?q=%C3%9F"),
        ("http://a.example/a%20b.jpg", "http://a.example/a%20b.jpg"),
    ],
)
def test_an_address_is_asked_for_as_it_can_be_sent(written: str, asked: str) -> None:
    """Letters outside ASCII and spaces are escaped, what is escaped stays, fragments go."""
    assert entry_of({"url": written, "reason": "r"}).url == asked


def test_a_row_travels_through_the_frontier_as_text() -> None:
    """Place, fields and expectations come back from the entry's request."""
    entry = entry_of({"url": URL, "reason": "r", "fields": {"caption": "ä"}, "expect": {"size": 3}})
    assert Row.of(entry.request) == Row("r", {"caption": "ä"}, {"size": 3})


@given(st.text(max_size=60))
def test_any_text_becomes_an_entry(url: str) -> None:
    """A hostile list is entered or refused, never raised."""
    entry = entry_of({"url": url, "reason": "r"})
    assert entry.refused or entry.url.startswith(("http://", "https://"))


# --- one address ----------------------------------------------------------------------------------------------------------

Script = Mapping[str, "tuple[int, dict[str, str], bytes] | Exception"]


class Web:
    """Answers visits from a script, through a real archive, as the visitor does: what is archived is not asked again."""

    def __init__(self, archive: RunArchive, script: Script, robots: bytes | None = None) -> None:
        self.archive, self.script, self.robots = archive, script, robots
        self.asked: list[Ask] = []
        self.tries = 0

    async def visit(self, ask: Ask, *, tries: int = 1) -> Answer:
        """Answer, or raise what the script says."""
        self.tries = tries
        await asyncio.sleep(0)
        if (known := self.archive.recall(ask.url)) is not None:
            return Answer(ask, known.wire, known.decision, known.place, self.robots, replayed=True)
        self.asked.append(ask)
        said = self.script.get(ask.url, (404, {}, b"no"))
        if isinstance(said, Exception):
            raise said
        status, headers, body = said
        lines = (("Date", "Sat, 21 Nov 2026 06:00:00 GMT"), ("Content-Type", "image/jpeg"), *headers.items())
        wire = Wire(status, "", "HTTP/1.1", lines, body, "127.0.0.1", (("Host", "a.example"),), 1.0, 2.0)
        decision = {"robots": {"url": "http://a.example/robots.txt", "verdict": "allow"}}
        place, unchanged = self.archive.write(ask, wire, decision)
        return Answer(ask, wire, decision, place, self.robots, unchanged=unchanged)


async def reading(answer: Answer, body: bytes) -> Reading:
    """What the answer says, read from what is at hand."""
    return signals_of(answer, body, {})


class Ground:
    """An archive, an item log, and a taker over a scripted web."""

    def __init__(self, folder: Path, script: Script, wanted: Wanted = ANY, robots: bytes | None = None) -> None:
        self.folder = folder
        self.archive = RunArchive(folder, {"software": "test"})
        self.items = ItemLog(folder, self.archive)
        self.web = Web(self.archive, script, robots)
        self.taker = Taker(self.web, NearClerk(self.items, wanted, reading, 1_000_000))

    def take(self, url: str = URL, *, tries: int = 0, **row: Any) -> Outcome:
        """Take one address that a list names."""
        entry = entry_of({"url": url, "reason": "list: l.csv#row=0", **row})
        outcome = asyncio.run(self.taker.take(Lease(1, entry, tries), lambda: 100.0))
        assert outcome is not None
        return outcome

    def lines(self) -> list[dict[str, Any]]:
        """The items that were written down."""
        return [
            json.loads(line) for path in sorted(self.folder.glob("*.items.jsonl")) for line in path.read_text().splitlines()
        ]

    def close(self) -> None:
        """Close both."""
        self.items.close()
        self.archive.close()


@pytest.fixture
def ground(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """Make grounds that are closed at the end."""
    made: list[Ground] = []

    def make(script: Script, **options: Any) -> Ground:
        made.append(Ground(tmp_path / f"run-{len(made)}", script, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


Make = Callable[..., Ground]


def test_an_image_becomes_an_item_with_what_the_list_says(ground: Make) -> None:
    """Fields, place in the list, digest of the bytes, what its bytes are, where they are archived, and the rulings."""
    one = ground({URL: (200, {"ETag": '"1"'}, JPEG)})
    outcome = one.take(fields={"caption": "red", "license": "CC0-1.0"}, expect={"sha256": hashlib.sha256(JPEG).hexdigest()})
    assert (outcome.state, outcome.reason) == ("done", "")
    assert outcome.facts["status"] == 200
    assert outcome.facts["etag"] == '"1"'
    (line,) = one.lines()
    assert line["item"] == {"caption": "red", "license": "CC0-1.0"}
    assert (line["reason"], line["media_type"], line["sample"]) == ("list: l.csv#row=0", "image/jpeg", "media")
    assert (line["size"], line["sha256"]) == (len(JPEG), hashlib.sha256(JPEG).hexdigest())
    assert line["robots"]["verdict"] == "allow"
    assert set(line["verdicts"]) == {"fetch", "train", "store"}
    ask = one.web.asked[0]
    assert (ask.kind, ask.referrer, set(ask.headers)) == ("media", "list: l.csv#row=0", {"Accept"})


@pytest.mark.parametrize(
    ("header", "train", "store"),
    [
        ("noai", "deny", "none"),
        ("NOAI", "deny", "none"),
        ("noimageai", "deny", "none"),
        ("noindex, nofollow", "none", "deny"),
        ("none", "none", "deny"),
        ("noimageindex", "none", "deny"),
        ("acquisition: noai", "deny", "none"),
        ("Acquisition: noai, noindex", "deny", "deny"),
        ("otherbot: noai", "none", "none"),
        ("unavailable_after: 25 Jun 2010 15:00:00 PST, noai", "deny", "deny"),
        ("max-image-preview: large, noai", "deny", "none"),
        ("max-snippet:-1, noai", "deny", "none"),
        ("all", "none", "none"),
    ],
)
def test_x_robots_tag_of_the_file_itself(ground: Make, header: str, train: str, store: str) -> None:
    """Every row of the table in which img2dataset's parser was measured, with what has to happen."""
    one = ground({URL: (200, {"X-Robots-Tag": header}, JPEG)})
    outcome = one.take()
    (line,) = one.lines()
    assert outcome.reason == ("opted-out" if train == "deny" else "")
    assert (line["verdicts"]["train"] == "deny", line["verdicts"]["store"] == "deny") == (train == "deny", store == "deny")
    spoken = [signal for signal in line["signals"] if signal["mechanism"] == "x-robots-tag"]
    assert spoken
    assert spoken[0]["raw"] in header


def test_words_inside_the_bytes_count(ground: Make) -> None:
    """IPTC/PLUS in the XMP of the very file says no to training, whatever its host says."""
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" plus:DataMining='
        b'"http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED"/></rdf:RDF></x:xmpmeta>'
    )
    one = ground({URL: (200, {}, picture("JPEG", xmp=xmp))})
    assert one.take().reason == "opted-out"
    assert "plus" in {signal["mechanism"] for signal in one.lines()[0]["signals"]}


@pytest.mark.parametrize("status", [204, 400, 401, 403, 404, 410, 451, 500])
def test_other_answers_are_failures_with_their_status(ground: Make, status: int) -> None:
    """Whatever the visitor lets through that is no file is told by its status."""
    one = ground({URL: (status, {}, JPEG)})
    outcome = one.take()
    assert (outcome.state, outcome.reason) == ("failed", f"http-{status}")
    assert outcome.facts["status"] == status
    assert one.lines() == []


def test_redirects_are_visits_of_their_own(ground: Make) -> None:
    """Every hop is asked for by its own address, in order; the item knows the way and the address that answered."""
    to, last = "http://b.example/2", "http://c.example/3.jpg"
    script: Script = {URL: (302, {"Location": to}, b""), to: (301, {"Location": last + "#x"}, b""), last: (200, {}, JPEG)}
    one = ground(script)
    assert one.take().state == "done"
    (line,) = one.lines()
    assert (line["url"], line["final_url"], line["redirects"]) == (URL, last, [[URL, 302], [to, 301]])
    assert [ask.url for ask in one.web.asked] == [URL, to, last]


@pytest.mark.parametrize(
    ("script", "state", "reason"),
    [
        ({URL: (302, {"Location": URL}, b"")}, "failed", "redirect-loop"),
        ({URL: (302, {"Location": "/2"}, b""), "http://a.example/2": (302, {"Location": URL}, b"")}, "failed", "redirect-loop"),
        ({URL: (302, {}, b"")}, "failed", "redirect"),
        ({URL: (302, {"Location": "http://[x"}, b"")}, "failed", "redirect"),
        ({URL: (302, {"Location": "file:///etc/passwd"}, b"")}, "refused", "scheme"),
        ({URL: (302, {"Location": "data:image/png;base64,AA=="}, b"")}, "refused", "scheme"),
        ({URL: Refused("robots", URL, "Disallow: /")}, "refused", "robots"),
        (
            {URL: (302, {"Location": "http://b.example/"}, b""), "http://b.example/": Refused("robots", "x")},
            "refused",
            "robots",
        ),
        ({URL: Failed("tls", URL)}, "failed", "tls"),
        ({URL: (200, {}, b"<html>log in</html>")}, "failed", "not-media"),
        ({URL: (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b\x08junk")}, "failed", "content-encoding"),
    ],
)
def test_what_stands_in_the_way_is_told(ground: Make, script: Script, state: str, reason: str) -> None:
    """Circles, dead ends, other schemes, rules of any host on the way, failures, and answers that are no media."""
    one = ground(script)
    outcome = one.take()
    assert (outcome.state, outcome.reason) == (state, reason)
    assert one.lines() == []


def test_a_chain_of_redirects_has_an_end(ground: Make) -> None:
    """After five hops nothing more is asked for."""
    script: dict[str, tuple[int, dict[str, str], bytes]] = {
        f"http://a.example/{number}": (302, {"Location": f"/{number + 1}"}, b"") for number in range(20)
    }
    one = ground(script)
    assert one.take("http://a.example/0").reason == "redirects"
    assert len(one.web.asked) == HOPS + 1


def test_another_try_is_for_later_and_not_for_ever(ground: Make) -> None:
    """A failure that may pass gives the address back for the moment that it names; the visitor is told which try it is."""
    script: dict[str, Exception] = {URL: Failed("http-429", URL, again=30.0)}
    one = ground(script)
    first = one.take(tries=0)
    assert (first.state, first.reason, first.not_before, one.web.tries) == ("retry", "http-429", 130.0, 1)
    script[URL] = Failed("http-429", URL)
    assert one.take(tries=2).state == "failed"
    assert one.web.tries == 3


def test_a_stop_ends_nothing(ground: Make) -> None:
    """An address whose turn did not come because the crawl is being stopped has not ended, and is leased again."""
    one = ground({URL: Failed("stopped", "")})
    seeds = write_seeds(one.folder, [{"url": URL, "reason": "r"}])
    assert asyncio.run(one.taker.take(Lease(1, entry_of({"url": URL, "reason": "r"}), 0), lambda: 0.0)) is None
    assert drive(one, seeds, max_seconds=0.5)[0] == "time-limit"
    assert set(counts(one.folder)) == {("pending", "")}


def test_two_addresses_of_one_file_are_one_item(ground: Make) -> None:
    """A second row that is led to the same address and bytes is told as the same item."""
    other = "http://b.example/x"
    one = ground({URL: (200, {}, JPEG), other: (302, {"Location": URL}, b"")})
    assert one.take().reason == ""
    assert one.take(other).reason == "same-item"
    assert len(one.lines()) == 1


# --- a whole list ---------------------------------------------------------------------------------------------------------


def write_seeds(folder: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write the rows as the parent process does."""
    path = folder / "seeds.jsonl"
    path.write_bytes(b"".join(orjson.dumps({"fields": {}, "expect": {}, **row}) + b"\n" for row in rows))
    return path


def opened(folder: Path) -> FrontierDesk:
    """A real frontier in a file."""
    return open_desk(folder / "frontier.sqlite", "run", owner="run", spans=Spans(lease=5.0, host=5.0, delay=0.0))


def drive(one: Ground, seeds: Path, *, kill_after: int = 0, **options: Any) -> tuple[str, list[Outcome]]:
    """Drive a list to its end over a real frontier; with `kill_after`, leave everything as it is after so many ends."""
    heard: list[Outcome] = []

    async def run() -> str:
        desk = opened(one.folder)
        stop = asyncio.Event()

        def hear(outcome: Outcome) -> None:
            heard.append(outcome)
            if kill_after and len(heard) >= kill_after:
                stop.set()

        means = Means(desk, one.taker, seeds, one.folder, heard=hear, **options)
        reason = await run_list(means, stop)
        await desk.close()
        return reason

    return asyncio.run(run()), heard


def written_stats(one: Ground) -> dict[str, Any]:
    """The statistics of a run."""
    with Look(one.folder / "frontier.sqlite") as look:
        return write_stats(one.folder, look, "run", items=one.items.count, received=one.archive.received)


def counts(folder: Path) -> dict[tuple[str, str], int]:
    """What the frontier's own rows say."""
    import sqlite3

    with sqlite3.connect(folder / "frontier.sqlite") as db:
        rows = db.execute("SELECT state, reason, count(*) FROM url GROUP BY 1, 2").fetchall()
    db.close()
    return {(state, reason): number for state, reason, number in rows}


def test_a_list_is_visited_to_its_end(ground: Make) -> None:
    """Good files, failures, refusals, rows without address and repeated rows: each counted once, under its own word."""
    urls = [f"http://h{index}.example/{index}.jpg" for index in range(40)]
    script: dict[str, Any] = {url: (200, {}, picture(color=f"#{index:02x}0000")) for index, url in enumerate(urls)}
    script[urls[0]], script[urls[1]] = (404, {}, b""), Refused("robots", urls[1])
    one = ground(script)
    listed = [*urls, urls[5], urls[6] + "#again", "", "ftp://x/", urls[5]]
    rows = [{"url": url, "reason": f"list: l.csv#row={number}", "fields": {"n": number}} for number, url in enumerate(listed)]
    reason, heard = drive(one, write_seeds(one.folder, rows))
    assert reason == "finished"
    assert sorted(line["item"]["n"] for line in one.lines()) == list(range(2, 40))
    stats = written_stats(one)
    assert (stats["count"], stats["successes"], stats["failed_to_download"], stats["waiting"]) == (45, 38, 7, 0)
    assert stats["failed"] == {"http-404": 1}
    assert stats["refused"] == {"listed-twice": 3, "no-url": 1, "robots": 1, "scheme": 1}
    assert sum(stats["status_dict"].values()) == 45
    assert stats["listed_twice"] == 3
    assert 0 <= stats["duration"] == round(stats["end_time"] - stats["start_time"], 3)
    assert json.loads((one.folder / "list-stats.json").read_bytes()) == stats
    assert len(heard) == 45


def test_a_run_that_was_stopped_goes_on(ground: Make) -> None:
    """Nothing is lost, nothing written twice, and what is archived is not asked again."""
    urls = [f"http://h{index % 7}.example/{index}.jpg" for index in range(60)]
    one = ground({url: (200, {}, picture(color=f"#{index:02x}0000")) for index, url in enumerate(urls)})
    seeds = write_seeds(one.folder, [{"url": url, "reason": f"list: l#row={index}"} for index, url in enumerate(urls)])
    reason, _ = drive(one, seeds, kill_after=10)
    assert reason == "shutdown"
    assert one.items.count < 60
    reason, _ = drive(one, seeds)
    assert reason == "finished"
    assert sorted(line["url"] for line in one.lines()) == sorted(urls)
    assert len({ask.url for ask in one.web.asked}) == len(one.web.asked) == 60
    stats = written_stats(one)
    assert (stats["count"], stats["successes"], stats["listed_twice"]) == (60, 60, 0)


def test_rows_are_entered_once_although_a_batch_is_read_again(ground: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between entering and noting how far costs a second reading of that batch, not a second listing."""
    monkeypatch.setattr("acquisition.crawl.listing.rows.BATCH", 10)
    urls = [f"http://h{index}.example/{index}.jpg" for index in range(30)]
    one = ground({url: (200, {}, JPEG) for url in urls})
    seeds = write_seeds(one.folder, [{"url": url, "reason": f"list: l#row={index}"} for index, url in enumerate(urls)])
    drive(one, seeds)
    cursor = Cursor.load(one.folder)
    assert cursor == Cursor(seeds.stat().st_size, 30, 30, done=True)
    first, second = (end for end, _ in list(batches(seeds, 0))[:2])
    assert first < second
    Cursor(first, 10, 10).save(one.folder)
    reason, heard = drive(one, seeds)
    assert (reason, heard) == ("finished", [])
    assert counts(one.folder) == {("done", ""): 30}
    stats = written_stats(one)
    assert (stats["count"], stats["listed_twice"]) == (30, 0)


def test_limits_end_a_run(ground: Make) -> None:
    """A number of items is a limit of the run; the reason says so."""
    urls = [f"http://h{index}.example/{index}.jpg" for index in range(300)]
    one = ground({url: (200, {}, picture(color=f"#{index:06x}")) for index, url in enumerate(urls)})
    seeds = write_seeds(one.folder, [{"url": url, "reason": str(index)} for index, url in enumerate(urls)])
    reason, _ = drive(one, seeds, max_items=5)
    assert reason == "item-limit"
    assert counts(one.folder)["done", ""] == 5
    assert drive(one, seeds, max_seconds=1e-9)[0] == "time-limit"


def test_what_breaks_inside_is_raised(ground: Make) -> None:
    """A fault that is no Refused and no Failed ends the run with itself; the address is not called done."""
    one = ground({URL: OSError("no space left")})
    seeds = write_seeds(one.folder, [{"url": URL, "reason": "r"}])
    with pytest.raises(OSError, match="no space"):
        drive(one, seeds)
    assert set(counts(one.folder)) == {("leased", "")}


def test_the_cursor_is_a_file_beside_the_run(tmp_path: Path) -> None:
    """It is written whole and read back as it was."""
    Cursor(10, 2, 1).save(tmp_path)
    assert (tmp_path / CURSOR_FILE).exists()
    assert Cursor.load(tmp_path) == Cursor(10, 2, 1)


def test_an_item_of_a_page_that_was_written_before_a_kill_is_no_second_one(ground: Make) -> None:
    """The item is there, the end is not: the address is taken again, from the archive, and ends as done."""
    one = ground({URL: (200, {}, JPEG)})
    one.take()
    again = one.take()
    assert (again.state, again.reason) == ("done", "")
    assert len(one.lines()) == len(one.web.asked) == 1


def test_places_name_the_archive(ground: Make) -> None:
    """What the frontier keeps of an address leads to its record."""
    one = ground({URL: (200, {}, JPEG)})
    file, offset, record_id, date = one.take().facts["place"]
    headers, body = one.archive.read(Place(file, offset, record_id, date, 200))
    assert body == JPEG
    assert headers


def test_entries_know_their_host() -> None:
    """Politeness is per registrable host."""
    assert entry_of({"url": "https://img1.cdn.example.co.uk/1.jpg", "reason": "r"}).host == "example.co.uk"
    assert isinstance(entry_of({"url": URL, "reason": "r"}), Entry)


# --- a scribe of its own --------------------------------------------------------------------------------------------------


def test_frames_come_through_whole_however_they_are_cut() -> None:
    """What is said and the bytes behind it arrive in order, whatever pieces the socket gives."""
    said = [({"n": index, "text": "ä" * index}, bytes(range(index))) for index in range(20)]
    stream = b"".join(frame(*one) for one in said)
    for size in (1, 7, 64, len(stream)):
        frames = Frames()
        pieces = (stream[start : start + size] for start in range(0, len(stream), size))
        assert [one for piece in pieces for one in frames.of(piece)] == said


def test_an_answer_travels_as_json_and_bytes() -> None:
    """Headers keep their order, spelling and latin-1 letters; everything else comes back as it was."""
    lines = (("X-Robots-Tag", "noai"), ("x-robots-tag", "caf\xe9"))
    wire = Wire(200, "OK", "HTTP/1.1", lines, b"\xff\x00", "127.0.0.1", (("Host", "a"),), 1.5, 2.5, {"subject": "a"}, cut=True)
    (said, body) = next(Frames().of(frame({"wire": wire_said(wire)}, wire.body)))
    assert wire_of(said["wire"], body) == wire


def far_job(folder: Path, **options: Any) -> Job:
    """A job whose list has a scribe."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {"media_types": ["image/*"], **options}
    crawl = {"delay": 0.0, "latency_factor": 0.0, "concurrency": 1, "max_response": 1_000_000, "own_hosts": []}
    job = Job("s", "url_list", "", (), "", {}, str(folder), str(folder), "test", "a@b.c", crawl, options, {}, Limits(), "d")
    job.save()
    return job


class FarGround:
    """An archive that a scribe writes, and a taker over a scripted web, on one loop."""

    def __init__(self, folder: Path, script: Script, **options: Any) -> None:
        self.folder = folder
        self.job = far_job(folder, **options)
        self.script = script

    def take(self, *urls: str) -> list[Outcome | None]:
        """Take addresses one after the other, in a scribe's life of its own."""
        return asyncio.run(self._take(urls))

    async def _take(self, urls: Sequence[str]) -> list[Outcome | None]:
        self.archive = FarArchive(self.job, {"software": "test"})
        self.items = FarItems(self.archive)
        self.web = Web(self.archive, self.script)
        try:
            async with clerk_of(self.job, self.archive, self.items, reading) as clerk:
                taker = Taker(self.web, clerk)
                rows = [{"url": url, "reason": f"list: l#row={number}"} for number, url in enumerate(urls)]
                return [await taker.take(Lease(1, entry_of(row), 0), lambda: 1.0) for row in rows]
        finally:
            self.count = self.items.count
            self.items.close()
            self.archive.close()

    def lines(self) -> list[dict[str, Any]]:
        """The items that were written down."""
        return [
            json.loads(line) for path in sorted(self.folder.glob("*.items.jsonl")) for line in path.read_text().splitlines()
        ]


def test_a_scribe_writes_what_the_crawler_itself_would(tmp_path: Path, ground: Make) -> None:
    """The same items, outcomes, facts and archive, but for times and record ids."""
    to = "http://b.example/2.jpg"
    script: Script = {
        URL: (200, {"X-Robots-Tag": "noai"}, JPEG),
        "http://a.example/x": (302, {"Location": to}, b""),
        to: (200, {"ETag": '"1"'}, picture("PNG")),
        "http://a.example/bad": (200, {}, b"<html>"),
        "http://a.example/gone": (404, {}, b"no"),
        "http://a.example/again": (302, {"Location": to}, b""),
    }
    urls = [*script, "http://a.example/never"]
    far, near = FarGround(tmp_path / "far", script), ground(script)
    outcomes = far.take(*urls)
    own = [near.take(url, reason=f"list: l#row={number}") for number, url in enumerate(urls)]

    def timeless(outcome: Outcome | None) -> tuple[Any, ...]:
        assert outcome is not None
        facts = {name: value for name, value in outcome.facts.items() if name != "place"}
        return outcome.state, outcome.reason, outcome.detail, facts, outcome.facts["place"][0]

    assert [timeless(one) for one in outcomes] == [timeless(one) for one in own]
    assert [one.reason for one in own] == ["opted-out", "", "", "not-media", "http-404", "same-item", "http-404"]
    visit = {"warc", "retrieved_at"}
    plain = [
        [{name: value for name, value in line.items() if name not in visit} for line in one.lines()] for one in (far, near)
    ]
    assert plain[0] == plain[1]
    assert far.count == len(plain[0]) == 2
    for line in far.lines():
        with_archive = RunArchive(far.folder, {})
        place = Place(line["warc"]["file"], line["warc"]["offset"], line["warc"]["record_id"], line["retrieved_at"], 200)
        assert hashlib.sha256(with_archive.read(place)[1]).hexdigest() == line["sha256"]
        with_archive.close()


def test_a_scribe_goes_on_where_another_ended(tmp_path: Path) -> None:
    """What is archived is not asked for again, and no item is written twice."""
    far = FarGround(tmp_path, {URL: (200, {}, JPEG), "http://b.example/": (200, {}, picture("PNG"))})
    far.take(URL)
    first = len(far.web.asked)
    outcomes = far.take(URL, "http://b.example/")
    assert (first, [ask.url for ask in far.web.asked]) == (1, ["http://b.example/"])
    assert [one.reason if one else None for one in outcomes] == ["", ""]
    assert (far.count, len(far.lines())) == (2, 2)


def test_a_scribe_judges_by_the_declaration(tmp_path: Path) -> None:
    """What the list expects and which types it wants reach it with the job."""
    far = FarGround(tmp_path, {URL: (200, {}, JPEG)}, media_types=["image/png"], expect={"min_side": 2})
    (outcome,) = far.take(URL)
    assert outcome is not None
    assert outcome.reason == "media-type"


def test_a_scribe_that_cannot_begin_says_why(tmp_path: Path) -> None:
    """Its error is ours, with the class that it had."""
    far = FarGround(tmp_path, {})
    (tmp_path / "index.sqlite").mkdir()
    with pytest.raises(AcquisitionError):
        far.take(URL)


def test_a_scribe_that_dies_ends_the_crawl_and_loses_nothing(tmp_path: Path) -> None:
    """Whoever waits for it is told; the next one finds what it had written."""
    far = FarGround(tmp_path, {URL: (200, {}, JPEG)})

    async def killed() -> None:
        archive = FarArchive(far.job, {"software": "test"})
        items = FarItems(archive)
        try:
            async with clerk_of(far.job, archive, items, reading) as clerk:
                archive.link._process.kill()
                await asyncio.to_thread(archive.link._process.wait)
                await Taker(Web(archive, far.script), clerk).take(
                    Lease(1, entry_of({"url": URL, "reason": "r"}), 0), lambda: 1.0
                )
        finally:
            archive.close()

    with pytest.raises((AcquisitionError, Failed)):
        asyncio.run(killed())
    far.take(URL)
    assert len(far.lines()) == 1


def test_a_scribe_is_begun_early_and_ends_when_nobody_claims_it(tmp_path: Path) -> None:
    """It is begun for a list without earlier runs alone, claimed once, opens nothing by itself, and ends with its socket."""
    job = tmp_path / "job.json"
    wanted: dict[str, Any] = {"spider": "", "earlier": [], "replay": False}
    others: list[Any] = [{**wanted, "spider": "owls"}, {**wanted, "earlier": ["run-0001"]}, {**wanted, "replay": True}, {}, []]
    for said in others:
        job.write_text(json.dumps(said))
        early.begin(job)
        assert not early._WAITING
    job.write_text(json.dumps(wanted))
    early.begin(job)
    assert set(early._WAITING) == ({job} if early.pays(is_list=True, looks_back=False) else set())
    scribe = early.claimed(job)
    assert not early._WAITING
    assert scribe.process.poll() is None
    assert [path.name for path in tmp_path.iterdir()] == ["job.json"]
    scribe.socket.close()
    scribe.process.wait(60)
    assert scribe.process.returncode is not None
    assert [path.name for path in tmp_path.iterdir()] == ["job.json"]


def test_seeds_are_written_as_they_are_read(tmp_path: Path) -> None:
    """What JSON has no word for is written as text, whatever a table's cell holds; what is there stays."""
    odd = {"when": datetime(2026, 1, 2, tzinfo=UTC), "raw": b"x", "big": 1 << 70, "deep": MappingProxyType({"a": 1}), "n": 1.5}
    first = Seed("http://a.example/\xe9", "list: l#row=0", MappingProxyType(odd), {"size": 3})
    run_seeds.write_seeds(tmp_path, [first, Seed("http://b.example/")])
    found = list(run_seeds.read_seeds(tmp_path))
    expected = {"when": "2026-01-02 00:00:00+00:00", "raw": "b'x'", "big": 1 << 70, "deep": {"a": 1}, "n": 1.5}
    assert found == [Seed(first.url, first.reason, expected, {"size": 3}), Seed("http://b.example/")]
    run_seeds.write_seeds(tmp_path, [])
    assert list(run_seeds.read_seeds(tmp_path)) == found

"""The lists of items: each once, torn lines cut, lost pages forgotten, changes named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from acquisition.crawl.archive import ItemLog, NotPlain, Page, Rights, RunArchive, is_media, plain, record_of
from acquisition.crawl.contract import Place
from acquisition.crawl.outcome import CrawlRun
from tests.unit.test_crawl_archive import INFO, archive, killed, put


def page(place: Place, media_type: str = "text/html", body: bytes = b"<p>", url: str = "https://example.org/b") -> Page:
    """Return a page that items lie on."""
    return Page("https://example.org/a", url, "https://example.org/", media_type, body, place)


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a list."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_items_come_once_and_torn_lines_are_cut(tmp_path: Path) -> None:
    """An item that is known is not written twice, in this attempt or the next; half a line is no item."""
    with archive(tmp_path) as made:
        place, _ = put(made, "https://example.org/a")
        log = ItemLog(tmp_path, made)
        assert log.add(record_of({"text": "one"}, page(place)))
        assert not log.add(record_of({"text": "one"}, page(place)))
        log.close()
    path = tmp_path / "crawl-00000.items.jsonl"
    path.write_bytes(path.read_bytes() + b'{"locator": "torn')
    with archive(tmp_path) as made:
        again = ItemLog(tmp_path, made)
        assert again.count == 1
        assert not again.add(record_of({"text": "one"}, page(place)))
        assert again.add(record_of({"text": "two"}, page(place)))
        again.close()
    assert [line["item"] for line in lines(path)] == [{"text": "one"}, {"text": "two"}]


@pytest.mark.parametrize("index", ["kept", "behind", "lost"])
def test_a_kill_loses_no_item(tmp_path: Path, index: str) -> None:
    """Lines that the index has not seen, or that no index knows, are taken in from the lists."""
    made = RunArchive(tmp_path, INFO)
    log = ItemLog(tmp_path, made)
    place, _ = put(made, "https://example.org/a")
    log.add(record_of({"text": "one"}, page(place)))
    if index == "kept":
        made.index.commit()
    killed(made, log)
    if index == "lost":
        (tmp_path / "index.sqlite").unlink()
    with archive(tmp_path) as again:
        assert again.find("https://example.org/a") == place
        log = ItemLog(tmp_path, again)
        assert log.count == 1
        assert not log.add(record_of({"text": "one"}, page(place)))
        log.close()


def test_items_whose_page_is_lost_are_forgotten(tmp_path: Path) -> None:
    """A power cut that takes the end of a WARC file takes the items that lie there, so that they can come again."""
    made = RunArchive(tmp_path, INFO)
    log = ItemLog(tmp_path, made)
    first, _ = put(made, "https://example.org/a")
    log.add(record_of({"text": "kept"}, page(first)))
    lost, _ = put(made, "https://example.org/b")
    log.add(record_of({"text": "lost"}, page(lost)))
    made.index.commit()
    killed(made, log)
    with (tmp_path / "crawl-00000.warc.gz.open").open("r+b") as stream:
        stream.truncate(lost.offset + 10)
    with archive(tmp_path) as again:
        log = ItemLog(tmp_path, again)
        assert (log.count, again.pages) == (1, 1)
        place, _ = put(again, "https://example.org/b")
        assert log.add(record_of({"text": "lost"}, page(place)))
        log.close()
    assert [line["item"]["text"] for line in lines(tmp_path / "crawl-00000.items.jsonl")] == ["kept", "lost"]


def test_items_of_pages_that_another_finished_are_taken_back(tmp_path: Path) -> None:
    """Void items leave count and lists; the others stay."""
    with archive(tmp_path) as made:
        log = ItemLog(tmp_path, made)
        for number in range(3):
            place, _ = put(made, f"https://example.org/{number}")
            log.add(record_of({"text": str(number)}, page(place)), page=bytes([number]) * 16)
        assert (log.void([b"\x01" * 16, b"\x07" * 16]), log.count) == (1, 2)
        log.close()
    assert [line["item"]["text"] for line in lines(tmp_path / "crawl-00000.items.jsonl")] == ["0", "2"]
    with archive(tmp_path) as made:
        assert ItemLog(tmp_path, made).count == 2


@pytest.mark.parametrize("index", ["kept", "lost"])
def test_changes_against_the_run_before(tmp_path: Path, index: str) -> None:
    """An item is new, the same, or stands on a page that had others before; whether or not the index has survived."""
    one, two = tmp_path / "run-0001", tmp_path / "run-0002"
    with archive(one) as made:
        place, _ = put(made, "https://example.org/b")
        log = ItemLog(one, made)
        log.add(record_of({"text": "same"}, page(place)))
        log.close()
    if index == "lost":
        (one / "index.sqlite").unlink()
    with archive(two, earlier=[one]) as made:
        place, unchanged = put(made, "https://example.org/b")
        log = ItemLog(two, made)
        for text, url in (("same", "b"), ("other", "b"), ("same", "c")):
            log.add(record_of({"text": text}, page(place, url=f"https://example.org/{url}")))
        log.close()
    assert unchanged
    found = lines(two / "run-0001-crawl-00000.items.jsonl")
    assert [line["change"] for line in found] == ["same", "changed", "new"]


def test_what_a_line_says(tmp_path: Path) -> None:
    """Redirects, reason, charset and rights stand in the line; a page's digest is that of its decoded body."""
    place = Place("crawl-00000.warc.gz", 1, "<r1>", "2026-01-01T00:00:00Z", 200)
    met = Page(
        "https://example.org/a", "https://example.org/b", "", "text/html", b"<p>", place,
        redirects=(("https://example.org/a", 301),), reason="query: kick", charset=("latin-1", "windows-1252"),
    )  # fmt: skip
    rights = Rights([{"mechanism": "aipref"}], {"fetch": "allow", "train": "deny", "store": "none"}, {"verdict": "allow"})
    line = record_of({"title": "x"}, met, rights, sample="page")
    assert line["redirects"] == [["https://example.org/a", 301]]
    assert line["charset"] == {"declared": "latin-1", "used": "windows-1252"}
    assert (line["reason"], line["sample"], line["size"]) == ("query: kick", "page", 3)
    assert line["verdicts"] == {"fetch": "allow", "train": "deny", "store": "none"}
    assert (line["signals"], line["robots"]) == ([{"mechanism": "aipref"}], {"verdict": "allow"})


def test_the_locator_depends_on_address_and_content_alone() -> None:
    """The same item met in another run, at another time, has the same locator."""
    one = record_of({"b": 1, "a": "x"}, page(Place("crawl-00000.warc.gz", 1, "<r1>", "2026-01-01T00:00:00Z", 200)))
    two = record_of({"a": "x", "b": 1}, page(Place("crawl-00007.warc.gz", 9, "<r2>", "2027-01-01T00:00:00Z", 200)))
    assert one["locator"] == two["locator"]
    assert one["locator"].startswith("https://example.org/b#sha256=")


@pytest.mark.parametrize(
    ("media_type", "media"),
    [("text/html", False), ("application/xhtml+xml", False), ("image/svg+xml", False), ("", False), ("image/png", True)],
)
def test_which_bodies_are_samples(media_type: str, media: bool) -> None:
    """Text is read by the spider; everything else is a sample as it stands."""
    assert is_media(media_type) is media


def test_values_without_a_json_form_are_refused() -> None:
    """Bytes and objects are not guessed at."""
    assert plain({"a": (1, {"x"})}) == {"a": [1, ["x"]]}
    assert plain({"a": [float("nan"), float("inf"), 1.5]}) == {"a": [None, None, 1.5]}
    with pytest.raises(NotPlain):
        plain({"a": b"bytes"})


def test_a_power_cut_may_leave_zeros(tmp_path: Path) -> None:
    """A file system may keep a file's length and lose its bytes; index and lists follow what is there."""
    made = RunArchive(tmp_path, INFO)
    log = ItemLog(tmp_path, made)
    places = []
    for number in range(10):
        if number == 4:
            made.sync()
            log.sync()
        place, _ = put(made, f"https://example.org/{number}")
        places.append(place)
        log.add(record_of({"text": str(number)}, page(place)))
    made.index.commit()
    killed(made, log)
    for path, start in (
        (tmp_path / "crawl-00000.warc.gz.open", places[7].offset),
        (tmp_path / "crawl-00000.items.jsonl", 2_600),
    ):
        data = path.read_bytes()
        path.write_bytes(data[:start] + bytes(len(data) - start))
    with archive(tmp_path) as again:
        log = ItemLog(tmp_path, again)
        kept = len([line for line in (tmp_path / "crawl-00000.items.jsonl").read_bytes().splitlines() if line.strip(b"\0")])
        assert (again.pages, log.count) == (7, kept)
        assert 4 <= kept < 7
        for number in range(10):
            place, _ = put(again, f"https://example.org/{number}")
            log.add(record_of({"text": str(number)}, page(place)))
        log.close()
    found = [line["item"]["text"] for line in lines(tmp_path / "crawl-00000.items.jsonl")]
    assert sorted(found) == [str(number) for number in range(10)]


def test_changes_are_told_from_the_last_run_that_ended(tmp_path: Path) -> None:
    """What a run lacks that was broken off is not new."""
    for name, text, finished in (("run-0001", "first", True), ("run-0002", "second", False)):
        with archive(tmp_path / name) as made:
            place, _ = put(made, "https://example.org/b")
            log = ItemLog(tmp_path / name, made)
            log.add(record_of({"text": text}, page(place)))
            log.close()
        CrawlRun(name, tmp_path / name, "", "", finished=finished).save()
    with archive(tmp_path / "run-0003", earlier=[tmp_path / "run-0001", tmp_path / "run-0002"]) as made:
        place, _ = put(made, "https://example.org/b")
        log = ItemLog(tmp_path / "run-0003", made)
        for text in ("first", "second"):
            log.add(record_of({"text": text}, page(place)))
        log.close()
    found = lines(tmp_path / "run-0003" / "run-0002-crawl-00000.items.jsonl")
    assert [line["change"] for line in found] == ["same", "changed"]

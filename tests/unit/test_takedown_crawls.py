"""Crawl archives without what was taken down: every other byte is where it was, and every index, count and list follows."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from acquisition.crawl.archive import ItemLog, Page, record_of, write_cdxj, write_wacz
from acquisition.crawl.archive.captures import captures, from_file
from acquisition.crawl.archive.earlier import open_index
from acquisition.crawl.contract import PolicyFile
from acquisition.crawl.engine.keys import key_of
from acquisition.crawl.frontier import policies
from acquisition.crawl.frontier.database import SqliteDatabase
from acquisition.crawl.outcome import CrawlRun, edited_from, load_run, note_identity
from acquisition.takedown.crawls import Leaving, named_in, take_from_crawl
from acquisition.takedown.fillers import TYPE, gzip_filler, plain_filler, warc_without, with_company
from acquisition.takedown.frontiers import mark_in_frontier
from tests.unit.test_crawl_archive import archive, ask, put, wire

DATE = "2026-11-21T00:00:00Z"
BAD, GOOD = "https://example.org/bad", "https://example.org/good"


def none(_: str) -> bool:
    """Say that no address is gone."""
    return False


def page(url: str, body: bytes, place: Any, media: bool = False) -> dict[str, Any]:
    """Return an item's line."""
    found = Page(url, url, "https://example.org/", "image/png" if media else "text/html", body, place)
    return record_of({"title": f"of {url}"}, found, sample="media" if media else "page")


def crawl(root: Path) -> list[Path]:
    """Make two runs: the second saw the same pages, so its records refer to those of the first."""
    runs: list[Path] = []
    for number in (1, 2):
        directory = root / f"run-{number:04d}"
        with archive(directory, earlier=tuple(runs)) as made:
            log = ItemLog(directory, made)
            for url, body in (
                (GOOD, b"<p>stays"),
                (BAD, b"<p>secret words"),
                ("https://example.org/p.png", b"\x89PNG picture"),
            ):
                place, _ = made.write(
                    ask(url, "media" if url.endswith("png") else "page"), wire(body, 200, (("Content-Type", "text/html"),)), {}
                )
                log.add(page(url, body, place, media=url.endswith("png")))
            put(made, "https://example.org/robots.txt", b"User-agent: *", kind="policy")
            put(made, "https://other.example/", b"<p>also stays")
            log.close()
            pages, received, items = made.pages, made.received, log.count
        (directory / "refusals.jsonl").write_text(
            f'{{"at": "", "what": "refused", "reason": "robots", "url": "{BAD}", "detail": ""}}\n'
            '{"at": "", "what": "refused", "reason": "robots", "url": "https://example.org/x", "detail": ""}\n'
        )
        write_cdxj(directory)
        CrawlRun(directory.name, directory, DATE, DATE, pages, items, received, finished=True, finish_reason="finished").save()
        runs.append(directory)
    return runs


def left_in(directory: Path) -> bytes:
    """Return everything that the files of a run hold, unpacked."""
    found = b""
    for path in sorted(directory.iterdir()):
        raw = path.read_bytes()
        found += gzip.decompress(raw) if path.name.endswith(".gz") else raw
    return found


def by(*urls: str) -> Callable[[str], bool]:
    """Return the question for some addresses."""
    return lambda url: url in urls


@pytest.mark.parametrize("how", ["address", "locator", "digest"])
def test_a_page_leaves_every_run(tmp_path: Path, how: str) -> None:
    """By its address, by its item or by its content: no file of any run holds it or names it, and the rest is as it was."""
    runs = crawl(tmp_path)
    before = {run: {capture.url: capture for path in run.glob("*.warc.gz") for capture in from_file(path)} for run in runs}
    lines = [json.loads(line) for line in (runs[0] / "crawl-00000.items.jsonl").read_bytes().splitlines()]
    (bad,) = (line for line in lines if line["url"] == BAD)
    leaving = {
        "address": Leaving(by(BAD)),
        "locator": Leaving(none, frozenset({bad["locator"]})),
        "digest": Leaving(none, frozenset(), frozenset({bad["sha256"]})),
    }[how]
    left = take_from_crawl(tmp_path, leaving, DATE)
    assert (left.addresses, left.kept) == ({BAD}, [])
    for run in runs:
        assert b"secret words" not in left_in(run)
        assert BAD.encode() not in left_in(run)
        after = {capture.url: capture for path in run.glob("*.warc.gz") for capture in from_file(path)}
        assert after == {url: capture for url, capture in before[run].items() if url != BAD}
        cdxj = (run / "index.cdxj").read_text()
        assert cdxj.count("\n") == sum(1 for path in run.glob("*.warc.gz") for _ in captures(path))
        outcome = load_run(run)
        assert outcome is not None
        assert (outcome.pages, outcome.items, dict(outcome.refused)) == (3, 2, {"taken-down": 1})


def test_a_host_leaves_with_what_it_said_of_its_rights(tmp_path: Path) -> None:
    """Its robots.txt names it and goes too, in every run; it was no page, so the count of refused pages leaves it out."""
    runs = crawl(tmp_path)
    take_from_crawl(tmp_path, Leaving(lambda url: url.startswith("https://example.org/")), DATE)
    for run in runs:
        held = left_in(run)
        assert not any(name.encode() in held for name in (BAD, GOOD, "https://example.org/robots.txt"))
        assert b"https://other.example/" in held
        outcome = load_run(run)
        assert outcome is not None
        assert (outcome.pages, outcome.items, dict(outcome.refused)) == (1, 0, {"taken-down": 3})


def test_what_stays_reads_recalls_and_exports(tmp_path: Path) -> None:
    """The archive finds every other page with its body, a revisit too; WACZ and warcio's own check agree with the files."""
    runs = crawl(tmp_path)
    take_from_crawl(tmp_path, Leaving(by(BAD)), DATE)
    with archive(runs[1], earlier=[runs[0]]) as made:
        for url, body in ((GOOD, b"<p>stays"), ("https://example.org/p.png", b"\x89PNG picture")):
            place = made.find(url)
            assert place is not None
            assert made.read(place)[1] == body
            recalled = made.recall(url)
            assert recalled is not None
            assert (recalled.wire.body, recalled.unchanged) == (body, True)
        assert made.find(BAD) is None
        assert made.earlier.find(BAD) is None
    package = write_wacz(runs[1], tmp_path / "run.wacz", title="t")
    with zipfile.ZipFile(package) as opened:
        pages = opened.read("pages/pages.jsonl").decode()
        assert (GOOD in pages, BAD in pages) == (True, False)
    for path in sorted(tmp_path.glob("run-*/*.warc.gz")):
        done = subprocess.run([sys.executable, "-m", "warcio.cli", "check", str(path)], capture_output=True, check=False)
        assert done.returncode == 0, done.stdout


def test_what_a_run_was_known_by_stays(tmp_path: Path) -> None:
    """Revision and digests are noted before anything changes, so the lock and all other items keep their names."""
    (run, _) = crawl(tmp_path)
    sizes = {path.name: path.stat().st_size for path in run.glob("*.warc.gz")}
    take_from_crawl(tmp_path, Leaving(by(BAD)), DATE)
    noted = edited_from(run)
    assert noted["files"].keys() == {"crawl-00000.warc.gz", "crawl-00000.items.jsonl"}
    assert {path.name: path.stat().st_size for path in run.glob("*.warc.gz")} == sizes
    take_from_crawl(tmp_path, Leaving(by(GOOD)), DATE)
    note_identity(run)
    assert edited_from(run) == noted


def test_doing_it_again_changes_nothing_and_an_unfinished_one_is_finished(tmp_path: Path) -> None:
    """A kill between the archive and its index leaves a gap that is filled again."""
    runs = crawl(tmp_path)
    take_from_crawl(tmp_path, Leaving(by(BAD)), DATE)
    state = {path: path.read_bytes() for run in runs for path in run.iterdir() if not path.name.startswith("index.sqlite")}
    again = take_from_crawl(tmp_path, Leaving(by(BAD)), DATE)
    assert (again.records, again.lines, again.addresses) == (0, 0, set())
    assert {path: path.read_bytes() for path in state} == state
    with closing(open_index(runs[0])) as index:
        rows = index.rows(GOOD)
        with (runs[0] / rows[0].place.file).open("rb") as stream:
            pieces = io.BytesIO()
            warc_without(stream, pieces, [(rows[0].place.offset, rows[0].place.offset + rows[0].length)], DATE)
    (runs[0] / rows[0].place.file).write_bytes(pieces.getvalue())  # killed after the file, before the index
    take_from_crawl(tmp_path, Leaving(by(GOOD)), DATE)
    assert b"<p>stays" not in left_in(runs[0])
    with closing(open_index(runs[0])) as index:
        assert index.rows(GOOD) == []


@pytest.mark.parametrize("step", ["_rewrite", "_recount", "_drop_addresses", "_drop_items"])
def test_a_kill_at_any_step_is_made_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """What leaves by its item alone, known only from the lists, is out after the same call, whatever step was killed."""
    runs = crawl(tmp_path)
    lines = [json.loads(line) for line in (runs[0] / "crawl-00000.items.jsonl").read_bytes().splitlines()]
    leaving = Leaving(none, frozenset(line["locator"] for line in lines if line["url"] == BAD))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"acquisition.takedown.crawls._Run.{step}", killed)
    with pytest.raises(KeyboardInterrupt):
        take_from_crawl(tmp_path, leaving, DATE)
    monkeypatch.undo()
    assert named_in(tmp_path, leaving).addresses == {BAD}
    take_from_crawl(tmp_path, leaving, DATE)
    for run in runs:
        assert b"secret words" not in left_in(run)
        assert BAD.encode() not in left_in(run)
        with closing(open_index(run)) as index:
            assert (index.rows(BAD), len(index.rows(GOOD)), index.item_count()) == ([], 1, 2)


def test_an_index_that_was_lost_is_made_anew_without_it(tmp_path: Path) -> None:
    """The files are the truth, and the filler is no exchange."""
    runs = crawl(tmp_path)
    take_from_crawl(tmp_path, Leaving(by(BAD)), DATE)
    (runs[0] / "index.sqlite").unlink()
    with closing(open_index(runs[0])) as index:
        assert index.rows(BAD) == []
        assert len(index.rows(GOOD)) == 1
        assert index.totals()[0] == 3


# --- fillers -------------------------------------------------------------------------------------------------------------


@given(st.integers(220, 200_000), st.integers(0, 10**12))
def test_a_filler_has_the_length_that_is_asked_for_and_is_one_record(length: int, offset: int) -> None:
    """For every length, packed and plain; readers of WARC see one record of a type of its own, and zeros."""
    for data in (gzip_filler(length, offset, DATE), plain_filler(length, offset, DATE)):
        assert len(data) == length
        (record,) = ArchiveIterator(io.BytesIO(data), check_digests="raise")
        assert record.rec_type == TYPE
    assert set(gzip.decompress(gzip_filler(length, offset, DATE)).partition(b"\r\n\r\n")[2][:-4]) <= {0}


def test_a_gap_that_is_too_small_is_said() -> None:
    """No record of ours is so short."""
    with pytest.raises(ValueError, match="no room"):
        plain_filler(100, 0, DATE)


@pytest.mark.parametrize("packed", [True, False])
def test_somebody_elses_warc(packed: bool) -> None:
    """With a record go its request, its metadata and whatever has its payload digest; other records do not move."""
    raw = b""
    offsets = {}
    for kind, name, more in (
        ("response", "a", "WARC-Payload-Digest: sha1:AAAA\r\n"),
        ("request", "b", "WARC-Concurrent-To: <urn:a>\r\n"),
        ("response", "c", ""),
        ("revisit", "d", "WARC-Payload-Digest: sha1:AAAA\r\n"),
        ("metadata", "e", "WARC-Refers-To: <urn:a>\r\n"),
        ("conversion", "f", "WARC-Refers-To: <urn:c>\r\n"),
    ):
        offsets[name] = len(raw)
        body = name.encode() * 300
        head = (
            f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:{name}>\r\nWARC-Target-URI: https://e.org/{name}\r\n"
            f"WARC-Date: {DATE}\r\n{more}Content-Length: {len(body)}\r\n\r\n"
        )
        one = head.encode() + body + b"\r\n\r\n"
        raw += gzip.compress(one, 0) if packed else one
    stretches = with_company(io.BytesIO(raw), {offsets["a"]})
    out = io.BytesIO()
    warc_without(io.BytesIO(raw), out, stretches, DATE)
    records = [
        (one.rec_headers.get_header("WARC-Record-ID"), one.rec_type) for one in ArchiveIterator(io.BytesIO(out.getvalue()))
    ]
    assert [kind for _, kind in records] == [TYPE, "response", TYPE, "conversion"]
    assert out.getvalue()[offsets["c"] : offsets["d"]] == raw[offsets["c"] : offsets["d"]]
    assert len(out.getvalue()) == len(raw)


# --- the frontier --------------------------------------------------------------------------------------------------------


def frontier(path: Path) -> None:
    """Make a frontier that knows three addresses in two runs."""
    with closing(SqliteDatabase(path, now=lambda: 5.0)) as database:
        database.prepare()
        sql = """INSERT INTO url (run, key, url, host, request, priority, depth, seq, not_before, state, reason, detail,
 referrer, entered) VALUES (?, ?, ?, 'example.org', 'r', 0, 0, 1, 0, ?, '', '', ?, 1)"""
        for run, state in ((1, "done"), (2, "pending")):
            for url, referrer in ((BAD, GOOD), (GOOD, BAD), ("https://other.example/", "")):
                database.rows(sql, (run, key_of(url), url, state, referrer))


@pytest.mark.parametrize("every", [True, False])
def test_the_frontier_keeps_a_digest_and_the_end(tmp_path: Path, every: bool) -> None:
    """The rows are refused for good, their address and what they led to are not named any more, and no other row changes."""
    path = tmp_path / "frontier.sqlite"
    frontier(path)
    urls = frozenset() if every else frozenset({BAD})
    assert mark_in_frontier(path, by(BAD), urls, every=every) == 2
    with closing(SqliteDatabase(path, now=lambda: 5.0)) as database:
        rows = database.rows("SELECT url, state, reason, referrer, ended FROM url ORDER BY id")
    gone = ("refused", "taken-down")
    assert [row[1:3] for row in rows] == [gone, ("done", ""), ("done", ""), gone, ("pending", ""), ("pending", "")]
    assert rows[0][0].startswith("urn:taken-down:sha256:")
    assert all(row[3] == "" for row in rows)
    for part in tmp_path.iterdir():
        assert BAD.encode() not in part.read_bytes()
    assert mark_in_frontier(path, by(BAD), urls, every=every) == 0
    assert mark_in_frontier(tmp_path / "none.sqlite", by(BAD), urls, every=every) == 0


def test_the_frontier_forgets_what_a_host_said_of_its_rights(tmp_path: Path) -> None:
    """The files of a host that is gone are forgotten, those of others stay."""
    path = tmp_path / "frontier.sqlite"
    frontier(path)
    with closing(SqliteDatabase(path, now=lambda: 5.0)) as database:
        for origin in ("https://example.org", "https://other.example"):
            policies.keep(
                database, PolicyFile(origin, "robots.txt", f"{origin}/robots.txt", 1.0, 2.0, 200, b"User-agent: *", "")
            )
    mark_in_frontier(path, lambda url: url.startswith("https://example.org/"), frozenset(), every=True)
    with closing(SqliteDatabase(path, now=lambda: 5.0)) as database:
        assert [file.origin for file in policies.all_of(database)] == ["https://other.example"]

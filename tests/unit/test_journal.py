"""The journal remembers what it was told, groups commits, and says when it is damaged."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from acquisition.errors import WorkspaceDamaged
from acquisition.journal import BlobRecord, Journal, PartRecord, SegmentRecord


def test_blobs_are_remembered_across_openings(tmp_path: Path) -> None:
    """What arrived is found again by source, release and path, with everything that was said of it."""
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        made = journal.record_blob(
            "s", "r", "a/b.csv", sha256="ab", size=3, fetched_at="2026-01-01T00:00:00Z", digests_checked=("md5:1", "sha256:ab")
        )
        journal.record_blobs([BlobRecord("s", "r2", "x", "cd", 1, "t", unwrapped="zip:x")])
    with Journal(path) as journal:
        assert journal.blob_of("s", "r", "a/b.csv") == made
        assert [record.path for record in journal.blobs_of("s")] == ["a/b.csv", "x"]
        assert journal.blobs_of("s", "r2")[0].unwrapped == "zip:x"
        assert (journal.has_blobs("s", "r"), journal.has_blobs("s", "r3")) == (True, False)
        journal.forget_blob("s", "r", "a/b.csv")
        assert journal.blob_of("s", "r", "a/b.csv") is None


def test_parts_are_remembered_until_dropped(tmp_path: Path) -> None:
    """Validator, size and stretches of a part come back as they were saved."""
    part = PartRecord(
        "k", "s", "r", "p", '"e"', "date", None, (SegmentRecord(0, 5, None, "aa"), SegmentRecord(9, 9, 12, "")), "{}"
    )
    with Journal(tmp_path / "j") as journal:
        journal.save_parts([part])
        assert (journal.part("k"), journal.part("other"), journal.part_keys()) == (part, None, frozenset({"k"}))
        journal.drop_part("k")
        assert journal.part_keys() == frozenset()


def test_local_digests_belong_to_a_size_and_time(tmp_path: Path) -> None:
    """A file that was touched is not the file that was hashed."""
    with Journal(tmp_path / "j") as journal:
        journal.record_local("/a", 3, 7, {"sha256": "ab"})
        assert journal.local_digests("/a", 3, 7) == {"sha256": "ab"}
        assert journal.local_digests("/a", 3, 8) == {}


def test_runs_and_facts(tmp_path: Path) -> None:
    """The latest run is known with its end, and facts can be set, changed and forgotten."""
    with Journal(tmp_path / "j") as journal:
        assert journal.last_run() is None
        journal.begin_run("fetch", "t0")
        run = journal.begin_run("plan", "t1")
        last = journal.last_run()
        assert last is not None
        assert (last.id, last.command, last.ended_at) == (run, "plan", "")
        journal.end_run(run, "t2", '{"items": 1}')
        last = journal.last_run()
        assert last is not None
        assert (last.ended_at, last.summary) == ("t2", '{"items": 1}')
        journal.set_fact("a", "1")
        journal.set_fact("a", "2")
        assert journal.fact("a") == "2"
        journal.set_fact("a", None)
        assert journal.fact("a") is None


def test_a_transaction_is_whole_or_nothing(tmp_path: Path) -> None:
    """An error inside leaves nothing behind; nested transactions commit with the outermost."""
    with Journal(tmp_path / "j") as journal:

        def half() -> None:
            with journal.transaction():
                journal.set_fact("a", "1")
                with journal.transaction():
                    journal.set_fact("b", "1")
                raise RuntimeError("stop")

        with pytest.raises(RuntimeError):
            half()
        assert (journal.fact("a"), journal.fact("b")) == (None, None)
        journal.set_fact("a", "2")
        assert journal.fact("a") == "2"


def test_several_threads_may_write(tmp_path: Path) -> None:
    """Threads take turns; nothing is lost."""
    with Journal(tmp_path / "j") as journal:

        def write(name: str) -> None:
            for index in range(50):
                journal.set_fact(f"{name}{index}", name)

        threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(journal.fact(f"{name}{index}") == name for name in "abcd" for index in range(50))


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    """Garbage, or a journal of another layout, is WorkspaceDamaged with its place."""
    path = tmp_path / "j"
    path.write_bytes(b"this is no database " * 100)
    with pytest.raises(WorkspaceDamaged) as damaged:
        Journal(path)
    assert damaged.value.where == str(path)
    other = tmp_path / "k"
    database = sqlite3.connect(other)
    database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(WorkspaceDamaged):
        Journal(other)


def test_addresses_are_forgotten_and_what_came_from_there_is_not(tmp_path: Path) -> None:
    """The row stays without its address, and no byte of the file names it."""
    gone, stays = "https://gone.example/a", "https://stays.example/a"
    with Journal(tmp_path / "journal.sqlite") as journal:
        for path, url in (("a", gone), ("b", gone), ("c", stays)):
            journal.record_blob("s", "1", path, sha256="ab" * 32, size=1, fetched_at="", url=url)
        journal.forget_addresses(lambda url: url.startswith("https://gone"))
        assert [record.url for record in journal.blobs_of("s")] == ["", "", stays]
    assert b"gone.example" not in (tmp_path / "journal.sqlite").read_bytes()


def test_contents_are_forgotten_wherever_they_came_from(tmp_path: Path) -> None:
    """Every row of a content that is gone leaves, and no byte of the file names its digest; others stay."""
    gone, stays = "ab" * 32, "cd" * 32
    with Journal(tmp_path / "journal.sqlite") as journal:
        for source, path, sha256 in (("s", "a", gone), ("t", "a", gone), ("s", "b", stays)):
            journal.record_blob(source, "1", path, sha256=sha256, size=1, fetched_at="")
        journal.forget_contents(lambda sha256: sha256 == gone)
        assert [[record.path for record in journal.blobs_of(source)] for source in "st"] == [["b"], []]
    assert gone.encode() not in (tmp_path / "journal.sqlite").read_bytes()


def test_what_is_forgotten_is_looked_for_once(tmp_path: Path) -> None:
    """However many contents and addresses are gone, the table is gone through once for all: it has an index for neither."""
    asked: list[str] = []
    with Journal(tmp_path / "journal.sqlite") as journal:
        for number in range(40):
            journal.record_blob("s", "1", f"{number:02}", sha256=f"{number:064}", size=1, fetched_at="", url=f"u{number}")
        journal._db.set_trace_callback(asked.append)  # what SQLite is asked
        journal.forget_contents(lambda sha256: int(sha256) < 30)
        journal.forget_addresses(lambda url: url != "u39")
        assert [(record.path, record.url) for record in journal.blobs_of("s")][-2:] == [("38", ""), ("39", "u39")]
        assert len(journal.blobs_of("s")) == 10
    assert len([one for one in asked if one.startswith(("DELETE", "UPDATE"))]) == 2

"""Sources of one workspace share the clocks of their hosts."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from acquisition.crawl.frontier.database import SqliteDatabase
from acquisition.crawl.frontier.neighbours import FRONTIER_FILE, rest_as_elsewhere

NOW = 1_800_000_000.0


def frontier(root: Path, **next_ok: float) -> Path:
    """Write a source's frontier with clocks."""
    root.mkdir(parents=True)
    with closing(SqliteDatabase(root / FRONTIER_FILE, now=lambda: NOW)) as database:
        database.prepare()
        with database.transaction():
            database.many("INSERT INTO clock (host, next_ok, hold) VALUES (?,?,'')", list(next_ok.items()))
    return root


def clocks(root: Path) -> dict[str, float]:
    """Return when each host may be asked."""
    with closing(SqliteDatabase(root / FRONTIER_FILE, now=lambda: NOW)) as database:
        return {host: next_ok - NOW for host, next_ok in database.rows("SELECT host, next_ok FROM clock")}


def test_a_host_rests_for_the_next_source_too(tmp_path: Path) -> None:
    """The longest rest of all sources holds; what is over is not copied, and a rest of one's own is never shortened."""
    frontier(tmp_path / "a", busy=NOW + 30, over=NOW - 5, mine=NOW + 2)
    frontier(tmp_path / "b", busy=NOW + 50)
    own = frontier(tmp_path / "c", mine=NOW + 9, busy=NOW + 1)
    assert rest_as_elsewhere(own, now=lambda: NOW) == 2
    assert clocks(own) == {"busy": 50.0, "mine": 9.0}


def test_a_source_that_was_never_crawled_begins_with_the_rests_of_others(tmp_path: Path) -> None:
    """Its frontier is made for that; without anybody resting none is made, and a damaged neighbour is no obstacle."""
    assert rest_as_elsewhere(tmp_path / "new", now=lambda: NOW) == 0
    assert not (tmp_path / "new").exists()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / FRONTIER_FILE).write_bytes(b"no database at all, but long enough to be looked at" * 9)
    frontier(tmp_path / "a", busy=NOW + 30)
    assert rest_as_elsewhere(tmp_path / "new", now=lambda: NOW) == 1
    assert clocks(tmp_path / "new") == {"busy": 30.0}

"""The frontier's parts: keys, processes, runs, and questions while a crawl is under way."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.crawl.contract import Outcome
from acquisition.crawl.frontier import begin_run, finish_run, open_desk, runs
from acquisition.crawl.frontier.keys import RecentKeys
from acquisition.crawl.frontier.look import Look
from acquisition.crawl.frontier.owners import identity, is_dead
from acquisition.crawl.frontier.urls import clean
from acquisition.errors import UsageError, WorkspaceError
from tests.frontier_machine import HOSTS, entry_of

KEYS = st.binary(min_size=16, max_size=16)


@given(st.lists(KEYS, max_size=60), st.lists(KEYS, max_size=10))
def test_recent_keys_never_say_yes_falsely_and_stay_bounded(added: list[bytes], others: list[bytes]) -> None:
    """What was not added is not known, the latest are, and there are never more than places."""
    keys = RecentKeys(10)
    for key in added:
        keys.add(key)
        assert key in keys
        assert len(keys) <= 10
    assert all(key in keys for key in added[-5:])
    assert not any(key in keys for key in others if key not in added)


def test_a_key_has_16_bytes() -> None:
    """Anything else is a mistake of the caller, and said."""
    with pytest.raises(ValueError, match="16 bytes"):
        RecentKeys().add(b"short")


@given(st.text())
def test_cleaned_texts_can_be_stored_anywhere(text: str) -> None:
    """No NUL, no lone surrogate; and what has neither stays as it is."""
    cleaned = clean(text)
    assert "\0" not in cleaned
    assert len(cleaned) == len(text)
    if "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text):
        assert cleaned == text
    cleaned.encode()


def test_the_living_are_told_from_the_dead() -> None:
    """Dead is a process that has ended, whose number somebody else has, or whose machine was started anew."""
    us = identity()
    assert not is_dead(us, us)
    assert is_dead(replace(us, boot="another"), us)
    assert is_dead(replace(us, born="1"), us)
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert is_dead(replace(us, pid=child.pid, born=""), us)
    elsewhere = replace(us, machine="elsewhere", boot="another", pid=child.pid)
    assert not is_dead(elsewhere, us), "there is no telling from here"


def test_runs_are_joined_until_they_are_finished(tmp_path: Path) -> None:
    """The same digest joins the unfinished run; a finished one is followed by the next generation; others are others."""
    path = tmp_path / "frontier.sqlite"
    first = begin_run(path, "abc")
    assert begin_run(path, "abc") == first
    other = begin_run(path, "abd", source="garden")
    assert finish_run(path, first)
    second = begin_run(path, "abc")
    assert [(run.name, run.source, run.generation, bool(run.ended)) for run in runs(path)] == [
        (first, "", 1, True),
        (other, "garden", 1, False),
        (second, "", 2, False),
    ]


def test_a_run_with_something_left_is_not_finished(tmp_path: Path) -> None:
    """Pending and leased URLs keep a run open."""
    path = tmp_path / "frontier.sqlite"
    run = begin_run(path, "abc")

    async def story() -> None:
        desk = open_desk(path, run, owner="me")
        desk.enter([entry_of(0)])
        await desk.flush()
        assert not finish_run(path, run)
        (lease,) = await desk.lease(1)
        assert not finish_run(path, run)
        desk.end(lease, Outcome("done"))
        await desk.close()
        assert finish_run(path, run)
        late = open_desk(path, run, owner="late")
        late.enter([entry_of(1)])
        await late.close()
        assert begin_run(path, "abc") == run, "what was entered after the end is not lost"
        assert [found.ended for found in runs(path)] == [0.0]

    asyncio.run(story())


def test_a_new_run_goes_on_with_the_clocks_of_the_last(tmp_path: Path) -> None:
    """Moments, delays and what the watchers learnt outlive a run; counts begin anew."""
    path = tmp_path / "frontier.sqlite"

    async def story() -> None:
        desk = open_desk(path, "first", owner="me", now=lambda: 1_000.0)
        _, state = await desk.claim(HOSTS[0], 30.0)
        await desk.release(replace(state, next_ok=1_500.0, delay=9.0, pages=4, closed="denied", memory={"pace": 1}))
        await desk.close()
        desk = open_desk(path, "second", owner="me", now=lambda: 1_000.0)
        wait, state = await desk.claim(HOSTS[0], 30.0)
        await desk.close()
        assert (wait, state.delay, state.pages, state.closed, dict(state.memory)) == (500.0, 9.0, 0, "", {"pace": 1})

    asyncio.run(story())


def test_a_crawl_can_be_looked_at_while_it_runs(tmp_path: Path) -> None:
    """Counts with examples, hosts, one URL in all runs and all done pages, from a second connection."""
    path = tmp_path / "frontier.sqlite"

    async def story() -> None:
        desk = open_desk(path, "one", owner="me", now=lambda: 1_000.0)
        desk.enter([entry_of(n) for n in range(4)])
        desk.enter([entry_of(n, refused="robots", depth=1) for n in range(10, 15)])
        desk.enter([entry_of(20, not_before=2_000.0)])
        leases = await desk.lease(3)
        desk.end(leases[0], Outcome("done", facts={"status": 200, "etag": '"e"'}))
        desk.end(leases[1], Outcome("failed", "timeout", "10 s"))
        await desk.flush()
        with Look(path) as look:
            assert [(c.state, c.reason, c.number, len(c.examples)) for c in look.counts("one", examples=2)] == [
                ("pending", "", 2, 0),
                ("leased", "", 1, 0),
                ("done", "", 1, 1),
                ("failed", "timeout", 1, 1),
                ("refused", "robots", 5, 2),
            ]
            hosts = list(look.hosts("one"))
            assert [(row.state.host, row.pending, row.owner) for row in hosts] == [
                (HOSTS[0], 1, ""),
                (HOSTS[1], 0, ""),
                (HOSTS[2], 1, "me"),
            ]
            (row,) = look.url(entry_of(0).url)
            assert row == look.url("", key=entry_of(0).key)[0]
            assert (row.run, row.state, row.owner, row.entered) == ("one", "done", "me", 1_000.0)
            assert dict(row.facts) == {"status": 200, "etag": '"e"'}
            pages = look.ended("one")
            assert next(pages).key == entry_of(0).key
            assert look.counts("nothing") == []
            assert list(pages) == []
            assert [row.detail for row in look.ended("one", state="failed")] == ["10 s"]
            assert [run.name for run in look.runs()] == ["one"]
        await desk.close()

    asyncio.run(story())


def test_looking_changes_nothing(tmp_path: Path) -> None:
    """A question needs a frontier that is there, and cannot write to it."""
    path = tmp_path / "frontier.sqlite"
    with pytest.raises(WorkspaceError):
        Look(path)
    assert not path.exists()
    begin_run(path, "abc")
    with Look(path) as look, pytest.raises(WorkspaceError):
        look._db.rows("DELETE FROM run")


def test_waiting_urls_are_found_by_an_index(tmp_path: Path) -> None:
    """Picking, waking and counting read no table from end to end."""
    path = tmp_path / "frontier.sqlite"
    begin_run(path, "abc")
    from acquisition.crawl.frontier import turns, urls

    statements = [urls._LEASE, urls._LEASE_MANY, urls._RIPEN, urls._EXPIRE, urls._REFUSE_UNTRIED]
    statements += [turns._REFRESH, turns._SWEEP, turns._READY, urls._SETTLED]
    with sqlite3.connect(path) as database:
        for sql in statements:
            plan = database.execute("EXPLAIN QUERY PLAN " + sql, [0] * sql.count("?")).fetchall()
            reads = [step[3] for step in plan if step[3].startswith("SCAN")]
            assert all(read.split()[1] in ("best", "ripe", "late", "untried", "come") for read in reads), (sql, plan)
            assert not any("TEMP B-TREE FOR ORDER BY" in step[3] for step in plan), (sql, plan)
    database.close()


def test_a_missing_driver_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra a PostgreSQL frontier is refused with what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "acquisition.crawl.frontier.postgres", raising=False)
    with pytest.raises(UsageError) as caught:
        begin_run("postgresql://me:secret@127.0.0.1/frontier", "abc")
    assert "acquisition[postgres]" in caught.value.hint
    assert "secret" not in f"{caught.value} {caught.value.hint} {caught.value.where}"


def test_importing_the_frontier_loads_no_driver() -> None:
    """Whoever crawls into a file pays nothing for PostgreSQL."""
    code = "import sys, acquisition.crawl.frontier.look; print('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "postgresql://me:secret@db.example:5433/crawl?sslmode=require",
            "postgresql://me@db.example:5433/crawl?sslmode=require",
        ),
        ("postgresql:///crawl?host=/run/pg&password=secret", "postgresql:///crawl?host=%2Frun%2Fpg"),
        ("postgresql://me:secret@[::1]/crawl", "postgresql://me@[::1]/crawl"),
        ("postgresql://me:se@cret@one:1,two:2/crawl", "postgresql://me@one:1,two:2/crawl"),
        ("postgresql://me:se/cret@db/crawl", "postgresql://…"),
        ("postgresql://me:se?cret@db/crawl", "postgresql://…"),
        ("host=db password=secret", "postgresql://…"),
    ],
)
def test_addresses_are_shown_without_password(url: str, shown: str) -> None:
    """Wherever the password stands, it is not shown."""
    postgres = pytest.importorskip("acquisition.crawl.frontier.postgres", reason="needs psycopg")
    assert postgres.shown(url) == shown

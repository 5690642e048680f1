"""The frontier on PostgreSQL: the same store, several processes, the server's clock, connections that are lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from acquisition.crawl.contract import Entry, Outcome, PolicyFile
from acquisition.crawl.frontier import Spans, begin_run, finish_run, open_desk, runs
from acquisition.crawl.frontier.database import Database
from acquisition.crawl.frontier.look import Look
from acquisition.crawl.frontier.postgres import SCHEMA, PostgresDatabase
from acquisition.errors import CredentialsRejected, SourceForbidden, SourceUnavailable, UsageError
from tests.flow.frontier_crawls import Stage, closest, finish, kill_twice
from tests.flow.postgres import Cluster, cluster
from tests.frontier_machine import FrontierMachine, entry_of


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """A PostgreSQL of our own."""
    with cluster() as made:
        yield made


def test_the_store_follows_the_model(server: Cluster) -> None:
    """No URL is lost, none is leased twice at once, order and host clocks hold, parents end with their children."""

    class PostgresMachine(FrontierMachine):
        """The machine on one database, emptied before every round."""

        url = server.fresh()

        def __init__(self) -> None:
            super().__init__()
            with_tables = self.connect()
            for table in ("url", "host", "clock", "process"):
                with_tables.rows(f"TRUNCATE {table} RESTART IDENTITY")
            with_tables.close()

        def connect(self) -> Database:
            """Open the database once more."""
            database = PostgresDatabase(self.url)
            database.prepare()
            return database

    few = settings(max_examples=10, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    run_state_machine_as_test(PostgresMachine, settings=few)


def test_two_processes_keep_one_clock_per_host(server: Cluster, tmp_path: Path) -> None:
    """Ten hosts, two processes, no two visits of a host closer than its delay, every page visited once."""
    stage = Stage(server.fresh(), tmp_path / "log")
    options = ("--flat", "--pages=100", "--hosts=10", "--delay=0.15", "--limit=4")
    finish(stage.start("one", *options), stage.start("two", *options))
    gap, visits = closest(stage)
    assert visits == 100
    assert gap >= 0.15
    with Look(stage.location) as look:
        owners = {row.owner for row in look.ended("r")}
    assert owners == {"one", "two"}


def test_a_crawl_that_is_killed_twice_ends_with_every_page_once(server: Cluster, tmp_path: Path) -> None:
    """Two kill -9 in mid-work lose none of 1,000 pages and repeat only what was under way."""
    kill_twice(Stage(server.fresh(), tmp_path / "log"), 1_000)


def test_two_machines_join_one_run(server: Cluster) -> None:
    """Whoever begins at the same moment gets the same run; a finished run is followed by the next generation."""
    url = server.fresh()
    with ThreadPoolExecutor(4) as pool:
        names = set(pool.map(lambda _: begin_run(url, "digest", source="s"), range(4)))
    assert len(names) == 1
    assert finish_run(url, names.pop())
    second = begin_run(url, "digest", source="s")
    assert [(run.generation, bool(run.ended)) for run in runs(url)] == [(1, True), (2, False)]
    assert runs(url)[1].name == second


def test_moments_come_from_the_database(server: Cluster) -> None:
    """A machine whose clock is a year behind goes by the server's: what it writes, and what it may ask."""

    async def crawl() -> None:
        desk = open_desk(server.fresh(), "r", owner="me", now=lambda: time.time() - 31_536_000)
        assert abs(desk.now() - time.time()) < 1.0
        desk.enter([entry_of(0), entry_of(3)])
        (lease,) = await desk.lease(5)
        wait, state = await desk.claim(lease.entry.host, 30)
        assert wait == 0.0
        await desk.release(replace(state, next_ok=desk.now() + 0.3, delay=0.3))
        desk.end(lease, Outcome("done"))
        assert await desk.lease(5) == []
        rest = await desk.rest()
        assert rest is not None
        assert 0.0 < rest <= 0.31
        await asyncio.sleep(rest)
        assert len(await desk.lease(5)) == 1
        await desk.close()

    asyncio.run(crawl())


def test_a_lost_connection_is_found_again(server: Cluster) -> None:
    """When the server drops us, what was not committed is written again, and leases stay ours."""

    async def crawl() -> None:
        url = server.fresh()
        desk = open_desk(url, "r", owner="me")
        desk.enter([entry_of(n) for n in range(6)])
        leases = await desk.lease(3)
        assert len(leases) == 3
        for turn in range(3):
            _drop(url)
            desk.enter([entry_of(20 + turn)], parent=leases[turn])
            desk.end(leases[turn], Outcome("done"))
            await desk.flush()
        await desk.close()
        with Look(url) as look:
            assert {count.state: count.number for count in look.counts("r")} == {"done": 3, "pending": 6}

    asyncio.run(crawl())


def _drop(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as other:
        ours = "application_name='acquisition' AND datname=current_database()"
        other.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}")


def test_a_database_that_stays_away_ends_the_crawl(server: Cluster) -> None:
    """After a bounded time everything that waits, and everything that comes, gets an error with a hint and no password."""

    async def crawl() -> None:
        url = server.fresh()
        desk = open_desk(url, "r", owner="me", patience=0.4)
        with psycopg.connect(server.url(), autocommit=True) as other:
            other.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")
        with pytest.raises(SourceUnavailable, match="out of reach") as caught:
            await desk.flush()
        with pytest.raises(SourceUnavailable):
            desk.enter([entry_of(1)])
        with pytest.raises(SourceUnavailable):
            await desk.close()
        assert caught.value.hint
        assert server.password not in str(caught.value) + caught.value.where

    asyncio.run(crawl())


def test_what_is_wrong_with_the_database_is_said_without_the_password(server: Cluster) -> None:
    """Unreachable, wrong password, no URL, no right: each has its error, a hint, and never the password."""
    wrong = server.url().replace(server.password, "not-the-password")
    with pytest.raises(CredentialsRejected) as rejected:
        open_desk(wrong, "r", owner="me")
    away = server.url().replace(f":{server.port}", ":1")
    with pytest.raises(SourceUnavailable) as unreachable:
        begin_run(away, "d")
    with pytest.raises(UsageError) as nonsense:
        begin_run(f"postgresql://u:{server.password}@h:5432/d?nonsense=1", "d")
    url = server.fresh()
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("CREATE ROLE guest LOGIN PASSWORD 'guest-password'")
    with pytest.raises(SourceForbidden) as forbidden:
        begin_run(url.replace("acquisition:" + server.password, "guest:guest-password"), "d")
    for caught in (rejected, unreachable, nonsense, forbidden):
        error = caught.value
        assert error.hint
        for secret in (server.password, "not-the-password", "guest-password"):
            assert secret not in f"{error} {error.where} {error.hint}"


def test_texts_that_postgresql_cannot_hold(server: Cluster) -> None:
    """NUL and lone surrogates of hostile pages become replacement characters; bodies of policy files stay as they are."""

    async def crawl() -> None:
        desk = open_desk(server.fresh(), "r", owner="me")
        odd = "http://a.test/\0\ud800"
        desk.enter([Entry(b"k" * 16, odd, "a.test", referrer=odd, refused="odd", detail=odd)])
        file = PolicyFile("http://a.test", "robots.txt", "http://a.test/robots.txt", 1.0, 2.0, 200, b"\0\xff")
        await desk.keep_policy(file)
        assert await desk.policy("http://a.test", "robots.txt") == (file, file)
        await desk.close()

    asyncio.run(crawl())


def test_the_tables_stand_in_a_schema_of_their_own(server: Cluster) -> None:
    """A database that others use too sees nothing of us but one schema."""
    url = server.fresh()
    begin_run(url, "d")
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('run', 'url', 'host')")
        assert found.fetchall() == [(SCHEMA,)]


def test_leases_of_a_machine_that_is_gone_run_out(server: Cluster) -> None:
    """What a process elsewhere had is leased again when its lease and its ownership have run out, not before."""

    async def crawl() -> None:
        url = server.fresh()
        gone = open_desk(url, "r", owner="gone", spans=Spans(lease=1.0, host=0.5, delay=0.1))
        gone.enter([entry_of(0)])
        assert len(await gone.lease(1)) == 1
        _drop(url)
        gone._worker._patience = 0.0
        gone._worker._connect = _unreachable
        with psycopg.connect(url, autocommit=True) as other:
            other.execute(f"UPDATE {SCHEMA}.process SET machine='elsewhere'")
        desk = open_desk(url, "r", owner="me")
        assert await desk.lease(1) == []
        deadline = time.monotonic() + 5.0
        while not (leases := await desk.lease(1)):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert leases[0].entry.key == entry_of(0).key
        await desk.close()
        with pytest.raises(SourceUnavailable):
            await gone.close()

    asyncio.run(crawl())


def _unreachable() -> Database:
    raise SourceUnavailable("cut off")

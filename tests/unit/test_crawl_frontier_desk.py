"""The desk on SQLite: nothing is lost, nothing is handed out twice, and hosts are left alone until their moment."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from acquisition.crawl.contract import Entry, Lease, Outcome, PolicyFile
from acquisition.crawl.frontier import FrontierDesk, Spans, open_desk
from acquisition.crawl.frontier.database import Clash
from acquisition.crawl.frontier.look import Look, UrlRow
from acquisition.crawl.frontier.store import Store
from acquisition.errors import DiskFull, WorkspaceDamaged, WorkspaceLocked
from tests.frontier_machine import HOSTS, entry_of

DONE = Outcome("done")
SPANS = Spans()


@dataclass
class Clock:
    """A clock that only the test moves."""

    now: float = 1_000.0

    def __call__(self) -> float:
        """Return the moment."""
        return self.now


@dataclass
class World:
    """A frontier file, a clock, and a way to open desks on them."""

    path: Path
    clock: Clock

    @asynccontextmanager
    async def desk(self, owner: str = "me", spans: Spans = SPANS) -> AsyncIterator[FrontierDesk]:
        """Open a desk and close it."""
        desk = open_desk(self.path, "r", owner=owner, now=self.clock, spans=spans)
        try:
            yield desk
        finally:
            await desk.close()

    def states(self) -> dict[str, int]:
        """Return how many URLs are in each state."""
        with Look(self.path) as look:
            return {count.state: count.number for count in look.counts("r")}

    def row(self, entry: Entry) -> UrlRow:
        """Return a URL's row."""
        with Look(self.path) as look:
            return look.url(entry.url, key=entry.key)[0]

    def kill(self, desk: FrontierDesk) -> None:
        """Make the desk's process look as if it had been killed, to whoever opens the frontier next."""
        with sqlite3.connect(self.path) as database:
            database.execute("UPDATE process SET born='another' WHERE id=(SELECT max(id) FROM process)")
        database.close()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A frontier that is not there yet."""
    return World(tmp_path / "crawl" / "frontier.sqlite", Clock())


def run(story: Callable[[], object]) -> None:
    """Run a coroutine function."""
    asyncio.run(story())  # type: ignore[arg-type]  # stories are coroutine functions


async def visit(desk: FrontierDesk, lease: Lease, *, delay: float = 1.0) -> None:
    """Take the turn of a lease's host and give it free."""
    wait, state = await desk.claim(lease.entry.host, 30.0)
    assert wait == 0.0
    await desk.release(replace(state, next_ok=desk.now() + delay, delay=delay, pages=state.pages + 1))


def test_leases_come_best_first_one_per_host(world: World) -> None:
    """Higher priority first, then less depth, then the order of entry; a host has one URL out at a time."""

    async def story() -> None:
        async with world.desk() as desk:
            pages = [entry_of(0, depth=1), entry_of(3), entry_of(6), entry_of(1, priority=1, depth=2), entry_of(2)]
            desk.enter(pages)
            assert [lease.entry.url for lease in await desk.lease(10)] == [pages[3].url, pages[1].url, pages[4].url]
            assert await desk.lease(10) == []
            assert await desk.lease(0) == []

    run(story)


def test_what_comes_with_a_lease_comes_back_as_it_was_entered(world: World) -> None:
    """Request, referrer, depth and priority are those of the entry."""

    async def story() -> None:
        async with world.desk() as desk:
            entry = Entry(b"\1" * 16, "http://a.test/ü", "a.test", '{"a":1}', -3, 2, referrer="http://a.test/")
            desk.enter([entry])
            (lease,) = await desk.lease(1)
            assert (lease.entry, lease.tries) == (entry, 0)

    run(story)


def test_children_are_written_with_their_parents_end(world: World) -> None:
    """Links of a page that has not ended are not there; whoever runs it again finds them again."""

    async def story() -> None:
        async with world.desk() as desk:
            desk.enter([entry_of(0)])
            (parent,) = await desk.lease(1)
            desk.enter([entry_of(1), entry_of(1), entry_of(2, refused="nofollow")], parent=parent)
            await desk.flush()
            assert world.states() == {"leased": 1}
            assert not desk.known(entry_of(1).key)
            desk.end(parent, replace(DONE, facts={"status": 200}))
            await desk.flush()
            assert world.states() == {"done": 1, "pending": 1, "refused": 1}
            assert desk.known(entry_of(1).key)
            assert not desk.known(entry_of(2).key), "a refused link may still be visited from elsewhere"
            assert dict(world.row(entry_of(0)).facts) == {"status": 200}

    run(story)


def test_links_of_a_page_that_has_ended_are_not_lost(world: World) -> None:
    """A spider may yield late, after its page was ended; and a second end changes nothing."""

    async def story() -> None:
        async with world.desk() as desk:
            desk.enter([entry_of(0)])
            (parent,) = await desk.lease(1)
            desk.end(parent, DONE)
            desk.enter([entry_of(1)], parent=parent)
            desk.end(parent, Outcome("failed", "late"))
            await desk.flush()
            assert world.states() == {"done": 1, "pending": 1}

    run(story)


def test_a_refused_link_is_visited_when_something_allows_it(world: World) -> None:
    """Refused here and free there, in either order and in one batch: it is visited, once."""

    async def story() -> None:
        async with world.desk() as desk:
            desk.enter([entry_of(0, refused="nofollow")])
            await desk.flush()
            desk.enter([entry_of(0), entry_of(3, refused="nofollow"), entry_of(3)])
            desk.enter([entry_of(3, refused="depth")])
            await desk.flush()
            assert world.states() == {"pending": 2}

    run(story)


def test_the_host_of_a_lease_is_ours_at_once_and_busy_until_it_is_released(world: World) -> None:
    """Claim answers at once for a leased host, later ones wait, and nobody is asked before `next_ok`."""

    async def story() -> None:
        async with world.desk() as desk, world.desk("other") as other:
            desk.enter([entry_of(0), entry_of(3)])
            (lease,) = await desk.lease(1)
            wait, state = await desk.claim(HOSTS[0], 30.0)
            assert wait == 0.0
            assert (await desk.claim(HOSTS[0], 30.0))[0] > 0
            assert (await other.claim(HOSTS[0], 30.0))[0] > 0
            kept = replace(state, next_ok=1_002.0, delay=2.0, pages=1, bytes=9, memory={"seen": [1]})
            await desk.release(kept)
            desk.end(lease, DONE)
            assert await desk.lease(1) == []
            assert await desk.rest() == pytest.approx(2.0)
            assert await other.claim(HOSTS[0], 30.0) == (2.0, kept)
            world.clock.now = 1_002.0
            assert [found.entry.key for found in await other.lease(1)] == [entry_of(3).key]

    run(story)


def test_a_lease_that_ends_without_a_visit_leaves_its_host_alone(world: World) -> None:
    """A URL that a rule refuses after it was leased costs its host no delay."""

    async def story() -> None:
        async with world.desk() as desk:
            desk.enter([entry_of(0), entry_of(3)])
            (first,) = await desk.lease(1)
            desk.end(first, Outcome("refused", "robots", "rule"))
            (second,) = await desk.lease(1)
            assert second.entry.key == entry_of(3).key

    run(story)


def test_after_a_restart_nobody_is_asked_before_his_moment(world: World) -> None:
    """Delays, holds and counts outlive the process; so does the moment from which a host may be asked."""

    async def story() -> None:
        async with world.desk() as desk:
            desk.enter([entry_of(0), entry_of(3)])
            (lease,) = await desk.lease(1)
            _, state = await desk.claim(HOSTS[0], 30.0)
            await desk.release(replace(state, next_ok=4_600.0, delay=5.0, hold="retry-after", pages=7, failures=2))
            desk.end(lease, DONE)
        async with world.desk() as desk:
            assert await desk.lease(5) == []
            wait, state = await desk.claim(HOSTS[0], 30.0)
            assert (wait, state.hold, state.pages, state.failures) == (3_600.0, "retry-after", 7, 2)
            world.clock.now = 4_600.0
            assert len(await desk.lease(5)) == 1

    run(story)


def test_a_host_of_a_process_that_died_rests_for_its_delay_from_when_that_is_seen(world: World) -> None:
    """A killed process may have been given an answer until its last moment, so its host's delay counts from the next start."""

    async def story() -> None:
        desk = open_desk(world.path, "r", owner="me", now=world.clock)
        desk.enter([entry_of(0), entry_of(3)])
        (lease,) = await desk.lease(1)
        await visit(desk, lease, delay=8.0)
        world.clock.now += 8.0
        (lease,) = await desk.lease(1)
        await desk.flush()
        world.kill(desk)
        world.clock.now += 3.0
        async with world.desk() as after:
            assert world.states() == {"pending": 2}
            assert await after.lease(5) == []
            assert await after.rest() == pytest.approx(8.0)
            world.clock.now += 7.9
            assert await after.lease(5) == []
            world.clock.now += 0.1
            assert len(await after.lease(5)) == 1
        await desk.close()

    run(story)


def test_leases_of_a_living_process_run_out_only_when_they_are_not_renewed(world: World) -> None:
    """A second process gets a URL when the lease has run out; the first one's end then counts for nothing but its links."""

    async def story() -> None:
        async with world.desk("slow") as slow, world.desk("quick") as quick:
            slow.enter([entry_of(0)])
            (lease,) = await slow.lease(1)
            world.clock.now += 299.0
            assert await quick.lease(1) == []
            world.clock.now += 2.0
            (again,) = await quick.lease(1)
            quick.end(again, DONE)
            await quick.flush()
            slow.enter([entry_of(1)], parent=lease)
            slow.end(lease, Outcome("failed", "late"))
            await slow.flush()
            assert slow.lost == 1
            assert world.states() == {"done": 1, "pending": 1}
            assert await slow.settled([entry_of(0).key, entry_of(1).key]) == {entry_of(0).key: "quick"}

    run(story)


def test_leases_are_renewed_while_they_are_held(world: World) -> None:
    """A page that takes long stays ours without anybody asking for it."""

    async def story() -> None:
        async with world.desk(spans=Spans(lease=0.3, host=0.3)) as desk:
            desk.enter([entry_of(0)])
            await desk.lease(1)
            first = world.row(entry_of(0)).until
            for _ in range(100):
                world.clock.now += 0.01
                await asyncio.sleep(0.01)
                if world.row(entry_of(0)).until > first:
                    return
            pytest.fail("the lease was not renewed")

    run(story)


def test_a_retry_waits_for_its_moment_and_keeps_its_place(world: World) -> None:
    """A URL given back for later is not leased before, and counts its attempts."""

    async def story() -> None:
        async with world.desk() as desk:
            desk.enter([entry_of(0), entry_of(3)])
            (lease,) = await desk.lease(1)
            desk.end(lease, Outcome("retry", "timeout", not_before=1_060.0))
            (other,) = await desk.lease(1)
            assert other.entry.key == entry_of(3).key
            desk.end(other, DONE)
            assert await desk.lease(1) == []
            assert await desk.rest() == pytest.approx(60.0)
            world.clock.now = 1_060.0
            (again,) = await desk.lease(1)
            assert (again.entry.key, again.tries) == (entry_of(0).key, 1)
            await visit(desk, again, delay=2.0)
            await desk.flush()
            desk.end(again, Outcome("retry", "timeout"))
            world.clock.now += 2.0
            assert [lease.tries for lease in await desk.lease(1)] == [2]

    run(story)


def test_rest_is_none_only_when_nothing_is_left(world: World) -> None:
    """Pending, leased and waiting URLs keep a crawl going; refused and ended ones do not."""

    async def story() -> None:
        async with world.desk() as desk:
            assert await desk.rest() is None
            desk.enter([entry_of(0), entry_of(1, refused="scope")])
            assert await desk.rest() is not None
            (lease,) = await desk.lease(1)
            assert 0.0 < (await desk.rest() or 0.0) <= 1.0
            desk.end(lease, DONE)
            assert await desk.rest() is None

    run(story)


def test_pages_that_asked_for_what_only_memory_knows_run_again(world: World) -> None:
    """Resuming runs an `again` page once more; a second process that joins meanwhile does not."""

    async def story() -> None:
        desk = open_desk(world.path, "r", owner="me", now=world.clock)
        desk.enter([entry_of(0), entry_of(1)])
        for lease in await desk.lease(2):
            desk.end(lease, Outcome("done", again=lease.entry.key == entry_of(0).key))
        await desk.flush()
        async with world.desk("other") as other:
            assert await other.rest() is None
        await desk.close()
        async with world.desk() as after:
            world.clock.now += 10.0
            (lease,) = await after.lease(5)
            assert lease.entry == entry_of(0)

    run(story)


def test_unclocked_hosts_hand_out_many_urls(world: World) -> None:
    """On loopback without a delay many URLs of one host are out at once, never more than the limit, best first."""

    async def story() -> None:
        async with world.desk() as desk:
            desk.unclock(HOSTS[0], 4)
            desk.enter([entry_of(3 * n, priority=int(n == 5)) for n in range(8)])
            first = await desk.lease(10)
            assert [lease.entry.url for lease in first] == [entry_of(n).url for n in (15, 0, 3, 6)]
            assert await desk.lease(10) == []
            for lease in first[:2]:
                await visit(desk, lease, delay=0.0)
                desk.end(lease, DONE)
            assert len(await desk.lease(10)) == 2
            with Look(world.path) as look:
                assert next(look.hosts("r")).state.pages == 2
            desk.end(first[2], Outcome("retry", "timeout"))
            assert [lease.entry.key for lease in await desk.lease(10)] == [first[2].entry.key]
            _, state = await desk.claim(HOSTS[0], 30.0)
            await desk.release(replace(state, next_ok=1_050.0, hold="retry-after"))
            assert (await desk.claim(HOSTS[0], 30.0))[0] == 50.0
            assert await desk.lease(10) == []

    run(story)


def test_what_was_never_tried_on_a_closed_host_is_refused(world: World) -> None:
    """A closed host does not keep a crawl from ending; what had been begun is leased, for the archive may know it."""

    async def story() -> None:
        async with world.desk() as desk:
            desk.enter([entry_of(3 * n) for n in range(5)])
            (lease,) = await desk.lease(1)
            _, state = await desk.claim(HOSTS[0], 30.0)
            await desk.release(replace(state, next_ok=9_000.0, closed="denied"))
            desk.end(lease, Outcome("retry", "http-429"))
            (begun,) = await desk.lease(10)
            assert begun.entry == entry_of(0)
            desk.end(begun, Outcome("refused", "host-closed"))
            assert await desk.rest() is None
            assert world.states() == {"refused": 5}
            assert (world.row(entry_of(3)).reason, world.row(entry_of(3)).detail) == ("host-closed", "denied")

    run(story)


def test_closing_gives_back_what_was_not_ended(world: World) -> None:
    """Ctrl-C costs a leased page nothing: it is as if it had not been taken, without its half of the links."""

    async def story() -> None:
        async with world.desk() as desk:
            desk.enter([entry_of(0)])
            (lease,) = await desk.lease(1)
            desk.enter([entry_of(1)], parent=lease)
        row = world.row(entry_of(0))
        assert (row.state, row.owner, row.leases, world.states()) == ("pending", "", 0, {"pending": 1})
        async with world.desk() as desk:
            assert len(await desk.lease(1)) == 1

    run(story)


def test_a_host_that_was_claimed_meanwhile_is_not_leased(world: World) -> None:
    """A host that was found due and left over is not handed out once somebody has claimed it."""

    async def story() -> None:
        async with world.desk() as desk, world.desk("other") as other:
            desk.enter([entry_of(0), entry_of(1)])
            assert [lease.entry.key for lease in await desk.lease(1)] == [entry_of(0).key]
            assert (await other.claim(HOSTS[1], 30.0))[0] == 0.0
            assert await desk.lease(5) == []
            world.clock.now += 31.0
            assert len(await desk.lease(5)) == 1, "a claim that is not released runs out"

    run(story)


def test_a_process_that_stood_still_asks_again_before_it_uses_its_turn(world: World) -> None:
    """When the ownership of a leased host may have run out unnoticed, the database is asked, and somebody else's turn holds."""

    async def story() -> None:
        async with world.desk() as desk, world.desk("other") as other:
            desk.enter([entry_of(0)])
            await desk.lease(1)
            world.clock.now += 61.0
            assert (await other.claim(HOSTS[0], 30.0))[0] == 0.0
            assert (await desk.claim(HOSTS[0], 30.0))[0] > 0

    run(story)


@pytest.mark.parametrize("question", ["lease", "claim"])
def test_what_nobody_waits_for_any_more_goes_back(world: World, monkeypatch: pytest.MonkeyPatch, question: str) -> None:
    """A wait that is cancelled while the database is at it keeps neither URLs nor hosts."""
    begun, go_on = threading.Event(), threading.Event()
    real: Callable[..., object] = getattr(Store, question)

    def slow(*arguments: object) -> object:
        begun.set()
        assert go_on.wait(10.0)
        return real(*arguments)

    async def story() -> None:
        async with world.desk() as desk:
            desk.enter([entry_of(0)])
            await desk.flush()
            monkeypatch.setattr(Store, question, slow)
            waiting = asyncio.ensure_future(desk.lease(1) if question == "lease" else desk.claim(HOSTS[0], 30.0))
            await asyncio.to_thread(begun.wait, 10.0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            go_on.set()
            await desk.flush()
            assert len(await desk.lease(1)) == 1
            assert (await desk.claim(HOSTS[0], 30.0))[0] == 0.0

    run(story)


def test_policy_files_keep_their_last_good_copy(world: World) -> None:
    """A failure stands beside the last good copy; the next good one replaces both; others may read them."""
    origin = "http://a.test"

    def file(fetched: float, status: int, body: bytes | None, closed: str = "") -> PolicyFile:
        return PolicyFile(origin, "robots.txt", f"{origin}/robots.txt", fetched, fetched + 9, status, body, closed)

    async def story() -> None:
        good, bad, better = file(1.0, 200, b"a"), file(2.0, 503, None, "status 503"), file(3.0, 206, b"\0b")
        async with world.desk() as desk:
            assert await desk.policy(origin, "robots.txt") == (None, None)
            await desk.keep_policy(good)
            assert await desk.policy(origin, "robots.txt") == (good, good)
            await desk.keep_policy(bad)
            assert await desk.policy(origin, "robots.txt") == (bad, good)
            await desk.keep_policy(file(0.5, 200, b"older"))
            assert await desk.policy(origin, "robots.txt") == (bad, good)
        async with world.desk("other") as desk:
            await desk.keep_policy(better)
            assert await desk.policy(origin, "robots.txt") == (better, better)
            assert await desk.policy(origin, "ai.txt") == (None, None)

    run(story)


def test_great_numbers_are_entered_in_batches(world: World) -> None:
    """`enter_all` counts what it was given and holds no more than a batch; repeated URLs are entered once."""

    async def story() -> None:
        async with world.desk() as desk:
            assert await desk.enter_all(entry_of(n % 1_500) for n in range(2_500)) == 2_500
            assert world.states() == {"pending": 1_500}

    run(story)


def test_entering_waits_when_the_writer_cannot_follow(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pending entries never pile up without bound."""

    async def story() -> None:
        monkeypatch.setattr("acquisition.crawl.frontier.worker.CROWDED", 10)
        async with world.desk() as desk:
            for n in range(300):
                desk.enter([entry_of(n)])
                assert len(desk._worker._next.batch) <= 11
            await desk.flush()
            assert world.states() == {"pending": 300}

    run(story)


def test_a_damaged_file_is_said(world: World) -> None:
    """What is no frontier is refused with a hint, at opening and later."""
    world.path.parent.mkdir(parents=True)
    world.path.write_bytes(b"no database" * 100)
    with pytest.raises(WorkspaceDamaged) as caught:
        open_desk(world.path, "r", owner="me")
    assert caught.value.where == str(world.path)
    assert caught.value.hint


def test_an_error_of_the_writer_reaches_everybody(world: World) -> None:
    """After the table has gone nothing is accepted any more and closing says why; no thread stays behind."""

    async def story() -> None:
        desk = open_desk(world.path, "r", owner="me")
        with sqlite3.connect(world.path) as other:
            other.execute("DROP TABLE url")
        other.close()
        desk.enter([entry_of(0)])
        for _ in range(2):
            with pytest.raises(WorkspaceDamaged):
                await desk.flush()
        with pytest.raises(WorkspaceDamaged):
            await desk.close()
        assert "frontier" not in {thread.name for thread in threading.enumerate()}

    run(story)


def test_a_round_that_others_were_in_the_way_of_is_done_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadlock costs a moment, not a page; one that never ends is an error."""
    real, fails = Store.write, [2]

    def write(*arguments: Any) -> Any:
        done = real(*arguments)
        if fails[0]:
            fails[0] -= 1
            raise Clash("deadlock detected")
        return done

    async def story() -> None:
        monkeypatch.setattr(Store, "write", write)
        async with world.desk() as desk:
            desk.enter([entry_of(0)])
            await desk.flush()
            assert (fails, world.states()) == ([0], {"pending": 1})
        monkeypatch.setattr("acquisition.crawl.frontier.worker.CLASHES", 2)
        desk = open_desk(world.path, "r", owner="me")
        fails[0] = 9
        with pytest.raises(Clash):
            await desk.flush()
        with pytest.raises(Clash):
            await desk.close()

    run(story)


def test_a_full_disk_is_said(world: World) -> None:
    """When the file cannot grow the crawl ends with the place and what to do, and what was written stays."""

    async def story() -> None:
        desk = open_desk(world.path, "r", owner="me")
        await desk.enter_all(entry_of(n) for n in range(100))
        desk._worker._database.rows("PRAGMA max_page_count=1")
        desk.enter([entry_of(n) for n in range(100, 3_000)])
        with pytest.raises(DiskFull) as caught:
            await desk.flush()
        assert caught.value.where == str(world.path)
        with pytest.raises(DiskFull):
            await desk.close()
        assert world.states() == {"pending": 100}

    run(story)


def test_a_file_that_somebody_keeps_locked_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other writers are waited for, but not for ever."""

    async def story() -> None:
        monkeypatch.setattr("acquisition.crawl.frontier.database.BUSY_SECONDS", 0.1)
        desk = open_desk(world.path, "r", owner="me")
        with closing(sqlite3.connect(world.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(WorkspaceLocked):
                await desk.flush()
        with pytest.raises(WorkspaceLocked):
            await desk.close()

    run(story)


def test_another_layout_is_refused(world: World) -> None:
    """A frontier of another version is not touched."""
    open_and_close = open_desk(world.path, "r", owner="me")
    asyncio.run(open_and_close.close())
    with sqlite3.connect(world.path) as database:
        database.execute("UPDATE layout SET version=99")
    database.close()
    with pytest.raises(WorkspaceDamaged):
        open_desk(world.path, "r", owner="me")

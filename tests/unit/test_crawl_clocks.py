"""The clocks of hosts: order, delays, holds, budgets, restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from acquisition.crawl.contract import Failed, HostState, HostStore, Refused, Wire
from acquisition.crawl.visit.clocks import PATIENCE, HostClocks
from acquisition.settings import CrawlSettings

SITE = "https://www.example.org/page"
START = 1_700_000_000.0


class Time:
    """A clock that stands still but for those who sleep; everybody else runs first."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        """Return the moment."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let everybody run, then let the time pass."""
        until = self.now + seconds
        for _ in range(20):
            await asyncio.sleep(0)
        self.now = max(self.now, until)


class Memory(HostStore):
    """Hosts in a dict, with leases, as the frontier keeps them."""

    def __init__(self, clock: Time) -> None:
        self.clock = clock
        self.states: dict[str, HostState] = {}
        self.leases: dict[str, float] = {}
        self.claims = self.asked = 0

    async def claim(self, host: str, seconds: float) -> tuple[float, HostState]:
        """Claim a host, as the contract has it."""
        self.asked += 1
        await asyncio.sleep(0)
        self.claims += 1
        state = self.states.get(host, HostState(host))
        wait = max(self.leases.get(host, 0.0), state.next_ok) - self.clock()
        if wait > 0:
            return wait, state
        self.leases[host] = self.clock() + seconds
        return 0.0, state

    async def release(self, state: HostState) -> None:
        """Write a host and give it free."""
        await asyncio.sleep(0)
        self.states[state.host] = state
        self.leases.pop(state.host, None)


class World:
    """Clocks over a store in memory, and requests that take a while."""

    def __init__(self, store: Memory | None = None, run: str = "1", slack: float = 0.0, **settings: Any) -> None:
        self.time = store.clock if store else Time()
        self.store = store or Memory(self.time)
        declared = CrawlSettings.model_validate({"kind": "spider", "latency_factor": 0.0, **settings})
        self.clocks = HostClocks(self.store, declared, run=run, slack=slack, clock=self.time, sleep=self.time.sleep)
        self.log: list[tuple[str, float, float]] = []

    async def ask(self, url: str = SITE, status: int = 200, took: float = 0.1, size: int = 10, **headers: str) -> None:
        """Ask for a page in its host's turn, and log when."""
        async with self.clocks.turn(url):
            begun = self.time()
            self.time.now += took
            lines = tuple((name.replace("_", "-"), value) for name, value in headers.items())
            wire = Wire(status, "", "HTTP/1.1", lines, b"x" * size, "192.0.2.1", (), begun, self.time())
            self.clocks.settle(url, wire)
            self.log.append((url, begun, self.time()))

    async def fail(self, url: str = SITE, reason: str = "connect") -> None:
        """Ask in vain."""
        with pytest.raises(Failed):
            async with self.clocks.turn(url):
                raise Failed(reason, url)

    def gaps(self) -> list[float]:
        """Return the seconds between the end of each request and the beginning of the next."""
        return [round(later[1] - earlier[2], 6) for earlier, later in zip(self.log, self.log[1:], strict=False)]


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine, with an end."""
    asyncio.run(asyncio.wait_for(work, 20))


def test_the_delay_runs_from_the_end_of_an_answer() -> None:
    """Between an answer's last byte and the next request of its host lies exactly the delay, whatever the port and scheme."""

    async def work() -> None:
        world = World(delay=2.0)
        for url in (SITE, "http://example.org:8080/", "https://other.example.org/x"):
            await world.ask(url, took=1.5)
        assert world.gaps() == [2.0, 2.0]

    run(work())


def test_slack_is_added_to_delays_and_makes_none_of_nothing() -> None:
    """A server that notes an answer's end a little late still counts the whole delay; who asks for none waits for none."""

    async def work() -> None:
        world = World(delay=2.0, slack=0.02)
        home = World(delay=0.0, slack=0.02)
        for _ in range(2):
            await world.ask()
            await home.ask("http://127.0.0.1:8000/")
        assert (world.gaps(), home.gaps()) == ([2.02], [0.0])

    run(work())


def test_no_declared_delay_goes_below_the_floor_but_on_this_machine() -> None:
    """A delay of 0 means a quarter of a second in the world, and none on loopback."""

    async def work() -> None:
        world = World(delay=0.0)
        await world.ask()
        await world.ask()
        assert world.gaps() == [0.25]
        home = World(delay=0.0)
        await home.ask("http://127.0.0.1:8000/")
        await home.ask("http://127.0.0.1:8000/")
        assert home.gaps() == [0.0]

    run(work())


def test_turns_come_in_order_and_hosts_do_not_wait_for_each_other() -> None:
    """Whoever asked first for a host goes first, and another host's turn is not behind them."""

    async def work() -> None:
        world = World(delay=1.0)
        urls = [f"https://example.org/{number}" for number in range(5)]
        await asyncio.gather(*(world.ask(url) for url in urls), world.ask("https://example.net/"))
        assert [url for url, _, _ in world.log if "example.org" in url] == urls
        net = next(begun for url, begun, _ in world.log if "example.net" in url)
        assert net - START < 1.0

    run(work())


def test_a_pace_holds_at_once_for_the_whole_host() -> None:
    """What robots.txt of one origin asks for all origins of the host keep; the longest counts, and it may be lifted."""

    async def work() -> None:
        world = World(delay=1.0)
        await world.ask("https://example.org/robots.txt")
        world.clocks.pace("https://example.org/", 7.0)
        world.clocks.pace("http://example.org/", 3.0)
        await world.ask("https://a.example.org/")
        await world.ask("https://example.org/")
        world.clocks.pace("https://example.org/", 0.0)
        await world.ask("https://example.org/")
        await world.ask("https://example.org/")
        assert world.gaps() == [7.0, 7.0, 7.0, 3.0]  # the third was promised before the rule was lifted

    run(work())


def test_a_slow_host_is_asked_less_often() -> None:
    """The delay is at least k times the usual latency, and that part of it never more than 30 seconds."""

    async def work() -> None:
        world = World(delay=1.0, latency_factor=2.0)
        await world.ask(took=4.0)
        await world.ask(took=4.0)
        assert world.gaps() == [8.0]
        await world.ask(took=4_000.0)
        await world.ask()
        assert world.gaps()[-1] == 30.0

    run(work())


def test_retry_after_holds_the_host_and_the_delay_doubles() -> None:
    """After 429 nobody is asked before the moment named, then at twice the delay, which heals after good answers."""

    async def work() -> None:
        world = World(delay=1.0)
        await world.ask(status=429, Retry_After="20")
        for _ in range(7):
            await world.ask()
        assert world.gaps() == [20.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0]

    run(work())


def test_a_long_hold_gives_the_url_back() -> None:
    """When a host rests for longer than our patience, the turn fails with the seconds after which it makes sense again."""

    async def work() -> None:
        world = World(delay=1.0)
        await world.ask(status=503, Retry_After="1800")
        with pytest.raises(Failed) as caught:
            await world.ask()
        assert caught.value.reason == "host-held"
        assert caught.value.again == pytest.approx(1800, abs=1)
        world.time.now += 1800 - PATIENCE + 1
        await world.ask()
        assert world.gaps() == [1800.0]

    run(work())


def test_who_asks_for_more_than_an_hour_is_left_alone_for_this_run() -> None:
    """A Retry-After of two hours closes the host; the next run asks again, not sooner than an hour later."""

    async def work() -> None:
        world = World(delay=1.0)
        await world.ask(status=429, Retry_After="7200")
        with pytest.raises(Refused) as caught:
            await world.ask()
        assert caught.value.reason == "host-closed"
        later = World(world.store, run="2", delay=1.0)
        with pytest.raises(Failed):
            await later.ask()
        later.time.now += 3_600
        await later.ask()

    run(work())


def test_a_host_that_closes_while_others_wait_gives_no_more_turns() -> None:
    """Those who stood in line when the host was closed are refused; nothing more is sent."""

    async def work() -> None:
        world = World(delay=1.0)
        asks = [world.ask(status=429, Retry_After="7200"), world.ask(), world.ask()]
        results = await asyncio.gather(*asks, return_exceptions=True)
        assert [type(result) for result in results] == [type(None), Refused, Refused]
        assert len(world.log) == 1

    run(work())


def test_five_errors_in_a_row_cool_the_host_down() -> None:
    """The fifth connection error holds the host for a minute, the sixth for two, and the ninth closes it."""

    async def work() -> None:
        world = World(delay=1.0)
        holds = []
        for number in range(8):
            world.time.now += 10_000
            await world.fail()
            if number >= 4:
                holds.append(world.clocks.state(SITE).next_ok - world.time())
        assert holds == [60.0, 120.0, 240.0, 480.0]
        world.time.now += 10_000
        await world.fail()
        with pytest.raises(Refused) as caught:
            await world.ask()
        assert caught.value.reason == "host-closed"

    run(work())


@pytest.mark.parametrize("reason", ["slow", "protocol"])
def test_five_answers_that_nobody_can_take_close_the_host(reason: str) -> None:
    """A server that drips, or speaks no HTTP, is there and will not mend: no cool-down keeps the run waiting for it."""

    async def work() -> None:
        world = World(delay=1.0)
        for _ in range(4):
            await world.fail(reason=reason)
        assert world.clocks.state(SITE).closed == ""
        await world.fail(reason=reason)
        with pytest.raises(Refused) as caught:
            await world.ask()
        assert caught.value.reason == "host-closed"

    run(work())


def test_an_answer_ends_a_row_of_errors() -> None:
    """Four errors, an answer and four errors cool nothing down."""

    async def work() -> None:
        world = World(delay=1.0)
        for _ in range(2):
            for _ in range(4):
                await world.fail()
            await world.ask()
        assert world.clocks.state(SITE).hold == ""
        assert world.clocks.state(SITE).errors == 8

    run(work())


@pytest.mark.parametrize("status", [401, 403])
def test_a_burst_of_denials_closes_the_host(status: int) -> None:
    """Ten answers in a row that we may not are heard; nine and a page are not a burst."""

    async def work() -> None:
        world = World(delay=1.0)
        for _ in range(9):
            await world.ask(status=status)
        await world.ask()
        for _ in range(10):
            await world.ask(status=status)
        with pytest.raises(Refused) as caught:
            await world.ask()
        assert caught.value.reason == "host-closed"
        assert "denied" in caught.value.detail

    run(work())


@pytest.mark.parametrize(
    ("budget", "reason", "asked"),
    [
        ({"pages": 3}, "budget-pages", 3),
        ({"bytes": 25}, "budget-bytes", 3),
        ({"seconds": 5.0}, "budget-seconds", 5),
    ],
)
def test_budgets_per_host(budget: dict[str, float], reason: str, asked: int) -> None:
    """A host costs no more than it may; another host is not touched by that."""

    async def work() -> None:
        world = World(delay=1.0, per_host=budget)
        for _ in range(asked):
            await world.ask(took=0.3)
        with pytest.raises(Refused) as caught:
            await world.ask(took=0.3)
        assert caught.value.reason == reason
        await world.ask("https://example.net/")

    run(work())


def test_the_error_budget() -> None:
    """After so many errors the host is left alone, also when answers lie between them."""

    async def work() -> None:
        world = World(delay=1.0, per_host={"errors": 3})
        for _ in range(3):
            await world.ask(status=500)
            if world.clocks.state(SITE).errors < 3:
                await world.ask()
        with pytest.raises(Refused) as caught:
            await world.ask()
        assert caught.value.reason == "budget-errors"

    run(work())


def test_a_restart_keeps_the_clock() -> None:
    """A process that is started anew does not ask sooner than the one before would have, and knows the budgets of its run."""

    async def work() -> None:
        world = World(delay=5.0, per_host={"pages": 2})
        await world.ask()
        again = World(world.store, delay=1.0, per_host={"pages": 2})
        await again.ask()
        assert again.log[0][1] - world.log[0][2] == 5.0
        with pytest.raises(Refused):
            await again.ask()
        other = World(world.store, run="2", delay=1.0, per_host={"pages": 2})
        await other.ask()

    run(work())


def test_two_processes_share_one_clock() -> None:
    """Two clocks on one store never ask a host closer together than its delay, nor at the same time."""

    async def work() -> None:
        one = World(delay=1.0)
        two = World(one.store, delay=1.0)
        two.log = one.log
        await asyncio.gather(*(world.ask() for _ in range(4) for world in (one, two)))
        assert len(one.log) == 8
        assert min(one.gaps()) >= 1.0

    run(work())


def test_cancelled_waiters_leave_the_line() -> None:
    """A cancelled turn passes its place on, whether it stood in line, was claiming, or had sent."""

    async def work() -> None:
        world = World(delay=1.0)
        for steps in range(30):
            tasks = [asyncio.ensure_future(world.ask()) for _ in range(3)]
            for _ in range(steps):
                await asyncio.sleep(0)
            tasks[steps % 3].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for _ in range(5):
                await asyncio.sleep(0)
            assert not world.store.leases
        assert min(world.gaps()) >= 1.0

    run(work())


def test_a_claim_that_is_granted_too_late_is_given_back() -> None:
    """Who is cancelled while the store decides does not keep the host from others."""

    async def work() -> None:
        world = World(delay=1.0)
        task = asyncio.ensure_future(world.ask())
        while not world.store.claims:
            await asyncio.sleep(0)
            if world.store.asked:
                break
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for _ in range(10):
            await asyncio.sleep(0)
        assert world.store.claims == 1
        assert not world.store.leases
        assert not world.log

    run(work())


def test_a_turn_that_sends_nothing_costs_nothing() -> None:
    """When the block decides against the request, the next one need not wait."""

    async def work() -> None:
        world = World(delay=9.0)
        with pytest.raises(Refused):
            async with world.clocks.turn(SITE):
                raise Refused("soft-404", SITE)
        await world.ask()
        assert world.log[0][1] == START

    run(work())


def test_a_turn_that_is_cancelled_counts_as_sent() -> None:
    """A request that was given up half way was a request: the delay runs from there."""

    async def work() -> None:
        world = World(delay=3.0)

        async def give_up() -> None:
            async with world.clocks.turn(SITE):
                world.time.now += 1
                raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await give_up()
        await world.ask()
        assert world.log[0][1] == START + 4.0

    run(work())


def test_this_machine_may_be_asked_several_times_at_once() -> None:
    """With a delay of 0 and a concurrency above 1, loopback turns overlap up to that number, and the store is hardly asked."""

    async def work() -> None:
        world = World(delay=0.0, concurrency=4, latency_factor=2.0)
        under_way = most = 0

        async def ask() -> None:
            nonlocal under_way, most
            async with world.clocks.turn("http://127.0.0.1:8000/"):
                under_way += 1
                most = max(most, under_way)
                for _ in range(5):
                    await asyncio.sleep(0)
                under_way -= 1

        await asyncio.gather(*(ask() for _ in range(40)))
        await world.clocks.close()
        assert most == 4
        assert world.store.claims == 1

    run(work())


@pytest.mark.parametrize("what", ["robots", "busy"])
def test_overlapping_ends_when_the_machine_asks_for_a_pace(what: str) -> None:
    """A crawl-delay, or 429, makes turns on loopback come one by one again, that far apart."""

    async def work() -> None:
        world = World(delay=0.0, concurrency=4)
        url = "http://127.0.0.1:8000/"
        if what == "robots":
            await world.ask(url)
            world.clocks.pace(url, 2.0)
        else:
            await world.ask(url, status=429, Retry_After="2")
        await asyncio.gather(*(world.ask(url) for _ in range(3)))
        assert world.gaps()[0] == 2.0
        assert min(world.gaps()) >= (2.0 if what == "robots" else 0.5)

    run(work())


def test_the_page_budget_is_met_exactly_when_turns_overlap() -> None:
    """However many turns may overlap, no page beyond the budget is asked for and none below it is refused."""

    async def work() -> None:
        world = World(delay=0.0, concurrency=8, per_host={"pages": 10})

        async def ask() -> None:
            async with world.clocks.turn("http://127.0.0.1/"):
                for _ in range(5):
                    await asyncio.sleep(0)
                wire = Wire(200, "", "HTTP/1.1", (), b"", "127.0.0.1", (), world.time(), world.time())
                world.clocks.settle("http://127.0.0.1/", wire)
                world.log.append(("http://127.0.0.1/", world.time(), world.time()))

        results = await asyncio.gather(*(ask() for _ in range(30)), return_exceptions=True)
        assert len(world.log) == 10
        assert sum(isinstance(result, Refused) for result in results) == 20

    run(work())


def test_the_transport_s_clock_may_be_another_one() -> None:
    """The delay is measured by the frontier's clock alone: a transport that lives in another hour changes nothing."""

    async def work() -> None:
        for apart in (-3_600.0, 3_600.0):
            world = World(delay=2.0)
            for status in (200, 429, 200):
                async with world.clocks.turn(SITE):
                    begun = world.time()
                    world.time.now += 1.5
                    moments = (begun + apart, world.time() + apart)
                    wire = Wire(status, "", "HTTP/1.1", (("Retry-After", "9"),), b"", "192.0.2.1", (), *moments)
                    world.clocks.settle(SITE, wire)
                    world.log.append((SITE, begun, world.time()))
            assert world.gaps() == [2.0, 9.0]

    run(work())

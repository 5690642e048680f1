"""The thread that owns the connection: it writes what has come together and answers what is asked, round after round."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from acquisition.crawl.frontier.database import Clash, Database, Lost
from acquisition.crawl.frontier.keys import RecentKeys
from acquisition.crawl.frontier.store import Batch, Store
from acquisition.errors import SourceUnavailable

LINGER_SECONDS: Final = 0.05
"""How long writings wait for company when nobody waits for them."""
FULL: Final = 1_000
CROWDED: Final = 20_000
"""So many writings may wait before whoever brings more has to wait too."""
CLASHES: Final = 30
"""How often a transaction is begun again when another process is in its way."""

T = TypeVar("T")
Question = Callable[[Store, float], Any]


class Holdings(Protocol):
    """What the desk holds at the moment, for renewing."""

    def leased(self) -> Collection[int]:
        """Return the ids of our leases."""

    def held(self) -> Mapping[str, float]:
        """Return the hosts that are ours, and until when each is wanted."""


@dataclass(slots=True)
class Round:
    """What one transaction writes and answers."""

    batch: Batch = field(default_factory=Batch)
    questions: list[tuple[Question, Future[Any]]] = field(default_factory=list)


class Worker:
    """Runs rounds on its own thread until it is told to stop or fails for good; then everything raises that error.

    `tick` is the seconds between two renewals, `patience` how long a lost database is looked for.
    """

    def __init__(
        self, connect: Callable[[], Database], store_on: Callable[[Database], Store], *, tick: float, patience: float
    ) -> None:
        self._connect, self._store_on, self._tick, self._patience = connect, store_on, tick, patience
        self.known, self.refused, self.lost = RecentKeys(), RecentKeys(100_000), 0
        self._next = Round()
        self._condition = threading.Condition()
        self._stopping = False
        self._error: BaseException | None = None
        self._renewed = time.monotonic()
        self.confirmed = 0.0
        """The moment by the frontier's clock at which everything that is ours was last renewed."""
        self.ahead = 0.0
        """What to add to the monotonic clock to get the frontier's, at least."""

    def start(self, database: Database, holdings: Holdings) -> None:
        """Begin, on a connection that is open and from now on belongs to the thread."""
        self._database, self._store, self._holdings = database, self._store_on(database), holdings
        self._measured()
        self._thread = threading.Thread(target=self._work, name="frontier", daemon=True)
        self._thread.start()

    # --- called from other threads ---

    def put(self, add: Callable[[Batch], None]) -> None:
        """Let `add` add to the next batch; waits only when far too much waits already."""
        with self._condition:
            while len(self._next.batch) > CROWDED and self._error is None:
                self._condition.wait()
            self._demand()
            idle = not len(self._next.batch)
            add(self._next.batch)
            if idle or len(self._next.batch) >= FULL:
                self._condition.notify_all()

    def ask(self, question: Question) -> Future[Any]:
        """Have a question answered in the next round, after everything that was put before."""
        future: Future[Any] = Future()
        with self._condition:
            self._demand()
            self._next.questions.append((question, future))
            self._condition.notify_all()
        return future

    def stop(self) -> None:
        """Do what is waiting, leave the frontier and close the connection; raises what went wrong."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _demand(self) -> None:
        if self._error is not None:
            raise self._error
        if self._stopping:
            raise RuntimeError("the frontier is closed")

    # --- the thread ---

    def _work(self) -> None:
        try:
            while not self._finished():
                self._do(self._take())
            self._again(self._store.part)
        except BaseException as error:  # noqa: BLE001  # whoever waits gets it, whatever it is
            self._fail(error)
        finally:
            self._database.close()

    def _finished(self) -> bool:
        with self._condition:
            return self._stopping and not len(self._next.batch) and not self._next.questions

    def _take(self) -> Round:
        """Return the next round: at once when somebody waits, else when company has come, or when it is time to renew."""
        with self._condition:
            while not (self._next.questions or self._stopping or len(self._next.batch) >= FULL):
                waiting = len(self._next.batch) > 0
                until_tick = max(0.0, self._renewed + self._tick - time.monotonic())
                if not self._condition.wait(LINGER_SECONDS if waiting else until_tick):
                    break
            taken, self._next = self._next, Round()
            self._condition.notify_all()
            return taken

    def _do(self, work: Round) -> None:
        questions = [(question, future) for question, future in work.questions if future.set_running_or_notify_cancel()]
        renew = time.monotonic() >= self._renewed + self._tick

        def inside(now: float) -> tuple[list[int], list[Any]]:
            lost = self._store.write(work.batch, now)
            if renew:
                self.confirmed = now
                self._store.renew(self._holdings.leased(), self._holdings.held(), now)
            return lost, [question(self._store, now) for question, _ in questions]

        try:
            lost, answers = self._again(inside)
        except BaseException as error:
            self._error = error
            for _, future in questions:
                future.set_exception(error)
            raise
        self._renewed = time.monotonic() if renew else self._renewed
        self._remember(work.batch, lost)
        for (_, future), answer in zip(questions, answers, strict=True):
            future.set_result(answer)

    def _remember(self, batch: Batch, lost: list[int]) -> None:
        self.lost += len(lost)
        self._store.committed()
        for entry in batch.entries:
            (self.refused if entry.refused else self.known).add(entry.key)

    # --- trying ---

    def _again(self, inside: Callable[[float], T]) -> T:
        """Run a transaction until it is committed: others may be in the way, and the connection may be lost on the way."""
        clashes = 0
        while True:
            try:
                with self._database.transaction():
                    return inside(self._measured())
            except Clash:
                clashes += 1
                if clashes > CLASHES:
                    raise
                time.sleep(0.002 * clashes)
            except Lost as error:
                self._reconnect(error)

    def _measured(self) -> float:
        """Return the frontier's moment; the answer took some time to come, so our own copy is rather ahead than behind."""
        before = time.monotonic()
        now = self._database.now()
        self.ahead = now - before
        return now

    def _reconnect(self, error: Exception) -> None:
        deadline, pause = time.monotonic() + self._patience, 0.05
        while True:
            try:
                self._database.close()
                self._database = self._connect()
                self._store = self._store_on(self._database)
                with self._database.transaction():
                    self._store.reconcile(self._holdings.leased(), self._holdings.held(), self._measured())
            except (Lost, SourceUnavailable) as again:
                if time.monotonic() + pause > deadline:
                    raise SourceUnavailable(
                        f"the frontier's database has been out of reach for {self._patience:.0f} s: {again}",
                        hint="Run the same command again when it is back: nothing that was written is lost.",
                    ) from error
                time.sleep(pause)
                pause = min(5.0, pause * 2)
            else:
                return

    def _fail(self, error: BaseException) -> None:
        with self._condition:
            self._error = error
            waiting, self._next = self._next, Round()
            self._condition.notify_all()
        for _, future in waiting.questions:
            if future.set_running_or_notify_cancel():
                future.set_exception(error)

"""Work for threads: what must not hold up the loop. Every answer is heard in the loop's own thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Final, NamedTuple, TypeVar

_T = TypeVar("_T")
_WORK_THREADS: Final = 4
_ASK_THREADS: Final = 8


class _Job(NamedTuple):
    done: Callable[[Future[Any]], None]
    kept: bool


class Jobs:
    """Two pools, one that hashes and stores and one that asks servers, and who is to hear each answer.

    What is `kept` stores something: its answer is heard even when the run ends before its time.
    """

    def __init__(self) -> None:
        self._work = ThreadPoolExecutor(_WORK_THREADS, thread_name_prefix="fetch-hash")
        self._ask = ThreadPoolExecutor(_ASK_THREADS, thread_name_prefix="fetch-locate")
        self._jobs: dict[Future[Any], _Job] = {}

    def __bool__(self) -> bool:
        """Whether an answer is still to be heard."""
        return bool(self._jobs)

    def work(self, action: Callable[[], _T], done: Callable[[Future[_T]], None], *, kept: bool = False) -> Future[_T]:
        """Let a thread hash or store; `done` hears how it went."""
        future = self._work.submit(action)
        self._jobs[future] = _Job(done, kept)
        return future

    def ask(self, action: Callable[[], _T], done: Callable[[Future[_T]], None]) -> None:
        """Let a thread ask a server; `done` hears the answer."""
        self._jobs[self._ask.submit(action)] = _Job(done, False)

    def call_off(self, future: Future[Any]) -> None:
        """Wait for a job that was told to end, and hear nothing of it."""
        wait([future])
        self._jobs.pop(future, None)

    def hear(self, timeout: float = 0.0) -> None:
        """Hear every answer that is there; wait for the first at most so many seconds."""
        if not self._jobs:
            return
        if timeout:
            wait(self._jobs, timeout, FIRST_COMPLETED)
        self._hear([future for future in self._jobs if future.done()])

    def hear_kept(self) -> None:
        """Wait for everything that stores something, and hear it."""
        kept = [future for future, job in self._jobs.items() if job.kept]
        wait(kept)
        self._hear(kept)

    def _hear(self, futures: list[Future[Any]]) -> None:
        for future in futures:
            if (job := self._jobs.pop(future, None)) is not None:  # an earlier answer may have called it off
                job.done(future)

    def close(self) -> None:
        """End the threads; what one of them has just stored is heard, everything else is dropped."""
        self._ask.shutdown(wait=False, cancel_futures=True)
        self._work.shutdown(wait=True, cancel_futures=True)
        for future, job in self._jobs.items():
            if job.kept and not future.cancelled() and not future.exception():
                job.done(future)
        self._jobs.clear()

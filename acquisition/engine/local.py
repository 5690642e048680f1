"""Runs a function over tasks in a pool of processes on this machine.

Tasks and results are picklable values; the function is importable. Results come back in the order of the tasks, so what
is built from them is the same on every run. A worker that is killed (by the kernel when memory runs out, say) breaks the
whole pool in Python's own executor; here the pool is made anew, the unfinished tasks run again one at a time, and a
task that kills its worker twice is named instead of taking the run down.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Generic, TypeVar

from acquisition.errors import Interrupted, PluginError

Task = TypeVar("Task")
Result = TypeVar("Result")

SMALL: Final = 4_000_000
"""Bytes of input below which starting processes costs more than it saves (.7 s for two workers, measured)."""


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


def available_megabytes() -> int:
    """Return the memory that can be had without swapping, in megabytes; a great number where the system does not say."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) // 1000
    except (OSError, StopIteration, ValueError):  # not on Linux
        return 1_000_000


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the parent: it lets running shards finish and saves the state."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Failed(Generic[Task]):
    """A task that could not be done, and why."""

    __slots__ = ("error", "task")

    def __init__(self, task: Task, error: PluginError) -> None:
        self.task = task
        self.error = error


def _inline(function: Callable[[Task], Result], task: Task) -> Result | Failed[Task]:
    try:
        return function(task)
    except PluginError as error:
        return Failed(task, error)


class LocalEngine(AbstractContextManager["LocalEngine"]):
    """A pool that starts when it is first needed and serves all stages of one run."""

    def __init__(self, workers: int = 0, stop: threading.Event | None = None) -> None:
        self.workers = workers or usable_cores()
        self._stop = stop or threading.Event()
        self._pool: ProcessPoolExecutor | None = None
        self._size = self.workers

    def __exit__(self, *exc_info: object) -> None:
        self._close()

    def map(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], *, weight: int, memory: int = 0
    ) -> Iterator[Result | Failed[Task]]:
        """Yield the result of every task in order; `weight` is the bytes of input in all, `memory` the megabytes of a worker.

        Small work and a single task run in this process. A task that kills its worker twice, or whose plug-in fails, is given
        back as Failed, and the others go on. Raises Interrupted between tasks when a stop was asked for.
        """
        listed = list(tasks)
        self._resize(memory)
        if self._size == 1 or weight < SMALL or len(listed) < 2:
            for task in listed:
                self._check()
                yield _inline(function, task)
            return
        yield from self._spread(function, listed)

    def _resize(self, memory: int) -> None:
        """Let no more workers stand beside each other than there is memory for."""
        size = max(1, min(self.workers, available_megabytes() // memory)) if memory else self.workers
        if size < self._size:
            self._close()
        self._size = size

    def _spread(self, function: Callable[[Task], Result], tasks: list[Task]) -> Iterator[Result | Failed[Task]]:
        waiting: deque[Task] = deque(tasks)
        running: deque[tuple[Task, Future[Result]]] = deque()
        while waiting or running:
            self._check()
            while waiting and len(running) < 2 * self._size:
                task = waiting.popleft()
                running.append((task, self._started().submit(function, task)))
            task, future = running.popleft()
            try:
                yield future.result()
            except PluginError as error:
                yield Failed(task, error)
            except BrokenProcessPool:
                lost = [task, *(other for other, _ in running)]
                running.clear()
                self._close()
                for again in lost:
                    yield self._alone(function, again)

    def _alone(self, function: Callable[[Task], Result], task: Task) -> Result | Failed[Task]:
        self._check()
        try:
            return self._started().submit(function, task).result()
        except PluginError as error:
            return Failed(task, error)
        except BrokenProcessPool:
            self._close()
            return Failed(task, PluginError(f"a worker process died twice while it worked on {task!r:.300}"))

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("forkserver")
            self._pool = ProcessPoolExecutor(self._size, mp_context=context, initializer=_ignore_interrupts)
        return self._pool

    def _close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _check(self) -> None:
        if self._stop.is_set():
            raise Interrupted("stopped as asked; finished shards are kept", hint="Run the same command again to go on.")

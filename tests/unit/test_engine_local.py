"""The pool: order, small work inline, killed workers, a clean stop."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from acquisition.engine.local import SMALL, Failed, LocalEngine
from acquisition.errors import Interrupted, PluginError


def _square(number: int) -> int:
    return number * number


def _process(_: int) -> int:
    return os.getpid()


def _die_once(task: tuple[str, int]) -> int:
    """Kill the worker the first time a task is seen."""
    folder, number = task
    mark = Path(folder) / str(number)
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def _die(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_results_come_in_the_order_of_the_tasks() -> None:
    """Whatever finishes first, results come in order."""
    with LocalEngine(2) as engine:
        assert list(engine.map(_square, range(40), weight=SMALL)) == [number * number for number in range(40)]


def test_small_work_starts_no_process() -> None:
    """Work below the bound runs here."""
    with LocalEngine(2) as engine:
        assert set(engine.map(_process, range(4), weight=SMALL - 1)) == {os.getpid()}
        assert os.getpid() not in set(engine.map(_process, range(4), weight=SMALL))


def test_a_killed_worker_costs_nothing_but_time(tmp_path: Path) -> None:
    """Tasks that were under way when a worker died run again."""
    with LocalEngine(2) as engine:
        assert list(engine.map(_die_once, [(str(tmp_path), number) for number in range(8)], weight=SMALL)) == list(range(8))


def test_a_task_that_kills_its_worker_twice_is_named() -> None:
    """One poisonous task is reported in its place; all others have their results."""
    with LocalEngine(2) as engine:
        results = list(engine.map(_die, range(5), weight=SMALL))
    assert [result for result in results if not isinstance(result, Failed)] == [0, 2, 3, 4]
    assert isinstance(results[1], Failed)
    assert isinstance(results[1].error, PluginError)
    assert results[1].task == 1


def test_a_stop_ends_between_tasks() -> None:
    """A stop raises Interrupted before the next task."""
    stop = threading.Event()
    with LocalEngine(1, stop) as engine:
        results = engine.map(_square, range(3), weight=0)
        assert next(results) == 0
        stop.set()
        with pytest.raises(Interrupted):
            next(results)

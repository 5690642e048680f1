"""Processes that are killed and processes that share one frontier file lose no page and keep one clock per host."""

from __future__ import annotations

from pathlib import Path

from tests.flow.frontier_crawls import Stage, closest, finish, kill_twice


def test_a_crawl_that_is_killed_twice_ends_with_every_page_once(tmp_path: Path) -> None:
    """Two kill -9 in mid-work lose none of 3,000 pages and repeat only what was under way."""
    kill_twice(Stage(tmp_path / "frontier.sqlite", tmp_path / "log"), 3_000)


def test_two_processes_on_one_file_keep_one_clock_per_host(tmp_path: Path) -> None:
    """Ten hosts, two processes, no two visits of a host closer than its delay, every page visited once."""
    stage = Stage(tmp_path / "frontier.sqlite", tmp_path / "log")
    options = ("--flat", "--pages=100", "--hosts=10", "--delay=0.15", "--limit=4")
    finish(stage.start("one", *options), stage.start("two", *options))
    gap, visits = closest(stage)
    assert visits == 100
    assert gap >= 0.15

"""How crawls look to people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from acquisition.cli.crawling import activity_text, progress_text, skip_report, story_text
from acquisition.crawl.inquiry import activity, skipped
from acquisition.crawl.outcome import CrawlRun
from acquisition.crawl.tally import Missed, write_missed
from acquisition.workspace import write_json

NOW = 1_800_000_000.0


def test_progress_says_what_holds_the_crawl_up() -> None:
    """Counts that are 0 are left out; hosts that rest are named with the reason and the time."""
    holding = [{"host": f"h{number}.org", "reason": "retry-after", "seconds": 40.0} for number in range(5)]
    text = progress_text({"pages": 1_200, "rate": 3.25, "items": 7, "pending": 0, "failed": 2, "holding": holding})
    assert text.startswith("1,200 pages (3.2/s), 7 items, 2 failed, held: h0.org (retry-after for 40 s)")
    assert text.endswith("and 2 more held")
    assert "waiting" not in text


def test_the_skip_report_names_every_reason_with_an_example(tmp_path: Path) -> None:
    """Refusals and failures are told apart, the most frequent first; the first address of each reason is the example."""
    missed = [
        Missed("t", "refused", "robots", "https://a.org/x", ""),
        Missed("t", "refused", "robots", "https://a.org/y", ""),
        Missed("t", "failed", "timeout", "https://b.org/", ""),
    ]
    write_missed(tmp_path, missed)
    crawl = {"pages": 3, "items": 1, "refused": {"depth-limit": 1, "robots": 2}, "failed": {"timeout": 1}}
    assert skip_report("site", {**crawl, "examples": skipped(tmp_path)}) == [
        "site: 3 pages, 1 items",
        "  not asked for: 2 robots, such as https://a.org/x",
        "  not asked for: 1 depth-limit",
        "  failed: 1 timeout, such as https://b.org/",
    ]


def test_changes_since_the_run_before_are_in_the_first_line() -> None:
    """What is new, the same or gone stands beside the counts."""
    changes = {"items": {"new": 2, "gone": 1, "same": 0}, "pages": {"opted-out": 4}}
    assert skip_report("site", {"pages": 9, "items": 2, "changes": changes})[0].endswith(
        "; since the run before: 2 new, 1 gone, 4 pages opted-out"
    )


def test_a_crawl_is_running_finished_or_unfinished(tmp_path: Path) -> None:
    """A run that tells something is running; one that has gone silent was killed; one with an outcome has ended."""
    assert activity(tmp_path, NOW) == {}
    run = tmp_path / "run-0002"
    (tmp_path / "run-0001").mkdir()
    run.mkdir()
    write_json(run / "progress.json", {"at": NOW - 1, "pages": 5, "items": 2, "rate": 1.5})
    assert activity(tmp_path, NOW)["state"] == "running"
    assert "crawling now, run-0002: 5 pages (1.5/s), 2 items" in activity_text("site", activity(tmp_path, NOW))
    assert activity(tmp_path, NOW + 60)["state"] == "unfinished"
    CrawlRun("run-0002", run, "a", "b", pages=9, items=3, finished=True, finish_reason="finished").save()
    ended = activity(tmp_path, NOW)
    assert (ended["state"], ended["pages"], ended["items"]) == ("finished", 9, 3)


def test_a_story_tells_rule_time_and_signals() -> None:
    """Every line that decided is there: how it ended, the rule of robots.txt, and what the page says of its use."""
    visit: dict[str, Any] = {
        "at": "2026-01-02T03:04:05Z", "status": 200, "bytes": 10, "sha256": "ab", "warc": "run-0001/a.warc.gz#offset=5",
        "unchanged": False, "policies": {"/ai.txt": "cd"}, "policies_unknown": ["/trust.txt"], "damage": "",
        "robots": {"url": "https://a.org/robots.txt", "status": 200, "group": "*", "rule": "Allow: /x", "verdict": "allow"},
    }  # fmt: skip
    item = {
        "locator": "https://a.org/x#1",
        "verdicts": {"train": "deny"},
        "signals": [{"mechanism": "x-robots-tag", "where": "header", "raw": "noai", "fetch": "none", "train": "deny"}],
    }
    story = {
        "source": "site", "run": "run-0001", "url": "https://a.org/x", "state": "done", "reason": "", "detail": "",
        "found_on": "https://a.org/", "depth": 1, "entered_at": "e", "ended_at": "", "visits": [visit], "items": [item],
    }  # fmt: skip
    text = story_text([story])
    assert "https://a.org/x in site, run-0001: done" in text
    assert "found on https://a.org/ at e, depth 1; ended not yet" in text
    assert "group '*', rule 'Allow: /x' → allow" in text
    assert "could not be had: /trust.txt" in text
    assert "x-robots-tag in header: 'noai' → train deny" in text

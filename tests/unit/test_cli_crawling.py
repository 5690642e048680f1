"""How crawls look to people."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from acquisition.cli.crawling import activity_text, progress_text, skip_report, story_text
from acquisition.cli.output import emit, talk
from acquisition.crawl.inquiry import _items, _shown, activity, skipped
from acquisition.crawl.outcome import ITEMS_SUFFIX, CrawlRun
from acquisition.crawl.tally import Missed, write_missed
from acquisition.errors import UsageError
from acquisition.pipeline import explain, open_session
from acquisition.workspace import Workspace, write_json

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
        "site: 3 pages, 1 item",
        "  not asked for: 2 robots, such as https://a.org/x",
        "  not asked for: 1 depth-limit",
        "  failed: 1 timeout, such as https://b.org/",
    ]


def test_what_a_spider_did_is_told_with_its_words(tmp_path: Path) -> None:
    """All settings that were not obeyed are named, and an error of the spider with its exception."""
    missed = [
        Missed("t", "refused", "setting", "ROBOTSTXT_OBEY", ""),
        Missed("t", "refused", "setting", "USER_AGENT", ""),
        Missed("t", "failed", "spider-error", "https://a.org/x", "owls: KeyError: 'b'"),
        Missed("t", "refused", "item-without-page", "", "an item must be yielded from the callback of a response"),
    ]
    write_missed(tmp_path, missed)
    crawl = {"pages": 1, "items": 0, "refused": {"setting": 2, "item-without-page": 1}, "failed": {"spider-error": 1}}
    assert skip_report("site", {**crawl, "examples": skipped(tmp_path)}) == [
        "site: 1 page, 0 items",
        "  not obeyed: 2 settings of the spider: ROBOTSTXT_OBEY, USER_AGENT",
        "  not asked for: 1 item-without-page, such as (an item must be yielded from the callback of a response)",
        "  failed: 1 spider-error, such as https://a.org/x (owls: KeyError: 'b')",
    ]


def test_a_story_has_the_items_of_the_address_and_counts_the_rest(tmp_path: Path) -> None:
    """Pages that were found on a page are not its items, files that it shows are; beyond a score they are counted."""
    url = "https://a.org/"
    lines: list[dict[str, Any]] = [
        {"locator": f"{url}#{number}", "url": url, "final_url": url, "referrer": "", "sample": "row"} for number in range(22)
    ]
    lines.append({"locator": f"{url}p#1", "url": f"{url}p", "final_url": f"{url}p", "referrer": url, "sample": "page"})
    lines.append({"locator": f"{url}i#1", "url": f"{url}i", "final_url": f"{url}i", "referrer": url, "sample": "media"})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / f"crawl-00000{ITEMS_SUFFIX}").write_text(text, encoding="utf-8")
    shown, found = _shown(_items(tmp_path, url))
    assert (len(shown), found) == (20, 23)
    story = {"url": url, "source": "s", "run": "r", "state": "done", "reason": "", "detail": "", "found_on": "", "depth": 0}
    told = story_text([story | {"entered_at": "e", "ended_at": "e", "visits": [], "items": shown, "items_found": found}])
    assert told.endswith("  and 3 more items")


def test_silence_is_not_shown_as_a_signal() -> None:
    """A robots.txt that says nothing about the address is left out of its story."""
    silent = {"mechanism": "ai-agents", "where": "robots.txt", "raw": "", "fetch": "none", "train": "none", "store": "none"}
    story: dict[str, Any] = {
        "url": "u", "source": "s", "run": "r", "state": "done", "reason": "", "detail": "", "found_on": "", "depth": 0,
        "entered_at": "e", "ended_at": "e", "visits": [], "items": [{"locator": "l", "signals": [silent]}], "items_found": 1,
    }  # fmt: skip
    assert "ai-agents" not in story_text([story])
    silent["train"] = "unknown"
    assert "ai-agents in robots.txt: '' → train unknown" in story_text([story])


def test_an_address_that_nobody_has_met_is_said_to_be_unknown(tmp_path: Path) -> None:
    """Without a manifest, too: the advice is not to fetch everything first."""
    declaration = tmp_path / "sources.yaml"
    declaration.write_text("version: 1\nsources: {iris: {kind: uci, id: 53}}\n", encoding="utf-8")
    session = open_session(declaration, environment={})
    with pytest.raises(UsageError, match=r"nothing is known of https://a\.org/x") as caught:
        explain(session, "https://a.org/x")
    assert "No link led to it" in str(caught.value.hint)
    with pytest.raises(UsageError, match="no manifest yet"):
        explain(session, "3f9c")


def test_a_workspace_says_who_holds_it(tmp_path: Path) -> None:
    """While a command runs it is named; before and afterwards, and when it was killed, nobody holds the workspace."""
    workspace = Workspace(tmp_path)
    assert workspace.holder() == ""
    with workspace.locked("crawl"):
        assert f"`crawl`, process {os.getpid()} on " in workspace.holder()
    assert workspace.holder() == ""
    gone = {"pid": 2**22 + 1, "host": socket.gethostname(), "command": "crawl", "since": "t"}
    write_json(tmp_path / ".lock-owner.json", gone)
    assert workspace.holder() == ""


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
    write_json(run / "progress.json", {"at": NOW - 1, "pages": 5, "items": 2, "rate": 1.5, "pending": 4, "hosts": 1})
    assert activity(tmp_path, NOW)["state"] == "running"
    assert "crawling now, run-0002: 5 pages (1.5/s), 2 items, 4 waiting" in activity_text("site", activity(tmp_path, NOW))
    assert activity(tmp_path, NOW + 60)["state"] == "unfinished"
    CrawlRun("run-0002", run, "a", "b", pages=9, items=3, finished=True, finish_reason="finished").save()
    ended = activity(tmp_path, NOW)
    assert (ended["state"], ended["pages"], ended["items"]) == ("finished", 9, 3)
    assert "waiting" not in activity_text("site", ended)


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


def test_what_a_server_says_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences in a rule of robots.txt or a header are shown as signs; lines, tabs and other letters stay."""
    said = "rule /\x1b]0;owned\x07\x9b31m\r\u202egnp.exe"
    emit(f"ü\t{said}\nsecond")
    talk(f"\x1b[1;31merror\x1b[0m: {said}")
    out, err = capsys.readouterr()
    shown = "rule /\ufffd]0;owned\ufffd\ufffd31m\ufffd\ufffdgnp.exe"
    assert (out, err) == (f"ü\t{shown}\nsecond\n", f"\x1b[1;31merror\x1b[0m: {shown}\n")

"""What a run changed against the one before, and what explains a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from acquisition.crawl.archive import ItemLog, Page, Rights, carry, compare, due, read_decisions, record_of
from acquisition.errors import WorkspaceDamaged
from acquisition.rights.signals import Signal
from tests.unit.test_crawl_archive import archive, ask, put, wire
from tests.unit.test_crawl_archive_items import lines

SITE = "https://example.org"


@dataclass(frozen=True, slots=True)
class End:
    """How a URL ended."""

    url: str
    state: str = "done"
    reason: str = ""
    detail: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


ENDS = (
    End(f"{SITE}/same"),
    End(f"{SITE}/edited"),
    End(f"{SITE}/new"),
    End(f"{SITE}/says-no"),
    End(f"{SITE}/lost", "failed", "http-404", facts={"status": 404}),
    End(f"{SITE}/down", "failed", "timeout"),
    End(
        f"{SITE}/closed",
        "refused",
        "robots",
        f"{SITE}/robots.txt: Disallow: /closed",
        {"robots": {"rule": "Disallow: /closed"}},
    ),
    End(f"{SITE}/reserved", "refused", "opt-out", "tdmrep: tdm-reservation: 1"),
    End(f"{SITE}/away", "refused", "robots-unreachable", "503"),
    End(f"{SITE}/deep", "refused", "depth-limit"),
)
YES = Rights([], {"fetch": "allow", "train": "none", "store": "none"}, {"verdict": "allow"})
NO = Rights([Signal("meta-robots", "meta robots", "noai", train="deny").record()], {"fetch": "none", "train": "deny"})


def took(directory: Path, made: Any, items: Mapping[str, tuple[str, Rights]]) -> ItemLog:
    """Archive pages and take one item from each."""
    log = ItemLog(directory, made)
    for name, (text, rights) in items.items():
        place, _ = put(made, f"{SITE}/{name}", text.encode())
        met = Page(f"{SITE}/{name}", f"{SITE}/{name}", "", "text/html", b"", place)
        log.add(record_of({"text": text}, met, rights), page=name.encode().ljust(16))
    return log


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Make two runs, and carry over."""
    one, two = tmp_path / "run-0001", tmp_path / "run-0002"
    names = ("same", "edited", "says-no", "lost", "down", "closed", "reserved", "away", "deep", "unlinked", "forbidden")
    with archive(one) as made:
        took(one, made, {name: (name, YES) for name in names}).close()
    with archive(two, earlier=[one]) as made:
        log = took(two, made, {"same": ("same", YES), "edited": ("other", YES), "new": ("new", YES), "says-no": ("now", NO)})
        assert carry(one, made, log, ENDS, forbids=forbids) == 6
        assert carry(one, made, log, ENDS, forbids=forbids) == 0
        log.close()
    return one, two


def forbids(url: str) -> tuple[str, str] | None:
    """Stand in for what is kept of robots.txt."""
    return ("robots", "Disallow: /forbidden") if url.endswith("/forbidden") else None


def test_a_page_that_had_opted_out_before_has_not_opted_out_since(runs: tuple[Path, Path], tmp_path: Path) -> None:
    """Only what is new is counted as a change: a page that says the same no in every run is none."""
    three = tmp_path / "run-0003"
    with archive(three, earlier=list(runs)) as made:
        log = took(three, made, {"same": ("same", NO), "says-no": ("now", NO)})
        log.close()
    found = compare(runs[1], three, [End(f"{SITE}/same"), End(f"{SITE}/says-no")])
    assert found.pages == {"opted-out": 1, "unlinked": 2}


def test_items_and_pages_are_told_apart(runs: tuple[Path, Path]) -> None:
    """New, same, changed, gone and carried items; pages that are gone, unlinked, have opted out or could not be had."""
    found = compare(*runs, ENDS, forbids=forbids)
    assert found.items == {"carried": 6, "changed": 2, "gone": 3, "new": 1, "same": 1}
    assert found.pages == {"failed": 2, "gone": 1, "left-out": 1, "opted-out": 4, "unlinked": 1}
    assert found.file is not None
    named = {(line["what"], line["name"].rpartition("/")[2].partition("#")[0], line["fate"]) for line in lines(found.file)}
    assert ("page", "unlinked", "unlinked") in named
    assert ("item", "lost", "gone") in named
    assert ("item", "edited", "changed") in named


def test_what_has_opted_out_is_carried_with_the_word_that_says_so(runs: tuple[Path, Path]) -> None:
    """Policy sees the item, the no and the mechanism; the body can still be read, in the linked file."""
    one, two = runs
    listed = lines(two / "run-0001-crawl-00000.items.jsonl")
    kept = {line["final_url"]: line for line in listed if line.get("carried") == "failed"}
    assert set(kept) == {f"{SITE}/down", f"{SITE}/away"}, "what could not be had this time"
    assert all("deny" not in line["verdicts"].values() for line in kept.values())
    carried = {line["final_url"]: line for line in listed if line.get("carried") == "opted-out"}
    assert set(carried) == {f"{SITE}/{name}" for name in ("closed", "reserved", "says-no", "forbidden")}
    closed, reserved = carried[f"{SITE}/closed"], carried[f"{SITE}/reserved"]
    assert closed["robots"] == {"rule": "Disallow: /closed", "verdict": "deny"}
    assert [signal["mechanism"] for signal in closed["signals"]] == ["robots"]
    assert (reserved["signals"][0]["mechanism"], reserved["signals"][0]["raw"]) == ("tdmrep", "tdm-reservation: 1")
    assert reserved["verdicts"] == {"fetch": "deny", "train": "deny", "store": "none"}
    assert carried[f"{SITE}/says-no"]["verdicts"] == {"fetch": "none", "train": "deny"}
    assert all(Signal.from_record(signal) for line in carried.values() for signal in line["signals"])
    with archive(two, earlier=[one]) as made:
        for line in carried.values():
            assert (two / line["warc"]["file"]).exists()
            place = made.earlier.find(line["final_url"])
            assert place is not None
            assert made.read(place.body)[1].decode() == line["item"]["text"]


def test_what_has_opted_out_stays_out_for_as_long_as_it_says_so(runs: tuple[Path, Path], tmp_path: Path) -> None:
    """A third run carries what the second carried, from the file of the first."""
    three = tmp_path / "run-0003"
    with archive(three, earlier=runs) as made:
        log = ItemLog(three, made)
        assert carry(runs[1], made, log, ENDS, forbids=forbids) == 5  # a sixth page was visited and holds nothing now
        log.close()
    assert (three / "run-0001-crawl-00000.warc.gz").samefile(runs[0] / "crawl-00000.warc.gz")


@pytest.mark.parametrize(
    ("name", "lastmod", "expected"),
    [
        ("a", "2027-01-14", False),
        ("a", "2027-01-15", True),
        ("a", "2027-01-15T07:59:00Z", False),
        ("a", "2027-01-15T09:00:01+01:00", True),
        ("a", "2027-01-15T08:59:00+01:00", False),
        ("a", "", True),
        ("a", "yesterday", True),
        ("b", "2020-01-01", True),
        ("unknown", "2020-01-01", True),
    ],
)
def test_lastmod_is_a_hint(tmp_path: Path, name: str, lastmod: str, expected: bool) -> None:
    """A page is due unless the sitemap says that it has not changed since it was archived with success (8:00 that day)."""
    one, two = tmp_path / "run-0001", tmp_path / "run-0002"
    with archive(one) as made:
        put(made, f"{SITE}/a")
        put(made, f"{SITE}/b", status=404)
    with archive(two, earlier=[one]) as made:
        assert due(f"{SITE}/{name}", lastmod, made) is expected


def test_what_is_not_due_is_taken_from_the_run_before(tmp_path: Path) -> None:
    """Nothing is asked and nothing written, and the new run's directory has the file."""
    one, two = tmp_path / "run-0001", tmp_path / "run-0002"
    with archive(one) as made:
        put(made, f"{SITE}/a", b"text")
    with archive(two, earlier=[one]) as made:
        found = made.reuse(f"{SITE}/a")
        assert found is not None
        assert (found.wire.body, found.unchanged, made.pages) == (b"text", True, 0)
        assert made.reuse(f"{SITE}/b") is None
        assert made.read(found.place)[1] == b"text"
    assert (two / "run-0001-crawl-00000.warc.gz").exists()


def test_every_visit_is_explained(tmp_path: Path) -> None:
    """A page that was asked for twice has two exchanges: request, answer and decision of each; in a running crawl, too."""
    with archive(tmp_path) as made:
        made.write(ask(f"{SITE}/a"), wire(b"", 503, reason="Busy"), {"robots": {"rule": "Allow: /"}})
        made.write(ask(f"{SITE}/a"), wire(b"text"), {"robots": {"rule": "Allow: /a"}})
        made.index.commit()
        found = list(read_decisions(tmp_path, f"{SITE}/a"))
    assert [(one.status, one.reason) for one in found] == [(503, "Busy"), (200, "OK")]
    assert [one.decision and one.decision["robots"]["rule"] for one in found] == ["Allow: /", "Allow: /a"]
    assert found[1].request == wire().request_headers
    assert (found[1].headers, found[1].ip_address, found[1].bytes) == (wire().headers, "192.0.2.1", 4)
    assert list(read_decisions(tmp_path, f"{SITE}/b")) == []


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    """What the index knows of it is shown, with the reason why there is no more."""
    with archive(tmp_path) as made:
        place, _ = put(made, f"{SITE}/a")
    path = tmp_path / place.file
    path.write_bytes(path.read_bytes()[: place.offset] + b"x" * (path.stat().st_size - place.offset))
    (found,) = read_decisions(tmp_path, f"{SITE}/a")
    assert (found.status, found.decision, found.damage.endswith("cannot be read")) == (200, None, True)
    with archive(tmp_path) as made, pytest.raises(WorkspaceDamaged):
        made.recall(f"{SITE}/a")


def test_the_list_of_what_is_gone_is_json(runs: tuple[Path, Path]) -> None:
    """One object per line, and the same for the same runs."""
    one = compare(*runs, ENDS).file
    assert one is not None
    first = one.read_bytes()
    assert all(json.loads(line)["fate"] for line in first.splitlines())
    compare(*runs, reversed(ENDS))
    assert one.read_bytes() == first

"""From declaration to ledger: the next copy is kept where the preferred one is not, and everything says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from acquisition.pipeline import Summary, explain, fetch, open_session

TEXT = "The ferry leaves at seven, and the baker on the quay opens an hour before it, whatever the weather brings."
LONG = " ".join(f"{TEXT[:-1]}, as it did in the year {year}." for year in range(1900, 1912))
OFF = dict.fromkeys(("adult", "llm_style", "opt_out", "pii", "quality"), False)
CLOSED = {"declared": "LicenseRef-Proprietary", "ml_training": "denied"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Three sources: each holds an exact, a normalised and a near copy of the first one's texts."""
    changed = {"one": (TEXT, LONG), "two": (TEXT, LONG.replace("baker", "smith", 1)), "three": (TEXT.upper(), LONG)}
    for name, texts in changed.items():
        (tmp_path / name).mkdir()
        for number, text in enumerate(texts):
            (tmp_path / name / f"{number}.txt").write_text(text)
    return tmp_path


def declare(place: Path, policy: list[dict[str, Any]], **licenses: Any) -> None:
    """Declare the three sources with a policy."""
    sources = {
        name: {"kind": "local", "path": name, "license": licenses.get(name, {"declared": "CC-BY-4.0"})}
        for name in ("one", "two", "three")
    }
    value = {"sources": sources, "policy": policy, "filters": OFF, "curated": {"splits": {"group_by": ["duplicate-cluster"]}}}
    (place / "sources.yaml").write_text(yaml.safe_dump(value, sort_keys=False))


def run(place: Path) -> Summary:
    """Fetch, and return what was done."""
    return fetch(open_session(place / "sources.yaml", workers=1, environment={}))


def ledger(place: Path) -> list[dict[str, Any]]:
    """Return the ledger's rows by source and place."""
    rows: list[dict[str, Any]] = pq.read_table(place / "data" / "manifest" / "items.parquet").to_pylist()
    return sorted(rows, key=lambda row: (("one", "two", "three").index(row["source"]), row["locator"]))


def outcomes(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Return source, place and outcome in short."""
    return {f"{row['source']} {row['locator'][0]}": row["outcome"] for row in rows}


def test_what_is_held_gives_way_to_the_next_copy(place: Path) -> None:
    """One copy of each content is kept whatever happens to the preferred one; all that is printed tells which for which."""
    declare(place, [])
    run(place)
    before = ledger(place)
    assert outcomes(before) == dict(
        zip(("one 0", "one 1", "two 0", "two 1", "three 0", "three 1"), ("keep", "keep", *["drop"] * 4), strict=True)
    )
    declare(place, [{"flag": "duplicate.representative", "source": "one", "outcome": "hold", "why": "we ask first"}])
    summary = run(place)
    rows = ledger(place)
    assert sorted(outcomes(rows).values()) == ["drop", "drop", "hold", "hold", "keep", "keep"]
    kept = {row["cluster"]: row for row in rows if row["outcome"] == "keep"}
    assert len(kept) == 2
    for row in rows:
        assert row["kept_id"] == ("" if row["outcome"] == "keep" else kept[row["cluster"]]["id"])
    assert summary.codes["keep", "duplicate.promoted"] == 2
    assert {row["cluster"] for row in rows} == {row["cluster"] for row in before}
    for cluster, row in kept.items():
        told = explain(open_session(place / "sources.yaml", environment={}), row["id"])
        assert told["code"] == "duplicate.promoted"
        assert cluster in told["why"]
        assert "held (duplicate.representative)" in told["why"]
    assert sum(row["path"] != "" for row in rows) == 2
    assert not run(place).changed


def test_a_denied_source_takes_no_copies_along(place: Path) -> None:
    """Where one of three sources is denied by its license, the set is what it would be without that source."""
    declare(place, [], one=CLOSED)
    run(place)
    rows = [row for row in ledger(place) if row["source"] != "one"]
    assert sorted(outcomes(rows).values()) == ["drop", "drop", "keep", "keep"]


def test_a_decision_brings_the_preferred_copy_back(place: Path) -> None:
    """What a person keeps stands again for all its copies, and nothing is filtered anew."""
    hold = [{"flag": "duplicate.representative", "source": "one", "outcome": "hold"}]
    declare(place, hold)
    run(place)
    held = next(row for row in ledger(place) if row["outcome"] == "hold")
    flags = sorted(path.name for path in (place / "data" / "flags").iterdir())
    line = f'{{"item": "{held["id"]}", "outcome": "keep", "by": "anna", "at": "2026-11-21T00:00:00Z", "reason": "ours"}}\n'
    (place / "data" / "decisions.jsonl").write_text(line)
    run(place)
    mine = [row for row in ledger(place) if row["cluster"] == held["cluster"]]
    assert [row["outcome"] for row in mine] == ["keep", "drop", "drop"]
    assert {row["kept_id"] for row in mine} == {"", held["id"]}
    assert sorted(path.name for path in (place / "data" / "flags").iterdir()) == flags

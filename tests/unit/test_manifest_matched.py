"""Which item of an older ledger is which of a newer one when rows go, come, change places or are edited."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acquisition.manifest import Difference, diff
from acquisition.manifest.matched import matched
from acquisition.manifest.side import Side
from tests.unit.test_manifest_diff import _manifest, _row
from tests.unit.test_manifest_versions import _decide


def _rows(texts: Sequence[str], release: str, **facts: Any) -> list[dict[str, Any]]:
    """Return the rows of a table's texts, each of the class that stands behind its colon: "yes:a"."""
    return [_numbered(number, text, release, **facts) for number, text in enumerate(texts)]


def _numbered(number: int, text: str, release: str, **facts: Any) -> dict[str, Any]:
    content, _, kind = text.partition(":")
    place = f"train.csv#row={number}"
    told = {"asset": "train.csv", "class": kind, "revision": release, "path": f"data/train.parquet#row={number}"}
    return _row(place, content_sha256=hashlib.sha256(content.encode()).hexdigest(), **told, **facts)


def _compared(tmp_path: Path, old: Sequence[str], new: Sequence[str]) -> Difference:
    return diff(_manifest(tmp_path / "old", _rows(old, "1")), _manifest(tmp_path / "new", _rows(new, "2"), "2.0.0"))


def _told(found: Difference) -> dict[str, int]:
    return {change.kind: change.items for change in found.changes if change.kind != "recorded"}


NINE = ("a:x", "b:y", "c:x", "d:y", "e:x", "f:y", "g:x", "h:y", "i:x")


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (NINE[1:], {"removed": 1, "lost": 1}),
        ((*NINE[1:4], "new:x", *NINE[5:]), {"removed": 1, "lost": 1, "changed": 1}),
        ((*NINE[1:4], "new:x", "newer:y", *NINE[6:]), {"removed": 1, "lost": 1, "changed": 2}),
        ((*NINE[1:8], "new:x"), {"removed": 1, "lost": 1, "changed": 1}),
        ((NINE[0], "new:x", *NINE[1:]), {"added": 1, "kept": 1}),
        (("new:x", *NINE), {"added": 1, "kept": 1}),
        ((NINE[0], NINE[2], NINE[1], *NINE[3:]), {}),
        (tuple(reversed(NINE)), {}),
        ((*NINE[:4], "new:x", *NINE[5:]), {"changed": 1}),
        (("new:x", *NINE[1:]), {"changed": 1}),
        (tuple(f"{text[0]}!{text[1:]}" for text in NINE), {"changed": 9}),
        (("a:y", *NINE[1:]), {"moved": 1}),
        ((*NINE, NINE[0]), {"added": 1, "kept": 1}),
    ],
)
def test_rows_of_a_table_are_known_by_their_content(tmp_path: Path, new: tuple[str, ...], told: dict[str, int]) -> None:
    """What did not change is told of as nothing but its new id and place, wherever its row now is."""
    found = _compared(tmp_path, NINE, new)
    assert _told(found) == told
    assert all(one.kind != "recorded" or one.items <= len(NINE) for one in found.changes)


def test_one_content_of_two_classes_stays_in_both(tmp_path: Path) -> None:
    """Of rows with the same words, those of one class belong together, in their order; no label is told of as another."""
    found = _compared(tmp_path, ("yes:a", "yes:b", "no:a", "yes:b", "yes:a"), ("yes:b", "no:a", "yes:b", "yes:a"))
    assert _told(found) == {"removed": 1, "lost": 1}
    removed = next(one for one in found.changes if one.kind == "removed")
    assert removed.examples[0][0] == "train.csv#row=4"


def test_duplicates_are_paired_in_order(tmp_path: Path) -> None:
    """The first is the first and the second the second, and no row is in two pairs."""
    old = _manifest(tmp_path / "old", _rows(("a", "x", "a", "a"), "1"))
    new = _manifest(tmp_path / "new", _rows(("x", "a", "a"), "2"))
    left, right = matched(*(Side(folder / "items.parquet", "") for folder in (old, new)))
    assert left.tolist() == [1, 0, 2, 3]
    assert right.tolist() == [0, 1, 2, -1]


def test_files_are_known_by_their_names_and_then_by_their_content(tmp_path: Path) -> None:
    """Two files that swap their content are changed; one that was renamed is what it was; the same file elsewhere is new."""
    content = {name: hashlib.sha256(name.encode()).hexdigest() for name in "abcd"}
    old = [_row("a"), _row("b"), _row("c"), _row("d", source="other")]
    new = [
        _row("a", revision="2", content_sha256=content["b"]),
        _row("b", revision="2", content_sha256=content["a"]),
        _row("z", revision="2", content_sha256=content["c"]),
        _row("y", revision="2", content_sha256=content["d"]),
    ]
    found = diff(_manifest(tmp_path / "old", old), _manifest(tmp_path / "new", new))
    told = {(one.source, one.kind): one.items for one in found.changes}
    assert told == {
        ("kit", "added"): 1,
        ("kit", "kept"): 1,
        ("kit", "changed"): 2,
        ("kit", "recorded"): 1,
        ("other", "removed"): 1,
        ("other", "lost"): 1,
    }


def test_an_id_that_stays_is_the_item_whatever_changed(tmp_path: Path) -> None:
    """Another content, and a place whose words are redacted now, are changes of the item that has the id."""
    old = _row("train.csv#row=1", id="1", content_sha256="a" * 64)
    new = _row("[name]#row=1", id="1", content_sha256="b" * 64)
    other = _row("train.csv#row=1", id="2", content_sha256="a" * 64)
    found = diff(_manifest(tmp_path / "old", [old]), _manifest(tmp_path / "new", [new, other]))
    assert _told(found) == {"added": 1, "kept": 1, "changed": 1}
    same = diff(_manifest(tmp_path / "once", [old]), _manifest(tmp_path / "again", [old | {"locator": new["locator"]}]))
    assert [(one.kind, one.examples) for one in same.changes] == [("recorded", (("[name]#row=1", "", "locator"),))]


def test_sealed_content_is_no_content_in_common(tmp_path: Path) -> None:
    """Rows whose digests are left out are matched by their places, not with each other."""
    old, new = (_rows(("a", "b", "c"), release) for release in "12")
    for row in (*old[1:], *new[1:]):
        row["content_sha256"] = ""
    del old[1]
    found = diff(_manifest(tmp_path / "old", old), _manifest(tmp_path / "new", new))
    added = next(one for one in found.changes if one.kind == "added")
    assert (added.items, added.examples[0][0]) == (1, "train.csv#row=1")


def test_what_was_taken_down_is_nobodys_partner(tmp_path: Path) -> None:
    """A new row with the words of one that was taken down is new."""
    old = _rows(("a", "b"), "1")
    gone = _row("", id=old[0]["id"], takedown="T-1", outcome="drop", path="", code="takedown")
    new = _manifest(tmp_path / "new", [*_rows(("b", "a"), "2"), gone])
    assert _told(diff(_manifest(tmp_path / "old", old), new)) == {"taken-down": 1, "added": 1, "kept": 1}


def test_records_are_told_of_the_right_rows_in_any_order(tmp_path: Path) -> None:
    """Rows that changed places are compared with themselves, those between them too."""
    texts = [f"{number}" for number in range(40)]
    shuffled = np.random.default_rng(3).permutation(40).tolist()
    for name, order in (("swapped", [39, *range(1, 39), 0]), ("shuffled", shuffled), ("back", list(range(39, -1, -1)))):
        old = _rows(texts, "1")
        new = _rows([texts[place] for place in order], "1")
        for row, place in zip(new, order, strict=True):
            row["title"] = "named" if place in {0, 5} else None
            row |= {key: old[place][key] for key in ("id", "path", "locator")}
        found = diff(_manifest(tmp_path / f"{name}-old", old), _manifest(tmp_path / name, new), None)
        assert [(one.kind, sorted(one.examples)) for one in found.changes] == [
            ("recorded", [("train.csv#row=0", "", "title"), ("train.csv#row=5", "", "title")])
        ]


def test_the_version_and_its_changelog_follow(tmp_path: Path) -> None:
    """A set from which one row went and in which one was edited says so, and no more."""
    manifest = tmp_path / "manifest"
    _decide(manifest, _rows(NINE, "1"))
    decided = _decide(manifest, _rows((*NINE[1:4], "new:x", *NINE[5:]), "2"))
    assert (decided.version, decided.new.step) == ("1.0.0", "major")
    assert decided.new.why == "1 removed, 1 lost, 1 changed, 7 recorded"

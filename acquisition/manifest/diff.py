"""What changed between two manifests: items added, removed, changed, re-licensed, judged otherwise, newly flagged, per source.

Items are matched by source and locator, not by id: a new release gives every item a new id, and most are what they were. Only
keys are joined; every other column is compared by itself, so a million items on both sides cost some hundred MB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from acquisition.manifest.pairs import EXAMPLES, Pairs
from acquisition.manifest.side import Side, open_side

KINDS: Final[Mapping[str, str]] = {
    "added": "not found before",
    "removed": "not found any more",
    "taken-down": "never to return",
    "kept": "came into the set",
    "lost": "left the set",
    "changed": "kept, with other content",
    "moved": "kept, in another class or split",
    "relicensed": "another license is concluded",
    "flagged": "with a flag that was not there",
    "judged": "another outcome or decisive flag",
    "recorded": "something else is told of it",
}
"""What can become of an item; it may be counted under several, but under `recorded` only where under no other."""
_DECIDED: Final = ("outcome", "code")
_MAJOR: Final = frozenset({"taken-down", "lost", "changed", "moved"})


@dataclass(frozen=True, slots=True)
class Change:
    """How many items of one source met one kind of change, with a few of them: locator, before and after; and their ids."""

    source: str
    kind: str
    items: int
    examples: tuple[tuple[str, str, str], ...]
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """Two versions of a set and everything between them, in the order of sources and kinds.

    `not_compared` are columns that one of the two manifests, of another version of the schema, does not have.
    """

    old: str
    new: str
    items_old: int
    items_new: int
    kept_old: int
    kept_new: int
    changes: tuple[Change, ...]
    not_compared: tuple[str, ...] = ()

    @property
    def step(self) -> str:
        """The least step of the version that fits (Croissant 1.1): major, minor, patch, or "" where nothing changed.

        Major where kept items were edited, lost, moved or items taken down; minor where items came into the set; patch where
        records changed.
        """
        kinds = {change.kind for change in self.changes}
        if kinds & _MAJOR:
            return "major"
        if "kept" in kinds:
            return "minor"
        return "patch" if kinds else ""

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {**asdict(self), "step": self.step}


def diff(old: Path, new: Path) -> Difference:
    """Compare two manifest directories (or the directories that hold one).

    UsageError when one of them is none or of a version of the schema that cannot be read, WorkspaceDamaged when it is broken.
    """
    return compare(open_side(old), open_side(new))


def compare(before: Side, after: Side) -> Difference:
    """Compare two manifests that are open."""
    pairs = Pairs(before, after)
    masks = _masks(pairs)
    masks["recorded"] = pairs.recorded(np.logical_or.reduce(list(masks.values())))
    changes = [change for kind, mask in masks.items() for change in _changes(pairs, kind, mask)]
    changes += _taken_down(before, after)
    return Difference(
        old=before.version,
        new=after.version,
        items_old=len(before),
        items_new=len(after),
        kept_old=before.kept,
        kept_new=after.kept,
        changes=tuple(sorted(changes, key=lambda one: (one.source, list(KINDS).index(one.kind)))),
        not_compared=pairs.not_compared,
    )


def _masks(pairs: Pairs) -> dict[str, Any]:
    """Return per kind which pairs it fits."""
    kept, was = pairs.told("path", after=True), pairs.told("path", after=False)
    stored = pairs.told("stored_sha256", after=True) & pairs.told("stored_sha256", after=False)
    edited = pairs.differs("content_sha256") | pairs.differs("changes") | (stored & pairs.differs("stored_sha256"))
    return {
        "added": ~pairs.was_there,
        "removed": ~pairs.is_there,
        "kept": kept & ~was,
        "lost": was & ~kept,
        "changed": kept & was & edited,
        "moved": kept & was & (pairs.differs("class") | pairs.differs("split")),
        "relicensed": pairs.differs("concluded_spdx"),
        "flagged": pairs.newly_flagged(),
        "judged": (kept == was) & (pairs.differs("outcome") | pairs.differs("code")),
    }


_SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "changed": ("content_sha256",),
    "relicensed": ("concluded_spdx",),
    "flagged": ("flags",),
    "moved": ("class", "split"),
}
"""The columns that an example is told by; outcome and code where nothing is named."""


def _changes(pairs: Pairs, kind: str, mask: Any) -> list[Change]:
    changes = []
    for source, (count, first) in pairs.counted(mask).items():
        there = [bool(pairs.is_there[pair]) for pair in first]
        named = tuple(
            (pairs.cell("locator", pair, after=now), *_before_after(pairs, kind, pair))
            for pair, now in zip(first, there, strict=True)
        )
        ids = tuple(pairs.cell("id", pair, after=now) for pair, now in zip(first, there, strict=True))
        changes.append(Change(source, kind, count, named, ids))
    return changes


def _before_after(pairs: Pairs, kind: str, pair: int) -> tuple[str, str]:
    """Return what an example of a change was and is: for flags, those that are new."""
    if kind == "recorded":
        return "", pairs.recorded_in(pair)
    was, now = ([pairs.cell(name, pair, after=after) for name in _SHOWN.get(kind, _DECIDED)] for after in (False, True))
    if kind == "flagged":
        fresh = set(now[0].split()) - set(was[0].split())
        return "", " ".join(sorted(fresh))
    cut = 12 if kind == "changed" else None
    return _one(was, cut), _one(now, cut)


def _one(values: list[str], cut: int | None) -> str:
    return " ".join(value[:cut] for value in values if value)


def _taken_down(before: Side, after: Side) -> list[Change]:
    """Return the items that were taken down since, which both ledgers name by nothing but their ids."""
    new = {item: found for item, found in after.taken_down.items() if item not in before.taken_down}
    changes = []
    for source in sorted({source for source, _ in new.values()}):
        ids = sorted(item for item, (name, _) in new.items() if name == source)
        examples = tuple((item, "", new[item][1]) for item in ids[:EXAMPLES])
        changes.append(Change(source, "taken-down", len(ids), examples, tuple(ids[:EXAMPLES])))
    return changes


def told(kind: str, items: int) -> str:
    """Return how many items met one kind of change, in words."""
    meaning = KINDS.get(kind, "")
    return f"{items:,} {kind}" + (f" ({meaning})" if meaning else "")


def changelog(difference: Difference) -> str:
    """Return a section for the set's changelog in Markdown: what changed per source, and the step that fits."""
    lines = [f"## {difference.new}", ""]
    lines.append(
        f"{difference.kept_new:,} items are kept ({difference.kept_new - difference.kept_old:+,} beside {difference.old}). "
        + (f"By what changed this is a {difference.step} step." if difference.step else "Nothing changed.")
    )
    source = ""
    for change in difference.changes:
        if change.source != source:
            source = change.source
            lines += ["", f"### {source}", ""]
        lines.append(f"* {told(change.kind, change.items)}")
    return "\n".join(lines) + "\n"

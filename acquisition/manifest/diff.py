"""What changed between two manifests: items added, removed, changed, re-licensed, judged otherwise, newly flagged, per source.

Items are matched as `matched` says: a new release gives every item a new id, and most are what they were. Only what they are
matched by is joined; every other column is compared by itself, so a million items on both sides cost some hundred MB.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
"""What can become of an item; it may be counted under several, but under `recorded` only where under no other, and what was
taken down neither as removed nor as lost."""
_DECIDED: Final = ("outcome", "code")
_MAJOR: Final = frozenset({"taken-down", "lost", "changed", "moved"})


@dataclass(frozen=True, slots=True)
class Change:
    """How many items of one source met one kind of change, with some of them: locator, before and after; and their ids."""

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


def diff(old: Path, new: Path, named: int | None = EXAMPLES) -> Difference:
    """Compare two manifest directories (or the directories that hold one); `named` items of each kind are named, None for all.

    UsageError when one of them is none or of a version of the schema that cannot be read, WorkspaceDamaged when it is broken.
    """
    return compare(open_side(old), open_side(new), named)


def compare(before: Side, after: Side, named: int | None = EXAMPLES) -> Difference:
    """Compare two manifests that are open."""
    pairs, gone = Pairs(before, after), _newly_gone(before, after)
    masks = _masks(pairs, pairs.left_by(gone))
    masks["recorded"] = pairs.recorded(np.logical_or.reduce(list(masks.values())))
    changes = [change for kind, mask in masks.items() for change in _changes(pairs, kind, mask, named)]
    changes += _taken_down(gone, named)
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


def _masks(pairs: Pairs, gone: Any) -> dict[str, Any]:
    """Return per kind which pairs it fits; `gone` are those that left by a takedown, which are told as that alone."""
    kept, was = pairs.told("path", after=True), pairs.told("path", after=False)
    stored = pairs.told("stored_sha256", after=True) & pairs.told("stored_sha256", after=False)
    edited = pairs.differs("content_sha256") | pairs.differs("changes") | (stored & pairs.differs("stored_sha256"))
    return {
        "added": ~pairs.was_there,
        "removed": ~pairs.is_there & ~gone,
        "kept": kept & ~was,
        "lost": was & ~kept & ~gone,
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


def _changes(pairs: Pairs, kind: str, mask: Any, named: int | None) -> Iterator[Change]:
    for source, (count, first) in pairs.counted(mask, named).items():
        there = pairs.is_there[first].tolist()
        old, new = ([pairs.cells(name, first, after=after) for name in ("locator", "id")] for after in (False, True))
        locators, ids = (
            [now if here else was for was, now, here in zip(*both, there, strict=True)] for both in zip(old, new, strict=True)
        )
        examples = zip(locators, *_before_after(pairs, kind, first), strict=True)
        yield Change(source, kind, count, tuple(examples), tuple(ids))


def _before_after(pairs: Pairs, kind: str, first: Any) -> tuple[list[str], list[str]]:
    """Return what some pairs were and are by a kind of change: for flags, those that are new."""
    if kind == "recorded":
        return [""] * len(first), pairs.recorded_in(first)
    columns = _SHOWN.get(kind, _DECIDED)
    was, now = ([pairs.cells(name, first, after=after) for name in columns] for after in (False, True))
    if kind == "flagged":
        return [""] * len(first), [_fresh(*both) for both in zip(was[0], now[0], strict=True)]
    cut = 12 if kind == "changed" else None
    return [_one(row, cut) for row in zip(*was, strict=True)], [_one(row, cut) for row in zip(*now, strict=True)]


def _fresh(was: str, now: str) -> str:
    return " ".join(sorted(set(now.split()) - set(was.split())))


def _one(values: Iterable[str], cut: int | None) -> str:
    return " ".join(value[:cut] for value in values if value)


def _newly_gone(before: Side, after: Side) -> dict[str, tuple[str, str]]:
    """Return item → source and ticket of what was taken down since: both ledgers name it by nothing but its id."""
    return {item: found for item, found in after.taken_down.items() if item not in before.taken_down}


def _taken_down(gone: Mapping[str, tuple[str, str]], named: int | None) -> list[Change]:
    changes = []
    for source in sorted({source for source, _ in gone.values()}):
        ids = sorted(item for item, (name, _) in gone.items() if name == source)
        examples = tuple((item, "", gone[item][1]) for item in ids[:named])
        changes.append(Change(source, "taken-down", len(ids), examples, tuple(ids[:named])))
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

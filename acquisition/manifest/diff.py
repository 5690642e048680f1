"""What changed between two manifests: items added, removed, changed, re-licensed, judged otherwise, newly flagged, per source.

Items are matched by source and locator, not by id: a new release gives every item a new id, and most are what they were. Both
ledgers are read column by column; their rows are joined in Arrow, so a million items on both sides cost some hundred MB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.errors import UsageError, WorkspaceDamaged
from acquisition.manifest.write import ITEMS, SUMMARY

EXAMPLES: Final = 5
_KEY: Final = ["source", "locator"]
_COMPARED: Final = ("content_sha256", "concluded_spdx", "outcome", "code", "class", "split", "path")
KINDS: Final[Mapping[str, str]] = {
    "added": "items that were not found before",
    "removed": "items that are not found any more",
    "changed": "kept items with other content",
    "relicensed": "items whose concluded license is another",
    "kept": "items that came into the set",
    "lost": "items that left the set",
    "flagged": "items with a decisive flag that they did not have",
    "moved": "items in another class or split",
}
"""What can become of an item; it may be counted under several."""


@dataclass(frozen=True, slots=True)
class Change:
    """How many items of one source met one kind of change, with a few of them: locator, before and after."""

    source: str
    kind: str
    items: int
    examples: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Two versions of a set and everything between them, in the order of sources and kinds."""

    old: str
    new: str
    items_old: int
    items_new: int
    kept_old: int
    kept_new: int
    changes: tuple[Change, ...]

    @property
    def step(self) -> str:
        """The least step of the version that fits (Croissant 1.1): major, minor, patch, or "" where nothing changed.

        Major where kept items were edited, lost or moved; minor where items came into the set; patch where records changed.
        """
        kinds = {change.kind for change in self.changes}
        if kinds & {"changed", "lost", "moved"}:
            return "major"
        if "kept" in kinds:
            return "minor"
        return "patch" if kinds else ""

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {**asdict(self), "step": self.step}


def diff(old: Path, new: Path) -> Difference:
    """Compare two manifest directories (or the directories that hold one). UsageError when one of them is none."""
    before, after = _Side(old), _Side(new)
    left, right = before.table(), after.table()
    joined = right.join(left, keys=_KEY, join_type="full outer", right_suffix=" before", use_threads=False)
    joined = joined.sort_by([(name, "ascending") for name in _KEY])
    masks = _masks(joined)
    changes = [change for kind in KINDS for change in _changes(joined, kind, masks[kind])]
    return Difference(
        old=before.version,
        new=after.version,
        items_old=left.num_rows,
        items_new=right.num_rows,
        kept_old=_kept(left),
        kept_new=_kept(right),
        changes=tuple(sorted(changes, key=lambda one: (one.source, list(KINDS).index(one.kind)))),
    )


class _Side:
    """One manifest: its version and its ledger's compared columns."""

    def __init__(self, path: Path) -> None:
        self._directory = path if (path / ITEMS).is_file() else path / "manifest"
        if not (self._directory / ITEMS).is_file():
            raise UsageError(
                f"there is no manifest in {path}", where=str(path), hint="Give a workspace or its folder `manifest`."
            )
        try:
            summary = orjson.loads((self._directory / SUMMARY).read_bytes())
            self.version = str(summary["version"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WorkspaceDamaged(
                f"the manifest's {SUMMARY} cannot be read: {error}",
                where=str(self._directory / SUMMARY),
                hint="Write the manifest anew with `acquire curate`.",
            ) from error

    def table(self) -> pa.Table:
        """Return key and compared columns; a ledger of another schema is named, never guessed at."""
        path = self._directory / ITEMS
        try:
            table = pq.read_table(path, columns=[*_KEY, *_COMPARED], partitioning=None)
        except (pa.ArrowInvalid, OSError) as error:
            raise WorkspaceDamaged(
                f"the ledger cannot be read: {error}", where=str(path), hint="Write the manifest anew."
            ) from error
        missing = {*_KEY, *_COMPARED}.difference(table.column_names)
        if missing:
            raise UsageError(
                f"the ledger is of another version: it has no {', '.join(sorted(missing))}",
                where=str(path),
                hint="Write the manifest anew with this version of acquisition.",
            )
        return table


def _kept(table: pa.Table) -> int:
    return int(pc.sum(pc.not_equal(table["path"], "")).as_py() or 0)


def _masks(joined: pa.Table) -> dict[str, pa.ChunkedArray]:
    here, there = pc.is_valid(joined["outcome"]), pc.is_valid(joined["outcome before"])
    both = pc.and_(here, there)

    def differs(name: str) -> pa.ChunkedArray:
        return pc.and_(both, pc.fill_null(pc.not_equal(joined[name], joined[f"{name} before"]), fill_value=False))

    kept = pc.fill_null(pc.not_equal(joined["path"], ""), fill_value=False)
    was = pc.fill_null(pc.not_equal(joined["path before"], ""), fill_value=False)
    placed = pc.and_(kept, was)
    return {
        "added": pc.invert(there),
        "removed": pc.invert(here),
        "changed": pc.and_(placed, differs("content_sha256")),
        "relicensed": differs("concluded_spdx"),
        "kept": pc.and_(kept, pc.invert(was)),
        "lost": pc.and_(was, pc.invert(kept)),
        "flagged": pc.and_(differs("code"), pc.not_equal(pc.fill_null(joined["code"], ""), "")),
        "moved": pc.and_(placed, pc.or_(differs("class"), differs("split"))),
    }


_SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "added": ("outcome", "code"),
    "removed": ("outcome", "code"),
    "changed": ("content_sha256",),
    "relicensed": ("concluded_spdx",),
    "kept": ("outcome", "code"),
    "lost": ("outcome", "code"),
    "flagged": ("code",),
    "moved": ("class", "split"),
}


def _changes(joined: pa.Table, kind: str, mask: pa.ChunkedArray) -> list[Change]:
    found = joined.filter(mask)
    if not found.num_rows:
        return []
    counts = found.group_by("source", use_threads=False).aggregate([([], "count_all")]).to_pylist()
    changes = []
    for row in counts:
        first = found.filter(pc.equal(found["source"], row["source"])).slice(0, EXAMPLES).to_pylist()
        examples = tuple((one["locator"], _told(one, kind, " before"), _told(one, kind, "")) for one in first)
        changes.append(Change(row["source"], kind, row["count_all"], examples))
    return changes


def _told(row: Mapping[str, Any], kind: str, suffix: str) -> str:
    values = [row[f"{name}{suffix}"] for name in _SHOWN[kind]]
    return " ".join(value[:12] if kind == "changed" else value for value in values if value)


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
        lines.append(f"* {change.items:,} {KINDS[change.kind]}")
    return "\n".join(lines) + "\n"

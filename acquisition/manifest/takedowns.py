"""The notice for everybody who has a copy of the set: what left it, when, why, since which version, and what to do.

Like the history, it lies in the manifest and is carried along by it: where an item stood is told by the manifest that is being
replaced. It holds ids, digests and paths, and no content.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.errors import WorkspaceDamaged
from acquisition.manifest.gone import TakenDown
from acquisition.manifest.names import ITEMS, SUMMARY
from acquisition.manifest.names import TAKEDOWNS as LIST
from acquisition.tombstones import Tombstone

NOTICE: Final = "TAKEDOWNS.md"
_LISTED: Final = 200
_HEAD: Final = """\
# Takedowns

What left this data set because somebody asked for it, and what that means for whoever has a copy.

**What to do.** Delete every item that is listed here from your copies, from what you derived from them (subsets, caches,
shards, embeddings, prepared batches) and from backups when their turn comes. Take the newest version of the set instead of an
older one. Models that were trained on an older version were trained on these items; whether they may go on is for whoever
answers for them to decide. Compare your files with the digests: `sha256sum` of a file, or the sha256 of a text in UTF-8.
`takedowns.jsonl` has the same for programs, one line for each item.
"""


@dataclass(frozen=True, slots=True)
class Takedown:
    """One item that left: the digest that was published of it, where it stood in the set ("" where it was not kept), and why.

    `version` is the first version without it, `last_version` the last one with it, "" where it never was in one.
    """

    id: str
    source: str
    content_sha256: str
    path: str
    ticket: str
    at: str
    reason: str
    version: str
    last_version: str


def write_takedowns(directory: Path, before: Path, stones: Iterable[Tombstone], version: str) -> tuple[str, ...]:
    """Write the notice of a manifest in `directory` that takes the place of `before`; nothing where nothing was taken down."""
    named: dict[str, list[Tombstone]] = {}
    for stone in stones:
        if stone.item and stone.source:
            named.setdefault(stone.item, []).append(stone)
    if not named:
        return ()
    known = {entry.id: entry for entry in read_takedowns(before)}
    stood = _stood(before, [item for item in named if item not in known])
    last = _version_of(before)
    entries = [
        known.get(item) or _entry(item, found, stood.get(item), version, last)
        for item, found in sorted(named.items(), key=lambda pair: (pair[1][0].at, pair[0]))
    ]
    with (directory / LIST).open("xb") as stream:
        for entry in entries:
            stream.write(orjson.dumps(asdict(entry), option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))
    (directory / NOTICE).write_text("\n".join(_notice(entries)), encoding="utf-8")
    return NOTICE, LIST


def read_takedowns(manifest: Path) -> tuple[Takedown, ...]:
    """Return what a manifest tells of takedowns; () where it tells of none. WorkspaceDamaged names the line."""
    path = manifest / LIST
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    return tuple(_read(path, place, line) for place, line in enumerate(lines, 1))


def _read(path: Path, place: int, line: bytes) -> Takedown:
    try:
        entry = Takedown(**orjson.loads(line))
        odd = [name for name, value in asdict(entry).items() if not isinstance(value, str)]
        why = f"{', '.join(odd)} should be text" if odd else ""
    except (ValueError, TypeError) as error:
        why = str(error)
    if why:
        raise WorkspaceDamaged(
            f"the list of takedowns is damaged: {why}",
            where=f"{path}:{place}",
            hint="Restore it from a copy or a bundle; nothing else knows where the items stood, so it is never made anew.",
        )
    return entry


def as_published(before: Path, gone: Sequence[TakenDown]) -> tuple[TakenDown, ...]:
    """Return what was taken down, with the digests that `before` gives of it: it gives none of redacted words."""
    told = {entry.id: entry.content_sha256 for entry in read_takedowns(before)}
    told |= {item: digest for item, (_, digest) in _stood(before, [one.item for one in gone if one.item not in told]).items()}
    return tuple(replace(one, content_sha256=told.get(one.item, one.content_sha256)) for one in gone)


def _entry(item: str, stones: list[Tombstone], stood: tuple[str, str] | None, version: str, last: str) -> Takedown:
    first = stones[0]
    if stood is None:
        content = next((stone.digest for stone in stones if stone.scope == "content"), "")
        return Takedown(item, first.source, content, "", first.ticket, first.at, first.reason, version, "")
    path, content = stood
    return Takedown(item, first.source, content, path, first.ticket, first.at, first.reason, version, last)


def _stood(before: Path, items: list[str]) -> dict[str, tuple[str, str]]:
    """Return where items stood, and the digest that was told of each, by the manifest that is replaced; others are left out."""
    if not items or not (before / ITEMS).is_file():
        return {}
    wanted = pa.array(items, pa.string())
    found: dict[str, tuple[str, str]] = {}
    columns = ["id", "path", "content_sha256", "stored_sha256", "takedown"]
    try:
        with pq.ParquetFile(before / ITEMS, memory_map=False) as ledger:
            for batch in ledger.iter_batches(columns=[name for name in columns if name in ledger.schema_arrow.names]):
                here = pc.is_in(batch.column("id"), value_set=wanted)
                for row in batch.filter(here).to_pylist():
                    if not row.get("takedown"):  # else it has left already, and its row only says so
                        found[row["id"]] = row["path"], row["content_sha256"] or row.get("stored_sha256", "")
    except (pa.ArrowException, OSError, KeyError) as error:
        raise WorkspaceDamaged(
            f"the ledger cannot be read: {error}", where=str(before / ITEMS), hint="Restore it from a copy or a bundle."
        ) from error
    return found


def _version_of(manifest: Path) -> str:
    try:
        found: Any = orjson.loads((manifest / SUMMARY).read_bytes())
        return str(found["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _notice(entries: list[Takedown]) -> Iterator[str]:
    yield _HEAD
    together: dict[tuple[str, str, str, str], list[Takedown]] = {}
    for entry in reversed(entries):
        together.setdefault((entry.at, entry.ticket, entry.reason, entry.version), []).append(entry)
    for (at, ticket, reason, version), found in together.items():
        yield f"## {at}{f', ticket {_plain(ticket)}' if ticket else ''}"
        yield ""
        kept = sum(bool(entry.path) for entry in found)
        yield f"{len(found):,} items, {kept:,} of them in the set. First version without them: {version or 'unknown'}."
        yield f"Why: {_plain(reason) or 'not said'}."
        yield ""
        for entry in sorted(found, key=lambda one: (one.path, one.id))[:_LISTED]:
            place = f" `{_plain(entry.path, marks='`')}`" if entry.path else " not in the set"
            content = f" sha256:{entry.content_sha256}" if entry.content_sha256 else ""
            yield f"* {entry.id}{place}{content}"
        if len(found) > _LISTED:
            yield f"* and {len(found) - _LISTED:,} more, in takedowns.jsonl"
        yield ""


def _plain(text: str, marks: str = "`<>[]|*_#") -> str:
    """Return words as they may stand in a line of Markdown, without marks that mean something there."""
    return " ".join("".join(mark if mark.isprintable() and mark not in marks else " " for mark in text).split())

"""Where earlier builds have put items: <workspace>/splits.parquet, so that what is in a split stays in it.

A row is (content, wanted, split): the first 8 bytes of the content's sha256, what a hold-out or the publisher said of the
item, and its split. An item is looked up by what it is, not by its id, which changes with the revision of its source; and by
what is said of it, so that a new word of the publisher counts. Rows of items that are gone stay, because they may come back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.errors import WorkspaceDamaged
from acquisition.settings import SplitSettings, is_split_name
from acquisition.workspace import atomic_file

_SCHEMA: Final = pa.schema(
    [
        pa.field("content", pa.uint64(), nullable=False),
        pa.field("wanted", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
    ]
)
_BASIS: Final = b"acquisition-splits"
_ANEW: Final = b"acquisition-divided-anew"


def basis_of(settings: SplitSettings) -> str:
    """Return what tells one way of dividing from another: where it changes, all items are drawn anew."""
    return hashlib.sha256(json.dumps(settings.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class History:
    """What is remembered: arrays sorted by content, then by what was wanted. `basis` is "" where nothing is remembered.

    `anew` is how many items the build that wrote it has divided anew, for the build after one that was killed before it told.
    """

    basis: str = ""
    content: Any = None
    wanted: Any = None
    split: Any = None
    wanted_names: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    anew: int = 0

    def __len__(self) -> int:
        return 0 if self.content is None else len(self.content)

    def without(self, contents: Iterable[str]) -> History:
        """Return it without these contents (sha256 in hexadecimal), for what must leave no trace."""
        gone = np.array(sorted({int(digest[:16], 16) or 1 for digest in contents}), np.uint64)
        if not len(self) or not len(gone):
            return self
        stay = ~np.isin(self.content, gone)
        return replace(self, content=self.content[stay], wanted=self.wanted[stay], split=self.split[stay])

    def find(self, content: Any, wanted: Any, wanted_names: Sequence[str]) -> Any:
        """Return for each item the index in `names` of its split, -1 where it is new (int64 array).

        `content` are the items' hashes (uint64), `wanted` indexes `wanted_names`, -1 for nothing.
        """
        found = np.full(len(content), -1, np.int64)
        known = {name: number for number, name in enumerate(self.wanted_names)}
        for number, name in enumerate((*wanted_names, "")):
            if name not in known:
                continue
            rows = np.flatnonzero(self.wanted == known[name])
            asked = np.flatnonzero(wanted == (number if number < len(wanted_names) else -1))
            if not len(rows) or not len(asked):
                continue
            at = np.minimum(np.searchsorted(self.content[rows], content[asked]), len(rows) - 1)
            same = self.content[rows][at] == content[asked]
            found[asked[same]] = self.split[rows[at[same]]]
        return found


def read_history(path: Path | None) -> History:
    """Return what a record holds; an absent one holds nothing. WorkspaceDamaged when it is no such record."""
    if path is None or not path.exists():
        return History()
    try:
        return history_of(pq.read_table(path, memory_map=False, partitioning=None))
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        raise WorkspaceDamaged(
            f"the record of splits cannot be read: {error}",
            where=str(path),
            hint="Put a copy of it back, or remove it: then all items are divided anew and may change their splits.",
        ) from error


def history_of(record: pa.Table) -> History:
    """Return what a record holds that `record_of` has made; ValueError, KeyError and the errors of Arrow where it is none."""
    metadata = record.schema.metadata or {}
    basis, anew = metadata[_BASIS].decode(), int(metadata.get(_ANEW, b"0"))
    table = record.select(_SCHEMA.names).cast(_SCHEMA).combine_chunks()
    if not table.num_rows:
        return History(basis, anew=anew)
    content = table["content"].to_numpy()
    unsorted = np.flatnonzero(content[1:] < content[:-1])
    if len(unsorted):
        raise ValueError(f"row {unsorted[0] + 1} is out of order, so it was edited")
    coded = {name: pc.dictionary_encode(table[name].combine_chunks()) for name in ("wanted", "split")}
    names = coded["split"].dictionary.to_pylist()
    if strange := [name for name in names if not is_split_name(name)]:  # it becomes the name of a folder
        raise ValueError(f"{strange[0][:80]!r} cannot be the name of a split")
    return History(
        basis,
        content,
        coded["wanted"].indices.to_numpy().astype(np.int64),
        coded["split"].indices.to_numpy().astype(np.int64),
        tuple(coded["wanted"].dictionary.to_pylist()),
        tuple(names),
        anew,
    )


def record_of(settings: SplitSettings, before: History, rows: pa.Table, *, anew: int = 0) -> pa.Table:
    """Return the record of a build: its rows (content, wanted, split), and what is remembered of contents it does not have.

    `anew` is the number of items that it has divided anew.
    """
    basis = basis_of(settings)
    kept = _table(before) if before.basis == basis and len(before) else _SCHEMA.empty_table()
    table = pa.concat_tables([rows.cast(_SCHEMA), kept])
    numbered = table.append_column("row", pa.array(np.arange(table.num_rows)))
    first = numbered.group_by(["content", "wanted"]).aggregate([("row", "min")])["row_min"]
    table = table.take(first).sort_by([("content", "ascending"), ("wanted", "ascending")])
    metadata = {_BASIS: basis.encode(), **({_ANEW: str(anew).encode()} if anew else {})}
    return table.combine_chunks().replace_schema_metadata(metadata)


def told(path: Path | None, history: History) -> History:
    """Return what is remembered without the number of items divided anew, and take it out of the record: it has been read."""
    if path is not None and history.anew and len(history):
        write_record(path, _table(history).replace_schema_metadata({_BASIS: history.basis.encode()}))
    return replace(history, anew=0)


def write_record(path: Path, record: pa.Table) -> None:
    """Write a record, whole or not at all."""
    with atomic_file(path) as stream:
        pq.write_table(record, stream, compression="zstd")


def _table(history: History) -> pa.Table:
    named = {
        "wanted": np.array(history.wanted_names, object)[history.wanted],
        "split": np.array(history.names, object)[history.split],
    }
    return pa.table({"content": history.content, **named}, schema=_SCHEMA)

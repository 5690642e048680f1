"""Labelled lines become items in shards, so that a filter meets them as it meets everything else."""

from __future__ import annotations

import hashlib
import json
import mimetypes
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from acquisition.content import FileBinary
from acquisition.evaluate.labelled import Line
from acquisition.model import FOUND_SCHEMA, Modality, Rejection, Shard, item_id
from acquisition.protocols import ReadContext
from acquisition.read import read_asset
from acquisition.read.media import MEDIA_SUFFIXES
from acquisition.settings import ItemSettings, ReadSettings
from acquisition.stage.shards import ShardWriter

SOURCE: Final = "labelled"
_RELEASE: Final = "1"
_TOGETHER: Final = 4_000
_MOMENT: Final = pa.scalar(0, pa.timestamp("ms", tz="UTC"))


@dataclass(frozen=True, slots=True)
class Samples:
    """The items of all lines: shards, the line of every item, of every table's source, and what could not be read.

    `files` maps a file's sha256 to its path, `modality` a line's id to what its sample is, `rejected` a line's id to the codes
    of what could not become an item.
    """

    shards: tuple[Shard, ...]
    line_of: dict[str, str]
    source_of: dict[str, str]
    files: dict[str, str]
    modality: dict[str, str]
    rejected: dict[str, set[str]]
    digests: dict[str, str]
    items: int
    octets: int


class _Gathering:
    """Writes items and remembers whose they are."""

    def __init__(self, folder: Path, base: Path) -> None:
        self._folder, self._base = folder, base
        self.line_of: dict[str, str] = {}
        self.source_of: dict[str, str] = {}
        self.files: dict[str, str] = {}
        self.modality: dict[str, str] = {}
        self.rejected: dict[str, set[str]] = {}
        self.digests: dict[str, str] = {}
        self.shards: list[Shard] = []
        self.items = self.octets = 0
        self._writer = self._writer_for(SOURCE)

    def texts(self, lines: Sequence[Line]) -> None:
        """Add lines whose sample stands in them."""
        rows = [_row(f"line={line.number}", getattr(line, "text", "") or "", line) for line in lines]
        for line, row in zip(lines, rows, strict=True):
            self._note(SOURCE, row["locator"], line, row["size"])
            self.modality[line.id] = Modality.TEXT.value
        batch = pa.RecordBatch.from_pylist(rows, schema=FOUND_SCHEMA)
        self._writer.add(self._writer.identified(batch, asset="labelled.jsonl", blob="0" * 64, fetched_at=_MOMENT))

    def file(self, line: Line, name: str) -> None:
        """Add a line whose sample is a file: media as they are, damaged or not; all else through its reader."""
        path = self._base / name
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        self.files[sha256] = str(path)
        self.digests[line.id] = sha256
        if media_type := _media_type(path):
            self._media(line, name, sha256, media_type)
        else:
            self._read(line, name, sha256)

    def close(self) -> Samples:
        """Write what is left."""
        self.shards[:0] = self._writer.close()
        return Samples(
            shards=tuple(self.shards),
            line_of=self.line_of,
            source_of=self.source_of,
            files=self.files,
            modality=self.modality,
            rejected=self.rejected,
            digests=self.digests,
            items=self.items,
            octets=self.octets,
        )

    def _media(self, line: Line, name: str, sha256: str, media_type: str) -> None:
        size = (self._base / name).stat().st_size
        row = _row(f"line={line.number}", None, line) | {"media_type": media_type, "size": size, "content_sha256": sha256}
        row |= {"modality": media_type.split("/")[0], "name": Path(name).stem}
        self._note(SOURCE, row["locator"], line, size)
        self.modality[line.id] = row["modality"]
        batch = pa.RecordBatch.from_pylist([row], schema=FOUND_SCHEMA)
        self._writer.add(self._writer.identified(batch, asset=name, blob=sha256, fetched_at=_MOMENT))

    def _read(self, line: Line, name: str, sha256: str) -> None:
        """A file of rows is a source of its own: what is said of its columns is said of this line."""
        label = getattr(line, "label", None)
        found = list(_found(FileBinary(self._base / name, name), name, label))
        batches = [one for one in found if not isinstance(one, Rejection)]
        self.rejected.setdefault(line.id, set()).update(one.code for one in found if isinstance(one, Rejection))
        rows = sum(batch.num_rows for batch in batches)
        source = SOURCE if rows == 1 else f"line-{line.number}"
        writer = self._writer if rows == 1 else self._writer_for(source)
        for batch in batches:
            batch = _relocated(batch, line) if rows == 1 else batch
            for locator, size, modality in zip(*(batch.column(key).to_pylist() for key in _NOTED), strict=True):
                self._note(source, locator, line, size)
                self.modality[line.id] = modality
            writer.add(writer.identified(batch, asset=name, blob=sha256, fetched_at=_MOMENT))
        if rows > 1:
            self.source_of[source] = line.id
            self.shards += writer.close()

    def _note(self, source: str, locator: str, line: Line, size: int) -> None:
        self.line_of[item_id(source, _RELEASE, locator)] = line.id
        self.items += 1
        self.octets += size

    def _writer_for(self, source: str) -> ShardWriter:
        directory = self._folder / source / _RELEASE
        directory.mkdir(parents=True)
        return ShardWriter(directory, source=source, release=_RELEASE, directory_name=_RELEASE, first=0)


_NOTED: Final = ("locator", "size", "modality")


def _media_type(path: Path) -> str:
    """Return the media type of a picture or recording by its name, "" for all else; drawings in SVG are text."""
    known = MEDIA_SUFFIXES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0] or ""
    return known if known.startswith(("audio/", "image/")) and not known.endswith("svg+xml") else ""


def gather(lines: Iterable[Line], folder: Path, base: Path) -> Samples:
    """Write the lines' samples as item shards into an empty folder; paths are relative to `base`."""
    gathering = _Gathering(folder, base)
    held: list[Line] = []
    for line in lines:
        name = getattr(line, "path", None)
        if name is None:
            held.append(line)
        else:
            gathering.file(line, name)
        if len(held) == _TOGETHER:
            gathering.texts(held)
            held.clear()
    gathering.texts(held)
    return gathering.close()


def _row(locator: str, text: str | None, line: Line) -> dict[str, Any]:
    octets = (text or "").encode()
    label = getattr(line, "label", None)
    row: dict[str, Any] = dict.fromkeys(FOUND_SCHEMA.names)
    return row | {
        "locator": locator,
        "member": "",
        "modality": Modality.TEXT.value,
        "media_type": "text/plain",
        "size": len(octets),
        "content_sha256": hashlib.sha256(octets).hexdigest(),
        "text": text,
        "label": None if label is None else str(label),
        "url": getattr(line, "url", None),
        "fields": _fields(line),
        "name": f"line-{line.number}",
    }


def _fields(line: Line) -> str | None:
    """Return the columns beside the text: the domain, by which LLM style chooses a threshold."""
    domain = getattr(line, "domain", None)
    return None if domain is None else json.dumps({"domain": domain}, separators=(",", ":"))


def _found(binary: FileBinary, name: str, label: str | int | None) -> Iterator[pa.RecordBatch | Rejection]:
    items = ItemSettings(label=label) if label is not None and Path(name).suffix.lower() in _TABLES else ItemSettings()
    context = ReadContext(source=SOURCE, release=_RELEASE, asset=name, member="", items=items, read=ReadSettings())
    yield from read_asset(binary, context)


_TABLES: Final = frozenset({".csv", ".tsv", ".data", ".jsonl", ".json", ".parquet", ".arrow"})


def _relocated(batch: pa.RecordBatch, line: Line) -> pa.RecordBatch:
    """Name the one item of a file by its line, so that two lines may name one file."""
    index = batch.schema.get_field_index("locator")
    batch = batch.set_column(index, FOUND_SCHEMA.field("locator"), pa.array([f"line={line.number}"]))
    label = getattr(line, "label", None)
    if label is None:
        return batch
    index = batch.schema.get_field_index("label")
    return batch.set_column(index, FOUND_SCHEMA.field("label"), pa.array([str(label)]))

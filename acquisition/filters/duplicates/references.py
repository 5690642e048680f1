"""Reference sets: read with the registered readers, signed once, and kept beside the workspace's blobs by their digest."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from acquisition.content import FileBinary, MemberBinary
from acquisition.content.compression import compression_of, unpacked, without_suffix
from acquisition.content.limits import Budget, Unreadable
from acquisition.errors import AcquisitionError, FilterUnavailable
from acquisition.filters.duplicates.contamination import MOST_WINDOWS, Probe, Windows, windows_of
from acquisition.filters.duplicates.settings import DuplicatesSettings, ReferenceSettings
from acquisition.filters.duplicates.signatures import texts_of
from acquisition.model import ITEM_SCHEMA, Rejection
from acquisition.plugins import READERS, reader, registered
from acquisition.protocols import Binary, FilterContext, ReadContext
from acquisition.sameness.texts import letters, spaced_form
from acquisition.settings import ItemSettings, ReadSettings
from acquisition.workspace import atomic_file

VERSION: Final = 2
"""Rises whenever what is kept of a reference set changes."""
_ORDER: Final = ("parquet", "arrow", "media", "jsonl", "json", "csv", "text")
_HEX: Final = re.compile(rb"^\\?([0-9a-fA-F]{64}|[0-9a-fA-F]{32})(?:[ \t]+\*?(\S.*))?$")
_MOST_DIGESTS: Final = 20_000_000
_SHARD: Final = 4_000
_CELL: Final = 20
_KEPT: Final = re.compile(r"[0-9a-f]{24}\.(?:windows\.parquet|parquet|lock)")
Sign = Callable[[pa.RecordBatch, FilterContext], pa.RecordBatch]


@dataclass(slots=True, weakref_slot=True)
class References:
    """All reference sets as they are compared with: signature tables by name, and what is looked for while signing."""

    tables: dict[str, Path] = field(default_factory=dict)
    probe: Probe = field(default_factory=lambda: Probe((), {}))


def load(settings: DuplicatesSettings, context: FilterContext, sign: Sign) -> References:
    """Return the declared reference sets, signing those that are not kept yet.

    Raises FilterUnavailable for a set that is not there or that holds nothing that can be compared.
    """
    kept_at = Path(context.blob_root).parent / "references" if context.blob_root else None
    if not settings.against:
        _sweep(kept_at, ())
        return References()
    passing = "" if kept_at else tempfile.mkdtemp(prefix="acquisition-references-")
    root = kept_at or Path(passing)
    root.mkdir(parents=True, exist_ok=True)
    tables: dict[str, Path] = {}
    windows: list[Windows] = []
    digests: dict[bytes, tuple[str, str]] = {}
    for one in settings.against:
        path = Path(context.base) / Path(one.path or one.digests or "").expanduser()
        name = _name(one, settings, path, context)
        if one.digests is not None:
            listed = _digest_list(one, path)
            digests.update((digest, (one.name, entry)) for digest, entry in listed.items() if len(digest) == 16)
            tables[one.name] = _kept(root, name, partial(_sign_list, one, listed, sign, context))
        else:
            tables[one.name] = _kept(root, name, partial(_sign_files, one, settings, path, sign, context))
            windows.append(_windows(one.name, tables[one.name]))
    _sweep(kept_at, [table.stem for table in tables.values()])
    made = References(tables, Probe(windows, digests))
    if passing:
        weakref.finalize(made, shutil.rmtree, passing, ignore_errors=True)
    return made


def _sweep(root: Path | None, names: Collection[str]) -> None:
    """Remove what is kept of sets that are no longer declared, or no longer what they were.

    Whoever holds such a file open reads on; nobody else writes here while the workspace is held.
    """
    for file in root.iterdir() if root is not None and root.is_dir() else ():
        if _KEPT.fullmatch(file.name) and file.name.partition(".")[0] not in names:
            file.unlink(missing_ok=True)


def _name(one: ReferenceSettings, settings: DuplicatesSettings, path: Path, context: FilterContext) -> str:
    """Return what names a set's signatures: its content and how it is read."""
    told: list[Any] = [VERSION, settings.window, settings.min_chars, one.kind, one.text, one.name]
    if settings.embedding is not None and (model := settings.embedding.model) is not None:
        files = [Path(context.base) / Path(file).expanduser() for file in (model.model, model.tokenizer)]
        told += [model.model_dump(mode="json"), *(digest_of(file) for file in files if file.is_file())]
    digest = hashlib.sha256(orjson.dumps(told))
    for file in _files(one, path):
        digest.update(file.relative_to(path.parent).as_posix().encode("utf-8", "surrogateescape"))
        digest.update(bytes.fromhex(digest_of(file)))
    return digest.hexdigest()[:24]


def digest_of(file: Path) -> str:
    """Return the sha256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _files(one: ReferenceSettings, path: Path) -> list[Path]:
    if not path.exists():
        raise FilterUnavailable(
            f"filters.duplicates.against names {one.name!r}, which is not there",
            where=str(path),
            hint="Correct the path (relative paths count from the folder of sources.yaml), or take the entry out.",
        )
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))


def _kept(root: Path, name: str, make: Callable[[Path], None]) -> Path:
    """Return the table of that name, made by one process while others wait."""
    table = root / f"{name}.parquet"
    if not table.exists():
        with FileLock(str(root / f"{name}.lock")):
            if not table.exists():
                make(table)
    return table


# --- files ---------------------------------------------------------------------------------------------------------------


def _sign_files(
    one: ReferenceSettings, settings: DuplicatesSettings, path: Path, sign: Sign, context: FilterContext, target: Path
) -> None:
    tables: list[pa.RecordBatch] = []
    texts: list[bytes] = []
    owners: list[str] = []
    for batch, where in _batches(one, path):
        tables.append(sign(batch, _seeing(context, where)))
        names = batch.column("id").to_pylist()
        for row, octets in texts_of(batch):
            texts.append(letters(spaced_form(octets)))
            owners.append(names[row])
    if not tables:
        raise FilterUnavailable(
            f"filters.duplicates.against: nothing in {one.name!r} can be compared with",
            where=str(path),
            hint="Texts, JSON Lines, CSV, Parquet, pictures and recordings are read; `kind` may be too narrow.",
        )
    _keep_windows(target.with_suffix(".windows.parquet"), texts, owners, settings.window)
    _write(target, pa.Table.from_batches(tables))


def _seeing(context: FilterContext, blobs: Mapping[str, str]) -> FilterContext:
    """Return a context that finds the set's own files."""
    return replace(context, external={**context.external, **blobs})


def _batches(one: ReferenceSettings, path: Path) -> Iterator[tuple[pa.RecordBatch, dict[str, str]]]:
    """Yield the set's entries as items whose id is their place ("test.jsonl#row=7"), and their files by sha256."""
    base = path if path.is_dir() else path.parent
    for file in _files(one, path):
        name = file.relative_to(base).as_posix()
        with file.open("rb") as stream:
            blob = hashlib.file_digest(stream, "sha256").hexdigest()
        for found in _found(file, name, one):
            rows = [row for raw in found.to_pylist() for row in _entries(raw, one)]
            for start in range(0, len(rows), _SHARD):
                filled = [_item(row, one.name, name, blob) for row in rows[start : start + _SHARD]]
                yield pa.RecordBatch.from_pylist(filled, schema=ITEM_SCHEMA), {blob: str(file)}


def _item(row: dict[str, Any], set_: str, asset: str, blob: str) -> dict[str, Any]:
    own = {"id": row["locator"], "source": set_, "release": "", "asset": asset, "blob": blob, "label": None}
    return {**row, **own}


def _entries(row: dict[str, Any], one: ReferenceSettings) -> Iterator[dict[str, Any]]:
    """Yield a row, and each of its longer cells as a text of its own: a question may turn up without its answers."""
    if one.kind in ("any", row["modality"]):
        yield row
    if row["modality"] != "table" or one.kind not in ("any", "text") or one.text is not None:
        return
    for column, value in sorted(orjson.loads(row["fields"] or "{}").items()):
        if isinstance(value, str) and len(value) >= _CELL:
            octets = value.encode("utf-8", "replace")
            cell = {"modality": "text", "text": octets.decode(), "fields": None, "size": len(octets)}
            cell |= {"locator": f"{row['locator']}/{column}", "content_sha256": hashlib.sha256(octets).hexdigest()}
            yield {**row, **cell}


def _found(file: Path, name: str, one: ReferenceSettings) -> Iterator[pa.RecordBatch]:
    plain: Binary = FileBinary(file, name)
    with plain.open() as stream:
        kind = compression_of(stream.read(16))
    binary: Binary = plain
    if kind:
        binary = MemberBinary(without_suffix(name), -1, lambda: unpacked(plain.open(), kind, Budget()))
    context = ReadContext(
        source=one.name, release="", asset=name, member="", items=ItemSettings(text=one.text), read=ReadSettings()
    )
    try:
        with binary.open() as stream:
            head = stream.read(4096)
        chosen = next((each for each in _ORDER if each in registered(READERS) and reader(each).sniff(binary.name, head)), "")
        if chosen:
            for found in reader(chosen).read(binary, context):
                if not isinstance(found, Rejection):
                    yield found
    except (Unreadable, OSError, AcquisitionError) as error:
        raise FilterUnavailable(
            f"filters.duplicates.against: {name} of {one.name!r} cannot be read: {error}", where=str(file)
        ) from error


# --- windows -------------------------------------------------------------------------------------------------------------


def _keep_windows(target: Path, texts: Sequence[bytes], owners: Sequence[str], window: int) -> None:
    """Write (hash, entry) pairs sorted by hash, thinned where there are too many, and each entry's number of windows."""
    hashes, entries, lengths = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)], set[int]()
    for start in range(0, len(texts), _SHARD):
        made, owner, used = windows_of(texts[start : start + _SHARD], window)
        hashes.append(made)
        entries.append(owner + start)
        lengths.update(used)
    every, of = np.concatenate(hashes), np.concatenate(entries)
    halvings = max(0, int(np.ceil(np.log2(max(len(every), 1) / MOST_WINDOWS))))
    if halvings:
        kept = (every & np.uint64((1 << halvings) - 1)) == 0
        every, of = every[kept], of[kept]
    order = np.lexsort((of, every))
    every, of = every[order], of[order]
    fresh = np.ones(len(every), dtype=bool)
    fresh[1:] = (every[1:] != every[:-1]) | (of[1:] != of[:-1])
    told = {"lengths": sorted(lengths), "halvings": halvings, "names": list(owners)}
    table = pa.table({"hash": every[fresh], "entry": of[fresh].astype(np.uint32)})
    _write(target, table.replace_schema_metadata({"windows": orjson.dumps(told)}))


def _windows(name: str, table: Path) -> Windows:
    with pq.ParquetFile(table.with_suffix(".windows.parquet")) as file:
        read = file.read()
        told = orjson.loads((read.schema.metadata or {})[b"windows"])
    hashes, entries = (np.asarray(read.column(column).to_numpy()) for column in ("hash", "entry"))
    counts = np.bincount(entries, minlength=len(told["names"])) if len(entries) else np.zeros(len(told["names"]), np.int64)
    return Windows(name, hashes, entries, counts, tuple(told["lengths"]), told["names"], told["halvings"])


# --- digest lists --------------------------------------------------------------------------------------------------------


def _digest_list(one: ReferenceSettings, path: Path) -> dict[bytes, str]:
    """Return digest → the name beside it; FilterUnavailable names the first line that is none."""
    (file,) = _files(one, path)
    found: dict[bytes, str] = {}
    with file.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            plain = line.strip()
            if not plain or plain.startswith(b"#"):
                continue
            match = _HEX.match(plain)
            if match is None or len(found) >= _MOST_DIGESTS:
                raise FilterUnavailable(
                    f"filters.duplicates.against: line {number} of {one.name!r} is no SHA-256 and no MD5",
                    where=str(path),
                    hint="One digest per line in hexadecimal digits, a file name may follow, as sha256sum writes them.",
                )
            found[bytes.fromhex(match[1].decode())] = (match[2] or b"").decode("utf-8", "replace")
    return found


def _sign_list(one: ReferenceSettings, digests: Mapping[bytes, str], sign: Sign, context: FilterContext, target: Path) -> None:
    """Write SHA-256 digests as items of which nothing but the digest is known."""
    rows = []
    for digest, name in digests.items():
        if len(digest) == 32:
            row: dict[str, Any] = dict.fromkeys(ITEM_SCHEMA.names, "")
            row |= {column.name: None for column in ITEM_SCHEMA if column.nullable}
            row |= {
                "id": name or digest.hex(),
                "source": one.name,
                "modality": "other",
                "size": 1,
                "content_sha256": digest.hex(),
            }
            rows.append(row)
    batches = [
        sign(pa.RecordBatch.from_pylist(rows[start : start + _SHARD], schema=ITEM_SCHEMA), context)
        for start in range(0, max(len(rows), 1), _SHARD)
    ]
    _write(target, pa.Table.from_batches(batches))


def _write(target: Path, table: pa.Table) -> None:
    with atomic_file(target) as stream:
        pq.write_table(table, stream, compression="lz4", use_dictionary=False)

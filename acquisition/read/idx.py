"""IDX files (the MNIST family): images with the labels that lie in the file beside them."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import IO, Any, ClassVar, Final

from acquisition.content.compression import compression_of, unpacked
from acquisition.content.fragments import IDX_TYPES, IdxHeader, idx_header, idx_image, is_idx_image
from acquisition.content.limits import Budget, Unreadable
from acquisition.model import Modality
from acquisition.protocols import Binary, Found, ReadContext, Reader
from acquisition.read.items import BATCH_BYTES, BATCH_ROWS, UNPACKED, FileItems, RowItems, found_batch, rejection
from acquisition.settings import PickSettings

MAX_IMAGE: Final = 64_000_000
"""Bytes of one image."""


class IdxReader(Reader):
    """Images become PNG items; other arrays of one or two dimensions become rows."""

    name: ClassVar[str] = "idx"
    version: ClassVar[int] = 1
    suffixes: ClassVar[tuple[str, ...]] = ("-ubyte", ".idx")
    modality: ClassVar[Modality] = Modality.IMAGE

    def sniff(self, name: str, head: bytes) -> bool:
        """Take files by header and name: four bytes alone would be too weak a sign."""
        fits = len(head) >= 8 and head[:2] == b"\x00\x00" and head[2] in IDX_TYPES and 1 <= head[3] <= 8
        return fits and ("idx" in name.lower() or name.lower().endswith(self.suffixes))

    def read(self, binary: Binary, context: ReadContext) -> Iterator[Found]:
        """Yield the entries in order; a file shorter than its header says is read as far as it goes, and rejected there."""
        with binary.open() as stream:
            header = idx_header(stream)
            if is_idx_image(header):
                yield from _images(stream, header, context)
            elif len(header.shape) <= 2:
                if len(header.shape) == 1 and _partner(context, "labels", "images") is not None:
                    yield rejection(context, "companion-file", "the labels of the images beside it")
                    return
                yield from _rows(stream, header, context)
            else:
                raise Unreadable("format-unknown", f"an IDX array of shape {header.shape} is neither images nor a table")
            if header.shape[0] == 0:
                yield rejection(context, "empty-file", "no entries")
            if stream.read(1):
                yield rejection(context, "damaged-file", f"more bytes than {header.shape[0]:,} entries need")


def _images(stream: IO[bytes], header: IdxHeader, context: ReadContext) -> Iterator[Found]:
    if header.item_bytes > MAX_IMAGE:
        raise Unreadable("media-bomb", f"claims images of {header.item_bytes:,} bytes")
    labels = _labels(context, header.shape[0])
    if isinstance(labels, str):
        yield rejection(context, "bad-labels", labels)
        labels = None
    items = FileItems(context)
    stem = items.row(Modality.IMAGE, "image/png", 0, "")["name"]
    pick = context.items.label if isinstance(context.items.label, PickSettings) else None
    rows: list[dict[str, Any]] = []
    for index in range(header.shape[0]):
        value = stream.read(header.item_bytes)
        if len(value) < header.item_bytes:
            yield found_batch(rows)
            raise Unreadable("damaged-file", f"cut: {index:,} of {header.shape[0]:,} images are there")
        content = idx_image(header, value)
        more: dict[str, Any] = {"name": f"{stem}-{index}"}
        if labels is not None:
            label = str(labels[index])
            more["label"] = pick.rename.get(label, label) if pick else label
        sha256 = hashlib.sha256(content).hexdigest()
        rows.append(items.row(Modality.IMAGE, "image/png", len(content), sha256, fragment=f"index={index}", **more))
        if len(rows) >= BATCH_ROWS or len(rows) * header.item_bytes >= BATCH_BYTES:
            yield found_batch(rows)
            rows = []
    if rows:
        yield found_batch(rows)


def _rows(stream: IO[bytes], header: IdxHeader, context: ReadContext) -> Iterator[Found]:
    width = header.shape[1] if len(header.shape) == 2 else 1
    if width > 100_000:
        raise Unreadable("too-large", f"rows of {width:,} values")
    items = RowItems(context, [f"column_{index}" for index in range(width)] if width > 1 else ["value"])
    each = header.item_bytes
    step = max(min(BATCH_ROWS, BATCH_BYTES // max(each, 1)), 1)
    for start in range(0, header.shape[0], step):
        data = stream.read(each * min(step, header.shape[0] - start))
        count = len(data) // each if each else 0
        if count:
            columns = _columns(header, data[: count * each], width)
            yield items.batch(range(start, start + count), columns.__getitem__)
        if count < min(step, header.shape[0] - start):
            raise Unreadable("damaged-file", f"cut: {start + count:,} of {header.shape[0]:,} entries are there")


def _columns(header: IdxHeader, data: bytes, width: int) -> list[Sequence[float]]:
    code, size = IDX_TYPES[header.kind]
    values = struct.unpack(f">{len(data) // size}{code[-1]}", data)
    return [values[index::width] for index in range(width)]


def _partner(context: ReadContext, mine: str, wanted: str) -> Binary | None:
    """Return the file beside this one that differs in "images"/"labels" and idx3/idx1, plain or compressed."""
    path = PurePosixPath(context.member.removesuffix(UNPACKED) or context.asset)
    if mine not in path.name:
        return None
    swapped = path.name.replace(mine, wanted)
    swapped = swapped.replace("idx3", "idx1") if wanted == "labels" else swapped.replace("idx1", "idx3")
    stem = swapped.removesuffix(".gz")
    for name in (swapped, stem, f"{stem}.gz", stem.replace("-idx", ".idx"), stem.replace(".idx", "-idx")):
        found = context.siblings.get(str(path.with_name(name)))
        if found is not None:
            return found
    return None


def _labels(context: ReadContext, count: int) -> Sequence[float] | str | None:
    """Return the labels; a sentence when there are some that do not fit; None when there are none."""
    partner = _partner(context, "images", "labels")
    if partner is None or (isinstance(context.items.label, PickSettings) and context.items.label.from_ != "column"):
        return None
    try:
        with partner.open() as raw:
            kind = compression_of(raw.read(8))
        stream = partner.open()
        with unpacked(stream, kind, Budget(context.read.archive)) if kind else stream as labels:
            header = idx_header(labels)
            if header.shape != (count,):
                return f"{partner.name} is of shape {header.shape}, not ({count},)"
            data = labels.read(count * header.item_bytes)
    except Unreadable as error:
        return f"{partner.name}: {error.detail}"
    if len(data) < count * header.item_bytes:
        return f"{partner.name} is cut"
    return _columns(header, data, 1)[0]

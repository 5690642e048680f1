"""What is remembered of an item to find its copies: digests, MinHash bands, bounded samples of shingles, and what it is worth.

Characters find candidates (runs of five survive changed letters and changed words alike; word 5-grams survive neither), words
are measured beside them. About 1.7 KB per text of 1 KB, before compression.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from acquisition.filters.duplicates import shingles
from acquisition.filters.duplicates.contamination import Hit, Probe, packed
from acquisition.filters.duplicates.links import HOW
from acquisition.filters.duplicates.normal import compact, letters, spaced_form
from acquisition.filters.duplicates.rows import row_digest
from acquisition.filters.duplicates.samples import (
    BANDS,
    GLANCE,
    SAMPLE,
    WORD_SAMPLE,
    Sample,
    bands_of,
    merged,
    minima,
    pieces,
    sampled,
)

_LONG: Final = 1_000_000
_CHUNK: Final = 500_000
_HASHES: Final = pa.list_(pa.field("item", pa.uint32(), nullable=False))

SIGNATURE_SCHEMA: Final = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("split", pa.string()),
        pa.field("label", pa.string()),
        pa.field("license_raw", pa.string()),
        pa.field("license_url", pa.string()),
        pa.field("told", pa.uint8(), nullable=False),
        pa.field("worth", pa.uint64(), nullable=False),
        pa.field("exact_high", pa.uint64(), nullable=False),
        pa.field("exact_low", pa.uint64(), nullable=False),
        pa.field("normal_high", pa.uint64(), nullable=False),
        pa.field("normal_low", pa.uint64(), nullable=False),
        pa.field("form", pa.uint8(), nullable=False),
        pa.field("letters", pa.int32(), nullable=False),
        pa.field("words", pa.int32(), nullable=False),
        *[pa.field(f"band_{band:02}", pa.uint32(), nullable=False) for band in range(BANDS)],
        pa.field("glance", pa.binary(GLANCE), nullable=False),
        pa.field("limit", pa.uint32(), nullable=False),
        pa.field("sample", _HASHES, nullable=False),
        pa.field("word_limit", pa.uint32(), nullable=False),
        pa.field("word_sample", _HASHES, nullable=False),
        pa.field("overlap", pa.string()),
    ]
)
"""One row per item of the shard, in its order.

told       how much is told of the item: 4 a label, 2 a license of its own, 1 a title, an author or an address
worth      how much content there is: letters of a text, bytes of a row; media have figures of their own
exact_*    the first 128 bits of content_sha256; 0 for an item without bytes
normal_*   128 bits of the normal form (xxh3) of a text or a table row; 0 for others, and for texts without letters
form       what the normal form is of: HOW["text"] or HOW["row"]
letters    length of the normal form in characters
words      how many words it has, of texts that are long enough for near comparison
band_*     hash of the band's slots; 0 where the text is too short for near comparison
glance     the lowest octet of every fourth MinHash slot: enough to tell chance candidates from copies
limit      the sample is complete up to this hash
sample     sorted distinct hashes of character shingles; word_limit and word_sample the same for pairs of words
overlap    what the item shares with reference sets, as far as only its text can tell (`contamination.packed`)
"""


@dataclass(slots=True)
class _Texts:
    """What is gathered of the texts of one batch, one entry per item."""

    normal: np.ndarray
    length: np.ndarray
    words: np.ndarray
    bands: np.ndarray
    glance: np.ndarray
    limits: np.ndarray
    parts: tuple[dict[int, np.ndarray], dict[int, np.ndarray]] = field(default_factory=lambda: ({}, {}))

    @classmethod
    def of(cls, count: int) -> _Texts:
        return cls(
            np.zeros((count, 2), np.uint64),
            np.zeros(count, np.int32),
            np.zeros(count, np.int32),
            np.zeros((count, BANDS), np.uint32),
            np.zeros((count, GLANCE), np.uint8),
            np.full((count, 2), 2**32 - 1, np.uint32),
        )


def sign(items: pa.RecordBatch, min_letters: int, probe: Probe) -> pa.RecordBatch:
    """Return one signature (SIGNATURE_SCHEMA) per item of the batch; about 35 µs per text of 1 KB."""
    count = items.num_rows
    texts = _Texts.of(count)
    form = np.full(count, HOW["text"], np.uint8)
    hits: dict[int, list[Hit]] = {}
    for chunk in _chunks(_normalised(items, texts, max(min_letters, shingles.SHINGLE))):
        _sign_chunk(chunk, texts)
        if not probe.idle:
            hits |= probe.look([row for row, _, _ in chunk], [spaced for _, _, spaced in chunk], partial(text_at, items))
    if probe.wants_digests:
        for row, octets in texts_of(items):
            hits[row] = [*hits.get(row, ()), *probe.digested(octets)]
    _sign_rows(items, texts, form)
    exact = exact_digests(items)
    sizes = np.asarray(items.column("size").to_numpy(zero_copy_only=False)).clip(0)
    columns = [
        pa.array(np.arange(count, dtype=np.int32)),
        items.column("id"),
        *(items.column(name) for name in ("source", "split", "label", "license_raw", "license_url")),
        pa.array(_told(items)),
        pa.array(np.where(texts.length > 0, texts.length, sizes).astype(np.uint64)),
        *(pa.array(exact[:, half].copy()) for half in (0, 1)),
        *(pa.array(texts.normal[:, half].copy()) for half in (0, 1)),
        pa.array(form),
        pa.array(texts.length),
        pa.array(texts.words),
        *(pa.array(texts.bands[:, band].copy()) for band in range(BANDS)),
        pa.FixedSizeBinaryArray.from_buffers(pa.binary(GLANCE), count, [None, pa.py_buffer(texts.glance)]),
        *(column for kind in (0, 1) for column in (pa.array(texts.limits[:, kind].copy()), _lists(texts.parts[kind], count))),
        packed(hits, count),
    ]
    return pa.record_batch(columns, schema=SIGNATURE_SCHEMA)


def exact_digests(items: pa.RecordBatch) -> np.ndarray:
    """Return the first 128 bits of content_sha256 as two big-endian numbers per row; 0 where there are no bytes."""
    octets = bytes.fromhex("".join(pc.utf8_slice_codeunits(items.column("content_sha256"), 0, 32).to_pylist()))
    numbers = np.frombuffer(octets, dtype=">u8").reshape(-1, 2).astype(np.uint64)
    sizes = np.asarray(items.column("size").to_numpy(zero_copy_only=False))
    return np.where((sizes > 0)[:, None], numbers, np.uint64(0))


def texts_of(items: pa.RecordBatch) -> Iterator[tuple[int, bytes]]:
    """Yield (row, UTF-8) of the items that are texts; transcripts and captions of media are not."""
    texts = items.column("text")
    if texts.null_count == len(texts):
        return
    offsets = np.frombuffer(texts.buffers()[1], dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1].tolist()
    data = memoryview(texts.buffers()[2] or b"")
    is_text = pc.and_(pc.equal(items.column("modality"), "text"), texts.is_valid())
    for row in np.flatnonzero(is_text.to_numpy(zero_copy_only=False)).tolist():
        yield row, bytes(data[offsets[row] : offsets[row + 1]])


def text_at(items: pa.RecordBatch, row: int) -> bytes:
    """Return the UTF-8 of one row's text."""
    found: bytes = items.column("text")[row].as_buffer().to_pybytes()
    return found


def _normalised(items: pa.RecordBatch, texts: _Texts, least: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Fill digests and lengths of all texts; yield row, letters and spaced letters of those that are long enough."""
    digest = xxhash.xxh3_128_digest
    for row, octets in texts_of(items):
        spaced = spaced_form(octets)
        form = compact(spaced)
        if form:
            texts.normal[row] = np.frombuffer(digest(form), dtype=">u8")
            spaced = letters(spaced)
            form = compact(spaced)
            texts.length[row] = len(form)
            if len(form) >= least:
                yield row, form, spaced


Chunk = list[tuple[int, bytes, bytes]]


def _chunks(texts: Iterator[tuple[int, bytes, bytes]]) -> Iterator[Chunk]:
    """Yield runs of texts of about half a million letters, which bounds the arrays made from them; a long text comes alone."""
    chunk: Chunk = []
    size = 0
    for text in texts:
        if len(text[1]) > _LONG:
            yield [text]
            continue
        chunk.append(text)
        size += len(text[1])
        if size >= _CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _sign_chunk(chunk: Chunk, texts: _Texts) -> None:
    rows = [row for row, _, _ in chunk]
    if len(chunk) == 1 and len(chunk[0][1]) > _LONG:
        slots, characters, words, counts = _long(chunk[0][1], chunk[0][2])
    else:
        hashes, offsets = shingles.characters([text for _, text, _ in chunk])
        slots, characters = minima(hashes, offsets), sampled(hashes, offsets, SAMPLE)
        hashes, offsets = shingles.words([spaced for _, _, spaced in chunk])
        words, counts = sampled(*shingles.runs(hashes, offsets, 2), WORD_SAMPLE), np.diff(offsets)
    texts.words[rows] = counts
    texts.bands[rows], texts.glance[rows] = bands_of(slots)
    for kind, sample in enumerate((characters, words)):
        texts.limits[rows, kind] = sample.limits
        ends = [0, *np.cumsum(sample.counts).tolist()]
        texts.parts[kind].update({row: sample.hashes[ends[at] : ends[at + 1]] for at, row in enumerate(rows)})


def _long(form: bytes, spaced: bytes) -> tuple[np.ndarray, Sample, Sample, np.ndarray]:
    """Return slots, samples and the number of words of one long text, looked at in pieces: memory is that of a piece."""
    slots, parts, words, count = [], [], [], 0
    for piece in pieces(form, shingles.SHINGLE - 1):
        hashes, offsets = shingles.characters([piece])
        slots.append(minima(hashes, offsets))
        parts.append(sampled(hashes, offsets, SAMPLE))
    for piece in pieces(spaced, 0):
        hashes, offsets = shingles.words([piece])
        words.append(sampled(*shingles.runs(hashes, offsets, 2), WORD_SAMPLE))
        count += len(hashes)
    return np.minimum.reduce(slots), merged(parts, SAMPLE), merged(words, WORD_SAMPLE), np.array([count])


def _sign_rows(items: pa.RecordBatch, texts: _Texts, form: np.ndarray) -> None:
    """Fill the digests of table rows."""
    fields = items.column("fields")
    is_row = pc.and_(pc.equal(items.column("modality"), "table"), fields.is_valid()).to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(is_row).tolist():
        digest = row_digest(fields[row].as_py())
        if digest:
            texts.normal[row] = np.frombuffer(digest, dtype=">u8")
            form[row] = HOW["row"]


def _told(items: pa.RecordBatch) -> np.ndarray:
    def given(*names: str) -> np.ndarray:
        return np.logical_or.reduce([items.column(name).is_valid().to_numpy(zero_copy_only=False) for name in names])

    bits = 4 * given("label") + 2 * given("license_raw", "license_url") + 1 * given("title", "author", "url")
    return np.asarray(bits, np.uint8)


def _lists(parts: dict[int, np.ndarray], count: int) -> pa.Array:
    sizes = np.zeros(count + 1, np.int32)
    for row, part in parts.items():
        sizes[row + 1] = len(part)
    values = np.concatenate([np.zeros(0, np.uint32), *(parts[row] for row in sorted(parts))])
    return pa.ListArray.from_arrays(pa.array(np.cumsum(sizes, dtype=np.int32)), pa.array(values), _HASHES)

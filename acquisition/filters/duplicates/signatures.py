"""What is remembered of an item to find its copies: digests, MinHash bands, bounded samples of shingles, and what it is worth.

Characters find candidates (runs of five survive changed letters and changed words alike; word 5-grams survive neither), words
are measured beside them. About 1.7 KB per text of 1 KB, before compression.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from acquisition.filters.duplicates import media, paraphrases, published, shingles
from acquisition.filters.duplicates.contamination import Hit, Probe, packed
from acquisition.filters.duplicates.links import HOW
from acquisition.filters.duplicates.paraphrases import Paraphrases
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
from acquisition.protocols import FilterContext
from acquisition.sameness.texts import compact, letters, spaced_form

_LONG: Final = 1_000_000
_CHUNK: Final = 500_000
_DIGEST: Final = xxhash.xxh3_128_digest
_NOTHING: Final = bytes(16)
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
        pa.field("start_limit", pa.uint32(), nullable=False),
        pa.field("start_sample", _HASHES, nullable=False),
        pa.field("word_limit", pa.uint32(), nullable=False),
        pa.field("word_sample", _HASHES, nullable=False),
        pa.field("overlap", pa.string()),
        paraphrases.VECTOR,
        *media.SCHEMA_FIELDS,
    ]
)
"""One row per item of the shard, in its order.

told       how much is told of the item: 4 a label, 2 a license of its own, 1 a title, an author or an address
worth      how much content there is: letters of a text, bytes of a row; media have figures of their own
exact_*    the first 128 bits of content_sha256; 0 for an item without bytes
normal_*   128 bits of the normal form (xxh3) of a text or a table row, or of decoded pixels or samples; 0 where there is none
form       what the normal form is of: HOW["text"], "row", "pixels" or "samples"
letters    length of the normal form in characters
words      how many words it has, of texts that are long enough for near comparison
band_*     hash of the band's slots; 0 where the text is too short for near comparison
glance     the lowest octet of every fourth MinHash slot: enough to tell chance candidates from copies
limit      the sample is complete up to this hash
sample     sorted distinct hashes of character shingles; start_* and word_* the same for beginnings of words and for words
overlap    what the item shares with reference sets, as far as only its text can tell (`contamination.packed`)
vector     what the user's own model makes of the text (`paraphrases.VECTOR`)
further    figures of pictures and recordings (`media.SCHEMA_FIELDS`)
"""


class _Texts:
    """What is gathered of the texts of one batch, one entry per item."""

    def __init__(self, count: int) -> None:
        self.normal = np.zeros((count, 2), np.uint64)
        self.form = np.full(count, HOW["text"], np.uint8)
        self.length = np.zeros(count, np.int32)
        self.words = np.zeros(count, np.int32)
        self.bands = np.zeros((count, BANDS), np.uint32)
        self.glance = np.zeros((count, GLANCE), np.uint8)
        self.limits = np.full((count, 3), 2**32 - 1, np.uint32)
        self._sizes = np.zeros((count + 1, 3), np.int32)
        self._parts = [[np.zeros(0, np.uint32)] for _ in range(3)]

    def add(self, rows: np.ndarray, slots: np.ndarray, samples: Sequence[Sample]) -> None:
        """Take the slots and the three samples of some texts; rows come in ascending order."""
        self.bands[rows], self.glance[rows] = bands_of(slots)
        for kind, sample in enumerate(samples):
            self.limits[rows, kind] = sample.limits
            self._sizes[rows + 1, kind] = sample.counts
            self._parts[kind].append(sample.hashes)

    def lists(self, kind: int) -> pa.Array:
        """Return the samples of characters (0), beginnings of words (1) or words (2), one list per item."""
        offsets = pa.array(np.cumsum(self._sizes[:, kind], dtype=np.int32))
        return pa.ListArray.from_arrays(offsets, pa.array(np.concatenate(self._parts[kind])), _HASHES)


@dataclass(frozen=True, slots=True)
class Looking:
    """What is looked at while signing: the fewest letters for near copies, reference sets, and the user's own model."""

    min_letters: int
    probe: Probe
    model: Paraphrases | None = None


def sign(items: pa.RecordBatch, looking: Looking, context: FilterContext) -> pa.RecordBatch:
    """Return one signature (SIGNATURE_SCHEMA) per item of the batch; about 30 µs per text of 1 KB, without a model."""
    probe = looking.probe
    count = items.num_rows
    texts = _Texts(count)
    hits: dict[int, list[Hit]] = {}
    for chunk in _chunks(texts_of(items)):
        _sign_chunk(chunk, texts, max(looking.min_letters, shingles.SHINGLE))
        if not probe.idle:
            hits |= probe.look(chunk.rows, chunk.spaced, partial(text_at, items))
    if probe.wants_digests:
        for row, listed in published.hits(items, probe, context).items():
            hits[row] = [*hits.get(row, ()), *listed]
    _sign_rows(items, texts)
    found = media.seen(items, context)
    for row, (digest, how) in found.digests.items():
        texts.normal[row], texts.form[row] = np.frombuffer(digest, dtype=">u8"), how
    exact = exact_digests(items)
    sizes = np.asarray(items.column("size").to_numpy(zero_copy_only=False)).clip(0)
    worth = np.where(texts.length > 0, texts.length, sizes).astype(np.uint64)
    worth[list(found.worth)] = list(found.worth.values())
    columns = [
        pa.array(np.arange(count, dtype=np.int32)),
        items.column("id"),
        *(items.column(name) for name in ("source", "split", "label", "license_raw", "license_url")),
        pa.array(_told(items)),
        pa.array(worth),
        *(pa.array(exact[:, half].copy()) for half in (0, 1)),
        *(pa.array(texts.normal[:, half].copy()) for half in (0, 1)),
        pa.array(texts.form),
        pa.array(texts.length),
        pa.array(texts.words),
        *(pa.array(texts.bands[:, band].copy()) for band in range(BANDS)),
        pa.FixedSizeBinaryArray.from_buffers(pa.binary(GLANCE), count, [None, pa.py_buffer(texts.glance)]),
        *(column for kind in range(3) for column in (pa.array(texts.limits[:, kind].copy()), texts.lists(kind))),
        packed(hits, count),
        paraphrases.column(looking.model, texts_of(items), texts.length >= looking.min_letters, count),
        *found.columns,
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


@dataclass(slots=True)
class _Chunk:
    """Some texts of a batch: their rows, their spaced letters, and the digests of those that are not plain ASCII."""

    rows: list[int] = field(default_factory=list)
    spaced: list[bytes] = field(default_factory=list)
    digests: dict[int, bytes] = field(default_factory=dict)
    size: int = 0

    def add(self, row: int, octets: bytes) -> None:
        """Add one text."""
        spaced = spaced_form(octets)
        if not spaced.isascii():
            self.digests[len(self.rows)] = _DIGEST(compact(spaced))
            spaced = letters(spaced)
        self.rows.append(row)
        self.spaced.append(spaced)
        self.size += len(spaced)


def _chunks(texts: Iterator[tuple[int, bytes]]) -> Iterator[_Chunk]:
    """Yield runs of texts of about half a million letters, which bounds the arrays made from them; a long text comes alone."""
    chunk = _Chunk()
    for row, octets in texts:
        if chunk.rows and len(octets) > _LONG:
            yield chunk
            chunk = _Chunk()
        chunk.add(row, octets)
        if chunk.size >= _CHUNK:
            yield chunk
            chunk = _Chunk()
    if chunk.rows:
        yield chunk


def _sign_chunk(chunk: _Chunk, texts: _Texts, least: int) -> None:
    """Fill in everything that is remembered of a chunk's texts."""
    if chunk.size > _LONG + _CHUNK and len(chunk.rows) == 1:
        _sign_long(chunk, texts)
        return
    joined = shingles.Joined.of(chunk.spaced)
    rows = np.array(chunk.rows)
    ends = np.cumsum(joined.lengths).tolist()
    view = memoryview(joined.letters)
    digests = [
        chunk.digests.get(at) or (_DIGEST(view[end - length : end]) if length else _NOTHING)
        for at, (end, length) in enumerate(zip(ends, joined.lengths.tolist(), strict=True))
    ]
    texts.normal[rows] = np.frombuffer(b"".join(digests), dtype=">u8").reshape(-1, 2)
    texts.length[rows], texts.words[rows] = joined.lengths, joined.words
    hashes, offsets = joined.characters()
    samples = _samples(joined, hashes, offsets)
    enough = joined.lengths >= least
    texts.add(rows[enough], minima(hashes, offsets)[enough], [sample.take(enough) for sample in samples])


def _sign_long(chunk: _Chunk, texts: _Texts) -> None:
    """The same for one long text, looked at in pieces: memory is that of a piece."""
    (row,), (spaced,) = chunk.rows, chunk.spaced
    digest = xxhash.xxh3_128()
    slots, samples = [], []
    for piece, fresh in pieces(spaced):
        joined = shingles.Joined.of([piece])
        digest.update(compact(fresh))
        hashes, offsets = joined.characters()
        slots.append(minima(hashes, offsets))
        samples.append(_samples(joined, hashes, offsets))
        texts.length[row] += len(compact(fresh))
        texts.words[row] += len(fresh.split())
    texts.normal[row] = np.frombuffer(chunk.digests.get(0) or digest.digest(), dtype=">u8")
    all_ = [merged([each[kind] for each in samples], size) for kind, size in enumerate((SAMPLE, WORD_SAMPLE, WORD_SAMPLE))]
    texts.add(np.array([row]), np.minimum.reduce(slots), all_)


def _samples(joined: shingles.Joined, hashes: np.ndarray, offsets: np.ndarray) -> tuple[Sample, ...]:
    """Return the samples of characters, of beginnings of words, and of words."""
    words = (sampled(*found, WORD_SAMPLE) for found in (joined.beginnings(), joined.vocabulary()))
    return (sampled(hashes, offsets, SAMPLE), *words)


def _sign_rows(items: pa.RecordBatch, texts: _Texts) -> None:
    """Fill the digests of table rows."""
    fields = items.column("fields")
    is_row = pc.and_(pc.equal(items.column("modality"), "table"), fields.is_valid()).to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(is_row).tolist():
        digest = row_digest(fields[row].as_py())
        if digest:
            texts.normal[row] = np.frombuffer(digest, dtype=">u8")
            texts.form[row] = HOW["row"]


def _told(items: pa.RecordBatch) -> np.ndarray:
    def given(*names: str) -> np.ndarray:
        valid = [items.column(name).is_valid().to_numpy(zero_copy_only=False) for name in names]
        return np.asarray(np.logical_or.reduce(valid))

    bits = 4 * given("label") + 2 * given("license_raw", "license_url") + 1 * given("title", "author", "url")
    return np.asarray(bits, np.uint8)

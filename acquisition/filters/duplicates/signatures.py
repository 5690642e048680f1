"""What is remembered of an item to find its copies: digests, MinHash bands, and a bounded sample of its shingles.

A shingle is a run of five characters of the normal form, hashed to 64 bits. Char-5 shingles survive changed characters
and changed words alike (word 5-grams survive neither). The MinHash signature (rensa, 128 slots) is cut into 16 bands of
8; two texts of Jaccard similarity s share a band with probability 1 − (1 − s⁸)¹⁶: .7 → .61, .8 → .95, .9 → 1.00.

The sample holds the shingles whose hash falls below a limit that halves until at most 256 are left; the same limit on
both sides of a pair gives their exact Jaccard similarity up to 256 shingles, and beyond that an unbiased estimate with a
standard error of at most .04 (.03 at .8, .02 at .9).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import xxhash

from acquisition.filters.duplicates.normal import letters, normal_form

BANDS: Final = 16
SLOTS: Final = 8
SAMPLE: Final = 256
GLANCE: Final = BANDS * SLOTS // 2
SHINGLE: Final = 5
_SEED: Final = 42
_MAX_LETTERS: Final = 1_000_000
_CHUNK_LETTERS: Final = 500_000
_WINDOW: Final = np.uint64((1 << (8 * SHINGLE)) - 1)
_MIX: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93))
_BAND_FACTORS: Final = np.array([pow(int(_MIX[0]), power, 2**64) for power in range(1, SLOTS + 1)], np.uint64)

SIGNATURE_SCHEMA: Final = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("license_raw", pa.string()),
        pa.field("license_url", pa.string()),
        pa.field("exact_high", pa.uint64(), nullable=False),
        pa.field("exact_low", pa.uint64(), nullable=False),
        pa.field("normal_high", pa.uint64(), nullable=False),
        pa.field("normal_low", pa.uint64(), nullable=False),
        pa.field("letters", pa.int32(), nullable=False),
        *[pa.field(f"band_{band:02}", pa.uint32(), nullable=False) for band in range(BANDS)],
        pa.field("glance", pa.binary(GLANCE), nullable=False),
        pa.field("scale", pa.uint8(), nullable=False),
        pa.field("sample", pa.list_(pa.field("item", pa.uint32(), nullable=False)), nullable=False),
    ]
)
"""One row per item of the shard, in its order.

exact_*    the first 128 bits of content_sha256; 0 for an item without bytes
normal_*   128 bits of the normal form (xxh3); 0 for items that are not text, or have no letters
letters    length of the normal form in characters
band_*     hash of the band's slots; 0 where the text is too short for near comparison
glance     the lowest octet of every second MinHash slot: enough to tell chance candidates from copies
scale      the sample holds hashes below 2^(32 − scale)
sample     sorted distinct shingle hashes
"""


def sign(items: pa.RecordBatch, min_letters: int) -> pa.RecordBatch:
    """Return one signature (SIGNATURE_SCHEMA) per item of the batch; about 20 µs per text of 1 KB."""
    count = items.num_rows
    exact = _exact(items)
    normal = np.zeros((count, 2), np.uint64)
    length = np.zeros(count, np.int32)
    bands = np.zeros((count, BANDS), np.uint32)
    glance = np.zeros((count, GLANCE), np.uint8)
    scale = np.zeros(count, np.uint8)
    rows, folded = _normalise(items, normal, length)
    samples = [np.zeros(0, np.uint32)]
    sizes = np.zeros(count, np.int32)
    chosen = [(row, text) for row, text in zip(rows, folded, strict=True) if len(text) >= max(min_letters, SHINGLE)]
    for chunk in _chunks(chosen):
        at = np.array([row for row, _ in chunk])
        hashes, offsets = _shingles([text for _, text in chunk])
        bands[at], glance[at] = _bands(hashes, offsets)
        sample, kept, halvings = _sample(hashes, offsets)
        samples.append(sample)
        sizes[at], scale[at] = kept, halvings
    ends = np.concatenate(([0], np.cumsum(sizes, dtype=np.int32)))
    columns = [
        pa.array(np.arange(count, dtype=np.int32)),
        items.column("id"),
        *(items.column(name) for name in ("source", "label", "license_raw", "license_url")),
        *(pa.array(exact[:, half].copy()) for half in (0, 1)),
        *(pa.array(normal[:, half].copy()) for half in (0, 1)),
        pa.array(length),
        *(pa.array(bands[:, band].copy()) for band in range(BANDS)),
        pa.FixedSizeBinaryArray.from_buffers(pa.binary(GLANCE), count, [None, pa.py_buffer(glance)]),
        pa.array(scale),
        pa.ListArray.from_arrays(pa.array(ends), pa.array(np.concatenate(samples)), SIGNATURE_SCHEMA.field("sample").type),
    ]
    return pa.record_batch(columns, schema=SIGNATURE_SCHEMA)


def _exact(items: pa.RecordBatch) -> np.ndarray:
    """Return the first 128 bits of content_sha256 as two big-endian numbers per row."""
    octets = bytes.fromhex("".join(digest[:32] for digest in items.column("content_sha256").to_pylist()))
    numbers = np.frombuffer(octets, dtype=">u8").reshape(-1, 2).astype(np.uint64)
    sizes = np.asarray(items.column("size").to_numpy(zero_copy_only=False))
    return np.where((sizes > 0)[:, None], numbers, np.uint64(0))


def _normalise(items: pa.RecordBatch, normal: np.ndarray, length: np.ndarray) -> tuple[list[int], list[bytes]]:
    """Fill digests and lengths of all texts; return their rows and their letters, cut to a million each."""
    texts = items.column("text")
    if texts.null_count == len(texts):
        return [], []
    offsets = np.frombuffer(texts.buffers()[1], dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1].tolist()
    data = memoryview(texts.buffers()[2] or b"")
    is_text = np.asarray(pa.compute.equal(items.column("modality"), "text").to_numpy(zero_copy_only=False), dtype=bool)
    is_text &= np.asarray(texts.is_valid().to_numpy(zero_copy_only=False))
    rows: list[int] = []
    folded: list[bytes] = []
    digests: list[bytes] = []
    digest = xxhash.xxh3_128_digest
    for row in np.flatnonzero(is_text).tolist():
        form = normal_form(bytes(data[offsets[row] : offsets[row + 1]]))
        if form:
            rows.append(row)
            digests.append(digest(form))
            folded.append(letters(form))
    if rows:
        normal[rows] = np.frombuffer(b"".join(digests), dtype=">u8").reshape(-1, 2)
        length[rows] = [len(text) for text in folded]
    return rows, [text if len(text) <= _MAX_LETTERS else text[:_MAX_LETTERS] for text in folded]


def _chunks(texts: Sequence[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Yield runs of texts of about half a million letters, which bounds the arrays made from them."""
    chunk: list[tuple[int, bytes]] = []
    size = 0
    for row, text in texts:
        chunk.append((row, text))
        size += len(text)
        if size >= _CHUNK_LETTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _shingles(texts: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Return the 64-bit hashes of all shingles of the texts, one after the other, and the offsets of the texts in them."""
    data = b"".join(texts) + bytes(8)
    lengths = np.array([len(text) for text in texts])
    total = len(data) - 8
    # One unaligned 8-octet load per character; the upper three octets are masked away.
    windows = np.ndarray(shape=(total,), dtype="<u8", buffer=data, strides=(1,)) & _WINDOW
    whole = np.ones(total, dtype=bool)
    ends = np.cumsum(lengths)
    for back in range(1, SHINGLE):
        whole[ends - back] = False
    hashes = windows[whole]
    hashes *= _MIX[0]
    hashes ^= hashes >> np.uint64(32)
    hashes *= _MIX[1]
    return hashes, np.concatenate(([0], np.cumsum(lengths - (SHINGLE - 1)))).astype(np.uint64)


def _bands(hashes: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return 16 band keys per text, never 0, and its glance."""
    from rensa import RMinHash  # the native library is loaded in the worker that signs

    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, BANDS * SLOTS, _SEED)
    slots = np.array(matrix.to_rows(), dtype=np.uint32)
    banded = slots.reshape(-1, BANDS, SLOTS).astype(np.uint64)
    mixed = ((banded + np.uint64(1)) * _BAND_FACTORS).sum(axis=2, dtype=np.uint64)
    mixed ^= mixed >> np.uint64(29)
    keys: np.ndarray = ((mixed * _MIX[1]) >> np.uint64(32)).astype(np.uint32)
    keys[keys == 0] = 1
    return keys, slots[:, ::2].astype(np.uint8)


def _sample(hashes: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sampled hashes of all texts, how many each text has, and its scale."""
    bounds = offsets.astype(np.int64)
    counts = bounds[1:] - bounds[:-1]
    scale = np.ceil(np.log2(np.maximum(counts / SAMPLE, 1))).astype(np.uint8)
    limits = np.uint64(1) << (np.uint64(32) - scale.astype(np.uint64))
    short = (hashes >> np.uint64(32)).astype(np.uint32)
    kept = np.flatnonzero(short < np.repeat(limits, counts)) if scale.any() else np.arange(len(short))
    texts = np.searchsorted(bounds[1:], kept, side="right").astype(np.uint64)
    keys = (texts << np.uint64(32)) | short[kept]
    keys.sort()  # np.unique would hash, at eight times the cost
    keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))]
    return keys.astype(np.uint32), np.bincount((keys >> np.uint64(32)).astype(np.int64), minlength=len(counts)), scale

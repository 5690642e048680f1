"""The seat for embeddings: vectors that the user made with any model say what is alike beyond shared characters.

No model runs here: one that the user has set ran while items were signed, or a Parquet file gives one vector for a content
(`content_sha256`), so that it is made once for all copies and does not depend on how sources are named. Up to 20,000 vectors
are compared completely; beyond that only those that fall on the same side of all of some random planes (Charikar 2002), in 24
tables.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.errors import FilterUnavailable
from acquisition.filters.duplicates.links import LINK_SCHEMA, NEAR, distinct, links_of
from acquisition.filters.duplicates.tables import Signatures

COMPLETE: Final = 20_000
_TABLES: Final = 24
_BLOCK: Final = 2_000
_CROWD: Final = 64
_SEED: Final = 7
_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(0xFFFFFFFF)


def links(signatures: Signatures, file: Path | None, threshold: float) -> pa.Table:
    """Return links (LINK_SCHEMA) between items whose vectors have at least this cosine; without a file, of the signatures' own.

    Raises FilterUnavailable when the file does not hold what it should.
    """
    positions, chosen = _signed(signatures) if file is None else _given(signatures, file)
    a, b, cosine = _complete(chosen, threshold) if len(chosen) <= COMPLETE else _sampled(chosen, threshold)
    if not len(a):
        return LINK_SCHEMA.empty_table()
    return links_of(NEAR, "vector", positions[a], positions[b], np.clip(cosine, 0, 1))


def _signed(signatures: Signatures) -> tuple[np.ndarray, np.ndarray]:
    """Return positions and vectors of the items that have one; of copies in one normal form the first stands for all."""
    normals = signatures.columns(["normal_high", "normal_low"])
    parts = [signatures.shard(index, ["vector"]).column(0) for index in range(len(signatures.starts) - 1)]
    column = pa.chunked_array([chunk for part in parts for chunk in part.chunks], pa.binary())
    positions = np.flatnonzero(column.is_valid().to_numpy())
    if not len(positions):
        return positions, np.zeros((0, 1), np.float32)
    keys = np.stack([normal[positions] for normal in normals], axis=1)
    positions = positions[np.sort(np.unique(keys, axis=0, return_index=True)[1])]
    octets = b"".join(column.take(pa.array(positions)).to_pylist())
    vectors = np.frombuffer(octets, np.float16).reshape(len(positions), -1).astype(np.float32)
    return positions, vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _given(signatures: Signatures, file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return positions and vectors of the items that the file has one for; of copies of a content the first stands for all."""
    digests, vectors = _read(file)
    high, low = signatures.columns(["exact_high", "exact_low"])
    keys = np.stack((high, low), axis=1).astype(">u8").view("S16").ravel()
    at = np.minimum(np.searchsorted(digests, keys), max(len(digests) - 1, 0))
    positions = np.flatnonzero((digests[at] == keys) & (high != 0)) if len(digests) else np.zeros(0, np.int64)
    _, first = np.unique(at[positions], return_index=True)
    positions = positions[np.sort(first)]
    return positions, vectors[at[positions]]


def _read(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return sorted digests (16 bytes) and their vectors of length 1."""
    try:
        with pq.ParquetFile(file) as opened:
            table = opened.read(columns=["content_sha256", "vector"])
        octets = [bytes.fromhex(digest[:32]) for digest in table.column("content_sha256").to_pylist()]
        vectors = np.stack([np.asarray(vector, np.float32) for vector in table.column("vector").to_pylist()])
    except (OSError, pa.ArrowException, ValueError, TypeError, KeyError) as error:
        raise FilterUnavailable(
            f"filters.duplicates.embedding.vectors cannot be used: {type(error).__name__}: {error}",
            where=str(file),
            hint="A Parquet file with the columns content_sha256 (hexadecimal) and vector (lists of numbers, one length).",
        ) from error
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    usable = np.isfinite(norms[:, 0]) & (norms[:, 0] > 0)
    digests = np.array(octets, dtype="S16")
    order = np.argsort(digests[usable], kind="stable")
    return digests[usable][order], (vectors[usable] / norms[usable])[order]


def _complete(vectors: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for start in range(0, len(vectors), _BLOCK):
        cosine = vectors[start : start + _BLOCK] @ vectors[start:].T
        a, b = np.nonzero(cosine >= threshold)
        fresh = a < b
        found.append((a[fresh] + start, b[fresh] + start, cosine[a[fresh], b[fresh]]))
    a, b, cosine = (np.concatenate([part[place] for part in found]) for place in range(3))
    return a, b, cosine


def _sampled(vectors: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compare what shares the signs of 12 to 20 random projections with its next 64 neighbours there."""
    chance = np.random.default_rng(_SEED)
    bits = min(20, max(12, int(np.log2(len(vectors) / 50))))
    pairs = np.zeros(0, np.uint64)
    for _ in range(_TABLES):
        signs = vectors @ chance.standard_normal((vectors.shape[1], bits), dtype=np.float32) > 0
        keys = signs @ (1 << np.arange(bits))
        order = np.argsort(keys, kind="stable")
        for step in range(1, _CROWD + 1):
            together = keys[order[step:]] == keys[order[:-step]]
            if not together.any():
                break
            one, two = order[:-step][together].astype(np.uint64), order[step:][together].astype(np.uint64)
            cosine = np.einsum("ij,ij->i", vectors[one], vectors[two])
            one, two = one[cosine >= threshold], two[cosine >= threshold]
            pairs = np.concatenate((pairs, (np.minimum(one, two) << _HALF) | np.maximum(one, two)))
        pairs = distinct(pairs)
    a, b = (pairs >> _HALF).astype(np.int64), (pairs & _LOW).astype(np.int64)
    return a, b, np.einsum("ij,ij->i", vectors[a], vectors[b])

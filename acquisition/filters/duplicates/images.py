"""Copies of pictures: candidates by difference hash in all orientations, proof by PDQ or by laying one over the other.

Every picture asks with its eight orientations for pictures that look so as they stand, or without a rim of 5 or 10 % (a crop,
a frame). Up to a few thousand pictures everything is compared; beyond that, only what agrees in some sample of the bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from acquisition.filters.duplicates.alignment import SIDE, agreement, likeness
from acquisition.filters.duplicates.links import NEAR, links_of
from acquisition.filters.duplicates.tables import Signatures
from acquisition.filters.media.hashes import FORMS, INSETS
from acquisition.filters.media.images import ImageLook

SCHEMA_FIELDS: Final = (
    pa.field("picture", pa.uint64(), nullable=False),
    pa.field("picture_hashes", pa.binary()),
    pa.field("picture_proof", pa.binary()),
)
"""picture         difference hash as it stands, 0 where there is none to compare (no picture, or a blank one)
picture_hashes  its eight forms and those of the inner parts, 8 bytes each
picture_proof   quality (1 byte; its highest bit says that the picture is small), PDQ of the eight forms and the inner parts
                (32 bytes each), 32 × 32 luma, 8 × 8 × 2 tint
"""
VIEWS: Final = 1 + len(INSETS)
MAX_DHASH: Final = 16
"""Bits of 64 by which a candidate's difference hash may differ."""
SAMPLED_DHASH: Final = 12
"""The same where only samples of bits are looked up: they rarely find more, and chance finds much more."""
SURE_PDQ: Final = 31
"""Bits of 256: a pair of pictures with quality 50 or more that differs by no more is near (ThreatExchange's own advice)."""
SURE_QUALITY: Final = 50
MAX_PDQ: Final = 106
"""Candidates that differ by more are not laid over each other: of unrelated pictures 1 % differ by less than 104."""
LEAST_MOVED: Final = (0.82, 0.66)
LEAST_STILL: Final = (0.92, 0.8)
"""Correlation of two aligned pictures, and of their fine structure, from which on they are near.

Moving a small picture by parts of a sample costs it fine structure. Where nothing had to be moved more is asked, so that two
filled forms of one template are two pictures.
"""
SMALL: Final = 64
"""Pixels of the shorter side below which a picture is small: what was moved over it would fit nearly any of its kind."""
LEAST_SMALL: Final = (0.97, 0.93)
"""The same where one of the pictures is small. Both are compared as they lie, and no hash is proof: of 600 handwritten digits
of 28 pixels, two in five found another one that could be moved over them; enlarged or as JPEG they keep 0.989 and 0.963."""
LEAST_SMALL_SURE: Final = (0.92, 0.85)
"""The same where PDQ is SURE_PDQ or nearer, too: none of 259,000 pairs of different digits is, and every copy of them."""
_SMALL_BIT: Final = 0x80
_LEAST_SPREAD: Final = 3.0
_LEAST_FINE_SPREAD: Final = 0.6
"""Standard deviation of luma (0..255) and of its fine structure below which a picture is blank to this comparison."""
_COMPLETE: Final = 5_000
"""Pictures up to which everything is compared with everything (about 2 s)."""
_TABLES: Final = 20
_CROWD: Final = 200
"""Entries of one bucket that a picture meets."""
_ROW: Final = 1_000_000
"""Distances that are held at a time."""
_VERIFIED: Final = 20_000
_COLOURED: Final = 40.0
"""Length of a tint (128 differences) beyond which a picture has colours to compare: 3.5 of 128 on average."""
_LEAST_TINT: Final = 0.3


@dataclass(frozen=True, slots=True)
class Pairs:
    """Candidates: picture `asked`, turned to `form`, looks like the view `view` of picture `met` (places in one search)."""

    asked: np.ndarray
    met: np.ndarray
    form: np.ndarray
    view: np.ndarray


def columns(items: pa.RecordBatch, looks: Mapping[int, ImageLook]) -> list[pa.Array]:
    """Return the columns of SCHEMA_FIELDS for a batch of items."""
    rows = [looks.get(row) for row in range(items.num_rows)]
    kept = [look if look is not None and _comparable(look) else None for look in rows]
    first = [int.from_bytes(look.dhash[:8], "big") if look else 0 for look in kept]
    searched = [look.dhash + b"".join(_inset(look, at)[:8] for at in range(len(INSETS))) if look else None for look in kept]
    proofs = [_proof(look) if look else None for look in kept]
    return [pa.array(first, pa.uint64()), pa.array(searched, pa.binary()), pa.array(proofs, pa.binary())]


def _comparable(look: ImageLook) -> bool:
    if look.error or len(look.thumb) != SIDE * SIDE or not any(look.dhash[:8]):
        return False
    thumb = np.frombuffer(look.thumb, np.uint8).reshape(SIDE, SIDE)[4:-4, 4:-4].astype(np.float32)  # whatever frames it
    fine = thumb[1:-1, 1:-1] - (thumb[:-2, 1:-1] + thumb[2:, 1:-1] + thumb[1:-1, :-2] + thumb[1:-1, 2:]) / 4
    return bool(thumb.std() >= _LEAST_SPREAD and fine.std() >= _LEAST_FINE_SPREAD)


def _inset(look: ImageLook, at: int) -> bytes:
    return look.insets[40 * at : 40 * at + 40]


def _proof(look: ImageLook) -> bytes:
    inner = b"".join(_inset(look, at)[8:] for at in range(len(INSETS)))
    small = _SMALL_BIT if min(look.width, look.height) < SMALL else 0
    return bytes([look.pdq_quality | small]) + look.pdq + inner + look.thumb + look.tint


def links(signatures: Signatures) -> pa.Table:
    """Return links (LINK_SCHEMA) between near pictures of all signature tables.

    By PDQ the similarity is 1 − distance / 256, by alignment the correlation of the two pictures.
    """
    (known,) = signatures.columns(["picture"])
    positions = np.flatnonzero(known)
    if len(positions) < 2:
        return links_of(NEAR, "pdq", positions[:0], positions[:0])
    hashes = _matrix(signatures.take(positions, ["picture_hashes"]).column(0), FORMS + len(INSETS), np.dtype(">u8"))
    pairs = candidates(hashes.astype(np.uint64))
    return pa.concat_tables([links_of(NEAR, "pdq", positions[:0], positions[:0]), *_proven(signatures, positions, pairs)])


def _matrix(column: pa.ChunkedArray, width: int, kind: np.dtype) -> np.ndarray:
    """Return a column of binary values of equal length as an array (rows, width)."""
    return np.frombuffer(b"".join(column.to_pylist()), kind).reshape(-1, width)


# --- candidates ----------------------------------------------------------------------------------------------------------


def candidates(hashes: np.ndarray) -> Pairs:
    """Return pairs within MAX_DHASH bits from an array (pictures, 8 forms and then the inner parts) of uint64."""
    unique, first, group = np.unique(hashes, axis=0, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    heads = first[group]
    copies = np.flatnonzero(heads != np.arange(len(hashes)))
    alone = np.sort(first)
    found = [_unturned(heads[copies], copies)]
    search = _complete if len(unique) <= _COMPLETE else _sampled
    near = search(hashes[alone])
    found += [Pairs(alone[pairs.asked], alone[pairs.met], pairs.form, pairs.view) for pairs in near]
    return _nearest(found, hashes)


def _unturned(asked: np.ndarray, met: np.ndarray) -> Pairs:
    return Pairs(asked, met, np.zeros(len(met), np.int64), np.zeros(len(met), np.int64))


def _views(hashes: np.ndarray) -> np.ndarray:
    """Return what is looked up (pictures, VIEWS): as it stands, and the inner parts."""
    return np.concatenate([hashes[:, :1], hashes[:, FORMS:]], axis=1)


def _complete(hashes: np.ndarray) -> Iterator[Pairs]:
    """Compare everything with everything, a block of rows at a time."""
    views = _views(hashes)
    step = max(1, _ROW // len(hashes))
    for start in range(0, len(hashes), step):
        for form in range(FORMS):
            for view in range(VIEWS):
                distance = np.bitwise_count(hashes[start : start + step, form, None] ^ views[None, :, view])
                asked, met = np.nonzero(distance <= MAX_DHASH)
                asked += start
                other = asked != met
                yield _pairs(asked[other], met[other], form, view)


def _sampled(hashes: np.ndarray) -> Iterator[Pairs]:
    """Compare what agrees in one of several fixed samples of the bits (bit-sampling LSH, Indyk and Motwani 1998)."""
    views = _views(hashes)
    width = int(np.clip(np.round(np.log2(len(hashes) * VIEWS)) - 1, 12, 22))
    samples = np.random.default_rng(64)
    for _ in range(_TABLES):
        bits = samples.choice(64, width, replace=False)
        asking = (_sample(hashes[:, form], bits) for form in range(FORMS))
        for form, (asked, entry) in enumerate(_meetings(asking, _sample(views.reshape(-1), bits), width)):
            met, view = np.divmod(entry, VIEWS)
            good = (np.bitwise_count(hashes[asked, form] ^ views[met, view]) <= SAMPLED_DHASH) & (asked != met)
            yield Pairs(asked[good], met[good], np.full(int(good.sum()), form), view[good])


def _sample(values: np.ndarray, bits: np.ndarray) -> np.ndarray:
    key = np.zeros(len(values), np.int64)
    for place, bit in enumerate(bits):
        key |= ((values >> np.uint64(bit)) & np.uint64(1)).astype(np.int64) << place
    return key


def _meetings(asked: Iterable[np.ndarray], keys: np.ndarray, width: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield for each form of `asked` (one row per form) the (places that ask, places met) with equal keys of `width` bits.

    Of a crowded bucket only the first entries are met.
    """
    places = np.argsort(keys, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=1 << width))])
    for row in asked:
        low = starts[row]
        sizes = np.minimum(starts[row + 1] - low, _CROWD)
        questions = np.repeat(np.arange(len(row)), sizes)
        within = np.arange(len(questions)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        yield questions, places[np.repeat(low, sizes) + within]


def _pairs(asked: np.ndarray, met: np.ndarray, form: int, view: int) -> Pairs:
    return Pairs(asked, met, np.full(len(asked), form), np.full(len(asked), view))


def _nearest(found: list[Pairs], hashes: np.ndarray) -> Pairs:
    """Keep for each two pictures the form and view by which they are nearest."""
    asked, met, form, view = (
        np.concatenate([getattr(part, name) for part in found]).astype(np.int64) for name in Pairs.__slots__
    )
    views = _views(hashes)
    distance = np.bitwise_count(hashes[asked, form] ^ views[met, view]).astype(np.int64)
    low, high = np.minimum(asked, met), np.maximum(asked, met)
    order = np.lexsort((form, view, asked, distance, high, low))
    first = np.ones(len(order), dtype=bool)
    first[1:] = (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)
    best = order[first]
    return Pairs(asked[best], met[best], form[best], view[best])


# --- proof ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Proofs:
    """What pairs are proven by: arrays with one row per picture."""

    quality: np.ndarray
    small: np.ndarray
    pdq: np.ndarray
    thumb: np.ndarray
    tint: np.ndarray


def _proven(signatures: Signatures, positions: np.ndarray, pairs: Pairs) -> Iterator[pa.Table]:
    for start in range(0, len(pairs.asked), _VERIFIED):
        part = Pairs(*(getattr(pairs, name)[start : start + _VERIFIED] for name in Pairs.__slots__))
        used = np.unique(np.concatenate([part.asked, part.met]))
        proofs = _proofs(signatures.take(positions[used], ["picture_proof"]).column(0))
        local = Pairs(np.searchsorted(used, part.asked), np.searchsorted(used, part.met), part.form, part.view)
        for how, which, similarity in _judged(proofs, local):
            yield links_of(NEAR, how, positions[part.asked[which]], positions[part.met[which]], similarity)


def _proofs(column: pa.ChunkedArray) -> _Proofs:
    hashes = (FORMS + len(INSETS)) * 32
    octets = _matrix(column, 1 + hashes + SIDE * SIDE + 128, np.dtype(np.uint8))
    return _Proofs(
        octets[:, 0] & ~np.uint8(_SMALL_BIT),
        octets[:, 0] >= _SMALL_BIT,
        np.ascontiguousarray(octets[:, 1 : 1 + hashes]).view(np.uint64).reshape(len(octets), -1, 4),
        octets[:, 1 + hashes : 1 + hashes + SIDE * SIDE].reshape(-1, SIDE, SIDE),
        octets[:, 1 + hashes + SIDE * SIDE :].reshape(-1, 8, 8, 2),
    )


def _judged(proofs: _Proofs, pairs: Pairs) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield (how, places of the pairs that are near, their similarity)."""
    met = np.where(pairs.view == 0, 0, FORMS - 1 + pairs.view)
    distance = np.bitwise_count(proofs.pdq[pairs.asked, pairs.form] ^ proofs.pdq[pairs.met, met]).sum(axis=1, dtype=np.int64)
    clear = np.minimum(proofs.quality[pairs.asked], proofs.quality[pairs.met]) >= SURE_QUALITY
    tinted = _same_tint(proofs, pairs)
    small = proofs.small[pairs.asked] | proofs.small[pairs.met]
    sure = (distance <= SURE_PDQ) & clear & tinted & ~small
    yield "pdq", np.flatnonzero(sure), 1 - distance[sure] / 256
    left = np.flatnonzero(~sure & ~small & (distance <= MAX_PDQ) & tinted)
    laid = agreement(
        _oriented(proofs.thumb[pairs.asked[left]], pairs.form[left]),
        proofs.thumb[pairs.met[left]],
        np.array([1.0, *(1 - 2 * inset for inset in INSETS)], np.float32)[pairs.view[left]],
    )
    least_plain, least_fine = (np.where(laid.still, *bounds) for bounds in zip(LEAST_STILL, LEAST_MOVED, strict=True))
    good = (laid.plain >= least_plain) & (laid.fine >= least_fine)
    yield "aligned", left[good], np.minimum(laid.plain[good], 1.0)
    which = np.flatnonzero(small & tinted)
    yield "aligned", *_same_small(proofs, pairs, which, distance[which] <= SURE_PDQ)


def _same_small(proofs: _Proofs, pairs: Pairs, which: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which of the pairs of small pictures agree as they lie, and how well; `near` says where their PDQ agrees."""
    turned = _oriented(proofs.thumb[pairs.asked[which]], pairs.form[which])
    plain, fine = likeness(turned, proofs.thumb[pairs.met[which]])
    least_plain, least_fine = (np.where(near, *bounds) for bounds in zip(LEAST_SMALL_SURE, LEAST_SMALL, strict=True))
    good = (plain >= least_plain) & (fine >= least_fine)
    return which[good], np.minimum(plain[good], 1.0)


def _oriented(pictures: np.ndarray, forms: np.ndarray) -> np.ndarray:
    """Return pictures (n, rows, columns, …), each turned to its form (`media.hashes.FORMS`)."""
    turned = np.empty_like(pictures)
    for form in range(FORMS):
        which = forms == form
        chosen = pictures[which]
        if form in {1, 3, 6, 7}:
            chosen = chosen.swapaxes(1, 2)
        if form in {1, 2, 5, 7}:
            chosen = chosen[:, ::-1]
        if form in {2, 3, 4, 7}:
            chosen = chosen[:, :, ::-1]
        turned[which] = chosen
    return turned


def _same_tint(proofs: _Proofs, pairs: Pairs) -> np.ndarray:
    """Say of each pair whether its colours may be the same; a grey copy has none that could differ."""
    left = _oriented(proofs.tint[pairs.asked], pairs.form).astype(np.float32).reshape(-1, 128) - 128
    right = proofs.tint[pairs.met].astype(np.float32).reshape(-1, 128) - 128
    lengths = np.linalg.norm(left, axis=1), np.linalg.norm(right, axis=1)
    cosine = (left * right).sum(axis=1) / np.maximum(lengths[0] * lengths[1], 1e-6)
    coloured = np.minimum(*lengths) > _COLOURED
    return np.asarray(~coloured | (cosine >= _LEAST_TINT), dtype=bool)

"""Which items hold something of a reference set.

Whole copies are found as all copies are: the sets' signatures join the tables when links are looked for. What only looking
into the item's text can tell is found while it is signed: runs of 13 words that it shares with an entry (GPT-3, appendix C of
2005.14165, counts one shared 13-gram as contamination), and digests that are not SHA-256.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import orjson
import pyarrow as pa

from acquisition.filters.duplicates import shingles
from acquisition.filters.duplicates.joining import Clusters, Links
from acquisition.filters.duplicates.links import EXACT, HOWS, NEAR
from acquisition.filters.duplicates.tables import Signatures
from acquisition.filters.flags import detail_json
from acquisition.sameness.texts import letters, spaced_form

LEAST_WINDOW: Final = 8
"""Entries of fewer words than a window are one window of their own, down to this many (2005.14165 clips N to 8..13)."""
MOST_WINDOWS: Final = 20_000_000
_BITS: Final = 24
_SHOWN: Final = 3
_SPAN: Final = 2_000_000
_WORD: Final = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Hit:
    """What an item shares with one entry of a reference set; `shared` of `of` windows, where windows were compared."""

    set: str
    entry: str
    how: str
    score: float
    start: int = -1
    end: int = -1
    shared: int = 0
    of: int = 0
    entries: int = 1

    def detail(self) -> str:
        """Return the flag's detail."""
        facts: dict[str, object] = {"set": self.set, "entry": self.entry, "by": self.how, "entries": self.entries}
        if self.how == "windows":
            facts |= {"shared": self.shared, "of": self.of}
        elif self.score < 1:
            facts["similarity"] = round(self.score, 4)
        return detail_json(**facts)


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of one set's entries: sorted (hash, entry) pairs, the entry's number of windows, and their lengths in use.

    `names` maps an entry's number to its name; where there were too many windows only every 2^`halvings`-th is kept.
    """

    name: str
    hashes: np.ndarray
    entries: np.ndarray
    counts: np.ndarray
    lengths: tuple[int, ...]
    names: Sequence[str]
    halvings: int = 0


def windows_of(texts: Sequence[bytes], window: int) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """Return window hashes, the text that each is of, and the lengths in use; `texts` are spaced letters.

    A text with fewer words than a window is one window, down to eight words.
    """
    hashes, offsets = shingles.words(list(texts))
    counts = np.diff(offsets)
    found, owners, lengths = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)], []
    for length in range(LEAST_WINDOW, window + 1):
        runs, bounds = shingles.runs(hashes, offsets, length)
        owner = np.repeat(np.arange(len(counts)), np.diff(bounds))
        wanted = counts[owner] == length if length < window else np.ones(len(owner), dtype=bool)
        if wanted.any():
            found.append(runs[wanted])
            owners.append(owner[wanted])
            lengths.append(length)
    return np.concatenate(found), np.concatenate(owners), tuple(lengths)


class Probe:
    """Looks into texts for windows of the reference sets, and at digests of other kinds. Memory: 12 bytes per window.

    `digests` maps an MD5 to its set and the name beside it.
    """

    def __init__(self, sets: Sequence[Windows], digests: Mapping[bytes, tuple[str, str]]) -> None:
        self._sets = sets
        self._digests = digests
        self._lengths = sorted({length for one in sets for length in one.lengths})
        self._seen = np.zeros(1 << _BITS, dtype=bool) if self._lengths else np.zeros(0, dtype=bool)
        for one in sets:
            self._seen[one.hashes >> np.uint64(64 - _BITS)] = True

    @property
    def idle(self) -> bool:
        """Say whether there is nothing to look for."""
        return not self._lengths and not self._digests

    def look(self, rows: Sequence[int], spaced: Sequence[bytes], text_of: Callable[[int], bytes]) -> dict[int, list[Hit]]:
        """Return the hits of some texts by row; `spaced` are their spaced letters, `text_of` gives a row's UTF-8."""
        found: dict[int, list[Hit]] = defaultdict(list)
        if self._lengths:
            hashes, offsets = shingles.words(list(spaced))
            for length in self._lengths:
                self._windows(found, rows, shingles.runs(hashes, offsets, length), length, text_of)
        return {row: _best(hits) for row, hits in found.items()}

    def listed(self, digest: bytes) -> list[Hit]:
        """Return a hit where an MD5 is listed."""
        found = self._digests.get(digest)
        return [Hit(found[0], found[1] or digest.hex(), "digest", 1.0)] if found else []

    @property
    def wants_digests(self) -> bool:
        """Say whether MD5 digests are listed."""
        return bool(self._digests)

    def _windows(
        self,
        found: dict[int, list[Hit]],
        rows: Sequence[int],
        runs: tuple[np.ndarray, np.ndarray],
        length: int,
        text_of: Callable[[int], bytes],
    ) -> None:
        hashes, bounds = runs
        maybe = np.flatnonzero(self._seen[hashes >> np.uint64(64 - _BITS)])
        if not len(maybe):
            return
        text = np.searchsorted(bounds[1:], maybe, side="right")
        for one in self._sets:
            listed = _listed(hashes[maybe], one.hashes)
            known, owner = maybe[listed], text[listed]
            for place in np.unique(owner).tolist():
                mine = known[owner == place]
                hit = _overlap(one, np.unique(hashes[mine]))
                if hit is not None:
                    first = int(mine[0] - bounds[place])
                    start, end = span_of(text_of(rows[place]), first, length)
                    found[rows[place]].append(
                        Hit(hit.set, hit.entry, hit.how, hit.score, start, end, hit.shared, hit.of, hit.entries)
                    )


def _listed(hashes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return a mask of the hashes that stand in a sorted array."""
    if not len(known):
        return np.zeros(len(hashes), dtype=bool)
    at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    found: np.ndarray = known[at] == hashes
    return found


def _overlap(one: Windows, hashes: np.ndarray) -> Hit | None:
    """Return the entry of which the largest share of windows is among these."""
    low, high = np.searchsorted(one.hashes, hashes, "left"), np.searchsorted(one.hashes, hashes, "right")
    shared: Counter[int] = Counter()
    for start, end in zip(low.tolist(), high.tolist(), strict=True):
        shared.update(set(one.entries[start : min(end, start + 1000)].tolist()))
    if not shared:
        return None
    best = min(shared, key=lambda entry: (-shared[entry] / one.counts[entry], entry))
    of = int(one.counts[best])
    return Hit(
        one.name, one.names[best], "windows", min(1.0, shared[best] / of), shared=shared[best], of=of, entries=len(shared)
    )


def _best(hits: list[Hit]) -> list[Hit]:
    """Keep the strongest hit for each set."""
    kept: dict[str, Hit] = {}
    for hit in hits:
        if hit.set not in kept or hit.score > kept[hit.set].score:
            kept[hit.set] = hit
    return [kept[name] for name in sorted(kept)]


def span_of(octets: bytes, first: int, length: int) -> tuple[int, int]:
    """Return where these words of a text's spaced form stand in it, in characters; (-1, -1) beyond two million."""
    seen, start = 0, -1
    text = octets.decode("utf-8", "replace")
    for match in _WORD.finditer(text, 0, min(len(text), _SPAN)):
        count = len(letters(spaced_form(match[0].encode("utf-8", "replace"))).split())
        if start < 0 and seen + count > first:
            start = match.start()
        seen += count
        if seen >= first + length:
            return (start, match.end())
    return (-1, -1)


# --- between signing and joining -----------------------------------------------------------------------------------------


def packed(hits: Mapping[int, Sequence[Hit]], count: int) -> pa.Array:
    """Return one JSON text per row of a batch, null where there is no hit."""
    told: list[str | None] = [None] * count
    for row, found in hits.items():
        if found:
            told[row] = orjson.dumps([[getattr(hit, name) for name in Hit.__slots__] for hit in found]).decode()
    return pa.array(told, pa.string())


def noted(signatures: Signatures) -> dict[int, list[Hit]]:
    """Return what was found while signing, by position."""
    found: dict[int, list[Hit]] = {}
    for index in range(len(signatures.keys)):
        column = signatures.shard(index, ["overlap"]).column(0)
        for row in np.flatnonzero(column.is_valid().to_numpy()).tolist():
            found[int(signatures.starts[index]) + row] = [Hit(*facts) for facts in orjson.loads(column[row].as_py())]
    return found


def copies(signatures: Signatures, links: Links, clusters: Clusters | None) -> dict[int, list[Hit]]:
    """Return the items that are copies of entries of the reference sets, by position: the closest entry of each set."""
    outside = np.flatnonzero((links.b >= signatures.own) & (links.a < signatures.own))
    if not len(outside):
        return {}
    links = links.take(outside)
    entries = np.unique(links.b)
    names = dict(zip(entries.tolist(), signatures.take(entries, ["item"]).column("item").to_pylist(), strict=True))
    found: dict[int, list[Hit]] = defaultdict(list)
    for a, b, kind, how, similarity in _rows(links):
        one = signatures.set_of(b)
        score = 1.0 if kind < NEAR else round(similarity, 4)
        hit = Hit(one, names[b], "bytes" if kind == EXACT else HOWS[how], score)
        for member in _same(a, clusters):
            found[member].append(hit)
    return {position: _best(hits) for position, hits in found.items()}


def _rows(links: Links) -> Iterator[tuple[int, int, int, int, float]]:
    return zip(*(getattr(links, name).tolist() for name in ("a", "b", "kind", "how", "similarity")), strict=True)


def _same(position: int, clusters: Clusters | None) -> list[int]:
    """Return the positions of all items with the same normal form."""
    if clusters is None:
        return [position]
    node = int(np.searchsorted(clusters.positions, position))
    if node == len(clusters.positions) or clusters.positions[node] != position:
        return [position]
    same: list[int] = clusters.positions[clusters.normal == clusters.normal[node]].tolist()
    return same


def merged(parts: Sequence[Mapping[int, Sequence[Hit]]]) -> dict[int, list[Hit]]:
    """Return the strongest hit for each item and set."""
    found: dict[int, list[Hit]] = defaultdict(list)
    for part in parts:
        for position, hits in part.items():
            found[position] += hits
    return {position: _best(hits) for position, hits in found.items()}

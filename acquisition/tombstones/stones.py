"""Tombstones held against rows, files and addresses: which of them are taken down, a million rows in about a second."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.model import Asset
from acquisition.sameness.addresses import canonical
from acquisition.sameness.texts import normal_form
from acquisition.tombstones.spellings import SCOPES, Scope, author_name, authors_in, digest_as_spelt, digest_of, host_name

NONE: Final = hashlib.sha256(b"tombstones").hexdigest()
"""The digest of no tombstones at all."""
_DIGEST: Final = 32

_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "content": ("content_sha256",),
    "item": ("id",),
    "file": ("blob",),
    "source": ("source",),
    "author": ("author",),
    "domain": ("url", "locator"),
    "url": ("url", "locator"),
    "text": ("modality", "text"),
}
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """One thing that is not to come back; the fields are those of a line."""

    scope: Scope
    digest: str
    item: str = ""
    source: str = ""
    ticket: str = ""
    at: str = ""
    by: str = ""
    reason: str = ""
    host: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells two tombstones apart."""
        return self.scope, self.digest, self.item


class Tombstones:
    """All tombstones in their order, and which rows, files and addresses they speak of."""

    def __init__(self, stones: Iterable[Tombstone] = ()) -> None:
        self._stones = tuple(stones)

    def __iter__(self) -> Iterator[Tombstone]:
        return iter(self._stones)

    def __len__(self) -> int:
        return len(self._stones)

    @cached_property
    def _digests(self) -> bytes:
        """The digests after each line, 32 bytes each: whoever has seen the first lines recognises them in a longer file."""
        found, so_far = bytearray.fromhex(NONE), hashlib.sha256(b"tombstones")
        for stone in self._stones:
            so_far.update("\n".join((*stone.key, "")).encode())
            found += so_far.digest()
        return bytes(found)

    @property
    def digest(self) -> str:
        """Names what is taken down, in its order."""
        return self._digests[-_DIGEST:].hex()

    def since(self, digest: str) -> Tombstones | None:
        """Return what came after the state with this digest, None when this file was never in that state."""
        try:
            place = self._digests.find(wanted := bytes.fromhex(digest))
        except ValueError:
            return None
        while place % _DIGEST and place >= 0:
            place = self._digests.find(wanted, place + 1)
        if place < 0 or len(wanted) != _DIGEST:
            return None
        return Tombstones(self._stones[place // _DIGEST :]) if place else self

    @cached_property
    def _named(self) -> dict[str, dict[str, Tombstone]]:
        named: dict[str, dict[str, Tombstone]] = {}
        for stone in self._stones:
            if stone.item:
                named.setdefault(stone.source, {}).setdefault(stone.item, stone)
        return named

    def named_of(self, source: str) -> Mapping[str, Tombstone]:
        """Return the items of a source that tombstones name, each with the first that does."""
        return self._named.get(source, {})

    @cached_property
    def _known(self) -> dict[str, dict[str, int]]:
        known: dict[str, dict[str, int]] = {scope: {} for scope in SCOPES}
        for place, stone in enumerate(self._stones):
            if stone.scope != "item":
                known[stone.scope].setdefault(stone.digest, place)
            if stone.item:
                known["item"].setdefault(stone.item, place)
        return known

    def holds(self, scope: Scope, value: str) -> bool:
        """Say whether a value is taken down under this very scope."""
        return self.at(scope, value) is not None

    def at(self, scope: Scope, value: str) -> Tombstone | None:
        """Return the tombstone of a value under this very scope."""
        try:
            place = self._known[scope].get(value if scope == "item" else digest_of(scope, value))
        except ValueError:
            return None
        return None if place is None else self._stones[place]

    def covers(self, stone: Tombstone) -> bool:
        """Say whether what a tombstone speaks of is taken down already, whichever item that was for."""
        return (stone.item if stone.scope == "item" else stone.digest) in self._known[stone.scope]

    def file_gone(self, sha256: str) -> bool:
        """Say whether a file is not to be held again."""
        return sha256 in self._known["file"]

    def keeps_away(self, source: str, asset: Asset | None, sha256: str) -> bool:
        """Say whether a source (without `asset`), or a file of it, is not to be fetched at all; `sha256` may be ""."""
        if asset is None or not len(self):
            return self.holds("source", source)
        return self.holds("source", source) or self.file_gone(sha256) or self.url_gone(asset.url) is not None

    def url_gone(self, url: str) -> Tombstone | None:
        """Return the tombstone of an address: of itself, of its host, or of a host above it."""
        if not self._known["url"] and not self._known["domain"]:
            return None
        return self.at("url", url) or self._host_gone(host_name(url))

    def _host_gone(self, host: str) -> Tombstone | None:
        place = self._domain_place(host)
        return None if place < 0 else self._stones[place]

    def _domain_place(self, host: str) -> int:
        labels = host.split(".") if host else []
        found = (self._known["domain"].get(digest_as_spelt(".".join(labels[cut:]))) for cut in range(len(labels)))
        return next((place for place in found if place is not None), -1)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of ITEM_SCHEMA that the scopes in use look at."""
        found = dict.fromkeys(name for scope, names in _COLUMNS.items() if self._known[scope] for name in names)
        return tuple(found) or ("id",)

    def mask(self, batch: pa.RecordBatch | pa.Table) -> pa.Array:
        """Return one bool for each row of ITEM_SCHEMA: true where it is taken down."""
        return pa.array(self.places(batch) >= 0)

    def places(self, batch: pa.RecordBatch | pa.Table) -> np.ndarray:
        """Return for each row the place of a tombstone that speaks of it (int64), -1 where none does.

        Looks at the columns that the scopes in use need and at no other; a million rows take less than a second, but where
        texts are taken down: then every text is brought into its normal form (about 5 µs for 1 KB of ASCII).
        """
        found = np.full(batch.num_rows, -1, np.int64)
        looks: dict[str, Callable[[], np.ndarray]] = {
            "content": lambda: self._equal("content", batch.column("content_sha256")),
            "item": lambda: self._equal("item", batch.column("id")),
            "file": lambda: self._equal("file", batch.column("blob")),
            "source": lambda: self._distinct(batch.column("source"), self._source_place),
            "author": lambda: self._distinct(batch.column("author"), self._author_place),
            "domain": lambda: self._hosts(batch, self._domain_place),
            "url": lambda: self._urls(batch, np.flatnonzero(found < 0)),
            "text": lambda: self._texts(batch, np.flatnonzero(found < 0)),
        }
        for scope, look in looks.items():
            if self._known[scope]:
                found = np.where(found < 0, look(), found)
        return found

    def _equal(self, scope: str, column: Any) -> np.ndarray:
        """Compare a column of plain values: one by one where they are fewer than the stones, else by a hash join in Arrow."""
        known, values = self._known[scope], _whole(column)
        if len(values) < len(known):  # a small file is a batch of its own: nothing may be done for each stone then
            return np.array([known.get(value, -1) for value in values.to_pylist()], np.int64)
        index = pc.index_in(values, value_set=pa.array(list(known), pa.string())).fill_null(-1).to_numpy()
        places: np.ndarray = np.array([*known.values(), -1], np.int64)[index]
        return places

    def _distinct(self, column: Any, place: Any) -> np.ndarray:
        """Look at each distinct value once."""
        encoded = _whole(column).dictionary_encode()
        places = [place(value) for value in encoded.dictionary.to_pylist()]
        table = np.array([*places, -1], np.int64)
        found: np.ndarray = table[encoded.indices.fill_null(len(places)).to_numpy()]
        return found

    def _source_place(self, name: str) -> int:
        return self._known["source"].get(digest_as_spelt(name), -1)

    def _author_place(self, name: str) -> int:
        """One who is named beside others is named."""
        known = self._known["author"]
        found = (known.get(digest_as_spelt(author_name(one))) for one in authors_in(name))
        return next((place for place in found if place is not None), -1)

    def _hosts(self, batch: pa.RecordBatch | pa.Table, place: Any) -> np.ndarray:
        """Look at the host of each row's address, and at that of its locator, which for a crawled item is what answered."""
        found = np.full(batch.num_rows, -1, np.int64)
        for name in ("url", "locator"):
            values = _whole(batch.column(name))
            rows = np.flatnonzero(pc.match_substring(values, "://").fill_null(False).to_numpy(zero_copy_only=False))
            if len(rows):
                parts = pc.split_pattern(values.take(pa.array(rows)), "/", max_splits=3)  # scheme:, nothing, host, the rest
                schemes = self._distinct(pc.list_element(parts, 0), lambda word: 0 if _SCHEME.fullmatch(word) else -1)
                hosts = self._distinct(pc.list_element(parts, 2), lambda host: place(host_name(host)) if host else -1)
                places = np.where(schemes < 0, -1, hosts)
                found[rows] = np.where(found[rows] < 0, places, found[rows])
        return found

    @cached_property
    def _url_hosts(self) -> frozenset[str]:
        return frozenset(stone.host for stone in self._stones if stone.scope == "url")

    def _urls(self, batch: pa.RecordBatch | pa.Table, rows: np.ndarray) -> np.ndarray:
        """Bring only those addresses into their one spelling whose host has something taken down."""
        found = np.full(batch.num_rows, -1, np.int64)
        hosts = self._url_hosts
        near = self._hosts(batch, lambda host: 0 if digest_as_spelt(host) in hosts else -1)
        chosen = rows if "" in hosts else rows[near[rows] >= 0]
        for name in ("url", "locator"):
            values = _whole(batch.column(name)).take(pa.array(chosen)).to_pylist()
            for row, value in zip(chosen.tolist(), values, strict=True):
                if value and "://" in value and found[row] < 0:
                    found[row] = self._known["url"].get(digest_as_spelt(canonical(value)), -1)
        return found

    def _texts(self, batch: pa.RecordBatch | pa.Table, rows: np.ndarray) -> np.ndarray:
        """Compare normal forms of what is a text itself; transcripts and captions belong to their media."""
        found = np.full(batch.num_rows, -1, np.int64)
        texts, known = _whole(batch.column("text")), self._known["text"]
        is_text = pc.and_(pc.equal(_whole(batch.column("modality")), "text"), texts.is_valid()).to_numpy(zero_copy_only=False)
        if not is_text.any():
            return found
        data = memoryview(texts.buffers()[2] or b"")
        offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1].tolist()
        for row in rows[is_text[rows]].tolist():
            form = normal_form(bytes(data[offsets[row] : offsets[row + 1]]))
            found[row] = known.get(hashlib.sha256(form).hexdigest(), -1)
        return found


def _whole(column: Any) -> Any:
    """Return a column in one piece, whether it comes from a batch or from a table."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

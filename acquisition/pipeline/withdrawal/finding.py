"""Which rows leave: those that are named, their copies, and the copies of these; each with the reason why it was found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.model import Asset, Modality
from acquisition.pipeline.withdrawal.asking import Asked, Copies
from acquisition.pipeline.withdrawal.shelf import Place, Shelf, text_key
from acquisition.sameness.texts import normal_form
from acquisition.stage.withdrawn import places_in
from acquisition.tombstones import LEAST_LETTERS, Tombstone, Tombstones, digest_of

_COLUMNS: Final = ["id", "source", "asset", "locator", "modality", "content_sha256", "blob", "size"]


@dataclass(frozen=True, slots=True)
class Touched:
    """One item that would leave: what it is, why, and what became of it so far ("" where it was not judged yet)."""

    id: str
    source: str
    asset: str
    locator: str
    modality: str
    content_sha256: str
    blob: str
    why: str
    outcome: str = ""
    path: str = ""
    cluster: str = ""


class Finding:
    """The rows that would leave, each with the reason for which it was found first."""

    def __init__(self, shelf: Shelf, copies: Copies) -> None:
        self._shelf, self._copies = shelf, copies
        self._why: dict[Place, str] = {}
        self._fresh: list[Place] = []
        self._texts: dict[Place, str] = {}
        self._seen: set[str] = set()

    def _add(self, place: Place, why: str) -> None:
        if place not in self._why:
            self._why[place] = why
            self._fresh.append(place)

    def seed(self, asked: Iterable[Asked], assets: Mapping[str, tuple[Asset, ...]]) -> tuple[Asked, ...]:
        """Take the rows that are named, and those of files (`assets` by source) whose address is; return what names none."""
        left, before = tuple(asked), 0
        while (
            left and len(left) != before
        ):  # of several that speak of the same row the first is told, the others when it is out
            found, before = self._named(left, assets), len(left)
            left = tuple(one for one in left if not found & {*one.stones})
        return left

    def _named(self, asked: Iterable[Asked], assets: Mapping[str, tuple[Asset, ...]]) -> set[Tombstone]:
        """Take the rows; return which tombstones spoke of one, of several that speak of the same row the first."""
        plain = tuple({stone: None for one in asked for stone in one.stones if stone.scope != "text"})
        stones, found = Tombstones(plain), set()
        for at, shard in enumerate(self._shelf.shards):
            places = places_in(shard, stones)
            for row in np.flatnonzero(places >= 0).tolist():
                self._add((at, row), f"named by {plain[places[row]].scope}")
            found |= {plain[place] for place in np.unique(places[places >= 0]).tolist()}
        for stone, source, paths in _addressed(plain, assets):
            for place in self._shelf.with_values("asset", paths, source):
                self._add(place, f"named by {stone.scope}")
                found.add(stone)
        for one in asked:
            for place in self._shelf.with_texts({text_key(one.form): one.form} if one.form else {}):
                self._add(place, "named by text")
                found.add(one.stones[-1])
        return found

    def spread(self) -> None:
        """Add copies, and copies of copies, until there are no more; the texts of all that leave are remembered by digest."""
        while self._fresh:
            fresh, self._fresh = self._fresh, []
            contents, blobs, forms = self._known_by(fresh)
            if self._copies == "none":
                continue
            if self._copies == "all":
                for cluster in {self._shelf.cluster_of[place] for place in fresh if place in self._shelf.cluster_of}:
                    for place in self._shelf.members[cluster]:
                        self._add(place, "a copy by the duplicates filter")
            for place in self._shelf.with_values("content_sha256", contents):
                self._add(place, "of the same content")
            for place in self._shelf.with_values("blob", blobs):
                self._add(place, "lies in a file that leaves as a whole")
            for place in self._shelf.with_texts(forms):
                self._add(place, "of the same text")

    def _known_by(self, fresh: list[Place]) -> tuple[set[str], set[str], dict[int, bytes]]:
        """Return contents, whole files and normal forms that were not looked for yet."""
        contents: set[str] = set()
        forms: dict[int, bytes] = {}
        for at, rows in _by_shard(fresh).items():
            table = self._shelf.read(at, ["content_sha256", "size"]).take(sorted(rows))
            contents |= set(table.filter(pc.greater(table.column("size"), 0)).column(0).to_pylist())
            for row, text in self._shelf.texts_of(at, rows):
                form = normal_form(text)
                if len(form.decode("utf-8", "replace")) >= LEAST_LETTERS:
                    self._texts[at, row] = hashlib.sha256(form).hexdigest()
                    forms[text_key(form)] = form
        contents -= self._seen
        self._seen |= contents
        return contents, contents, forms

    def rows(self) -> dict[str, np.ndarray]:
        """Return for each shard with such rows where they are: 0, the first of the new tombstones, for all that leave."""
        found = {}
        for at, rows in _by_shard(self._why).items():
            places = np.full(self._shelf.shards[at].rows, -1, np.int64)
            places[sorted(rows)] = 0
            found[self._shelf.shards[at].key] = places
        return found

    def items(self) -> tuple[tuple[Touched, ...], tuple[Tombstone, ...]]:
        """Return the items in the order of shards and rows, and the tombstones that they leave."""
        items: list[Touched] = []
        stones: list[Tombstone] = []
        for at, rows in sorted(_by_shard(self._why).items()):
            chosen = sorted(rows)
            table, placed = self._shelf.read(at, _COLUMNS).take(chosen), self._shelf.placed(at)
            judged = placed.take(chosen).to_pylist() if placed is not None else [{"outcome": "", "path": ""}] * len(chosen)
            for row, item, became in zip(chosen, table.to_pylist(), judged, strict=True):
                size, place = item.pop("size"), (at, row)
                found = Touched(**item, why=self._why[place], cluster=self._shelf.cluster_of.get(place, ""), **became)
                items.append(found)
                stones += self._left(found, size, self._texts.get(place, ""))
        return tuple(items), tuple(stones)

    def _left(self, item: Touched, size: int, text: str) -> Iterator[Tombstone]:
        """Yield the tombstones of one item: of its content and text where its copies go as well, else of itself alone."""
        if self._copies == "none" or not size:
            yield Tombstone("item", digest_of("item", item.id), item=item.id, source=item.source)
            return
        yield Tombstone("content", item.content_sha256, item=item.id, source=item.source)
        if text and item.modality == Modality.TEXT:
            yield Tombstone("text", text, item=item.id, source=item.source)


def _by_shard(places: Mapping[Place, str] | list[Place]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for at, row in places:
        found.setdefault(at, set()).add(row)
    return found


def _addressed(
    stones: tuple[Tombstone, ...], assets: Mapping[str, tuple[Asset, ...]]
) -> Iterator[tuple[Tombstone, str, set[str]]]:
    """Yield (tombstone, source, paths) of the files that come from an address which is named: rows seldom say it themselves."""
    spoken = tuple(stone for stone in stones if stone.scope in {"url", "domain"})
    for source, files in assets.items() if spoken else ():
        urls = pa.array([file.url for file in files], pa.string())
        places = Tombstones(spoken).places(pa.table({"url": urls, "locator": pa.nulls(len(files), pa.string())}))
        for place in np.unique(places[places >= 0]).tolist():
            yield spoken[place], source, {files[at].path for at in np.flatnonzero(places == place).tolist()}

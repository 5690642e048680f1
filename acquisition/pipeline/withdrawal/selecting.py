"""What a takedown would touch: the items that are named, their copies, and what lies in the same place. Writes nothing.

Named items are found by the very tombstones that would keep them away, so what is shown is what leaves. Copies are those that
the duplicates filter put into one cluster, and items of the same content or text; what is found looks for its own copies again
until nothing is added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pyarrow.compute as pc

from acquisition.errors import UsageError
from acquisition.model import Modality
from acquisition.pipeline.session import Session
from acquisition.pipeline.withdrawal.shelf import Place, Shelf, text_key
from acquisition.pipeline.withdrawal.withdrawing import Hits
from acquisition.sameness.texts import normal_form
from acquisition.stage.withdrawn import places_in
from acquisition.takedown.sweeping import blobs_of as stored
from acquisition.tombstones import (
    LEAST_LETTERS,
    Scope,
    Tombstone,
    Tombstones,
    author_name,
    digest_of,
    host_name,
    read_tombstones,
)

Copies = Literal["all", "same", "none"]
_LARGEST_TEXT: Final = 10_000_000
_SHORTEST_ID: Final = 8
_WHOLE_ID: Final = 32


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing to take down, as it was typed: an item's id (or its start), a file or a digest for content."""

    scope: Scope
    value: str


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be taken down, and with which copies: all of a duplicate cluster, those of the same content or text, none."""

    wanted: tuple[Wanted, ...]
    copies: Copies = "all"


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


@dataclass(frozen=True, slots=True)
class TouchedFile:
    """One file that holds some of them: how many, how many others stay in it, and whether it is a file of one's own."""

    sha256: str
    source: str
    asset: str
    items: int
    remaining: int
    own: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """What would be touched, and the tombstones that would be left; `asked` are those of the request itself.

    `again` says that a tombstone of the request stands already: what it began may have to be finished.
    """

    items: tuple[Touched, ...]
    files: tuple[TouchedFile, ...]
    clusters: tuple[str, ...]
    asked: tuple[Tombstone, ...]
    stones: tuple[Tombstone, ...]
    again: bool
    notes: tuple[str, ...] = ()
    rows: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    since: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)

    @property
    def curated(self) -> int:
        """How many of the items are in the curated set."""
        return sum(bool(item.path) for item in self.items)

    def hits(self, stones: Tombstones) -> Hits:
        """Return the rows for `stage_all`, once the tombstones are written."""
        return Hits(self.since, stones.digest, self.rows)


def select(session: Session, request: Request) -> Selection:
    """Return what the request would touch. UsageError where an id is nobody's, or a content is no file and no digest."""
    stones = read_tombstones(session.workspace.tombstones)
    shelf = Shelf(session, stones)
    asked, forms = _asked(shelf, request, stones)
    finding = _Finding(shelf, request.copies)
    finding.seed(asked, forms)
    finding.spread()
    items, left = finding.items()
    known = {stone.key for stone in stones}
    own = {source.name for source in session.declared.sources if getattr(source.settings, "path", None) is not None}
    crawled = {source.name for source in session.declared.sources if session.adapter(source).mover == "crawler"}
    files = _files(shelf, items, own)
    whole = tuple(_stone_of_file(file) for file in files if not file.remaining and file.source not in crawled)
    return Selection(
        items=items,
        files=files,
        clusters=tuple(sorted({item.cluster for item in items if item.cluster})),
        asked=asked,
        stones=_once((*asked, *left, *whole), {item.id: item.source for item in items}),
        again=any(stone.key in known for stone in asked),
        notes=tuple(_notes(session, shelf, request)),
        rows=finding.rows(),
        since={
            staged.source: (Path(staged.directory).name, staged.tombstones)
            for staged in shelf.staged
            if staged.tombstones == stones.digest
        },
    )


def _once(stones: tuple[Tombstone, ...], sources: Mapping[str, str]) -> tuple[Tombstone, ...]:
    """Return every tombstone once, with the source of the item that it names."""
    return tuple({stone.key: replace(stone, source=sources.get(stone.item, "")) for stone in stones}.values())


# --- what is asked for ---------------------------------------------------------------------------------------------------


def _asked(shelf: Shelf, request: Request, stones: Tombstones) -> tuple[tuple[Tombstone, ...], dict[int, bytes]]:
    """Return the tombstones of what is asked for, and the normal forms of texts that were given as files."""
    found: list[Tombstone] = []
    forms: dict[int, bytes] = {}
    for wanted in request.wanted:
        scope, value = wanted.scope, wanted.value
        if scope == "content":
            sha256, form = _content(value)
            found += [Tombstone("content", sha256), Tombstone("file", sha256)]
            if form:
                forms[text_key(form)] = form
                found.append(Tombstone("text", hashlib.sha256(form).hexdigest()))
        elif scope == "item":
            item = _whole_id(shelf, value, stones)
            found.append(Tombstone("item", digest_of("item", item), item=item))
        else:
            host = _digest("domain", host_name(value)) if scope == "url" else ""
            found.append(Tombstone(scope, _digest(scope, value), host=host))
    return tuple(dict.fromkeys(found)), forms


def _digest(scope: Scope, value: str) -> str:
    try:
        return digest_of(scope, value)
    except ValueError as error:
        raise UsageError(str(error), hint="Give an address with http:// or https://, a bare host name, a name.") from error


def _content(value: str) -> tuple[str, bytes]:
    """Return the sha256 of a file, and the normal form of its text where it is one; of a digest that is given, itself."""
    path = Path(value).expanduser()
    if not path.is_file():
        try:
            return digest_of("content", value), b""
        except ValueError:
            hint = "Give the path of a file, or its sha256 as 64 hexadecimal digits."
            raise UsageError(f"{value!r} is no file and no sha256", hint=hint) from None
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return sha256, _text_form(path.read_bytes()) if path.stat().st_size <= _LARGEST_TEXT else b""


def _text_form(octets: bytes) -> bytes:
    """Return the normal form of what is a text in UTF-8 or UTF-16, b"" where it is none or too short to tell it by."""
    encoding = "utf-16" if octets[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = octets.decode(encoding)
    except UnicodeError:
        return b""
    form = normal_form(text.encode()) if "\0" not in text else b""
    return form if len(form.decode()) >= LEAST_LETTERS else b""


def _whole_id(shelf: Shelf, value: str, stones: Tombstones) -> str:
    """Return the id that begins so."""
    if len(value) == _WHOLE_ID:
        return value
    if len(value) < _SHORTEST_ID:
        raise UsageError(f"{value!r} is too short for an item's id", hint=f"Give at least {_SHORTEST_ID} of its digits.")
    found = {stone.item for stone in stones if stone.item.startswith(value)}
    for at in range(len(shelf.shards)):
        ids = shelf.read(at, ["id"]).column(0)
        found |= set(ids.filter(pc.starts_with(ids, value)).to_pylist())
    if len(found) != 1:
        what = "several items' ids begin" if found else "no item's id begins"
        raise UsageError(f"{what} with {value!r}", hint="`acquire explain` shows an item's whole id.")
    return found.pop()


# --- what is found -------------------------------------------------------------------------------------------------------

_COLUMNS: Final = ["id", "source", "asset", "locator", "modality", "content_sha256", "blob", "size"]


class _Finding:
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

    def seed(self, asked: tuple[Tombstone, ...], forms: Mapping[int, bytes]) -> None:
        """Take the rows that the request's own tombstones speak of."""
        plain = tuple(stone for stone in asked if stone.scope != "text")
        stones = Tombstones(plain)
        for at, shard in enumerate(self._shelf.shards if plain else ()):
            places = places_in(shard, stones)
            for row in np.flatnonzero(places >= 0).tolist():
                self._add((at, row), f"named by {plain[places[row]].scope}")
        for place in self._shelf.with_texts(forms):
            self._add(place, "named by text")

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


def _files(shelf: Shelf, items: tuple[Touched, ...], own: set[str]) -> tuple[TouchedFile, ...]:
    """Return the files that the items lie in, in the order of sources and paths."""
    leaving: dict[str, int] = {}
    places: dict[tuple[str, str, str], int] = {}
    for item in items:
        leaving[item.blob] = leaving.get(item.blob, 0) + 1
        key = item.source, item.asset, item.blob
        places[key] = places.get(key, 0) + 1
    held = shelf.held() if items else {}
    return tuple(
        TouchedFile(blob, source, asset, count, held[blob] - leaving[blob], source in own)
        for (source, asset, blob), count in sorted(places.items())
    )


def _stone_of_file(file: TouchedFile) -> Tombstone:
    return Tombstone("file", file.sha256)


def _notes(session: Session, shelf: Shelf, request: Request) -> Iterator[str]:
    if old := _unheld(session):
        yield f"files of older releases, or of sources that are not declared any more, are deleted as well: {old:,}"
    if request.copies == "all" and shelf.shards and not shelf.compared:
        yield "the duplicates filter has not looked at what is staged: copies are items of the same content or text alone"
    for wanted in request.wanted:
        if wanted.scope == "author":
            name = author_name(wanted.value)
            for source, pin in sorted(session.lock.pins.items()):
                if any(author_name(author) == name for author in pin.release.authors):
                    yield f"the publisher names this author for {source} as a whole; `--source {source}` takes all of it"


def _unheld(session: Session) -> int:
    """Return how many files of the store no declared source holds, 0 where the lock does not say it of all of them."""
    pins = {source.name: session.lock.pins.get(source.name) for source in session.declared.sources}
    if None in pins.values():
        return 0
    held = {sha256 for pin in pins.values() if pin is not None for sha256 in pin.held.values()}
    return sum(name not in held for name in stored(session.workspace))

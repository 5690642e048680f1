"""What has been taken down and must not come back: tombstones.jsonl, append-only, digests and no content.

One JSON object a line: {scope, digest, item, source, ticket, at, by, reason}. `digest` is the sha256 (hexadecimal) of a value
in its one spelling, which is never written down itself:

content  the item's bytes: its content_sha256
text     the normal form of a text (`acquisition.sameness.texts`), so that other encodings and other dress are the same text
file     the bytes of a whole file that held nothing but taken-down items
url      an address in the crawler's own spelling (`acquisition.sameness.addresses`)
domain   a host, with all hosts below it
author   a name in folded case, with single spaces
source   the name of a declared source
item     an item's id

`item` is the id of the item that a line speaks of and `source` where it stood, "" where it speaks of more than one; whatever
its scope, that item is not to come back. An address also has `host`, the digest of its host: so a million rows are compared
without bringing every address into its one spelling.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.errors import WorkspaceDamaged
from acquisition.model import Asset
from acquisition.sameness.addresses import canonical
from acquisition.sameness.texts import normal_form
from acquisition.workspace import atomic_file

Scope = Literal["content", "text", "file", "url", "domain", "author", "source", "item"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
NONE: Final = hashlib.sha256(b"tombstones").hexdigest()
"""The digest of no tombstones at all."""
LEAST_LETTERS: Final = 20
"""Texts with a shorter normal form leave no tombstone of their text: "Yes!" is said by many. Their exact content still does."""

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
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HOST: Final = r"^[A-Za-z][A-Za-z0-9+.\-]*://(?:[^/?#@\\]*@)?(?P<host>\[[^\]/?#]*\]|[^/?#:\\]*)"
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:", re.ASCII)
_AUTHORS: Final = re.compile(r"\s*[;|]\s*")


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


def digest_of(scope: Scope, value: str) -> str:
    """Return the digest of a value in its one spelling; ValueError where the value is none of its scope.

    `value` is a sha256 for content and file, the text itself for text, else the plain value.
    """
    spelt = spelling(scope, value)
    if scope in {"content", "file"}:
        return spelt
    return hashlib.sha256(spelt.encode("utf-8", "surrogatepass")).hexdigest()


def spelling(scope: Scope, value: str) -> str:
    """Return the one spelling of a value; ValueError where it is empty or not of its scope."""
    spelt = _spelling(scope, value)
    if not spelt:
        raise ValueError(f"{value[:80]!r} is no {scope}")
    return spelt


def _spelling(scope: Scope, value: str) -> str:
    match scope:
        case "content" | "file":
            found = value.strip().lower().removeprefix("sha256:")
            return found if _SHA256.fullmatch(found) else ""
        case "text":
            return normal_form(value.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
        case "url":
            return canonical(value.strip())
        case "domain":
            return host_name(value)
        case "author":
            return author_name(value)
        case _:
            return value.strip()


def host_name(value: str) -> str:
    """Return a host in lower case and ASCII (IDNA), from a bare name, a name with a port, or an address."""
    plain = value.strip().removeprefix("*.")
    found = re.match(_HOST, plain if "://" in plain else f"http://{plain}", re.ASCII)
    host = found["host"].strip(".").lower() if found else ""
    if host and not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    return host if not re.search(r"\s", host) else ""


def author_name(value: str) -> str:
    """Return a name in folded case and compatibility form, with single spaces."""
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def letters_of(text: str) -> int:
    """Return the length of a text's normal form in characters."""
    return len(normal_form(text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace"))


class Tombstones:
    """All tombstones in their order, and which rows, files and addresses they speak of."""

    def __init__(self, stones: Iterable[Tombstone] = ()) -> None:
        self._stones = tuple(stones)

    def __iter__(self) -> Iterator[Tombstone]:
        return iter(self._stones)

    def __len__(self) -> int:
        return len(self._stones)

    def __getstate__(self) -> tuple[Tombstone, ...]:
        return self._stones

    def __setstate__(self, stones: tuple[Tombstone, ...]) -> None:
        self._stones = stones

    @cached_property
    def _digests(self) -> tuple[str, ...]:
        """The digest after each line: whoever has seen the first lines recognises them in a longer file."""
        found, so_far = [NONE], hashlib.sha256(b"tombstones")
        for stone in self._stones:
            so_far.update("\n".join((*stone.key, "")).encode())
            found.append(so_far.hexdigest())
        return tuple(found)

    @property
    def digest(self) -> str:
        """Names what is taken down, in its order."""
        return self._digests[-1]

    def since(self, digest: str) -> Tombstones | None:
        """Return what came after the state with this digest, None when this file was never in that state."""
        try:
            return Tombstones(self._stones[self._digests.index(digest) :])
        except ValueError:
            return None

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
        found = (self._known["domain"].get(_sha(".".join(labels[cut:]))) for cut in range(len(labels)))
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
        """Compare a column of plain values; `index_in` is a hash join in Arrow."""
        known = self._known[scope]
        index = pc.index_in(_whole(column), value_set=pa.array(list(known), pa.string())).fill_null(-1).to_numpy()
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
        return self._known["source"].get(_sha(name), -1)

    def _author_place(self, name: str) -> int:
        """One who is named beside others is named."""
        known = self._known["author"]
        found = (known.get(_sha(author_name(one))) for one in (name, *_AUTHORS.split(name)))
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

    def _urls(self, batch: pa.RecordBatch | pa.Table, rows: np.ndarray) -> np.ndarray:
        """Bring only those addresses into their one spelling whose host has something taken down."""
        found = np.full(batch.num_rows, -1, np.int64)
        hosts = {stone.host for stone in self._stones if stone.scope == "url"}
        near = self._hosts(batch, lambda host: 0 if _sha(host) in hosts else -1)
        chosen = rows if "" in hosts else rows[near[rows] >= 0]
        for name in ("url", "locator"):
            values = _whole(batch.column(name)).take(pa.array(chosen)).to_pylist()
            for row, value in zip(chosen.tolist(), values, strict=True):
                if value and "://" in value and found[row] < 0:
                    found[row] = self._known["url"].get(_sha(canonical(value)), -1)
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


def _sha(spelt: str) -> str:
    return hashlib.sha256(spelt.encode("utf-8", "surrogatepass")).hexdigest()


def read_tombstones(path: Path) -> Tombstones:
    """Read tombstones.jsonl; an absent file holds none. WorkspaceDamaged names the line that is not one."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return Tombstones()
    if lines and lines[-1]:
        raise _damaged(path, len(lines), "the last line is cut short")
    return Tombstones(_stone(path, number, line) for number, line in enumerate(lines, start=1) if line.strip())


def _stone(path: Path, number: int, line: bytes) -> Tombstone:
    try:
        raw = orjson.loads(line)
        fields: Any = {name: str(value) for name, value in raw.items()}
        stone = Tombstone(**fields)
    except (ValueError, TypeError, AttributeError) as error:
        raise _damaged(path, number, str(error)) from error
    if stone.scope not in SCOPES or not _SHA256.fullmatch(stone.digest) or (stone.scope == "item" and not stone.item):
        raise _damaged(path, number, f"scope {stone.scope[:40]!r} with digest {stone.digest[:70]!r}")
    return stone


def _damaged(path: Path, number: int, why: str) -> WorkspaceDamaged:
    return WorkspaceDamaged(
        f"this line is no tombstone: {why}",
        where=f"{path}:{number}",
        hint="Restore the file from a copy, or take out that line; without a tombstone what it speaks of may come back.",
    )


def append_tombstones(path: Path, stones: Iterable[Tombstone]) -> tuple[Tombstone, ...]:
    """Append those that are new, all of them or none, and return them; they are on the disk when this returns."""
    known = {stone.key for stone in read_tombstones(path)}
    fresh = tuple({stone.key: stone for stone in stones if stone.key not in known}.values())
    if not fresh:
        return ()
    with atomic_file(path) as stream:  # a kill amid a plain append would leave half a line
        stream.write(path.read_bytes() if path.exists() else b"")
        stream.writelines(_line(stone) for stone in fresh)
    return fresh


def _line(stone: Tombstone) -> bytes:
    told = {name: value for name, value in asdict(stone).items() if value or name != "host"}
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)

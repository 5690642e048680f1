"""What a spider yields, written beside the archive: one JSON line per item, in one file per WARC file.

    {"locator": …, "url": …, "final_url": …, "referrer": …, "retrieved_at": …, "media_type": …, "sample": "row" | "media",
     "size": …, "sha256": …, "warc": {"file": …, "offset": …, "record_id": …}, "item": {what the spider yielded}}

`sample` is "media" when the response is not text: then the response's body is the sample and `sha256` its digest. For text
the item itself is the sample, and `sha256` is the digest of its canonical JSON. The locator is made of the address and that
digest, so it does not depend on when or in which order a page was met. `acquisition.read.crawl` reads these files.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, Final

from acquisition.crawl.archive import Archive, Place
from acquisition.crawl.outcome import ITEMS_SUFFIX, WARC_SUFFIX

_TEXT_TYPES: Final = frozenset(
    {"", "application/xhtml+xml", "application/xml", "application/json", "application/ld+json", "application/javascript"}
)
_DEEPEST: Final = 20


class NotPlain(ValueError):
    """An item holds a value that JSON cannot."""


@dataclass(frozen=True, slots=True)
class Page:
    """The response that an item was found on. `body` is decoded, `url` what was asked, `final_url` what answered."""

    url: str
    final_url: str
    referrer: str
    media_type: str
    body: bytes
    place: Place


def record_of(item: Mapping[str, Any], page: Page) -> dict[str, Any]:
    """Return the line for one item; NotPlain when a value has no JSON form."""
    fields = {str(key): plain(value) for key, value in item.items() if value is not None and value != {}}
    media = is_media(page.media_type)
    content = page.body if media else canonical(fields).encode()
    sha256 = hashlib.sha256(content).hexdigest()
    return {
        "locator": f"{page.final_url}#sha256={sha256[:32]}",
        "url": page.url,
        "final_url": page.final_url,
        "referrer": page.referrer,
        "retrieved_at": page.place.date,
        "media_type": page.media_type,
        "sample": "media" if media else "row",
        "size": len(content),
        "sha256": sha256,
        "warc": {"file": page.place.file, "offset": page.place.offset, "record_id": page.place.record_id},
        "item": fields,
    }


def is_media(media_type: str) -> bool:
    """Say whether a body of this type is a sample as it stands (an image, a sound, a PDF) rather than text to read."""
    return not (media_type.startswith("text/") or media_type in _TEXT_TYPES or media_type.endswith(("+xml", "+json")))


def canonical(fields: Mapping[str, Any]) -> str:
    """Return JSON that is the same for the same fields."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def plain(value: Any, depth: int = 0) -> Any:
    """Return the value as JSON has it: dates as ISO 8601, tuples and sets as lists; NotPlain for anything else."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {str(key): plain(inner, depth + 1) for key, inner in value.items()}
    if depth < _DEEPEST and isinstance(value, (list, tuple)):
        return [plain(inner, depth + 1) for inner in value]
    if depth < _DEEPEST and isinstance(value, (set, frozenset)):
        return sorted((plain(inner, depth + 1) for inner in value), key=str)
    raise NotPlain(f"a {type(value).__name__} cannot be written as JSON")


class ItemLog:
    """The item files of a run. Opening repairs torn lines and forgets items whose page was lost in a power cut."""

    def __init__(self, directory: Path, archive: Archive) -> None:
        self._directory = directory
        self._streams: dict[str, IO[bytes]] = {}
        self._known: set[bytes] = set()
        for path in sorted(directory.glob(f"*{ITEMS_SUFFIX}")):
            self._load(path, archive)

    @property
    def count(self) -> int:
        """Items recorded so far, in all attempts of this run."""
        return len(self._known)

    def add(self, record: Mapping[str, Any]) -> bool:
        """Append an item unless the run has it already, and say whether it was new."""
        key = _key(str(record["locator"]))
        if key in self._known:
            return False
        self._known.add(key)
        name = str(record["warc"]["file"]).removesuffix(WARC_SUFFIX) + ITEMS_SUFFIX
        if name not in self._streams:
            self._streams[name] = (self._directory / name).open("ab")
        stream = self._streams[name]
        stream.write(json.dumps(record, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
        stream.flush()
        return True

    def close(self) -> None:
        """Make everything durable."""
        for stream in self._streams.values():
            os.fsync(stream.fileno())
            stream.close()
        self._streams.clear()

    def _load(self, path: Path, archive: Archive) -> None:
        kept = [line for line, record in _lines(path) if archive.holds(record["warc"]["file"], record["warc"]["offset"])]
        self._known.update(_key(json.loads(line)["locator"]) for line in kept)
        if sum(map(len, kept)) != path.stat().st_size:
            path.write_bytes(b"".join(kept))


def _lines(path: Path) -> Iterator[tuple[bytes, Mapping[str, Any]]]:
    with path.open("rb") as stream:
        for line in stream:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if line.endswith(b"\n"):
                yield line, record


def _key(locator: str) -> bytes:
    return hashlib.sha256(locator.encode("utf-8", "surrogatepass")).digest()[:16]

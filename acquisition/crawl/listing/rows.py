"""From the rows of a list to the frontier: every row is entered, as a URL to visit or as one that is refused with a reason.

A row is known by the file and line of the seeds that it stands in, so a run that was killed goes on entering where it was, and
the rows of a list are never in memory together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from w3lib.url import safe_url_string

from acquisition.crawl.contract import Entry
from acquisition.crawl.engine.keys import key_of
from acquisition.errors import WorkspaceDamaged
from acquisition.hosts import registrable
from acquisition.workspace import write_json

LONGEST_URL: Final = 2_083
BATCH: Final = 1_000
"""Rows that are entered at once; so many may be read again after a kill."""
CURSOR_FILE: Final = "listing.json"
_PLAIN: Final = re.compile(
    r"https?://[A-Za-z0-9.-]+(?::[1-9][0-9]{0,3})?(?:[/?][A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]*)?", re.ASCII
)
"""Nearly all addresses of every list; the others are looked at part by part."""
_SENDABLE: Final = re.compile(r"https?://[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Row:
    """What the list says of one address: its place in the list, and what the file is and must be."""

    reason: str
    fields: Mapping[str, Any]
    expect: Mapping[str, Any]

    @classmethod
    def of(cls, request: str) -> Row:
        """Return the row that an entry's request holds."""
        reason, fields, expect = orjson.loads(request)
        return cls(reason, fields, expect)

    def written(self) -> str:
        """Return it as an entry's request."""
        return orjson.dumps([self.reason, dict(self.fields), dict(self.expect)]).decode()


def entry_of(seed: Mapping[str, Any]) -> Entry:
    """Return the entry of one row; one that holds no address that can be visited is refused, with its place as the detail."""
    written, row = str(seed.get("url", "")), Row(seed.get("reason", ""), seed.get("fields") or {}, seed.get("expect") or {})
    url, refused = _address(written)
    if not refused:
        return Entry(key_of(url), url, registrable(url), request=row.written(), referrer=row.reason)
    if unreadable := str(row.fields.get("unreadable", "")):
        refused = "bad-row"
    return refused_entry(written, row.reason, refused, unreadable)


def refused_entry(url: str, place: str, why: str, detail: str = "") -> Entry:
    """Return an entry that is only counted and shown; its key is that of the row, not of the address."""
    shown = _CONTROL.sub("\ufffd", url)[:LONGEST_URL]
    told = f"{place}: {detail}" if detail else place
    return Entry(key_of(shown, more=place), shown, "", refused=why, detail=told[:500], referrer=place)


def _address(written: str) -> tuple[str, str]:
    """Return the address as it is asked for, and "" or why it is not."""
    if not written:
        return "", "no-url"
    if _CONTROL.search(written):
        return "", "control-characters"
    if not written[:8].lower().startswith(("http://", "https://")):
        return "", "scheme"
    scheme, _, rest = written.partition("#")[0].partition("://")
    url = f"{scheme.lower()}://{rest}"
    if len(url) <= LONGEST_URL and _PLAIN.fullmatch(url) is not None:
        return url, ""
    if _SENDABLE.fullmatch(url) is None:
        try:
            url = safe_url_string(url)
        except ValueError:
            return "", "bad-url"
    if len(url) > LONGEST_URL:
        return "", "url-length"
    try:
        parts = urlsplit(url)
        good = bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    return (url, "") if good else ("", "bad-url")


@dataclass(slots=True)
class Cursor:
    """How far a run has entered its list: bytes of the seeds file, rows, how many of these name an address, and whether all."""

    offset: int = 0
    rows: int = 0
    addresses: int = 0
    done: bool = False

    @classmethod
    def load(cls, directory: Path) -> Cursor:
        """Return where the run in this directory is; WorkspaceDamaged when that cannot be read."""
        path = directory / CURSOR_FILE
        try:
            return cls(**orjson.loads(path.read_bytes()))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, TypeError) as error:
            raise WorkspaceDamaged(f"how far the list was read cannot be read: {error}", where=str(path)) from error

    def save(self, directory: Path) -> None:
        """Write it down; everything before it must be durable in the frontier."""
        write_json(directory / CURSOR_FILE, asdict(self))


def batches(path: Path, start: int) -> Iterator[tuple[int, list[Entry]]]:
    """Yield the rows from a byte of the seeds file on, BATCH at a time, with the byte behind each batch."""
    entries: list[Entry] = []
    with path.open("rb") as stream:
        stream.seek(start)
        end = start
        for line in stream:
            end += len(line)
            entries.append(entry_of(orjson.loads(line)))
            if len(entries) >= BATCH:
                yield end, entries
                entries = []
    if entries:
        yield end, entries

"""What an index of captures (CDXJ) says of one record: from the run's index where it describes the file, else from the file.

Reading a file anew costs 84 us for a capture, a row of the index 3 us (docs/decisions/0018-url-lists.md).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from acquisition.crawl.archive.index import INDEX_FILE, INDEX_VERSION
from acquisition.crawl.archive.rows import capture_mime
from acquisition.crawl.archive.scan import OWN, Member, members
from acquisition.crawl.archive.warc import bare_mime, target_uri

_LISTED: Final = frozenset({"response", "revisit", "resource"})
_STATUS: Final = re.compile(rb"HTTP/\S+ +(\S+)")
_LINKED: Final = re.compile(rf"(.+)-({OWN.pattern})")
_INDEXED: Final = "SELECT indexed FROM file WHERE name = ?"
_ODD: Final = "SELECT 1 FROM exchange WHERE file = ? AND status NOT BETWEEN 100 AND 999 LIMIT 1"
_ROWS: Final = "SELECT url, date, mime, status, digest, length, offset FROM exchange WHERE file = ? ORDER BY id"


@dataclass(frozen=True, slots=True)
class Capture:
    """One record. `mime` and `status` are None where it has none."""

    url: str
    date: str
    mime: str | None
    status: str | None
    digest: str
    length: int
    offset: int


def captures(path: Path) -> Iterator[Capture]:
    """Yield the captures of a WARC file of a run directory."""
    for index, file in _described(path):
        if is_indexed(index, file):
            return from_index(index, file)
    return from_file(path)


def _described(path: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the indexes that may describe a file, with the file as they call it: the run's, and that of the run it is from."""
    yield path.parent / INDEX_FILE, path
    if linked := _LINKED.fullmatch(path.name):
        source = path.parent.parent / linked[1] / linked[2]
        if source.is_file() and source.samefile(path):
            yield source.parent / INDEX_FILE, source


def is_indexed(index: Path, file: Path) -> bool:
    """Say whether an index is of this version and describes the whole of a file."""
    try:
        with closing(_opened(index)) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version != INDEX_VERSION:
                return False
            taken = db.execute(_INDEXED, (file.name,)).fetchone()
            return taken == (file.stat().st_size,) and db.execute(_ODD, (file.name,)).fetchone() is None
    except sqlite3.DatabaseError:  # none there, or damaged: it only repeats what the files say
        return False


def from_index(index: Path, file: Path) -> Iterator[Capture]:
    """Yield the captures of a file as the index has them."""
    with closing(_opened(index)) as db:
        for url, date, mime, status, digest, length, offset in db.execute(_ROWS, (file.name,)):
            yield Capture(target_uri(url).strip(), date, mime, str(status), digest, length, offset)


def from_file(path: Path) -> Iterator[Capture]:
    """Yield the captures of a file as its records say, up to the first torn one."""
    for member in members(path):
        if member.kind in _LISTED:
            yield _capture(member)


def _opened(index: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{index.resolve().as_uri()}?mode=rw", uri=True)  # read-only would leave its log behind


def _capture(member: Member) -> Capture:
    fields = member.fields
    mime, status = capture_mime(member), _STATUS.match(member.block)
    if member.kind == "resource":
        declared = fields.get("content-type")
        mime, status = bare_mime(declared) if declared is not None else None, None
    return Capture(
        url=fields.get("warc-target-uri", ""),
        date=fields.get("warc-date", ""),
        mime=mime,
        status=status[1].decode("latin-1") if status else None,
        digest=fields.get("warc-payload-digest", ""),
        length=member.end - member.start,
        offset=member.start,
    )

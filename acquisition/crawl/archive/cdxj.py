"""index.cdxj: where every capture of a run directory lies, sorted by address and time, as replay tools read it.

    org,example)/a 20260102030405 {"url", "mime", "status", "digest", "length", "offset", "filename"}

One line per response, revisit (mime "warc/revisit") and resource; the format is that of pywb and cdxj-indexer, which compares
equal in the tests. Metadata records are left out: theirs is the address of the page, and a replay would show them in its place.
"""

from __future__ import annotations

import heapq
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

from acquisition.crawl.archive.scan import Member, header_lines, members
from acquisition.crawl.archive.surt import surt
from acquisition.crawl.outcome import WARC_SUFFIX
from acquisition.workspace import atomic_file

CDXJ_FILE: Final = "index.cdxj"

_LISTED: Final = frozenset({"response", "revisit", "resource"})
_SORT_BYTES: Final = 32 << 20
_MIME_END: Final = re.compile(r"[;\s]")
_STATUS: Final = re.compile(rb"HTTP/\S+ +(\S+)")
_DATE: Final = re.compile(r"\D")


def write_cdxj(directory: Path) -> Path:
    """Write the index of all WARC files of a run directory and return its path; memory does not grow with the archive."""
    target = directory / CDXJ_FILE
    with atomic_file(target) as stream:
        for line in cdxj_lines(directory):
            stream.write(line)
    return target


def cdxj_lines(directory: Path, sort_bytes: int = _SORT_BYTES) -> Iterator[bytes]:
    """Yield the lines of the index, sorted, each once; at most `sort_bytes` of them are held, the others wait in files."""
    with tempfile.TemporaryDirectory(dir=directory, prefix=".cdxj-") as name, ExitStack() as opened:
        parts: list[Iterable[bytes]] = []
        for lines in _chunks(_unsorted(directory), sort_bytes):
            stream: IO[bytes] = opened.enter_context((Path(name) / str(len(parts))).open("w+b"))
            stream.writelines(sorted(lines))
            stream.seek(0)
            parts.append(stream)
        last = b""
        for line in heapq.merge(*parts):
            if line != last:
                yield line
            last = line


def _chunks(lines: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    held: list[bytes] = []
    weight = 0
    for line in lines:
        held.append(line)
        weight += len(line)
        if weight >= size:
            yield held
            held, weight = [], 0
    if held:
        yield held


def _unsorted(directory: Path) -> Iterator[bytes]:
    for path in sorted(directory.glob(f"*{WARC_SUFFIX}")):
        for member in members(path):
            if member.kind in _LISTED:
                yield _line(member, path.name)


def _line(member: Member, filename: str) -> bytes:
    url, date = member.fields.get("warc-target-uri", ""), member.fields.get("warc-date", "")
    fields = {"url": url}
    if (mime := _mime(member)) is not None:
        fields["mime"] = mime
    if member.kind != "resource" and (status := _STATUS.match(member.block)):
        fields["status"] = status[1].decode("latin-1")
    fields |= {
        "digest": member.fields.get("warc-payload-digest", ""),
        "length": str(member.end - member.start),
        "offset": str(member.start),
        "filename": filename,
    }
    return f"{surt(url)} {_DATE.sub('', date)[:14]} {json.dumps(fields)}\n".encode("utf-8", "replace")


def _mime(member: Member) -> str | None:
    if member.kind == "revisit":
        return "warc/revisit"
    if member.kind == "resource":
        declared = member.fields.get("content-type")
    else:
        declared = next((value for name, value in header_lines(member) if name.lower() == "content-type"), None)
    return _MIME_END.split(declared, maxsplit=1)[0] if declared is not None else None

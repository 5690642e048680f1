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

from acquisition.crawl.archive.captures import Capture, captures
from acquisition.crawl.archive.surt import surt
from acquisition.crawl.outcome import WARC_SUFFIX
from acquisition.workspace import atomic_file

CDXJ_FILE: Final = "index.cdxj"

_SORT_BYTES: Final = 32 << 20
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
        for capture in captures(path):
            yield line_of(capture, path.name)


def line_of(capture: Capture, filename: str) -> bytes:
    """Return the line of one capture."""
    fields = {"url": capture.url}
    if capture.mime is not None:
        fields["mime"] = capture.mime
    if capture.status is not None:
        fields["status"] = capture.status
    fields |= {
        "digest": capture.digest,
        "length": str(capture.length),
        "offset": str(capture.offset),
        "filename": filename,
    }
    return f"{surt(capture.url)} {_DATE.sub('', capture.date)[:14]} {json.dumps(fields)}\n".encode("utf-8", "replace")

"""Exports a run as one WACZ file (Web Archive Collection Zipped 1.1.1), which ReplayWeb.page opens in any browser.

    archive/*.warc.gz              stored, so that a player reads single records by range requests
    indexes/index.cdx.gz, .idx     the CDXJ in gzip blocks of 1,024 lines, and the first line of each block (ZipNum)
    pages/pages.jsonl              what a reader may begin with
    datapackage.json               digests of everything above; its own digest is in datapackage-digest.json

The same run makes the same bytes: no clock is asked, and the dates in the zip are its oldest possible.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Final

from acquisition import __version__
from acquisition.crawl.archive.cdxj import cdxj_lines
from acquisition.crawl.archive.earlier import open_index
from acquisition.crawl.archive.index import Index
from acquisition.crawl.archive.scan import Damaged, checked, header_lines
from acquisition.crawl.outcome import WARC_SUFFIX
from acquisition.workspace import atomic_file

WACZ_VERSION: Final = "1.1.1"

_BLOCK_LINES: Final = 1_024
_CHUNK: Final = 1 << 20
_OLDEST: Final = (1980, 1, 1, 0, 0, 0)
_PAGE_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})
_TITLE: Final = re.compile(rb"<title[^>]{0,200}>(.{0,300}?)</title", re.IGNORECASE | re.DOTALL)
_HEAD_BYTES: Final = 1 << 16


def write_wacz(
    directory: Path, target: Path, *, title: str, description: str = "", main_url: str = "", created: str = ""
) -> Path:
    """Write all WARC files of a run directory as a WACZ file and return its path.

    `created` is an ISO 8601 date; without it, it is that of the newest capture. `main_url` is the page to begin with.
    """
    with atomic_file(target) as stream, zipfile.ZipFile(stream, "w", allowZip64=True) as package:
        writer = _Writer(package)
        newest = _write_indexes(writer, directory)
        for path in sorted(directory.glob(f"*{WARC_SUFFIX}")):
            writer.add(f"archive/{path.name}", _parts(path), stored=path.stat().st_size)
        writer.add("pages/pages.jsonl", _page_lines(directory))
        described = {
            "profile": "data-package",
            "title": title,
            "description": description,
            "mainPageUrl": main_url,
            "created": created or newest,
            "wacz_version": WACZ_VERSION,
            "software": f"acquisition {__version__}",
        }
        data = _json({"resources": writer.resources} | {key: value for key, value in described.items() if value})
        writer.add("datapackage.json", [data])
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        writer.add("datapackage-digest.json", [_json({"path": "datapackage.json", "hash": digest})])
    return target


class _Writer:
    """Writes members and keeps their digests."""

    def __init__(self, package: zipfile.ZipFile) -> None:
        self._package = package
        self.resources: list[dict[str, Any]] = []

    def add(self, path: str, parts: Iterable[bytes], *, stored: int | None = None) -> None:
        """Write one member from its parts; `stored` says that it is not to be compressed, and about how long it is."""
        info = zipfile.ZipInfo(path, _OLDEST)
        info.compress_type = zipfile.ZIP_DEFLATED if stored is None else zipfile.ZIP_STORED
        info.external_attr = 0o644 << 16
        info.file_size = stored or 0  # from this zipfile knows whether ZIP64 is needed
        sha256, size = hashlib.sha256(), 0
        with self._package.open(info, "w") as stream:
            for part in parts:
                stream.write(part)
                sha256.update(part)
                size += len(part)
        name = path.rpartition("/")[2].lower()
        self.resources.append({"name": name, "path": path, "hash": f"sha256:{sha256.hexdigest()}", "bytes": size})


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while part := stream.read(_CHUNK):
            yield part


def _write_indexes(writer: _Writer, directory: Path) -> str:
    """Write the CDXJ in compressed blocks, then the list of the blocks; return the newest capture's date."""
    blocks = [_json_line("!meta 0", {"format": "cdxj-gzip-1.0", "filename": "index.cdx.gz"})]
    newest = ""

    def compressed() -> Iterator[bytes]:
        nonlocal newest
        offset = 0
        lines = cdxj_lines(directory)
        while chunk := list(islice(lines, _BLOCK_LINES)):
            newest = max(newest, *(line.split(b" ", 2)[1].decode() for line in chunk))
            packer = zlib.compressobj(9, zlib.DEFLATED, 31)
            data = packer.compress(b"".join(chunk)) + packer.flush()
            first = chunk[0].split(b" {", 1)[0].decode()
            digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
            blocks.append(_json_line(first, {"offset": offset, "length": len(data), "digest": digest}))
            offset += len(data)
            yield data

    writer.add("indexes/index.cdx.gz", compressed(), stored=0)
    writer.add("indexes/index.idx", blocks)
    return _iso(newest) if newest else ""


def _page_lines(directory: Path) -> Iterator[bytes]:
    """Yield the page list: every page that was answered with HTML and 200, in the order of the index."""
    yield _json({"format": "json-pages-1.0", "id": "pages", "title": "Pages"}, indent=None)
    with closing(open_index(directory)) as index:
        yield from (_page_line(directory, *page) for page in _pages(directory, index))


def _pages(directory: Path, index: Index) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield timestamp and capture of every page; a file about rights that was answered with a page is none."""
    for line in cdxj_lines(directory):
        _, timestamp, data = line.decode().split(" ", 2)
        capture = json.loads(data)
        answered = capture.get("status") == "200" and capture.get("mime") in _PAGE_TYPES
        if answered and {row.kind for row in index.rows(capture["url"])} != {"policy"}:
            yield timestamp, capture


def _page_line(directory: Path, timestamp: str, capture: Mapping[str, str]) -> bytes:
    url = capture["url"]
    number = hashlib.sha256(f"{timestamp} {url}".encode()).hexdigest()[:22]
    title = _title(directory / capture["filename"], int(capture["offset"])) or url
    return _json({"id": number, "url": url, "ts": _iso(timestamp), "title": title}, indent=None)


def _title(path: Path, offset: int) -> str:
    """Return the title of an archived page as far as it can be had without effort, "" otherwise."""
    try:
        with path.open("rb") as stream:
            record = checked(stream, offset)
    except Damaged:
        return ""
    body = record.block.partition(b"\r\n\r\n")[2]
    headers = {name.lower(): value.lower() for name, value in header_lines(record)}
    coding = headers.get("content-encoding", "identity")
    if coding not in ("gzip", "identity"):
        return ""
    if coding == "gzip":
        try:
            body = zlib.decompressobj(31).decompress(body, _HEAD_BYTES)
        except zlib.error:
            return ""
    found = _TITLE.search(body[:_HEAD_BYTES])
    if not found:
        return ""
    charset = headers.get("content-type", "").partition("charset=")[2].strip(" \"'") or "utf-8"
    try:
        text = found[1].decode(charset, "replace")
    except LookupError:
        text = found[1].decode("utf-8", "replace")
    return " ".join(html.unescape(text).split())


def _iso(timestamp: str) -> str:
    """Return 14 digits as ISO 8601."""
    year, month, day, hour, minute, second = timestamp[:4], *(timestamp[index : index + 2] for index in range(4, 14, 2))
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}Z"


def _json_line(prefix: str, value: dict[str, Any]) -> bytes:
    return f"{prefix} {json.dumps(value)}\n".encode()


def _json(value: dict[str, Any], indent: int | None = 2) -> bytes:
    return (json.dumps(value, indent=indent, ensure_ascii=False) + "\n").encode("utf-8", "replace")

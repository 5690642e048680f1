"""Every registered reader keeps the contract of `acquisition.testing.check_reader`, on a good file and on damaged ones."""

from __future__ import annotations

import io
import json
import struct
import wave
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition import plugins
from acquisition.testing import StoredBinary, check_reader, read_context

TABLE: Final = pa.table({"text": ["one", "two", "three"], "label": ["a", "b", "a"]})
ITEMS: Final = {"text": "text", "label": "label"}
ELSEWHERE: Final = {"crawl": "reads only beside the list that its own crawl wrote (tests/flow/test_crawl.py)"}


@dataclass(frozen=True, slots=True)
class Case:
    """A good file: its name, its bytes, how many items are in it, how they are declared."""

    name: str
    content: bytes
    rows: int
    items: dict[str, Any] = field(default_factory=dict)


def _written(write: Callable[[io.BytesIO], None]) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def _arrow(stream: io.BytesIO) -> None:
    with pa.ipc.new_file(stream, TABLE.schema) as writer:
        writer.write_table(TABLE)


def _wav(stream: io.BytesIO) -> None:
    with wave.open(stream, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\1" * 400)


def _warc(stream: io.BytesIO) -> None:
    page = b"<html><head><title>T</title></head><body><p>Hello, a page.</p></body></html>"
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b" % (len(page), page)
    head = (
        b"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:12345678-1234-1234-1234-123456789abc>\r\n"
        b"WARC-Date: 2026-11-21T06:00:00Z\r\nWARC-Target-URI: http://example.org/\r\n"
        b"Content-Type: application/http; msgtype=response\r\nContent-Length: %d\r\n\r\n" % len(http)
    )
    stream.write(head + http + b"\r\n\r\n")


def _corpus(stream: io.BytesIO) -> None:
    columns = ["client_id", "path", "sentence", "up_votes", "down_votes", "age", "gender", "accents", "locale", "segment"]
    row = ["c1", "a.mp3", "Hello", "2", "0", "", "", "", "en", ""]
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("cv-corpus-24.0/en/validated.tsv", "\t".join(columns) + "\n" + "\t".join(row) + "\n")
        archive.writestr("cv-corpus-24.0/en/clips/a.mp3", b"\xff\xfb\x90\x64" + b"\0" * 2000)


CASES: Final[dict[str, Case]] = {
    "arrow": Case("t.arrow", _written(_arrow), 3, ITEMS),
    "common-voice": Case("corpus.zip", _written(_corpus), 1),
    "csv": Case("t.csv", b"text,label\none,a\ntwo,b\nthree,a\n", 3, ITEMS),
    "html": Case("t.html", b"<!doctype html><title>T</title><p>Hello, a page of text.</p>", 1),
    "idx": Case("t-labels-idx1-ubyte", struct.pack(">BBBBI", 0, 0, 8, 1, 3) + b"\1\2\3", 3),
    "json": Case("t.json", json.dumps(TABLE.to_pylist()).encode(), 3, ITEMS),
    "jsonl": Case("t.jsonl", b"\n".join(json.dumps(row).encode() for row in TABLE.to_pylist()) + b"\n", 3, ITEMS),
    "media": Case("kicks/t.wav", _written(_wav), 1),
    "parquet": Case("t.parquet", _written(lambda stream: pq.write_table(TABLE, stream)), 3, ITEMS),
    "text": Case("t.txt", b"Hello, text.\n", 1),
    "warc": Case("t.warc", _written(_warc), 1),
}


@pytest.mark.parametrize("name", plugins.registered(plugins.READERS))
def test_a_registered_reader_keeps_the_contract(name: str, tmp_path: Path) -> None:
    """All items of a good file, the same twice; a damaged file raises nothing but ReadError or Unreadable."""
    if name in ELSEWHERE:
        pytest.skip(ELSEWHERE[name])
    case = CASES[name]
    file = tmp_path / case.name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(case.content)
    binary = StoredBinary(file, case.name)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    table = check_reader(plugins.reader(name), binary, read_context(case.name, items=case.items), damaged=damaged)
    assert table.num_rows == case.rows

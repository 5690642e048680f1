"""The archive under kill -9, and as the rest of the house reads it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator

from acquisition.content.fragments import warc_content
from acquisition.crawl.archive import ItemLog, Page, RunArchive, record_of
from acquisition.crawl.contract import Ask, Wire
from acquisition.model import Rejection
from acquisition.protocols import Binary, ReadContext
from acquisition.read.warc import WarcReader
from acquisition.settings import ItemSettings, ReadSettings

pytestmark = pytest.mark.flow

PAGES = 600
WRITER = """
import sys
from pathlib import Path
from tests.flow.test_crawl_archive_kill import crawl
crawl(Path(sys.argv[1]))
"""


def crawl(directory: Path) -> None:
    """Archive pages and take one item from each, going on where an earlier attempt was killed."""
    archive = RunArchive(directory, {"software": "test"}, rotate=200_000)
    log = ItemLog(directory, archive)
    for number in range(PAGES):
        url = f"https://example.org/{number}"
        place = archive.find(url)
        if place is None:
            place, _ = archive.write(Ask(url), wire(os.urandom(1_000)), {"number": number})
        log.add(record_of({"number": number}, Page(url, url, "", "text/html", b"", place)))
        time.sleep(0.001)
    log.close()
    archive.close()


def wire(body: bytes) -> Wire:
    """Return an answer."""
    headers = (("Content-Type", "text/html"),)
    return Wire(200, "OK", "HTTP/1.1", headers, body, "192.0.2.1", (("Host", "example.org"),), time.time(), time.time())


def test_three_kills_cost_nothing(tmp_path: Path) -> None:
    """Whenever the process is killed, every page is in the archive once, every item in the lists once, and warcio agrees."""
    root = Path(__file__).parents[2]
    for pause in (0.15, 0.05, 0.1, None):
        before = written(tmp_path)
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], cwd=root)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline and (pause is None or written(tmp_path) <= before):
            time.sleep(0.01)
        if pause is not None:
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
    assert process.returncode == 0
    assert sorted(answered(tmp_path)) == sorted(f"https://example.org/{number}" for number in range(PAGES))
    items = [json.loads(line) for path in tmp_path.glob("*.items.jsonl") for line in path.read_bytes().splitlines()]
    assert sorted(item["item"]["number"] for item in items) == list(range(PAGES))
    assert not list(tmp_path.glob("*.open"))


def written(directory: Path) -> int:
    """Return the bytes of all WARC files; one that is given its name at this moment counts the next time."""
    found = 0
    for path in directory.glob("*.warc.gz*"):
        with suppress(FileNotFoundError):
            found += path.stat().st_size
    return found


def answered(directory: Path) -> list[str]:
    """Return the addresses of all responses, as warcio reads them; AssertionError where a digest is wrong."""
    found = []
    for path in sorted(directory.glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, check_digests=True):
                record.raw_stream.read()
                assert record.digest_checker.passed is True
                if record.rec_type == "response":
                    found.append(record.rec_headers.get_header("WARC-Target-URI"))
    return found


class File(Binary):
    """A file on disk."""

    def __init__(self, path: Path) -> None:
        self.name, self.size, self.path = path.name, path.stat().st_size, path

    def open(self) -> BytesIO:
        """Open it."""
        assert self.path is not None  # it was given
        return BytesIO(self.path.read_bytes())


def test_the_reader_of_warc_files_takes_ours(tmp_path: Path) -> None:
    """The house's own reader finds every page of a run, names a revisit as one, and reads on behind it."""
    one, two = tmp_path / "run-0001", tmp_path / "run-0002"
    text = b"<html><body><p>A page about a pond, with frogs.</p></body></html>"
    bodies = {"a": text, "b": text.replace(b"frogs", b"toads"), "c": text.replace(b"frogs", b"newts")}
    first = RunArchive(one, {"software": "test"})
    first.write(Ask("https://example.org/a"), wire(text), {})
    first.close()
    second = RunArchive(two, {"software": "test"}, earlier=[one])
    places = {name: second.write(Ask(f"https://example.org/{name}"), wire(body), {})[0] for name, body in bodies.items()}
    second.close()
    rows, rejections = read(two / "crawl-00000.warc.gz")
    assert [row["url"] for row in rows] == ["https://example.org/b", "https://example.org/c"]
    assert [rejection.code for rejection in rejections] == ["warc-revisit"]
    assert [row["url"] for row in read(two / "run-0001-crawl-00000.warc.gz")[0]] == ["https://example.org/a"]
    for name, place in places.items():
        with (two / place.file).open("rb") as stream:
            assert warc_content(stream, place.offset) == bodies[name]


def read(path: Path) -> tuple[list[dict[str, Any]], list[Rejection]]:
    """Read a WARC file as the stage does."""
    context = ReadContext("web", "r", path.name, "", ItemSettings(), ReadSettings())
    found = list(WarcReader().read(File(path), context))
    rejections = [entry for entry in found if isinstance(entry, Rejection)]
    return [row for batch in found if not isinstance(batch, Rejection) for row in batch.to_pylist()], rejections

"""The archive of a run: what is written can be read, a torn tail costs only itself, nothing is kept twice."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from acquisition.crawl.archive import ItemLog, RunArchive
from acquisition.crawl.archive.earlier import open_index
from acquisition.crawl.contract import Ask, HeaderLines, Place, Refused, Wire
from acquisition.errors import DiskFull, WorkspaceDamaged, WorkspaceLocked

INFO = {"software": "test", "isPartOf": "web/run-0001"}
HTML: HeaderLines = (("Content-Type", "text/html"),)


def ask(url: str, kind: Any = "page", method: Any = "GET") -> Ask:
    """Return a wish."""
    return Ask(url, method, kind=kind, referrer="https://example.org/")


def wire(body: bytes = b"body", status: int = 200, headers: HeaderLines = HTML, **more: Any) -> Wire:
    """Return what a transport brings."""
    given: dict[str, Any] = {
        "status": status,
        "reason": "OK",
        "protocol": "HTTP/1.1",
        "headers": headers,
        "body": body,
        "ip_address": "192.0.2.1",
        "request_headers": (("Host", "example.org"), ("User-Agent", "acquisition/0")),
        "started": 1_800_000_000.25,
        "ended": 1_800_000_000.5,
    }
    return Wire(**(given | more))


@contextmanager
def archive(directory: Path, **options: Any) -> Iterator[RunArchive]:
    """Open an archive and close it."""
    made = RunArchive(directory, INFO, **options)
    try:
        yield made
    finally:
        made.close()


def put(made: RunArchive, url: str, body: bytes = b"body", status: int = 200, kind: Any = "page") -> tuple[Place, bool]:
    """Archive a page."""
    return made.write(ask(url, kind), wire(body, status), {"verdict": "allow"})


def killed(made: RunArchive, log: ItemLog | None = None) -> None:
    """Leave an archive as kill -9 does: no rename, nothing more committed."""
    for opened in log._streams.values() if log is not None else ():
        opened.close()
    if made._stream is not None:
        made._stream.close()
    made.index._db.close()
    made.earlier.close()
    made._lock.release()


def records(path: Path) -> list[tuple[str, Any]]:
    """Return type and header fields of all records."""
    with path.open("rb") as stream:
        return [(record.rec_type, record.rec_headers) for record in ArchiveIterator(stream)]


# --- what is written ----------------------------------------------------------------------------------------------------


def test_records_and_their_order(tmp_path: Path) -> None:
    """An exchange is response, request and metadata with one target and date, digests and the server's address."""
    with archive(tmp_path) as made:
        put(made, "https://example.org/a?b=c")
    found = records(tmp_path / "crawl-00000.warc.gz")
    assert [kind for kind, _ in found] == ["warcinfo", "response", "request", "metadata"]
    response = found[1][1]
    assert response.get_header("WARC-Target-URI") == "https://example.org/a?b=c"
    assert response.get_header("WARC-Date") == "2027-01-15T08:00:00.250000Z"
    assert response.get_header("WARC-IP-Address") == "192.0.2.1"
    assert response.get_header("WARC-Protocol") == "http/1.1"
    assert response.get_header("WARC-Payload-Digest").startswith("sha1:")
    assert {fields.get_header("WARC-Concurrent-To") for _, fields in found[2:]} == {response.get_header("WARC-Record-ID")}
    assert len({fields.get_header("WARC-Record-ID") for _, fields in found}) == 4


def test_the_answer_is_kept_as_it_was_on_the_wire(tmp_path: Path) -> None:
    """Reason phrase, spelling, order and repetition of header lines stay; the framing that is undone is renamed."""
    lines = (("eTag", '"x"'), ("X-A", "1"), ("ETAG", '"y"'), ("Transfer-Encoding", "chunked"), ("x-a", "caf\xe9"))
    with archive(tmp_path) as made:
        place, _ = made.write(ask("https://example.org/"), wire(headers=lines, reason="Fine By Me"), {})
        headers, body = made.read(place)
        recalled = made.recall("https://example.org/")
    assert (headers, body) == ((*lines[:3], ("X-Archive-Orig-Transfer-Encoding", "chunked"), lines[4]), b"body")
    assert recalled is not None
    assert recalled.wire == wire(headers=lines, reason="Fine By Me")
    assert recalled.decision == {}


def test_the_metadata_is_the_decision(tmp_path: Path) -> None:
    """Whatever keys a decision has, they stay apart from what the archive itself notes."""
    decision = {"url": "https://example.org/robots.txt", "sha256": "00", "body": ["x"], "method": "PUT"}
    with archive(tmp_path) as made:
        made.write(ask("https://example.org/a", "media"), wire(), decision)
    with (tmp_path / "crawl-00000.warc.gz").open("rb") as stream:
        found = [
            json.loads(record.content_stream().read()) for record in ArchiveIterator(stream) if record.rec_type == "metadata"
        ]
    noted = found[0].pop("exchange")
    assert found == [decision]
    assert (noted["method"], noted["kind"], noted["bytes"]) == ("GET", "media", 4)
    assert noted["sha256"] == "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5"
    (tmp_path / "index.sqlite").unlink()
    with archive(tmp_path) as again:
        assert again.find("https://example.org/a") is not None


def test_hostile_lines_forge_nothing(tmp_path: Path) -> None:
    """Line breaks and zero bytes in header lines, reasons and addresses become spaces or escapes."""
    forged = (("X-A", "1\r\n\r\nWARC/1.1\r\nWARC-Type: response"), ("X\nB", "2\x00"))
    url = "https://example.org/\r\nWARC-Type: revisit"
    with archive(tmp_path) as made:
        made.write(ask(url), wire(headers=forged, reason="OK\r\nSet-Cookie: a", ip_address="1\r\nX: y"), {})
        put(made, "https://example.org/next")
        assert made.find(url) is not None
    found = records(tmp_path / "crawl-00000.warc.gz")
    assert [kind for kind, _ in found] == ["warcinfo", *["response", "request", "metadata"] * 2]
    assert found[1][1].get_header("WARC-Target-URI") == "https://example.org/%0D%0AWARC-Type:%20revisit"
    (tmp_path / "index.sqlite").unlink()
    with archive(tmp_path) as again:
        assert again.find(url) is not None
        recalled = again.recall(url)
    assert recalled is not None
    assert recalled.wire.headers == (("X-A", "1 WARC/1.1 WARC-Type: response"), ("X B", "2"))


TEXT = st.text(st.characters(codec="latin-1"), max_size=40)
EXCHANGES = st.tuples(
    st.sampled_from([200, 204, 301, 304, 404, 500, 999]),
    TEXT,
    st.lists(st.tuples(TEXT.filter(str.strip), TEXT), max_size=6),
    st.binary(max_size=6_000),
    st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2", "h2", "3", "odd"]),
    st.sampled_from(["GET", "HEAD"]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(EXCHANGES, min_size=1, max_size=4))
def test_other_readers_accept_every_exchange(given_: list[Any]) -> None:
    """`warcio check` and FastWARC find every record whole and every digest right, whatever a server sends."""
    fastwarc = pytest.importorskip("fastwarc")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with archive(folder) as made:
            for number, (status, reason, headers, body, protocol, method) in enumerate(given_):
                sent = wire(body, status, tuple(headers), reason=reason, protocol=protocol)
                made.write(ask(f"https://example.org/{number}", method=method), sent, {"note": reason})
        path = folder / "crawl-00000.warc.gz"
        assert checked(path)
        with path.open("rb") as stream:
            digests = [record.verify_block_digest() for record in fastwarc.ArchiveIterator(stream, parse_http=False)]
        assert digests == [True] * (1 + 3 * len(given_))
        with path.open("rb") as stream:
            bodies = [record.raw_stream.read() for record in ArchiveIterator(stream) if record.rec_type == "response"]
        assert bodies == [body for _, _, _, body, _, _ in given_]


def checked(path: Path) -> bool:
    """Say whether warcio's checker passes a file."""
    from argparse import Namespace

    from warcio.checker import Checker

    checker = Checker(Namespace(inputs=[str(path)], verbose=False))
    checker.process_all()
    return bool(checker.exit_value == 0)


def test_warcio_check(tmp_path: Path) -> None:
    """The command itself passes a file with responses, a redirect, a revisit and a 304."""
    with archive(tmp_path / "run-0001") as made:
        put(made, "https://example.org/a", b"a" * 5000)
        put(made, "https://example.org/b", b"", 301)
    with archive(tmp_path / "run-0002", earlier=[tmp_path / "run-0001"]) as made:
        put(made, "https://example.org/a", b"a" * 5000)
        put(made, "https://example.org/a", b"", 304)
    for path in sorted(tmp_path.glob("*/*.warc.gz")):
        found = subprocess.run([sys.executable, "-m", "warcio.cli", "check", "-v", str(path)], capture_output=True, check=False)
        assert found.returncode == 0, found.stdout


# --- kills ----------------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1), st.integers(0, 4), st.booleans())
def test_a_torn_tail_costs_only_itself(share: float, committed: int, lost: bool) -> None:
    """Wherever a kill cuts the open file, and however far the index was, every whole exchange before the cut is found."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = RunArchive(folder, INFO)
        ends, path = [], folder / "crawl-00000.warc.gz.open"
        for index in range(4):
            put(made, f"https://example.org/{index}", b"x" * index * 50)
            ends.append(path.stat().st_size)
            if index < committed:
                made.index.commit()
        killed(made)
        if lost:
            (folder / "index.sqlite").unlink()
        cut = int(share * ends[-1])
        with path.open("r+b") as stream:
            stream.truncate(cut)
        with archive(folder) as again:
            whole = sum(end <= cut for end in ends)
            assert again.pages == whole
            for index in range(4):
                place = again.find(f"https://example.org/{index}")
                assert (place is not None) == (index < whole)
                if place is not None:
                    assert again.read(place)[1] == b"x" * index * 50
            put(again, "https://example.org/new")
        with archive(folder) as third:
            assert third.pages == whole + 1
            assert third.received == sum(50 * index for index in range(whole)) + 4
        assert sorted(file.name for file in folder.iterdir() if file.name[0] != ".") == ["crawl-00000.warc.gz", "index.sqlite"]


def test_a_run_has_one_writer(tmp_path: Path) -> None:
    """Nobody else may write into the archive, and who reads it does not mend it meanwhile."""
    with archive(tmp_path) as made:
        put(made, "https://example.org/a")
        with pytest.raises(WorkspaceLocked):
            RunArchive(tmp_path, INFO)
        made.index.commit()
        put(made, "https://example.org/b")  # its row waits in a transaction
        began = time.monotonic()
        index = open_index(tmp_path)
        assert index.totals() == (1, 4)
        index.close()
        assert time.monotonic() - began < 2
    with archive(tmp_path) as again:
        assert again.pages == 2


def test_a_damaged_index_is_made_anew(tmp_path: Path) -> None:
    """The index only repeats what the files say."""
    with archive(tmp_path) as made:
        put(made, "https://example.org/a")
    (tmp_path / "index.sqlite").write_bytes(b"no database" * 1000)
    with archive(tmp_path) as again:
        assert (again.pages, again.find("https://example.org/a") is not None) == (1, True)


def test_what_is_answered_from_the_archive(tmp_path: Path) -> None:
    """Errors that may pass are asked again; a file about rights is no page and its newest copy counts."""
    with archive(tmp_path) as made:
        for status in (200, 404, 408, 425, 429, 503):
            put(made, f"https://example.org/{status}", status=status)
        made.write(ask("https://example.org/head", method="HEAD"), wire(b""), {})
        put(made, "https://example.org/robots.txt", b"old", kind="policy")
        put(made, "https://example.org/robots.txt", b"new", kind="policy")
    with archive(tmp_path) as again:
        found = [status for status in (200, 404, 408, 425, 429, 503) if again.find(f"https://example.org/{status}")]
        robots = again.find("https://example.org/robots.txt")
        assert robots is not None
        assert (found, again.read(robots)[1], again.pages) == ([200, 404], b"new", 7)
        assert again.find("https://example.org/head") is None


def test_rotation(tmp_path: Path) -> None:
    """A full file is finished and the next one begun."""
    with archive(tmp_path, rotate=1) as made:
        places = [put(made, f"https://example.org/{index}")[0] for index in range(3)]
    assert [place.file for place in places] == [f"crawl-{index:05d}.warc.gz" for index in range(3)]
    assert sorted(path.name for path in tmp_path.glob("*.gz*")) == [place.file for place in places]


@pytest.mark.parametrize("damage", ["other record", "one byte", "cut", "repacked"])
def test_a_changed_record_is_noticed(tmp_path: Path, damage: str) -> None:
    """Reading back verifies: warcio alone would hand out what is there."""
    with archive(tmp_path) as made:
        first, _ = put(made, "https://example.org/a", b"a" * 99)
        second, _ = put(made, "https://example.org/b", b"b" * 99)
    path = tmp_path / first.file
    data = bytearray(path.read_bytes())
    if damage == "other record":
        data[second.offset : second.offset + 40] = data[first.offset : first.offset + 40]
    elif damage == "one byte":
        data[second.offset + 60] ^= 1
    elif damage == "repacked":
        member = zlib.decompressobj(31)
        record = member.decompress(data[second.offset :])
        data[second.offset :] = gzip.compress(record.replace(b"b" * 99, b"c" * 99)) + member.unused_data
    else:
        del data[second.offset + 60 :]
    path.write_bytes(data)
    with archive(tmp_path) as again, pytest.raises(WorkspaceDamaged):
        again.read(second)


@settings(max_examples=30, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(gzip.compress)), st.binary(max_size=50))
def test_any_bytes_are_read_without_harm(hostile: bytes, tail: bytes) -> None:
    """A file of a run that holds anything is no more than a file without exchanges, and its records cannot be used."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "crawl-00000.warc.gz").write_bytes(hostile + tail)
        with archive(folder) as made:
            assert (made.pages, made.find("https://example.org/")) == (0, None)
            with pytest.raises(WorkspaceDamaged):
                made.read(Place("crawl-00000.warc.gz", 0, "", "", 200))


# --- earlier runs ---------------------------------------------------------------------------------------------------------


def test_unchanged_content_becomes_a_revisit(tmp_path: Path) -> None:
    """A body that the run before has is referred to, and its file becomes part of this run's directory."""
    one, two = tmp_path / "run-0001", tmp_path / "run-0002"
    with archive(one) as made:
        before, _ = put(made, "https://example.org/a", b"same")
        put(made, "https://example.org/b", b"old")
    with archive(two, earlier=[one]) as made:
        place, unchanged = put(made, "https://example.org/a", b"same")
        assert (unchanged, place.file, place.offset) == (True, "run-0001-crawl-00000.warc.gz", before.offset)
        assert made.read(place)[1] == b"same"
        assert put(made, "https://example.org/b", b"new")[1] is False
        assert made.find("https://example.org/a") == place
    assert (two / place.file).samefile(one / before.file)
    response = records(two / "crawl-00000.warc.gz")[1]
    assert response[0] == "revisit"
    assert response[1].get_header("WARC-Profile").endswith("/identical-payload-digest")
    assert response[1].get_header("WARC-Refers-To") == before.record_id
    assert response[1].get_header("WARC-Refers-To-Target-URI") == "https://example.org/a"
    assert response[1].get_header("WARC-Refers-To-Date") == before.date


def test_a_304_is_a_revisit_and_its_headers_are_kept(tmp_path: Path) -> None:
    """What a server says is not modified is read from the earlier body, with the words that came with the 304."""
    one, two, three = (tmp_path / f"run-000{number}" for number in (1, 2, 3))
    tagged = (("ETag", 'W/"1"'), ("Last-Modified", "Mon, 01 Jan 2026 00:00:00 GMT"))
    with archive(one) as made:
        made.write(ask("https://example.org/a"), wire(b"text", headers=tagged), {})
    with archive(two, earlier=[one]) as made:
        assert made.validators("https://example.org/a") == {"If-None-Match": 'W/"1"', "If-Modified-Since": tagged[1][1]}
        assert made.validators("https://example.org/b") == {}
        said = (("X-Robots-Tag", "noai"),)
        place, unchanged = made.write(ask("https://example.org/a"), wire(b"", 304, said, reason="Not Modified"), {"v": 1})
        assert (unchanged, place.status, made.unchanged("https://example.org/a")) == (True, 200, True)
    with archive(two, earlier=[one]) as again:
        recalled = again.recall("https://example.org/a")
        assert recalled is not None
        assert (recalled.wire.status, recalled.wire.headers, recalled.wire.body) == (304, said, b"text")
        assert (recalled.decision, recalled.unchanged, recalled.place) == ({"v": 1}, True, place)
    with archive(three, earlier=[one, two]) as made:
        assert made.validators("https://example.org/a")["If-None-Match"] == 'W/"1"'
        again_place, _ = put(made, "https://example.org/a", b"text")
        assert again_place.file == "run-0001-crawl-00000.warc.gz"
        assert made.read(again_place)[1] == b"text"


def test_a_304_without_an_earlier_body_is_an_answer(tmp_path: Path) -> None:
    """A server that says "not modified" to nobody's question is taken at its word and no more."""
    with archive(tmp_path) as made:
        place, unchanged = put(made, "https://example.org/a", b"", 304)
        assert (place.status, unchanged, made.read(place)[1]) == (304, False, b"")


def test_validators_that_could_forge_requests_are_not_sent(tmp_path: Path) -> None:
    """An ETag is sent back as it came or not at all."""
    with archive(tmp_path / "run-0001") as made:
        for number, tag in enumerate(['"caf\xe9"', '"a\x01"', "x" * 2000, '"ok"']):
            made.write(ask(f"https://example.org/{number}"), wire(headers=(("ETag", tag),)), {})
    with archive(tmp_path / "run-0002", earlier=[tmp_path / "run-0001"]) as made:
        found = [dict(made.validators(f"https://example.org/{number}")) for number in range(4)]
    assert found == [{}, {}, {}, {"If-None-Match": '"ok"'}]


def test_a_replay_answers_from_another_run(tmp_path: Path) -> None:
    """A replay finds what the run has and nothing else, and asks nobody."""
    one, two = tmp_path / "run-0001", tmp_path / "run-0002"
    with archive(one) as made:
        put(made, "https://example.org/a", b"text")
    with archive(two, replay=one) as made:
        place = made.find("https://example.org/a")
        assert place is not None
        assert made.read(place)[1] == b"text"
        recalled = made.recall("https://example.org/a")
        assert recalled is not None
        assert recalled.place == place
        assert made.find("https://example.org/b") is None
        with pytest.raises(Refused):
            put(made, "https://example.org/b")
    assert sorted(path.name for path in two.glob("[!.]*")) == ["index.sqlite", "run-0001-crawl-00000.warc.gz"]


def test_earlier_runs_are_copied_where_links_are_not_possible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another file system under the new run costs room, not correctness."""
    one, two = tmp_path / "run-0001", tmp_path / "run-0002"
    with archive(one) as made:
        put(made, "https://example.org/a", b"text")

    def refused(*_: object) -> None:
        raise OSError(18, "cross-device link")

    monkeypatch.setattr("os.link", refused)
    with archive(two, earlier=[one]) as made:
        place, unchanged = put(made, "https://example.org/a", b"text")
        assert (unchanged, made.read(place)[1]) == (True, b"text")
    assert not (two / place.file).samefile(one / "crawl-00000.warc.gz")


# --- a full disk ----------------------------------------------------------------------------------------------------------


class Full(io.FileIO):
    """A file on a disk that has room for a few bytes more."""

    room = 100

    def write(self, data: Any) -> int:
        """Write what fits."""
        if not self.room:
            raise OSError(28, "No space left on device")
        taken, self.room = self.room, 0
        return super().write(bytes(data)[:taken])


def test_a_full_disk_costs_the_exchange_that_did_not_fit(tmp_path: Path) -> None:
    """Half an exchange is taken back, and when there is room again the archive goes on."""
    with archive(tmp_path) as made:
        put(made, "https://example.org/a")
        whole = made._stream
        assert whole is not None
        made._stream = Full(str(whole.name), "ab")
        with pytest.raises(DiskFull):
            put(made, "https://example.org/b")
        made._stream.close()
        made._stream = whole
        put(made, "https://example.org/c")
    assert [url for kind, url in answers(tmp_path / "crawl-00000.warc.gz")] == [
        "https://example.org/a",
        "https://example.org/c",
    ]


def test_an_index_without_room_is_made_up_for(tmp_path: Path) -> None:
    """What the index could not take in, it takes in when the run is opened again."""
    made = RunArchive(tmp_path, INFO)
    put(made, "https://example.org/a")
    made.index.commit()
    (pages,) = made.index._db.execute("PRAGMA page_count").fetchone()
    made.index._db.execute(f"PRAGMA max_page_count={pages}")

    def fill() -> None:
        for number in range(1_000):
            put(made, f"https://example.org/{number}")

    with pytest.raises(DiskFull):
        fill()
    whole = made.pages
    killed(made)
    with archive(tmp_path) as again:
        assert again.pages == whole + 1  # its bytes had been written before the index was asked
        assert again.find("https://example.org/0") is not None


def answers(path: Path) -> list[tuple[str, str]]:
    """Return type and address of all responses."""
    return [(kind, fields.get_header("WARC-Target-URI")) for kind, fields in records(path) if kind == "response"]

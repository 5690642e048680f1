"""The archive: what is written can be read, and a torn tail costs only itself."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from acquisition.crawl.archive import Archive, Exchange, Place
from acquisition.crawl.items import ItemLog, NotPlain, Page, is_media, plain, record_of
from acquisition.errors import WorkspaceDamaged

INFO = {"software": "test"}


def exchange(url: str, body: bytes = b"body", status: int = 200, *, robots: bool = False) -> Exchange:
    """Return an exchange as the recorder makes it."""
    decision = {"robots_txt": True} if robots else {"robots": "https://example.org/robots.txt", "verdict": "allowed"}
    return Exchange(
        url=url,
        method="GET",
        request_headers=[("Host", "example.org")],
        status=status,
        reason="OK",
        headers=[("Content-Type", "text/html")],
        body=body,
        ip_address="192.0.2.1",
        protocol="HTTP/1.1",
        decision=decision,
    )


def test_records_and_their_order(tmp_path: Path) -> None:
    """An exchange is response, request and metadata with one target, digests and the server's address."""
    archive = Archive(tmp_path, INFO)
    archive.write(exchange("https://example.org/a?b=c"))
    archive.close()
    with (tmp_path / "crawl-00000.warc.gz").open("rb") as stream:
        found = [(record.rec_type, record.rec_headers) for record in ArchiveIterator(stream)]
    assert [kind for kind, _ in found] == ["warcinfo", "response", "request", "metadata"]
    response = found[1][1]
    assert response.get_header("WARC-Target-URI") == "https://example.org/a?b=c"
    assert response.get_header("WARC-IP-Address") == "192.0.2.1"
    assert response.get_header("WARC-Payload-Digest").startswith("sha1:")
    assert found[3][1].get_header("WARC-Concurrent-To") == response.get_header("WARC-Record-ID")


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1))
def test_a_torn_tail_costs_only_itself(share: float) -> None:
    """Wherever a kill cuts the open file, every whole exchange before the cut is found again and can be read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive = Archive(folder, INFO)
        ends, path = [], folder / "crawl-00000.warc.gz.open"
        for index in range(4):
            archive.write(exchange(f"https://example.org/{index}", b"x" * index * 50))
            ends.append(path.stat().st_size)
        assert archive._stream is not None
        archive._stream.close()  # as the kill does, without the rename
        cut = int(share * ends[-1])
        with path.open("r+b") as stream:
            stream.truncate(cut)
        again = Archive(folder, INFO)
        whole = sum(end <= cut for end in ends)
        assert again.pages == whole
        for index in range(4):
            place = again.find(f"https://example.org/{index}")
            assert (place is not None) == (index < whole)
            if place is not None:
                assert again.read(place)[1] == b"x" * index * 50
        again.write(exchange("https://example.org/new"))
        again.close()
        assert Archive(folder, INFO).pages == whole + 1
        assert [file.name for file in folder.iterdir()] == ["crawl-00000.warc.gz"]


def test_what_is_answered_from_the_archive(tmp_path: Path) -> None:
    """Errors that may pass are asked again; robots.txt is no page and its newest copy counts."""
    archive = Archive(tmp_path, INFO)
    for status in (200, 404, 429, 503):
        archive.write(exchange(f"https://example.org/{status}", status=status))
    archive.write(exchange("https://example.org/robots.txt", b"old", robots=True))
    archive.write(exchange("https://example.org/robots.txt", b"new", robots=True))
    archive.close()
    again = Archive(tmp_path, INFO)
    assert [again.find(f"https://example.org/{status}") is not None for status in (200, 404, 429, 503)] == [
        True,
        True,
        False,
        False,
    ]
    robots = again.find("https://example.org/robots.txt")
    assert robots is not None
    assert again.read(robots)[1] == b"new"
    assert again.pages == 4


def test_rotation(tmp_path: Path) -> None:
    """A full file is finished and the next one begun."""
    archive = Archive(tmp_path, INFO, rotate=1)
    places = [archive.write(exchange(f"https://example.org/{index}")) for index in range(3)]
    assert [place.file for place in places] == [f"crawl-{index:05d}.warc.gz" for index in range(3)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [place.file for place in places]


def test_a_changed_record_is_noticed(tmp_path: Path) -> None:
    """Reading back verifies the digest: warcio alone would hand out what is there."""
    archive = Archive(tmp_path, INFO)
    first = archive.write(exchange("https://example.org/a", b"a" * 99))
    second = archive.write(exchange("https://example.org/b", b"b" * 99))
    archive.close()
    path = tmp_path / first.file
    data = path.read_bytes()
    with path.open("r+b") as stream:
        stream.seek(second.offset)
        stream.write(data[first.offset : second.offset][:40])
    with pytest.raises(WorkspaceDamaged):
        Archive(tmp_path, INFO).read(second)


def page(place: Place, media_type: str = "text/html", body: bytes = b"<p>") -> Page:
    """Return a page that items lie on."""
    return Page("https://example.org/a", "https://example.org/b", "https://example.org/", media_type, body, place)


def test_items_survive_a_torn_line_and_come_once(tmp_path: Path) -> None:
    """A torn line is cut, an item that is known is not written twice, an item without its page is forgotten."""
    archive = Archive(tmp_path, INFO)
    place = archive.write(exchange("https://example.org/a"))
    archive.close()
    lost = Place(place.file, 10_000_000, "", "", 200)
    log = ItemLog(tmp_path, Archive(tmp_path, INFO))
    assert log.add(record_of({"text": "one"}, page(place)))
    assert not log.add(record_of({"text": "one"}, page(place)))
    assert log.add(record_of({"text": "lost"}, page(lost)))
    log.close()
    path = tmp_path / "crawl-00000.items.jsonl"
    path.write_bytes(path.read_bytes() + b'{"locator": "torn')
    again = ItemLog(tmp_path, Archive(tmp_path, INFO))
    assert again.count == 1
    assert not again.add(record_of({"text": "one"}, page(place)))
    assert again.add(record_of({"text": "lost"}, page(place)))
    again.close()
    assert len(path.read_bytes().splitlines()) == 2


def test_the_locator_depends_on_address_and_content_alone() -> None:
    """The same item met in another run, at another time, has the same locator."""
    one = record_of({"b": 1, "a": "x"}, page(Place("crawl-00000.warc.gz", 1, "<r1>", "2026-01-01T00:00:00Z", 200)))
    two = record_of({"a": "x", "b": 1}, page(Place("crawl-00007.warc.gz", 9, "<r2>", "2027-01-01T00:00:00Z", 200)))
    assert one["locator"] == two["locator"]
    assert one["locator"].startswith("https://example.org/b#sha256=")


@pytest.mark.parametrize(
    ("media_type", "media"),
    [("text/html", False), ("application/xhtml+xml", False), ("image/svg+xml", False), ("", False), ("image/png", True)],
)
def test_which_bodies_are_samples(media_type: str, media: bool) -> None:
    """Text is read by the spider; everything else is a sample as it stands."""
    assert is_media(media_type) is media


def test_values_without_a_json_form_are_refused() -> None:
    """Bytes and objects are not guessed at."""
    assert plain({"a": (1, {"x"})}) == {"a": [1, ["x"]]}
    with pytest.raises(NotPlain):
        plain({"a": b"bytes"})

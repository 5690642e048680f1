"""CDXJ and WACZ: other tools read the same from our files as from their own."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sqlite3
import zipfile
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.crawl.archive import write_cdxj, write_wacz
from acquisition.crawl.archive.captures import Capture, captures, from_file, from_index, is_indexed
from acquisition.crawl.archive.cdxj import cdxj_lines
from acquisition.crawl.archive.surt import surt
from tests.unit.test_crawl_archive import archive, ask, put, wire


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Make a run that refers to the run before it."""
    one, two = tmp_path / "run-0001", tmp_path / "run-0002"
    with archive(one) as made:
        put(made, "https://www.Example.org/b?z=1&a=2", b"<html><title>B &amp; C</title>")
        put(made, "https://example.org/gone", b"", 404)
    with archive(two, earlier=[one], rotate=4_000) as made:
        put(made, "https://www.Example.org/b?z=1&a=2", b"<html><title>B &amp; C</title>")
        made.write(ask("https://example.org/c"), wire(gzip.compress(b"<title> caf\xc3\xa9 </title>"), 200, GZIPPED), {})
        for number in range(20):
            put(made, f"https://example.org/{number}/", b"x" * 1000 * number)
        made.write(ask("https://example.org/image.png", "media"), wire(b"\x89PNG", 200, (("content-type", "image/png"),)), {})
        made.write(ask("https://example.org/odd"), wire(b"", 200, ()), {})
        made.write(ask("https://example.org/caf\xe9 x"), wire(b"", 302, (("Location", "/"),)), {})
        put(made, "https://example.org/robots.txt", b"User-agent: *", kind="policy")
    return two


GZIPPED = (("Content-Type", "text/html; charset=utf-8"), ("Content-Encoding", "gzip"))


def theirs(directory: Path) -> list[str]:
    """Return what cdxj-indexer says."""
    indexer = pytest.importorskip("cdxj_indexer.main")
    out = io.StringIO()
    inputs = sorted(str(path) for path in directory.glob("*.warc.gz"))
    made = indexer.CDXJIndexer("unused", inputs, sort=True, records="response,revisit,resource")
    made.output = out
    written = indexer.SortingWriter(out)
    for path in inputs:
        with Path(path).open("rb") as stream:
            made.process_one(stream, written, path)
    written.flush()
    return out.getvalue().splitlines()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_index_is_that_of_cdxj_indexer(run: Path) -> None:
    """Line for line, for responses, redirects, revisits and the files of the run before."""
    found = write_cdxj(run).read_text().splitlines()
    assert found == theirs(run)
    assert sum('"warc/revisit"' in line for line in found) == 1
    assert {json.loads(line.split(" ", 2)[2])["filename"] for line in found} == {path.name for path in run.glob("*.warc.gz")}


def test_the_index_is_the_same_however_much_is_held(run: Path) -> None:
    """Sorting in many small parts gives what sorting at once gives, and leaves nothing behind."""
    assert list(cdxj_lines(run, sort_bytes=1)) == list(cdxj_lines(run))
    assert not list(run.glob(".cdxj*"))


def scanned(directory: Path) -> list[Capture]:
    """Return what the records themselves say."""
    return [capture for path in sorted(directory.glob("*.warc.gz")) for capture in from_file(path)]


def test_the_run_s_index_says_of_captures_what_the_files_say(run: Path) -> None:
    """Every file is read from an index, the linked one from that of its own run; the captures are those of the records."""
    paths = sorted(run.glob("*.warc.gz"))
    indexes = [*[run / "index.sqlite"] * (len(paths) - 1), run.parent / "run-0001" / "index.sqlite"]
    files = [*paths[:-1], run.parent / "run-0001" / "crawl-00000.warc.gz"]
    assert paths[-1].name.startswith("run-0001-")
    assert all(is_indexed(*pair) for pair in zip(indexes, files, strict=True))
    assert [found for pair in zip(indexes, files, strict=True) for found in from_index(*pair)] == scanned(run)
    assert [found for path in paths for found in captures(path)] == scanned(run)


def test_an_index_made_from_the_files_says_the_same_of_captures(run: Path) -> None:
    """A lost index is filled from the records with what the writer had put there."""
    before = [list(from_index(run / "index.sqlite", path)) for path in run.glob("crawl-*.warc.gz")]
    (run / "index.sqlite").unlink()
    with archive(run):
        pass
    assert [list(from_index(run / "index.sqlite", path)) for path in run.glob("crawl-*.warc.gz")] == before


def test_an_index_that_cannot_be_trusted_is_not_asked_for_captures(run: Path) -> None:
    """Of another version, behind its file, damaged or missing: then the records are read."""
    expected, path = list(cdxj_lines(run)), run / "crawl-00000.warc.gz"
    index = run / "index.sqlite"
    for statement in ("PRAGMA user_version=2", "UPDATE file SET indexed = indexed - 1", "UPDATE exchange SET status = 0"):
        kept = index.read_bytes()
        with closing(sqlite3.connect(index)) as db:
            db.execute(statement)
            db.execute("UPDATE exchange SET digest = 'untrue'")
            db.commit()
        assert not is_indexed(index, path)
        assert list(cdxj_lines(run)) == expected
        index.write_bytes(kept)
    assert is_indexed(index, path)
    index.write_bytes(b"no database" * 1000)
    assert list(cdxj_lines(run)) == expected
    index.unlink()
    assert list(cdxj_lines(run)) == expected
    assert not index.exists()


def test_an_index_of_another_version_is_made_anew(run: Path) -> None:
    """It may lack what captures need; nothing that stands in it is believed."""
    with closing(sqlite3.connect(run / "index.sqlite")) as db:
        db.execute("UPDATE exchange SET digest = 'untrue', length = 1")
        db.execute("PRAGMA user_version=2")
        db.commit()
    with archive(run):
        pass
    files = sorted(run.glob("crawl-*.warc.gz"))
    assert all(is_indexed(run / "index.sqlite", path) for path in files)
    assert [list(from_index(run / "index.sqlite", path)) for path in files] == [list(from_file(path)) for path in files]


@settings(max_examples=60, deadline=None)
@given(
    url=st.text(st.characters(codec=None), max_size=12),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["Content-Type", "content-type", "Content-Type ", " content-type", "x"]), st.text(max_size=12)
        ),
        max_size=3,
    ),
)
def test_any_address_and_any_header_say_the_same_both_ways(
    tmp_path_factory: pytest.TempPathFactory, url: str, headers: list[tuple[str, str]]
) -> None:
    """Whatever a server sends and whatever an address holds, rows and records agree."""
    directory = tmp_path_factory.mktemp("odd")
    with archive(directory) as made:
        made.write(ask("https://example.org/" + url), wire(b"x", 200, tuple(headers)), {})
    path = directory / "crawl-00000.warc.gz"
    assert list(from_index(directory / "index.sqlite", path)) == list(from_file(path))


SEGMENT = st.text("abXYZ09-_.~ %2Fe\xe9A:;=@!$'()*+,[]", max_size=8)
URLS = st.builds(
    lambda scheme, host, port, path, query: f"{scheme}://{host}{port}/{'/'.join(path)}{query}",
    st.sampled_from(["http", "https"]),
    st.sampled_from(["example.com", "www.Example.org", "a.b.c.de", "127.0.0.1", "www3.x.y"]),
    st.sampled_from(["", ":80", ":443", ":8080"]),
    st.lists(SEGMENT, max_size=4).filter(lambda path: ".." not in path),
    st.lists(SEGMENT, max_size=4).map(lambda query: "?" + "&".join(query) if query else ""),
)


@settings(max_examples=300, deadline=None)
@given(URLS)
def test_sort_keys_are_those_of_other_tools(url: str) -> None:
    """The key of any http URL is the one that the surt package makes."""
    reference = pytest.importorskip("surt")
    assert surt(url) == reference.surt(url)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://WWW2.Example.com:443/A/B/?", "com,example)/a/b"),
        ("http://user:pw@example.com:8080/a//b/./c#top", "com,example:8080)/a/b/c"),
        ("http://b\xfccher.example/%7Ea/%2541?z&a=1", "example,xn--bcher-kva)/~a/a?a=1&z"),
        ("http://example.com/a?PHPSESSID=0123456789abcdef0123456789abcdef&b=1", "com,example)/a?b=1"),
        ("urn:x", "urn:x"),
        ("http://[2001:db8::1]:8080/", "2001:db8::1:8080)/"),
    ],
)
def test_sort_keys(url: str, key: str) -> None:
    """Spellings of one page have one key."""
    assert surt(url) == key


def members(path: Path) -> dict[str, bytes]:
    """Return the members of a zip."""
    with zipfile.ZipFile(path) as package:
        return {name: package.read(name) for name in package.namelist()}


def test_the_package_holds_what_replay_needs(run: Path, tmp_path: Path) -> None:
    """WARC files are stored whole, every digest is right, the index blocks are where the list says, pages have titles."""
    target = write_wacz(run, tmp_path / "x.wacz", title="Pond", main_url="https://www.Example.org/b?z=1&a=2")
    found = members(target)
    package = json.loads(found["datapackage.json"])
    assert (package["wacz_version"], package["title"], package["created"]) == ("1.1.1", "Pond", "2027-01-15T08:00:00Z")
    for resource in package["resources"]:
        data = found[resource["path"]]
        assert resource["hash"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
        assert resource["bytes"] == len(data)
    assert {entry["path"] for entry in package["resources"]} == set(found) - {"datapackage.json", "datapackage-digest.json"}
    digest = hashlib.sha256(found["datapackage.json"]).hexdigest()
    assert json.loads(found["datapackage-digest.json"]) == {"path": "datapackage.json", "hash": f"sha256:{digest}"}
    with zipfile.ZipFile(target) as opened:
        stored = {info.filename for info in opened.infolist() if info.compress_type == zipfile.ZIP_STORED}
    assert stored == {"indexes/index.cdx.gz", *(f"archive/{path.name}" for path in run.glob("*.warc.gz"))}
    block = json.loads(found["indexes/index.idx"].splitlines()[1].split(b" ", 2)[2])
    lines = gzip.decompress(found["indexes/index.cdx.gz"][block["offset"] : block["offset"] + block["length"]])
    assert lines.splitlines(keepends=True) == list(cdxj_lines(run))
    header, *pages = map(json.loads, found["pages/pages.jsonl"].splitlines())
    assert header["format"] == "json-pages-1.0"
    titles = {page["url"]: page["title"] for page in pages}
    assert titles["https://www.Example.org/b?z=1&a=2"] == "B & C"
    assert titles["https://example.org/c"] == "caf\xe9"
    assert titles["https://example.org/3/"] == "https://example.org/3/"
    assert len(titles) == 22


def test_the_same_run_makes_the_same_package(run: Path, tmp_path: Path) -> None:
    """No clock and no chance is in it."""
    one, two = (write_wacz(run, tmp_path / name, title="Pond").read_bytes() for name in ("a.wacz", "b.wacz"))
    assert one == two


def test_many_captures_make_many_blocks(tmp_path: Path) -> None:
    """Each block of the index can be had alone, by the offset that the list names."""
    with archive(tmp_path / "run") as made:
        for number in range(1_100):
            put(made, f"https://example.org/{number}")
    found = members(write_wacz(tmp_path / "run", tmp_path / "x.wacz", title="Many"))
    entries = [line.rsplit(b" {", 1) for line in found["indexes/index.idx"].splitlines()]
    assert entries[0][0] == b"!meta 0"
    for prefix, rest in entries[1:]:
        place = json.loads(b"{" + rest)
        block = gzip.decompress(found["indexes/index.cdx.gz"][place["offset"] : place["offset"] + place["length"]])
        assert block.startswith(prefix + b" {")
    assert len(entries) == 3


@pytest.mark.filterwarnings("ignore")
def test_the_package_is_valid(run: Path, tmp_path: Path) -> None:
    """`wacz validate` accepts it."""
    main = pytest.importorskip("wacz.main")
    target = write_wacz(run, tmp_path / "x.wacz", title="Pond")
    said = io.StringIO()
    with redirect_stdout(said):
        result: Any = main.main(["validate", "-f", str(target)])
    assert result == 0, said.getvalue()

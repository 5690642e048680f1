"""The proof that something is gone: put back in any kind of place, it is found there and nowhere else."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition.model import ITEM_SCHEMA, item_id
from acquisition.settings import ItemSettings, SourceSettings
from acquisition.stage import Held
from acquisition.takedown.crawls import Leaving, take_from_crawl
from acquisition.takedown.proof import Proof, Reading, prove
from acquisition.tombstones import Tombstone, Tombstones, digest_of
from tests.unit.test_crawl_archive import archive, ask, put, wire

SOUND = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(range(200))
TEXT = "The one sentence that somebody wanted out of every data set."
URL = "https://ann.example.org/poem"
ID = item_id("kit", "r1", "kit.zip!/a.wav")
SOUND_DIGEST = hashlib.sha256(SOUND).hexdigest()
STONES = Tombstones(
    [
        Tombstone("content", SOUND_DIGEST, item=ID, source="kit", ticket="T-1"),
        Tombstone("content", hashlib.sha256(TEXT.encode()).hexdigest(), ticket="T-1"),
        Tombstone("text", digest_of("text", TEXT), ticket="T-1"),
        Tombstone("url", digest_of("url", URL), ticket="T-2", host=digest_of("domain", "ann.example.org")),
        Tombstone("domain", digest_of("domain", "gone.example"), ticket="T-3"),
        Tombstone("author", digest_of("author", "Ann Author"), ticket="T-4"),
        Tombstone("source", digest_of("source", "withdrawn"), ticket="T-5"),
    ]
)
PRESENT, NAMED = "verify.taken-down-present", "verify.taken-down-named"


def zipped(**files: bytes) -> bytes:
    """Return a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    return out.getvalue()


def tarred(data: bytes, mode: str = "w:gz") -> bytes:
    """Return a tar with one file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as opened:  # type: ignore[call-overload]  # a mode of ours
        info = tarfile.TarInfo("k/a.wav")
        info.size = len(data)
        opened.addfile(info, io.BytesIO(data))
    return out.getvalue()


def parquet(**columns: list[Any]) -> bytes:
    """Return a Parquet file."""
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def lines(*values: Any) -> bytes:
    """Return JSON Lines."""
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def shard(**values: Any) -> bytes:
    """Return an item shard with one row."""
    row = {field.name: None if field.nullable else "" for field in ITEM_SCHEMA} | {"size": 1, "modality": "text"} | values
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row], schema=ITEM_SCHEMA), out)
    return out.getvalue()


CLEAN: dict[str, bytes] = {
    "blobs/ab/cd": b"RIFF other sound",
    "blobs/ab/ef": zipped(a=b"1", b=tarred(b"2")),
    "staging/kit/r1/items-00000.parquet": shard(id="f" * 32, text="Another sentence that may stay.", author="Bob", url="https://b.example/"),
    "curated/train.jsonl": lines({"text": "Another sentence that may stay.", "url": "https://b.example/ann.example.org"}),
    "curated/labels.csv": b"path,label\na.wav,kick\n",
    "manifest/items.parquet": parquet(
        id=["f" * 32, ID], outcome=["keep", "drop"], takedown=["", "T-1"], content_sha256=["0" * 64, SOUND_DIGEST],
        title=["t", ""],
    ),
    "manifest/rejections.jsonl": lines({"code": "taken-down", "locator": ID}),
    "tombstones.jsonl": lines({"digest": SOUND_DIGEST}),
}  # fmt: skip

PLACES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "a blob": ("blobs/12/34", lambda: SOUND, PRESENT),
    "a member of a zip": ("blobs/12/35", lambda: zipped(a=SOUND), PRESENT),
    "a member of a compressed tar": ("blobs/12/36", lambda: tarred(SOUND), PRESENT),
    "a member of a plain tar": ("blobs/12/37", lambda: tarred(SOUND, "w"), PRESENT),
    "a member of a member": ("blobs/12/38", lambda: zipped(inner=zipped(deeper=tarred(SOUND))), PRESENT),
    "a compressed file": ("blobs/12/39", lambda: gzip.compress(SOUND), PRESENT),
    "a temporary file": ("blobs/12/.40.x.tmp", lambda: SOUND, PRESENT),
    "an old curated set": (".curated.old-1/kick/a.wav", lambda: SOUND, PRESENT),
    "an unknown file": ("notes/somewhere.bin", lambda: SOUND, PRESENT),
    "a WACZ export": ("export.wacz", lambda: zipped(archive=SOUND), PRESENT),
    "evidence": ("evidence/99", lambda: TEXT.encode(), PRESENT),
    "a text file in other dress": ("curated/a.txt", lambda: f"  {TEXT.upper()}\r\n".encode(), PRESENT),
    "a media cell of Parquet": ("curated/x.parquet", lambda: parquet(image=[{"bytes": SOUND, "path": "a"}]), PRESENT),
    "a text cell of Parquet": ("curated/y.parquet", lambda: parquet(text=["a", TEXT]), PRESENT),
    "a digest in a shard": ("staging/kit/r1/items-2.parquet", lambda: shard(content_sha256=SOUND_DIGEST), NAMED),
    "an id in a flag shard": ("flags/f-1/kit/items-0.parquet", lambda: parquet(row=[0], item=[ID]), NAMED),
    "an id among signatures": ("flags/d-1/.signatures/kit/i.parquet", lambda: parquet(item=[ID], minhash=[[1]]), NAMED),
    "an address in a shard": ("staging/kit/r1/items-3.parquet", lambda: shard(url=URL + "#part"), NAMED),
    "a host below a domain": ("staging/kit/r1/items-4.parquet", lambda: shard(locator="https://a.gone.example/x#sha"), NAMED),
    "an author": ("staging/kit/r1/items-5.parquet", lambda: shard(author="Bob; ann  AUTHOR"), PRESENT),
    "a source": ("staging/kit/r1/items-6.parquet", lambda: shard(source="withdrawn"), PRESENT),
    "a row of the ledger that says too much": (
        "manifest/old.parquet",
        lambda: parquet(id=[ID], outcome=["drop"], takedown=["T-1"], title=["The title"]),
        PRESENT,
    ),
    "a line of JSON": ("curated/a.jsonl", lambda: lines({"x": 1}, {"nested": [{"text": TEXT}]}), PRESENT),
    "a compressed line of JSON": ("curated/b.jsonl.gz", lambda: gzip.compress(lines({"text": TEXT})), PRESENT),
    "a list of files": ("manifest/curated-files.jsonl", lambda: lines({"path": "a", "sha256": SOUND_DIGEST}), NAMED),
    "a line of a crawl": ("crawl/web/run-0001/a.items.jsonl", lambda: lines({"final_url": URL, "sha256": ""}), NAMED),
    "a JSON file": ("manifest/croissant.json", lambda: json.dumps({"description": TEXT}).encode(), PRESENT),
    "a cell of CSV": ("curated/a.csv", lambda: f"a,b\n1,{TEXT}\n".encode(), PRESENT),
    "a half-done takedown": ("staging/kit/r1/gone-1.parquet", lambda: parquet(id=["x"]), "verify.takedown-unfinished"),
}  # fmt: skip


def laid(root: Path, files: dict[str, bytes]) -> Path:
    """Write files below a folder."""
    for place, data in files.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_bytes(data)
    return root


def places(proof: Proof) -> set[tuple[str, str]]:
    """Return code and file of every finding."""
    return {(one.code, one.path.partition("!/")[0].partition("#")[0]) for one in proof.findings}


def test_a_clean_workspace_is_clean(tmp_path: Path) -> None:
    """Nothing is found where nothing is; what was looked at is counted, and the ledger's rows of tombstones are in order."""
    proof = prove(laid(tmp_path, CLEAN), STONES)
    assert proof.findings == ()
    assert {place for place, _ in proof.unread} == {"blobs/ab/ef!/a", "blobs/ab/ef!/b!/k/a.wav"}  # as no source is declared
    assert (proof.tombstones, proof.files, proof.members) == (7, len(CLEAN) - 1, 3)
    assert proof.rows >= 7


def test_without_tombstones_nothing_is_read(tmp_path: Path) -> None:
    """There is nothing to prove."""
    assert prove(laid(tmp_path, CLEAN), Tombstones()) == Proof()


@pytest.mark.parametrize("kind", PLACES)
def test_whatever_comes_back_is_found(tmp_path: Path, kind: str) -> None:
    """In this kind of place, and nowhere else; the file, the tombstone and its ticket are told, and no content."""
    place, make, code = PLACES[kind]
    proof = prove(laid(tmp_path, CLEAN | {place: make()}), STONES)
    assert places(proof) == {(code, place)}
    for finding in proof.findings:
        assert "T-" in finding.detail or code.endswith("unfinished")
        assert TEXT not in finding.detail + finding.path


def test_members_and_rows_are_named(tmp_path: Path) -> None:
    """A finding leads to the member, the line, the row and the column."""
    made = {
        "a": zipped(inner=zipped(deeper=SOUND)),
        "b.jsonl": lines({}, {"text": TEXT}),
        "c.parquet": parquet(n=[1, 2], text=["", TEXT]),
    }
    proof = prove(laid(tmp_path, made), STONES)
    assert [one.path for one in proof.findings] == ["a!/inner!/deeper", "b.jsonl#line=2", "c.parquet#row=1&column=text"]


def test_databases(tmp_path: Path) -> None:
    """An address, a digest, a text in any table; a row that says that its address was taken down is in order."""
    laid(tmp_path, CLEAN)
    with closing(sqlite3.connect(tmp_path / "frontier.sqlite")) as made:
        made.execute("CREATE TABLE url (url TEXT, state TEXT, reason TEXT)")
        made.execute("INSERT INTO url VALUES (?, 'refused', 'taken-down')", (URL,))
        made.commit()
    assert prove(tmp_path, STONES).findings == ()
    for table, row in (
        ("url", (URL, "done", "")),
        ("blobs", ("a.wav", SOUND_DIGEST, "")),
        ("facts", (TEXT, "", "")),
    ):
        path = tmp_path / f"{table}.sqlite"
        with closing(sqlite3.connect(path)) as made:
            made.execute("PRAGMA journal_mode=WAL")
            made.execute(f"CREATE TABLE {table} (url TEXT, sha256 TEXT, reason TEXT)")
            made.execute(f"INSERT INTO {table} VALUES (?, ?, ?)", row)
            made.commit()
            assert {one.path for one in prove(tmp_path, STONES).findings} == {f"{table}.sqlite#table={table}"}
        path.unlink()


def test_web_archives(tmp_path: Path) -> None:
    """A payload by its digest, coded or not, a page by its address; after it was taken out, nothing."""
    run = tmp_path / "crawl" / "web" / "run-0001"
    with archive(run) as made:
        put(made, URL, b"<p>a page")
        made.write(
            ask("https://b.example/s.wav", "media"), wire(gzip.compress(SOUND), 200, (("Content-Encoding", "gzip"),)), {}
        )
        put(made, "https://b.example/", b"<p>stays")
    found = {(one.code, one.path.partition("#")[0].rpartition("/")[2]) for one in prove(tmp_path, STONES).findings}
    assert found == {(PRESENT, "crawl-00000.warc.gz"), (NAMED, "crawl-00000.warc.gz"), (NAMED, "index.sqlite")}
    packed = hashlib.sha256(gzip.compress(SOUND, mtime=0)).hexdigest()
    leaving = Leaving(lambda url: STONES.url_gone(url) is not None or url.endswith("s.wav"), frozenset(), frozenset({packed}))
    take_from_crawl(tmp_path / "crawl" / "web", leaving, "2026-11-21T00:00:00Z")
    proof = prove(tmp_path, STONES)
    assert proof.findings == ()
    assert proof.records > 0


def test_rows_are_recognised_as_the_declaration_reads_them(tmp_path: Path) -> None:
    """A row of CSV whose content is its columns, and one by its author, is found only because the file is read again."""
    out = io.StringIO()
    csv.writer(out).writerows([["n", "by"], ["1", "x"], ["2", "y"], ["3", "Ann Author"]])
    place = laid(tmp_path, {"blobs/aa/bb": out.getvalue().encode()}) / "blobs/aa/bb"
    content = hashlib.sha256(b'{"n":"2"}').hexdigest()
    stones = Tombstones([Tombstone("content", content), *(one for one in STONES if one.scope == "author")])
    items = ItemSettings.model_validate({"as": "rows", "keep": ("n",), "author": "by"})
    settings = SourceSettings.model_validate({"kind": "http", "items": items})
    reading = Reading("kit", "r1", "", settings, (Held("rows.csv", str(place), "aabb", 10, ""),))
    assert prove(tmp_path, stones).findings == ()
    proof = prove(tmp_path, stones, [reading])
    assert {one.path for one in proof.findings} <= {"blobs/aa/bb: rows.csv#row=1", "blobs/aa/bb: rows.csv#row=2"}
    assert "blobs/aa/bb: rows.csv#row=2" in {one.path for one in proof.findings}
    outside = Reading("kit", "r1", "", settings, (Held("rows.csv", str(place), "aabb", 10, ""),))
    assert prove(tmp_path / "elsewhere", stones, [outside]).findings == ()


def test_what_cannot_be_looked_into_is_said(tmp_path: Path) -> None:
    """A cut archive, a half download, a table that is none: nothing is claimed of them, and links lead nowhere."""
    laid(
        tmp_path,
        {
            "a.zip": zipped(a=bytes(900), b=bytes(900))[:-40],
            "partial/x": SOUND,
            "b.parquet": b"PAR1" + bytes(40),
            "c.json": b"{",
        },
    )
    (tmp_path / "link").symlink_to(tmp_path / "partial" / "x")
    proof = prove(tmp_path, STONES)
    assert proof.findings == ()
    assert {place.partition("!/")[0] for place, _ in proof.unread} == {"a.zip", "partial/x", "b.parquet", "c.json"}


def test_what_no_reader_knows_is_no_proof(tmp_path: Path) -> None:
    """Files of the store are told by what they hold; what nothing tells, and no reader reads, is listed and not claimed."""
    media = b"RIFF" + bytes(40)
    laid(
        tmp_path,
        {
            "blobs/aa/lines": lines({"text": TEXT}),
            "blobs/aa/text": f"{TEXT}\n".encode(),
            "blobs/aa/odd": bytes(90),
            "blobs/aa/sound": media,
            "blobs/bb/zip": zipped(**{"a.xml": b"<a>b</a>", "b.py": b"x = 1", "c.wav": media, "d.txt": b"plain"}),
            "blobs/cc/rows": b"n\n1\n",
            "manifest/card.yaml": b"a: 1",
        },
    )
    settings = SourceSettings.model_validate({"kind": "http", "items": {"as": "rows"}})
    reading = Reading("kit", "r1", "", settings, (Held("rows.csv", str(tmp_path / "blobs/cc/rows"), "cc", 4, ""),))
    proof = prove(tmp_path, STONES, [reading])
    assert {one.path.partition("#")[0] for one in proof.findings} == {"blobs/aa/lines", "blobs/aa/text"}
    unread = {place for place, why in proof.unread if why.startswith("no reader knows it")}
    assert unread == {"blobs/aa/lines", "blobs/aa/text", "blobs/aa/odd", "blobs/bb/zip!/a.xml", "blobs/bb/zip!/b.py"}

"""Readers fill the `signals` column and the license of a page from what pages, archives and media files say by machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from acquisition.protocols import ReadContext
from acquisition.read import FileBinary, read_asset
from acquisition.settings import ItemSettings, ReadSettings

BY = "https://creativecommons.org/licenses/by/4.0/"
BY_SA = "https://creativecommons.org/licenses/by-sa/4.0/"
SEVERAL = "several licenses on the page: CC-BY-4.0 | CC-BY-SA-4.0"
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" '
    b'plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED"/></rdf:RDF></x:xmpmeta>'
)


def rows(path: Path, items: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return the items of one file."""
    context = ReadContext("s", "r", path.name, "", ItemSettings.model_validate(items or {}), ReadSettings())
    return [row for found in read_asset(FileBinary(path, path.name), context) for row in found.to_pylist()]  # type: ignore[union-attr]  # no rejections here


def said(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return mechanism and word on training of each of an item's signals."""
    return [(one["mechanism"], one["train"]) for one in json.loads(row["signals"] or "[]")]


def picture(size: int = 8, xmp: bytes = XMP) -> bytes:
    """Return a JPEG of noise with an XMP packet."""
    stream = io.BytesIO()
    Image.effect_noise((size, size), 90).save(stream, "JPEG", quality=95, **({"xmp": xmp} if xmp else {}))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("markup", "license_raw", "license_url"),
    [
        ("", None, None),
        (f'<link rel=license href="{BY}">', None, BY),
        (f'<figure><img><a rel=license href="{BY}">x</a></figure>', None, None),
        (f'<figure><a rel=license href="{BY}">x</a></figure><link rel=license href="{BY_SA}">', None, BY_SA),
        (f'<link rel=license href="{BY}"><link rel=license href="{BY_SA}">', SEVERAL, None),
        ('<meta name="dcterms.license" content="CC0 1.0">', "CC0 1.0", None),
    ],
)  # fmt: skip
def test_a_saved_pages_license(tmp_path: Path, markup: str, license_raw: str | None, license_url: str | None) -> None:
    """The page's own statement counts, a picture's does not, and statements that differ are nobody's license."""
    path = tmp_path / "page.html"
    path.write_text(f"<html><title>t</title><body><p>words</p>{markup}</body></html>")
    (row,) = rows(path)
    assert (row["license_raw"], row["license_url"]) == (license_raw, license_url)


def test_a_saved_pages_opt_outs(tmp_path: Path) -> None:
    """Meta elements are read; a page that says nothing has no signals."""
    path = tmp_path / "page.html"
    path.write_text('<html><meta name="robots" content="noai"><meta name="tdm-reservation" content="1"><p>words</p></html>')
    assert said(rows(path)[0]) == [("meta-robots", "deny"), ("tdmrep", "deny")]
    path.write_text("<html><p>words on robots and licenses</p></html>")
    assert rows(path)[0]["signals"] is None


def test_an_archives_headers_and_bodies(tmp_path: Path) -> None:
    """Of an archived answer the header, the markup (undone of its coding) and the picture's own metadata are read."""
    page = gzip.compress(b'<html><meta name=robots content="noai"><p>words</p></html>')
    answers = [
        ("http://a.test/1.html", "Content-Type: text/html\r\nX-Robots-Tag: noindex", b"<html><p>words</p></html>"),
        ("http://a.test/2.html", "Content-Type: text/html\r\nContent-Encoding: gzip", page),
        ("http://a.test/3.jpg", "Content-Type: image/jpeg\r\nX-Robots-Tag: noimageai", picture()),
        ("http://a.test/4.html", f'Content-Type: text/html\r\nLink: <{BY}>; rel="license"', b"<html><p>words</p></html>"),
        ("http://a.test/5.txt", "Content-Type: text/plain\r\nTDM-Reservation: 1", b"words"),
    ]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(_record(number, *answer) for number, answer in enumerate(answers)))
    found = rows(path)
    assert [said(row) for row in found] == [
        [("x-robots-tag", "none")], [("meta-robots", "deny")], [("x-robots-tag", "deny"), ("plus", "deny")],
        [("link-header", "none")], [("tdmrep", "deny")],
    ]  # fmt: skip
    assert json.loads(found[0]["signals"])[0]["store"] == "deny"
    assert [row["license_url"] for row in found] == [None, None, None, BY, None]


def _record(number: int, url: str, headers: str, body: bytes) -> bytes:
    block = f"HTTP/1.1 200 OK\r\n{headers}\r\n\r\n".encode() + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012}>\r\n"
        f"WARC-Date: 2026-01-02T03:04:05Z\r\nWARC-Target-URI: {url}\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + block + b"\r\n\r\n")


@pytest.mark.parametrize("size", [8, 900])
def test_media_of_ones_own(tmp_path: Path, size: int) -> None:
    """Small and large pictures that forbid training say so as files, in an archive, and in a row; others say nothing."""
    data, silent = picture(size), picture(size, b"")
    assert (len(data) > 600_000) == (size == 900)
    (tmp_path / "a.jpg").write_bytes(data)
    (tmp_path / "b.jpg").write_bytes(silent)
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("a.jpg", data)
    struct = pa.array([{"bytes": data, "path": "a.jpg"}, {"bytes": silent, "path": "b.jpg"}])
    pq.write_table(pa.table({"image": struct}), tmp_path / "d.parquet")
    assert [said(row) for row in rows(tmp_path / "a.jpg")] == [[("plus", "deny")]]
    assert [row["signals"] for row in rows(tmp_path / "b.jpg")] == [None]
    assert [said(row) for row in rows(tmp_path / "c.zip")] == [[("plus", "deny")]]
    assert [said(row) for row in rows(tmp_path / "d.parquet")] == [[("plus", "deny")], []]


def test_media_beside_a_table(tmp_path: Path) -> None:
    """A picture that a table names keeps its own words."""
    (tmp_path / "a.jpg").write_bytes(picture())
    table = tmp_path / "t.csv"
    table.write_text("file,label\na.jpg,x\n")
    items = ItemSettings.model_validate({"media": "file", "label": "label"})
    beside = {name: FileBinary(tmp_path / name, name) for name in ("a.jpg", "t.csv")}
    found = [
        row
        for name, binary in beside.items()
        for batch in read_asset(binary, ReadContext("s", "r", name, "", items, ReadSettings(), siblings=beside))
        for row in batch.to_pylist()  # type: ignore[union-attr]  # no rejections here
    ]
    assert [(row["label"], said(row)) for row in found] == [("x", [("plus", "deny")])]


def test_the_digest_is_still_the_files(tmp_path: Path) -> None:
    """Looking inside changes nothing else of the item."""
    data = picture(900)
    (tmp_path / "a.jpg").write_bytes(data)
    (row,) = rows(tmp_path / "a.jpg")
    assert (row["size"], row["content_sha256"]) == (len(data), hashlib.sha256(data).hexdigest())

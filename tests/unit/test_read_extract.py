"""Text of crawled pages at staging: what is kept, what is said beside it, and pages that were made to hurt."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import os
import re
import signal
import threading
import time
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.content.limits import Unreadable
from acquisition.read import extractor as extractor_module
from acquisition.read.crawl import CrawlReader
from acquisition.read.extract import decoded, extract, letters
from acquisition.read.extractor import Extractor, serve
from acquisition.testing import StoredBinary, read_context

ARTICLE = "".join(
    f"<p>Sentence number {number} of an article about owls, which is long enough to be kept by anybody.</p>"
    for number in range(8)
)
PAGE = f"""<!doctype html><html lang="en-GB"><head><title>Owls | Birds</title><meta name="author" content="Ann Bird">
<meta property="og:site_name" content="Birds"><meta property="article:published_time" content="2024-05-01T10:00:00Z">
<link rel="license" href="https://creativecommons.org/licenses/by/4.0/"></head>
<body><nav><a href="/">Home</a> <a href="/all">Everything else</a></nav><article><h1>Owls at night</h1>{ARTICLE}
<figure><img src="o.jpg"><figcaption>An owl <b>on</b> a branch</figcaption></figure></article>
<footer>Imprint and privacy</footer></body></html>"""


def test_the_main_text_comes_with_what_the_page_says_of_itself() -> None:
    """Title, author, date, language, site name, figure captions; no navigation, no footer, a paragraph per line."""
    found = extract(PAGE.encode(), "utf-8", "https://birds.example/owls")
    assert "Sentence number 7" in found.text
    assert "Everything else" not in found.text
    assert "Imprint" not in found.text
    assert found.text.count("\n") >= 7
    assert (found.title, found.author, found.date, found.language, found.site) == (
        "Owls at night",
        "Ann Bird",
        "2024-05-01",
        "en-GB",
        "Birds",
    )
    assert found.figcaptions == ("An owl on a branch",)
    assert found.fields() == {
        "date": "2024-05-01",
        "language": "en-GB",
        "site_name": "Birds",
        "figcaptions": ["An owl on a branch"],
    }


@pytest.mark.parametrize(
    "body", ["", "<html><body></body></html>", "<script>x()</script><img src=a.jpg>", "<nav><a href=/>A</a></nav>"]
)
def test_a_page_without_words_is_no_item(body: str) -> None:
    """No main text is a rejection with a reason, not an empty item."""
    with pytest.raises(Unreadable) as caught:
        extract(body.encode(), "utf-8")
    assert caught.value.code == "no-main-text"


def test_a_short_page_is_kept() -> None:
    """Whether a short text is worth anything is for filters to say."""
    assert "short page number seventeen" in extract(b"<h1>A page</h1><p>a short page number seventeen</p>", "utf-8").text


def test_the_recorded_charset_decodes() -> None:
    """The crawler's charset is used, whatever the page says; an unknown one falls back to UTF-8."""
    text = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 3
    body = f'<meta charset="utf-8"><p>{text}</p>'.encode("cp1251")
    assert extract(body, "cp1251").text.startswith("Съешь же ещё")
    assert decoded("\ufeffé".encode(), "klingon") == "é"


def test_a_deep_page_keeps_its_text() -> None:
    """Broken markup nests deeper than trafilatura's parser reads; resiliparse's text is taken, and the fields say so."""
    found = extract(("<div>" * 600 + ARTICLE + "</div>" * 600 + "<p>And this is the end of the page.</p>").encode(), "utf-8")
    assert "Sentence number 7" in found.text
    assert found.fields()["extractor"] == "resiliparse"


def _attributes() -> str:
    return "<div " + " ".join(f"a{number}=1" for number in range(30_000)) + ">" + ARTICLE


@pytest.mark.parametrize("body", ["<div>" * 20_000 + ARTICLE, _attributes()])
def test_pages_made_to_cost_time_are_refused(body: str) -> None:
    """Depth and attributes that make the libraries quadratic are met by neither of them."""
    began = time.process_time()
    with pytest.raises(Unreadable) as caught:
        extract(body.encode(), "utf-8")
    assert caught.value.code == "page-refused"
    assert time.process_time() - began < 2


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=400), st.sampled_from(["utf-8", "utf-16", "cp1252", "nonsense", ""]))
def test_any_bytes_have_a_text_or_a_reason(body: bytes, charset: str) -> None:
    """Hostile bytes end as text or as Unreadable, nothing else."""
    for shape in (body, b"<p>" + body + ARTICLE.encode()):
        try:
            assert letters(extract(shape, charset).text) > 0
        except Unreadable as error:
            found = error.code
            assert found in {"no-main-text", "page-refused"}  # text is an answer too


def test_real_pages_are_read_as_people_read_them(shared_data: Path) -> None:
    """Words of 30 annotated articles: F of at least 0.9 in the mean (trafilatura's own evaluation says 0.92)."""
    folder = shared_data / "web_pages/article-extraction-benchmark"
    truth: dict[str, Any] = json.loads((folder / "ground-truth.json").read_text())
    scores = []
    for path in sorted((folder / "html").glob("*.html.gz"))[:30]:
        wanted = truth[path.name.removesuffix(".html.gz")]
        found = extract(gzip.decompress(path.read_bytes()), "utf-8", wanted["url"])
        scores.append(_agreement(found.text, wanted["articleBody"]))
    assert sum(scores) / len(scores) > 0.9


def _agreement(found: str, wanted: str) -> float:
    one, other = (Counter(re.findall(r"\w+", text.lower())) for text in (found, wanted))
    both = sum((one & other).values())
    return 2 * both / (sum(one.values()) + sum(other.values())) if both else 0.0


# --- in a process of its own


def test_one_process_serves_many_pages_and_ends() -> None:
    """The process answers page after page, rejections included, and is gone afterwards."""
    with Extractor() as extractor:
        assert "Sentence number 7" in extractor.extract(PAGE.encode(), "utf-8").text
        child = extractor._child
        with pytest.raises(Unreadable) as caught:
            extractor.extract(b"", "utf-8")
        assert caught.value.code == "no-main-text"
        assert extractor.extract(PAGE.encode(), "utf-8").language == "en-GB"
        assert extractor._child is child
    assert child is not None
    assert child.poll() is not None


def test_a_page_that_kills_the_process_costs_itself_only() -> None:
    """A dead process is a rejection of the page, and the next page has a new one."""
    with Extractor() as extractor:
        extractor.extract(PAGE.encode(), "utf-8")
        child = extractor._child
        assert child is not None
        os.kill(child.pid, signal.SIGSTOP)  # it has the page now, and works for ever
        killer = threading.Timer(0.3, os.kill, (child.pid, signal.SIGKILL))
        killer.start()
        with pytest.raises(Unreadable) as caught:
            extractor.extract(PAGE.encode(), "utf-8")
        killer.join()
        assert caught.value.code == "extraction-failed"
        assert "Sentence" in extractor.extract(PAGE.encode(), "utf-8").text


def test_a_page_that_takes_too_long_is_given_up() -> None:
    """A process that does not answer in time is ended, and the next page has a new one."""
    with Extractor(seconds=0.2) as extractor:
        extractor.extract(PAGE.encode(), "utf-8")
        assert extractor._child is not None
        os.kill(extractor._child.pid, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(Unreadable) as caught:
            extractor.extract(PAGE.encode(), "utf-8")
        assert caught.value.code == "extraction-timeout"
        assert time.monotonic() - began < 5
        assert "Sentence" in extractor.extract(PAGE.encode(), "utf-8").text


def test_whatever_a_library_raises_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process says what went wrong and goes on."""

    def raising(*_: object) -> None:
        raise RuntimeError("a strange page")

    monkeypatch.setattr(extractor_module, "extract", raising)
    head = json.dumps({"charset": "utf-8", "url": "", "size": 1}).encode()
    asked, told = BytesIO((len(head).to_bytes(4, "big") + head + b"x") * 2), BytesIO()
    serve(asked, told)
    answers = told.getvalue()
    size = int.from_bytes(answers[:4], "big")
    assert json.loads(answers[4 : 4 + size]) == {"code": "extraction-failed", "detail": "RuntimeError: a strange page"}
    assert len(answers) == 2 * (4 + size)


# --- from the archive


def _archived(folder: Path, body: bytes, line: dict[str, Any], headers: tuple[tuple[str, str], ...] = ()) -> StoredBinary:
    """Write a WARC file with one response and the list beside it; return the file as the reader gets it."""
    path = folder / "crawl-00000.warc.gz"
    lines = "".join(f"{name}: {value}\r\n" for name, value in (("Content-Type", "text/html"), *headers))
    block = f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + body
    head = f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{uuid4()}>\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
    head += f"WARC-Target-URI: https://e.example/p\r\nContent-Type: application/http\r\nContent-Length: {len(block)}\r\n\r\n"
    path.write_bytes(gzip.compress(head.encode() + block + b"\r\n\r\n"))
    plain = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    sha256 = hashlib.sha256(plain).hexdigest()
    record = {
        "locator": f"https://e.example/p#sha256={sha256[:32]}",
        "url": "https://e.example/p",
        "final_url": "https://e.example/p",
        "media_type": "text/html",
        "sample": "page",
        "size": len(plain),
        "sha256": sha256,
        "warc": {"file": path.name, "offset": 0, "record_id": "x"},
        "item": {},
    } | line
    (folder / "crawl-00000.items.jsonl").write_text(json.dumps(record) + "\n")
    return StoredBinary(path)


def _read(binary: StoredBinary, folder: Path, **declared: Any) -> list[Any]:
    siblings = {"crawl-00000.items.jsonl": StoredBinary(folder / "crawl-00000.items.jsonl")}
    context = dataclasses.replace(read_context("crawl-00000.warc.gz", **declared), siblings=siblings, reader="crawl")
    return list(CrawlReader().read(binary, context))


def test_a_page_of_the_archive_becomes_a_text_item(tmp_path: Path) -> None:
    """Text, title and author from the page, the spider's own words before them, signals of the line, the rest as fields."""
    signals = [{"mechanism": "tdmrep", "train": "deny"}]
    line = {
        "item": {"title": "Mine", "license_url": "https://l.example/"},
        "charset": {"declared": "", "used": "utf-8"},
        "signals": signals,
    }
    binary = _archived(tmp_path, gzip.compress(PAGE.encode()), line, (("Content-Encoding", "gzip"),))
    (batch,) = _read(binary, tmp_path)
    (row,) = batch.to_pylist()
    assert "Sentence number 7" in row["text"]
    assert (row["title"], row["author"], row["license_url"], row["license_raw"]) == (
        "Mine",
        "Ann Bird",
        "https://l.example/",
        "https://l.example/",
    )
    assert (row["modality"], row["media_type"], row["member"]) == ("text", "text/plain", "")
    assert json.loads(row["signals"]) == signals
    assert json.loads(row["fields"])["date"] == "2024-05-01"
    assert row["size"] == len(row["text"].encode())


@pytest.mark.parametrize(
    ("body", "line", "code"),
    [
        (PAGE.encode(), {"sha256": "0" * 64}, "warc-digest"),
        (b"<p></p>", {}, "no-main-text"),
        (b"x", {"media_type": "text/plain"}, "no-main-text"),
        (PAGE.encode(), {"warc": {"file": "crawl-00000.warc.gz", "offset": 10**6, "record_id": "x"}}, "warc-damaged"),
    ],
)
def test_a_page_that_gives_no_item_is_rejected_with_a_reason(
    tmp_path: Path, body: bytes, line: dict[str, Any], code: str
) -> None:
    """Another page than the listed one, damage, no text: a rejection each, with the item's place."""
    (rejection,) = _read(_archived(tmp_path, body, line), tmp_path)
    assert rejection.code == code
    assert rejection.locator.startswith("https://e.example/p#sha256=")


def test_plain_text_is_taken_as_it_is(tmp_path: Path) -> None:
    """text/plain needs no extraction, only its charset."""
    body = "Grüße aus München".encode("latin-1")
    line = {"media_type": "text/plain", "charset": {"declared": "latin-1", "used": "cp1252"}}
    (batch,) = _read(_archived(tmp_path, body, line), tmp_path)
    assert batch.to_pylist()[0]["text"] == "Grüße aus München"


def test_a_declared_encoding_wins(tmp_path: Path) -> None:
    """`read.encoding` is the user's own word, and beats what the crawler recorded."""
    body = "<p>Съешь же ещё этих мягких французских булок</p>".encode("koi8-r")
    line = {"charset": {"declared": "cp1251", "used": "cp1251"}}
    (batch,) = _read(_archived(tmp_path, body, line), tmp_path, read={"encoding": "koi8-r"})
    assert batch.to_pylist()[0]["text"].startswith("Съешь")

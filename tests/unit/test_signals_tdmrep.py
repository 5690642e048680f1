"""TDMRep on all its surfaces."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.rights.signals import Word, read, verdicts

URL = "https://site.example/a/b/text.html?x=1"


def _well_known(rules: object, url: str = URL) -> Word:
    body = rules if isinstance(rules, bytes) else json.dumps(rules).encode()
    return verdicts(read(url, {}, b"", None, {"/.well-known/tdmrep.json": body})).train


@pytest.mark.parametrize(
    ("rules", "train"),
    [
        ([{"location": "/", "tdm-reservation": 1}], "deny"),
        ([{"location": "/", "tdm-reservation": 0}], "allow"),
        ([{"location": "/a/", "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1}], "allow"),
        ([{"location": "/", "tdm-reservation": 1}, {"location": "/a/", "tdm-reservation": 0}], "deny"),
        ([{"location": "/c/", "tdm-reservation": 1}], "none"),
        ([{"location": "/A/", "tdm-reservation": 1}], "none"),
        ([{"location": "/a/*.html", "tdm-reservation": 1}], "deny"),
        ([{"location": "/a/*.html$", "tdm-reservation": 1}], "none"),
        ([{"location": "/a/*.pdf", "tdm-reservation": 1}], "none"),
        ([{"location": "*.html", "tdm-reservation": 1}], "deny"),
        ([{"location": "https://site.example/a/", "tdm-reservation": 1}], "deny"),
        ([{"location": "/", "tdm-reservation": "1"}], "deny"),
        ([{"location": "/", "tdm-reservation": "0"}], "unknown"),
        ([{"location": "/", "tdm-reservation": True}], "unknown"),
        ([{"location": "/", "tdm-reservation": 2}], "unknown"),
        ([{"location": "/", "tdm-reservation": "yes"}], "unknown"),
        ([{"location": "/", "tdm-policy": "https://site.example/policy.json"}], "none"),
        ([{"tdm-reservation": 1}], "unknown"),
        ({"location": "/", "tdm-reservation": 1}, "unknown"),
        ([], "none"),
        (b"", "none"),
        (b"<!DOCTYPE html><p>not found", "none"),
        (b"[{", "unknown"),
        (b"\xef\xbb\xbf[]", "none"),
        (b"[" * 100_000, "unknown"),
        (b"\xff\xfe", "unknown"),
    ],
)
def test_the_well_known_file(rules: object, train: Word) -> None:
    """The first rule that fits decides; a web page says nothing; what cannot be read is unknown and never a yes."""
    assert _well_known(rules) == train


@pytest.mark.parametrize(
    ("headers", "train"),
    [
        ({"tdm-reservation": "1"}, "deny"),
        ({"TDM-Reservation": "0"}, "allow"),
        ({"tdm-reservation": ["0", "1"]}, "deny"),
        ({"tdm-reservation": "0, 1"}, "deny"),
        ({"tdm-reservation": "true"}, "unknown"),
        ({"tdm-reservation": ""}, "unknown"),
        ({"tdm-policy": "https://site.example/p"}, "none"),
    ],
)
def test_headers(headers: dict[str, str], train: Word) -> None:
    """1 reserves, 0 does not, anything else is unknown."""
    assert verdicts(read(URL, headers, b"")).train == train


@pytest.mark.parametrize(
    ("markup", "train"),
    [
        (b'<meta name="tdm-reservation" content="1">', "deny"),
        (b'<meta name="TDM-Reservation" content=" 1 ">', "deny"),
        (b'<meta name="tdm-reservation" content="0">', "allow"),
        (b'<meta name="tdm-reservation" content="">', "unknown"),
        (b'<meta name="tdm-policy" content="https://site.example/p">', "none"),
    ],
)
def test_meta(markup: bytes, train: Word) -> None:
    """The meta element says the same as the header."""
    assert verdicts(read(URL, {}, b"<html><head>" + markup + b"</head></html>")).train == train


def test_no_surface_undoes_another_s_one() -> None:
    """A 0 in the page does not cancel the 1 of the well-known file, and both are on record."""
    page = b'<html><meta name="tdm-reservation" content="0"></html>'
    signals = read(URL, {}, page, None, {"/.well-known/tdmrep.json": b'[{"location": "/", "tdm-reservation": 1}]'})
    assert [(one.where, one.train) for one in signals] == [
        ("/.well-known/tdmrep.json", "deny"),
        ("meta tdm-reservation", "allow"),
    ]
    assert verdicts(signals).train == "deny"


def test_the_policy_is_kept_for_people() -> None:
    """The address of the policy stands in the record, so that somebody can ask."""
    (signal,) = read(URL, {"tdm-reservation": "1", "tdm-policy": "https://site.example/policy.json"}, b"")
    assert signal.parsed["tdm-policy"] == "https://site.example/policy.json"


def _epub(meta: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr(
            "OEBPS/book.opf", b'<package xmlns="http://www.idpf.org/2007/opf"><metadata>' + meta + b"</metadata></package>"
        )
    return stream.getvalue()


@pytest.mark.parametrize(
    ("meta", "train"),
    [
        (b'<meta name="tdm:reservation" content="1"/>', "deny"),
        (b'<meta property="tdm:reservation">1</meta>', "deny"),
        (b'<meta property="tdm:reservation">0</meta>', "allow"),
        (b'<meta property="dcterms:modified">2026-01-01</meta>', "none"),
        (b"<meta property='tdm:reservation'>", "unknown"),
    ],
)
def test_books(meta: bytes, train: Word) -> None:
    """EPUB 2 and EPUB 3 packages carry the reservation in their metadata."""
    assert (
        verdicts(read("https://site.example/book.epub", {"Content-Type": "application/epub+zip"}, _epub(meta))).train == train
    )


def test_a_book_of_countless_files() -> None:
    """The directory of a book is not read when it is longer than any book's."""
    book = _epub(b'<meta name="tdm:reservation" content="0"/>') + b"PK\x01\x02" * 30_000
    (signal,) = read("https://site.example/book.epub", {}, book)
    assert (signal.mechanism, signal.train) == ("unread", "unknown")


def test_pdf() -> None:
    """The reservation in a PDF's XMP is found."""
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:tdm="http://www.w3.org/ns/tdmrep/" tdm:reservation="1" tdm:policy="https://site.example/p"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )
    (signal,) = read("https://site.example/a.pdf", {}, b"%PDF-1.7\n" + xmp + b"\n%%EOF")
    assert (signal.mechanism, signal.train, signal.parsed["tdm-policy"]) == ("tdmrep", "deny", "https://site.example/p")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["location", "tdm-reservation", "tdm-policy", "x"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_any_json_gives_a_word(rules: object) -> None:
    """No file raises, and only the number 0 in a rule that fits is a yes."""
    train = _well_known(rules)
    assert train in ("allow", "deny", "unknown", "none")
    if train == "allow":
        assert isinstance(rules, list)
        assert any(isinstance(rule, dict) and rule.get("tdm-reservation") == 0 for rule in rules)

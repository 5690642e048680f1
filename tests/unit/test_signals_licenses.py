"""License markup as positive evidence, with what it speaks of."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.rights.items import conclude_item
from acquisition.rights.signals import EVIDENCE, Signal, page_claim, page_license, read, verdicts
from acquisition.rights.signals.licenses import links

URL = "https://site.example/photos/7"
BY = "https://creativecommons.org/licenses/by/4.0/"
BY_SA = "https://creativecommons.org/licenses/by-sa/4.0/"


def _evidence(body: str, headers: dict[str, str] | None = None) -> list[Signal]:
    signals = read(URL, headers or {"Content-Type": "text/html"}, body.encode())
    return [one for one in signals if one.mechanism in EVIDENCE]


def _item(kind: str, inner: str) -> str:
    return f'<div itemscope itemtype="https://schema.org/{kind}">{inner}</div>'


@pytest.mark.parametrize(
    ("body", "mechanism", "scope", "license_"),
    [
        (f'<html><head><link rel="license" href="{BY}"></head></html>', "rel-license", "page", "CC-BY-4.0"),
        (f'<footer><a rel="license noopener" href="{BY}">x</a></footer>', "rel-license", "page", "CC-BY-4.0"),
        (f'<figure><img><a REL=License href="{BY}">x</a></figure>', "rel-license", "element", "CC-BY-4.0"),
        (f'<ul><li><img><a rel="license" href="{BY}">x</a></li></ul>', "rel-license", "element", "CC-BY-4.0"),
        (f'<article><p><a rel="license" href="{BY}">x</a></p></article>', "rel-license", "element", "CC-BY-4.0"),
        ('<a rel="license" href="/terms">x</a>', "rel-license", "page", "NOASSERTION"),
        (f'<html><meta name="DC.rights" content="{BY}"></html>', "dublin-core", "page", "CC-BY-4.0"),
        (f'<html><meta name="dcterms.license" content="{BY}"></html>', "dublin-core", "page", "CC-BY-4.0"),
        (f'<html><meta name="DC.rights.license" content="{BY}"></html>', "dublin-core", "page", "CC-BY-4.0"),
        (f'<html><meta property="dcterms:license" content="{BY}"></html>', "dublin-core", "page", "CC-BY-4.0"),
        ('<html><meta name="dc.rights" content="All mine"></html>', "dublin-core", "page", "NOASSERTION"),
        (_item("ImageObject", f'<link itemprop="license" href="{BY}">'), "microdata", "item", "CC-BY-4.0"),
        (_item("WebPage", f'<a itemprop="license" href="{BY}">x</a>'), "microdata", "page", "CC-BY-4.0"),
        (_item("WebSite", f'<meta itemprop="license" content="{BY}">'), "microdata", "site", "CC-BY-4.0"),
        (f'<p><a property="dct:license" href="{BY}">x</a></p>', "rdfa", "page", "CC-BY-4.0"),
        (f'<div about="/i.jpg"><a property="cc:license" href="{BY}">x</a></div>', "rdfa", "item", "CC-BY-4.0"),
        (f'<div typeof="schema:ImageObject"><a property="schema:license" href="{BY}">x</a></div>', "rdfa", "item", "CC-BY-4.0"),
    ],
)
def test_markup(body: str, mechanism: str, scope: str, license_: str) -> None:
    """Each kind of markup names the license and what it is about; an address that we do not know is NOASSERTION."""
    (signal,) = _evidence(body)
    assert (signal.mechanism, signal.scope, signal.license) == (mechanism, scope, license_)
    assert verdicts([signal]) == ("none", "none")


@pytest.mark.parametrize(
    ("document", "scope", "licenses"),
    [
        ({"@type": "WebPage", "license": BY}, "page", ["CC-BY-4.0"]),
        ({"@type": ["Article"], "license": {"@id": BY}}, "page", ["CC-BY-4.0"]),
        ({"@type": "Article", "license": {"@type": "CreativeWork", "url": BY}}, "page", ["CC-BY-4.0"]),
        ({"@type": "WebSite", "license": BY}, "site", ["CC-BY-4.0"]),
        ({"@type": "ImageObject", "contentUrl": "/i.jpg", "license": BY}, "item", ["CC-BY-4.0"]),
        ({"@type": "Article", "url": "https://site.example/other", "license": BY}, "item", ["CC-BY-4.0"]),
        ({"@type": "Article", "url": f"{URL}#top", "license": BY}, "page", ["CC-BY-4.0"]),
        ({"@graph": [{"@type": "Thing"}, {"@type": "WebPage", "schema:license": BY}]}, "page", ["CC-BY-4.0"]),
        ({"@type": "WebPage", "https://schema.org/license": BY}, "page", ["CC-BY-4.0"]),
        ({"@type": "WebPage", "license": [BY, BY_SA]}, "page", ["CC-BY-4.0", "CC-BY-SA-4.0"]),
        ({"@type": "WebPage", "image": {"@type": "ImageObject", "license": BY}}, "item", ["CC-BY-4.0"]),
        ({"@type": "ImageObject", "contentUrl": "/i.jpg", "acquireLicensePage": "/buy"}, "item", [""]),
        ({"@type": "WebPage", "license": 7}, "page", [""]),
        ([[[{"license": BY}]]], "page", ["CC-BY-4.0"]),
    ],
)
def test_json_ld(document: object, scope: str, licenses: list[str]) -> None:
    """Objects at any depth are read with what they describe; objects about other addresses are items."""
    signals = _evidence(f'<html><script type="application/ld+json">{json.dumps(document)}</script></html>')
    signals = [one for one in signals if one.license or "acquire-license-page" in one.parsed or licenses == [""]]
    assert [one.license for one in signals][: len(licenses)] == (licenses if signals else [])
    assert all(one.scope == scope for one in signals)


def test_json_ld_facts_stand_beside_the_license() -> None:
    """Credit, notice and where to buy are kept with the object that they describe."""
    document = {
        "@type": "ImageObject", "contentUrl": "/i.jpg", "license": BY, "creditLine": "A. Person",
        "copyrightNotice": "(c) A. Person", "acquireLicensePage": "/buy", "isAccessibleForFree": True,
    }  # fmt: skip
    (signal,) = _evidence(f'<html><script type="application/ld+json">{json.dumps(document)}</script></html>')
    assert signal.parsed == {
        "license": BY, "credit-line": "A. Person", "copyright-notice": "(c) A. Person", "acquire-license-page": "/buy",
        "accessible-for-free": "true", "type": "imageobject", "of": "https://site.example/i.jpg",
    }  # fmt: skip


def test_broken_json_ld_is_told() -> None:
    """A block that speaks of a license and cannot be read leaves the license unknown."""
    (signal,) = _evidence('<html><script type="application/ld+json">{"license": </script></html>')
    assert signal.license == "NOASSERTION"
    assert _evidence('<html><script type="application/ld+json">{"name": </script><p>license</p></html>') == []


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f'<{BY}>; rel="license"', [("page", "CC-BY-4.0")]),
        (f"<{BY}>;rel=license", [("page", "CC-BY-4.0")]),
        (f'</style.css>; rel=preload; as="a,b", <{BY}>; title="x;y"; rel="LICENSE nofollow"', [("page", "CC-BY-4.0")]),
        (f'<{BY}>; rel="license"; anchor="/other.jpg"', [("item", "CC-BY-4.0")]),
        (f'<{BY}>; rel="license"; anchor="#me"', [("page", "CC-BY-4.0")]),
        (f"<{BY}>; rel=next", []),
        ("<unclosed; rel=license", []),
    ],
)
def test_link_headers(header: str, expected: list[tuple[str, str]]) -> None:
    """Link headers are read by RFC 8288; an anchor says that another resource is meant."""
    assert [(one.scope, one.license) for one in _evidence("", {"Link": header})] == expected


def test_link_parameters() -> None:
    """Quotes, escapes and bare parameters are read, the first of a name counts."""
    assert list(links(['<a>; x="1\\"2"; y; x=3, <b>'])) == [("a", {"x": '1"2', "y": ""}), ("b", {})]


def test_the_image_s_license_is_not_the_page_s() -> None:
    """A page under one license with a photograph under another keeps both apart."""
    photograph = f'<figure><img><a rel=license href="{BY}">x</a></figure>'
    body = f'<html><head><link rel=license href="{BY_SA}"></head><body>{photograph}</body></html>'
    signals = _evidence(body)
    assert page_license(signals) == "CC-BY-SA-4.0"
    assert [one.parsed["element"] for one in signals if one.scope == "element"] == ["/html/body/figure"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<html><p>no license here</p></html>", ""),
        (f'<html><link rel=license href="{BY}"><a rel=license href="{BY}">x</a></html>', "CC-BY-4.0"),
        (f'<html><link rel=license href="{BY}"><a rel=license href="{BY_SA}">x</a></html>', "NOASSERTION"),
        (f'<html><link rel=license href="{BY}"><a rel=license href="/terms">x</a></html>', "NOASSERTION"),
        (f'<html><figure><a rel=license href="{BY}">x</a></figure></html>', ""),
    ],
)
def test_statements_on_the_page_must_agree(body: str, expected: str) -> None:
    """Two statements that differ leave the page's license unknown, and a part's license is never the page's."""
    assert page_license(_evidence(body)) == expected


def test_a_license_on_the_only_article_is_the_pages() -> None:
    """Where the page says nothing else and has one article, its license counts; of several articles none does."""
    one = f'<html><body><article><p><a rel=license href="{BY}">x</a></p></article></body></html>'
    assert page_license(_evidence(one)) == "CC-BY-4.0"
    assert page_license(_evidence(one.replace("</body>", "<article></article></body>"))) == ""
    assert page_license(_evidence(one.replace("<article>", f'<a rel=license href="{BY_SA}">x</a><article>'))) == "CC-BY-SA-4.0"


def test_the_claim_of_a_page() -> None:
    """An address where all agree, words where there is no address, and words of no license where they disagree."""
    assert page_claim(_evidence("<html></html>")) == (None, None)
    assert page_claim(_evidence(f'<link rel=license href="{BY}"><meta name="dc.rights" content="CC BY 4.0">')) == (None, BY)
    assert page_claim(_evidence('<meta name="dcterms.license" content="CC0 1.0">')) == ("CC0 1.0", None)
    words, address = page_claim(_evidence(f'<link rel=license href="{BY}"><a rel=license href="{BY_SA}">x</a>'))
    assert address is None
    assert conclude_item(None, words, None).concluded == "NOASSERTION"


@given(st.lists(st.sampled_from([BY, BY_SA, "https://creativecommons.org/publicdomain/zero/1.0/"]), min_size=1, max_size=4))
def test_disagreement_is_no_license(addresses: list[str]) -> None:
    """Whatever a page names in whatever order, several different licenses are never concluded to be one of them."""
    words, address = page_claim(_evidence("".join(f'<a rel=license href="{one}">x</a>' for one in addresses)))
    concluded = conclude_item(None, words, address).concluded
    assert (concluded == "NOASSERTION") == (len(set(addresses)) > 1)


def test_relative_addresses_follow_the_base() -> None:
    """A license address is resolved against the page's base."""
    (signal,) = _evidence('<html><base href="https://creativecommons.org/licenses/"><link rel=license href="by/4.0/"></html>')
    assert signal.license == "CC-BY-4.0"


def test_feeds() -> None:
    """License elements of feeds speak of the feed, or of the entry that they stand in."""
    feed = (
        '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xmlns:cc="http://backend.userland.com/creativeCommonsRssModule">'
        f'<link rel="license" href="{BY}"/><entry><cc:license>{BY_SA}</cc:license></entry></feed>'
    )
    signals = _evidence(feed, {"Content-Type": "application/atom+xml"})
    assert [(one.scope, one.license) for one in signals] == [("page", "CC-BY-4.0"), ("element", "CC-BY-SA-4.0")]


def test_real_pages(shared_data: Path) -> None:
    """Real pages with license links are read without an error, and each rel=license to Creative Commons is found."""
    folder = shared_data / "web_pages" / "trafilatura-eval"
    rows = list(csv.DictReader((folder / "license_markup.tsv").read_text().splitlines(), delimiter="\t"))
    missed = []
    marked = [row["file"] for row in rows if row["rel_license_present"] == "1" and row["cc_urls_found"]]
    for name in marked:
        (path,) = [one for one in folder.rglob(f"{name}*") if one.is_file()]
        body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        signals = read(URL, {"Content-Type": "text/html"}, body)
        assert all(one.where != "error" for one in signals), name
        if not any(one.license.startswith("CC") for one in signals):
            missed.append(name)
    assert len(marked) > 20
    assert missed == []


@given(st.text(max_size=300))
def test_any_markup_is_read(text: str) -> None:
    """No page and no Link header make a parser raise."""
    signals = read(
        URL, {"Link": text}, f"<html><a rel=license href='{text}'>{text}<script type=application/ld+json>license{text}".encode()
    )
    assert all(one.where != "error" for one in signals)

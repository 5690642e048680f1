"""The rules and edge cases of every mechanism in one table each, through the one public door."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.rights.signals import AGENT, Signal, Word, may_follow, read, storage, verdicts

URL = "https://site.example/photos/a.html"
HTML = {"Content-Type": "text/html", "Date": "Sat, 21 Nov 2026 10:00:00 GMT"}
JPEG = {"Content-Type": "image/jpeg", "Date": "Sat, 21 Nov 2026 10:00:00 GMT"}


def train(signals: list[Signal], modality: str = "") -> Word:
    """Return the verdict on training."""
    return verdicts(signals, modality=modality).train


# --- X-Robots-Tag and meta robots -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "training", "storing", "follow"),
    [
        ("all", "none", "none", True),
        ("none", "none", "deny", False),
        ("noindex", "none", "deny", True),
        ("NoIndex , NOFOLLOW", "none", "deny", False),
        ("nofollow", "none", "none", False),
        ("noarchive", "none", "deny", True),
        ("nosnippet", "none", "none", True),
        ("max-snippet:0", "none", "none", True),
        ("noai", "deny", "none", True),
        ("NOAI", "deny", "none", True),
        ("noimageai", "deny", "none", True),
        ("max-snippet:-1, noai", "deny", "none", True),
        ("max-image-preview: large, max-video-preview:-1, noai", "deny", "none", True),
        ("noai, max-snippet:-1", "deny", "none", True),
        ("unavailable_after: Wed, 25 Jun 2025 15:00:00 GMT", "none", "deny", True),
        ("unavailable_after: Wed, 25 Jun 2025 15:00:00 GMT, noai", "deny", "deny", True),
        ("unavailable_after: 25 Jun 2031 15:00:00 PST", "none", "none", True),
        ("unavailable_after: 2025-06-25", "none", "deny", True),
        ("unavailable_after: someday", "none", "unknown", True),
        (f"{AGENT}: noindex, noai", "deny", "deny", True),
        (f"{AGENT.upper()}: noai", "deny", "none", True),
        ("ourbot: noindex, noai", "none", "none", True),
        ("googlebot: noai", "none", "none", True),
        ("googlebot: noai, nofollow", "none", "none", True),
        (f"googlebot: noindex, {AGENT}: noai", "deny", "none", True),
        (f"{AGENT}: max-snippet:-1, noai", "deny", "none", True),
        ("no-ai", "unknown", "none", True),
        ("", "none", "none", True),
    ],
)
def test_x_robots_tag(line: str, training: Word, storing: Word, follow: bool) -> None:
    """The grammar, its valued directives, dates with commas and colons, and user agents that scope what follows."""
    meta = f'<html><meta name="robots" content="{line}">'.encode()
    for found in (read(URL, {**HTML, "X-Robots-Tag": line}, b"<html>"), read(URL, HTML, meta)):
        assert (train(found), storage(found), may_follow(found)) == (training, storing, follow)


def test_header_lines_add_up() -> None:
    """The header may repeat; a user agent scopes its own line only."""
    lines = [("X-Robots-Tag", "googlebot: noindex"), ("X-Robots-Tag", "noai"), ("x-robots-tag", "noarchive")]
    found = read(URL, [*HTML.items(), *lines], b"<html>")
    assert (train(found), storage(found)) == ("deny", "deny")


@pytest.mark.parametrize(
    ("page", "training"),
    [
        ('<meta name="robots" content="index"><meta name="ROBOTS" content="noai">', "deny"),
        (f'<meta name="{AGENT}" content="noai">', "deny"),
        ('<meta name="googlebot" content="noai">', "none"),
        ("<meta content=noai name=robots>", "deny"),
        ('<meta name="robots" content="noai', "none"),
    ],
)
def test_meta_robots(page: str, training: Word) -> None:
    """Names in any case, ours or robots', several elements add up, attributes in any order; what is cut is no element."""
    assert train(read(URL, HTML, f"<html>{page}".encode())) == training


def test_words_on_images() -> None:
    """Noimageai and noimageindex concern a picture wholly, and of a page only its pictures; media have their own header."""
    for name, about in (("noimageai", 0), ("noimageindex", 1)):
        page = read(URL, {**HTML, "X-Robots-Tag": name}, b"<html>")
        image = read(URL, {**JPEG, "X-Robots-Tag": name}, b"\xff\xd8\xff")
        words = [(train(one, modality), storage(one, modality=modality)) for one, modality in (
            (page, "text"), (page, "image"), (image, "image"), (image, "text"))]  # fmt: skip
        denied = ("deny", "none") if about == 0 else ("none", "deny")
        assert words == [("none", "none"), denied, denied, denied]


def test_nosnippet_in_the_page_is_recorded() -> None:
    """Data-nosnippet leads to nothing, and is there to be seen."""
    (found,) = read(URL, HTML, b"<html><p data-nosnippet>x</p>")
    assert (found.mechanism, found.parsed) == ("meta-robots", {"data-nosnippet": "1"})


# --- AIPREF ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "training"),
    [
        ("train-ai=n", "deny"),
        ("train-ai=y, search=n", "allow"),
        ("search=n", "none"),
        ('train-ai=y, train-ai, search=n, search="n"', "unknown"),
        ("train-ai;x=n, train-ai=y", "allow"),
        ("train-ai=y;x=n", "allow"),
        ("Train-AI=n", "unknown"),
        ("train-ai=N", "unknown"),
        ("train-ai=?0", "unknown"),
        ("train-ai=0", "unknown"),
        ("train-ai=no", "unknown"),
        ('train-ai="n"', "unknown"),
        ("train-ai=(n)", "unknown"),
        ("train-ai=n,", "unknown"),
        ("tdm=n", "deny"),
        ("ai=n", "deny"),
        ("genai=n", "deny"),
        ("all=n", "deny"),
        ("bots=n", "deny"),
        ("train-genai=n", "deny"),
        ("tdm=y", "none"),
        ("bots=y, train-genai=y", "none"),
        ("ai-use=n", "none"),
        ("inference=n, ai-output=n", "none"),
        ("other=n", "none"),
        ("", "none"),
    ],
)
def test_content_usage(value: str, training: Word) -> None:
    """A structured dictionary of tokens; the last duplicate wins, one error spoils it, old labels count for a no only."""
    assert train(read(URL, {**HTML, "Content-Usage": value}, b"<html>")) == training


def test_two_usage_lines() -> None:
    """HTTP would join them and let the last win; a no is not undone by the line after it."""
    found = read(URL, [*HTML.items(), ("Content-Usage", "train-ai=n"), ("Content-Usage", "train-ai=y")], b"<html>")
    assert train(found) == "deny"


@pytest.mark.parametrize(
    ("robots", "path", "training"),
    [
        ("User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /ai-ok/ train-ai=y\n", "/ai-ok/x", "allow"),
        ("User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /ai-ok/ train-ai=y\n", "/x", "deny"),
        ("User-agent: *\nContent-Usage: /a train-ai=y\nContent-Usage: /a train-ai=n\n", "/a", "deny"),
        ("User-agent: *\n  content-usage :\t/a \t train-ai=n # why\n", "/a/b", "deny"),
        ("User-agent: *\nContent-Usage: /a/*.jpg$ train-ai=n\n", "/a/b.jpg", "deny"),
        ("User-agent: *\nContent-Usage: /a/*.jpg$ train-ai=n\n", "/a/b.jpg?x", "none"),
        ("User-agent: *\nContent-Usage: /a\n", "/a", "unknown"),
        ("User-agent: *\nDisallow: /a\nContent-Usage: /a train-ai=y\n", "/a", "none"),
        ("User-agent: *\nContent-Usage: train-ai=y\n\nUser-agent: acquisition\nContent-Usage: train-ai=n\n", "/", "deny"),
        ("User-agent: *\nAllow: /\nContent-Usage: train-ai=n\n\nUser-agent: acquisition\nAllow: /\n", "/", "none"),
        ("User-agent: other\nContent-Usage: train-ai=n\n", "/", "none"),
    ],
)
def test_content_usage_in_robots(robots: str, path: str, training: Word) -> None:
    """A path up to the first blank, the longest one wins as for Allow, equals combine to the no, groups are obeyed."""
    assert train(read(f"https://site.example{path}", {}, b"", robots)) == training


# --- Content-Signal -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "training"),
    [
        ("Content-Signal: search=yes, ai-input=yes, ai-train=no", "deny"),
        ("Content-signal: ai-train=no", "deny"),
        ("content-signal: search=yes,ai-train=no;", "deny"),
        ("Content-Signal: ai_train=no", "deny"),
        ("Content-Signal: ai_train=yes", "unknown"),
        ("Content-Signal: ai-train = yes", "allow"),
        ("Content-Signal: search=yes", "none"),
        ("Content-Signal: ai-train=maybe", "unknown"),
        ("Content-Signal: ai-train", "unknown"),
        ("Content-Signal: ai-train=yes, ai-train=no", "deny"),
        ("Content-Signal: nonsense", "unknown"),
    ],
)
def test_content_signal(line: str, training: Word) -> None:
    """Before and after the user-agent line, in no group, and as a header."""
    name, _, value = line.partition(":")
    for robots in (f"User-agent: *\n{line}\nAllow: /\n", f"{line}\nUser-agent: *\nAllow: /\n", f"{line}\n"):
        assert train(read(URL, {}, b"", robots)) == training, robots
    assert train(read(URL, {**HTML, name: value.strip()}, b"<html>")) == training


def test_a_default_yes_of_a_proxy_overrides_nothing() -> None:
    """A header that says yes leaves robots.txt's no, and the other way round."""
    no, yes = "User-agent: *\nContent-Signal: ai-train=no\n", "User-agent: *\nContent-Signal: ai-train=yes\n"
    assert train(read(URL, {**HTML, "Content-Signal": "ai-train=yes"}, b"<html>", no)) == "deny"
    assert train(read(URL, {**HTML, "Content-Signal": "ai-train=no"}, b"<html>", yes)) == "deny"


# --- TDMRep ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "training"),
    [
        ([{"location": "/", "tdm-reservation": 1}], "deny"),
        ([{"location": "/photos/*", "tdm-reservation": 1}], "deny"),
        ([{"location": "/photos/a.html$", "tdm-reservation": 1}], "deny"),
        ([{"location": "/Photos/", "tdm-reservation": 1}], "none"),
        ([{"location": "/photos/", "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1}], "allow"),
        ([{"location": "/", "tdm-reservation": 1}, {"location": "/photos/", "tdm-reservation": 0}], "deny"),
        ([{"location": "/", "tdm-reservation": "1"}], "deny"),
        ([{"location": "/", "tdm-reservation": 2}], "unknown"),
        ([{"location": "/", "tdm-reservation": True}], "unknown"),
        ([{"location": "/"}], "none"),
        ([], "none"),
        ({"location": "/", "tdm-reservation": 1}, "unknown"),
        (b"<html>not found</html>", "none"),
        (b"", "none"),
        (b"[{", "unknown"),
        (None, "unknown"),
    ],
)
def test_tdmrep_json(rules: Any, training: Word) -> None:
    """An array; the first rule in sequence that fits wins, case matters; what is no such array is never a yes."""
    text = rules if rules is None or isinstance(rules, bytes) else json.dumps(rules).encode()
    assert train(read(URL, {}, b"", None, {"/.well-known/tdmrep.json": text})) == training


@pytest.mark.parametrize(
    ("value", "training"),
    [("1", "deny"), ("0", "allow"), (" 1 ", "deny"), ("2", "unknown"), ("yes", "unknown"), ("", "unknown"), ("0, 1", "deny")],
)
def test_tdmrep_in_headers_and_meta(value: str, training: Word) -> None:
    """The same values on both surfaces; a policy is kept so that a person can ask."""
    policy = "https://site.example/policy.json"
    by_header = read(URL, {**HTML, "TDM-Reservation": value, "tdm-policy": policy}, b"<html>")
    assert train(by_header) == training
    assert by_header[0].parsed["tdm-policy"] == policy
    if "," not in value:
        page = f'<html><meta name="TDM-Reservation" content="{value}"><meta name="tdm-policy" content="{policy}">'
        by_meta = read(URL, HTML, page.encode())
        assert (train(by_meta), by_meta[0].parsed["tdm-policy"]) == (training, policy)


def test_a_later_surface_overrides_nothing() -> None:
    """By the report a page's 0 would undo its site's 1; here the no stays, and both are on record."""
    files = {"/.well-known/tdmrep.json": b'[{"location": "/", "tdm-reservation": 1}]'}
    found = read(URL, {**HTML, "tdm-reservation": "0"}, b'<html><meta name="tdm-reservation" content="0">', None, files)
    assert [one.train for one in found] == ["deny", "allow", "allow"]
    assert train(found) == "deny"


# --- RSL ------------------------------------------------------------------------------------------------------------------


def rsl(inner: str, attributes: str = 'url="/"') -> bytes:
    """Return a document with one content element."""
    return f'<rsl xmlns="https://rslstandard.org/rsl"><content {attributes}>{inner}</content></rsl>'.encode()


@pytest.mark.parametrize(
    ("document", "training"),
    [
        (rsl('<license><permits type="usage">ai-train</permits></license>'), "allow"),
        (rsl('<license><permits type="usage">ai-all</permits></license>'), "allow"),
        (rsl('<license><permits type="usage">all</permits></license>'), "allow"),
        (rsl('<license><permits type="usage">search, ai-train</permits></license>'), "allow"),
        (rsl('<license><permits type="usage">search ai-input</permits></license>'), "deny"),
        (rsl('<license><permits type="usage">ai-index</permits></license>'), "deny"),
        (rsl('<license><permits type="usage">all</permits><prohibits type="usage">ai-train</prohibits></license>'), "deny"),
        (rsl('<license><prohibits type="usage">ai-all</prohibits></license>'), "deny"),
        (rsl('<license><permits type="usage">all</permits><permits type="user">education</permits></license>'), "unknown"),
        (rsl('<license><permits type="usage">all</permits><prohibits type="geo">DE</prohibits></license>'), "unknown"),
        (rsl('<license><permits type="usage">all</permits><payment type="free"/></license>'), "allow"),
        (rsl('<license><permits type="usage">all</permits><payment type="attribution"/></license>'), "allow"),
        *(
            (rsl(f'<license><permits type="usage">all</permits><payment type="{kind}"/></license>'), "deny")
            for kind in ("purchase", "subscription", "training", "crawl", "use", "contribution", "inference")
        ),
        (rsl("<license><payment><amount currency='EUR'>1</amount></payment></license>"), "deny"),
        (rsl('<license><permits type="usage">all</permits><reporting/></license>'), "unknown"),
        (rsl('<license><permits type="usage">all</permits></license>', 'url="/" server="https://l.example"'), "deny"),
        (rsl('<license><permits type="usage">all</permits></license>', 'url="/" encrypted="true"'), "deny"),
        (rsl('<license><permits type="usage">all</permits></license>', 'url="/elsewhere/"'), "none"),
        (rsl(""), "unknown"),
        (b"<html>not found</html>", "unknown"),
        (b"<!DOCTYPE rsl [<!ENTITY a 'b'>]>" + rsl("&a;"), "unknown"),
        (None, "deny"),
    ],
)  # fmt: skip
def test_rsl_documents(document: bytes | None, training: Word) -> None:
    """Permits are a closed list, prohibits beat them, payment and obligations are no yes, what cannot be had is a no."""
    address = "https://l.example/license.xml"
    found = read(URL, HTML, b"<html>", f"License: {address}\n", {address: document})
    assert train(found) == training


@pytest.mark.parametrize(
    ("robots", "headers", "page"),
    [
        ("License: https://site.example/l.xml\n", {}, ""),
        ("License: /l.xml\n", {}, ""),
        ("User-agent: *\nLicense: https://site.example/l.xml\nAllow: /\n", {}, ""),
        ("", {"Link": '<https://site.example/l.xml>; rel="license"; type="application/rsl+xml"'}, ""),
        ("", {"Link": '</l.xml>; type="application/rsl+xml"; rel="license"'}, ""),
        ("", {}, '<link rel="license" type="application/rsl+xml" href="/l.xml">'),
    ],
)
def test_rsl_is_found(robots: str, headers: Mapping[str, str], page: str) -> None:
    """Announced by robots.txt (globally and in a group, relative too), a Link header or a link element."""
    document = rsl('<license><prohibits type="usage">ai-train</prohibits></license>')
    known = read(URL, {**HTML, **headers}, f"<html>{page}".encode(), robots, {"https://site.example/l.xml": document})
    assert train(known) == "deny"
    assert train(read(URL, {**HTML, **headers}, f"<html>{page}".encode(), robots)) == "unknown"


def test_rsl_inline_and_in_feeds() -> None:
    """A script speaks of the element that it stands in; a feed's content element of its entry."""
    document = rsl('<license><prohibits type="usage">ai-train</prohibits></license>').decode()
    (found,) = read(URL, HTML, f'<html><article><script type="application/rsl+xml">{document}</script></article>'.encode())
    assert (found.train, found.scope) == ("deny", "element")
    inner = '<rsl:license><rsl:prohibits type="usage">all</rsl:prohibits></rsl:license>'
    content = f'<rsl:content xmlns:rsl="https://rslstandard.org/rsl" url="/">{inner}</rsl:content>'
    feed = f'<?xml version="1.0"?><rss><channel><item>{content}</item></channel></rss>'
    assert train(read(URL, {"Content-Type": "application/rss+xml"}, feed.encode())) == "deny"


# --- the others -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "url", "media_type", "training"),
    [
        (b"User-Agent: *\nDisallow: *.jpg\nAllow: *.txt\n", "/a.jpg", "image/jpeg", "deny"),
        (b"User-Agent: *\nDisallow: *.jpg\nAllow: *.txt\n", "/a.JPG?w=9", "image/jpeg", "deny"),
        (b"User-Agent: *\nDisallow: *.jpg\nAllow: *.txt\n", "/a.txt", "text/plain", "allow"),
        (b"User-Agent: *\nDisallow: *.jpg\nAllow: *.txt\n", "/a.png", "image/png", "none"),
        (b"User-Agent: *\nDisallow: image/*\n", "/a", "image/png", "deny"),
        (b"User-Agent: *\nDisallow: /\n", "/a", "", "deny"),
        (b"<html>User-Agent: *\nDisallow: /\n", "/a", "", "none"),
        (b"# AI policy\n\nWe welcome everybody.\n", "/a", "", "none"),
        (None, "/a", "", "unknown"),
    ],
)
def test_ai_txt(text: bytes | None, url: str, media_type: str, training: Word) -> None:
    """Robots-shaped rules by extension or media type, and nothing else of that name."""
    headers = {"Content-Type": media_type} if media_type else {}
    assert train(read(f"https://site.example{url}", headers, b"", None, {"/ai.txt": text})) == training


@pytest.mark.parametrize(
    ("text", "training"),
    [
        (b"datatrainingallowed=yes\n", "allow"),
        (b"# a comment\nDataTrainingAllowed = no # why\n", "deny"),
        (b"datatrainingallowed=yes\ndatatrainingallowed=yes\n", "deny"),
        (b"datatrainingallowed=perhaps\n", "unknown"),
        (b"member=https://a.example/\n", "none"),
        (b"<html>datatrainingallowed=no", "none"),
        (None, "unknown"),
    ],
)
def test_trust_txt(text: bytes | None, training: Word) -> None:
    """One line; two are invalid and count as a no; the file may lie in either place."""
    for name in ("/trust.txt", "/.well-known/trust.txt"):
        assert train(read(URL, {}, b"", None, {name: text})) == training


@pytest.mark.parametrize("token", [
    "GPTBot", "CCBot", "Google-Extended", "ClaudeBot", "anthropic-ai", "Applebot-Extended", "Bytespider", "Meta-ExternalAgent",
    "Amazonbot", "cohere-ai", "Diffbot", "ImagesiftBot", "img2dataset", "Scrapy",
])  # fmt: skip
def test_tokens_of_ai_crawlers(token: str) -> None:
    """A site that shuts out one who gathers training data means all of them; for the URL, not for the whole site."""
    robots = f"User-agent: {token}\nDisallow: /photos/\n\nUser-agent: *\nAllow: /\n"
    found = read(URL, {}, b"", robots)
    assert verdicts(found) == ("deny", "deny")
    assert verdicts(read("https://site.example/b", {}, b"", robots)) == ("allow", "none")
    assert verdicts(found, {"ai-agents": "record"}) == ("allow", "none")


@pytest.mark.parametrize(
    ("value", "training"),
    [
        ("http://ns.useplus.org/ldf/vocab/DMI-UNSPECIFIED", "none"),
        ("http://ns.useplus.org/ldf/vocab/DMI-ALLOWED", "allow"),
        *(
            (f"{prefix}PROHIBITED{rest}", "deny")
            for prefix in ("http://ns.useplus.org/ldf/vocab/DMI-", "DMI-")
            for rest in (
                "", "-AIMLTRAINING", "-GENAIMLTRAINING", "-EXCEPTSEARCHENGINEINDEXING", "-SEECONSTRAINT",
                "-SEEEMBEDDEDRIGHTSEXPR", "-SEELINKEDRIGHTSEXPR",
            )
        ),
        ("Prohibited for Generative AI/ML training", "deny"),
        ("Allowed", "allow"),
        ("Something else", "unknown"),
    ],
)  # fmt: skip
def test_plus(value: str, training: Word) -> None:
    """Addresses, bare keys and the labels that tools print; every prohibition is a no."""
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" plus:DataMining="{value}"/></rdf:RDF></x:xmpmeta>'
    )
    assert train(read("https://site.example/a.jpg", JPEG, b"\xff\xd8\xff" + packet.encode())) == training


def test_llms_txt_is_no_permission() -> None:
    """llms.txt and humans.txt say nothing."""
    assert read(URL, {}, b"", None, {"/llms.txt": b"Allow: all training", "/humans.txt": b"train-ai=y"}) == []


# --- everything at once ---------------------------------------------------------------------------------------------------

NOES: tuple[dict[str, Any], ...] = (
    {"headers": [("X-Robots-Tag", "noai")]},
    {"headers": [("Content-Usage", "train-ai=n")]},
    {"headers": [("Content-Signal", "ai-train=no")]},
    {"headers": [("tdm-reservation", "1")]},
    {"body": '<meta name="robots" content="noai">'},
    {"body": '<meta name="tdm-reservation" content="1">'},
    {"robots": "User-agent: *\nContent-Usage: train-ai=n\n\n"},
    {"robots": "User-agent: *\nContent-Signal: ai-train=no\n\n"},
    {"robots": "User-agent: CCBot\nDisallow: /\n\n"},
    {"robots": "License: /no.xml\n\n"},
    {"files": {"/.well-known/tdmrep.json": b'[{"location": "/", "tdm-reservation": 1}]'}},
    {"files": {"/ai.txt": b"User-Agent: *\nDisallow: /\n"}},
    {"files": {"/trust.txt": b"datatrainingallowed=no"}},
)
YESES: tuple[dict[str, Any], ...] = (
    {"headers": [("Content-Usage", "train-ai=y")]},
    {"headers": [("Content-Signal", "ai-train=yes")]},
    {"headers": [("tdm-reservation", "0")]},
    {"headers": [("X-Robots-Tag", "all")]},
    {"body": '<meta name="tdm-reservation" content="0">'},
    {"body": '<meta name="robots" content="all, index, follow">'},
    {"body": '<link rel="license" type="application/rsl+xml" href="/yes.xml">'},
    {"robots": "User-agent: *\nAllow: /\nContent-Signal: ai-train=yes\n\n"},
    {"robots": "User-agent: GPTBot\nAllow: /\n\n"},
)
DOCUMENTS = {
    "https://site.example/no.xml": rsl('<license><prohibits type="usage">ai-train</prohibits></license>'),
    "https://site.example/yes.xml": rsl('<license><permits type="usage">ai-train</permits></license>'),
}


def _together(parts: list[dict[str, Any]]) -> list[Signal]:
    headers = [*HTML.items(), *(line for part in parts for line in part.get("headers", ()))]
    body = "<html>" + "".join(part.get("body", "") for part in parts)
    robots = "".join(part.get("robots", "") for part in parts)
    files: dict[str, Any] = dict(DOCUMENTS) if "License" in robots or "rsl" in body else {}
    for part in parts:
        files |= part.get("files", {})
    return read(URL, headers, body.encode(), robots, files)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(NOES), st.lists(st.sampled_from(YESES), max_size=5), st.integers(0, 5))
def test_no_yes_cancels_a_no(no: dict[str, Any], yeses: list[dict[str, Any]], place: int) -> None:
    """Whatever yes stands before or behind a no, on whatever surface, the answer is no."""
    parts = [*yeses[:place], no, *yeses[place:]]
    assert train(_together(parts)) == "deny"


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(NOES),
    st.lists(st.tuples(st.text(max_size=30), st.text(max_size=60)), max_size=5),
    st.text(max_size=200),
    st.binary(max_size=200),
)
def test_no_noise_turns_a_no_into_a_yes(no: dict[str, Any], lines: list[tuple[str, str]], noise: str, junk: bytes) -> None:
    """Noise around a no may hide it, never make a yes of it; and nothing raises."""
    parts = [{"headers": lines, "robots": noise, "files": {"/x": junk}}, no, {"body": noise, "robots": noise}]
    assert train(_together(parts)) in ("deny", "unknown", "none")


anything = st.one_of(
    st.none(), st.text(max_size=60), st.binary(max_size=60), st.integers(), st.lists(st.text(max_size=9), max_size=3)
)


@settings(deadline=None, max_examples=300)
@given(
    anything,
    st.dictionaries(st.text(max_size=20), anything, max_size=4),
    anything,
    anything,
    st.dictionaries(st.text(max_size=20), anything, max_size=3),
)
def test_nothing_raises(url: Any, headers: Any, body: Any, robots: Any, files: Any) -> None:
    """Arguments of any kind give a list of signals that can be written down and read back."""
    for one in read(url, headers, body, robots, files):
        assert Signal.from_record(json.loads(json.dumps(one.record()))) == one

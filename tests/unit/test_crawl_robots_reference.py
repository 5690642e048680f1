"""Decisions on robots.txt beside a second matcher, written from RFC 9309 alone: slow, plain, sharing no code with the first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from acquisition.crawl.robots import MAX_BYTES, allowed, parse

TOKEN = "acquisition"
UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
RESERVED = ":/?#[]@!$&'()*+,;="
IN_QUERY = {"%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%5B": "[", "%5D": "]"}


# --- the second matcher -----------------------------------------------------------------------------------------------------


def symbols(text: str) -> list[str]:
    """Write a path as a list of octets, each bare or as an escape, the way in which section 2.2.2 wants to compare them."""
    data = text.encode("utf-8", "surrogatepass")
    found, position = [], 0
    while position < len(data):
        two = data[position + 1 : position + 3]
        if data[position : position + 1] == b"%" and re.fullmatch(rb"[0-9a-fA-F]{2}", two):
            octet, position = int(two, 16), position + 3
            found.append(chr(octet) if chr(octet) in UNRESERVED else f"%{octet:02X}")
            continue
        character = chr(data[position])
        position += 1
        bare = character in UNRESERVED or character in RESERVED or character == "%"
        found.append(character if bare else f"%{ord(character):02X}")
    return found


def loosened(octets: list[str]) -> list[str]:
    """Decode what delimits nothing behind the first question mark (second row of the RFC's table)."""
    if "?" not in octets:
        return octets
    start = octets.index("?") + 1
    return octets[:start] + [IN_QUERY.get(octet, octet) for octet in octets[start:]]


def fits(pattern: list[str], path: list[str], anchored: bool) -> bool:
    """Match octet by octet, keeping all places of the path at which the pattern may stand."""
    places = {0}
    for octet in pattern:
        if octet == "*":
            places = set(range(min(places), len(path) + 1)) if places else places
        else:
            places = {place + 1 for place in places if place < len(path) and path[place] == octet}
    return len(path) in places if anchored else bool(places)


def rule_matches(value: str, path: list[str]) -> int:
    """Return the octets of a matching pattern, -1 when it does not match."""
    anchored = value.endswith("$")
    written = symbols(value[:-1] if anchored else value)
    escaped = {"$": "%24"}
    pattern = [escaped.get(octet, octet) for octet in written]
    matches = fits(pattern, path, anchored)
    if not matches and "?" in pattern:
        matches = fits(loosened(pattern), loosened(path), anchored)
    return len("".join(written)) + anchored if matches else -1


def rules_for(text: str, token: str) -> list[tuple[str, str]]:
    """Return the rules of all groups that name the token, else of those that name everyone."""
    groups: list[tuple[list[str], list[tuple[str, str]]]] = []
    for line in re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")):
        key, colon, value = (part.strip(" \t") for part in line.split("#")[0].partition(":"))
        if not colon:
            continue
        if key.lower() == "user-agent":
            if not groups or groups[-1][1]:
                groups.append(([], []))
            named = re.match(r"\*(?=$|\s)|[A-Za-z_-]*", value)
            groups[-1][0].append(named[0].lower() if named else "")
        elif key.lower() in ("allow", "disallow") and groups:
            groups[-1][1].append((key.lower(), value))
    for wanted in (token, "*"):
        if any(wanted in tokens for tokens, _ in groups):
            return [rule for tokens, rules in groups if wanted in tokens for rule in rules]
    return []


def reference(text: str, token: str, url: str) -> bool:
    """Decide as RFC 9309 says, for absolute URLs."""
    rest = re.sub(r"^[a-z]+://[^/?#]*", "", url).split("#")[0]
    rest = rest if rest.startswith("/") else f"/{rest}"
    if rest == "/robots.txt":
        return True
    escaped = {"$": "%24", "*": "%2A"}
    path = [escaped.get(octet, octet) for octet in symbols(rest)]
    verdicts = [(rule_matches(value, path), kind == "allow") for kind, value in rules_for(text, token) if value]
    length, allow = max(verdicts, default=(-1, True))
    return allow if length >= 0 else True


# --- generated files --------------------------------------------------------------------------------------------------------

PIECES = [
    *(
        "/",
        "a",
        "b",
        "ab",
        ".",
        "*",
        "$",
        "?",
        "x=",
        "&",
        ":",
        "~",
        "é",
        "ツ",
        "%",
        "=",
        "-",
        "+",
        " ",
        "\u2028",
        "@",
        ";",
        "!",
    ),
    *("%26", "%2F", "%2f", "%3a", "%61", "%62", "%7E", "%C3%A9", "%c3%a9", "%E3%83%84", "%zz", "%3D", "%20", "%24", "%2A"),
]
patterns = st.lists(st.sampled_from(PIECES), max_size=7).map(lambda pieces: "/" + "".join(pieces)) | st.sampled_from(
    ["", "/", "*", "/*", "/$", "/*$", "$", "*a", "**", "a/b", "/**/b*$", "http://example.org/a", "/robots.txt"]
)
urls = st.builds(
    lambda site, pieces, tail: f"{site}{'/' if pieces else ''}{''.join(pieces)}{tail}",
    st.sampled_from(["https://example.org", "http://example.org:8080", "https://example.org/", "https://example.org/a"]),
    st.lists(st.sampled_from([piece for piece in PIECES if piece != "\u2028"]), max_size=8),
    st.sampled_from(["", "", "?", "?x=1", "#frag", "?a#b", "/robots.txt"]),
)
agents = st.sampled_from(
    [
        TOKEN,
        TOKEN.upper(),
        "Acquisition",
        "*",
        "acq",
        "acquisition-images",
        "acquisition/1.0",
        "acquisition 2",
        "* all",
        "*bot",
        "",
        "other",
        "Ünï",
        "a_b",
        "1bot",
    ]
)
blanks = st.sampled_from(["", " ", "  ", "\t"])
keys = st.sampled_from(["Disallow", "disallow", "DISALLOW", "Allow", "allow", "aLLow"])
others = st.sampled_from(
    [
        "Sitemap: https://example.org/s.xml",
        "Content-Signal: ai-train=no",
        "License: https://example.org/l",
        "Content-Usage: /a train-ai=n",
        "Crawl-delay: 3",
        "Request-rate: 1/2",
        "Host: example.org",
        "Noindex: /",
        "unknown line of words",
        "",
        " ",
        "# Disallow: /",
        ":",
        ": /",
        "Disallow",
        "<html>",
    ]
)


@st.composite
def lines(draw: st.DrawFn) -> str:
    """One line of a robots.txt."""
    kind = draw(st.sampled_from(["agent", "rule", "rule", "rule", "other"]))
    if kind == "other":
        return draw(others)
    key = draw(st.sampled_from(["User-agent", "user-agent", "USER-AGENT"]) if kind == "agent" else keys)
    value = draw(agents if kind == "agent" else patterns)
    comment = draw(st.sampled_from(["", "", "", " # Allow: /", "#"]))
    return f"{draw(blanks)}{key}{draw(blanks)}:{draw(blanks)}{value}{draw(blanks)}{comment}"


@st.composite
def files(draw: st.DrawFn) -> str:
    """A robots.txt with any mix of line ends."""
    ends = st.sampled_from(["\n", "\n", "\r\n", "\r"])
    mark = draw(st.sampled_from(["", "", "\ufeff"]))
    return mark + "".join(draw(lines()) + draw(ends) for _ in range(draw(st.integers(0, 12))))


def is_extension(text: str) -> bool:
    """Say whether a file holds what the RFC does not know and the parser reads as Google's does: typos, index pages."""
    return bool(
        re.search(r"(?mi)index\.htm|^\s*(user[ ]?agent|dissallow|dissalow|disalow|diasllow|disallaw|(dis)?allow\s+/)", text)
    )


def is_torn(text: str) -> bool:
    """Say whether a rule ends inside an escape, as "/%" does. It is no valid pattern, and what it fits is up to the parser."""
    return bool(re.search(r"(?m)%[0-9A-Fa-f]?(?=[*$\s#]|$)", text))


@settings(max_examples=400, deadline=None)
@given(files(), urls)
@example("User-agent: *\nDisallow: /\nAllow: /foo/bar?baz=https://foo.bar", "http://a.b/foo/bar?baz=https%3A%2F%2Ffoo.bar")
@example("User-agent: *\nDisallow: /a?x=%26", "http://a.b/a?x=&")
@example("User-agent: *\nDisallow: /a%2Fb", "http://a.b/a/b")
@example("User-agent: *\nDisallow: /a?b\nAllow: /*cd", "http://a.b/a?bcd")
@example("User-agent: *\nDisallow: /*%2F", "http://a.b/?u=%2F")
def test_generated_files(text: str, url: str) -> None:
    """On every generated file and URL both matchers say the same, for text and for bytes."""
    assume(not is_torn(text))
    expected = reference(text, TOKEN, url)
    assert allowed(text, TOKEN, url) is expected
    assert allowed(text.encode(), TOKEN, url) is expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(keys, patterns), max_size=8), urls)
def test_generated_rules(rules: list[tuple[str, str]], url: str) -> None:
    """The same for files that are nothing but one group of rules, where the longest match decides."""
    text = "\n".join(["User-agent: acquisition", *(f"{key}: {value}" for key, value in rules)])
    assume(not is_torn(text))
    assert allowed(text, TOKEN, url) is reference(text, TOKEN, url)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(keys, patterns), max_size=8), urls)
def test_the_rule_that_decided(rules: list[tuple[str, str]], url: str) -> None:
    """The line that is named is one of the file, of the kind of the verdict, and alone it decides the same."""
    text = "\n".join(["User-agent: *", *(f"{key}: {value}" for key, value in rules)])
    verdict = parse(text, TOKEN).decide(url)
    if not verdict.rule:
        assert verdict.allowed
        return
    assert verdict.rule in [f"{key}: {value}".strip() for key, value in rules]
    assert verdict.rule.lower().startswith("allow") is verdict.allowed
    assert allowed(f"User-agent: *\n{verdict.rule}", TOKEN, url) is verdict.allowed


# --- Google's specification test --------------------------------------------------------------------------------------------

_WORD = re.compile(r'(?:\s|#[^\n]*\n)*("(?:\\.|[^"\\])*"|[A-Za-z_]+|[\[\]{}:,;])')
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "'": "'"}


def _unescaped(word: str) -> bytes:
    found = b""
    for octal, hexadecimal, simple, plain in re.findall(r"\\([0-7]{3})|\\x([0-9a-fA-F]{2})|\\(.)|([^\\]+)", word[1:-1]):
        if octal or hexadecimal:
            found += bytes([int(octal, 8) if octal else int(hexadecimal, 16)])
        else:
            found += (_SIMPLE[simple] if simple else plain).encode()
    return found


def google_cases(folder: Path) -> Iterator[tuple[bytes, str, str, bool]]:
    """Yield (file, token, URL, allowed) of Google's specification test, which is written as text protocol buffers."""
    for file in sorted(folder.glob("*.textproto")):
        known: dict[str, bytes] = {}
        key = ""
        for word in _WORD.findall(file.read_text("utf-8")):
            if word in ("robotstxt", "testurl", "useragent", "expected_outcome", "additional_explanation"):
                key = word
                known[key] = b""
            elif word.startswith('"'):
                known[key] += _unescaped(word)
            elif word in ("ALLOWED", "DISALLOWED"):
                yield known["robotstxt"], known["useragent"].decode(), known["testurl"].decode(), word == "ALLOWED"


def test_google_s_specification_test(shared_data: Path) -> None:
    """All its cases hold but three, where Google compares octets that RFC 9309 section 2.2.2 wants normalised."""
    cases = list(google_cases(shared_data / "robots_txt" / "google_spec_test" / "correctness"))
    assert len(cases) == 146
    wrong = {(text.split(b"\n")[2], url) for text, token, url, expected in cases if allowed(text, token, url) != expected}
    assert wrong == {
        ("Allow: /foo/bar/ツ".encode(), "http://foo.bar/foo/bar/ツ"),
        (b"Allow: /foo/bar/%E3%83%84", "http://foo.bar/foo/bar/ツ"),
        (b"Allow: /foo/bar/%62%61%7A", "http://foo.bar/foo/bar/baz"),
    }


# --- real files -------------------------------------------------------------------------------------------------------------


@pytest.mark.real
def test_real_files(shared_data: Path) -> None:
    """On real files of real sites, both matchers say the same about the paths that the files themselves name."""
    checked = 0
    for file in sorted((shared_data / "robots_txt" / "sites_2019").iterdir())[::6]:
        raw = file.read_bytes()
        if len(raw) > 20_000 or b"\0" in raw or raw[:2] in (b"\xff\xfe", b"\xfe\xff") or is_extension(raw.decode("latin-1")):
            continue
        text = raw.decode("utf-8", "replace").replace("\u2028", "")
        paths = re.findall(r"(?mi)^(?:dis)?allow[ \t]*:[ \t]*(/[^\s#]*)", text)[:12]
        for path in paths:
            url = "https://example.org" + path.replace("*", "zz").rstrip("$")
            assert allowed(text, TOKEN, url) is reference(text, TOKEN, url), (file.name, url)
            checked += 1
    assert checked > 300


# --- limits -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("beyond", [0, 1, 2, 9])
def test_the_limit_is_met_to_the_byte(end: str, beyond: int) -> None:
    """A rule whose last byte is the last of 500 KiB counts; one that ends a byte later does not, not even its beginning."""
    head, rule = "User-agent: *\n", "Disallow: /x"
    fill = "#" * (MAX_BYTES - len(head) - 1 - len(rule) + beyond) + "\n"
    text = f"{head}{fill}{rule}{end}Disallow: /y{end}"
    assert len(f"{head}{fill}{rule}".encode()) == MAX_BYTES + beyond
    assert allowed(text, TOKEN, "https://example.org/x") is (beyond > 0)
    assert allowed(text, TOKEN, "https://example.org/y")
    assert allowed(text.encode()[: MAX_BYTES + 1], TOKEN, "https://example.org/x") is (beyond > 0)


@settings(deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=60))
def test_any_bytes_are_read(raw: bytes, path: bytes) -> None:
    """Nothing that a server sends makes parsing or deciding raise."""
    assert allowed(raw, TOKEN, f"https://example.org/{path.decode('latin-1')}") in (True, False)


@settings(deadline=None)
@given(st.text(max_size=120))
def test_any_text_is_a_url(url: str) -> None:
    """Nothing that calls itself a URL makes deciding raise."""
    assert allowed("User-agent: *\nDisallow: /a*b$\nAllow: /?", TOKEN, url) in (True, False)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("", "/"),
        ("https://example.org", "/"),
        ("https://example.org?a", "/?a"),
        ("https://example.org#a/b", "/"),
        ("https://example.org/a?", "/a?"),
        ("https://example.org/a#/b", "/a"),
        ("https://example.org//a", "//a"),
        ("//example.org/a", "/a"),
        ("/a/b", "/a/b"),
        ("example.org/a", "/a"),
        ("HTTPS://EXAMPLE.ORG/A", "/A"),
        ("https://user@example.org:80/a", "/a"),
    ],
)
def test_the_path_of_a_url(url: str, path: str) -> None:
    """What is compared is the path with its query, "/" when there is none, also where scheme or host are missing."""
    text = "User-agent: *\nDisallow: /\nAllow: {}$"
    assert allowed(text.format(path), TOKEN, url)
    assert not allowed(text.format(path + "z"), TOKEN, url)

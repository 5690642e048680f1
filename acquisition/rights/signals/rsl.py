"""RSL 1.0 (Really Simple Licensing, December 2025): where a license is announced, and what its document says on training.

Announced in robots.txt (`License:`), a Link header, a link element, inline, in feeds and in metadata. An announced document
that has not been read leaves the question open; one that could not be had leaves the asset unlicensed, which is a no.
Within a license `prohibits` beats `permits`, and `permits` is a closed list; several licenses are a choice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from acquisition.rights.signals import robots_txt, xml
from acquisition.rights.signals.remember import remembered
from acquisition.rights.signals.signal import Scope, Signal, Word, clip, most_restrictive

if TYPE_CHECKING:
    from lxml.etree import _Element

NAMESPACE: Final = "https://rslstandard.org/rsl"
MEDIA_TYPE: Final = "application/rsl+xml"
_TRAINING: Final = frozenset({"all", "ai-all", "ai-train"})
_TRAINING_MISSPELT: Final = frozenset({"train-ai", "ai_train", "train_ai", "training", "ai-training", "train", "ai"})
_FREE: Final = frozenset({"free", "attribution"})
_MAX_LICENSES: Final = 500
_ADDRESS: Final = re.compile(r"(?:https?:)?//\S+|\.{0,2}/\S*|[^\s:]+\.(?:xml|rsl)", re.IGNORECASE)
"""What may be an address in robots.txt; relative ones are against the specification and occur."""
_SEPARATOR: Final = re.compile(r"[\s,;]+")


class Terms(NamedTuple):
    """What one license element says on training, what fetching takes, and its conditions as texts."""

    train: Word
    fetch: Word
    parsed: dict[str, str]
    prohibited: bool = False


def announced(where: str, href: str, base: str, documents: Mapping[str, bytes | None], url: str) -> list[Signal]:
    """Return what an announced license says: by its document when `documents` has it by address, else unknown.

    A document that is there as None was asked for and could not be had: deny.
    """
    address = _resolved(base, href)
    parsed = {"href": clip(address)}
    if not urlsplit_safe(href).scheme:
        parsed["warning"] = "not an absolute address"
    scope: Scope = "site" if where == "robots.txt" else "page"
    if address not in documents:
        return [Signal("rsl", where, clip(href), parsed, train="unknown", scope=scope, license=clip(address))]
    text = documents[address]
    if text is None:
        parsed["error"] = "the license could not be had"
        return [Signal("rsl", where, clip(href), parsed, train="deny", scope=scope, license=clip(address))]
    found = document(text, where, url)
    return found or [Signal("rsl", where, clip(href), parsed | {"content": "none"}, scope=scope, license=clip(address))]


def document(text: bytes, where: str, url: str, scope: Scope = "path") -> list[Signal]:
    """Return the signals of a document for the URL; inline documents (scope other than path) speak of where they stand."""
    contents = _contents(text)
    if isinstance(contents, str):
        return [Signal("rsl", where, _text(text), {"error": contents}, train="unknown", scope=scope)]
    if not contents:
        return [Signal("rsl", where, _text(text), {"error": "no content element"}, train="unknown", scope=scope)]
    fitting = [one for one in contents if scope != "path" or _fits(one.get("url"), url)]
    return [_judged(one, where, scope) for one in fitting[:_MAX_LICENSES]]


@remembered
def _contents(text: bytes) -> tuple[_Element, ...] | str:
    """Return the content elements of a document, or why it cannot be read; nobody changes them."""
    try:
        return tuple(element for element in xml.parse(text).iter() if _is(element, "content"))
    except xml.UnsafeXml as error:
        return str(error)


def feed(root: _Element, where: str, scope: Scope = "element") -> list[Signal]:
    """Return the signals of `rsl:content` elements in a feed or in XMP, each for what it stands in."""
    contents = (element for element in root.iter() if _is(element, "content", strict=True))
    return [_judged(one, where, scope) for _, one in zip(range(_MAX_LICENSES), contents, strict=False)]


def robots_licenses(raw: bytes, agent: str) -> list[str]:
    """Return the addresses of License lines, those outside groups and those of the groups that speak to us.

    Lines that hold no address ("License: MIT", as scripts and licenses of the file itself have them) announce nothing, and
    neither does a web page in the place of robots.txt.
    """
    return list(_licenses_of(raw, agent))


@remembered
def _licenses_of(raw: bytes, agent: str) -> tuple[str, ...]:
    if raw[:1_000].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return ()
    values = dict.fromkeys(robots_txt.parse(raw).notes_for(agent, "license"))
    return tuple(value for value in values if _ADDRESS.fullmatch(value))[:50]


def announced_in_robots(raw: bytes, url: str, agent: str) -> list[str]:
    """Return the absolute addresses of the License lines that speak to us, as `announced` looks documents up."""
    return list(dict.fromkeys(_resolved(url, href) for href in robots_licenses(raw, agent)))


def _judged(content: _Element, where: str, scope: Scope) -> Signal:
    """Return the signal of one content element."""
    from lxml import etree

    licenses = [element for element in content if _is(element, "license")][:_MAX_LICENSES]
    terms = [_terms(element) for element in licenses]
    train = _choice(terms)
    fetch = most_restrictive(one.fetch for one in terms) if terms and all(one.fetch != "none" for one in terms) else "none"
    parsed = {"content": clip(content.get("url") or "")}
    for one in terms[:20]:
        for key, value in one.parsed.items():
            parsed[key] = clip(f"{parsed[key]} | {value}" if key in parsed else value)
    if content.get("server"):
        parsed["server"] = clip(content.get("server") or "")
        train, fetch = (
            most_restrictive((train, "deny")),
            most_restrictive((fetch, "unknown")),
        )  # a token has to be obtained first
    if (content.get("encrypted") or "").strip().lower() == "true":
        parsed["encrypted"] = "true"
        train = "deny"
    raw = _text(etree.tostring(content, with_tail=False))
    return Signal("rsl", where, raw, parsed, fetch=fetch, train=train, scope=scope, license=_standard(content))


def _choice(terms: list[Terms]) -> Word:
    """Combine alternative licenses: a prohibition holds, else the most generous offer counts; none at all is unknown."""
    words = {one.train for one in terms}
    if any(one.prohibited for one in terms):
        return "deny"
    if "allow" in words:
        return "allow"
    return "unknown" if "unknown" in words or not words else "deny"


def _terms(element: _Element) -> Terms:
    permits, prohibits = dict(_lists(element, "permits")), dict(_lists(element, "prohibits"))
    payment = _payment(element)
    parsed = {f"permits-{key}": " ".join(value) for key, value in permits.items()}
    parsed |= {f"prohibits-{key}": " ".join(value) for key, value in prohibits.items()} | {"payment": payment}
    fetch: Word = "deny" if payment == "crawl" else "none"
    barred = set(prohibits.get("usage", ()))
    if barred & (_TRAINING | _TRAINING_MISSPELT):
        return Terms("deny", fetch, parsed, prohibited=True)
    granted = set(permits.get("usage", ()))
    if "usage" in permits and not granted & _TRAINING:
        return Terms("unknown" if granted & _TRAINING_MISSPELT else "deny", fetch, parsed)
    if payment not in _FREE:
        return Terms("deny", fetch, parsed)
    conditions = {"user", "geo"} & (permits.keys() | prohibits.keys())
    if conditions or "usage" not in permits or _has(element, "reporting"):
        return Terms("unknown", fetch, parsed)
    return Terms("allow", fetch, parsed)


def _lists(element: _Element, name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the type of each permits or prohibits element with its words, elements of one type joined."""
    found: dict[str, list[str]] = {}
    for child in element:
        if _is(child, name):
            words = _SEPARATOR.split((child.text or "")[:10_000].strip().lower())
            found.setdefault((child.get("type") or "usage").strip().lower()[:50], []).extend(filter(None, words))
    yield from ((key, tuple(words)) for key, words in found.items())


def _payment(element: _Element) -> str:
    """Return the dearest payment that a license asks for, "free" when it asks for none."""
    types = ["free"]
    for child in element:
        if _is(child, "payment"):
            priced = any(_is(part, name) for part in child for name in ("standard", "custom", "amount"))
            types.append((child.get("type") or ("license" if priced else "free")).strip().lower()[:50])
    return max(types, key=lambda one: (one not in _FREE, one != "free"))


def _standard(content: _Element) -> str:
    """Return the address of a standard license where the content names one."""
    for element in content.iter():
        if _is(element, "standard"):
            return clip((element.text or "").strip())
    return ""


def _has(element: _Element, name: str) -> bool:
    return any(_is(child, name) for child in element)


def _is(element: _Element, local: str, *, strict: bool = False) -> bool:
    """Say whether an element is RSL's; one without a namespace is taken as such, unless `strict`."""
    space, name = xml.name_of(element)
    return name == local and (space.rstrip("/") == NAMESPACE or (not space and not strict))


def _fits(pattern: str | None, url: str) -> bool:
    if not pattern:
        return True
    if pattern[:4].lower() == "http":
        parts = urlsplit_safe(pattern)
        if parts.hostname != urlsplit_safe(url).hostname:
            return False
        pattern = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return robots_txt.matches(robots_txt.normal(pattern if pattern[0] in "/*" else f"/{pattern}"), robots_txt.target(url))


class _Parts(NamedTuple):
    scheme: str
    hostname: str
    path: str
    query: str


def urlsplit_safe(url: str) -> _Parts:
    """Return the parts of a URL that may be nonsense."""
    try:
        parts = urlsplit(url)
        return _Parts(parts.scheme, parts.hostname or "", parts.path, parts.query)
    except ValueError:
        return _Parts("", "", "", "")


def _resolved(base: str, href: str) -> str:
    try:
        return urljoin(base, href.strip())
    except ValueError:
        return href


def _text(raw: bytes) -> str:
    return clip(raw[:10_000].decode("utf-8", "replace"))

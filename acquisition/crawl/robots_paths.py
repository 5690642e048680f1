"""Which rule of a robots.txt group a URL falls under (RFC 9309 section 2.2.2), in time that does not grow with hostile rules.

A path and a pattern are compared octet by octet after both were written the same way: octets that no URL may hold bare are
percent-encoded, escaped unreserved characters are decoded, hex digits are upper case. Reserved characters stay as they are, so
`/a%2Fb` is not `/a/b` and `?x=%26` is not `?x=&`; only in a query, where they delimit nothing, `:` `/` `?` `@` `[` `]` and
their escapes are the same (the second row of the RFC's table). Of all rules that match, the one with the most octets decides,
and Allow where two are equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

_AUTHORITY: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*", re.ASCII)
_BARE: Final = re.compile(r"[/?]")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~/=?&:,;+!'()@-]*", re.ASCII)
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})", re.ASCII)
_QUERY_ESCAPE: Final = re.compile(r"%(?:3A|2F|3F|40|5B|5D)")
_QUERY_DELIMITER: Final = re.compile(r"[:/?@\[\]]|%(?:3A|2F|3F|40|5B|5D)")
_KEPT: Final = "!#$%&'()*+,/:;=?@[]~"
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_GRAM: Final = 4
"""Octets by which wildcard rules are looked up: only those are tried of which some four octets stand in the path."""
_GRAMS: Final = 64

_Found = tuple[int, bool, str]
"""Octets of the pattern, whether it allows, and the line as written; the greatest one decides."""
_NOTHING: Final[_Found] = (0, True, "")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a URL may be fetched, and the line that decided ("" when none matched)."""

    allowed: bool
    rule: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a group: whether it allows, its pattern, and the line as written."""

    allow: bool
    pattern: str
    line: str


class Matcher:
    """The rules of one crawler. Building takes time in proportion to their length; deciding hardly depends on their number."""

    __slots__ = ("_loose", "_strict")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._strict, self._loose = _Index(), _Index()
        for rule in rules:
            for pattern in _spellings(rule):
                self._add(pattern, rule)

    def decide(self, url: str) -> Verdict:
        """Decide on a URL; what stands before its path and after its query does not count."""
        path = path_of(url)
        if path == "/robots.txt":
            return Verdict(True, "")
        octets = _as_octets(path).replace("$", "%24").replace("*", "%2A")
        best = self._strict.best(octets)
        if self._loose:
            best = max(best, self._loose.best(_loosened(octets)))
        return Verdict(best[1], best[2])

    def _add(self, pattern: str, rule: Rule) -> None:
        anchored = pattern.endswith("$")
        octets = _as_octets(pattern[:-1] if anchored else pattern)
        found = (len(octets) + anchored, rule.allow, rule.line)
        octets = octets.replace("$", "%24")
        self._strict.add(octets, anchored, found)
        _, mark, query = octets.partition("?")
        if mark and _QUERY_DELIMITER.search(query):
            self._loose.add(_loosened(octets), anchored, found)


def path_of(url: str) -> str:
    """Return path and query of a URL as they stand there, "/" when it has neither; also of one without scheme or host."""
    authority = _AUTHORITY.match(url)
    if authority:
        start = authority.end()
    elif url.startswith("/"):
        start = 0
    else:
        bare = _BARE.search(url)
        start = bare.start() if bare else len(url)
    path = url[start:].partition("#")[0] if "#" not in url[:start] else ""
    return path if path.startswith("/") else f"/{path}"


def _spellings(rule: Rule) -> Iterator[str]:
    """Yield the pattern, and the folder of an allowed index page, which Google reads into it."""
    yield rule.pattern
    folder, slash, page = rule.pattern.rpartition("/")
    if rule.allow and slash and page.startswith("index.htm"):
        yield f"{folder}/$"


def _as_octets(text: str) -> str:
    """Return a path or pattern in the one spelling in which both are compared."""
    if _PLAIN.fullmatch(text):
        return text
    text = quote(text.encode("utf-8", "surrogatepass"), safe=_KEPT)
    return _ESCAPE.sub(_one_spelling, text) if "%" in text else text


def _one_spelling(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()


def _loosened(octets: str) -> str:
    """Return it with those characters decoded that delimit nothing in a query."""
    path, mark, query = octets.partition("?")
    return path + mark + _QUERY_ESCAPE.sub(lambda escape: chr(int(escape[0][1:], 16)), query)


@dataclass(slots=True)
class _Index:
    """Patterns by how they are found: plain ones by their octets, those with wildcards by four octets of theirs."""

    prefixes: dict[str, _Found] = field(default_factory=dict)
    lengths: list[int] = field(default_factory=list)
    wholes: dict[str, _Found] = field(default_factory=dict)
    wild: list[dict[str, list[tuple[list[str], bool, _Found]]]] = field(default_factory=lambda: [{} for _ in range(_GRAM + 1)])
    filled: bool = False

    def __bool__(self) -> bool:
        return self.filled

    def add(self, pattern: str, anchored: bool, found: _Found) -> None:
        self.filled = True
        if "*" in pattern:
            self._add_wild(_pieces(pattern), anchored, found)
            return
        known = self.wholes if anchored else self.prefixes
        if not anchored and len(pattern) not in self.lengths:
            self.lengths.append(len(pattern))
        known[pattern] = max(found, known.get(pattern, _NOTHING))

    def _add_wild(self, pieces: list[str], anchored: bool, found: _Found) -> None:
        """Enter a wildcard pattern under that gram of its own under which the fewest others stand."""
        longest = max(pieces, key=len)
        size = min(_GRAM, len(longest))
        grams = [longest[start : start + size] for start in range(min(len(longest) - size, _GRAMS) + 1)]
        known = self.wild[size]
        gram = min(grams, key=lambda one: len(known.get(one, ())))
        known.setdefault(gram, []).append((pieces, anchored, found))

    def best(self, path: str) -> _Found:
        """Return the greatest rule that matches."""
        best = max(self.wholes.get(path, _NOTHING), _NOTHING)
        for length in self.lengths:
            found = self.prefixes.get(path[:length])
            if found is not None and found > best:
                best = found
        for size, known in enumerate(self.wild):
            if not known:
                continue
            present = {path[start : start + size] for start in range(len(path) - size + 1)}
            for gram in present & known.keys():
                for pieces, anchored, found in known[gram]:
                    if found > best and _fits(pieces, anchored, path):
                        best = found
        return best


def _pieces(pattern: str) -> list[str]:
    """Return what stands between the wildcards; several in a row are one."""
    return re.sub(r"\*+", "*", pattern).split("*")


def _fits(pieces: list[str], anchored: bool, path: str) -> bool:
    """Say whether the pieces stand in the path one after the other; each in the first place where it fits is enough."""
    first, *middle, last = pieces
    if not path.startswith(first):
        return False
    position = len(first)
    for piece in middle:
        found = path.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    if anchored:
        return len(path) - len(last) >= position and path.endswith(last)
    return path.find(last, position) >= 0

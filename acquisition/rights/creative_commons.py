"""One reader for Creative Commons addresses and one for Creative Commons names.

Both answer with an identifier only when they have understood every word; a license without a version is a family
(`LicenseRef-family-cc-by-nc`), a jurisdiction that has no identifier of its own gives the unported one plus a note.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from acquisition.rights.aliases import FAMILY, fold, without_lead

_ADDRESS: Final = re.compile(
    r"(?:https?:)?(?://)?(?:www\.|[a-z]{2}\.)?creativecommons\.org(?::(?:80|443))?/+"
    r"(?P<shelf>licenses|licences|publicdomain|public-domain|licenses/by-public-domain|share-your-work/public-domain)/+"
    r"(?P<kind>[a-z0-9+-]+)(?:/+(?P<version>\d\.\d)(?![\d.]))?"
    r"(?:/+(?!deed|legalcode|rdf)(?P<port>[a-z]{2,8})(?![a-z0-9]))?(?:/+(?:deed|legalcode|rdf)(?:[.-][a-z_-]+)?)?(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_CLEAN_END: Final = re.compile(r"(?:/|index\.html?)*(?:$|[^\w.+/-].*|\.$|\.[\s\"'<)\]].*)", re.DOTALL)

_VERSIONS: Final = frozenset({"1.0", "2.0", "2.1", "2.5", "3.0", "4.0"})
_KINDS: Final = ("by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd")
_OLD: Final = {
    ("sa", "1.0"): "CC-SA-1.0",
    ("nc", "1.0"): "LicenseRef-scancode-cc-nc-1.0",
    ("nd", "1.0"): "LicenseRef-scancode-cc-nd-1.0",
    ("nc-sa", "1.0"): "LicenseRef-CC-NC-SA-1.0",
    ("nc-nd", "1.0"): "LicenseRef-CC-NC-ND-1.0",
    ("sampling", "1.0"): "LicenseRef-scancode-cc-sampling-1.0",
    ("sampling+", "1.0"): "LicenseRef-scancode-cc-sampling-plus-1.0",
    ("nc-sampling+", "1.0"): "LicenseRef-scancode-cc-nc-sampling-plus-1.0",
    ("devnations", "2.0"): "LicenseRef-scancode-cc-devnations-2.0",
}
_PORTS: Final = frozenset(
    {"AT", "AU", "DE", "FR", "IGO", "JP", "NL", "UK", "US"}
)  # the only ones that occur in identifiers; every other jurisdiction becomes a note
_NO_PORT: Final = frozenset({"international", "unported", "generic", "universal", "worldwide", "intl", "int"})
_COUNTRIES: Final = {
    "germany": "DE", "deutschland": "DE", "de": "DE", "austria": "AT", "at": "AT", "australia": "AU", "au": "AU",
    "france": "FR", "fr": "FR", "japan": "JP", "jp": "JP", "netherlands": "NL", "nl": "NL", "united kingdom": "UK",
    "uk": "UK", "us": "US",
    "england wales": "UK", "england and wales": "UK", "united states": "US", "united states of america": "US", "igo": "IGO",
    "intergovernmental organisation": "IGO", "intergovernmental organization": "IGO", "intergovernmental organisations": "IGO",
    "intergovernmental organizations": "IGO",
}  # fmt: skip
_WORDS: Final = (
    ("creative commons", "cc"), ("creativecommons", "cc"), ("cc", "cc"),
    ("attribution", "by"), ("attribuzione", "by"), ("namensnennung", "by"), ("by", "by"),
    ("non commercial", "nc"), ("noncommercial", "nc"), ("non comm", "nc"), ("nicht kommerziell", "nc"), ("nc", "nc"),
    ("share alike", "sa"), ("sharealike", "sa"), ("weitergabe unter gleichen bedingungen", "sa"), ("sa", "sa"),
    ("no derivative works", "nd"), ("no derivatives", "nd"), ("noderivatives", "nd"), ("no derivs", "nd"), ("noderivs", "nd"),
    ("no derivative", "nd"), ("keine bearbeitung", "nd"), ("nd", "nd"),
    ("public", ""), ("deed", ""), ("legal code", ""), ("legalcode", ""), ("and", ""), ("ported", ""),
)  # fmt: skip
_VERSION: Final = re.compile(r"([1-4]\.[015])(?![\d.])")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was understood: an identifier, and a remark on what the identifier cannot carry (a jurisdiction)."""

    identifier: str
    remark: str = ""


def from_address(url: str) -> Reading | None:
    """Read an address of creativecommons.org in any of its spellings; None when it names no license."""
    found = _ADDRESS.match(unquote(url.strip()[:500]).strip("<>\"'( "))
    if found is None or not _CLEAN_END.fullmatch(found["rest"]):
        return None
    kind, version, port = found["kind"].lower(), found["version"], (found["port"] or "").upper()
    if not found["shelf"].lower().startswith(("licenses", "licences")) or kind == "publicdomain":
        return _public_domain(kind)
    if kind in {"zero", "cc0"}:
        return Reading("CC0-1.0")
    parts = set(kind.split("-"))
    if parts <= {"by", "nc", "sa", "nd"} and "by" in parts:
        return _license(parts, version, port)
    known = _OLD.get((kind, version or "1.0"))
    return Reading(known, _remark(port)) if known else None


def _public_domain(kind: str) -> Reading | None:
    known = {"zero": "CC0-1.0", "cc0": "CC0-1.0", "mark": "CC-PDM-1.0", "pdm": "CC-PDM-1.0"}
    known |= {"certification": "CC-PDDC", "publicdomain": "CC-PDDC"}
    return Reading(known[kind]) if kind in known else None


def _license(parts: set[str], version: str | None, port: str) -> Reading | None:
    kind = "-".join(part for part in ("by", "nc", "sa", "nd") if part in parts)
    if kind not in _KINDS:
        return None
    if version is None:
        return Reading(f"{FAMILY}cc-{kind}", "the version is not said")
    if version not in _VERSIONS:
        return None
    base = f"CC-{kind.upper()}-{version}"
    if port and (ported := _ported(base, port)):
        return Reading(ported)
    # Creative Commons published 2.1 for single jurisdictions only, so without one the identifier does not exist.
    if version == "2.1":
        return Reading(f"LicenseRef-{base}", _remark(port))
    return Reading(base, _remark(port) if port else "")


def _ported(base: str, port: str) -> str | None:
    from acquisition.rights.expressions import is_known

    return f"{base}-{port}" if port in _PORTS and is_known(f"{base}-{port}") else None


def _remark(port: str) -> str:
    return f"ported to the jurisdiction {port.lower()}" if port else ""


def from_name(text: str) -> Reading | None:
    """Read a name such as "CC BY-NC 4.0" or "Attribution 4.0 International (CC BY 4.0)"; None unless every word is understood.

    "Attribution" alone is understood as the family, as sound archives write it.
    """
    rest = without_lead(fold(text))
    marks: list[str] = []
    versions: set[str] = set()
    ports: set[str] = set()
    while rest:
        taken = _next(rest, marks, versions, ports)
        if not taken:
            return None
        rest = rest[taken:].lstrip()
    if len(versions) > 1 or len(ports) > 1 or "by" not in marks:
        return None
    return _license(set(marks) - {"cc", ""}, next(iter(versions), None), next(iter(ports), ""))


def _next(rest: str, marks: list[str], versions: set[str], ports: set[str]) -> int:
    """Take the next words off a folded name and file them; return how many characters they are, 0 when not understood."""
    if version := _VERSION.match(rest):
        versions.add(version[1])
        return version.end()
    for words, mark in _WORDS:
        if _starts(rest, words):
            marks.append(mark)
            return len(words)
    for word in _NO_PORT:
        if _starts(rest, word):
            return len(word)
    for country in sorted(_COUNTRIES, key=len, reverse=True):
        if _starts(rest, country):
            ports.add(_COUNTRIES[country])
            return len(country)
    return 0


def _starts(rest: str, words: str) -> bool:
    return rest.startswith(words) and (len(rest) == len(words) or rest[len(words)] == " ")

"""One reader for Creative Commons addresses and one for Creative Commons names.

Both answer with an identifier only when they have understood every word; a license without a version is a family
(`LicenseRef-family-cc-by-nc`), a jurisdiction that has no identifier of its own gives the unported one plus a note.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote

from acquisition.rights.aliases import FAMILY, dropped, fold, without_lead

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
_PLACES: Final = """
at austria osterreich; au australia; de germany deutschland; fr france; jp japan; nl netherlands nederland; uk united_kingdom
england_wales england_and_wales; us united_states united_states_of_america usa; igo intergovernmental_organisation
intergovernmental_organization intergovernmental_organisations intergovernmental_organizations; ar argentina; be belgium;
bg bulgaria; br brazil brasil; ca canada; ch switzerland schweiz; cl chile; cn china china_mainland mainland_china; co colombia;
cr costa_rica; cz czech_republic; dk denmark; ec ecuador; ee estonia eesti; eg egypt; es spain espana; fi finland suomi;
gr greece; gt guatemala; hk hong_kong; hr croatia; hu hungary; ie ireland; il israel; in india; it italy italia; kr korea
south_korea; lu luxembourg; mk macedonia; mt malta; mx mexico; my malaysia; no norway norge; nz new_zealand; pe peru;
ph philippines; pl poland polska; pr puerto_rico; pt portugal; ro romania; rs serbia; scotland; se sweden sverige; sg singapore;
si slovenia; th thailand; tw taiwan; ug uganda; ve venezuela; vn vietnam; za south_africa
"""
"""Jurisdictions with ported licenses: code and names without accents (creativecommons.org, "Jurisdiction ports")."""
_COUNTRIES: Final = {
    name.replace("_", " "): row.split()[0].upper() for row in _PLACES.split(";") for name in row.split() if len(name) > 2
}
_CODES: Final = {row.split()[0]: row.split()[0].upper() for row in _PLACES.split(";")}
"""Read only where the name is all there is: "in", "it", "no" and "at" are words."""
_WORDS: Final = (
    ("creative commons", "cc"), ("cc", "cc"),
    ("attribution", "by"), ("by", "by"),
    ("non commercial", "nc"), ("noncommercial", "nc"), ("non comm", "nc"), ("nc", "nc"), ("non commercial use", "nc"),
    ("share alike", "sa"), ("sharealike", "sa"), ("sa", "sa"),
    ("no derivative works", "nd"), ("no derivatives", "nd"), ("noderivatives", "nd"), ("no derivs", "nd"), ("noderivs", "nd"),
    ("no derivative", "nd"), ("noderivative", "nd"), ("nd", "nd"),
    ("public", ""), ("deed", ""), ("legal code", ""), ("legalcode", ""), ("ported", ""),
)  # fmt: skip
_RUN: Final = re.compile(r"(cc)?(by)(nc)?(sa|nd)?((?<=[a-z])[1-4]\.[015])?")
_VERSION: Final = re.compile(r"[1-4]\.[015]")


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
    words = [_named_port(word) for word in _apart(without_lead(fold(text)).split())]
    taken, name = _longest(words)
    return _reading(name) if name is not None and taken == len(words) else None


def _named_port(word: str) -> str:
    return f"port:{_CODES[word]}" if word in _CODES else word


def longest_name(words: Sequence[str]) -> tuple[int, str]:
    """Return how many words at the beginning of a row name a license of Creative Commons, and which; (0, "") when none do.

    Inside a sentence "attribution" alone names nothing: it takes "creative commons", a version, or a second element.
    """
    whole = [word for word in words if word not in dropped()]
    if not whole or _next(_apart(whole[:4]))[1] in {"", "version", "port"}:
        return 0, ""
    taken, name = _longest(_apart(whole))
    if name is None or not (name.said or name.version or len(name.marks) > 1) or (reading := _reading(name)) is None:
        return 0, ""
    return _reach(words, taken), reading.identifier


@dataclass(frozen=True, slots=True)
class _Name:
    """Elements, version and port of a name, and whether it says "creative commons"."""

    marks: frozenset[str] = frozenset()
    version: str = ""
    port: str = ""
    said: bool = False


def _reading(name: _Name) -> Reading | None:
    return _license(set(name.marks), name.version or None, name.port) if "by" in name.marks else None


def _longest(words: Sequence[str]) -> tuple[int, _Name | None]:
    """Read a name and its restatements ("Attribution 4.0 International (CC BY 4.0)"); stop before one that contradicts it."""
    whole: _Name | None = None
    place = 0
    while place < len(words):
        taken, name = _group(words[place:])
        joined = name if whole is None else _joined(whole, name)
        if not taken or joined is None or (whole is not None and not _restates(name)):
            break
        whole, place = joined, place + taken
    return place, whole


def _restates(name: _Name) -> bool:
    """Say whether a second statement is one: "(CC BY)" is, the "by" of "CC BY 4.0 by the harbour office" is none."""
    return len(name.marks) > 1 or bool(name.version) or (name.said and bool(name.marks))


def _joined(one: _Name, other: _Name) -> _Name | None:
    """Return two statements of one license as one, None when they contradict each other."""
    if (one.marks and other.marks and one.marks != other.marks) or (
        one.version and other.version and one.version != other.version
    ):
        return None
    if one.port and other.port and one.port != other.port:
        return None
    return _Name(one.marks or other.marks, one.version or other.version, one.port or other.port, one.said or other.said)


def _group(words: Sequence[str]) -> tuple[int, _Name]:
    """Read one statement: each element once, one version, one port; returns how many words it takes."""
    name, place = _Name(), 0
    while place < len(words):
        taken, mark, value = _next(words[place:])
        if not taken or _again(name, mark, value):
            break
        name = _with(name, mark, value)
        place += taken
    return place, name


def _again(name: _Name, mark: str, value: str) -> bool:
    if mark == "cc":
        return name.said or bool(name.marks or name.version)
    if mark == "version":
        return bool(name.version)
    if mark == "port":
        return bool(name.port and name.port != value)
    return mark in name.marks or (mark != "" and bool(name.version and name.marks))


def _with(name: _Name, mark: str, value: str) -> _Name:
    if mark == "cc":
        return replace(name, said=True)
    if mark == "version":
        return replace(name, version=value)
    if mark == "port":
        return replace(name, port=value)
    return replace(name, marks=name.marks | {mark}) if mark else name


def _next(words: Sequence[str]) -> tuple[int, str, str]:
    """Return how many of the first words are understood, and as what: an element, "cc", "version", "port", or "" for noise."""
    if _VERSION.fullmatch(words[0]):
        return 1, "version", words[0]
    if words[0].startswith("port:"):
        return 1, "port", words[0].removeprefix("port:")
    for size in (4, 3, 2, 1):
        phrase = " ".join(words[:size])
        if phrase in _PHRASES:
            return min(size, len(words)), _PHRASES[phrase], ""
        if phrase in _COUNTRIES:
            return min(size, len(words)), "port", _COUNTRIES[phrase]
    return (1, "", "") if words[0] in _NO_PORT else (0, "", "")


_PHRASES: Final = dict(_WORDS)


def _apart(words: Sequence[str]) -> list[str]:
    """Take run-together abbreviations ("ccbysa4.0") apart."""
    parts: list[str] = []
    for word in words:
        found = _RUN.fullmatch(word)
        parts += [part for part in found.groups() if part] if found else [word]
    return parts


def _reach(words: Sequence[str], taken: int) -> int:
    """Return how many of the words as they came hold so many words of a name."""
    seen = 0
    for place, word in enumerate(words):
        if word not in dropped():
            seen += len(_apart([word]))
        if seen >= taken:
            return place + 1
    return len(words)

"""What mlcroissant lets pass, checked by us: required properties, licenses, unique ids, and words from closed lists."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from acquisition.manifest.croissant.terms import COLLECTION_TYPES, ODRL, PROV, RAI, REQUIRED
from acquisition.manifest.kept import license_urls
from acquisition.rights.expressions import NOASSERTION, parse

_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_CLOSED: Final[Mapping[str, frozenset[str]]] = {"rai": RAI, "prov": PROV, "odrl": ODRL}


def problems(document: Mapping[str, Any], concluded: Iterable[str]) -> list[str]:
    """Return what is wrong with a document; `concluded` are the SPDX expressions of the kept items. [] when nothing is."""
    expressions = list(concluded)
    licenses = {url for expression in expressions for url in license_urls(expression)}
    found = [f"{name} is missing" for name in REQUIRED if not document.get(name)]
    if not re.fullmatch(r"\d+\.\d+\.\d+", str(document.get("version", ""))):
        found.append(f"version {document.get('version')!r} is not MAJOR.MINOR.PATCH")
    found += [f"{one!r} is no SPDX expression" for one in expressions if one != NOASSERTION and parse(one) is None]
    if licenses and set(document.get("license", ())) != licenses:
        found.append("license is not the union of the items' licenses")
    names = Counter(str(node["@id"]) for node in _defined(document))
    found += [f"@id {name!r} is given twice" for name, count in sorted(names.items()) if count > 1]
    found += [f"@id {name!r} has a space" for name in names if " " in name]
    found += [f"{name!r} leads to nothing" for name in sorted(set(_referred(document)) - set(names))]
    found += [f"{term} is not a term we know" for term in sorted(set(_terms(document))) if _unknown(term)]
    found += [
        f"{one!r} is no type of collection" for one in document.get("rai:dataCollectionType", ()) if one not in COLLECTION_TYPES
    ]
    for node in document.get("distribution", ()):
        if node.get("@type") == "cr:FileObject" and not _SHA256.fullmatch(str(node.get("sha256", ""))):
            found.append(f"{node.get('@id')} has no digest")
    return found


def _unknown(term: str) -> bool:
    known = _CLOSED.get(term.partition(":")[0])
    return known is not None and term not in known


def _defined(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every node that the document gives a name: resources, record sets, fields and their annotations."""
    yield from document.get("distribution", ())
    for record_set in document.get("recordSet", ()):
        yield record_set
        for one in record_set.get("field", ()):
            yield one
            yield from one.get("annotation", ())


def _referred(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield every name that a resource or a field refers to."""
    for node in _defined(document):
        for place in (node.get("containedIn"), node.get("key"), node.get("references", {}).get("field")):
            if place:
                yield str(place["@id"])
        source = node.get("source", {})
        yield from (str(source[kind]["@id"]) for kind in ("fileObject", "fileSet") if kind in source)


def _terms(value: Any) -> Iterator[str]:
    """Yield every word with a prefix of ours that stands as a key, a type or a meaning."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            if key == "@context":
                continue
            if ":" in key:
                yield key
            if key in {"@type", "equivalentProperty", "odrl:action"}:
                yield from (one for one in (entry if isinstance(entry, list) else [entry]) if isinstance(one, str))
            yield from _terms(entry)
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield from _terms(entry)

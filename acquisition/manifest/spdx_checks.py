"""What spdx-python-model does not check: the Dataset profile's restrictions, and figures that are not the ledger's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from acquisition.manifest.gathered import Part, union
from acquisition.rights.expressions import NOASSERTION, parse

NO_LICENSE: Final = "expandedlicensing_NoAssertionLicense"

_RESTRICTED: Final = ("builtTime", "releaseTime", "originatedBy", "software_downloadLocation", "software_primaryPurpose")


def check(document: Mapping[str, Any]) -> list[str]:
    """Return what breaks the Dataset profile: missing restrictions, licenses that are not one each, unknown references."""
    graph = [element for element in document["@graph"] if "spdxId" in element]
    names = [element["spdxId"] for element in graph]
    faults = (
        [f"{name} stands twice" for name in sorted({name for name in names if names.count(name) > 1})]
        if len(set(names)) < len(names)
        else []
    )
    rights: dict[tuple[str, str], int] = {}
    known = {*names, NO_LICENSE}
    for element in graph:
        if element["type"] == "dataset_DatasetPackage":
            faults += [f"{element['spdxId']} has no {name}" for name in _RESTRICTED if not element.get(name)]
            if len(element.get("originatedBy", ())) != 1:
                faults.append(f"{element['spdxId']} has not exactly one originatedBy")
        if element["type"] == "Relationship":
            key = (element["from"], element["relationshipType"])
            rights[key] = rights.get(key, 0) + 1
            faults += [f"{element['spdxId']} leads to nothing: {to}" for to in element["to"] if to not in known]
    for element in graph:
        if element["type"] == "dataset_DatasetPackage":
            for kind in ("hasDeclaredLicense", "hasConcludedLicense"):
                if rights.get((element["spdxId"], kind), 0) != 1:
                    faults.append(f"{element['spdxId']} has not exactly one {kind}")
    return faults


def figures(document: Mapping[str, Any], whole: Part, parts: Mapping[str, Part]) -> list[str]:
    """Return where packages say something else than the ledger: sizes, licenses, the sources that kept something, the files."""
    graph = {element["spdxId"]: element for element in document["@graph"] if "spdxId" in element}
    packages = [element for element in graph.values() if element["type"] == "dataset_DatasetPackage"]
    expected = {"set": whole} | {f"source/{name}": part for name, part in parts.items() if part.items}
    found = [] if len(packages) == len(expected) else [f"{len(packages)} packages stand for {len(expected)}"]
    related = {(one["from"], one["relationshipType"]): one["to"] for one in graph.values() if one["type"] == "Relationship"}
    for place, part in expected.items():
        package = next((one for one in packages if one["spdxId"].endswith(f"/{place}")), None)
        if package is None:
            found.append(f"{place} has no package")
            continue
        if package.get("dataset_datasetSize") != part.octets:
            found.append(f"{place} has {package.get('dataset_datasetSize')} bytes, and its items {part.octets}")
        for kind, counts in (("hasDeclaredLicense", part.declared), ("hasConcludedLicense", part.concluded)):
            to = (related.get((package["spdxId"], kind)) or [NO_LICENSE])[0]
            said = NOASSERTION if to == NO_LICENSE else graph.get(to, {}).get("simplelicensing_licenseExpression", "")
            if said != union(counts):
                found.append(f"{place}: {kind} is {said!r}, and its items are under {union(counts)!r}")
            if said != NOASSERTION and parse(said) is None:
                found.append(f"{place}: {said!r} is no SPDX expression")
    listed = sum(element["type"] == "software_File" for element in graph.values())
    return found + ([f"{listed:,} files are listed, of {whole.items:,} items"] if listed > whole.items else [])

"""A JSON-LD context of our own for the terms that our SPDX document uses: with it the document expands without a network.

The rule is that of SPDX 3.0.1, "Serializations": a term is its profile in lower case, "_" and its name, or the name alone for
Core; its address is the model's namespace, the profile and the name; words of an enumeration lie below the enumeration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

ADDRESS: Final = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
FILE: Final = "contexts/spdx-3.0.1.jsonld"
_MODEL: Final = "https://spdx.org/rdf/3.0.1/terms/"
_XSD: Final = "http://www.w3.org/2001/XMLSchema#"
_PROFILES: Final = {
    "dataset": "Dataset",
    "expandedlicensing": "ExpandedLicensing",
    "simplelicensing": "SimpleLicensing",
    "software": "Software",
}
_NAMES: Final = (  # classes and individuals
    *("Agent", "Annotation", "CreationInfo", "DictionaryEntry", "Hash", "Relationship", "SpdxDocument", "software_File"),
    *("dataset_DatasetPackage", "simplelicensing_LicenseExpression", "simplelicensing_SimpleLicensingText"),
    "expandedlicensing_NoAssertionLicense",
)
_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "string": (
        *("comment", "description", "hashValue", "key", "name", "specVersion", "statement", "value"),
        *("dataset_anonymizationMethodUsed", "dataset_dataCollectionProcess", "dataset_dataPreprocessing"),
        *("dataset_datasetNoise", "dataset_datasetUpdateMechanism", "dataset_intendedUse", "dataset_knownBias"),
        *("simplelicensing_licenseExpression", "simplelicensing_licenseText"),
        *("software_copyrightText", "software_packageVersion"),
    ),
    "dateTimeStamp": ("builtTime", "created", "releaseTime"),
    "nonNegativeInteger": ("dataset_datasetSize",),
    "anyURI": ("software_downloadLocation",),
}
_LINKS: Final = ("createdBy", "creationInfo", "originatedBy", "simplelicensing_customIdToUri", "verifiedUsing")
_WORDS: Final[Mapping[str, str]] = {
    "algorithm": "Core/HashAlgorithm",
    "annotationType": "Core/AnnotationType",
    "dataset_datasetAvailability": "Dataset/DatasetAvailabilityType",
    "dataset_datasetType": "Dataset/DatasetType",
    "dataset_hasSensitivePersonalInformation": "Core/PresenceType",
    "element": "Core/Element",
    "from": "Core/Element",
    "profileConformance": "Core/ProfileIdentifierType",
    "relationshipType": "Core/RelationshipType",
    "rootElement": "Core/Element",
    "software_primaryPurpose": "Software/SoftwarePurpose",
    "subject": "Core/Element",
    "to": "Core/Element",
}


def context() -> dict[str, Any]:
    """Return the context as it is written beside the document."""
    terms: dict[str, Any] = {"spdxId": "@id", "type": "@type"} | {name: address(name) for name in _NAMES}
    terms |= {name: {"@id": address(name), "@type": _XSD + kind} for kind, names in _VALUES.items() for name in names}
    terms |= {name: {"@id": address(name), "@type": "@id"} for name in _LINKS}
    for name, of in _WORDS.items():
        terms[name] = {"@context": {"@vocab": f"{_MODEL}{of}/"}, "@id": address(name), "@type": "@vocab"}
    return {"@context": dict(sorted(terms.items()))}


def address(term: str) -> str:
    """Return what a term stands for."""
    profile, _, name = term.rpartition("_")
    return f"{_MODEL}{_PROFILES[profile] if profile else 'Core'}/{name}"


def undefined(document: Mapping[str, Any]) -> list[str]:
    """Return the keys and types of a document that the context does not define, sorted."""
    known = context()["@context"]
    return sorted({term for term in _terms(document.get("@graph", [])) if term not in known and not term.startswith("@")})


def _terms(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _terms(one)
    elif isinstance(value, dict):
        yield from value
        if isinstance(value.get("type"), str):
            yield value["type"]
        for one in value.values():
            yield from _terms(one)

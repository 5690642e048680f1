"""Exporter `spdx`: SPDX 3.0.1 with the Dataset profile, in JSON-LD, written by us and checked by us.

One DatasetPackage for the set and one per source that kept something, each with exactly one declared and one concluded license
and what the profile's external restrictions ask for (builtTime, releaseTime, originatedBy, downloadLocation, primaryPurpose),
which spdx-python-model does not enforce. Files of the set are listed up to FILES_LISTED; beyond that the digest of
items.parquet stands for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from acquisition.manifest.credit import authors_of
from acquisition.manifest.eu_origins import ACCOUNT_KINDS
from acquisition.manifest.gathered import Part, filters_of, gather, moment, union
from acquisition.manifest.kept import address, kept_rows, license_urls, refuse
from acquisition.manifest.spdx_checks import NO_LICENSE, check, figures
from acquisition.model import Release
from acquisition.protocols import Exporter, Ledger
from acquisition.rights.expressions import NOASSERTION, identifiers
from acquisition.rights.titles import name_of
from acquisition.settings import SourceSettings
from acquisition.workspace import write_json

__all__ = ["Spdx", "check", "figures"]

DOCUMENT: Final = "spdx.json"
CONTEXT: Final = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
FILES_LISTED: Final = 50_000
_PLACE: Final = "https://example.invalid"  # RFC 6761: an address that nobody has, for a set that is published nowhere yet
_TYPES: Final = {"text": "text", "audio": "audio", "image": "image", "table": "structured", "video": "video"}
_INFO: Final = "_:creation"
_NAMELESS: Final = "Whoever made it: nobody says who that is, and the profile requires an agent."
_TIMES: Final = "The times are those of retrieval: when its publisher built and released it is not recorded."


class Spdx(Exporter):
    """spdx.json."""

    name: ClassVar[str] = "spdx"
    version: ClassVar[int] = 3
    standard: ClassVar[str] = "SPDX 3.0.1, Dataset profile"
    files: ClassVar[tuple[str, ...]] = (DOCUMENT,)

    def write(self, ledger: Ledger, directory: Path) -> tuple[str, ...]:
        """Write the document; ExportRefused when it would break a rule of the profile, or say other figures than the ledger."""
        document = _Document(ledger).built()
        whole, parts = gather(ledger.items)
        refuse("the SPDX document", [*check(document), *figures(document, whole, parts)])
        write_json(directory / DOCUMENT, document)
        return self.files


class _Document:
    """Collects elements; each has an address of its own below the set's."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._base = (address(ledger.dataset.url) or f"{_PLACE}/{ledger.dataset.name}").rstrip(
            "/"
        ) + f"/spdx/{ledger.dataset.version}"
        self._elements: list[dict[str, Any]] = []
        self._licenses: dict[str, str] = {}

    def built(self) -> dict[str, Any]:
        ledger = self._ledger
        whole, parts = gather(ledger.items)
        creator = self._agent(ledger.dataset.creator or (ledger.contact.name if ledger.contact else ""), "set")
        main = self._whole(whole, creator)
        sources = [self._source(name, part) for name, part in parts.items() if part.items]
        if sources:
            self._relation("contains", main, sources)
        self._files(main, whole)
        self._opt_outs(main)
        document = {
            "type": "SpdxDocument",
            "spdxId": f"{self._base}/document",
            "creationInfo": _INFO,
            "name": f"{ledger.dataset.name} {ledger.dataset.version}",
            "profileConformance": ["core", "dataset", "simpleLicensing", "software"],
            "rootElement": [main],
            "element": [element["spdxId"] for element in self._elements],
        }
        info = {
            "type": "CreationInfo",
            "@id": _INFO,
            "created": ledger.created_at,
            "createdBy": [creator],
            "specVersion": "3.0.1",
        }
        return {"@context": CONTEXT, "@graph": [info, document, *self._elements]}

    def _add(self, kind: str, place: str, **facts: Any) -> str:
        address = f"{self._base}/{place}"
        told = {key: value for key, value in facts.items() if value not in ("", None, [], {})}
        self._elements.append({"type": kind, "spdxId": address, "creationInfo": _INFO, **told})
        return address

    def _agent(self, name: str, made: str) -> str:
        """Return who made something. Whether a name is a person's nobody knows; who is not named has an element and no name."""
        place = f"agent/{_digest(name) if name else made}"
        found = f"{self._base}/{place}"
        known = any(element["spdxId"] == found for element in self._elements)
        return found if known else self._add("Agent", place, name=name, comment="" if name else _NAMELESS)

    def _whole(self, whole: Part, creator: str) -> str:
        ledger = self._ledger
        filters = filters_of(ledger.summary)
        personal = any(one["code"].startswith("pii.") for one in ledger.summary.get("flags", ()))
        package = self._add(
            "dataset_DatasetPackage",
            "set",
            name=ledger.dataset.title or ledger.dataset.name,
            description=ledger.dataset.description,
            software_packageVersion=ledger.dataset.version,
            **self._restricted(address(ledger.dataset.url) or f"{_PLACE}/{ledger.dataset.name}", creator, ledger.created_at),
            **_measured(whole),
            dataset_dataCollectionProcess="Declared in sources.yaml, fetched and curated by acquisition " + ledger.tool_version,
            dataset_dataPreprocessing=[f"filters: {', '.join(filters)}"] if filters else [],
            # what filters found was redacted, held or dropped by the policy; what they could not see nobody can assert
            dataset_hasSensitivePersonalInformation="noAssertion",
            dataset_anonymizationMethodUsed=_redaction(ledger.summary),
            dataset_datasetUpdateMechanism="A removed, edited or moved item is a major step of the version (versions.jsonl).",
            dataset_datasetNoise="; ".join(f"not checked: {one}" for one in ledger.not_checked),
            dataset_datasetAvailability="directDownload" if address(ledger.dataset.url) else "",
            dataset_intendedUse=ledger.dataset.answers.get("rai.dataUseCases", "").strip(),
            dataset_knownBias=[one] if (one := ledger.dataset.answers.get("rai.dataBiases", "").strip()) else [],
            comment="Personal data were found by the filters and treated by the policy." if personal else "",
            verifiedUsing=[_hash(_file_digest(ledger.items))],
        )
        self._rights(package, "set", union(whole.declared), union(whole.concluded))
        return package

    def _opt_outs(self, main: str) -> None:
        """Tell of each crawl which opt-outs were met, as an annotation of the set."""
        for source, told in sorted(self._ledger.summary.get("crawls", {}).items()):
            for mechanism, facts in sorted(told.get("opt_outs", {}).items()):
                self._add(
                    "Annotation",
                    f"opt-out/{source}/{mechanism}",
                    annotationType="other",
                    subject=main,
                    statement=f"{source}: {mechanism} ({facts['treatment']}) denies {facts['items']:,} items, unclear for "
                    f"{facts['unclear']:,}; {facts['not_visited']:,} addresses were left alone for it.",
                )

    def _source(self, name: str, part: Part) -> str:
        release = self._ledger.releases.get(name)
        settings = self._ledger.settings.get(name)
        by = self._agent("; ".join(authors_of(release, settings)), f"source/{name}")
        got = moment(part.last) or self._ledger.created_at
        package = self._add(
            "dataset_DatasetPackage",
            f"source/{name}",
            name=(release.title if release else "") or name,
            software_packageVersion=release.revision if release else "",
            **self._restricted(_download(release, name), by, got),
            **_measured(part),
            dataset_datasetAvailability=_availability(release, settings),
            comment=_TIMES,
        )
        self._rights(package, f"source/{name}", union(part.declared), union(part.concluded))
        return package

    def _restricted(self, place: str, by: str, built: str) -> dict[str, Any]:
        """What the profile requires of every package beside its type."""
        return {
            "builtTime": built,
            "releaseTime": built,
            "originatedBy": [by],
            "software_downloadLocation": place,
            "software_primaryPurpose": "data",
        }

    def _rights(self, package: str, name: str, declared: str, concluded: str) -> None:
        for kind, expression in (("hasDeclaredLicense", declared), ("hasConcludedLicense", concluded)):
            self._relation(kind, package, [self._license(expression)], name=f"{name}/{kind}")

    def _license(self, expression: str) -> str:
        if expression == NOASSERTION:
            return NO_LICENSE
        if expression not in self._licenses:
            own = [one for one in identifiers(expression) if one.startswith("LicenseRef-")]
            texts = {one: self._own_text(one) for one in own}
            self._licenses[expression] = self._add(
                "simplelicensing_LicenseExpression",
                f"license/{_digest(expression)}",
                simplelicensing_licenseExpression=expression,
                simplelicensing_customIdToUri=[
                    {"type": "DictionaryEntry", "key": key, "value": value} for key, value in texts.items()
                ],
            )
        return self._licenses[expression]

    def _own_text(self, identifier: str) -> str:
        """A license of nobody's list is named with its page; its text lies with the evidence in the ledger."""
        address = f"{self._base}/license-text/{_digest(identifier)}"
        if not any(element["spdxId"] == address for element in self._elements):
            text = f"{name_of(identifier)} {' '.join(license_urls(identifier))}"
            self._add(
                "simplelicensing_SimpleLicensingText",
                f"license-text/{_digest(identifier)}",
                name=identifier,
                simplelicensing_licenseText=text,
            )
        return address

    def _relation(self, kind: str, of: str, to: Sequence[str], name: str = "") -> None:
        self._add("Relationship", f"relation/{name or _digest(kind + of)}", **{"from": of}, relationshipType=kind, to=list(to))

    def _files(self, main: str, whole: Part) -> None:
        if whole.items > FILES_LISTED:
            return
        listed = [
            self._add(
                "software_File",
                f"file/{item}",
                name=path,
                software_primaryPurpose="data",
                verifiedUsing=[_hash(digest)],
                software_copyrightText="\n".join(notices),
            )
            for item, path, digest, notices in _stored(self._ledger.items)
        ]
        if listed:
            self._relation("hasDataFile", main, listed)


def _stored(items: Path) -> Iterator[tuple[str, str, str, list[str]]]:
    """Yield the kept items that are files of their own in the set; rows of a shared file have no file."""
    for item, path, digest, notices in kept_rows(items, ("id", "path", "stored_sha256", "notices")):
        if digest:
            yield item, path, digest, notices


def _redaction(summary: Mapping[str, Any]) -> list[str]:
    redacted = summary.get("outcomes", {}).get("redact", 0)
    return [f"Spans of {redacted:,} items are replaced by the kind of what stood there."] if redacted else []


def _measured(part: Part) -> dict[str, Any]:
    types = sorted({_TYPES.get(name, "other") for name, count in part.modalities.items() if count})
    return {"dataset_datasetType": types or ["noAssertion"], "dataset_datasetSize": part.octets}


def _availability(release: Release | None, settings: SourceSettings | None) -> str:
    """Return how others come by a source, "" where they cannot: a folder of one's own."""
    if release is None or release.kind == "local":
        return ""
    if release.reader == "crawl":
        return "scrapingScript"
    if release.kind in ACCOUNT_KINDS or (settings is not None and settings.auth is not None):
        return "registration"
    return "clickthrough" if release.terms is not None else "directDownload"


def _download(release: Release | None, name: str) -> str:
    return (address(release.homepage) if release is not None else "") or f"{_PLACE}/source/{name}"


def _hash(value: str) -> dict[str, str]:
    return {"type": "Hash", "algorithm": "sha256", "hashValue": value}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

"""Writes the manifest: the ledger, what was rejected and refused, the counts, and the formats that were asked for."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import orjson

from acquisition import plugins
from acquisition.errors import AcquisitionError, PluginError
from acquisition.manifest.agreeing import demand_agreement
from acquisition.manifest.columns import LEDGER_VERSION
from acquisition.manifest.evidence import EvidenceStore
from acquisition.manifest.ledger import LedgerInputs, LedgerWriter
from acquisition.manifest.names import FILES, ITEMS, OBSERVATIONS, REFUSALS, REJECTIONS, SUMMARY, SUMS
from acquisition.manifest.sound import demand_sound
from acquisition.manifest.takedowns import as_published, write_takedowns
from acquisition.manifest.times import keep_times
from acquisition.model import Observation, Rejection
from acquisition.protocols import Ledger
from acquisition.settings import ContactSettings, DatasetSettings, LimitSettings
from acquisition.tombstones import Tombstone
from acquisition.workspace import atomic_directory, write_json


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was not even fetched: a source that the plan refused, a page that robots.txt forbids. `what` is a URL or ""."""

    code: str
    source: str
    what: str
    detail: str
    at: str = ""


@dataclass(frozen=True, slots=True)
class ManifestInputs:
    """What a manifest is written from.

    `files` is the list of the curated set's files that `curate` left in its placements. `rejections` and `refusals` may
    be generators. `policy`, `notes` and `not_checked` go into the summary as they are.
    """

    ledger: LedgerInputs
    manifest: Path
    curated: Path
    files: Path
    dataset: DatasetSettings
    created_at: str
    tool_version: str
    contact: ContactSettings | None = None
    limits: LimitSettings = field(default_factory=LimitSettings)
    formats: Sequence[str] = ("items", "croissant", "attributions")
    rejections: Iterable[Rejection] = ()
    refusals: Iterable[Refusal] = ()
    policy: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = ()
    not_checked: tuple[str, ...] = ()
    observations: tuple[Observation, ...] = ()
    crawls: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Crawled source → its statistics, as plain values; they go into the summary as they are."""
    stones: Iterable[Tombstone] = ()
    """Everything that was ever taken down."""
    version_of: Callable[[Path], tuple[str, str]] | None = None
    """Gives the version in effect and since when it is, from the new folder with the ledger in it.

    It may leave its own files there, and the list of the set's files as it will be.
    """
    settle: Callable[[], None] | None = None
    """Called once all is written and nothing can refuse it any more, right before the new folder is swapped in."""


@dataclass(frozen=True, slots=True)
class ManifestResult:
    """What was written: the number of rows, the files' names, and the summary as it stands in summary.json."""

    rows: int
    files: tuple[str, ...]
    summary: Mapping[str, Any]


def write(inputs: ManifestInputs) -> ManifestResult:
    """Write the manifest into a new directory and swap it in. PluginError names an exporter that fails."""
    evidence = inputs.ledger.evidence
    with atomic_directory(inputs.manifest) as directory:
        gone = as_published(inputs.manifest, inputs.ledger.taken_down)
        writer = LedgerWriter(replace(inputs.ledger, taken_down=gone))
        rows = writer.write(directory / ITEMS)
        inputs = _in_effect(inputs, directory)
        if evidence is not None:
            evidence.write(directory)
        keep_times(directory, inputs.manifest)
        write_takedowns(directory, inputs.manifest, inputs.stones, inputs.dataset.version)
        if not (directory / FILES).exists():
            shutil.copyfile(inputs.files, directory / FILES)
        rejected = _write_records(directory / REJECTIONS, inputs.rejections, Rejection)
        refused = _write_records(directory / REFUSALS, inputs.refusals, Refusal)
        observed = _write_records(directory / OBSERVATIONS, inputs.observations, Observation)
        records = {"rejections": rejected, "refusals": refused, "observations": observed}
        summary = _summary(inputs, writer, rows, records)
        write_json(directory / SUMMARY, summary)
        _export(inputs, directory, summary)
        names = sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())
        sums = "".join(f"{_digest(directory / name)}  {name}\n" for name in names)
        (directory / SUMS).write_text(sums, encoding="utf-8")
        if inputs.settle is not None:
            inputs.settle()
    if evidence is not None:
        evidence.sweep()
    return ManifestResult(rows, (*names, SUMS), summary)


def _in_effect(inputs: ManifestInputs, directory: Path) -> ManifestInputs:
    """Put the version in effect in the place of the declared one: the only place where the version of the set enters.

    Its time is the time of all papers, so that the same version is the same bytes whenever it is written.
    """
    if inputs.version_of is None:
        return inputs
    version, since = inputs.version_of(directory)
    return replace(inputs, dataset=inputs.dataset.model_copy(update={"version": version}), created_at=since)


def _export(inputs: ManifestInputs, directory: Path, summary: Mapping[str, Any]) -> None:
    ledger = Ledger(
        items=directory / ITEMS,
        curated=inputs.curated,
        dataset=inputs.dataset,
        contact=inputs.contact,
        limits=inputs.limits,
        releases=inputs.ledger.releases,
        settings=inputs.ledger.settings,
        not_checked=inputs.not_checked,
        summary=summary,
        created_at=inputs.created_at,
        tool_version=inputs.tool_version,
    )
    demand_sound(ledger.items)
    demand_agreement(ledger.items, directory / FILES)
    for name in inputs.formats:
        exporter = plugins.exporter(name)
        try:
            exporter.write(ledger, directory)
        except (AcquisitionError, OSError):
            raise
        except Exception as error:
            raise PluginError(f"exporter {name!r} failed: {error!r}") from error


def _write_records(target: Path, records: Iterable[Any], kind: type[Any]) -> dict[str, dict[str, int]]:
    """Write records as JSON Lines; return source → code → how many."""
    counts: dict[str, dict[str, int]] = {}
    names = [one.name for one in fields(kind)]
    with target.open("xb") as stream:
        for record in records:
            line = {name: getattr(record, name) for name in names}
            stream.write(orjson.dumps(line, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))
            found = counts.setdefault(record.source, {})
            found[record.code] = found.get(record.code, 0) + 1
    return counts


def _summary(inputs: ManifestInputs, writer: LedgerWriter, rows: int, records: Mapping[str, Any]) -> dict[str, Any]:
    sources: dict[str, dict[str, dict[str, int]]] = {}
    outcomes: dict[str, int] = {}
    for (source, outcome, code), count in sorted(writer.counts.items()):
        sources.setdefault(source, {}).setdefault(outcome, {})[code] = count
        outcomes[outcome] = outcomes.get(outcome, 0) + count
    classes: dict[str, dict[str, int]] = {}
    for (name, split), count in sorted(writer.places.items()):
        classes.setdefault(name, {})[split] = count
    licenses: dict[str, dict[str, dict[str, int]]] = {}
    for (source, expression, outcome), count in sorted(writer.licenses.items()):
        licenses.setdefault(source, {}).setdefault(expression, {})[outcome] = count
    flags = [
        {"filter": name, "version": version, "code": code, "count": count}
        for (name, version, code), count in sorted(writer.flags.items())
    ]
    return {
        "dataset": inputs.dataset.name,
        "version": inputs.dataset.version,
        "use": inputs.dataset.use.model_dump(),
        "created_at": inputs.created_at,
        "tool": f"acquisition {inputs.tool_version}",
        "ledger": LEDGER_VERSION,
        "formats": dict(_formats(inputs.formats)),
        "evidence": _evidence(inputs.ledger.evidence),
        "items": rows - sum(writer.taken_down.values()),
        "taken_down": dict(sorted(writer.taken_down.items())),
        "outcomes": outcomes,
        "sources": sources,
        "classes": classes,
        "licenses": licenses,
        "filters": dict(sorted(writer.filters.items())),
        "flags": flags,
        **records,
        "crawls": {name: dict(found) for name, found in sorted(inputs.crawls.items())},
        "policy": [dict(row) for row in inputs.policy],
        "notes": list(inputs.notes),
        "not_checked": list(inputs.not_checked),
    }


def _formats(names: Iterable[str]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Yield what each format is: the version of our exporter, and of the standard that it follows."""
    for name in names:
        exporter = plugins.exporter(name)
        yield name, {"exporter": exporter.version, "standard": exporter.standard, "files": list(exporter.files)}


def _evidence(store: EvidenceStore | None) -> dict[str, int]:
    return {"kept": store.pieces, "bytes": store.bytes, "named_only": store.named_only} if store is not None else {}


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

"""The manifest: what the ledger and its formats are given of one run, and under which version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from acquisition import __version__, curate, manifest
from acquisition.crawl import load_run, missed_in, site_files
from acquisition.curate.decisions import read_decisions
from acquisition.journal import Journal
from acquisition.pipeline.finishing.line import Line
from acquisition.pipeline.versioning import Versioning, papers
from acquisition.pipeline.web import statistics
from acquisition.tombstones import Tombstone, Tombstones
from acquisition.workspace import utc_now


def versioning_of(line: Line, done: Mapping[str, Any], *, same: bool) -> Versioning:
    """Return what decides the set's version: by the manifest that stands, or by the record of the last run where none does."""
    told = papers(
        line.session.declared.declaration,
        [(one.code, one.source, one.asset, one.locator) for one in line.rejections()],
        [(one.code, one.source, one.what) for one in line.refusals()],
    )
    known = done.get("versioned", {}).get("version", "")
    dataset = line.session.declared.declaration.dataset
    return Versioning(
        line.session.workspace, dataset, told, known if same else manifest.stepped(known, "major") if known else ""
    )


def write_manifest(
    line: Line, journal: Journal, *, formats: tuple[str, ...], notes: tuple[str, ...], versioning: Versioning
) -> manifest.ManifestResult:
    """Write the ledger and the formats in place of those that stand, under the version that is told."""
    session, declaration = line.session, line.session.declared.declaration
    workspace = session.workspace
    retrievals = _retrievals(line, journal)
    held = {file.sha256: Path(file.file) for moved in line.moved.values() for file in moved.held.values()}
    return manifest.write(
        manifest.ManifestInputs(
            ledger=manifest.LedgerInputs(
                shards=line.shards,
                placements=workspace.placements,
                releases=line.releases,
                settings={name: moved.planned.source.settings for name, moved in line.moved.items()},
                decisions=read_decisions(workspace.decisions),
                retrieval_of=retrievals.get,
                texts=line.texts,
                evidence=manifest.EvidenceStore(workspace.evidence),
                sites=dict(_sites(line)),
                bytes_of=lambda sha256: _bytes_of(held.get(sha256)),
                taken_down=tuple(_taken_down(line.tombstones)),
            ),
            manifest=workspace.manifest,
            curated=workspace.curated,
            files=workspace.placements / curate.FILES,
            dataset=declaration.dataset,
            created_at=utc_now(),
            tool_version=__version__,
            contact=declaration.contact,
            limits=declaration.limits,
            formats=formats,
            rejections=line.rejections(),
            refusals=line.refusals(),
            policy=[asdict(row) for row in session.policy.effective_policy()],
            notes=notes,
            not_checked=line.not_checked,
            observations=line.observations,
            crawls=dict(_crawls(line)),
            stones=tuple(line.tombstones),
            version_of=versioning,
            settle=versioning.settle,
        )
    )


def _bytes_of(path: Path | None) -> bytes | None:
    try:
        return path.read_bytes() if path is not None else None
    except OSError:  # a folder of one's own that has changed; its text stands in the lock
        return None


def _sites(line: Line) -> Iterator[tuple[str, list[manifest.SiteFile]]]:
    """Yield the files about rights that sites gave to each crawled source, out of its archive."""
    for name, directory in line.crawls():
        yield name, [manifest.SiteFile(*told) for told in site_files(directory)]


def _taken_down(tombstones: Tombstones) -> Iterator[manifest.TakenDown]:
    """Yield one entry for each item that tombstones name, with its content's digest where one of them gives it."""
    stones: dict[str, list[Tombstone]] = {}
    for stone in tombstones:
        if stone.item:
            stones.setdefault(stone.item, []).append(stone)
    for item, found in stones.items():
        content = next((stone.digest for stone in found if stone.scope == "content"), "")
        last = found[-1]
        yield manifest.TakenDown(item, last.source, last.ticket, last.by, last.at, content)


def _crawls(line: Line) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is told of each crawled source: domains by bytes, opt-outs by mechanism, and how many visits they forbade."""
    treatments = line.session.declared.declaration.signals.changed
    for name, directory in line.crawls():
        forbidden = [missed.detail for missed in missed_in(directory) if missed.reason == "opt-out"]
        run = load_run(directory)
        left_alone = run.refused.get("opt-out", 0) if run is not None else len(forbidden)
        yield name, statistics(line.staged[name].shards, forbidden, treatments) | {"not_visited": left_alone}


def _retrievals(line: Line, journal: Journal) -> dict[str, manifest.Retrieval]:
    """When and how each blob came, by its sha256."""
    found: dict[str, manifest.Retrieval] = {}
    for name in line.staged:
        records = {record.sha256: record for record in journal.blobs_of(name)}
        for file in line.moved[name].held.values():
            with suppress(KeyError):
                record = records[file.sha256]
                found[file.sha256] = manifest.Retrieval(record.fetched_at, record.url, record.etag, record.last_modified)
            found.setdefault(file.sha256, manifest.Retrieval(file.fetched_at))
    return found

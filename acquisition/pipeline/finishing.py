"""Steps 6b and 7: the curated set and the manifest, unless both are here already for exactly these inputs."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from acquisition import __version__, curate, manifest, plugins
from acquisition.content import Contents
from acquisition.crawl import load_run, missed_in, site_files
from acquisition.curate.decisions import read_decisions
from acquisition.curate.redact import pseudonyms
from acquisition.engine.flags import claim_digest
from acquisition.errors import Refused
from acquisition.journal import Journal
from acquisition.model import Evidence, JudgedShard, Observation, Rejection, Release
from acquisition.pipeline.flagging import Flagged
from acquisition.pipeline.judging import Judged, flag_shard
from acquisition.pipeline.looking.standing import Standing, standing
from acquisition.pipeline.moving import Moved
from acquisition.pipeline.session import Session
from acquisition.pipeline.texts import license_texts
from acquisition.pipeline.versioning import Versioning, papers
from acquisition.pipeline.web import statistics
from acquisition.settings import ArchiveSettings
from acquisition.stage import Staged
from acquisition.tombstones import Tombstone, Tombstones, read_tombstones
from acquisition.workspace import utc_now, write_json

_RECORD: Final = "finished.json"


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a run: final counts per source, what was not checked, and where the set and the manifest lie."""

    counts: Mapping[str, Mapping[tuple[str, str], int]] = field(default_factory=dict)
    not_checked: tuple[str, ...] = ()
    observations: tuple[Observation, ...] = ()
    curated: str = ""
    manifest: str = ""
    manifest_files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    versioned: Mapping[str, str] = field(default_factory=dict)
    """The set's version, the step to it from the one before, why, and a note where the declaration says another."""
    standing: Standing | None = None
    changed: bool = False


@dataclass(frozen=True)
class Line:
    """Everything that the earlier steps left, for one run."""

    session: Session
    moved: Mapping[str, Moved]
    staged: Mapping[str, Staged]
    flagged: Sequence[Flagged]
    judged: Judged
    not_checked: tuple[str, ...]

    @property
    def observations(self) -> tuple[Observation, ...]:
        """What the filters found of sources as a whole, then of those that keep something, in the order of the filters."""
        return (*(one for answer in self.flagged for one in answer.observations), *self.judged.observations)

    @property
    def releases(self) -> dict[str, Release]:
        """The releases that the staged items come from."""
        return {name: release for name in self.staged if (release := self.moved[name].release) is not None}

    @cached_property
    def texts(self) -> dict[str, tuple[Evidence, ...]]:
        """The LICENSE and README texts of every source."""
        return {name: found for name in self.staged if (found := license_texts(self.moved[name].held.values()))}

    @property
    def shards(self) -> tuple[JudgedShard, ...]:
        """All item shards with their flags and verdicts."""
        return tuple(
            JudgedShard(
                shard, tuple(flag_shard(answer, shard) for answer in self.flagged), str(self.judged.verdicts[shard.key])
            )
            for source in self.staged.values()
            for shard in source.shards
        )


def finish(line: Line, journal: Journal, *, formats: tuple[str, ...], with_manifest: bool) -> Finished:
    """Build the curated set and write the manifest; what stands already for the same inputs stays as it is."""
    session = line.session
    record = session.workspace.root / _RECORD
    done = _read(record)
    curated_key = _curated_key(line)
    changed = False
    here = session.workspace.curated.is_dir() and session.workspace.placements.is_dir() and session.workspace.splits.is_file()
    if done.get("curated_key") != curated_key or not here:
        record.unlink(missing_ok=True)  # whatever stands from here on until the end is not what the record says
        session.reporter.event("step", text="building the curated set")
        result = _build(line)
        done, changed = {"curated_key": curated_key, "notes": list(result.notes), "versioned": done.get("versioned", {})}, True
        write_json(record, done)
    if with_manifest:
        manifest_key = _manifest_key(line, curated_key, formats)
        if done.get("manifest_key") != manifest_key or not session.workspace.manifest.is_dir():
            session.reporter.event("step", text="writing the manifest")
            versioning = _versioning(line, done, same=done.get("manifest_key") == manifest_key)
            written = _write(line, journal, formats, tuple(done["notes"]), versioning)
            done |= {"manifest_key": manifest_key, "files": list(written.files), "sources": written.summary["sources"]}
            done |= {"versioned": versioning.told()}
            changed = True
            write_json(record, done)
    return _finished(line, done, changed=changed, with_manifest=with_manifest)


def _finished(line: Line, done: Mapping[str, Any], *, changed: bool, with_manifest: bool) -> Finished:
    counts = line.judged.counts
    if with_manifest:  # the ledger's counts include what balance left out
        counts = {
            source: {(outcome, code): count for outcome, codes in outcomes.items() for code, count in codes.items()}
            for source, outcomes in done["sources"].items()
        }
    return Finished(
        counts=counts,
        not_checked=line.not_checked,
        observations=line.observations,
        curated=str(line.session.workspace.curated),
        manifest=str(line.session.workspace.manifest) if with_manifest else "",
        manifest_files=tuple(done.get("files", ())) if with_manifest else (),
        notes=tuple(done["notes"]),
        versioned=done["versioned"] if with_manifest else {},
        standing=standing(line.session.workspace) if with_manifest else None,
        changed=changed,
    )


def _read(record: Path) -> dict[str, Any]:
    try:
        found = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


# --- what the two are made from -----------------------------------------------------------------------------------------


def _digest(*told: Any) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def _curated_key(line: Line) -> str:
    declaration = line.session.declared.declaration
    return _digest(
        line.judged.key,
        declaration.curated.model_dump(mode="json"),
        declaration.contact.model_dump(mode="json") if declaration.contact else None,
        declaration.dataset.model_dump(mode="json"),
        [plugins.layout(declaration.curated.layout).version, __version__],
        [_release_told(release) for release in line.releases.values()],
        line.not_checked,
        [asdict(one) for one in line.observations],
        key.fingerprint if (key := pseudonyms(declaration.curated.redact)) else "",
        curate.closed_holdouts(declaration.curated, _today()),
    )


def _today() -> dt.date:
    return dt.date.fromisoformat(utc_now()[:10])


def _release_told(release: Release) -> list[Any]:
    """What a release says, without the times at which it was read."""
    terms = [release.terms.url, release.terms.sha256, release.terms.accepted] if release.terms else None
    credit = [release.title, release.authors, release.homepage, release.citation, release.doi, release.version_label]
    return [release.source, release.kind, release.revision, claim_digest(release.license), terms, credit, release.notes]


def _manifest_key(line: Line, curated_key: str, formats: tuple[str, ...]) -> str:
    declaration = line.session.declared.declaration
    return _digest(
        curated_key,
        [manifest.LEDGER_VERSION, _tombstones(line).digest],
        [(name, plugins.exporter(name).version) for name in formats],
        declaration.contact.model_dump(mode="json") if declaration.contact else None,
        declaration.limits.model_dump(mode="json"),
        {name: moved.planned.source.settings.model_dump(mode="json") for name, moved in line.moved.items()},
        [asdict(rejection) for rejection in _rejections(line)],
        [(refusal.code, refusal.source, refusal.what) for refusal in _refusals(line)],
    )


def _rejections(line: Line) -> Iterator[Rejection]:
    for name, moved in line.moved.items():
        yield from line.staged[name].rejections if name in line.staged else moved.failed


def _refusals(line: Line) -> Iterator[manifest.Refusal]:
    """Sources that policy, limits or missing rights kept out, and addresses that were not visited."""
    for name, moved in line.moved.items():
        error = moved.planned.error
        if isinstance(error, Refused):
            yield manifest.Refusal(error.code, name, "", error.message)  # where the declaration lies is nobody's business
        directory = _crawled(moved)
        if directory is not None:
            for missed in missed_in(directory):
                yield manifest.Refusal(missed.reason, name, missed.url, missed.detail, missed.at)


def _crawled(moved: Moved) -> Path | None:
    """Return the directory of the crawl that a source's items come from, or of the one that brought nothing."""
    if moved.release is not None and moved.release.reader == "crawl" and moved.held:
        return Path(next(iter(moved.held.values())).file).parent
    return moved.crawled


# --- making them --------------------------------------------------------------------------------------------------------


def _build(line: Line) -> curate.CurateResult:
    session, declaration = line.session, line.session.declared.declaration
    external = {file.sha256: Path(file.file) for moved in line.moved.values() for file in moved.held.values()}

    def blob_path(sha256: str) -> Path:
        return external.get(sha256) or session.workspace.blob_path(sha256)

    with Contents(blob_path, _widest(line)) as contents:
        return curate.build(
            curate.CurateInputs(
                shards=line.shards,
                policy=session.policy,
                settings=declaration.curated,
                dataset=declaration.dataset,
                releases=line.releases,
                contents=contents,
                blob_path=blob_path,
                blobs=session.workspace.blobs,
                curated=session.workspace.curated,
                placements=session.workspace.placements,
                splits=session.workspace.splits,
                forgotten=frozenset(stone.digest for stone in _tombstones(line) if stone.scope == "content"),
                today=_today(),
                not_checked=line.not_checked,
                observations=line.observations,
                texts=line.texts,
                contact=declaration.contact,
                progress=lambda done, total: session.reporter.event("curate-progress", done=done, total=total),
            )
        )


def _widest(line: Line) -> ArchiveSettings:
    """Archives were opened within each source's own limits when they were read; the widest of them serve here."""
    limits = [moved.planned.source.settings.read.archive for moved in line.moved.values()] or [ArchiveSettings()]
    return ArchiveSettings(**{name: max(getattr(limit, name) for limit in limits) for name in ArchiveSettings.model_fields})


def _versioning(line: Line, done: Mapping[str, Any], *, same: bool) -> Versioning:
    """Return what decides the set's version: by the manifest that stands, or by the record of the last run where none does."""
    told = papers(
        line.session.declared.declaration,
        [(one.code, one.source, one.asset, one.locator) for one in _rejections(line)],
        [(one.code, one.source, one.what) for one in _refusals(line)],
    )
    known = done.get("versioned", {}).get("version", "")
    dataset = line.session.declared.declaration.dataset
    return Versioning(
        line.session.workspace, dataset, told, known if same else manifest.stepped(known, "major") if known else ""
    )


def _write(
    line: Line, journal: Journal, formats: tuple[str, ...], notes: tuple[str, ...], versioning: Versioning
) -> manifest.ManifestResult:
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
                taken_down=tuple(_taken_down(_tombstones(line))),
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
            rejections=_rejections(line),
            refusals=_refusals(line),
            policy=[asdict(row) for row in session.policy.effective_policy()],
            notes=notes,
            not_checked=line.not_checked,
            observations=line.observations,
            crawls=dict(_crawls(line)),
            stones=tuple(_tombstones(line)),
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
    for name in line.staged:
        moved = line.moved[name]
        if moved.release is not None and moved.release.reader == "crawl" and moved.held:
            directory = Path(next(iter(moved.held.values())).file).parent
            yield name, [manifest.SiteFile(*told) for told in site_files(directory)]


def _tombstones(line: Line) -> Tombstones:
    return read_tombstones(line.session.workspace.root / "tombstones.jsonl")


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
    for name, staged in line.staged.items():
        moved = line.moved[name]
        if moved.release is None or moved.release.reader != "crawl" or not moved.held:
            continue
        directory = Path(next(iter(moved.held.values())).file).parent
        forbidden = [missed.detail for missed in missed_in(directory) if missed.reason == "opt-out"]
        run = load_run(directory)
        left_alone = run.refused.get("opt-out", 0) if run is not None else len(forbidden)
        yield name, statistics(staged.shards, forbidden, treatments) | {"not_visited": left_alone}


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

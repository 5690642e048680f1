"""What a plan says of rights and sizes before bytes move: license texts, rulings with their evidence, items, disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from acquisition.blobs import BlobStore
from acquisition.curate.policy import rule_name
from acquisition.errors import AcquisitionError
from acquisition.filters.license import UNKNOWN, release_codes
from acquisition.model import SEVERITY, Asset, Evidence, LicenseClaim, LicenseConclusion, Outcome, Release, Use
from acquisition.pipeline.session import Session
from acquisition.pipeline.texts import license_texts, may_license
from acquisition.plan import PlannedSource, Rights, Ruled, Texts, is_archive
from acquisition.protocols import Source
from acquisition.rights.combining import Combination, combine
from acquisition.rights.evidence import compared, findings, is_license_file
from acquisition.rights.expressions import NOASSERTION
from acquisition.rights.licenses import duty_phrases, release_conclusion
from acquisition.sources.common_voice import BY_DECLARATION
from acquisition.stage import Held
from acquisition.workspace import atomic_file

_UNRULED: Final = "no rule of the policy names it"
_ASKED: Final = 2
"""License texts of one source that are asked for before anything of it is here."""
_SHOWN: Final = 80
_TABLES: Final = 1.5
"""Staged items beside the bytes that they come from, at most about: texts are kept as they are, with columns beside them."""


def rights_of(session: Session) -> Callable[[Source, Release, tuple[Evidence, ...]], Rights]:
    """Return the license gate: codes that a release's claim and texts earn, and what the policy makes of each."""

    def judge(source: Source, release: Release, texts: tuple[Evidence, ...]) -> Rights:
        ruled = []
        for code, reason in release_codes(release, session.use, texts):
            outcome, rule = session.policy.outcome_for(code, 1.0, source.name)
            if code == UNKNOWN and (column := source.settings.items.license) is not None:
                reason = f"only of items for which column {column!r} says nothing, known once they are staged: {reason}"
            ruled.append(Ruled(code, str(outcome), rule_name(rule) if rule is not None else _UNRULED, reason))
        worst = max(ruled, key=lambda one: SEVERITY[one.outcome], default=None)
        conclusion = release_conclusion(release, texts)
        return Rights(
            conclusion=conclusion,
            codes=tuple(one.code for one in ruled),
            outcome=worst.outcome if worst is not None else str(Outcome.KEEP),
            rule=worst.rule if worst is not None else "",
            reasons=tuple(one.reason for one in ruled),
            ruled=tuple(ruled),
            shown_by=tuple(_shown_by(release, conclusion, texts)),
            duties=duty_phrases(conclusion.duties),
            opt_outs=tuple(_opt_outs(session, source, release, conclusion)),
        )

    return judge


def _shown_by(release: Release, conclusion: LicenseConclusion, texts: tuple[Evidence, ...]) -> Iterator[str]:
    """Yield which field or text the license was read from: the claim's evidence, then the texts that decided beside it."""
    claim: LicenseClaim = release.license
    for one in claim.evidence:
        yield f"{one.field} says {_short(one.raw)}" if one.raw else f"{one.field}: {one.url}"
    if not claim.evidence and claim.raw:
        yield f"the publisher says {_short('; '.join(claim.raw))}"
    for found in findings(conclusion.declared, compared(claim, texts)):
        if found.standing != "silent" and found.match.expression != NOASSERTION:
            verb = {"agrees": "says the same", "contradicts": "contradicts it"}.get(found.standing, "gives")
            yield f"the text of {found.name} {verb}: {found.match.expression}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…")


def _opt_outs(session: Session, source: Source, release: Release, conclusion: LicenseConclusion) -> Iterator[str]:
    """Yield what is known against a use: words of the claim or card, and what crawled hosts said when they were visited."""
    if release.license.ml_training == "denied":
        yield "its terms forbid training models"
    elif conclusion.training == "no":
        yield f"{conclusion.concluded} forbids training models"
    if release.license.redistribute is False:
        yield "its terms forbid passing it on"
    pin = session.lock.pins.get(source.name)
    for host in pin.hosts if pin is not None else ():
        yield from (f"{host.origin} {host.name}, {host.at[:10]}: {signal}" for signal in host.signals)


# --- license texts --------------------------------------------------------------------------------------------------------


def texts_of(session: Session) -> Callable[[Source, PlannedSource], Texts]:
    """Return how a plan comes to a release's license texts.

    Texts that are here are read. Of a release that is not, the LICENSE files are asked for only where nothing else tells the
    license; they are kept as evidence and named in the lock, so that nobody is asked twice.
    """
    store = BlobStore(session.workspace)

    def read(source: Source, planned: PlannedSource) -> Texts:
        if session.adapter(source).mover == "crawler" or planned.release is None:
            return Texts()
        here = license_texts(_here(planned, store))
        if here:
            return Texts(here)
        release = planned.release
        if release_conclusion(release).concluded != NOASSERTION or release.license.level == "user":
            return Texts()
        return _asked_for(session, source, planned)

    return read


def _here(planned: PlannedSource, store: BlobStore) -> Iterator[Held]:
    """Yield the files that may be license texts and are here, in the workspace or in a folder of one's own."""
    for asset in planned.taken:
        if not may_license(asset.path):
            continue
        with suppress(OSError):
            if asset.local_path:
                path = Path(asset.local_path)
                yield Held(asset.path, str(path), _digest(path), path.stat().st_size, "")
            elif asset.path in planned.held:
                sha256 = planned.held[asset.path]
                yield Held(asset.path, str(store.path(sha256)), sha256, store.get(sha256).size, "")


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _asked_for(session: Session, source: Source, planned: PlannedSource) -> Texts:
    release = planned.release
    assert release is not None
    pin = session.lock.pins.get(source.name)
    known = {text.path: text.sha256 for text in pin.texts} if pin is not None and pin.release == planned.published else {}
    wanted = [asset for asset in planned.taken if may_license(asset.path) and is_license_file(asset.path)]
    found, lacking = [], []
    for asset in sorted(wanted, key=lambda asset: (asset.path.count("/"), asset.path))[:_ASKED]:
        raw = _kept(session, known.get(asset.path, ""))
        if raw is None and not session.offline:
            try:
                raw = _moved(session, source, release, asset)
            except AcquisitionError as error:
                lacking.append(f"{asset.path} could not be read, so what it says of the license is not known: {_said(error)}")
        if raw is not None:
            sha256 = hashlib.sha256(raw).hexdigest()
            text = raw.decode("utf-8-sig", "replace")
            found.append(Evidence(asset.path.rpartition("/")[2], text, asset.path, sha256, ""))
    return Texts(tuple(found), tuple(lacking))


def _said(error: AcquisitionError) -> str:
    return f"{error.message} [{error.code}]"


def _kept(session: Session, sha256: str) -> bytes | None:
    with suppress(OSError):
        content = (session.workspace.evidence / sha256).read_bytes() if sha256 else b""
        if hashlib.sha256(content).hexdigest() == sha256:
            return content
    return None


def _moved(session: Session, source: Source, release: Release, asset: Asset) -> bytes:
    """Ask for one license text and keep it as evidence. Raises what the adapter and the client raise."""
    context = session.context(source, release)
    location = session.adapter(source).locate(source, release, asset, context)
    content = context.api.get_text(location.url, headers=location.headers).encode()
    with atomic_file(session.workspace.evidence / hashlib.sha256(content).hexdigest()) as stream:
        stream.write(content)
    return content


# --- all sources together -------------------------------------------------------------------------------------------------


def combined(sources: Iterable[PlannedSource], use: Use) -> Combination:
    """Return which licenses do not go together, of the sources that keep something: those that policy lets through."""
    keeping = {
        source.name: (source.rights.conclusion.concluded,)
        for source in sources
        if source.rights is not None
        and source.action in {"download", "reuse"}
        and source.rights.outcome in {"keep", "redact"}
        and source.rights.conclusion.concluded != NOASSERTION
    }
    return combine(keeping, use)


def items_of(session: Session) -> Callable[[PlannedSource], int | None]:
    """Return how many items a planned source has: as staged, by its publisher's word, or by its files; None if nobody tells."""

    def count(planned: PlannedSource) -> int | None:
        release = planned.release
        if release is None or planned.action == "crawl":
            return None
        staged = _staged(session, planned.name, release.revision)
        if staged is not None:
            return staged
        if release.items is not None and not planned.left_out:
            return release.items
        files = planned.source.settings.items.as_ == "files"
        if not files or any(is_archive(asset.path) for asset in planned.taken):
            return None
        return sum(not may_license(asset.path) for asset in planned.taken)

    return count


def _staged(session: Session, name: str, revision: str) -> int | None:
    for record in sorted((session.workspace.staging / name).glob("*/stage.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads(record.read_bytes())
            if revision and told["release"] == revision:
                return int(told["items"])
    return None


def set_bytes(sources: Iterable[PlannedSource], layout: str) -> int:
    """Return about how many bytes staging and the curated set add to those that are downloaded, at most.

    Items are staged as tables; the layout `folders` links its media to the blobs, all others copy them.
    """
    total = sum(source.bytes_total for source in sources if source.action in {"download", "reuse"})
    return round(total * (_TABLES if layout == "folders" else 1 + _TABLES))


def with_contact(planned: PlannedSource, who: str) -> PlannedSource:
    """Return the source with the contact named where the declaration itself accepts its terms."""
    published = planned.published
    if not who or published is None or published.terms is None or not published.terms.accepted:
        return planned
    if published.terms.accepted_by != BY_DECLARATION:
        return planned
    terms = replace(published.terms, accepted_by=f"{who}, by {BY_DECLARATION}")
    release = replace(planned.release, terms=terms) if planned.release is not None else None
    return replace(planned, published=replace(published, terms=terms), release=release)

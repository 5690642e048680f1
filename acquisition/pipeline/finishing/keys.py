"""What tells whether the set and the manifest stand already: digests of everything that they are made from."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import asdict, fields
from typing import Any, Final

from acquisition import __version__, curate, manifest, plugins
from acquisition.curate.redact import pseudonyms
from acquisition.engine.flags import claim_digest
from acquisition.model import Rejection, Release
from acquisition.pipeline.finishing.line import Line
from acquisition.workspace import utc_now

_REJECTION: Final = tuple(field.name for field in fields(Rejection))


def _digest(*told: Any) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def curated_key(line: Line) -> str:
    """Digest everything that the curated set is made from."""
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
        curate.closed_holdouts(declaration.curated, today()),
    )


def today() -> dt.date:
    """Return the day by which embargoes are told, in UTC."""
    return dt.date.fromisoformat(utc_now()[:10])


def _release_told(release: Release) -> list[Any]:
    """What a release says, without the times at which it was read."""
    terms = [release.terms.url, release.terms.sha256, release.terms.accepted] if release.terms else None
    credit = [release.title, release.authors, release.homepage, release.citation, release.doi, release.version_label]
    return [release.source, release.kind, release.revision, claim_digest(release.license), terms, credit, release.notes]


def manifest_key(line: Line, curated: str, formats: tuple[str, ...]) -> str:
    """Digest everything that the manifest of the set with this key is made from."""
    declaration = line.session.declared.declaration
    return _digest(
        curated,
        [manifest.LEDGER_VERSION, line.tombstones.digest],
        [(name, plugins.exporter(name).version) for name in formats],
        declaration.contact.model_dump(mode="json") if declaration.contact else None,
        declaration.limits.model_dump(mode="json"),
        {name: moved.planned.source.settings.model_dump(mode="json") for name, moved in line.moved.items()},
        [{name: getattr(rejection, name) for name in _REJECTION} for rejection in line.rejections()],  # millions, perhaps
        [(refusal.code, refusal.source, refusal.what) for refusal in line.refusals()],
    )

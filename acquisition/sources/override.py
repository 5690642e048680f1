"""The user's own word on a release: the license that `license:` declares with its evidence, and whom `attribution:` credits."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from acquisition.errors import SourceError
from acquisition.model import Evidence, LicenseClaim, Release
from acquisition.protocols import ResolveContext
from acquisition.settings import AttributionSettings, LicenseSettings, SourceSettings
from acquisition.sources.folder import declared_path

LARGEST_EVIDENCE: Final = 2_000_000
"""Bytes: a license, terms or an invoice's wording; more is surely the wrong file."""


def apply_override(release: Release, settings: SourceSettings, context: ResolveContext) -> Release:
    """Return the release with the declared license and attribution in place of the publisher's; SourceError if evidence fails.

    The publisher's own evidence stays behind the user's, so that a later reader sees what was overridden. The text of an
    evidence file goes into the claim with its digest; a URL is recorded as it is and not fetched.
    """
    if settings.license is not None:
        release = replace(release, license=_claim(release, settings.license, context))
    return _attributed(release, settings.attribution)


def _claim(release: Release, declared: LicenseSettings, context: ResolveContext) -> LicenseClaim:
    at = context.now()
    said = Evidence("license.declared", declared.declared, "", _digest(declared.declared.encode()), at)
    shown = (_evidence(declared.evidence, context, at),) if declared.evidence else ()
    owner = (Evidence("license.owner", declared.owner, "", _digest(declared.owner.encode()), at),) if declared.owner else ()
    return LicenseClaim(
        raw=(declared.declared,),
        vocabulary="user",
        level="user",
        link=declared.evidence if _is_url(declared.evidence) else "",
        evidence=(said, *shown, *owner, *release.license.evidence),
        redistribute=declared.redistribute if declared.redistribute is not None else release.license.redistribute,
        ml_training=declared.ml_training if declared.ml_training is not None else release.license.ml_training,
    )


def _is_url(text: str) -> bool:
    return urlsplit(text).scheme in {"http", "https"}


def _evidence(declared: str, context: ResolveContext, at: str) -> Evidence:
    """Return the evidence as declared: a URL by itself, a file by its text and digest."""
    if _is_url(declared):
        return Evidence("license.evidence", declared, declared, "", at)
    path = declared_path(declared, context)
    try:
        size = path.stat().st_size
        content = path.read_bytes() if path.is_file() and size <= LARGEST_EVIDENCE else None
    except OSError as error:
        raise SourceError(
            f"the license's evidence cannot be read: {error.strerror or error}",
            where=str(path),
            hint="Write the path of the file that says so (relative to sources.yaml), or a URL.",
        ) from error
    if content is None:
        what = f"is larger than {LARGEST_EVIDENCE:,} bytes" if path.is_file() else "is not a file"
        raise SourceError(
            f"the license's evidence {what}", where=str(path), hint="Name the text of the license or terms itself."
        )
    text = content.decode("utf-8", errors="replace") if b"\0" not in content else f"({len(content):,} bytes, not a text)"
    return Evidence("license.evidence", text, _place(declared), _digest(content), at)


def _place(declared: str) -> str:
    """Return what papers may say of where a file lies: a path beside sources.yaml, of any other the name alone.

    Lock, manifest and bundles go to others, and where somebody keeps a file says who and on which machine.
    """
    return posixpath.basename(declared.replace("\\", "/")) if declared[:1] in {"/", "~", "$"} else declared


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _attributed(release: Release, attribution: AttributionSettings) -> Release:
    return replace(
        release,
        authors=(attribution.author,) if attribution.author else release.authors,
        title=attribution.title or release.title,
        homepage=attribution.url or release.homepage,
    )

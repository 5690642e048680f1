"""What Kaggle says of a license, in two places and two spellings: short codes in the metadata, a display name on the page."""

from __future__ import annotations

import re
from typing import Any, Final

from acquisition.model import LicenseClaim
from acquisition.protocols import ResolveContext
from acquisition.sources.evidence import evidence, text_of, texts_of

_CREATIVE: Final = re.compile(r"\bcc[ -]?(?:0|by(?:-(?:nc|sa|nd))*)(?![a-z])", re.IGNORECASE)
_NUMBER: Final = re.compile(r"(?<![\d.])([1-4]\.\d)(?![\d.])")
_IN_DESCRIPTION: Final = re.compile(r"other|other \(specified in description\)|see description", re.IGNORECASE)
_NO_STATEMENT: Final = frozenset({"", "other", "unknown"})


def claim_of(info: Any, metadata: Any | None, page: str, context: ResolveContext) -> tuple[LicenseClaim, list[str]]:
    """Return the claim (the metadata's short codes, the display name beside them) and notes where the two disagree.

    Where they point to the description, its text is part of the evidence: nothing reads a license out of it, but a person can,
    and an edit of it is a drift of the license.
    """
    codes = texts_of([entry.name for entry in (metadata.licenses if metadata is not None else None) or ()])
    shown = text_of(info.license_name)
    at = context.now()
    looked = [evidence("licenses[].name", list(codes), url=page, at=at)] if codes else []
    looked += [evidence("licenseName", shown, url=page, at=at)] if shown else []
    raw = codes or ((shown,) if shown else ())
    described = text_of(info.description) if any(_IN_DESCRIPTION.fullmatch(text) for text in (*codes, shown)) else ""
    looked += [evidence("description", described, url=page, at=at)] if described else []
    claim = LicenseClaim(raw, "kaggle", "dataset" if raw else "none", name=shown, evidence=tuple(looked))
    notes = [
        f"Kaggle contradicts itself: {code!r} in the metadata, {shown!r} on the page" for code in codes if _differ(code, shown)
    ]
    if described:
        notes.append(f"the license is said to stand in its description: read {page}, then write what you find under `license:`")
    if len(codes) > 1:
        notes.append(f"Kaggle lists {len(codes)} licenses: {', '.join(codes)}")
    return claim, notes


def _differ(code: str, shown: str) -> bool:
    """Say whether a short code and a display name cannot mean the same; only Creative Commons names are compared."""
    if code.lower() in _NO_STATEMENT or shown.lower().split(" ")[0] in _NO_STATEMENT:
        return False
    ours, theirs = _creative(code), _creative(shown)
    if ours is None and theirs is None:
        return False
    if ours is None or theirs is None or ours[0] != theirs[0]:
        return True
    return bool(ours[1] and theirs[1]) and ours[1] != theirs[1]


def _creative(text: str) -> tuple[str, str] | None:
    """Return a Creative Commons name as (elements, version)."""
    match = _CREATIVE.search(text)
    if match is None:
        return None
    elements = re.sub(r"^cc[ -]?", "", match[0].lower())
    version = _NUMBER.search(text)
    return elements, version[1] if version and elements != "0" else ""

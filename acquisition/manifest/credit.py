"""Whom to credit for an item, in which words, and which copyright notices came with it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from acquisition.model import Evidence, Release
from acquisition.rights.evidence import is_license_file
from acquisition.settings import SourceSettings

UNKNOWN: Final = "unknown (as published)"
CREDITS_HINT: Final = "Add `attributions` to `manifest:` in sources.yaml and run `acquire curate`."
_NOTICES: Final = 5
_NOTICE: Final = re.compile(r"^[ \t>*#/;-]{0,8}((?:copyright\b|©|\(c\))[^\n]{2,200})$", re.IGNORECASE | re.MULTILINE)
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_BLANK: Final = re.compile(r"\[(?:yyyy|year|name)|<(?:year|name)|\{yyyy", re.IGNORECASE)


def credits_missing(manifest: Path, duties: Collection[str]) -> str:
    """Return why a set with these duties may not be passed on with this manifest, "" where it may."""
    if "attribution" not in duties or any(manifest.glob("ATTRIBUTIONS.*")):
        return ""
    return "licenses of the set ask for credit, and its manifest has no list of attributions"


def authors_of(release: Release | None, settings: SourceSettings | None) -> list[str]:
    """Return whom the declaration credits, else the release's authors, else the owner that the declaration names."""
    if settings and settings.attribution.author:
        return [settings.attribution.author]
    if release and (named := [name for one in release.authors if (name := without_mail(one))]):
        return named
    return [settings.license.owner] if settings and settings.license and settings.license.owner else []


def attribution(authors: Sequence[str], title: str, license_: str, changes: Sequence[str]) -> str:
    """Return the line of credit: title, author, license, and what was changed."""
    name = f"“{title}”" if title else "Untitled work"
    credit = ", ".join(authors) or UNKNOWN
    return f"{name} by {credit}, {license_}{'; changed: ' + '; '.join(changes) if changes else ''}"


@lru_cache(maxsize=10_000)
def without_mail(author: str) -> str:
    """Credit asks for a name; an address beside it, or what stands in its place, is more than the license wants."""
    return " ".join(re.sub(r"[<(]?(?:<EMAIL_ADDRESS>|[^\s<>()@]+@[^\s<>()@]+)[>)]?", " ", author).split())


def notices_of(texts: Sequence[Evidence]) -> list[str]:
    """Return the copyright notices of a release's license files (lines with a year, no blanks of a form), at most five."""
    found = [
        " ".join(without_mail(match[1]).split())
        for text in texts
        if is_license_file(text.field)
        for match in _NOTICE.finditer(text.raw[:5_000])
        if _YEAR.search(match[1]) and not _BLANK.search(match[1])
    ]
    return list(dict.fromkeys(found))[:_NOTICES]

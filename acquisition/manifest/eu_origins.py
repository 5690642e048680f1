"""Where kept items come from: the domains of crawls, each counted once over all sources, and which sources are open to all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from acquisition.hosts import registrable
from acquisition.manifest.kept import kept_rows
from acquisition.protocols import Ledger

ACCOUNT_KINDS: Final = frozenset({"common_voice"})
"""Kinds whose host gives nothing without an account."""


@dataclass(slots=True)
class Domain:
    """A registrable domain: bytes as found and number of the kept items from it, their modalities and sources."""

    name: str
    bytes: int = 0
    items: int = 0
    modalities: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)


def domains_of(items: Path, crawled: Collection[str]) -> list[Domain]:
    """Return the domains of the kept items of crawled sources, by bytes; memory grows with the domains, not the items."""
    found: dict[str, Domain] = {}
    columns = ("source", "url", "size", "modality", "media_type")
    for source, url, size, modality, media_type in kept_rows(items, columns) if crawled else ():
        name = registrable(url or "") if source in crawled else ""
        if name:
            domain = found.setdefault(name, Domain(name))
            domain.bytes += size
            domain.items += 1
            domain.modalities.add("video" if media_type.startswith("video/") else modality)
            domain.sources.add(source)
    return sorted(found.values(), key=lambda one: (-one.bytes, one.name))


def top_tenth(domains: Sequence[Domain]) -> str:
    """Name the largest tenth of the domains, rounded up (footnote 16 of the template), "" where there are none."""
    named = domains[: -(-len(domains) // 10)]
    told = ", ".join(one.name for one in named)
    return f"{len(named):,} of {len(domains):,} domains, the largest by bytes: {told}." if named else ""


def kind_of(ledger: Ledger, name: str) -> str:
    """Return the kind of a source, "" where nobody knows it."""
    release = ledger.releases.get(name)
    return release.kind if release else ""


def is_open(ledger: Ledger, name: str) -> bool:
    """Say whether a source has a page and came without an account, a gate or terms."""
    release, settings = ledger.releases.get(name), ledger.settings.get(name)
    if (
        release is None
        or release.kind in ACCOUNT_KINDS
        or release.terms is not None
        or (settings is not None and settings.auth)
    ):
        return False
    return release.homepage.startswith(("https://", "http://"))

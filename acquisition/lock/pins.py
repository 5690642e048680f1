"""What the lock knows of a source: its pinned release, what is held of it, and what its publisher and its user said."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from acquisition.model import Asset, Evidence, LicenseClaim, Release
from acquisition.settings import SourceSettings

_NOT_IDENTITY: Final = frozenset(
    {"files", "items", "read", "license", "attribution", "why", "limits", "auth", "base_url", "delay", "accept_terms"}
)
_OWN_EVIDENCE: Final = frozenset({"license.declared", "license.evidence", "license.owner"})
"""Fields of the evidence that the user's own word brings (`acquisition.sources.override`)."""


def identity(settings: SourceSettings) -> str:
    """Return a digest of what names the source: its kind, dataset, version, address; not how it is read or judged.

    `base_url` is left out on purpose: a mirror has to give the same bytes. Where a crawl's `frontier` lies names nothing
    either, and it may hold a password; it counts as not given, so that pins from before which had none stay what they are.
    """
    named = _named(settings)
    return _digest({**named, "frontier": None} if "frontier" in named else named)


def _named(settings: SourceSettings) -> dict[str, Any]:
    return settings.model_dump(mode="json", by_alias=True, exclude=set(_NOT_IDENTITY), exclude_defaults=False)


def _digest(named: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, order=True)
class TextDigest:
    """A LICENSE or README text of a release that was read for its license: its path, and the sha256 of its bytes."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True, order=True)
class HostFile:
    """What one origin of a crawl said of its use in one file: robots.txt, tdmrep.json, ai.txt, trust.txt or an RSL document.

    `status` is the HTTP status, `sha256` the digest of the body as it came ("" where there is none), `closed` why it could
    not be had. `signals` are its words against a use, as "mechanism: fetch=deny train=deny". `at` is when it was asked for.
    """

    origin: str
    name: str
    status: int
    sha256: str = ""
    closed: str = ""
    signals: tuple[str, ...] = ()
    at: str = ""


@dataclass(frozen=True, slots=True)
class Pin:
    """One source of the lock.

    `identity` is the digest of its declaration, `release` what its publisher offered, `held` the sha256 of every file that
    was held, `own` the user's own word on the license (None where there is none), `texts` the license texts that were read,
    `hosts` what the origins of a crawl said.
    """

    identity: str
    release: Release
    held: Mapping[str, str] = field(default_factory=dict)
    own: LicenseClaim | None = None
    texts: tuple[TextDigest, ...] = ()
    hosts: tuple[HostFile, ...] = ()

    @property
    def complete(self) -> bool:
        """Say whether the release is pinned by a revision (unpinned ones are pinned once their bytes have come)."""
        return bool(self.release.revision)

    def names(self, settings: SourceSettings) -> bool:
        """Say whether the pin is of what is declared. Digests from when `frontier` still counted are known as well."""
        return self.identity == identity(settings) or self.identity == _digest(_named(settings))


@dataclass(frozen=True, slots=True)
class Lock:
    """The pins by source name. `read_as` is the schema version of the file they were read from, 0 where there was none."""

    pins: Mapping[str, Pin] = field(default_factory=dict)
    read_as: int = 0

    def with_pin(self, name: str, pin: Pin) -> Lock:
        """Return a lock in which the source has this pin; one that differs in nothing but times leaves the old one."""
        old = self.pins.get(name)
        if old is not None and same_but_for_time(old, pin):
            return self
        return replace(self, pins={**self.pins, name: pin})

    def restricted_to(self, names: Iterable[str]) -> Lock:
        """Return a lock without the sources that are no longer declared."""
        wanted = set(names)
        return replace(self, pins={name: pin for name, pin in self.pins.items() if name in wanted})


def own_word(claim: LicenseClaim) -> LicenseClaim | None:
    """Return what the user says of a license, by digests alone and without times; None where the publisher speaks.

    `claim` is the one in effect, after `license:` was applied. Texts stay out: a reviewer wants to see that one has changed.
    """
    if claim.level != "user":
        return None
    evidence = tuple(
        replace(one, raw=one.raw if one.field != "license.evidence" else "", at="")
        for one in claim.evidence
        if one.field in _OWN_EVIDENCE
    )
    return replace(claim, evidence=evidence)


def same_but_for_time(old: Pin, new: Pin) -> bool:
    """Say whether two pins differ in nothing but the times at which somebody looked, and where files lie on this machine."""
    return bool(_timeless(old) == _timeless(new))


def _timeless(pin: Pin) -> Any:
    release = pin.release
    terms = replace(release.terms, accepted_at="") if release.terms is not None else None
    assets = {
        asset.path: (asset.url, asset.size, _digests(asset, pin.held), asset.media_type, asset.packed)
        for asset in release.assets
    }
    plain = replace(release, assets=(), resolved_at="", terms=terms, license=_without_times(release.license))
    hosts = tuple(replace(one, at="") for one in pin.hosts)
    return pin.identity, plain, assets, pin.own, pin.texts, hosts


def _digests(asset: Asset, held: Mapping[str, str]) -> dict[str, str]:
    given: dict[str, str] = {digest.algorithm: digest.value for digest in asset.digests}
    return given | ({"sha256": held[asset.path]} if asset.path in held else {})


def _without_times(claim: LicenseClaim) -> LicenseClaim:
    evidence: tuple[Evidence, ...] = tuple(replace(one, at="") for one in claim.evidence)
    return replace(claim, evidence=evidence)


def settled(release: Release, held: Mapping[str, str]) -> Release:
    """Return the release pinned by its bytes if nothing else pins it: sha256 over sorted "path sha256" lines."""
    if release.revision:
        return release
    lines = "".join(f"{path} {held[path]}\n" for path in sorted(held))
    return replace(release, revision=f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}")

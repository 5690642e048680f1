"""sources.lock: what exactly was taken, reviewable in a diff.

One JSON file beside sources.yaml with sorted keys: per source the pinned revision, every file with size and digests, the
license claim with the digest of the text it was read from, terms accepted, and when. The declaration is never rewritten;
this file is generated and belongs under version control.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from acquisition.errors import DeclarationError
from acquisition.model import Asset, Digest, Evidence, LicenseClaim, Release, Terms
from acquisition.settings import SourceSettings
from acquisition.workspace import write_json

VERSION: Final = 1
_NOT_IDENTITY: Final = frozenset(
    {"files", "items", "read", "license", "attribution", "why", "limits", "auth", "base_url", "delay", "accept_terms"}
)


def identity(settings: SourceSettings) -> str:
    """Return a digest of what names the source: its kind, dataset, version, address; not how it is read or judged.

    `base_url` is left out on purpose: a mirror has to give the same bytes.
    """
    named = settings.model_dump(mode="json", by_alias=True, exclude=set(_NOT_IDENTITY), exclude_defaults=False)
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Pin:
    """One source of the lock: the digest of its declaration, its release, and the sha256 of every file that was held."""

    identity: str
    release: Release
    held: Mapping[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Say whether the release is pinned by a revision (unpinned ones are pinned once their bytes have come)."""
        return bool(self.release.revision)


@dataclass(frozen=True, slots=True)
class Lock:
    """The pins by source name."""

    pins: Mapping[str, Pin] = field(default_factory=dict)

    def with_pin(self, name: str, pin: Pin) -> Lock:
        """Return a lock in which the source has this pin."""
        return Lock({**self.pins, name: pin})

    def restricted_to(self, names: Iterable[str]) -> Lock:
        """Return a lock without the sources that are no longer declared."""
        wanted = set(names)
        return Lock({name: pin for name, pin in self.pins.items() if name in wanted})


def read_lock(path: Path) -> Lock:
    """Read sources.lock; an absent file is an empty lock. DeclarationError when it is not one of ours."""
    try:
        raw = json.loads(path.read_bytes())
    except FileNotFoundError:
        return Lock()
    except ValueError as error:
        raise DeclarationError(
            f"the lock is not JSON: {error}", where=str(path), hint="Restore it from version control, or delete it to pin anew."
        ) from error
    try:
        if raw["version"] != VERSION:
            raise DeclarationError(f"the lock has version {raw['version']!r}, this program reads {VERSION}", where=str(path))
        return Lock({name: _pin_from(name, value) for name, value in raw["sources"].items()})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DeclarationError(
            f"the lock is damaged: {error!r}",
            where=str(path),
            hint="Restore it from version control, or delete it to pin anew.",
        ) from error


def write_lock(path: Path, lock: Lock) -> None:
    """Write sources.lock, unless it already says the same."""
    value = {"version": VERSION, "sources": {name: _pin_to(pin) for name, pin in lock.pins.items()}}
    try:
        if json.loads(path.read_bytes()) == value:
            return
    except (OSError, ValueError):
        pass
    write_json(path, value)


def _pin_to(pin: Pin) -> dict[str, Any]:
    release = pin.release
    return {
        "declared": pin.identity,
        **_plain(release, "kind", "revision", "version_label", "title", "homepage", "citation", "doi", "reader", "resolved_at"),
        "authors": list(release.authors),
        "notes": list(release.notes),
        "license": _compact(asdict(release.license)),
        "terms": _compact(asdict(release.terms)) if release.terms else None,
        "files": [_file_to(asset, pin.held.get(asset.path, "")) for asset in sorted(release.assets, key=lambda a: a.path)],
    }


def same_but_for_time(old: Pin, new: Pin) -> bool:
    """Say whether two pins differ in nothing but the times at which somebody looked."""
    before, after = _timeless(_pin_to(old)), _timeless(_pin_to(new))
    return bool(before == after)


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(entry) for key, entry in value.items() if key not in {"resolved_at", "at"}}
    return [_timeless(entry) for entry in value] if isinstance(value, list) else value


def _plain(release: Release, *names: str) -> dict[str, str]:
    return {name: value for name in names if (value := getattr(release, name))}


def _compact(value: dict[str, Any]) -> dict[str, Any]:
    return {
        key: list(entry) if isinstance(entry, tuple) else entry for key, entry in value.items() if entry not in ("", None, ())
    }


def _file_to(asset: Asset, held: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"path": asset.path, "size": asset.size}
    digests = {digest.algorithm: digest.value for digest in asset.digests}
    if held:
        digests["sha256"] = held
    if digests:
        entry["digests"] = digests
    for name in ("url", "media_type", "packed"):
        if value := getattr(asset, name):
            entry[name] = value
    return entry


def _pin_from(name: str, raw: Mapping[str, Any]) -> Pin:
    held = {}
    assets = []
    for entry in raw["files"]:
        digests = entry.get("digests", {})
        if "sha256" in digests:
            held[entry["path"]] = digests["sha256"]
        assets.append(
            Asset(
                path=entry["path"],
                url=entry.get("url", ""),
                size=entry["size"],
                digests=tuple(Digest(algorithm, value) for algorithm, value in sorted(digests.items())),
                media_type=entry.get("media_type", ""),
                packed=entry.get("packed", ""),
            )
        )
    terms = raw.get("terms")
    release = Release(
        source=name,
        kind=raw["kind"],
        revision=raw.get("revision", ""),
        assets=tuple(assets),
        license=_claim_from(raw["license"]),
        terms=Terms(**terms) if terms else None,
        authors=tuple(raw.get("authors", ())),
        notes=tuple(raw.get("notes", ())),
        **{key: raw.get(key, "") for key in ("version_label", "title", "homepage", "citation", "doi", "reader", "resolved_at")},
    )
    return Pin(raw["declared"], release, held)


def _claim_from(raw: Mapping[str, Any]) -> LicenseClaim:
    values = dict(raw)
    values["raw"] = tuple(values.get("raw", ()))
    values["evidence"] = tuple(Evidence(**entry) for entry in values.get("evidence", ()))
    return LicenseClaim(**values)


def settled(release: Release, held: Mapping[str, str]) -> Release:
    """Return the release pinned by its bytes if nothing else pins it: sha256 over sorted "path sha256" lines."""
    if release.revision:
        return release
    lines = "".join(f"{path} {held[path]}\n" for path in sorted(held))
    return replace(release, revision=f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}")

"""From pins to sources.lock: sorted, sealed, and left alone where it says the same."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from acquisition.lock.form import VERSION
from acquisition.lock.pins import Lock, Pin
from acquisition.lock.sealing import marked_seal
from acquisition.model import Asset, LicenseClaim, Release
from acquisition.workspace import write_json


def write_lock(path: Path, lock: Lock) -> None:
    """Write sources.lock, unless it already says the same."""
    value = {"version": VERSION, "sources": {name: sealed(name, entry_of(pin)) for name, pin in lock.pins.items()}}
    try:
        if json.loads(path.read_bytes()) == value:
            return
    except (OSError, ValueError):
        pass
    write_json(path, value)


def sealed(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Return a source's entry with its seal: digests of its files and of everything else, with a mark for each part."""
    facts = facts_of(name, entry)
    return {**entry, "seal": {"facts": marked_seal(facts), "files": marked_seal(entry["files"])}}


def facts_of(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Return what is sealed of an entry beside its files; the source's name stands under ""."""
    return {"": name, **{key: value for key, value in entry.items() if key not in {"files", "seal"}}}


def entry_of(pin: Pin) -> dict[str, Any]:
    """Return a pin as plain values, without its seal."""
    release = pin.release
    entry: dict[str, Any] = {
        "declared": pin.identity,
        **_plain(release, "kind", "revision", "version_label", "title", "homepage", "citation", "doi", "reader", "resolved_at"),
        "authors": list(release.authors),
        "notes": list(release.notes),
        "license": _claim(release.license),
        "terms": _compact(asdict(release.terms)) if release.terms else None,
        "files": [_file(asset, pin.held.get(asset.path, "")) for asset in sorted(release.assets, key=lambda a: a.path)],
    }
    if release.items is not None:
        entry["items"] = release.items
    if pin.own is not None:
        entry["own"] = _claim(pin.own)
    if pin.texts:
        entry["texts"] = [asdict(text) for text in sorted(pin.texts)]
    if pin.hosts:
        entry["hosts"] = [_compact(asdict(host)) for host in sorted(pin.hosts)]
    return entry


def _plain(release: Release, *names: str) -> dict[str, str]:
    return {name: value for name in names if (value := getattr(release, name))}


def _claim(claim: LicenseClaim) -> dict[str, Any]:
    return _compact(asdict(claim)) | ({"evidence": [_compact(asdict(one)) for one in claim.evidence]} if claim.evidence else {})


def _compact(value: dict[str, Any]) -> dict[str, Any]:
    return {
        key: list(entry) if isinstance(entry, tuple) else entry for key, entry in value.items() if entry not in ("", None, ())
    }


def _file(asset: Asset, held: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"path": asset.path, "size": asset.size}
    digests: dict[str, str] = {digest.algorithm: digest.value for digest in asset.digests}
    if held:
        digests["sha256"] = held
    if digests:
        entry["digests"] = digests
    for name in ("url", "media_type", "packed"):
        if value := getattr(asset, name):
            entry[name] = value
    return entry

"""Is a bundle whole, untouched and true to itself: a directory or a tar, without a network, a workspace or a declaration.

What is there is compared with SHA256SUMS, the signature with the key, and the papers with each other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from acquisition.bundle.agreement import disagreements
from acquisition.bundle.form import ABOUT, DECISIONS, FORMAT, LOCK, MANIFEST, NOT_INCLUDED, SIGNATURE, SUMS, is_known
from acquisition.bundle.seeing import LEDGER, LISTED, MANIFEST_SUMS, Seen, read
from acquisition.bundle.signing import fingerprint, is_signed, public_key
from acquisition.curate.decisions import read_decisions
from acquisition.errors import AcquisitionError, UsageError
from acquisition.lock import Lock, read_lock
from acquisition.manifest import names as manifest_names
from acquisition.manifest.verify import Finding


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and everything that was found, in order of path.

    `signature` is absent, not-checked (there is one and no key was given), right or wrong; `key` the fingerprint of the key.
    """

    name: str
    version: str
    files: int
    bytes: int
    findings: tuple[Finding, ...]
    signature: str
    key: str = ""


def verify(path: Path, key: Path | None = None, progress: Callable[[int, int], None] = lambda _files, _bytes: None) -> Checked:
    """Look at a bundle, a directory or a tar. UsageError when there is none; all that is wrong with it is a finding.

    `key` is the public key that it has to be signed by. `progress` hears files and bytes so far.
    """
    asked = public_key(key) if key is not None else None
    with tempfile.TemporaryDirectory(prefix="acquire-verify-") as folder:
        seen = Seen(Path(folder), progress)
        read(path, seen)
        about = _about(seen)
        _compare(seen)
        signature = _signature(seen, asked)
        _agree(seen, about)
    findings = tuple(sorted(seen.findings, key=lambda one: (one.path, one.code)))
    told = fingerprint(asked) if asked is not None else ""
    name, version = str(about.get("name", "")), str(about.get("version", ""))
    return Checked(name, version, len(seen.digests), seen.size, findings, signature, told)


def manifest_of(path: Path, folder: Path) -> Path:
    """Take the papers that two manifests are compared by out of a bundle that is a tar, into a folder of ours, and return it.

    UsageError when the tar holds none. Names of the tar are compared, never opened.
    """
    seen = Seen(folder)
    read(path, seen)
    for name in (manifest_names.ITEMS, manifest_names.SUMMARY):
        kept = seen.papers.get(f"{MANIFEST}/{name}")
        if kept is None:
            raise UsageError(
                f"there is no manifest in {path}",
                where=str(path),
                hint="Look at it with `acquire verify`: is it a whole bundle?",
            )
        kept.rename(folder / name)
    return folder


# --- what the papers say ----------------------------------------------------------------------------------------------------


def _about(seen: Seen) -> dict[str, Any]:
    path = seen.papers.get(ABOUT)
    if path is None:
        return {}
    try:
        about = orjson.loads(path.read_bytes())
    except ValueError as error:
        seen.note("bundle.damaged", ABOUT, detail=str(error))
        return {}
    if not isinstance(about, dict) or about.get("bundle") != FORMAT:
        told = about.get("bundle") if isinstance(about, dict) else about
        seen.note("bundle.damaged", ABOUT, detail=f"format {str(told)[:50]!r}, this program reads {FORMAT}")
        return {}
    return about


def _compare(seen: Seen) -> None:
    """Compare what is there with SHA256SUMS, each file once."""
    if SUMS not in seen.papers:
        seen.note("bundle.missing-file", SUMS)
        return
    listed = _sums(seen, SUMS)
    for name, expected in listed.items():
        got = seen.digests.get(name, "")
        if got != expected and name not in seen.unread:
            seen.note("bundle.changed-file" if got else "bundle.missing-file", name, expected, got)
    for name in seen.digests.keys() - listed.keys() - {SUMS, SIGNATURE}:
        seen.note("bundle.extra-file", name, got=seen.digests[name])
    for name in (one for one in seen.digests if not is_known(one)):
        seen.note("bundle.contradiction", name, detail="a bundle has no such part")
    for name in (ABOUT, NOT_INCLUDED, MANIFEST_SUMS, LEDGER, LISTED):
        if name not in listed and name not in seen.digests:
            seen.note("bundle.missing-file", name)


def _sums(seen: Seen, name: str) -> dict[str, str]:
    listed: dict[str, str] = {}
    with seen.papers[name].open("rb") as lines:
        for place, line in enumerate(lines, 1):
            digest, space, told = line.decode("utf-8", "replace").rstrip("\n").partition("  ")
            if not space or len(digest) != 64 or set(digest) - set("0123456789abcdef") or told in listed:
                seen.note(
                    "bundle.damaged", f"{name}:{place}", detail="no line of digest and name, or a name for the second time"
                )
                return listed
            listed[told] = digest
    return listed


def _signature(seen: Seen, key: Any) -> str:
    if SIGNATURE not in seen.papers or SUMS not in seen.papers:
        if key is not None:
            seen.note("bundle.not-signed", SIGNATURE)
        return "absent"
    if key is None:
        return "not-checked"
    if is_signed(key, seen.papers[SIGNATURE].read_bytes(), seen.papers[SUMS].read_bytes()):
        return "right"
    seen.note("bundle.wrong-signature", SIGNATURE, detail=f"not of the key {fingerprint(key)}")
    return "wrong"


def _agree(seen: Seen, about: Mapping[str, Any]) -> None:
    """Compare the papers with each other, as far as they are whole."""
    needed = (LEDGER, LISTED, NOT_INCLUDED, MANIFEST_SUMS)
    if not about or any(name not in seen.papers for name in needed):
        return
    listed = _sums(seen, MANIFEST_SUMS)
    for name in seen.digests:
        if name.startswith(f"{MANIFEST}/") and name != MANIFEST_SUMS and name.removeprefix(f"{MANIFEST}/") not in listed:
            seen.note("bundle.contradiction", name, detail="the manifest's own list of digests does not know it")
    for name, digest in listed.items():
        if seen.digests.get(f"{MANIFEST}/{name}") != digest:
            seen.note("bundle.contradiction", f"{MANIFEST}/{name}", digest, seen.digests.get(f"{MANIFEST}/{name}", ""))
    papers = {name.removeprefix(f"{MANIFEST}/"): path for name, path in seen.papers.items()}
    for code, path, detail in disagreements(papers, seen.digests, about, _lock(seen)):
        seen.note(code, path, detail=detail)


def _lock(seen: Seen) -> Lock | None:
    """Read lock and decisions as a workspace would, and return the lock; None where there is none that can be read."""
    found: dict[str, Any] = {}
    readers: dict[str, Callable[[Path], object]] = {LOCK: read_lock, DECISIONS: read_decisions}
    for name, reader in readers.items():
        if name in seen.papers:
            try:
                found[name] = reader(seen.papers[name])
            except AcquisitionError as error:
                place = error.where.removeprefix(str(seen.papers[name]))
                seen.note("bundle.damaged", f"{name}{place}", detail=error.message)
    return found.get(LOCK)

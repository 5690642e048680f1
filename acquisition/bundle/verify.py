"""Is a bundle whole, untouched and true to itself: a directory or a tar, without a network, a workspace or a declaration.

Nothing is extracted and no name of the bundle is ever opened for writing. Every file is hashed once; the few papers that are
compared with each other are kept in a private directory of ours under names of our own.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from acquisition.bundle import tar
from acquisition.bundle.agreement import disagreements
from acquisition.bundle.form import (
    ABOUT,
    FORMAT,
    MANIFEST,
    MAX_FILES,
    MAX_LIST,
    MAX_SMALL,
    NOT_INCLUDED,
    SIGNATURE,
    SUMS,
    Code,
    unsafe,
)
from acquisition.bundle.signing import fingerprint, is_signed, public_key
from acquisition.errors import UsageError
from acquisition.manifest import names as manifest_names
from acquisition.manifest.verify import Finding

_CHUNK: Final = 1 << 20
_MANIFEST_SUMS: Final = f"{MANIFEST}/{manifest_names.SUMS}"
_LEDGER: Final = f"{MANIFEST}/{manifest_names.ITEMS}"
_FILES: Final = f"{MANIFEST}/{manifest_names.FILES}"
_READ: Final[Mapping[str, int]] = {
    SUMS: MAX_LIST,
    SIGNATURE: MAX_SMALL,
    ABOUT: MAX_SMALL,
    NOT_INCLUDED: MAX_LIST,
    _MANIFEST_SUMS: MAX_LIST,
    _LEDGER: MAX_LIST,
    f"{MANIFEST}/{manifest_names.SUMMARY}": MAX_LIST,
    _FILES: MAX_LIST,
}
"""Papers that are kept to be compared, with the bytes that they may have."""


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


@dataclass(slots=True)
class _Seen:
    """What one pass over a bundle leaves: digests by name, the papers that were kept, and what was found on the way."""

    passing: Path
    progress: Callable[[int, int], None] = lambda _files, _bytes: None
    digests: dict[str, str] = field(default_factory=dict)
    folded: set[str] = field(default_factory=set)
    papers: dict[str, Path] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    size: int = 0

    def note(self, code: Code, path: str, expected: str = "", got: str = "", detail: str = "") -> None:
        """Remember a finding; a name is shown as far as it can be."""
        shown = path.encode("utf-8", "replace").decode()[:500]
        self.findings.append(Finding(code, shown, expected, got, detail))

    def take(self, name: str, content: Iterator[bytes], size: int) -> None:
        """Hash one file; names that are not safe or stand there twice are findings."""
        if why := unsafe(name):
            self.note("bundle.unsafe-name", name, detail=why)
            return
        if name.casefold() in self.folded:
            self.note("bundle.duplicate", name)
            return
        self.folded.add(name.casefold())
        self.digests[name] = self._hashed(name, self._told(content), size)

    def _told(self, content: Iterator[bytes]) -> Iterator[bytes]:
        for some in content:
            self.size += len(some)
            self.progress(len(self.digests), self.size)
            yield some

    def _hashed(self, name: str, content: Iterator[bytes], size: int) -> str:
        digest = hashlib.sha256()
        if name in _READ and size > _READ[name]:
            self.note("bundle.too-large", name, detail=f"{size:,} bytes")
        keep = name in _READ and size <= _READ[name]
        if not keep:
            for some in content:
                digest.update(some)
            return digest.hexdigest()
        self.papers[name] = self.passing / str(len(self.papers))
        with self.papers[name].open("xb") as stream:
            for some in content:
                digest.update(some)
                stream.write(some)
        return digest.hexdigest()


def verify(path: Path, key: Path | None = None, progress: Callable[[int, int], None] = lambda _files, _bytes: None) -> Checked:
    """Look at a bundle, a directory or a tar. UsageError when there is none; all that is wrong with it is a finding.

    `key` is the public key that it has to be signed by. `progress` hears files and bytes so far.
    """
    asked = public_key(key) if key is not None else None
    with tempfile.TemporaryDirectory(prefix="acquire-verify-") as folder:
        seen = _Seen(Path(folder), progress)
        if path.is_dir():
            _walk(path, seen)
        elif path.is_file():
            _read_tar(path, seen)
        else:
            raise UsageError(f"there is no bundle {path}", where=str(path), hint="Give the directory or the tar of a bundle.")
        if not seen.digests and not seen.findings:
            raise UsageError(f"{path} is empty", where=str(path), hint="Give the directory or the tar of a bundle.")
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
    seen = _Seen(folder)
    _read_tar(path, seen)
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


# --- one pass over the files ---------------------------------------------------------------------------------------------


def _walk(root: Path, seen: _Seen) -> None:
    for folder, folders, names in os.walk(root, followlinks=False):
        folders.sort()
        for name in [one for one in folders if (Path(folder) / one).is_symlink()] + sorted(names):
            path = Path(folder) / name
            told = path.relative_to(root).as_posix()
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                seen.note("bundle.unsafe-member", told, detail="a link" if path.is_symlink() else "no plain file")
                continue
            if len(seen.digests) >= MAX_FILES:
                seen.note("bundle.too-large", told, detail=f"more than {MAX_FILES:,} files")
                return
            seen.take(told, _chunks(path), status.st_size)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while some := stream.read(_CHUNK):
            yield some


def _read_tar(path: Path, seen: _Seen) -> None:
    root = ""
    with path.open("rb") as stream:
        for member in tar.members(stream, lambda one: seen.note(one.code, one.name, detail=one.detail)):
            first, _, name = member.name.partition("/")
            root = root or first
            if unsafe(member.name):
                seen.take(member.name, iter(()), 0)  # notes why
            elif first != root or not name:
                seen.note("bundle.unsafe-name", member.name, detail="it does not lie in the bundle's own folder")
            elif len(seen.digests) >= MAX_FILES:
                seen.note("bundle.too-large", member.name, detail=f"more than {MAX_FILES:,} files")
                return
            else:
                seen.take(name, member.content, member.size)


# --- what the papers say ----------------------------------------------------------------------------------------------------


def _about(seen: _Seen) -> dict[str, Any]:
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


def _compare(seen: _Seen) -> None:
    """Compare what is there with SHA256SUMS, each file once."""
    if SUMS not in seen.papers:
        seen.note("bundle.missing-file", SUMS)
        return
    listed = _sums(seen, SUMS)
    for name, expected in listed.items():
        got = seen.digests.get(name, "")
        if got != expected:
            seen.note("bundle.changed-file" if got else "bundle.missing-file", name, expected, got)
    for name in seen.digests.keys() - listed.keys() - {SUMS, SIGNATURE}:
        seen.note("bundle.extra-file", name, got=seen.digests[name])
    for name in (ABOUT, NOT_INCLUDED, _MANIFEST_SUMS, _LEDGER, _FILES):
        if name not in listed and name not in seen.digests:
            seen.note("bundle.missing-file", name)


def _sums(seen: _Seen, name: str) -> dict[str, str]:
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


def _signature(seen: _Seen, key: Any) -> str:
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


def _agree(seen: _Seen, about: Mapping[str, Any]) -> None:
    """Compare the papers with each other, as far as they are whole."""
    needed = (_LEDGER, _FILES, NOT_INCLUDED, _MANIFEST_SUMS)
    if not about or any(name not in seen.papers for name in needed):
        return
    for name, digest in _sums(seen, _MANIFEST_SUMS).items():
        if seen.digests.get(f"{MANIFEST}/{name}") != digest:
            seen.note("bundle.contradiction", f"{MANIFEST}/{name}", digest, seen.digests.get(f"{MANIFEST}/{name}", ""))
    papers = {name.removeprefix(f"{MANIFEST}/"): path for name, path in seen.papers.items()}
    for code, path, detail in disagreements(papers, seen.digests, about):
        seen.note(code, path, detail=detail)

"""One pass over a bundle, a directory or a tar: every file hashed once, and the papers that are compared kept aside.

Nothing is extracted and no name of the bundle is ever opened for writing: papers are kept in a private directory of ours under
names of our own.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from unicodedata import normalize

from acquisition.bundle import tar
from acquisition.bundle.form import (
    ABOUT,
    DECISIONS,
    LOCK,
    MANIFEST,
    MAX_FILES,
    MAX_LIST,
    MAX_SMALL,
    MAX_WHOLE,
    NOT_INCLUDED,
    SIGNATURE,
    SUMS,
    Code,
    unsafe,
)
from acquisition.errors import UsageError
from acquisition.manifest import names as manifest_names
from acquisition.manifest.verify import Finding

_CHUNK: Final = 1 << 20
MANIFEST_SUMS: Final = f"{MANIFEST}/{manifest_names.SUMS}"
LEDGER: Final = f"{MANIFEST}/{manifest_names.ITEMS}"
LISTED: Final = f"{MANIFEST}/{manifest_names.FILES}"
_READ: Final[Mapping[str, int]] = {
    SUMS: MAX_LIST,
    SIGNATURE: MAX_SMALL,
    ABOUT: MAX_SMALL,
    NOT_INCLUDED: MAX_LIST,
    MANIFEST_SUMS: MAX_LIST,
    LEDGER: MAX_LIST,
    f"{MANIFEST}/{manifest_names.SUMMARY}": MAX_LIST,
    LISTED: MAX_LIST,
}
"""Papers that are kept to be compared, with the bytes that they may have."""
_PACKED: Final = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip"}


@dataclass(slots=True)
class Seen:
    """What one pass over a bundle leaves: digests by name, the papers that were kept, and what was found on the way."""

    passing: Path
    progress: Callable[[int, int], None] = lambda _files, _bytes: None
    digests: dict[str, str] = field(default_factory=dict)
    folded: set[str] = field(default_factory=set)
    papers: dict[str, Path] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    """Files that are there and cannot be read."""
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
        folded = normalize("NFC", normalize("NFC", name).casefold())
        if folded in self.folded:
            self.note("bundle.duplicate", name)
            return
        self.folded.add(folded)
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
        if size > _READ.get(name, MAX_WHOLE if name in (LOCK, DECISIONS) else -1):
            for some in content:
                digest.update(some)
            return digest.hexdigest()
        self.papers[name] = self.passing / str(len(self.papers))
        with self.papers[name].open("xb") as stream:
            for some in content:
                digest.update(some)
                stream.write(some)
        return digest.hexdigest()


def read(path: Path, seen: Seen) -> None:
    """Look at everything in a bundle. UsageError when there is none."""
    if path.is_dir():
        _walk(path, seen)
    elif path.is_file():
        _demand_plain(path)
        _read_tar(path, seen)
    else:
        raise UsageError(f"there is no bundle {path}", where=str(path), hint="Give the directory or the tar of a bundle.")
    if not seen.digests and not seen.findings:
        raise UsageError(f"{path} is empty", where=str(path), hint="Give the directory or the tar of a bundle.")


def _walk(root: Path, seen: Seen) -> None:
    def unread(error: OSError) -> None:
        place = Path(error.filename).relative_to(root).as_posix()
        seen.unread.add(place)
        seen.note("bundle.damaged", place, detail=f"it cannot be read: {error.strerror}")

    for folder, folders, names in os.walk(root, onerror=unread, followlinks=False):
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
            try:
                seen.take(told, _chunks(path), status.st_size)
            except OSError as error:
                unread(OSError(error.errno, error.strerror, str(path)))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while some := stream.read(_CHUNK):
            yield some


def _demand_plain(path: Path) -> None:
    with path.open("rb") as stream:
        head = stream.read(8)
    for magic, name in _PACKED.items():
        if head.startswith(magic):
            raise UsageError(
                f"{path} is packed with {name}; a bundle is a directory or a plain tar",
                where=str(path),
                hint="Unpack it, and look at what comes out: nothing is unpacked here.",
            )


def _read_tar(path: Path, seen: Seen) -> None:
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

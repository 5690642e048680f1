"""Does the curated set still hold what the manifest says? Every file is hashed again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal

import orjson

from acquisition.errors import WorkspaceDamaged
from acquisition.manifest.formats import demand_known
from acquisition.manifest.names import FILES, ITEMS, SUMS

Code = Literal["verify.missing-file", "verify.changed-file", "verify.extra-file", "verify.manifest-changed"]
CODES: Final[dict[Code, str]] = {
    "verify.missing-file": "A file of the curated set is not there any more.",
    "verify.changed-file": "A file of the curated set is not the one that was written.",
    "verify.extra-file": "The curated set holds a file that the manifest does not know.",
    "verify.manifest-changed": "A file of the manifest itself is missing or has been changed.",
}
_BATCH: Final = 2_000
_THREADS: Final = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as the manifest says; digests are "" where there is none."""

    code: Code
    path: str
    expected: str = ""
    got: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at: the number of files and bytes hashed, and everything that was found, in order of path."""

    files: int
    bytes: int
    findings: tuple[Finding, ...]


def verify(manifest: Path, curated: Path, progress: Callable[[int, int], None] = lambda _files, _bytes: None) -> Verified:
    """Hash the manifest's and the curated set's files again; WorkspaceDamaged when there is no manifest to compare with.

    The list of files is trusted only after its own digest has been compared. `progress` hears files and bytes so far.
    """
    if not (manifest / SUMS).is_file():
        raise WorkspaceDamaged(
            "there is no manifest here to verify against", where=str(manifest), hint="Run `acquire manifest` first."
        )
    demand_known(manifest / ITEMS)
    findings = list(_manifest_findings(manifest))
    known: set[bytes] = set()
    files = size = 0
    if (manifest / FILES).is_file():
        with ThreadPoolExecutor(_THREADS) as pool, (manifest / FILES).open("rb") as lines:
            for some in _batches(lines):
                for finding, count in pool.map(lambda entry: _look(curated, entry), some):
                    findings += [finding] if finding else []
                    size += count
                known.update(_key(entry["path"]) for entry in some)
                files += len(some)
                progress(files, size)
    findings += _extra(curated, known)
    return Verified(files, size, tuple(sorted(findings, key=lambda finding: (finding.path, finding.code))))


def _batches(lines: Any) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for line in lines:
        batch.append(orjson.loads(line))
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    yield batch


def _key(path: str) -> bytes:
    """Eight bytes stand for a path, so that millions of them fit in memory."""
    return hashlib.blake2b(path.encode(), digest_size=8).digest()


def _manifest_findings(manifest: Path) -> Iterator[Finding]:
    listed = {}
    for line in (manifest / SUMS).read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        listed[name] = digest
    for name in sorted({*listed, ITEMS, FILES}):
        expected, got = listed.get(name, ""), _digest(manifest / name)[0]
        if expected != got or not expected:
            yield Finding("verify.manifest-changed", name, expected, got)


def _look(curated: Path, entry: dict[str, Any]) -> tuple[Finding | None, int]:
    path, expected = entry["path"], entry["sha256"]
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        return Finding("verify.manifest-changed", path), 0
    got, size = _digest(curated / path)
    if not got:
        return Finding("verify.missing-file", path, expected), 0
    return (None if got == expected else Finding("verify.changed-file", path, expected, got)), size


def _digest(path: Path) -> tuple[str, int]:
    """Return digest and size, "" and 0 when there is no such file. A link is not followed: the set holds none."""
    if path.is_symlink() or not path.is_file():
        return "", 0
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest(), path.stat().st_size


def _extra(curated: Path, known: set[bytes]) -> Iterator[Finding]:
    for folder, _, names in os.walk(curated):
        for name in names:
            path = (Path(folder) / name).relative_to(curated).as_posix()
            if _key(path) not in known:
                yield Finding("verify.extra-file", path)

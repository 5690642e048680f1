"""Does the curated set still hold what the manifest says? Every file is hashed again.

Nothing is mended here, and nothing that was cut or edited is made anew: it is told with the line or the byte where it begins.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal

import orjson

from acquisition.errors import WorkspaceDamaged
from acquisition.manifest.damage import damage
from acquisition.manifest.formats import demand_known
from acquisition.manifest.names import FILES, ITEMS, SUMS, VERSIONS

Code = Literal[
    "verify.missing-file",
    "verify.changed-file",
    "verify.extra-file",
    "verify.manifest-changed",
    "verify.damaged-record",
    "verify.taken-down-present",
    "verify.taken-down-named",
    "verify.takedown-unfinished",
]
CODES: Final[dict[Code, str]] = {
    "verify.missing-file": "A file of the curated set is not there any more.",
    "verify.changed-file": "A file of the curated set is not the one that was written.",
    "verify.extra-file": "The curated set holds a file that the manifest does not know.",
    "verify.manifest-changed": "A file of the manifest itself is missing, has been changed, or was not written with it.",
    "verify.damaged-record": "A record (tombstones, decisions, swept.jsonl, the lock) cannot be read, or has forgotten things.",
    "verify.taken-down-present": "A file of the workspace holds something that was taken down.",
    "verify.taken-down-named": "A file of the workspace speaks of something that was taken down as if it were here.",
    "verify.takedown-unfinished": "A takedown was broken off before all bytes were out; the same command finishes it.",
}
_BATCH: Final = 2_000
_THREADS: Final = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be, of a workspace or of a bundle; digests are "" where there is none.

    `code` is one of CODES, or of the bundle's. `detail` says where in the file it begins (line, byte, row group), or by which
    tombstone it is told; it holds no content.
    """

    code: str
    path: str
    expected: str = ""
    got: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at: the number of files and bytes hashed, and everything that was found, in order of path.

    `looked` counts what the tombstones were held against (tombstones, files, bytes, members, rows, records), {} where nothing
    was ever taken down; `unread` are places of which therefore nothing is claimed, each with the reason.
    """

    files: int
    bytes: int
    findings: tuple[Finding, ...]
    looked: Mapping[str, int] = field(default_factory=dict)
    unread: tuple[tuple[str, str], ...] = ()


def verify(manifest: Path, curated: Path, progress: Callable[[int, int], None] = lambda _files, _bytes: None) -> Verified:
    """Hash the manifest's and the curated set's files again; WorkspaceDamaged when there is no manifest to compare with.

    The list of files is trusted only after its own digest has been compared. `progress` hears files and bytes so far.
    """
    if not (manifest / SUMS).is_file():
        raise WorkspaceDamaged(
            "there is no manifest here to verify against", where=str(manifest), hint="Run `acquire fetch` first."
        )
    demand_known(manifest / ITEMS)
    findings = list(_manifest_findings(manifest))
    known: set[bytes] = set()
    files = size = 0
    if (manifest / FILES).is_file():
        with ThreadPoolExecutor(_THREADS) as pool, (manifest / FILES).open("rb") as lines:
            for some in _batches(lines, findings):
                for finding, count in pool.map(lambda entry: _look(curated, entry), some):
                    findings += [finding] if finding else []
                    files += 1
                    size += count
                    progress(files, size)
                known.update(_key(entry["path"]) for entry in some)
    findings += _extra(curated, known)
    findings += _unlisted(manifest)
    return Verified(files, size, tuple(sorted(findings, key=lambda finding: (finding.path, finding.code))))


def _batches(lines: Any, findings: list[Finding]) -> Iterator[list[dict[str, Any]]]:
    """Yield the list of files in batches; a line that does not name a file and its digest is a finding."""
    batch: list[dict[str, Any]] = []
    start = 0
    for number, line in enumerate(lines, start=1):
        try:
            entry = orjson.loads(line)
            batch.append({"path": _text(entry["path"]), "sha256": _text(entry["sha256"])})
        except (ValueError, KeyError, TypeError):
            findings.append(
                Finding("verify.manifest-changed", FILES, detail=f"line {number}, from byte {start:,}, is none of ours")
            )
        start += len(line)
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    yield batch


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise TypeError(value)
    return value


def _key(path: str) -> bytes:
    """Eight bytes stand for a path, so that millions of them fit in memory."""
    return hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _manifest_findings(manifest: Path) -> Iterator[Finding]:
    listed = {}
    for number, line in enumerate((manifest / SUMS).read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        digest, separator, name = line.partition("  ")
        if not separator or not _is_inside(name):
            yield Finding(
                "verify.manifest-changed", SUMS, detail=f"line {number} is no digest with the name of a file beside it"
            )
            continue
        listed[name] = digest
    for name in sorted({*listed, ITEMS, FILES}):
        expected = listed.get(name, "")
        try:
            got = _digest(manifest / name)[0]
        except OSError as error:
            yield Finding("verify.manifest-changed", name, expected, detail=f"it cannot be read: {error.strerror}")
            continue
        if expected != got or not expected:
            yield Finding("verify.manifest-changed", name, expected, got, damage(manifest / name))
        elif name == VERSIONS and (why := damage(manifest / name)):
            yield Finding("verify.manifest-changed", name, expected, got, why)


def _look(curated: Path, entry: dict[str, Any]) -> tuple[Finding | None, int]:
    path, expected = entry["path"], entry["sha256"]
    if not _is_inside(path):
        return Finding("verify.manifest-changed", path), 0
    try:
        got, size = _digest(curated / path)
    except OSError as error:
        return Finding("verify.changed-file", path, expected, detail=f"it cannot be read: {error.strerror}"), 0
    if not got:
        return Finding("verify.missing-file", path, expected), 0
    return (None if got == expected else Finding("verify.changed-file", path, expected, got)), size


def _is_inside(path: str) -> bool:
    pure = PurePosixPath(path)
    return not pure.is_absolute() and ".." not in pure.parts


def _digest(path: Path) -> tuple[str, int]:
    """Return digest and size, "" and 0 when there is no such file. A link is not followed: the set holds none."""
    if path.is_symlink() or not path.is_file():
        return "", 0
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest(), path.stat().st_size


def _extra(curated: Path, known: set[bytes]) -> Iterator[Finding]:
    for folder, folders, names in os.walk(curated):
        for name in [*(one for one in folders if (Path(folder) / one).is_symlink()), *names]:
            path = (Path(folder) / name).relative_to(curated).as_posix()
            if _key(path) not in known:
                yield Finding("verify.extra-file", path)


def _unlisted(manifest: Path) -> Iterator[Finding]:
    """Yield what lies in the manifest's folder and was not written with it."""
    lines = (manifest / SUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    listed = {SUMS, *(line.partition("  ")[2] for line in lines)}
    for folder, folders, names in os.walk(manifest):
        for name in [*(one for one in folders if (Path(folder) / one).is_symlink()), *names]:
            path = (Path(folder) / name).relative_to(manifest).as_posix()
            if path not in listed and path not in {ITEMS, FILES}:  # of these two it is told already
                yield Finding("verify.manifest-changed", path, detail="the list of digests does not know it")

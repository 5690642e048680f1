"""What was pushed where: one line for each push, and the paths that pushes have put into a repository."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

from acquisition.errors import WorkspaceDamaged
from acquisition.publish.target import Target
from acquisition.workspace import atomic_file

RECORD: Final = "pushes.jsonl"
_PATHS: Final = "pushed"


@dataclass(frozen=True, slots=True)
class Push:
    """One finished push: repository, endpoint, commit, the set's version, when (ISO 8601, UTC), and what went."""

    repo: str
    endpoint: str
    commit: str
    version: str
    at: str
    private: bool
    files: int
    bytes: int
    uploaded: int
    deleted: int


def pushes(root: Path) -> tuple[Push, ...]:
    """Return all pushes of a workspace in their order; WorkspaceDamaged names the line that cannot be read."""
    path = root / RECORD
    if not path.exists():
        return ()
    found = []
    names = {field.name for field in fields(Push)}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            entry = json.loads(line)
            found.append(Push(**{name: entry[name] for name in names}))
        except (ValueError, KeyError, TypeError) as error:
            raise WorkspaceDamaged(
                f"a line of the list of pushes cannot be read: {error!r}",
                where=f"{path}:{number}",
                hint="Mend or take out that line; nothing was pushed or changed.",
            ) from error
    return tuple(found)


def newest_pushes(root: Path) -> tuple[Push, ...]:
    """Return the newest push to each repository, the newest of all last."""
    found: dict[tuple[str, str], Push] = {}
    for one in pushes(root):
        found.pop((one.endpoint, one.repo), None)
        found[one.endpoint, one.repo] = one
    return tuple(found.values())


def record(root: Path, done: Push) -> None:
    """Add a push to the list, durably."""
    with (root / RECORD).open("ab") as stream:
        stream.write(json.dumps(asdict(done), sort_keys=True).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def known_paths(root: Path, target: Target) -> frozenset[str]:
    """Return the paths that pushes of this workspace have put into a repository."""
    path = _paths(root, target)
    return frozenset(json.loads(path.read_bytes())) if path.exists() else frozenset()


def note_paths(root: Path, target: Target, paths: Iterable[str]) -> None:
    """Note which paths of a repository are ours, before they are sent: what is noted may be deleted later."""
    with atomic_file(_paths(root, target)) as stream:
        stream.write(json.dumps(sorted(paths)).encode())


def _paths(root: Path, target: Target) -> Path:
    name = hashlib.sha256(target.url.encode()).hexdigest()[:16]
    return root / _PATHS / f"{name}.json"

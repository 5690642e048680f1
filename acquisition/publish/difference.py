"""What has to be sent: only what the repository does not hold, and nothing of anybody else's is deleted."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from acquisition.publish.contents import Outgoing, in_order

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of the repository: bytes, and its sha256 where large-file storage holds it, else its git object id."""

    size: int
    sha256: str = ""
    oid: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a push does: files that are new, changed or there already, and paths to delete.

    `strangers` counts files of the repository that no push of this workspace has put there; they stay. `replaced` are those
    of `changed` that somebody else has put there.
    """

    new: tuple[Outgoing, ...]
    changed: tuple[Outgoing, ...]
    same: tuple[Outgoing, ...]
    gone: tuple[str, ...]
    strangers: int
    replaced: tuple[str, ...] = ()

    @property
    def sent(self) -> tuple[Outgoing, ...]:
        """All files that have to be sent, in the order in which they go."""
        return tuple(sorted((*self.new, *self.changed), key=in_order))


def compare(files: Sequence[Outgoing], there: Mapping[str, RemoteFile], ours: Collection[str]) -> Difference:
    """Compare what would go with what is there; `ours` are the paths that earlier pushes of this workspace have put there."""
    new, changed, same = [], [], []
    for one in files:
        known = there.get(one.path)
        if known is None:
            new.append(one)
        elif is_same(one, known):
            same.append(one)
        else:
            changed.append(one)
    wanted = {one.path for one in files}
    gone = sorted(path for path in there if path in ours and path not in wanted)
    left = [path for path in there if path not in wanted and path not in ours and path != ".gitattributes"]
    replaced = tuple(one.path for one in changed if one.path not in ours)
    return Difference(tuple(new), tuple(changed), tuple(same), tuple(gone), len(left), replaced)


def is_same(one: Outgoing, known: RemoteFile) -> bool:
    """Say whether the repository holds these very bytes."""
    if one.size != known.size:
        return False
    if known.sha256:
        return known.sha256 == (one.sha256 or digest_of(one.file))
    return known.oid == git_oid(one)


def hashed(one: Outgoing) -> Outgoing:
    """Return the file with its sha256."""
    return one if one.sha256 else replace(one, sha256=digest_of(one.file))


def digest_of(file: Path) -> str:
    """Return the sha256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def git_oid(one: Outgoing) -> str:
    """Return the object id that git gives the file."""
    made = hashlib.sha1(b"blob %d\0" % one.size, usedforsecurity=False)
    with one.file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            made.update(chunk)
    return made.hexdigest()

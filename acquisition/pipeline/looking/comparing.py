"""What changed between two states of a set: manifests, bundles, or versions that the history of the standing manifest knows."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from acquisition import bundle, manifest
from acquisition.errors import UsageError
from acquisition.manifest.pairs import EXAMPLES
from acquisition.pipeline.session import Session
from acquisition.workspace import Workspace

NOW: Final = "now"
_VERSION: Final = re.compile(r"\d+\.\d+\.\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The versions after `old` up to `new`, oldest first, as the history of the standing manifest recorded them."""

    old: str
    new: str
    versions: tuple[manifest.Version, ...]

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def compare(
    session: Session | None, old: str, new: str = NOW, *, named: int | None = EXAMPLES
) -> manifest.Difference | Recorded:
    """Compare two states of a set, each a path (workspace, manifest, bundle) or a version; `new` is what stands if not named.

    Two versions are told from the history; a version beside a path only when it is the one that stands, because no older ledger
    is kept. `named` items of each kind are named, None for all. UsageError when one is not known, or names a version and
    no declaration is there (`session` is None).
    """
    if _is_version(old) and (new == NOW or _is_version(new)):
        return _recorded(_standing(session, old), old, new)
    with ExitStack() as stack:
        before, after = (stack.enter_context(_opened(session, one)) for one in (old, new))
        return manifest.diff(before, after, named)


def names_a_version(old: str, new: str) -> bool:
    """Say whether a workspace is needed to know what is meant."""
    return any(one == NOW or _is_version(one) for one in (old, new))


def _is_version(told: str) -> bool:
    return _VERSION.fullmatch(told) is not None and not Path(told).exists()


def _standing(session: Session | None, told: str) -> Path:
    if session is None:
        raise UsageError(
            f"{told} is a version of a set, and there is no declaration here", hint="Name it with -f, or give paths."
        )
    return _directory(session.workspace)


def _directory(workspace: Workspace) -> Path:
    if not workspace.manifest.is_dir():
        raise UsageError(
            "there is no manifest to compare with", where=str(workspace.manifest), hint="Run `acquire fetch` first."
        )
    return workspace.manifest


def _recorded(directory: Path, old: str, new: str) -> Recorded:
    history = manifest.read_versions(directory)
    known = [one.version for one in history]
    newest = known[-1] if known else ""
    new = newest if new == NOW else new
    for version in (old, new):
        if version not in known:
            raise UsageError(
                f"the history knows no version {version}",
                where=str(directory),
                hint=f"It knows {', '.join(known[-10:]) or 'none'}. Other sets are compared by their paths.",
            )
    first, last = known.index(old), known.index(new)
    if first > last:
        raise UsageError(f"version {old} is newer than {new}", hint=f"Ask for `acquire diff {new} {old}`.")
    return Recorded(old, new, history[first + 1 : last + 1])


@contextmanager
def _opened(session: Session | None, told: str) -> Iterator[Path]:
    """Give the directory of a manifest, or a ledger that lies alone, for as long as it is needed."""
    path = Path(told)
    if told == NOW or _is_version(told):
        directory = _standing(session, told)
        standing = manifest.read_versions(directory)
        if told != NOW and standing and standing[-1].version != told:
            raise UsageError(
                f"the ledger of version {told} is not kept: {standing[-1].version} stands",
                where=str(directory),
                hint=f"Compare with a bundle or a copy of it, or ask for the records: `acquire diff {told} {NOW}`.",
            )
        yield directory
    elif path.is_dir() or (path.is_file() and path.suffix == ".parquet"):
        yield path
    elif path.is_file():
        with tempfile.TemporaryDirectory(prefix="acquire-diff-") as folder:
            yield bundle.manifest_of(path, Path(folder))
    else:
        raise UsageError(
            f"there is nothing at {told}", where=told, hint="Give a workspace, a manifest, a ledger, a bundle or a version."
        )

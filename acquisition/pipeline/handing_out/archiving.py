"""Hands out what a crawl has archived, in the formats of web archives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from acquisition import crawl
from acquisition.errors import UsageError
from acquisition.pipeline.session import Session


@dataclass(frozen=True, slots=True)
class Archived:
    """The file that was written, the run that it holds, and its size in bytes."""

    file: Path
    run: str
    bytes: int


def archive(session: Session, name: str, target: Path) -> Archived:
    """Write the newest run of a crawled source as WACZ or CDXJ, by the target's suffix.

    UsageError when the source was never crawled, its last run has not ended, or the suffix is another one.
    """
    (source,) = (source for source in session.declared.sources if source.name in session.known((name,)))
    write = _WRITERS.get(target.suffix.lower())
    if write is None:
        raise UsageError(f"{target.name!r} names no format of web archives", hint="End it in .wacz or .cdxj.")
    directory = crawl.find_run(session.workspace.crawl / name, source)
    outcome = crawl.load_run(directory) if directory is not None else None
    if directory is None or outcome is None:
        raise UsageError(
            f"no crawl of {name!r} has ended",
            where=source.where,
            hint=f"Run `acquire crawl {name}` first.",
        )
    write(directory, target, name)
    return Archived(target, directory.name, target.stat().st_size)


def _wacz(directory: Path, target: Path, name: str) -> None:
    from acquisition.crawl.archive import write_wacz

    write_wacz(directory, target, title=f"{name} {directory.name}")


def _cdxj(directory: Path, target: Path, _name: str) -> None:
    from acquisition.crawl.archive.cdxj import cdxj_lines
    from acquisition.workspace import atomic_file

    with atomic_file(target) as stream:
        for line in cdxj_lines(directory):
            stream.write(line)


_WRITERS: Final[dict[str, Callable[[Path, Path, str], None]]] = {".wacz": _wacz, ".cdxj": _cdxj}

"""The set that stands, as one bundle; and a bundle from anywhere, checked."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import orjson

from acquisition import __version__, bundle
from acquisition.bundle.form import PAPERS
from acquisition.bundle.leaving import not_pinned
from acquisition.curate import closed_holdouts
from acquisition.curate.decisions import read_decisions
from acquisition.errors import BundleRefused, UsageError, WorkspaceDamaged
from acquisition.manifest.names import ITEMS, SUMMARY
from acquisition.pipeline.handing_out.unfinished import demand_finished
from acquisition.pipeline.handing_out.whereabouts import ADVICE, whereabouts
from acquisition.pipeline.session import Session
from acquisition.protocols import Reporter, Silent
from acquisition.workspace import utc_now

EMPTY: Final = "the set is empty: nothing was kept, so the bundle holds its papers alone"
_PASSWORD: Final = re.compile(r"(?i)[a-z][a-z0-9+.-]*://(?:[^\s/?#@:]*:([^\s/?#@]+)@|\S*?[?&][a-z]*password=([^\s&\"']+))")
_VARIABLES: Final = re.compile(r"(?:\$\{\w+\})+")


@dataclass(frozen=True, slots=True)
class BundleOptions:
    """How a bundle is wanted: where (None: beside the declaration, by name and version), as a tar, signed, papers alone."""

    output: Path | None = None
    as_tar: bool = False
    key: Path | None = None
    only_manifest: bool = False
    force: bool = False


def write_bundle(session: Session, options: BundleOptions) -> bundle.Bundled:
    """Write the set and manifest that stand as one bundle. Asks nobody; nothing else may change the workspace meanwhile.

    Says before it writes where declaration and lock name places on this machine. Raises as `bundle.write` does, and UsageError
    when the bundle would lie in the workspace itself.
    """
    workspace, declaration = session.workspace, session.declared.declaration
    if not (workspace.manifest / SUMMARY).is_file():
        raise UsageError(
            "there is no manifest to bundle",
            where=str(workspace.manifest),
            hint="Run `acquire fetch` first, up to the manifest.",
        )
    with session.held("bundle"):
        demand_finished(workspace, BundleRefused)
        _demand_no_secret(session.declared.path)
        _demand_records(session)
        name, version = _named(workspace.manifest / SUMMARY)
        target = options.output or session.declared.path.parent / f"{name}-{version}{'.tar' if options.as_tar else ''}"
        _demand_outside(target, workspace.root)
        places = (session.declared.path, session.lock_path, workspace.decisions)
        notes = tuple(f"{place}: {told} is on this machine, and goes along; {ADVICE}" for place, told in whereabouts(session))
        for note in notes:
            session.reporter.event("step", text=note)
        done = bundle.write(
            bundle.BundleInputs(
                name=name,
                version=version,
                tool=f"acquisition {__version__}",
                manifest=workspace.manifest,
                curated=workspace.curated,
                papers=dict(zip(PAPERS, places, strict=True)),
                redistribute=declaration.dataset.use.redistribute,
                only_manifest=options.only_manifest,
                key=options.key,
                closed=closed_holdouts(declaration.curated, dt.date.fromisoformat(utc_now()[:10])),
            ),
            target.absolute(),
            as_tar=options.as_tar,
            force=options.force,
            progress=session.watched("bundle"),
        )
    return replace(done, notes=notes if done.kept else (*notes, EMPTY))


def _demand_records(session: Session) -> None:
    """Lock and decisions go along: each can be read, and the lock is that of the set, not of what came after or before it."""
    read_decisions(session.workspace.decisions)
    hint = "Run `acquire fetch` up to the manifest, or take the lock of this set from version control."
    if not session.lock_path.is_file():
        raise BundleRefused("there is no lock to go along", where=str(session.lock_path), hint=hint)
    if other := not_pinned(session.workspace.manifest / ITEMS, session.lock):
        raise BundleRefused(
            f"the lock pins other releases than the set was made from: {', '.join(other)}",
            where=str(session.lock_path),
            hint=hint,
        )


def _named(summary: Path) -> tuple[str, str]:
    """Return what the set is called and its version, from the manifest: the declaration may have moved on."""
    try:
        told = orjson.loads(summary.read_bytes())
        return str(told["dataset"]), str(told["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise WorkspaceDamaged(
            f"the manifest's summary cannot be read: {error}",
            where=str(summary),
            hint="`acquire curate --anew` writes it anew.",
        ) from error


def _demand_no_secret(declaration: Path) -> None:
    """The declaration goes along as it is: a password in an address must not, not even in a remark."""
    for number, line in enumerate(declaration.read_text(encoding="utf-8").splitlines(), 1):
        if any(not _VARIABLES.fullmatch(found[1] or found[2]) for found in _PASSWORD.finditer(line)):
            raise BundleRefused(
                "an address in the declaration holds a password, and the declaration is part of a bundle",
                where=f"{declaration}:{number}",
                hint="Put the password into an environment variable and write ${NAME} in its place, or into ~/.pgpass.",
            )


def _demand_outside(target: Path, root: Path) -> None:
    """A bundle in the workspace would be swept or counted as its own, and a takedown could not reach what is in it."""
    if target.absolute().resolve().is_relative_to(root.resolve()):
        raise UsageError("a bundle cannot lie in the workspace", where=str(target), hint="Name another place with -o.")


def verify_bundle(path: Path, key: Path | None = None, reporter: Reporter | None = None) -> bundle.Checked:
    """Look at a bundle, a directory or a tar, without a declaration or a workspace."""
    listener, whole = reporter or Silent(), path.stat().st_size if path.is_file() else 0

    def tell(files: int, size: int) -> None:
        listener.event("work-progress", what=path.name, files=files, bytes=size, of_bytes=whole)

    return bundle.verify(path, key, tell)

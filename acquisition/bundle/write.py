"""Writes a bundle: a directory or one plain tar, whole or not at all, the same bytes for the same workspace."""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from acquisition.bundle.contexts import context_entries, contexts
from acquisition.bundle.form import (
    ABOUT,
    CONTEXTS,
    FORMAT,
    MANIFEST,
    NOT_INCLUDED,
    README,
    SIGNATURE,
    SUMS,
    unsafe,
)
from acquisition.bundle.leaving import Sorted, ledger_of, sort_items
from acquisition.bundle.parting import Parted, part
from acquisition.bundle.readme import readme
from acquisition.bundle.signing import fingerprint, private_key, sign
from acquisition.bundle.sinks import Entry, not_as_told, opened_sink
from acquisition.errors import BundleRefused, DiskFull, UsageError
from acquisition.manifest import names as manifest_names
from acquisition.manifest.credit import CREDITS_HINT, credits_missing
from acquisition.workspace import fsync_directory

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class BundleInputs:
    """What goes into a bundle.

    `papers` maps names in the bundle to files (sources.yaml, sources.lock, decisions.jsonl), as far as they
    are there. `redistribute` is `use.redistribute` of the declaration; `only_manifest` leaves the set's bytes out. `closed` are
    the splits under an embargo that lasts, whose items stay behind.
    """

    name: str
    version: str
    tool: str
    manifest: Path
    curated: Path
    papers: Mapping[str, Path]
    redistribute: bool
    only_manifest: bool = False
    key: Path | None = None
    closed: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Bundled:
    """What was written: where, how many files and bytes, how many kept items go along, and how many do not, by reason."""

    path: str
    files: int
    bytes: int
    kept: int
    included: int
    not_included: Mapping[str, int]
    files_left_out: int
    files_reduced: int
    contexts: tuple[str, ...]
    """Addresses of contexts that the papers name and that nothing in the bundle stands for."""
    sha256: str
    """Digest of SHA256SUMS, which names all the rest."""
    signed_by: str = ""
    notes: tuple[str, ...] = ()
    """Sentences on what somebody should know before it is passed on."""


def write(
    inputs: BundleInputs,
    target: Path,
    *,
    as_tar: bool,
    force: bool = False,
    progress: Callable[[int, int], None] = lambda _files, _bytes: None,
) -> Bundled:
    """Write a bundle to `target`. Nothing stands there before it is whole; what a killed run left is removed first.

    `progress` hears files and bytes so far.

    BundleRefused when nothing may be passed on or credit is owed and not paid; UsageError when something stands there already;
    WorkspaceDamaged when a file is not what the manifest says; DiskFull when there is no room for it.
    """
    key = private_key(inputs.key) if inputs.key is not None else None
    _put_back(target)
    _demand_place(target, force=force, as_tar=as_tar)
    items = _sorted(inputs)
    target.parent.mkdir(parents=True, exist_ok=True)
    for leftover in _leftovers(target):
        shutil.rmtree(leftover, ignore_errors=True)
    passing = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.bundle-"))
    try:
        parted = Parted() if inputs.only_manifest else part(inputs.manifest, inputs.curated, items, passing / "reduced")
        if whole := frozenset(line["path"] for line in parted.files if not line["became"]) - items.own_files:
            items = sort_items(ledger_of(inputs.manifest), whole, closed=inputs.closed)
            _demand_some(inputs, items)
        named = contexts(inputs.manifest)
        entries = sorted(_all(inputs, items, parted, named), key=lambda one: one.name)
        fresh = passing / "bundle"
        with opened_sink(fresh, f"{inputs.name}-{inputs.version}", as_tar=as_tar) as sink:
            sink.progress = progress
            sums = "".join(f"{sink.put(entry)}  {entry.name}\n" for entry in entries).encode()
            sink.put(Entry(SUMS, content=sums))
            if key is not None:
                sink.put(Entry(SIGNATURE, content=sign(key, sums)))
        _swap(fresh, target, passing / "old")
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        hint = "Free some space, or name another place with -o; nothing stands there yet."
        raise DiskFull(f"no room is left for the bundle: {error}", where=str(target), hint=hint) from error
    finally:
        shutil.rmtree(passing, ignore_errors=True)
    return Bundled(
        path=str(target),
        files=sink.files,
        bytes=sink.bytes,
        kept=items.kept,
        included=0 if inputs.only_manifest else items.included,
        not_included=_reasons(inputs, items),
        files_left_out=sum(not line["became"] for line in parted.files),
        files_reduced=sum(bool(line["became"]) for line in parted.files),
        contexts=tuple(one["url"] for one in named if not one["file"]),
        sha256=hashlib.sha256(sums).hexdigest(),
        signed_by=fingerprint(key.public_key()) if key is not None else "",
    )


def _demand_place(target: Path, *, force: bool, as_tar: bool) -> None:
    if not os.path.lexists(target):
        return
    if not force:
        raise UsageError(
            f"{target} is there already", where=str(target), hint="Name another place with -o, or replace it with --force."
        )
    ours = target.is_file() if as_tar else (target / ABOUT).is_file()
    if target.is_symlink() or not ours:
        raise UsageError(
            f"{target} is not replaced: it is no bundle", where=str(target), hint="Name another place with -o, or move it away."
        )


def _sorted(inputs: BundleInputs) -> Sorted:
    if not ledger_of(inputs.manifest).is_file():
        raise UsageError(
            "there is no manifest to bundle", where=str(inputs.manifest), hint="Run `acquire fetch` first, up to the manifest."
        )
    if not inputs.only_manifest and not inputs.redistribute:
        raise BundleRefused(
            "the set is not for passing on: `use.redistribute` is not true in its declaration, so no license was judged for it",
            where="dataset.use.redistribute",
            hint="Declare it and fetch again, or bundle the papers alone with --only-manifest.",
        )
    items = sort_items(ledger_of(inputs.manifest), closed=inputs.closed)
    if not inputs.only_manifest:
        _demand_some(inputs, items)
        duties = {duty for _, duties in items.duties for duty in duties}
        if why := credits_missing(inputs.manifest, duties):
            raise BundleRefused(why, where=str(inputs.manifest), hint=CREDITS_HINT)
    return items


def _demand_some(inputs: BundleInputs, items: Sorted) -> None:
    if items.kept and not items.included:
        reasons = "; ".join(
            f"{count:,}: {why}" for why, count in Counter(one.why for one in items.left.values()).most_common(3)
        )
        raise BundleRefused(
            f"none of the {items.kept:,} kept items may be passed on ({reasons})",
            where=str(inputs.manifest),
            hint="Bundle the papers alone with --only-manifest.",
        )


def _reasons(inputs: BundleInputs, items: Sorted) -> dict[str, int]:
    if inputs.only_manifest:
        return {"only the papers were asked for": items.kept} if items.kept else {}
    return dict(Counter(one.why for one in items.left.values()).most_common())


# --- what goes in -------------------------------------------------------------------------------------------------------


def _all(inputs: BundleInputs, items: Sorted, parted: Parted, named: list[dict[str, Any]]) -> Iterator[Entry]:
    yield from parted.entries
    yield from _manifest_entries(inputs.manifest)
    for name, path in inputs.papers.items():
        if path.is_file():
            yield Entry(name, path)
    about = _about(inputs, items, parted)
    yield Entry(ABOUT, content=orjson.dumps(about, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")
    yield from context_entries(named)
    yield Entry(CONTEXTS, content=orjson.dumps(named, option=orjson.OPT_INDENT_2) + b"\n")
    yield Entry(NOT_INCLUDED, content=_not_included(inputs, items, parted))
    yield Entry(README, content=readme(about, items, _reasons(inputs, items), named).encode())


def _manifest_entries(manifest: Path) -> Iterator[Entry]:
    """Yield the manifest's own files, which have to be what its list of digests says."""
    sums = manifest / manifest_names.SUMS
    yield Entry(f"{MANIFEST}/{manifest_names.SUMS}", sums)
    for line in sums.read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        if unsafe(name):
            raise not_as_told(manifest / name)
        yield Entry(f"{MANIFEST}/{name}", manifest / name, sha256=digest)


def _about(inputs: BundleInputs, items: Sorted, parted: Parted) -> dict[str, Any]:
    summary = orjson.loads((inputs.manifest / manifest_names.SUMMARY).read_bytes())
    return {
        "bundle": FORMAT,
        "name": inputs.name,
        "version": inputs.version,
        "created_at": summary["created_at"],
        "tool": inputs.tool,
        "kept": items.kept,
        "included": 0 if inputs.only_manifest else items.included,
        "only_manifest": inputs.only_manifest,
        "reasons": _reasons(inputs, items),
        "files_not_as_they_were": len(parted.files),
    }


def _not_included(inputs: BundleInputs, items: Sorted, parted: Parted) -> bytes:
    lines: list[dict[str, Any]] = []
    if inputs.only_manifest:
        lines.append({"what": "set", "items": items.kept, "why": "only the papers were asked for"})
    else:
        lines += [{"what": "item", **asdict(one)} for one in sorted(items.left.values(), key=lambda one: (one.path, one.item))]
    lines += parted.files
    return b"".join(orjson.dumps(line, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE) for line in lines)


def _swap(fresh: Path, target: Path, old: Path) -> None:
    """Put the new bundle in its place; the one that was there is removed with everything that was only on its way."""
    if target.is_dir():
        target.replace(old)
    try:
        fresh.replace(target)
    except OSError:
        _put_back(target)
        raise
    fsync_directory(target.parent)


def _leftovers(target: Path) -> list[Path]:
    return list(target.parent.glob(f".{glob.escape(target.name)}.bundle-*"))


def _put_back(target: Path) -> None:
    """Put a bundle back that was moved aside when a run was killed, or failed, before the new one stood in its place."""
    for leftover in _leftovers(target):
        if not os.path.lexists(target) and (leftover / "old").is_dir():
            (leftover / "old").replace(target)

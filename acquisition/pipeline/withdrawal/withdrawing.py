"""What is staged already, without what has been taken down since.

Nothing is changed in place: a release that loses rows is put together anew beside the old one, its untouched shards and all
that filters said of them under second names, and counts from the moment when its record stands. So a kill at any moment leaves
the old one or the new one, and the next run goes on from there.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from acquisition import plugins
from acquisition.engine.carrying import carry
from acquisition.model import Rejection
from acquisition.pipeline.session import Session
from acquisition.stage import Inputs, Staged, write_staged
from acquisition.stage.staged import directory_name, ordered, read_inputs, read_staged
from acquisition.stage.withdrawn import CODE, Cut, cut, gone_file, gone_files, places_in, rejection, write_gone
from acquisition.tombstones import Tombstones
from acquisition.workspace import fsync_directory, link_file, write_json

ORIGIN: Final = "origin.json"
"""What a cut release was made from: its folder, the digest that each changed shard had, and the rows that left it."""
_NOTED: Final = 10_000
"""More rows than this are not noted: what was found among all items is looked for anew."""


VERSION: Final = 1
"""Rises when staging itself would give other shards for the same files."""


def reader_versions() -> str:
    """Return the names and versions of all readers: a new version of one stages again what it may have read."""
    names = plugins.registered(plugins.READERS)
    return f"{VERSION} " + " ".join(f"{name}-{plugins.load(plugins.READERS, name).version}" for name in names)


@dataclass(frozen=True, slots=True)
class Hits:
    """Rows of standing shards that fall under tombstones, found by somebody who knew where to look.

    `rows` maps a shard's key to the places of its rows' tombstones (-1 for none) among those that came after the state that its
    source has met; `since` maps each source to the folder that was looked into and that state, for a killed run may have left
    two folders of one state. `until` is the newest state. Shards that are not named have no such row.
    """

    since: Mapping[str, tuple[str, str]]
    until: str
    rows: Mapping[str, np.ndarray]


def stands(root: Path, inputs: Inputs, stones: Tombstones) -> bool:
    """Say whether a release stands below `root` for these inputs, as it is or once it is cut down."""
    return any(_usable(staged, inputs, stones) is not None for staged in _staged(root))


def standing(session: Session, root: Path, inputs: Inputs, stones: Tombstones, hits: Hits | None = None) -> Staged | None:
    """Return the release that stands below `root` for these inputs, cut down to what is not taken down; None to stage anew."""
    found = _staged(root)
    for staged in found:
        if (staged.key, staged.tombstones) == (inputs.key, stones.digest):
            return staged
    for staged in found:
        if (later := _usable(staged, inputs, stones)) is not None:
            return _without(session, staged, inputs, stones, _Later(later, hits))
    return None


def cut_idle(session: Session, sources: Iterable[str], stones: Tombstones, hits: Hits | None = None) -> dict[str, Staged]:
    """Cut what stands of sources that take no part now: refused, declared in another way, or with files that are not here.

    Nothing is staged anew, so what was begun and did not come to stand goes; the next run that takes them in begins there.
    """
    found: dict[str, Staged] = {}
    for name in sources if len(stones) else ():
        root = session.workspace.staging / name
        base = newest(root, stones) or next(iter(_staged(root)), None)
        if base is not None:
            found[name] = _cut_as_it_is(session, base, stones, hits)
        for other in root.glob("*"):
            if base is None or other != Path(found[name].directory):
                shutil.rmtree(other, ignore_errors=True)
    return found


def _cut_as_it_is(session: Session, base: Staged, stones: Tombstones, hits: Hits | None) -> Staged:
    later = stones.since(base.tombstones)
    if later is not None and not len(later):
        return base
    before = read_inputs(Path(base.directory))
    inputs = Inputs("", {})  # nothing is ever staged for these, so it is staged anew when it can be
    if before is not None and before.key == base.key and not base.capped:
        inputs = replace(before, files={path: sha256 for path, sha256 in before.files.items() if not stones.file_gone(sha256)})
    return _without(session, base, inputs, stones, _Later(stones if later is None else later, hits))


def newest(root: Path, stones: Tombstones) -> Staged | None:
    """Return what stands below `root` and has met most tombstones, whatever it was staged from."""
    met = [(len(later), staged) for staged in _staged(root) if (later := stones.since(staged.tombstones)) is not None]
    return min(met, key=lambda one: (one[0], one[1].directory), default=(0, None))[1]


def _staged(root: Path) -> list[Staged]:
    return [staged for path in sorted(root.glob("*/stage.json")) if (staged := read_staged(path.parent)) is not None]


def _usable(staged: Staged, inputs: Inputs, stones: Tombstones) -> Tombstones | None:
    """Return the tombstones that a release has not met, None where it cannot be cut down to what would be staged now.

    Where a limit on items cut it short, others would come in their place.
    """
    later = stones.since(staged.tombstones)
    if later is None or (len(later) and staged.capped):
        return None
    return later if _same_files(staged, inputs, later) else None


def _same_files(staged: Staged, inputs: Inputs, later: Tombstones) -> bool:
    """Say whether a release was staged in this way from these files, and from others at most that are taken down now."""
    before = read_inputs(Path(staged.directory))
    if before is None or before.key != staged.key or before.told != inputs.told:
        return False
    return {path: sha256 for path, sha256 in before.files.items() if not later.file_gone(sha256)} == dict(inputs.files)


@dataclass(frozen=True, slots=True)
class _Later:
    """The tombstones that a release has not met, and what is known of the rows that fall under them."""

    stones: Tombstones
    hits: Hits | None

    def places(self, staged: Staged, until: str) -> dict[int, np.ndarray]:
        """Return for each shard with such rows the places of their tombstones."""
        hits = self.hits
        here = (Path(staged.directory).name, staged.tombstones)
        known = hits is not None and (hits.since.get(staged.source), hits.until) == (here, until)
        found = {}
        for shard in staged.shards:
            places = hits.rows.get(shard.key) if hits is not None and known else places_in(shard, self.stones)
            if places is not None and (places >= 0).any():
                found[shard.index] = places
        return found


def _without(session: Session, base: Staged, inputs: Inputs, stones: Tombstones, later: _Later) -> Staged:
    places = later.places(base, stones.digest)
    if not places:
        done = replace(base, key=inputs.key, tombstones=stones.digest)
        write_staged(done, inputs)
        return done
    session.reporter.event("takedown-start", source=base.source, shards=len(places))
    named = hashlib.sha256(f"{Path(base.directory).name} {stones.digest}".encode()).hexdigest()
    directory = Path(base.directory).parent / directory_name(base.release, named)
    directory.mkdir(exist_ok=True)
    cuts, left = _cut(session, base, directory, {index: np.flatnonzero(found >= 0) for index, found in places.items()})
    gone = [table for table in left.values() if table is not None]
    write_gone(gone_file(directory, stones.digest[:12]), gone)
    for earlier in gone_files(Path(base.directory)):  # what left before, and whose bytes may still be here
        link_file(earlier, directory / earlier.name)
    shards = tuple(one.new for one in cuts if one.new is not None)
    done = replace(
        base,
        key=inputs.key,
        directory=str(directory),
        shards=shards,
        rejections=ordered((*base.rejections, *_rejections(left, places, later.stones))),
        items=sum(shard.rows for shard in shards),
        tombstones=stones.digest,
    )
    _note_origin(base, cuts, directory)
    fsync_directory(directory)
    write_staged(done, inputs)
    session.reporter.event("takedown-done", source=base.source, items=sum(table.num_rows for table in gone))
    return done


def _cut(
    session: Session, base: Staged, directory: Path, rows: Mapping[int, np.ndarray]
) -> tuple[list[Cut], dict[int, pa.Table | None]]:
    """Cut the shards, and take along what filters said of them."""
    cuts, left = [], {}
    for one, gone in cut(base.shards, directory, rows):
        if one.new is not None:
            carry(session.workspace.flags, one.old, one.new, one.kept, one.left)
        cuts.append(one)
        left[one.old.index] = gone
    return cuts, left


def _rejections(
    left: Mapping[int, pa.Table | None], places: Mapping[int, np.ndarray], later: Tombstones
) -> Iterator[Rejection]:
    stones = tuple(later)
    for index, gone in left.items():
        if gone is None:
            continue
        of = places[index][places[index] >= 0].tolist()
        columns = (gone.column(name).to_pylist() for name in ("id", "source", "release"))
        for item, source, release, place in zip(*columns, of, strict=True):
            yield rejection(source, release, item, stones[place])


def _note_origin(base: Staged, cuts: list[Cut], directory: Path) -> None:
    changed = {one.old.index: one for one in cuts if one.kept is not None}
    if sum(one.old.rows - len(_rows(one)) for one in changed.values()) > _NOTED:
        return
    shards = {
        index: [one.old.digest, np.setdiff1d(np.arange(one.old.rows), _rows(one)).tolist()] for index, one in changed.items()
    }
    write_json(directory / ORIGIN, {"directory": Path(base.directory).name, "shards": shards})


def _rows(one: Cut) -> np.ndarray:
    return one.kept if one.kept is not None else np.arange(one.old.rows)


def forget_origins(directories: Iterable[Path]) -> None:
    """Everything that could be taken along has been."""
    for directory in directories:
        (directory / ORIGIN).unlink(missing_ok=True)


def records(source: str, release: str, rejections: tuple[Rejection, ...], stones: Tombstones) -> tuple[Rejection, ...]:
    """Return a source's rejections with one for each of its items that is taken down, however and whenever it was found."""
    named = stones.named_of(source)
    kept = [one for one in rejections if one.code != CODE or one.locator not in named]
    return ordered((*kept, *(rejection(source, release, item, stone) for item, stone in named.items())))

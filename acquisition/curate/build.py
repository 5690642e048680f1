"""Builds the curated set: balance, splits, layout, and for every item of every shard its final place or the reason it has none.

Two passes over the shards: the first keeps a few numbers per kept item and settles the whole set (`settling`), the second
streams the kept rows into the layout and writes a placement shard (PLACEMENT_SCHEMA) beside each item shard (`placing`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from acquisition import plugins
from acquisition.content import Contents
from acquisition.curate.candidates import CLASS, gather, view
from acquisition.curate.card import Checks, Composition, Declared, write_card
from acquisition.curate.classes import class_of_label, folder_names
from acquisition.curate.files import FileList
from acquisition.curate.history import read_history, record_of, told, write_record
from acquisition.curate.link import Linker
from acquisition.curate.noting import notes_on, on_layout
from acquisition.curate.placing import Placing, Rights
from acquisition.curate.policy import Policy
from acquisition.curate.redact import pseudonyms
from acquisition.curate.settling import Settled, refuse_idle_embargoes, settle
from acquisition.model import Evidence, JudgedShard, Observation, Outcome, Release, joined_labels
from acquisition.protocols import Outline
from acquisition.settings import ContactSettings, CuratedSettings, DatasetSettings
from acquisition.workspace import atomic_directory


@dataclass(frozen=True, slots=True)
class CurateInputs:
    """What a curated set is made of.

    `contents` opens the items' bytes, `blob_path` finds a blob, `blobs` is the workspace's own store (only from there is
    hard-linked). `placements` is the directory that the placement shards and the list of files go to, `splits` the record of
    where items are settled, None to keep none. `forgotten` are contents (sha256) that no record may hold. `today` ends
    embargoes; without it none ends. `resumed` says that the build before did not come to its end, so nobody has read its notes.
    `own_names` holds for each source what it calls a column of the items: {"lab": "label"}.
    """

    shards: Sequence[JudgedShard]
    policy: Policy
    settings: CuratedSettings
    dataset: DatasetSettings
    releases: Mapping[str, Release]
    contents: Contents
    blob_path: Callable[[str], Path]
    blobs: Path
    curated: Path
    placements: Path
    not_checked: tuple[str, ...] = ()
    observations: tuple[Observation, ...] = ()
    texts: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict)
    progress: Callable[[int, int], None] = lambda _done, _all: None
    splits: Path | None = None
    forgotten: Collection[str] = ()
    today: dt.date = dt.date.min
    resumed: bool = False
    own_names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    contact: ContactSettings | None = None
    """Who is asked to take an item out; the card names them."""


@dataclass(frozen=True, slots=True)
class CurateResult:
    """What was built: `notes` are sentences that a person should read, `splits` counts kept items.

    `classes` counts them per class and split; an item of several classes counts in each.
    """

    items: int
    kept: int
    held: int
    classes: Mapping[str, Mapping[str, int]]
    splits: Mapping[str, int]
    published: int
    drawn: int
    conflicts: int
    moved: int
    left_out: Mapping[str, int]
    surplus: Mapping[str, int]
    files: int
    bytes: int
    notes: tuple[str, ...] = ()


def build(inputs: CurateInputs) -> CurateResult:
    """Build the curated set in a new directory and swap it in; the placements follow in the same way.

    Before either is seen, the record of splits is written: whoever has seen an item in a split finds it there again.
    """
    settings = inputs.settings
    shards = sorted(inputs.shards, key=lambda judged: (judged.shard.source, judged.shard.release, judged.shard.index))
    classes_of = class_of_label(settings.classes)
    look = partial(view, policy=inputs.policy, classes_of=classes_of, pseudonyms=pseudonyms(settings.redact))
    history = read_history(inputs.splits)
    history = history if inputs.resumed else told(inputs.splits, history)
    candidates = gather(map(look, shards), settings, inputs.own_names)
    refuse_idle_embargoes(candidates, settings, inputs.today)
    settled = settle(candidates, settings, history, inputs.today)
    layout = plugins.layout(settings.layout)
    outline, notes = _outline(settled)
    with atomic_directory(inputs.placements) as placements, atomic_directory(inputs.curated) as curated:
        run = _placing(inputs, settled, curated, placements)
        layout.prepare(outline)
        for item, path in layout.write(run.items(map(look, shards)), curated, settings, run.link):
            run.place(item, path)
        run.finish()
        made = Composition(run.licenses, run.decided, run.modalities)
        write_card(curated, Declared(inputs.dataset, settings, inputs.contact), outline, _checks(inputs), made)
        run.files.add_rest()
        if inputs.splits is not None:
            before = history.without(inputs.forgotten)
            write_record(inputs.splits, record_of(settings.splits, before, settled.remembered(), anew=settled.anew))
    found = (*notes, *on_layout(outline, settings.layout), *notes_on(settled, inputs.today))
    return _result(run, settled, found)


def _checks(inputs: CurateInputs) -> Checks:
    filters = {one.filter: one.version for judged in inputs.shards for one in judged.flags}
    return Checks(tuple(inputs.releases.values()), inputs.not_checked, inputs.observations, filters)


def _placing(inputs: CurateInputs, settled: Settled, curated: Path, placements: Path) -> Placing:
    return Placing(
        settled=settled,
        curated=curated,
        placements=placements,
        files=FileList(placements, curated),
        layout=inputs.settings.layout,
        rights=Rights(inputs.releases, inputs.texts),
        linker=Linker(inputs.contents, inputs.blob_path, inputs.blobs),
        progress=inputs.progress,
    )


def _outline(settled: Settled) -> tuple[Outline, tuple[str, ...]]:
    """Return what the layout may know, and notes on classes whose folders are called otherwise."""
    stays = settled.reason == 0
    counts = np.bincount(settled.split[stays].astype(np.int64), minlength=len(settled.plan.names))
    combinations = settled.combinations()
    used = sorted({combinations[code] for code in np.unique(settled.candidates.array(CLASS)[stays]).tolist()})
    folders, notes = folder_names(joined_labels(names) for names in used)
    outline = Outline(
        items=int(stays.sum()),
        splits={name: int(count) for name, count in zip(settled.plan.names, counts, strict=True) if count},
        folders=folders,
        modalities=dict(sorted(settled.candidates.modalities.items())),
        columns=settled.candidates.columns.columns,
        filled=frozenset(settled.candidates.filled),
        several=any(len(names) > 1 for names in used),
        sparse=frozenset(settled.candidates.columns.sparse),
    )
    return outline, notes


def _result(run: Placing, settled: Settled, notes: tuple[str, ...]) -> CurateResult:
    classes: dict[str, dict[str, int]] = {}
    for (name, split), count in sorted(run.counts.items()):
        classes.setdefault(name, {})[split] = count
    return CurateResult(
        items=sum(run.outcomes.values()),
        kept=sum(run.splits.values()),
        held=run.outcomes[Outcome.HOLD],
        classes=classes,
        splits=dict(sorted(run.splits.items())),
        published=settled.plan.published,
        drawn=settled.plan.drawn,
        conflicts=settled.plan.conflicts,
        moved=settled.plan.moved,
        left_out=settled.balance.left_out,
        surplus=settled.balance.full,
        files=run.files.count,
        bytes=run.files.bytes,
        notes=notes,
    )

"""What a person should read of how the set was settled: sentences with numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from acquisition.curate.candidates import CLUSTER, GROUP, divided_by
from acquisition.curate.settling import CONFLICT, Settled, closed_holdouts
from acquisition.curate.splits import components
from acquisition.protocols import Outline

_FAR: Final = 0.05


def notes_on(settled: Settled, today: dt.date) -> Iterator[str]:
    """Yield the notes: classes, columns that nobody has, published and settled splits, shares that are not met, hold-outs."""
    yield from _on_classes(settled)
    for name in divided_by(settled.settings):
        if name not in {GROUP, CLUSTER} and not settled.candidates.array(f"by:{name}").any():
            key = "group_by" if name in settled.settings.splits.group_by else "stratify_by"
            yield f"splits.{key} names {name!r}, and no item has it"
    yield from _on_conflicts(settled)
    yield from _on_torn_clusters(settled)
    yield from _on_lost_splits(settled)
    yield from _on_shares(settled)
    yield from _on_holdouts(settled, today)


def on_layout(outline: Outline, layout: str) -> Iterator[str]:
    """Say what `load_dataset` passes over in a folder of several kinds: it takes one kind of media for all (`datasets` 5.2)."""
    media = [kind for kind in ("audio", "image") if outline.modalities.get(kind)]
    others = sum(outline.modalities.values()) - (outline.modalities[media[0]] if media else 0)
    if layout == "folders" and media and others:
        lists = ", ".join(f"{kind}.jsonl" for kind in sorted(outline.modalities) if kind != media[0])
        yield (
            f"layout folders: `load_dataset` on the set gives its {outline.modalities[media[0]]} items of kind {media[0]}; the "
            f'other {others} load with load_dataset("json", data_files=…) from {lists}. In parquet or jsonl all load at once'
        )


def _on_classes(settled: Settled) -> Iterator[str]:
    least, most = settled.settings.balance.min_per_class, settled.settings.balance.max_per_class
    for name, labels in settled.settings.classes.items():
        if not settled.balance.counts.get(name):
            yield f"class {name!r} has no item: no kept item has one of the labels {', '.join(labels) or name}"
    for name, count in settled.balance.left_out.items():
        yield f"class {name!r} is left out: {count} items, fewer than {least}"
    for name, count in settled.balance.full.items():
        yield f"class {name!r} is full: {count} of its {settled.balance.counts[name]} items are left out, it may have {most}"


def _on_conflicts(settled: Settled) -> Iterator[str]:
    plan = settled.plan
    if settled.anew:
        yield (
            f"the splits are declared otherwise than in the last build: {settled.anew} items that were settled are divided "
            "anew, and may be in another split"
        )
    if plan.conflicts:
        yield (
            f"{plan.conflicts} groups of connected items were published in several splits; {plan.moved} items moved, "
            "towards test"
        )
    if plan.clashes:
        pairs = sorted({f"{one} and {two}" for one, two in plan.clashes.values()})
        yield (
            f"{len(plan.clashes)} items are held ({CONFLICT}): they connect groups that earlier builds have settled in "
            f"{'; '.join(pairs)}, and nothing of these moves"
        )


def _on_torn_clusters(settled: Settled) -> Iterator[str]:
    """Tell of near copies in several splits, which nothing keeps together unless `group_by` names their clusters."""
    if CLUSTER in settled.settings.splits.group_by:
        return
    clusters = settled.candidates.array(f"by:{CLUSTER}")
    placed = np.flatnonzero((clusters != 0) & (settled.split >= 0))
    found, inverse = np.unique(clusters[placed], return_inverse=True)
    lowest, highest = np.full(len(found), len(settled.plan.names)), np.full(len(found), -1)
    np.minimum.at(lowest, inverse, settled.split[placed])
    np.maximum.at(highest, inverse, settled.split[placed])
    if torn := int((lowest < highest).sum()):
        yield f"{torn} clusters of near copies have items in several splits; with {CLUSTER} in splits.group_by none has"


def _on_lost_splits(settled: Settled) -> Iterator[str]:
    """Tell of items that stay where an earlier build has settled them, though nobody names that split any more."""
    named = {"train", *settled.settings.splits.shares, *settled.settings.holdouts, *settled.wanted_names}
    counts = np.bincount(settled.split[settled.split >= 0], minlength=len(settled.plan.names))
    for name, count in zip(settled.plan.names, counts.tolist(), strict=True):
        if count and name not in named:
            yield (
                f"{count} items stay in {name!r}, where earlier builds have settled them; no hold-out, share or publisher "
                "names it any more (another splits.seed divides everything anew)"
            )


def _on_shares(settled: Settled) -> Iterator[str]:
    """Say which shares are not met, and why: published splits, groups that are larger than a share, or chance."""
    plan, shares = settled.plan, settled.settings.splits.shares
    if not shares:
        return
    if plan.published:
        yield f"{plan.published} items follow the splits that were published; {plan.drawn} were drawn by share"
    counts = np.bincount(plan.code[plan.code >= 0], minlength=len(plan.names))
    here = {name: int(counts[plan.names.index(name)]) for name in shares}
    total = sum(here.values())
    far = [
        f"{name} has {here[name]} of {total} items, {here[name] / total:.1%} and not {share:.1%}"
        for name, share in shares.items()
        if total and (abs(here[name] - share * total) > max(1, _FAR * total) or (share and not here[name]))
    ]
    if not far:
        return
    smallest = min((share for share in shares.values() if share), default=1.0)
    if not plan.drawn and plan.published:
        why = "all items were published in a split (published: false divides them anew)"
    elif plan.largest > max(1, smallest * total):
        why = f"the largest group has {plan.largest} items and stays whole"
    elif settled.settings.splits.stratify_by:
        why = "groups stay whole, and nothing that is settled moves"
    elif plan.largest > 1:
        why = (
            f"items that belong together are drawn as one (the largest group has {plan.largest}), which is even for many "
            "groups only (stratify_by: [class] counts)"
        )
    else:
        why = "each item is drawn by itself, which is even for many only (stratify_by: [class] counts)"
    yield f"shares are not met: {'; '.join(far)}: {why}"


def _on_holdouts(settled: Settled, today: dt.date) -> Iterator[str]:
    closed = closed_holdouts(settled.settings, today)
    for number, (name, holdout) in enumerate(settled.settings.holdouts.items()):
        here = settled.split == settled.plan.names.index(name) if name in settled.plan.names else np.zeros(0, bool)
        until = "it is released" if holdout.until == "released" else holdout.until
        if not here.any():
            asked = "it selects no item" if holdout.selects else "no item is in it"
            so = f": its embargo until {until} holds nothing back, {asked}" if name in closed else ""
            yield f"hold-out {name!r} has no item{so}"
            continue
        told = f"under embargo until {until}, so they are not written" if name in closed else "written as a split of their own"
        parts = _parts_of(settled, np.flatnonzero(here), number) if holdout.selects else ""
        yield f"hold-out {name!r}: {int(here.sum())} items are kept out of training{parts}, {told}"


def _parts_of(settled: Settled, here: Any, number: int) -> str:
    """Say how the items of a hold-out, at these positions, came into it; "" where it selects every one."""
    chosen = settled.candidates.array("holdout")[here] == number
    names = ("content", *(f"by:{name}" for name in settled.settings.splits.group_by))
    component = components([settled.candidates.array(name)[here] for name in names], len(here))
    along = ~chosen & np.isin(component, component[chosen])
    others = int((~chosen & ~along).sum())
    found = [f"{int(chosen.sum())} that it selects"]
    found += [f"{int(along.sum())} that belong with them"] if along.any() else []
    found += [f"{others} that their publisher or an earlier build has put there"] if others else []
    return f" ({', '.join(found)})" if len(found) > 1 else ""

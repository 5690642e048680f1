"""Settles the whole set before a row is written: who stays, in which split, and why the others do not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from acquisition.curate.balance import Balance, balance
from acquisition.curate.candidates import CLASS, PAGE, Candidates
from acquisition.curate.hashing import hash64
from acquisition.curate.history import History, basis_of
from acquisition.curate.promoting import PROMOTED
from acquisition.curate.splits import SplitKeys, SplitPlan, assign, canonical
from acquisition.curate.strata import Strata, strata_of
from acquisition.errors import DeclarationError
from acquisition.settings import CuratedSettings

TOO_FEW: Final = "balance.too-few"
SURPLUS: Final = "balance.surplus"
CONFLICT: Final = "split.conflict"
EMBARGO: Final = "split.embargo"
CODES: Final[Mapping[str, str]] = {
    TOO_FEW: "The class has fewer items than balance.min_per_class asks for, so the class is left out.",
    SURPLUS: "The class is full: balance.max_per_class items stand before this one.",
    CONFLICT: "The item belongs with items of two splits that earlier builds have settled; nothing of them may move or cross.",
    EMBARGO: "The item is in a hold-out under embargo: its split is settled, and it is not written.",
    PROMOTED: "A copy that is kept because the one that is preferred to it is not; why says which and what decided there.",
    "redact.no-span": "A person asked for redaction, and the policy found nothing in the item to replace.",
    "decision": "A person decided.",
}
"""Codes that can decide an item without a filter's flag, for docs and reports."""
_REASONS: Final = (TOO_FEW, SURPLUS, CONFLICT, EMBARGO)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a kept item is not in the set after all: the code, the rule of the declaration, and a sentence with numbers."""

    code: str
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What is settled for every candidate, in their order.

    `reason` is 0 for an item that stays, else what keeps it out (position in the codes, from 1); `split` indexes the plan's
    names, -1 for none; `wanted` indexes `wanted_names` (what a hold-out or the publisher said), -1 for nothing.
    """

    candidates: Candidates
    settings: CuratedSettings
    balance: Balance
    plan: SplitPlan
    reason: Any
    split: Any
    wanted: Any
    wanted_names: tuple[str, ...]
    clashes: Mapping[int, tuple[str, str]]
    anew: int
    """Items that earlier builds had settled under other settings of the splits."""

    def combinations(self) -> list[tuple[str, ...]]:
        """Return for each combination of classes what stays of it."""
        return [
            tuple(name for name in names if name not in self.balance.left_out) or names
            for names in self.candidates.combinations
        ]

    def refusal(self, position: int, classes: Sequence[str]) -> Refusal:
        """Say why the item at this position does not stay."""
        code = _REASONS[int(self.reason[position]) - 1]
        told = self.settings.balance
        if code == TOO_FEW:
            counts = ", ".join(f"{name!r} has {self.balance.left_out[name]:,}" for name in classes)
            return Refusal(code, "curated.balance", f"{counts}, fewer than balance.min_per_class {told.min_per_class}")
        if code == SURPLUS:
            where = f"place {self.balance.place[position]:,} of the draw with seed {self.settings.splits.seed}"
            full = ", ".join(repr(name) for name in classes)
            return Refusal(code, "curated.balance", f"{full}: {where}, balance.max_per_class is {told.max_per_class}")
        if code == CONFLICT:
            one, two = self.clashes[position]
            why = f"it would connect items of {one!r} and of {two!r}, which earlier builds have settled"
            return Refusal(code, "curated.splits", why)
        name = self.plan.names[self.split[position]]
        holdout = self.settings.holdouts[name]
        until = "until it is released" if holdout.until == "released" else f"until {holdout.until}"
        return Refusal(
            code, f"curated.holdouts.{name}", f"held out in {name!r} {until}" + (f": {holdout.why}" if holdout.why else "")
        )

    def remembered(self) -> pa.Table:
        """Return what the record of splits keeps of this build: content, wanted and split of all items that have a split."""
        has = np.flatnonzero(self.split >= 0)
        wanted = np.array([*self.wanted_names, ""], object)[self.wanted[has]]
        split = np.array(self.plan.names, object)[self.split[has]] if len(has) else np.zeros(0, object)
        content = self.candidates.array("content")[has]
        return pa.table(
            {
                "content": pa.array(content, pa.uint64()),
                "wanted": pa.array(wanted, pa.string()),
                "split": pa.array(split, pa.string()),
            }
        )


def settle(candidates: Candidates, settings: CuratedSettings, history: History, today: dt.date) -> Settled:
    """Balance the classes, give every item that stays its split, and keep back what is under embargo on this day."""
    code, content = candidates.array(CLASS).astype(np.int64), candidates.array("content")
    balanced = balance(code, candidates.combinations, content, settings.balance, settings.splits.seed)
    reason = np.where(balanced.rare, 1, np.where(balanced.surplus, 2, 0)).astype(np.int8)
    stays = reason == 0
    wanted, names = _wanted(candidates, settings)
    same = history.basis in {"", basis_of(settings.splits)}
    keys = _keys(candidates, settings, history if same else History(), (wanted, names), stays)
    plan = assign(keys, settings.splits.shares, settings.splits.seed)
    split = np.full(len(code), -1, np.int32)
    split[stays] = plan.code
    where = np.flatnonzero(stays)
    reason[where[plan.code < 0]] = 3
    closed = [number for number, name in enumerate(plan.names) if name in closed_holdouts(settings, today)]
    reason[(reason == 0) & np.isin(split, closed)] = 4
    clashes = {int(where[position]): found for position, found in plan.clashes.items()}
    anew = history.anew if same else int((history.find(content, wanted, names) >= 0).sum())
    return Settled(candidates, settings, balanced, plan, reason, split, wanted, names, clashes, anew)


def refuse_idle_embargoes(candidates: Candidates, settings: CuratedSettings, today: dt.date) -> None:
    """Raise DeclarationError when an embargo names a column that no item has: its items would be written, and published."""
    closed = closed_holdouts(settings, today)
    for (name, column), found in candidates.asked.items():
        if name in closed and not found:
            source = settings.holdouts[name].source
            of = f" of {source}" if source else ""
            known = {
                CLASS,
                PAGE,
                "source",
                *(candidates.filled - {"text", "fields", "signals"}),
                *(candidates.columns.types or {}),
            }
            raise DeclarationError(
                f"the hold-out {name!r} is under embargo and would hold nothing back: no kept item{of} has a column {column!r}",
                where=f"curated.holdouts.{name}.where.{column}",
                hint=f"Name a column that these items have: {', '.join(sorted(known)[:30])}. Where only one source has it, and "
                "none of it came, write `source` beside `where`.",
            )


def closed_holdouts(settings: CuratedSettings, today: dt.date) -> tuple[str, ...]:
    """Return the hold-outs that are under embargo on this day."""
    return tuple(name for name, holdout in settings.holdouts.items() if holdout.is_closed(today))


def _wanted(candidates: Candidates, settings: CuratedSettings) -> tuple[Any, tuple[str, ...]]:
    """Return for each item where a hold-out or else its publisher wants it, as an index of the names that follow, or -1."""
    own = {canonical(name): name for name in reversed([*settings.holdouts, *settings.splits.shares])}
    published = [own.get(name, name) for name in candidates.published_names] if settings.splits.published else []
    names = tuple(dict.fromkeys([*settings.holdouts, *published]))
    numbers = {name: number for number, name in enumerate(names)}
    place = np.array([*(numbers[name] for name in published), -1], np.int64)
    told = candidates.array("published").astype(np.int64)
    wanted = place[told] if published else np.full(len(told), -1, np.int64)
    held = candidates.array("holdout").astype(np.int64)
    return np.where(held >= 0, held, wanted), names


def _keys(
    candidates: Candidates, settings: CuratedSettings, history: History, wanted: tuple[Any, tuple[str, ...]], stays: Any
) -> SplitKeys:
    said, wanted_names = wanted
    content = candidates.array("content")[stays]
    found = history.find(content, said[stays], wanted_names)
    names = tuple(dict.fromkeys((*wanted_names, *(history.names[one] for one in np.unique(found[found >= 0])))))
    numbers = {name: number for number, name in enumerate(names)}
    place = np.array([*(numbers.get(name, -1) for name in history.names), -1], np.int64)
    return SplitKeys(
        content=content,
        groups=tuple(candidates.array(f"by:{name}")[stays] for name in settings.splits.group_by),
        wanted=said[stays],
        names=names,
        settled=place[found],
        holdouts=tuple(settings.holdouts),
        embargoed=tuple(name for name, holdout in settings.holdouts.items() if holdout.until),
        strata=_strata(candidates, settings, stays) if settings.splits.stratify_by else None,
    )


def _strata(candidates: Candidates, settings: CuratedSettings, stays: Any) -> Strata:
    columns = settings.splits.stratify_by
    values = [candidates.array(f"by:{name}")[stays] for name in columns if name != CLASS]
    if CLASS not in columns:
        return strata_of(int(stays.sum()), values, None)
    classes = [tuple(hash64(name) for name in names) for names in candidates.combinations]
    return strata_of(int(stays.sum()), values, (candidates.array(CLASS)[stays].astype(np.int64), classes))

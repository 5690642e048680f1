"""Which licenses of several sources do not go together, in a collection and in one adaptation.

A *collection* keeps every item under its own license, so share-alike does not reach unchanged neighbours (Creative Commons
FAQ, "collections"); what stands against it is what stands against one of its items. An *adaptation* (texts merged, pictures
composed, tables joined) is one work under one license, so all duties must be met at once: the licenses under which each
source lets adaptations pass on must have one in common, and nothing may restrict what share-alike keeps free.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Final, Literal

from acquisition.model import Use
from acquisition.rights.attributes import Attributes, attributes_of
from acquisition.rights.expressions import NOASSERTION, evaluate
from acquisition.rights.grants import grant_of

Kind = Literal[
    "unknown",
    "reserved",
    "no-derivatives",
    "non-commercial",
    "share-alike",
    "share-alike-non-commercial",
    "share-alike-terms",
    "patent",
]
_BRANCHES: Final = 16


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two licenses (or one, then `other` is "") that stand against the work, why, and in which form of it."""

    kind: Kind
    form: Literal["collection", "adaptation"]
    one: str
    other: str
    reason: str


@dataclass(frozen=True, slots=True)
class Combination:
    """What comes of several sources together: the conflicts, and per conflict the sources that have these licenses."""

    conflicts: tuple[Conflict, ...]
    sources: Mapping[Conflict, tuple[tuple[str, ...], tuple[str, ...]]]


def combine(concluded: Mapping[str, Collection[str]], use: Use) -> Combination:
    """Return what stands against using sources together; `concluded` maps a source to the expressions of its items."""
    holders: dict[str, list[str]] = {}
    for source, expressions in sorted(concluded.items()):
        for expression in expressions:
            holders.setdefault(expression, []).append(source)
    found = conflicts(tuple(sorted(holders)), use)
    return Combination(found, {one: (tuple(holders.get(one.one, ())), tuple(holders.get(one.other, ()))) for one in found})


def conflicts(expressions: Sequence[str], use: Use) -> tuple[Conflict, ...]:
    """Return the conflicts among licenses for a use, those of a collection first, each pair once, in a fixed order.

    Conflicts of an adaptation are told where the use changes items and passes them on; they bind only if items are made into
    one work. An OR conflicts only where each of its branches does.
    """
    distinct = sorted(set(expressions))
    found = [conflict for one in distinct for conflict in _alone(one, use)]
    if use.derivatives and use.redistribute:
        found += [conflict for one in distinct for conflict in _adapted(one)]
        found += [conflict for one, other in combinations(distinct, 2) if (conflict := _together(one, other))]
    return tuple(found)


def _alone(expression: str, use: Use) -> Iterator[Conflict]:
    """Yield what a single license stands against in any form of the work."""
    if expression == NOASSERTION:
        yield Conflict("unknown", "collection", expression, "", "nobody has said what may be done with it")
        return
    grant = grant_of(expression)
    if use.commercial and grant.commercial == "no":
        yield Conflict("non-commercial", "collection", expression, "", "a set that is used commercially cannot hold it")
    if use.redistribute and grant.redistribute == "no":
        yield Conflict("reserved", "collection", expression, "", "a set that is passed on cannot hold it")


def _adapted(expression: str) -> Iterator[Conflict]:
    if expression != NOASSERTION and all(
        any(attributes_of(one).derivatives == "no" and grant_of(one).duties.no_derivatives for one in branch)
        for branch in _branches(expression)
    ):
        yield Conflict("no-derivatives", "adaptation", expression, "", "changed copies of it may not be passed on")


def _together(one: str, other: str) -> Conflict | None:
    """Return the conflict of two expressions in one adaptation; None where some pair of branches goes together."""
    if NOASSERTION in (one, other):
        return None
    first: tuple[Kind, str] | None = None
    for left in _branches(one):
        for right in _branches(other):
            found = next((why for a in left for b in right if (why := _pair(a, b))), None)
            if found is None:
                return None
            first = first or found
    return Conflict(first[0], "adaptation", one, other, first[1]) if first else None


def _pair(one: str, other: str) -> tuple[Kind, str] | None:
    """Return kind and reason why two licenses cannot meet in one adaptation."""
    return _ruled(attributes_of(one), attributes_of(other)) or _ruled(attributes_of(other), attributes_of(one))


def _ruled(one: Attributes, other: Attributes) -> tuple[Kind, str] | None:
    mine = one.identifier
    if not one.share_alike_group:
        return None
    if other.share_alike_group:
        if targets(mine) & targets(other.identifier):
            return None
        return "share-alike", f"{mine} and {other.identifier} each want adaptations under themselves"
    if other.commercial == "no" and one.commercial != "no":
        return (
            "share-alike-non-commercial",
            f"{mine} lets everybody use adaptations commercially, {other.identifier} forbids it",
        )
    if other.behavioural_limits == "yes" or other.research_only == "yes" or other.output_terms == "yes":
        return "share-alike-terms", f"{mine} allows no further restrictions, {other.identifier} has some"
    if {"GPL-2.0"} == targets(mine) and other.identifier in {"Apache-2.0", "BSD-4-Clause", "ECL-2.0"}:
        return "patent", f"{mine} allows no further conditions, {other.identifier} has some (patents, advertising)"
    if one.share_alike_group == "gpl" and other.identifier == "BSD-4-Clause":
        return "patent", f"{mine} allows no further conditions, {other.identifier} has one on advertising"
    return None


@lru_cache(maxsize=4_096)
def targets(identifier: str) -> frozenset[str]:
    """Return the licenses under which adaptations of a share-alike work may be passed on.

    CC BY-SA and BY-NC-SA from 2.0 on allow later versions and ports; BY-SA 4.0 allows GPL-3.0 and the Free Art License one way
    (creativecommons.org/compatiblelicenses); GPL and LGPL as the Free Software Foundation's compatibility matrix says.
    """
    group = attributes_of(identifier).share_alike_group
    version = float(found[1]) if (found := re.search(r"-(\d\.\d)", identifier)) else 0.0
    if group in {"cc-by-sa", "cc-by-nc-sa"}:
        later = {f"{group}-{one}" for one in (2.0, 2.5, 3.0, 4.0) if one >= version} if version >= 2 else {f"{group}-{version}"}
        return frozenset(later | ({"GPL-3.0", "AGPL-3.0", "LAL-1.3"} if group == "cc-by-sa" and version >= 2 else set()))
    if group == "gpl":
        return _gnu(identifier)
    if group == "gfdl":
        versions = (1.1, 1.2, 1.3)
        free = "-or-later" in identifier or not version
        return frozenset(f"GFDL-{one}" for one in versions if one == version or (free and one >= version))
    return frozenset({"LAL-1.3"} if identifier.startswith("LAL-1.3") else {group})


def _gnu(identifier: str) -> frozenset[str]:
    """Return the GNU licenses that a work under one of them may become part of."""
    later = "-or-later" in identifier or "family" in identifier
    if identifier.startswith(("LGPL-2", "LGPLLR")):
        return frozenset({"LGPL-2.1", "GPL-2.0", "GPL-3.0", "AGPL-3.0"})
    if identifier.startswith("LGPL") or identifier.endswith("family-lgpl"):
        return frozenset({"LGPL-3.0", "GPL-3.0", "AGPL-3.0"} | ({"GPL-2.0"} if "family" in identifier else set()))
    if identifier.startswith("AGPL") or identifier.endswith("family-agpl"):
        return frozenset({"AGPL-3.0"})
    if identifier.startswith("GPL-3"):
        return frozenset({"GPL-3.0", "AGPL-3.0"})
    return frozenset({"GPL-2.0"} | ({"GPL-3.0", "AGPL-3.0"} if later else set()))


def _branches(expression: str) -> list[tuple[str, ...]]:
    """Return the licenses that apply together, once per branch of OR, at most _BRANCHES."""

    def both(parts: Sequence[list[tuple[str, ...]]]) -> list[tuple[str, ...]]:
        made: list[tuple[str, ...]] = [()]
        for part in parts:
            made = [(*left, *right) for left in made for right in part][:_BRANCHES]
        return made

    def either(parts: Sequence[list[tuple[str, ...]]]) -> list[tuple[str, ...]]:
        return [branch for part in parts for branch in part][:_BRANCHES]

    return evaluate(expression, leaf=lambda one: [(one,)], both=both, either=either)

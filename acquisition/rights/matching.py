"""Comparing one text with all license texts that are known: word-pair Dice, near-twins told apart by where they differ.

A text is `certain` when its normal form is one of the known ones. It is `probable` when its Dice coefficient is at least
LIKELY, at least LEAD above every candidate of another policy class, when what it adds or drops holds no word that turns a
license round, and when it follows the best candidate wherever that differs from a near-twin. Everything less is `ambiguous`:
plain similarity takes a modified license for its neighbour (reference measured on real files: one in ten).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from acquisition.rights.fingerprints import Known, Numbers, digest_of, holders_settled, known, pairs_of, without_title, words_of
from acquisition.rights.grants import grant_of
from acquisition.rights.words import TURNING

Certainty = Literal["certain", "probable", "ambiguous", "none"]

LIKELY: Final = 0.97
LEAD: Final = 0.02
_RELATED: Final = 0.8
"""Below this two texts merely share the trade's phrases."""
_HELD: Final = 0.985
"""Share of a license's word pairs that a longer text must hold to be called a text with that license in it."""
_SHORTEST: Final = 12


@dataclass(frozen=True, slots=True)
class Candidate:
    """One license that a text resembles, with the Dice coefficient of their word pairs (0 to 1)."""

    expression: str
    score: float


@dataclass(frozen=True, slots=True)
class Match:
    """What comparing gave: the license ("" where there is none to name), its score, and what else came near."""

    expression: str
    score: float
    certainty: Certainty
    candidates: tuple[Candidate, ...] = ()
    reason: str = ""
    rest: str = ""
    """Words that the text has more than the license: before it, after it, and inside."""


NOTHING: Final = Match("", 0.0, "none", reason="it is not the text of a license that we know")


def match(text: str) -> Match:
    """Compare a text with every known license text."""
    words = words_of(text)
    if len(words) < _SHORTEST:
        return NOTHING
    table = known()
    if exact := _exact(table, words, text):
        return exact
    words = holders_settled(words)
    pairs = pairs_of(words)
    near = _ranked(table, pairs)
    if not near:
        return NOTHING
    if near[0][0] >= LIKELY:
        return _settled(table, words, pairs, near)
    if inside := _inside(table, words, pairs):
        return inside
    if near[0][0] < _RELATED:
        return NOTHING
    best = table.names[table.owners[near[0][1]]]
    return Match("", near[0][0], "ambiguous", _candidates(table, near), f"it resembles {best} and differs in more than wording")


def _exact(table: Known, words: list[str], text: str) -> Match | None:
    for form in _forms(words, text):
        if len(form) < _SHORTEST:
            continue
        digest = digest_of(form)
        first, last = np.searchsorted(table.digests, [digest, digest + 1])
        owners = [table.names[owner] for owner in table.digest_owners[first:last]]
        if owners:
            return _of_equals(owners)
    return None


def _forms(words: list[str], text: str) -> Iterator[list[str]]:
    """Yield the forms of a text that are looked up, the plainest first."""
    yield words
    yield holders_settled(words)
    bare = words_of(without_title(text))
    if bare != words:
        yield bare
        yield holders_settled(bare)


def _of_equals(owners: Sequence[str]) -> Match:
    """Return the match for a text that several identifiers share word for word (GPL "only" and "or later")."""
    chosen = _representative(owners)
    listed = {_stem(owner) for owner in owners if not owner.startswith("LicenseRef-")}
    if len(listed) == 1 and len({grant_of(owner) for owner in owners}) == 1:
        # LicenseDB gives names of their own to copies that differ in the holders' names only.
        owners = [owner for owner in owners if _stem(owner) in listed]
    found = tuple(Candidate(owner, 1.0) for owner in (chosen, *(one for one in owners if one != chosen)))
    stems = {_stem(owner) for owner in owners}
    if len(stems) > 1:
        return Match("", 1.0, "ambiguous", found, f"its wording is that of {' and of '.join(sorted(stems))}")
    later = "; whether later versions may be chosen is not said in it" if any("-or-later" in one for one in owners) else ""
    return Match(chosen, 1.0, "certain", found, f"its wording is that of {chosen}{later}")


def _stem(identifier: str) -> str:
    for tail in (
        "-no-invariants-only",
        "-no-invariants-or-later",
        "-invariants-only",
        "-invariants-or-later",
        "-only",
        "-or-later",
    ):
        if identifier.endswith(tail):
            return identifier.removesuffix(tail)
    return identifier


def _representative(owners: Sequence[str]) -> str:
    """Return the listed one of equals, and of those the one that promises least."""
    return min(owners, key=lambda one: (one.startswith("LicenseRef-"), not one.endswith("-only"), len(one), one))


def _ranked(table: Known, pairs: Numbers) -> list[tuple[float, int]]:
    """Return (Dice, row) of the profiles that come near, best first, at most one row per license."""
    held, _ = _overlaps(table, pairs)
    scores = 2 * held / (table.sizes + len(pairs))
    found: list[tuple[float, int]] = []
    seen: set[int] = set()
    for row in np.argsort(-scores, kind="stable")[:40].tolist():
        owner = int(table.owners[row])
        if owner not in seen:
            seen.add(owner)
            found.append((float(scores[row]), row))
    return found


def _overlaps(table: Known, pairs: Numbers) -> tuple[Numbers, Numbers]:
    """Return how many of the pairs each profile shares with the text, and the text's counts over the vocabulary."""
    places = np.searchsorted(table.vocabulary, pairs)
    places[places == len(table.vocabulary)] = 0
    counts = np.bincount(places[table.vocabulary[places] == pairs], minlength=len(table.vocabulary))
    return np.add.reduceat(np.minimum(counts[table.columns], table.counts), table.starts[:-1]), counts


def _settled(table: Known, words: list[str], pairs: Numbers, near: list[tuple[float, int]], rest: str = "") -> Match:
    """Decide between the candidates of a text that is nearly a known one."""
    score, row = near[0]
    best = table.names[table.owners[row]]
    found = _candidates(table, near)
    rivals = [(other, place) for other, place in near[1:] if other > score - LEAD]
    for _, place in rivals:
        name = table.names[table.owners[place]]
        if _stem(name) == _stem(best):
            continue
        if not _follows(table, pairs, row, place, strictly=grant_of(name) != grant_of(best)):
            return Match("", score, "ambiguous", found, f"it lies between {best} and {name}", rest)
    added = _added(table, words, pairs, row)
    rest = "\n\n".join([*([rest] if rest else []), *added])
    if turned := sorted({word for phrase in added for word in phrase.split()} & TURNING):
        why = f"it is {best} with words that may change its meaning: {', '.join(turned)}"
        return Match("", score, "ambiguous", found, why, rest)
    if (gap := _dropped(table, pairs, row)) > max(10, len(words) // 100):
        return Match("", score, "ambiguous", found, f"it is {best} without about {gap} words of it", rest)
    chosen = _representative(
        [
            best,
            *(
                table.names[table.owners[place]]
                for _, place in rivals
                if _stem(table.names[table.owners[place]]) == _stem(best)
            ),
        ]
    )
    return Match(chosen, score, "probable", found, f"it is {chosen} but for some words (similarity {score:.3f})", rest)


def _follows(table: Known, pairs: Numbers, best: int, other: int, *, strictly: bool) -> bool:
    """Say whether a text has what sets the best candidate apart from another one, and not what sets that one apart.

    The plain lead is too blunt for long twins: CC BY 4.0 and CC BY-NC 4.0 differ in 2.3 % of their word pairs, so one word
    changed takes a copy of the first below it. Where the candidates give different rights, nearly all of what differs must
    agree, and there must be enough of it.
    """
    _, counts = _overlaps(table, pairs)
    (own, had), (foreign, taken) = (_agreement(counts, *_apart(table, *two)) for two in ((best, other), (other, best)))
    if strictly:
        return own + foreign >= 8 and had >= 0.9 * own and taken <= 0.05 * foreign
    return own + foreign > 0 and had >= 0.7 * own and taken <= 0.3 * foreign


def _agreement(counts: Numbers, columns: Numbers, extra: Numbers, base: Numbers) -> tuple[int, int]:
    """Return how many pairs set one profile apart, and how many of these a text has beyond what both share."""
    return int(extra.sum()), int(np.minimum(np.maximum(counts[columns] - base, 0), extra).sum())


def _apart(table: Known, one: int, other: int) -> tuple[Numbers, Numbers, Numbers]:
    """Return columns, how many more of each the first profile has than the second, and how many the second has."""
    columns, counts = table.profile(one)
    their_columns, their_counts = table.profile(other)
    base = np.zeros(len(columns), np.int64)
    places = np.searchsorted(columns, their_columns)
    places[places == len(columns)] = 0
    shared = columns[places] == their_columns
    base[places[shared]] = their_counts[shared]
    more = np.maximum(counts - base, 0)
    return columns[more > 0], more[more > 0], np.minimum(base, counts)[more > 0]


def _foreign(table: Known, pairs: Numbers, row: int) -> npt.NDArray[np.bool_]:
    """Return for each pair of a text whether the profile lacks it."""
    columns, _ = table.profile(row)
    own = table.vocabulary[np.sort(columns)]
    places = np.searchsorted(own, pairs)
    places[places == len(own)] = 0
    foreign: npt.NDArray[np.bool_] = own[places] != pairs
    return foreign


def _added(table: Known, words: list[str], pairs: Numbers, row: int) -> list[str]:
    """Return the phrases that a text has more than the profile."""
    foreign = _foreign(table, pairs, row)
    # A word stands out when both pairs that it is in are foreign, or the one pair at either end.
    touched = np.concatenate([[True], foreign]) & np.concatenate([foreign, [True]])
    phrases: list[list[str]] = []
    last = -2
    for place in np.flatnonzero(touched).tolist():
        if place != last + 1:
            phrases.append([])
        phrases[-1].append(words[place])
        last = place
    return [" ".join(phrase) for phrase in phrases]


def _dropped(table: Known, pairs: Numbers, row: int) -> int:
    """Return how many words are missing that no other words replace."""
    return int(table.sizes[row] - len(pairs))


def _inside(table: Known, words: list[str], pairs: Numbers) -> Match | None:
    """Look for one known text inside a longer one; None when none is held nearly whole."""
    held, _ = _overlaps(table, pairs)
    shares = held / table.sizes
    whole = [row for row in np.argsort(-held, kind="stable")[:60].tolist() if shares[row] >= _HELD and table.sizes[row] >= 40]
    if not whole:
        return None
    row = whole[0]
    own = np.flatnonzero(~_foreign(table, pairs, row))
    first, last = _stretch(own, int(table.sizes[row]))
    part = words[first : last + 2]
    rest = " ".join([*words[:first], "\n", *words[last + 2 :]])
    inner = pairs_of(part)
    near = _ranked(table, inner)
    if near and near[0][0] >= LIKELY:
        return _settled(table, part, inner, near, rest)
    best = table.names[table.owners[row]]
    return Match("", float(shares[row]), "ambiguous", (Candidate(best, float(shares[row])),), f"{best} is a part of it", rest)


def _stretch(own: Numbers, size: int) -> tuple[int, int]:
    """Return first and last place of the densest stretch of a text that can hold a profile of this size."""
    reach = np.searchsorted(own, own + size + size // 20, side="right")
    start = int(np.argmax(reach - np.arange(len(own))))
    return int(own[start]), int(own[reach[start] - 1])


def _candidates(table: Known, near: list[tuple[float, int]]) -> tuple[Candidate, ...]:
    return tuple(Candidate(table.names[table.owners[row]], round(score, 4)) for score, row in near[:5] if score >= 0.5)

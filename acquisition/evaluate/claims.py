"""License claims: what is concluded from each beside what is expected. Here no filter runs, its judgement does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from acquisition.evaluate.labelled import LicenseLine
from acquisition.evaluate.metrics import Tally
from acquisition.evaluate.mistakes import Mistake
from acquisition.evaluate.running import Answers
from acquisition.evaluate.scores import OVERALL
from acquisition.model import LicenseConclusion
from acquisition.rights.expressions import NOASSERTION, same_expression, symbols_of
from acquisition.rights.licenses import identified
from acquisition.rights.reading import normalise

_FAMILY: Final = "LicenseRef-family-"


def claims(lines: Sequence[LicenseLine]) -> tuple[list[Tally], Answers, list[str], list[Mistake]]:
    """Return tallies over all and per hub, how long it took, sentences on the lines that went to review, and the mistakes.

    An answer is what is concluded. One that goes to review asserts nothing: it is right where the expected license is among
    those that fit, or where none is expected; else it counts as missed, never as wrong.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    said = [identified(line.claim or "", hub=line.hub, url=line.url, text=line.text) for line in lines]
    octets = sum(len(f"{line.claim}{line.url}{line.text}".encode()) for line in lines)
    answers = Answers(items=len(lines), octets=octets, seconds=time.perf_counter() - wall, cpu=time.process_time() - cpu)
    judged = [(line.model_copy(update={"expected": _meant(line.expected)}), one) for line, one in zip(lines, said, strict=True)]
    hubs = sorted({line.hub for line in lines if line.hub})
    tallies = [_tally(OVERALL, judged)]
    if len({line.hub for line in lines}) > 1:
        tallies += [_tally(f"hub {hub}", [one for one in judged if one[0].hub == hub]) for hub in hubs]
        tallies += [_tally("no hub", rest)] if (rest := [one for one in judged if not one[0].hub]) else []
    review = [(line, conclusion) for line, conclusion in judged if conclusion.review]
    right = sum(_reviewed_well(line, conclusion) for line, conclusion in review)
    notes = [f"{len(review):,} lines go to review, {right:,} of them as they should"] if review else []
    return tallies, answers, notes, [found for line, conclusion in judged if (found := _mistake(line, conclusion))]


def _mistake(line: LicenseLine, said: LicenseConclusion) -> Mistake | None:
    tally = _tally("", [(line, said)])
    if not tally.missed and not tally.wrong:
        return None
    missed = (str(line.expected),) if tally.missed else ()
    concluded = f"{said.concluded}{' (review)' if said.review else ''}"
    return Mistake(line.id, line.number, missed, (concluded,) if tally.wrong else ())


def _meant(expected: str | None) -> str | None:
    """Return the expected expression with our identifiers where SPDX has none ("DbCL-1.0"); what is not read stays."""
    if expected is None or expected == NOASSERTION:
        return None
    known = normalise(expected, "spdx")
    return expected if known == NOASSERTION else known


def _tally(name: str, judged: Sequence[tuple[LicenseLine, LicenseConclusion]]) -> Tally:
    found = missed = wrong = clean = alarms = 0
    for line, said in judged:
        asserts = said.concluded != NOASSERTION and not said.review
        right = line.expected is not None and (
            _reviewed_well(line, said) if said.review else same_expression(said.concluded, line.expected)
        )
        if line.expected is None:
            clean, alarms, wrong = clean + 1, alarms + asserts, wrong + asserts
        else:
            found, missed, wrong = found + right, missed + (not right), wrong + (asserts and not right)
    return Tally(name, "claims", found, missed, found, wrong, clean, alarms)


def _reviewed_well(line: LicenseLine, said: LicenseConclusion) -> bool:
    """Say whether a person is rightly asked: what is expected is one of those that fit, or nothing certain is."""
    if line.expected is None:
        return True
    expected = symbols_of(line.expected)
    for expression in (said.concluded, said.declared):
        fitting = symbols_of(expression)
        families = [one.removeprefix(_FAMILY).casefold() for one in fitting if one.startswith(_FAMILY)]
        if same_expression(expression, line.expected) or (fitting and expected <= fitting):
            return True
        if families and all(any(one.casefold().startswith(family) for family in families) for one in expected):
            return True
    return False

"""From the words that a publisher uses to a conclusion: an SPDX expression, what it allows, and whether a use is covered.

    claim ──conclude──▶ conclusion ──judge(use)──▶ judgement

The words are a claim, kept untouched; `declared` is what they say, `concluded` what we hold to be true after looking at
everything that stands beside them. What cannot be read is NOASSERTION, with reasons that say what was looked at; nothing is
inferred from prose. OR takes the branch that suits the use best, AND the worst of its parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from acquisition.model import Evidence, LicenseClaim, LicenseConclusion, Release, Use, Vocabulary
from acquisition.rights.aliases import NOT_SAID, fold
from acquisition.rights.claims import claim_of
from acquisition.rights.evidence import TextFinding, compared, findings, told
from acquisition.rights.expressions import NOASSERTION, identifiers
from acquisition.rights.grants import Grant, grant_of, restrictiveness, stricter_uses, worst
from acquisition.rights.judging import Judgement, duty_phrases, judged
from acquisition.rights.prose import belongs
from acquisition.rights.reading import Read, all_of, read, without_families
from acquisition.rights.texts import identify
from acquisition.rights.titles import name_of, url_of

__all__ = [
    "TERMS_ALLOW_PASSING_ON", "TERMS_FORBID_PASSING_ON",
    "Judgement", "best", "conclude", "duty_phrases", "identified", "identifiers", "judge", "name_of", "normalise",
    "release_conclusion", "restrictiveness", "stricter", "url_of",
]  # fmt: skip


def normalise(raw: str, vocabulary: Vocabulary) -> str:
    """Return the SPDX expression that a hub's code, a name or an address stands for, NOASSERTION when it is not known."""
    return read(raw, vocabulary).expression


def release_conclusion(release: Release, texts: tuple[Evidence, ...] = ()) -> LicenseConclusion:
    """Return what we conclude for a whole release; before anything of it is downloaded there are no texts."""
    return conclude(release.license, texts)


TERMS_FORBID_PASSING_ON: Final = "the terms forbid passing it on"
TERMS_ALLOW_PASSING_ON: Final = "the terms allow passing it on"
"""What the reasons of a conclusion hold where the terms themselves, or the user, speak of redistribution."""

_TELLING: Final = frozenset({"fills", "refines", "contradicts"})
"""How a text stands to a claim where it settles or changes what is concluded."""
_TEXT: Final = 600
"""Characters from which a value is looked at as a text rather than a name."""


@lru_cache(maxsize=10_000)
def conclude(claim: LicenseClaim, texts: tuple[Evidence, ...] = ()) -> LicenseConclusion:
    """Return what a claim amounts to beside the LICENSE and README texts of its release.

    Several values are taken as AND, and a person should look at them. A text gives the license where the claim gives none, and
    the version where the claim leaves it open; where it gives another one, both are applied and a person should look. So does
    the text of a file that the user shows for a declared license.
    """
    said = [_read(raw, claim.vocabulary) for raw in dict.fromkeys(claim.raw)]
    reasons, review = _remarks(said)
    expressions = list(dict.fromkeys(entry.expression for entry in said))
    declared = all_of(expressions)
    beside = _beside(claim, reasons)
    # One word for "unknown" gives way to what stands beside it; in a list it stays, for it speaks of some part.
    kept = expressions if len(expressions) > 1 else [one for one in expressions if one != NOASSERTION]
    found = without_families(list(dict.fromkeys([*kept, *beside])))
    concluded = all_of(found)
    if declared != NOASSERTION and not (_same(concluded, declared) or belongs(concluded, declared)):
        review = True
        reasons.append(f"what stands beside it says more than {declared}: all of it is applied")
    words_unread = any(
        fold(raw) not in NOT_SAID
        for raw, entry in zip(dict.fromkeys(claim.raw), said, strict=True)
        if entry.expression == NOASSERTION
    )
    beside_texts = findings(concluded, compared(claim, texts))
    files = tuple(one.name or "the text" for one in beside_texts if one.standing in _TELLING)
    if beside_texts:
        found, doubtful = _with_texts(concluded, found, beside_texts)
        review = review or doubtful or (words_unread and any(one.standing == "fills" for one in beside_texts))
        reasons += told(beside_texts)
        concluded = all_of(found)
    # A list with an unreadable part has no expression, but what is known of the other parts still forbids.
    grant = _with_words(claim, worst([grant_of(one) for one in found or [NOASSERTION]]), reasons)
    if claim.level == "policy":
        reasons.append("it follows the repository's general policy, not a statement of the data set")
    silent = not any(value.strip() for value in (*claim.raw, claim.name, claim.link))
    return LicenseConclusion(
        declared=declared,
        concluded=concluded,
        basis="file" if files else "none" if silent else claim.level,
        duties=grant.duties,
        training=grant.training,
        commercial=grant.commercial,
        redistribute=grant.redistribute,
        derivatives=grant.derivatives,
        reasons=tuple(dict.fromkeys([*reasons, *([grant.why] if grant.why else [])])) or ("no license is given anywhere",),
        files=files,
        review=review or grant.review,
    )


def _with_texts(concluded: str, found: list[str], beside: Sequence[TextFinding]) -> tuple[list[str], bool]:
    """Return the expressions that hold once texts are looked at, and whether a person should look."""
    given = list(dict.fromkeys(one.match.expression for one in beside if one.standing in _TELLING))
    doubtful = any(one.standing in {"unclear", "contradicts"} for one in beside)
    if concluded == NOASSERTION and len(found) <= 1:
        return without_families(given), doubtful or len(given) > 1
    return without_families(list(dict.fromkeys([*found, *given]))), doubtful


def identified(claim: str, *, hub: str = "", url: str = "", text: str = "") -> LicenseConclusion:
    """Return what is concluded from one claim as a hub gives it: its words, the address beside them, the text of its license.

    `hub` is kaggle, huggingface, uci, mdc, freesound, zenodo, figshare, dataverse, github, spdx, url, prose or "".
    """
    texts = (Evidence("", text, "", "", ""),) if text.strip() else ()
    return conclude(claim_of(claim, hub=hub.strip().lower(), url=url), texts)


def judge(conclusion: LicenseConclusion, use: Use, claim: LicenseClaim | None = None) -> Judgement:
    """Say whether a use is covered: "no" when part of it is forbidden, "unknown" when nobody knows or a person must look.

    With `claim`, the branch of an OR is chosen for this very use; without it, the least restrictive branch stands for all.
    """
    if claim is None:
        return judged(conclusion, use)
    plain = replace(claim, name="", link="", vocabulary="spdx", evidence=())
    return judged(conclusion, use, lambda branch: conclude(replace(plain, raw=(branch,))))


def _read(raw: str, vocabulary: Vocabulary) -> Read:
    """Read one value; some publishers put the whole license where its name should stand."""
    if len(raw) < _TEXT:
        return read(raw, vocabulary)
    match = identify(raw)
    return Read(
        match.expression, f"a text of {len(raw):,} characters: {'; '.join(match.reasons[:3])}", match.certainty != "ambiguous"
    )


def _remarks(said: Sequence[Read]) -> tuple[list[str], bool]:
    """Return what to tell of the values that were read, and whether a person should look at them."""
    reasons = [entry.reason for entry in said]
    several = len({entry.expression for entry in said}) > 1
    if several:
        reasons.append("several licenses are given, and nobody says which part has which: all of them are applied")
    partly = not all(entry.whole for entry in said)
    if partly:
        reasons.append("not all of its words were understood, or they leave open what the license covers")
    return reasons, several or partly


def _same(one: str, other: str) -> bool:
    return set(identifiers(one)) == set(identifiers(other))


def _beside(claim: LicenseClaim, reasons: list[str]) -> list[str]:
    """Return what the name and the link beside a license say, and note in `reasons` what was looked at."""
    found: list[str] = []
    for what, text in (("name", claim.name), ("link", claim.link)):
        if not text.strip():
            continue
        entry = read(text, "prose")
        if entry.expression == NOASSERTION:
            reasons.append(f"the {what} beside it, {text[:200]!r}, is not a license that we know")
        else:
            reasons.append(entry.reason)
            found.append(entry.expression)
    return found


def _with_words(claim: LicenseClaim, grant: Grant, reasons: list[str]) -> Grant:
    """Apply the terms' own words on training and redistribution. A yes fills what is unknown and never cancels a no."""
    if claim.ml_training == "denied":
        reasons.append("the terms forbid training models")
        grant = replace(grant, training="no")
    elif claim.ml_training == "unknown" and grant.training != "no":
        reasons.append("whether the terms allow training models is not known")
        grant = replace(grant, training="unknown")
    elif claim.ml_training == "allowed" and grant.training == "unknown":
        reasons.append("the terms allow training models; changing items for it is held to be part of that")
        derivatives = "yes" if grant.derivatives == "unknown" else grant.derivatives
        grant = replace(grant, training="yes", derivatives=derivatives)
    if claim.redistribute is False:
        reasons.append(TERMS_FORBID_PASSING_ON)
        grant = replace(grant, redistribute="no")
    elif claim.redistribute and (grant.redistribute == "unknown" or "LicenseRef-Proprietary" in claim.raw):
        reasons.append(TERMS_ALLOW_PASSING_ON)
        grant = replace(grant, redistribute="yes", why="")
    elif claim.redistribute and grant.review and grant.redistribute == "conditional":
        reasons.append(TERMS_ALLOW_PASSING_ON)
    return grant


def best(conclusions: Iterable[LicenseConclusion]) -> LicenseConclusion:
    """Return the least restrictive conclusion, the first of equals; ValueError when there is none."""
    return min(conclusions, key=restrictiveness)


def stricter(one: LicenseConclusion, other: LicenseConclusion) -> tuple[str, ...]:
    """Return the uses (training, commercial, redistribute, derivatives) for which `one` allows less than `other`."""
    return stricter_uses(*((c.training, c.commercial, c.redistribute, c.derivatives) for c in (one, other)))

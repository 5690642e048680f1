"""From the words that a publisher uses to a conclusion: an SPDX expression, what it allows, and whether a use is covered.

    claim ──conclude──▶ conclusion ──judge(use)──▶ judgement

The words are a claim, kept untouched; `declared` is what they say, `concluded` what we hold to be true after looking at
everything that stands beside them. What cannot be read is NOASSERTION, with reasons that say what was looked at; nothing is
inferred from prose. OR takes the branch that suits the use best, AND the worst of its parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Final, Literal

from acquisition.model import Duties, LicenseClaim, LicenseConclusion, Release, Use, Vocabulary
from acquisition.rights.expressions import NOASSERTION, evaluate, identifiers
from acquisition.rights.grants import NO_DUTIES, USES, Grant, grant_of, stricter_uses, weight, worst
from acquisition.rights.reading import Read, all_of, belongs, read, without_families
from acquisition.rights.titles import name_of, url_of

__all__ = [
    "Judgement", "best", "conclude", "duty_phrases", "identifiers", "judge", "name_of", "normalise", "release_conclusion",
    "restrictiveness", "stricter", "url_of",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a use is covered. `review` is True where "unknown" means that a person should look at the terms."""

    allowed: Literal["yes", "no", "unknown"]
    reasons: tuple[str, ...] = ()
    duties: Duties = NO_DUTIES
    review: bool = False


# --- concluding ---------------------------------------------------------------------------------------------------------


def normalise(raw: str, vocabulary: Vocabulary) -> str:
    """Return the SPDX expression that a hub's code, a name or an address stands for, NOASSERTION when it is not known."""
    return read(raw, vocabulary).expression


def release_conclusion(release: Release) -> LicenseConclusion:
    """Return what we conclude for a whole release, before anything of it is downloaded."""
    return conclude(release.license)


@lru_cache(maxsize=10_000)
def conclude(claim: LicenseClaim) -> LicenseConclusion:
    """Return what a claim amounts to. Several values are taken as AND, and a person should look at them."""
    said = [read(raw, claim.vocabulary) for raw in dict.fromkeys(claim.raw)]
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
    # A list with an unreadable part has no expression, but what is known of the other parts still forbids.
    grant = _with_words(claim, worst([grant_of(one) for one in found or [NOASSERTION]]), reasons)
    if claim.level == "policy":
        reasons.append("it follows the repository's general policy, not a statement of the data set")
    silent = not any(value.strip() for value in (*claim.raw, claim.name, claim.link))
    return LicenseConclusion(
        declared=declared,
        concluded=concluded,
        basis="none" if silent else claim.level,
        duties=grant.duties,
        training=grant.training,
        commercial=grant.commercial,
        redistribute=grant.redistribute,
        derivatives=grant.derivatives,
        reasons=tuple(dict.fromkeys([*reasons, *([grant.why] if grant.why else [])])) or ("no license is given anywhere",),
        review=review or grant.review,
    )


def _remarks(said: Sequence[Read]) -> tuple[list[str], bool]:
    """Return what to tell of the values that were read, and whether a person should look at them."""
    reasons = [entry.reason for entry in said]
    several = len({entry.expression for entry in said}) > 1
    if several:
        reasons.append("several licenses are given, and nobody says which part has which: all of them are applied")
    partly = not all(entry.whole for entry in said)
    if partly:
        reasons.append("words beside the address were not understood, or say something else")
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
        reasons.append("the terms forbid passing it on")
        grant = replace(grant, redistribute="no")
    elif claim.redistribute and (grant.redistribute == "unknown" or "LicenseRef-Proprietary" in claim.raw):
        reasons.append("the terms allow passing it on")
        grant = replace(grant, redistribute="yes", why="")
    return grant


def best(conclusions: Iterable[LicenseConclusion]) -> LicenseConclusion:
    """Return the least restrictive conclusion, the first of equals; ValueError when there is none."""
    return min(conclusions, key=restrictiveness)


def restrictiveness(conclusion: LicenseConclusion) -> int:
    """Return a number that orders conclusions: 0 for the public domain, larger for stricter.

    Attribution, share-alike, non-commercial, terms of use, no-derivatives, research-only, not known at all, contents
    reserved, training forbidden come in this order.
    """
    permissions = (conclusion.training, conclusion.commercial, conclusion.redistribute, conclusion.derivatives)
    return weight(*permissions, conclusion.duties) + conclusion.review


def stricter(one: LicenseConclusion, other: LicenseConclusion) -> tuple[str, ...]:
    """Return the uses (training, commercial, redistribute, derivatives) for which `one` allows less than `other`."""
    return stricter_uses(*((c.training, c.commercial, c.redistribute, c.derivatives) for c in (one, other)))


# --- judging ------------------------------------------------------------------------------------------------------------

_PHRASE: Final = {
    "training": "training models on it", "commercial": "commercial use", "redistribute": "passing it on",
    "derivatives": "changing it",
}  # fmt: skip
_DUTY_PHRASE: Final = {
    "attribution": "credit the author", "share_alike": "pass it on under the same license",
    "non_commercial": "no commercial use", "no_derivatives": "pass on unchanged copies only", "research_only": "research only",
    "include_text": "keep the license text", "notice_changes": "say what was changed",
}  # fmt: skip


def judge(conclusion: LicenseConclusion, use: Use, claim: LicenseClaim | None = None) -> Judgement:
    """Say whether a use is covered: "no" when part of it is forbidden, "unknown" when nobody knows or a person must look.

    With `claim`, the branch of an OR is chosen for this very use; without it, the least restrictive branch stands for all.
    """
    branch = _branch_for(conclusion, use, claim)
    wanted = [name for name in USES if getattr(use, name)]
    grounds = {name: _ground(branch, use, name) for name in wanted}
    name = branch.concluded
    if denied := [_PHRASE[what] for what, ground in grounds.items() if ground == "no"]:
        return Judgement("no", (f"{name} does not allow {' and '.join(denied)}", *branch.reasons), branch.duties, branch.review)
    unknown = [_PHRASE[what] for what, ground in grounds.items() if ground == "unknown"]
    if name == NOASSERTION or unknown:
        subject = "the license is not known" if name == NOASSERTION else f"{name}: nothing is known on {' and '.join(unknown)}"
        return Judgement("unknown", (subject, *branch.reasons), branch.duties, branch.review)
    open_questions = [_PHRASE[what] for what, ground in grounds.items() if ground == "conditional"]
    if open_questions or branch.review:
        topic = f" for {' and '.join(open_questions)}" if open_questions else ""
        return Judgement("unknown", (f"{name}: a person should look at the terms{topic}", *branch.reasons), branch.duties, True)
    return Judgement("yes", (f"{name} allows it", *branch.reasons), branch.duties)


def duty_phrases(duties: Duties) -> tuple[str, ...]:
    """Return the duties as short phrases in a fixed order."""
    return tuple(_DUTY_PHRASE[duty.name] for duty in fields(Duties) if getattr(duties, duty.name))


def _ground(conclusion: LicenseConclusion, use: Use, what: str) -> str:
    """Return the permission for one use, with the conditions that this use meets by itself taken as met."""
    permission: str = getattr(conclusion, what)
    duties = conclusion.duties
    if what == "derivatives" and permission == "no" and duties.no_derivatives and not use.redistribute:
        return "conditional"  # what is forbidden is passing changed copies on
    if what == "redistribute" and permission == "conditional":
        if duties.non_commercial:
            return "no" if use.commercial else "yes"
        return "yes" if duties.share_alike else permission
    if what == "derivatives" and permission == "conditional" and duties.share_alike:
        return "yes"
    return permission


def _branch_for(conclusion: LicenseConclusion, use: Use, claim: LicenseClaim | None) -> LicenseConclusion:
    """Return the conclusion of the OR branch that suits the use best, noting which one it is."""
    branches = evaluate(conclusion.concluded, leaf=_single, both=_products, either=_flat)
    if claim is None or len(branches) < 2 or conclusion.review:
        return conclusion
    candidates = [conclude(replace(claim, raw=(branch,), name="", link="", vocabulary="spdx")) for branch in branches]
    rank = {"yes": 0, "unknown": 1, "no": 2}
    chosen = min(candidates, key=lambda one: (rank[judge(one, use).allowed], restrictiveness(one)))
    return replace(chosen, reasons=(f"of {conclusion.concluded} the branch {chosen.concluded} is chosen", *conclusion.reasons))


def _single(identifier: str) -> list[str]:
    return [identifier]


def _flat(parts: Sequence[list[str]]) -> list[str]:
    return [branch for part in parts for branch in part]


def _products(parts: Sequence[list[str]]) -> list[str]:
    """Return the branches of an AND whose parts have branches of their own, at most 16."""
    combined = [""]
    for part in parts:
        combined = [f"{left} AND ({right})" if left else f"({right})" for left in combined for right in part][:16]
    return combined

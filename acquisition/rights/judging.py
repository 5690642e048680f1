"""Whether a use is covered by what was concluded: yes, no, or for a person to say; and what has to be done for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, Literal

from acquisition.model import Duties, LicenseConclusion, Use
from acquisition.rights.expressions import NOASSERTION, evaluate
from acquisition.rights.grants import NO_DUTIES, USES, restrictiveness


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a use is covered. `review` is True where "unknown" means that a person should look at the terms."""

    allowed: Literal["yes", "no", "unknown"]
    reasons: tuple[str, ...] = ()
    duties: Duties = NO_DUTIES
    review: bool = False


_PHRASE: Final = {
    "training": "training models on it", "commercial": "commercial use", "redistribute": "passing it on",
    "derivatives": "changing it",
}  # fmt: skip
_DUTY_PHRASE: Final = {
    "attribution": "credit the author", "share_alike": "pass it on under the same license",
    "non_commercial": "no commercial use", "no_derivatives": "pass on unchanged copies only", "research_only": "research only",
    "include_text": "keep the license text", "notice_changes": "say what was changed",
}  # fmt: skip


Branches = Callable[[str], LicenseConclusion]
"""Concludes anew for one branch of an OR."""


def judged(conclusion: LicenseConclusion, use: Use, branches: Branches | None = None) -> Judgement:
    """Say whether a use is covered: "no" when part of it is forbidden, "unknown" when nobody knows or a person must look.

    With `branches`, the branch of an OR is chosen for this very use; without it, the least restrictive branch stands for all.
    """
    branch = _branch_for(conclusion, use, branches)
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


def _branch_for(conclusion: LicenseConclusion, use: Use, branches: Branches | None) -> LicenseConclusion:
    """Return the conclusion of the OR branch that suits the use best, noting which one it is."""
    choices = evaluate(conclusion.concluded, leaf=_single, both=_products, either=_flat)
    if branches is None or len(choices) < 2 or conclusion.review:
        return conclusion
    candidates = [branches(choice) for choice in choices]
    rank = {"yes": 0, "unknown": 1, "no": 2}
    chosen = min(candidates, key=lambda one: (rank[judged(one, use).allowed], restrictiveness(one)))
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

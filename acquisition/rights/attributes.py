"""What a license is like, attribute by attribute, and what that means for one use: allow, review or deny, with duties.

    expression ──attributes_of──▶ Attributes ──decide(use)──▶ Decision

OR takes the branch that is best for the use, AND the worst of its parts. The table of classes follows the reference of this
project (filters, "Policy model"); what the license list knows only by its category is decided by that, and the rest is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from acquisition.model import Duties, Permission
from acquisition.rights.aliases import DBCL, FAMILY, PUBLIC_DOMAIN, RESERVED
from acquisition.rights.expressions import NOASSERTION, evaluate
from acquisition.rights.grants import Grant, grant_of

UseName = Literal[
    "analyse", "train_research", "train_commercial", "redistribute_unmodified", "redistribute_modified", "publish_model"
]
Outcome = Literal["allow", "review", "deny"]

USE_NAMES: Final[tuple[UseName, ...]] = (
    "analyse", "train_research", "train_commercial", "redistribute_unmodified", "redistribute_modified", "publish_model",
)  # fmt: skip
_RANK: Final[Mapping[str, int]] = {"allow": 0, "review": 1, "deny": 2}


@dataclass(frozen=True, slots=True)
class Attributes:
    """One license by its attributes; permissions as in `Grant`, the rest yes, no, conditional or unknown.

    share_alike_group   the licenses under which adaptations may be passed on, "" for none
    database_right      rights in the database are given; contents_covered: those in its contents
    behavioural_limits  uses are forbidden by their purpose; no_ml_clause: training is
    output_terms        terms follow what a model puts out
    """

    identifier: str
    commercial: Permission
    redistribute: Permission
    derivatives: Permission
    training: Permission
    share_alike_group: str
    attribution: Permission
    include_text: Permission
    notice_changes: Permission
    database_right: Permission
    contents_covered: Permission
    behavioural_limits: Permission
    research_only: Permission
    no_ml_clause: Permission
    output_terms: Permission


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows for one use: the outcome, why, what has to be done, and the branch of an OR that was taken."""

    outcome: Outcome
    reasons: tuple[str, ...]
    duties: Duties
    branch: str


# database licenses: (rights in the database, in the contents)
_DATABASE: Final[Mapping[str, tuple[Permission, Permission]]] = {
    "ODbL-1.0": ("yes", "no"),
    "ODC-By-1.0": ("yes", "no"),
    DBCL: ("no", "yes"),
    RESERVED: ("unknown", "no"),
    "PDDL-1.0": ("yes", "yes"),
}
_WITH_DATABASE: Final = re.compile(
    r"CC0-1\.0|CC-BY(?:-NC|-SA|-ND)*-4\.0|CDLA-.*|C-UDA-1\.0|O-UDA-1\.0|OGL-UK-.*|etalab-2\.0|DL-DE-.*|NLOD-2\.0"
)
_BEHAVIOURAL: Final = re.compile(
    rf"LicenseRef-.*(?:rail|llama|gemma|grok|impact)|{FAMILY}openrail|JSON|Hippocratic-2\.1", re.IGNORECASE
)
_OUTPUT: Final = re.compile(r"LicenseRef-.*(?:openai|llama|gemma)", re.IGNORECASE)
_GROUPS: Final = (
    (
        re.compile(r"(?:LicenseRef-(?:family-)?)?CC-BY-NC-SA(?:-[\d.]+.*)?|LicenseRef-CC-NC-SA-1\.0", re.IGNORECASE),
        "cc-by-nc-sa",
    ),
    (re.compile(r"(?:LicenseRef-(?:family-)?)?CC-BY-SA(?:-[\d.]+.*)?", re.IGNORECASE), "cc-by-sa"),
    (re.compile(r"CC-SA-1\.0"), "cc-sa-1.0"),
    (re.compile(r"ODbL-1\.0"), "odbl"),
    (re.compile(r"CDLA-Sharing-1\.0"), "cdla-sharing"),
    (re.compile(rf"(?:A?GPL|LGPL)-.*|LGPLLR|{FAMILY}(?:a|l)?gpl", re.IGNORECASE), "gpl"),
    (re.compile(rf"GFDL-.*|{FAMILY}gfdl", re.IGNORECASE), "gfdl"),
)


@lru_cache(maxsize=4_096)
def attributes_of(identifier: str) -> Attributes:
    """Return the attributes of one license; all unknown for one that nothing is known of."""
    grant = grant_of(identifier)
    blank = identifier == NOASSERTION or {grant.commercial, grant.redistribute, grant.derivatives} == {"unknown"}
    database, contents = _coverage(identifier, blank=blank)
    duties = grant.duties
    return Attributes(
        identifier=identifier,
        commercial=grant.commercial,
        redistribute=grant.redistribute,
        derivatives=grant.derivatives,
        training=grant.training,
        share_alike_group=share_alike_group(identifier),
        attribution=_said(duties.attribution, blank=blank),
        include_text=_said(duties.include_text, blank=blank),
        notice_changes=_said(duties.notice_changes, blank=blank),
        database_right=database,
        contents_covered=contents,
        behavioural_limits=_said(_BEHAVIOURAL.fullmatch(identifier) is not None or "rail" in identifier.lower(), blank=blank),
        research_only=_said(duties.research_only, blank=blank),
        no_ml_clause=_said(grant.training == "no", blank=blank),
        output_terms=_said(_OUTPUT.match(identifier) is not None, blank=blank),
    )


def share_alike_group(identifier: str) -> str:
    """Return the group of licenses under which adaptations of a work stay ("cc-by-sa", "gpl"…), "" where there is none."""
    found = next((group for pattern, group in _GROUPS if pattern.fullmatch(identifier.split(" WITH ")[0])), "")
    return found or (identifier.lower() if grant_of(identifier).duties.share_alike else "")


def _said(value: bool, *, blank: bool) -> Permission:
    return "yes" if value else "unknown" if blank else "no"


def _coverage(identifier: str, *, blank: bool) -> tuple[Permission, Permission]:
    if identifier in _DATABASE:
        return _DATABASE[identifier]
    if blank:
        return "unknown", "unknown"
    return ("yes" if identifier == PUBLIC_DOMAIN or _WITH_DATABASE.fullmatch(identifier) else "unknown"), "yes"


def uncovered_contents(expression: str) -> bool:
    """Say whether an expression covers a database and leaves open what its contents are under (ODbL without DbCL)."""

    def leaf(identifier: str) -> tuple[bool, bool]:
        one = attributes_of(identifier)
        return one.database_right == "yes" and one.contents_covered == "no", one.contents_covered == "yes"

    def both(parts: Sequence[tuple[bool, bool]]) -> tuple[bool, bool]:
        return any(trap for trap, _ in parts) and not any(covered for _, covered in parts), any(covered for _, covered in parts)

    def either(parts: Sequence[tuple[bool, bool]]) -> tuple[bool, bool]:
        return all(trap for trap, _ in parts), any(covered for _, covered in parts)

    return evaluate(expression, leaf=leaf, both=both, either=either)[0]


def decide(expression: str, use: UseName, *, noncommercial: bool = False) -> Decision:
    """Decide one use under an expression; `noncommercial` says that the project has no commercial purpose."""

    def leaf(identifier: str) -> Decision:
        return _of_one(identifier, use, noncommercial=noncommercial)

    return evaluate(expression, leaf=leaf, both=_all, either=_best)


def _all(parts: Sequence[Decision]) -> Decision:
    worst = max((part.outcome for part in parts), key=_RANK.__getitem__)
    duties = Duties(**{name: any(getattr(part.duties, name) for part in parts) for name in Duties.__slots__})
    reasons = tuple(dict.fromkeys(reason for part in parts if part.outcome == worst for reason in part.reasons))
    return Decision(worst, reasons, duties, " AND ".join(part.branch for part in parts))


def _best(parts: Sequence[Decision]) -> Decision:
    return min(parts, key=lambda part: (_RANK[part.outcome], sum(getattr(part.duties, name) for name in Duties.__slots__)))


def _of_one(identifier: str, use: UseName, *, noncommercial: bool) -> Decision:
    grant, one = grant_of(identifier), attributes_of(identifier)
    outcome, why = _outcome(grant, one, use, noncommercial=noncommercial)
    if outcome == "allow" and grant.review:
        outcome, why = "review", grant.why or "a person should look at the terms"
    return Decision(outcome, (f"{identifier}: {why}",), grant.duties, identifier)


def _outcome(grant: Grant, one: Attributes, use: UseName, *, noncommercial: bool) -> tuple[Outcome, str]:
    """Decide by class, strictest first."""
    if one.no_ml_clause == "yes" and use in {"train_research", "train_commercial", "publish_model"}:
        return "deny", "training is forbidden"
    if (
        grant.training == grant.commercial == grant.redistribute == "unknown"
        or one.contents_covered == one.attribution == "unknown"
    ):
        return ("review" if use in {"analyse", "train_research"} else "deny"), "nothing is known of what it allows"
    if grant.commercial == "no" and grant.redistribute == "no" and grant.training == "unknown":
        return ("review" if use in {"analyse", "train_research"} else "deny"), grant.why or "rights are reserved"
    if one.research_only == "yes":
        return ("allow" if use in {"analyse", "train_research"} else "deny"), "for research only"
    if one.behavioural_limits == "yes" or one.output_terms == "yes":
        return ("allow" if use == "analyse" else "review"), "terms of use limit the purpose"
    return _by_duties(grant, one, use, noncommercial=noncommercial)


def _by_duties(grant: Grant, one: Attributes, use: UseName, *, noncommercial: bool) -> tuple[Outcome, str]:
    duties = grant.duties
    if duties.non_commercial and use == "train_commercial":
        return "deny", "commercial use is forbidden"
    if duties.non_commercial and use != "analyse" and not noncommercial:
        return "review", "only for purposes that are not commercial"
    if duties.no_derivatives and use == "redistribute_modified":
        return "deny", "changed copies may not be passed on"
    if duties.no_derivatives and use in {"train_research", "train_commercial", "publish_model"}:
        return "review", "whether a model is a changed copy is open"
    if one.share_alike_group and use in {"train_commercial", "publish_model"}:
        return "review", "whether share-alike reaches a model is open"
    wanting = {getattr(grant, permission) for permission in _NEEDED[use]} & {"no", "unknown"}
    if wanting:
        return ("review" if "no" not in wanting and use == "train_research" else "deny"), grant.why or "it is not allowed"
    if one.share_alike_group and use == "redistribute_modified":
        return "allow", f"adaptations stay in the group {one.share_alike_group}"
    return "allow", "its duties allow it"


_NEEDED: Final[Mapping[UseName, tuple[str, ...]]] = {
    "analyse": (),
    "train_research": ("training",),
    "train_commercial": ("training", "commercial"),
    "redistribute_unmodified": ("redistribute",),
    "redistribute_modified": ("redistribute", "derivatives"),
    "publish_model": ("training", "redistribute"),
}

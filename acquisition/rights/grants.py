"""What one license allows and demands, by class: public domain, permissive, share-alike, non-commercial and so on.

The classes follow the uses that a data set is put to, not the courts' fine print: "conditional" means that a duty must be met
or a person should look, "unknown" that nothing is known. Licenses without a row here fall back on the category that the
license list of `license-expression` gives them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

from acquisition.model import Duties, LicenseConclusion, Permission
from acquisition.rights.aliases import DBCL, FAMILY, PUBLIC_DOMAIN, RESERVED, US_GOVERNMENT
from acquisition.rights.expressions import NOASSERTION, category, evaluate

USES: Final = ("training", "commercial", "redistribute", "derivatives")
_SEVERITY: Final[Mapping[str, int]] = {"yes": 0, "conditional": 1, "unknown": 3, "no": 4}
_WEIGHT: Final[Mapping[str, int]] = {"training": 400, "commercial": 120, "redistribute": 100, "derivatives": 80}
_DUTY_WEIGHT: Final[Mapping[str, int]] = {
    "attribution": 10,
    "share_alike": 30,
    "non_commercial": 20,
    "no_derivatives": 20,
    "research_only": 20,
    "include_text": 5,
    "notice_changes": 2,
}


NO_DUTIES: Final = Duties()


@dataclass(frozen=True, slots=True)
class Grant:
    """What a license gives: a permission per use, the duties that come with it, and whether a person should look."""

    training: Permission
    commercial: Permission
    redistribute: Permission
    derivatives: Permission
    duties: Duties = NO_DUTIES
    review: bool = False
    why: str = ""


UNKNOWN: Final = Grant("unknown", "unknown", "unknown", "unknown")

_PD = Grant("yes", "yes", "yes", "yes")
_BY = Grant("yes", "yes", "yes", "yes", Duties(attribution=True, notice_changes=True))
_PERMISSIVE = Grant("yes", "yes", "yes", "yes", Duties(attribution=True, include_text=True))
_APACHE = Grant("yes", "yes", "yes", "yes", Duties(attribution=True, include_text=True, notice_changes=True))
_SHARE_ALIKE = Grant("yes", "conditional", "conditional", "conditional", Duties(True, share_alike=True, notice_changes=True))
_COPYLEFT = Grant(
    "yes", "conditional", "conditional", "conditional", Duties(True, share_alike=True, include_text=True, notice_changes=True)
)
_NO_DERIVATIVES = Grant(
    "conditional", "conditional", "yes", "no", Duties(True, no_derivatives=True), why="only unchanged copies may be passed on"
)
_NON_COMMERCIAL = Grant("yes", "no", "conditional", "yes", Duties(True, non_commercial=True, notice_changes=True))
_NC_SA = Grant("yes", "no", "conditional", "conditional", Duties(True, True, True, notice_changes=True))
_NC_ND = Grant("conditional", "no", "conditional", "no", Duties(True, non_commercial=True, no_derivatives=True))
_RESEARCH = Grant("yes", "no", "no", "yes", Duties(True, research_only=True), why="for research only")
_RESEARCH_NC = Grant(
    "conditional",
    "no",
    "no",
    "conditional",
    Duties(True, non_commercial=True, research_only=True),
    True,
    "terms limit it to research",
)
_TERMS = Grant(
    "conditional",
    "conditional",
    "conditional",
    "conditional",
    Duties(True, include_text=True),
    True,
    "terms of use limit how it may be used",
)
_RESERVED = Grant("unknown", "no", "no", "unknown", Duties(True), True, "the authors keep their rights in the contents")
_PROPRIETARY = Grant(
    "unknown", "unknown", "no", "unknown", why="proprietary terms: passing it on is not allowed unless they say so"
)

_CLASSES: Final[Sequence[tuple[Grant, str]]] = (
    (_PD, f"CC0-1.0 CC-PDM-1.0 CC-PDDC PDDL-1.0 Unlicense MIT-0 0BSD WTFPL {DBCL} {PUBLIC_DOMAIN} {US_GOVERNMENT}"),
    (_PD, "DL-DE-ZERO-2.0"),
    (_BY, "ODC-By-1.0 CDLA-Permissive-1.0 O-UDA-1.0 OGL-UK-1.0 OGL-UK-2.0 OGL-UK-3.0 OGL-Canada-2.0"),
    (_BY, "NLOD-1.0 NLOD-2.0 etalab-2.0 DL-DE-BY-2.0"),
    (_PERMISSIVE, "CDLA-Permissive-2.0 MIT ISC BSD-2-Clause BSD-3-Clause"),
    (_PERMISSIVE, "LicenseRef-scancode-openmdw-1.0 LicenseRef-OpenMDW-1.1"),
    (_APACHE, "Apache-2.0 AFL-3.0 ECL-2.0"),
    (_SHARE_ALIKE, "ODbL-1.0 CDLA-Sharing-1.0 CC-SA-1.0 LGPLLR"),
    (_RESEARCH, "C-UDA-1.0 LicenseRef-ImageNet LicenseRef-Microsoft-Data-License"),
    (_RESEARCH_NC, "LicenseRef-Kaggle-Competition-Rules LicenseRef-Apple-AMLR LicenseRef-H-Research"),
    (_RESEARCH_NC, "LicenseRef-Intel-Research LicenseRef-DeepFloyd-IF LicenseRef-FAIR-Noncommercial-Research"),
    (_RESEARCH_NC, "LicenseRef-scancode-llama-license-2023"),
    (_TERMS, "LicenseRef-OpenRAIL-pp-M LicenseRef-scancode-bigscience-open-rail-m LicenseRef-CreativeML-OpenRAIL-M"),
    (_TERMS, f"LicenseRef-scancode-bigscience-rail-1.0 LicenseRef-scancode-bigcode-open-rail-m-v1 {FAMILY}openrail"),
    (_TERMS, "LicenseRef-scancode-llama-2-license-2023 LicenseRef-Llama-3 LicenseRef-scancode-llama-3.1-license-2024"),
    (_TERMS, "LicenseRef-scancode-llama-3.2-license-2024 LicenseRef-scancode-llama-3.3-license-2024"),
    (_TERMS, "LicenseRef-scancode-llama-4-license-2025 LicenseRef-Gemma LicenseRef-Grok-2 LicenseRef-OpenAI-Terms"),
    (_TERMS, "LicenseRef-AI2-ImpACT LicenseRef-Apple-Sample-Code LicenseRef-World-Bank-Terms LicenseRef-Reddit-API-Terms"),
    (_TERMS, "LicenseRef-CommonCrawl-ToU LicenseRef-EU-ODP-Legal-Notice LicenseRef-scancode-cc-devnations-2.0"),
    (_RESERVED, f"{RESERVED} LicenseRef-YouTube"),
    (_PROPRIETARY, "LicenseRef-Proprietary LicenseRef-scancode-proprietary-license"),
    (_NON_COMMERCIAL, "LicenseRef-scancode-cc-nc-1.0 LicenseRef-scancode-cc-nc-sampling-plus-1.0"),
    (_NC_SA, "LicenseRef-CC-NC-SA-1.0"),
    (_NC_ND, "LicenseRef-CC-NC-ND-1.0"),
    (_NO_DERIVATIVES, "LicenseRef-scancode-cc-nd-1.0"),
)
_SAMPLING: Final = Grant(
    "yes",
    "conditional",
    "conditional",
    "yes",
    Duties(True, non_commercial=True),
    why="parts may be used commercially, whole works may be passed on for non-commercial purposes only",
)
_SPECIAL: Final[Mapping[str, Grant]] = {
    **{identifier: grant for grant, row in _CLASSES for identifier in row.split()},
    "LicenseRef-scancode-cc-sampling-plus-1.0": _SAMPLING,
    "LicenseRef-scancode-cc-sampling-1.0": _SAMPLING,
    "LicenseRef-research-only": replace(_RESEARCH, review=True),
    "LicenseRef-non-commercial": Grant("yes", "no", "conditional", "unknown", Duties(True, non_commercial=True), True),
}
_BY_FAMILY: Final[Mapping[str, Grant]] = {
    "apache": _APACHE,
    "bsd": _PERMISSIVE,
    "gpl": _COPYLEFT,
    "lgpl": _COPYLEFT,
    "agpl": _COPYLEFT,
    "gfdl": _COPYLEFT,
    "mpl": _COPYLEFT,
    "epl": _COPYLEFT,
    "eupl": _COPYLEFT,
    "ofl": _COPYLEFT,
    "artistic": _COPYLEFT,
    "etalab": _BY,
    "ogl": _BY,
    "cdla-permissive": _BY,
}
_BY_CATEGORY: Final[Mapping[str, Grant]] = {
    "Public Domain": _PD,
    "Permissive": _PERMISSIVE,
    "Copyleft": _COPYLEFT,
    "Copyleft Limited": _COPYLEFT,
}
_BY_MARKS: Final[Mapping[str, Grant]] = {
    "by": _BY,
    "by-sa": _SHARE_ALIKE,
    "by-nd": _NO_DERIVATIVES,
    "by-nc": _NON_COMMERCIAL,
    "by-nc-sa": _NC_SA,
    "by-nc-nd": _NC_ND,
}
_CREATIVE_COMMONS: Final = re.compile(r"(?:LicenseRef-(?:scancode-|family-)?)?CC-(BY(?:-NC|-SA|-ND)*)(?:-\d.*)?", re.IGNORECASE)


def grant_of(expression: str) -> Grant:
    """Return what an expression gives: the best branch of OR, the worst part of AND."""
    return evaluate(expression, leaf=_of_one, both=worst, either=_best)


def _of_one(identifier: str) -> Grant:
    if identifier == NOASSERTION:
        return UNKNOWN
    if special := _SPECIAL.get(identifier):
        return special
    if marks := _CREATIVE_COMMONS.fullmatch(identifier):
        grant = _BY_MARKS.get(marks[1].lower(), UNKNOWN)
        return _reviewed(grant) if identifier.startswith(FAMILY) else grant
    if identifier.startswith(FAMILY):
        return _reviewed(_BY_FAMILY.get(identifier.removeprefix(FAMILY), UNKNOWN))
    return _BY_CATEGORY.get(category(identifier.split(" WITH ")[0]), UNKNOWN)


def _reviewed(grant: Grant) -> Grant:
    return replace(grant, review=True, why="the version of the license is not said")


def worst(grants: Sequence[Grant]) -> Grant:
    """Return what is left when all grants apply at once: the strictest permission for each use, all duties together."""
    return Grant(
        training=_strictest(grant.training for grant in grants),
        commercial=_strictest(grant.commercial for grant in grants),
        redistribute=_strictest(grant.redistribute for grant in grants),
        derivatives=_strictest(grant.derivatives for grant in grants),
        duties=Duties(**{duty.name: any(getattr(grant.duties, duty.name) for grant in grants) for duty in fields(Duties)}),
        review=any(grant.review for grant in grants),
        why="; ".join(dict.fromkeys(grant.why for grant in grants if grant.why)),
    )


def stricter_uses(one: Sequence[Permission], other: Sequence[Permission]) -> tuple[str, ...]:
    """Return the uses (in the order of USES) for which the first permissions are stricter than the second."""
    pairs = zip(USES, one, other, strict=True)
    return tuple(use for use, mine, theirs in pairs if _SEVERITY[mine] > _SEVERITY[theirs])


def _strictest(permissions: Iterable[Permission]) -> Permission:
    return max(permissions, key=_SEVERITY.__getitem__)


def _best(grants: Sequence[Grant]) -> Grant:
    return min(
        grants, key=lambda grant: weight(grant.training, grant.commercial, grant.redistribute, grant.derivatives, grant.duties)
    )


def weight(
    training: Permission, commercial: Permission, redistribute: Permission, derivatives: Permission, duties: Duties
) -> int:
    """Return how restrictive permissions and duties are together; 0 is the public domain, larger is stricter."""
    permissions = zip(USES, (training, commercial, redistribute, derivatives), strict=True)
    return sum(_WEIGHT[use] * _SEVERITY[permission] for use, permission in permissions) + sum(
        _DUTY_WEIGHT[duty.name] for duty in fields(Duties) if getattr(duties, duty.name)
    )


def restrictiveness(conclusion: LicenseConclusion) -> int:
    """Return a number that orders conclusions: 0 for the public domain, larger for stricter.

    Attribution, share-alike, non-commercial, terms of use, no-derivatives, research-only, not known at all, contents
    reserved, training forbidden come in this order.
    """
    permissions = (conclusion.training, conclusion.commercial, conclusion.redistribute, conclusion.derivatives)
    return weight(*permissions, conclusion.duties) + conclusion.review

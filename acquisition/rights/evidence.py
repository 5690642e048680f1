"""What LICENSE and README texts of a release say beside its claim: whether they agree, say more, or contradict it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from acquisition.model import Evidence, LicenseClaim
from acquisition.rights.expressions import NOASSERTION, identifiers
from acquisition.rights.prose import belongs
from acquisition.rights.texts import TextMatch, identify

_LICENSE_FILE: Final = re.compile(r"(?:^|/)(?:licen[cs]e|copying|unlicense|notice)", re.IGNORECASE)

_SHOWN: Final = "license.evidence"
"""Field of the evidence that a user shows for a declared license (`acquisition.sources.override`)."""

Standing = Literal["agrees", "fills", "refines", "contradicts", "unclear", "silent"]


@dataclass(frozen=True, slots=True)
class TextFinding:
    """One text beside a claim: its name, what was found in it, and how that stands to the claim.

    agrees       it gives the license that is claimed
    fills        nothing usable is claimed, and it gives one license
    refines      it gives the version of the license that is claimed without one
    contradicts  it gives another license
    unclear      it lies between licenses, is changed, or names others as well: a person should look
    silent       it says nothing of a license, or doubtfully what is claimed anyway
    """

    name: str
    match: TextMatch
    standing: Standing

    @property
    def sentence(self) -> str:
        """One sentence for people."""
        said = "; ".join(self.match.reasons[:3])
        given = f" gives {self.match.expression}" if self.match.expression != NOASSERTION else ""
        return f"{self.name or 'the text'}{given}: {said}"


def is_license_file(name: str) -> bool:
    """Say whether a file of this name holds a license rather than a description."""
    return _LICENSE_FILE.search(name) is not None


def compared(claim: LicenseClaim, texts: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Return the texts that a claim is compared with: those of the release, behind the files that a user shows for it.

    An address that is shown has no text here, and a file that is one of the release's is compared as that.
    """
    known = {one.sha256 for one in texts}
    shown = (one for one in claim.evidence if one.field == _SHOWN and one.sha256 and one.sha256 not in known)
    return (*shown, *texts)


@lru_cache(maxsize=4_096)
def findings(declared: str, texts: tuple[Evidence, ...]) -> tuple[TextFinding, ...]:
    """Return what each text says beside what is declared (an expression or NOASSERTION), in the order of the texts."""
    found = []
    for text in texts:
        match, shown = identify(text.raw), text.field == _SHOWN
        standing = _standing(declared, match, license_file=is_license_file(text.field) or not text.field)
        # A letter or a contract is shown on purpose: nobody is asked what it means, unless it surely says otherwise.
        standing = "silent" if shown and standing == "unclear" else standing
        found.append(TextFinding(text.url if shown else text.field, match, standing))
    return tuple(found)


def _standing(declared: str, match: TextMatch, *, license_file: bool) -> Standing:
    if match.certainty == "none":
        return "silent"
    if match.certainty == "ambiguous":
        return _doubtful(declared, match, license_file=license_file)
    if declared == NOASSERTION:
        return "fills"
    if _same(match.expression, declared):
        return "agrees"
    if belongs(match.expression, declared):
        return "refines"
    if belongs(declared, match.expression) or match.expression in identifiers(declared):
        return "agrees"
    return "contradicts"


def _doubtful(declared: str, match: TextMatch, *, license_file: bool) -> Standing:
    """An unclear description that names only what is claimed adds nothing; an unclear license text always asks for a person."""
    named = {candidate.expression for candidate in match.candidates}
    claimed = set(identifiers(declared))
    harmless = not named or all(one in claimed or any(belongs(member, one) for member in claimed) for one in named)
    if match.how == "statement" and not license_file and harmless and declared != NOASSERTION:
        return "silent"
    return "unclear" if named or license_file else "silent"


def _same(one: str, other: str) -> bool:
    return set(identifiers(one)) == set(identifiers(other)) or {_stem(part) for part in identifiers(one)} == {
        _stem(part) for part in identifiers(other)
    }


def _stem(identifier: str) -> str:
    """GPL texts are the same for "only" and "or later"."""
    return identifier.removesuffix("-only").removesuffix("-or-later")


def told(found: Sequence[TextFinding]) -> list[str]:
    """Return the sentences of all findings that say something."""
    return [finding.sentence for finding in found if finding.standing != "silent"]

"""License drift: a publisher gives another license, license text or terms than those that the lock holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from acquisition.errors import LicenseDrift
from acquisition.model import Evidence, LicenseClaim, LicenseConclusion, Release
from acquisition.plan.comparing import compare
from acquisition.rights.licenses import release_conclusion


@dataclass(frozen=True, slots=True)
class Said:
    """What a publisher said of a license at one time: the words, what they amount to, and what shows it."""

    raw: tuple[str, ...]
    declared: str
    concluded: str
    evidence: tuple[Evidence, ...]
    terms: str = ""

    @property
    def words(self) -> str:
        """The publisher's words and what they amount to, in one line."""
        raw = "; ".join(self.raw) or "nothing"
        return f"{raw!r} (concluded {self.concluded})"

    @property
    def shown_by(self) -> str:
        """Where it was read, the digest of the text, and when."""
        told = [f"{one.field} at {one.url or '?'}, sha256 {one.sha256[:12] or 'unknown'}, {one.at}" for one in self.evidence]
        return "; ".join(told) or "no evidence"


@dataclass(frozen=True, slots=True)
class Drift:
    """What a publisher said by the lock and what is said now; `what` is the gravest thing that differs.

    `outcomes` are what the policy makes of both; `refused` says that nothing of the new release is taken for it, `taken`
    that it takes the place of the old one. `held` counts files that are here and were taken under the old words.
    """

    source: str
    what: Literal["license", "license text", "terms"]
    was: Said
    now: Said
    outcomes: tuple[str, str] = ("keep", "keep")
    refused: bool = False
    taken: bool = False
    held: int = 0

    @property
    def meaning(self) -> str:
        """Say what it means for what is held and what follows."""
        files = "1 file" if self.held == 1 else f"{self.held:,} files"
        if self.held and self.taken:
            kept = f"{files} held came under {self.was.words}; the new release takes their place"
        elif self.held:
            kept = f"{files} held came under {self.was.words}; the lock keeps the evidence of it, and they stay as they are"
        else:
            kept = "nothing of it is held yet"
        ruled = f"policy says {self.outcomes[1]} to what is given now (before: {self.outcomes[0]})"
        return f"{kept}; {ruled}{self._follows}"

    @property
    def _follows(self) -> str:
        if self.refused:
            named = f" unless it is named (`acquire update {self.source}`)" if self.outcomes[1] == "hold" else ""
            return f"; nothing of the new release is taken{named}"
        waits = self.taken and self.outcomes[1] == "hold"
        return "; the new release is taken, and its items wait outside the set for a person to decide" if waits else ""

    @property
    def message(self) -> str:
        """Say in one sentence what was, what is, and what it means."""
        subject = {"license": "license", "license text": "text of the license", "terms": "terms"}[self.what]
        if self.what == "terms":
            change = f"sha256 {self.was.terms[:12] or 'none'} → {self.now.terms[:12] or 'none'}"
        else:
            change = f"{self.was.words} → {self.now.words}"
        return f"the {subject} of {self.source!r} has changed upstream: {change}"

    def error(self, where: str) -> LicenseDrift:
        """Return it as the error that refuses the source."""
        detail = f"\n  was: {self.was.shown_by}\n  now: {self.now.shown_by}\n  means: {self.meaning}"
        hint = (
            f"Look at it with `acquire plan --update {self.source}`; if you may use it, say so with its evidence under "
            "`license:` or change the policy, then `acquire update`."
        )
        return LicenseDrift(self.message + detail, where=where, hint=hint)


def drift_of(old: Release, new: Release) -> Drift | None:
    """Return how license, license text or terms of two releases differ, None where they do not."""
    before, after = _words(old.license), _words(new.license)
    changes = compare(old, new)
    if before != after:
        what: Literal["license", "license text", "terms"] = "license"
    elif changes.license_text:
        what = "license text"
    elif changes.terms:
        what = "terms"
    else:
        return None
    return Drift(old.source, what, _said(old), _said(new))


def _words(claim: LicenseClaim) -> tuple[object, ...]:
    return claim.raw, claim.name, claim.link, claim.level, claim.redistribute, claim.ml_training


def _said(release: Release) -> Said:
    conclusion: LicenseConclusion = release_conclusion(release)
    claim = release.license
    raw = tuple(dict.fromkeys(text for text in (*claim.raw, claim.name, claim.link) if text.strip()))
    terms = release.terms.sha256 if release.terms else ""
    return Said(raw, conclusion.declared, conclusion.concluded, claim.evidence, terms)

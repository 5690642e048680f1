"""Which license a LICENSE or README text gives: by its wording, its tags, and the sentences that name a license.

    identify(text) ─ whole text is a known license's ─▶ certain (word for word) or probable (nearly)
                   ─ a tag, a card's `license:`, "licensed under …", a Creative Commons address ─▶ probable
                   ─ between two licenses, changed in meaning, several named ─▶ ambiguous: a person should look
                   ─ nothing of the kind ─▶ none

Prose is never interpreted: a README counts by what it names, not by what it seems to allow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from acquisition.rights.aliases import PROPRIETARY, RESERVED
from acquisition.rights.expressions import NOASSERTION, parse
from acquisition.rights.fingerprints import LONGEST
from acquisition.rights.matching import Candidate, Certainty, Match, match
from acquisition.rights.prose import belongs, understood
from acquisition.rights.reading import read, without_families
from acquisition.rights.words import DOUBTFUL_ALONE, PARTS, WITHHOLDING

__all__ = ["Candidate", "TextMatch", "identify"]

_TAG: Final = re.compile(r"SPDX-License-Identifier:[ \t]*\(?([A-Za-z0-9.+:() -]{1,200})")
_MATTER: Final = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.{0,20000}?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_FIELD: Final = re.compile(r"^(license|licence|license_name|license_link)[ \t]*:[ \t]*(.*(?:\n[ \t]*-[ \t].*)*)", re.MULTILINE)
_TRIGGER: Final = re.compile(
    r"\blicen[cs](?:e|es|ed|ing)\b|(?:released|distributed|published|available|shared|provided|usable|dedicated)\s+(?:\w+\s+)?"
    r"(?:under|to|into)|terms\s+of\s+(?:the|a)|creativecommons\.org/|opendatacommons\.org/"
    r"|^[ \t]*(?:#{1,6}|=+)?[ \t*_]*(?:data\s+)?licen[cs](?:e|es|ing)\b[^\n]{0,40}$"
    r"|\b(?:lizenz|licencia|licença|licenza|licentie|licencja|licens|lisens|lisenssi)\b|лицензи|许可|授權|ライセンス|라이선스"
    r"|sous\s+(?:la\s+)?licence|\bcc[ -]by\b|\bcc0\b|\bpublic\s+domain\b",
    re.IGNORECASE | re.MULTILINE,
)
_HEADED: Final = re.compile(
    r"^(?:#{1,6}[ \t]*[*_]*licen[cs]e[*_]*[ \t]*:?[ \t#]*|licen[cs]e[ \t]*\n[-=]{3,}[ \t]*)(?:\n[ \t]*){1,3}([^\n]{2,80})$",
    re.IGNORECASE | re.MULTILINE,
)
"""The line under a heading "License"."""
_HOLDER: Final = re.compile(r"(?:©|\(c\)|copyright\b).*$", re.IGNORECASE)
_VAGUE: Final = frozenset({"LicenseRef-research-only", "LicenseRef-non-commercial", RESERVED, PROPRIETARY})
_BEFORE: Final = 160
_AFTER: Final = 360
_WINDOWS: Final = 60
_REST: Final = 60
_REMARK: Final = 6
_OTHER_TERMS: Final = frozenset({"licensed", "derived", "portions"})
"""Words of a remark (of _REMARK words or more) that speaks of terms which we do not know."""


@dataclass(frozen=True, slots=True)
class TextMatch:
    """What a text says of its license.

    `expression` is NOASSERTION unless `certainty` is certain or probable. `score` is the Dice coefficient of word pairs with
    the nearest known text (1.0 where a statement names the license). `candidates` come best first. `how` is wording (the
    license's own text), statement (a tag, a card's field, a sentence, an address), or "" where there is none.
    """

    expression: str
    score: float
    certainty: Certainty
    candidates: tuple[Candidate, ...] = ()
    reasons: tuple[str, ...] = ()
    how: str = ""


def identify(text: str) -> TextMatch:
    """Return the license that a LICENSE or README text gives, and how sure that is.

    Never raises; looks at the first LONGEST characters.
    """
    found = _identified(text[:LONGEST])
    if len(text) <= LONGEST:
        return found
    return replace(found, reasons=(*found.reasons, f"only its first {LONGEST:,} characters were looked at"))


@lru_cache(maxsize=64)
def _identified(text: str) -> TextMatch:
    compared = match(text)
    if compared.certainty in {"certain", "probable"}:
        matter = _MATTER.match(text)
        return _with_rest(compared, matter[0] if matter else "")
    if compared.certainty == "ambiguous" and not compared.rest.strip():
        return _of_wording(compared)
    stated = _stated(text)
    if compared.certainty == "ambiguous":
        candidates = tuple(dict.fromkeys([*compared.candidates, *stated.candidates]))
        return TextMatch(NOASSERTION, compared.score, "ambiguous", candidates, (compared.reason, *stated.reasons), "wording")
    return stated


def _of_wording(compared: Match) -> TextMatch:
    expression = compared.expression or NOASSERTION
    return TextMatch(expression, compared.score, compared.certainty, compared.candidates, (compared.reason,), "wording")


def _with_rest(compared: Match, matter: str) -> TextMatch:
    """Return a match, unless what stands around the license's text names another one or restricts it."""
    rest = compared.rest.strip()
    if not rest and not matter:
        return _of_wording(compared)
    stated, other = _stated(matter + compared.rest), match(compared.rest)
    strangers = [one for one in (*stated.candidates, *other.candidates[:1]) if one.expression != compared.expression]
    strangers = [one for one in strangers if not belongs(compared.expression, one.expression)]
    words = rest.split()
    restricted = sorted(WITHHOLDING & set(words))
    if not stated.candidates and len(words) >= _REMARK:
        restricted += sorted(_OTHER_TERMS & set(words))
    remark = len(words) <= _REST and not restricted
    # Names of holders beside "distributed with the 3-clause BSD license" make the sentence doubtful, and not the text under it.
    if not strangers and (remark or (stated.candidates and stated.certainty != "ambiguous")):
        return _of_wording(compared)
    names = ", ".join(one.expression for one in strangers)
    why = f"around it stands {names or ', '.join(restricted) or f'a text of {len(words)} words'}"
    candidates = tuple(dict.fromkeys([*compared.candidates[:1], *strangers]))
    return TextMatch(NOASSERTION, compared.score, "ambiguous", candidates, (compared.reason, why), "wording")


@dataclass(frozen=True, slots=True)
class _Statement:
    """What one tag, field or window names, and what makes it doubtful; `strong` where that may turn it round."""

    expressions: tuple[str, ...]
    doubt: str = ""
    strong: bool = False


def _stated(text: str) -> TextMatch:
    """Return what tags, a card's fields and sentences name."""
    said = list(_statements(text))
    found = without_families(list(dict.fromkeys(one for statement in said for one in statement.expressions)))
    candidates = tuple(Candidate(one, 1.0) for one in found)
    doubts = [statement.doubt for statement in said if statement.doubt]
    reasons = tuple(dict.fromkeys([*(f"it names {one}" for one in found), *doubts]))[:12]
    # Where one statement is plain and all name the same license, what is unclear in another one does not matter.
    plain = any(statement.expressions and not statement.doubt for statement in said)
    trusted = not doubts or (plain and not any(statement.strong for statement in said))
    # "For research only" names no license; it is told, and asks for a person.
    if len(found) == 1 and trusted and found[0] not in _VAGUE:
        return TextMatch(found[0], 1.0, "probable", candidates, reasons, "statement")
    if found or doubts:
        return TextMatch(NOASSERTION, 1.0 if found else 0.0, "ambiguous", candidates, reasons, "statement")
    return TextMatch(NOASSERTION, 0.0, "none", reasons=("no license is named in it that we know",))


def _statements(text: str) -> Iterator[_Statement]:
    """Yield every statement in a text."""
    for tag in _TAG.findall(text)[:_WINDOWS]:
        expression = parse(tag.strip().rstrip(")").strip() if tag.count("(") < tag.count(")") else tag.strip())
        yield (
            _Statement((expression,)) if expression else _Statement((), f"its tag {tag.strip()[:80]!r} is unknown", strong=True)
        )
    if matter := _MATTER.match(text):
        yield from _of_card(matter[1])
        text = text[matter.end() :]
    for line in _HEADED.findall(text)[:_WINDOWS]:
        entry = read(_HOLDER.sub("", line).strip(" .*_`"), "prose")
        if entry.whole and parse(entry.expression):
            yield _Statement((entry.expression,))
    for window in _windows(_TAG.sub(" ", text)):
        found = understood(window)
        if not found.expressions:
            continue
        words = ", ".join(repr(word) for word in found.doubts[:5])
        doubt = f"beside {' and '.join(found.expressions)} stands {words}" if words else ""
        yield _Statement(found.expressions, doubt, strong=bool(set(found.doubts) & (DOUBTFUL_ALONE | PARTS)))


def _of_card(matter: str) -> Iterator[_Statement]:
    """Yield what the fields at a card's head say (huggingface.co/docs/hub/datasets-cards)."""
    fields = {str(name): str(value) for name, value in _FIELD.findall(matter)}
    values = re.findall(r"[^\s\[\]\"',-][^\n\[\]\"',]*", fields.get("license", fields.get("licence", "")))
    several = len(values) > 1
    for value in [*values, fields.get("license_name", ""), fields.get("license_link", "")]:
        entry = read(value.strip(" \"'"), "huggingface" if value in values else "prose")
        if entry.expression != NOASSERTION:
            yield _Statement((entry.expression,), "its card lists several licenses" if several else "", strong=several)


def _windows(text: str) -> Iterator[str]:
    """Yield the stretches of a text in which a license may be named, at most _WINDOWS, none twice."""
    done = 0
    for count, found in enumerate(_TRIGGER.finditer(text)):
        if count >= 4 * _WINDOWS:
            return
        if found.start() < done:
            continue
        start = max(done, found.start() - _BEFORE)
        for border in ("\n\n", "\n#", ". ", "\n- ", "\n* "):
            place = text.rfind(border, start, found.start())
            start = place + len(border) if place >= 0 else start
        end = _end(text, found)
        yield text[start:end]
        done = end


def _end(text: str, found: re.Match[str]) -> int:
    """Return where a window ends: with its paragraph, a heading's with the paragraph after it."""
    heading = "\n" not in found[0].strip() and text[found.end() : found.end() + 2].startswith("\n")
    after = len(text[found.end() :][:80]) - len(text[found.end() :][:80].lstrip()) if heading else 0
    border = text.find("\n\n", found.end() + after, found.end() + _AFTER)
    return border if border >= 0 else min(len(text), found.end() + _AFTER)

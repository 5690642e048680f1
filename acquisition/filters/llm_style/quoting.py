"""Tells whether a phrase is spoken or spoken of: text about chat assistants quotes what chat assistants say."""

from __future__ import annotations

import re
from typing import Final, Literal

Told = Literal["", "quoted", "reported"]

_REACH: Final = 600
_PAIRS: Final[tuple[tuple[str, str], ...]] = (
    ("\u201c", "\u201d"),
    ("\u201e", "\u201c\u201d"),
    ("\u00ab", "\u00bb"),
    ("\u2039", "\u203a"),
    ("\u300c", "\u300d"),
    ("\u300e", "\u300f"),
    ("\u2018", "\u2019"),
)
_PARAGRAPH: Final = re.compile(r"\n\s*\n")
_SENTENCE: Final = re.compile(r"[.!?\u3002\uff01\uff1f\n][\"'\u201d\u00bb)]*\s+(?=\S)")
_VERBS: Final = """
    phrase phrases phrasing phrased wording caption disclaimer boilerplate telltale tell-tale regex grep keyword keywords
    string strings say says saying said write writes wrote written tell tells telling told reply replies replied respond
    responds responded contain contains contained containing begins beginning starts starting called labelled labeled prints
    printed outputs flag flags flagged detect detects detected filter filters filtered remove removes removed match matches
    matched appended sagt sagte sagen schreibt schrieb antwortet antwortete satz dit écrit répond répondu dice dijo escribió
    responde respondió frase disse scrive risponde zegt zei schreef antwoordt mówi napisał zdanie пишет написал ответил
    говорит фраза diyor dedi
"""
_REPORTING: Final = re.compile(
    rf"\b(?:{'|'.join(map(re.escape, _VERBS.split()))}|(?:search|look)(?:s|es|ed|ing)? for|such as|e\.g\.|spit(?:s|ting)? out|"
    r"the (?:words?|line|text|sentence|message))\b|说|說|写道|写着|と言|라고|قال|كتب",
    re.IGNORECASE,
)
_MENTION: Final = re.compile(
    r"\b(?:tokens?|tags?|markers?|strings?|signs?|remnants?|artefacts?|artifacts?|codes|"
    r"parameters?|regex|templates?|formats?|guide lists)\b",
    re.IGNORECASE,
)
_OWN: Final = re.compile(
    r"\b(?:i|i'm|i\u2019m|my|me)\b(?! (?:saw|read|found|noticed|searched|spotted|got|received))", re.IGNORECASE
)
_SAID: Final = re.compile(r"(?<=[a-z]): ")
"""Behind a colon somebody else may be speaking of himself."""
_AFTER: Final = re.compile(
    r"^[^.!?\n]{0,25}?\b(?:appear(?:s|ed|ing)?|(?:was|were|is|are) (?:left|found|still|visible|printed|a (?:dead "
    r")?giveaway|a (?:common|typical|standard|stock))|"
    r"in (?:a|an|the|its|their|several|many|some|dozens|published|peer-reviewed) [a-z-]{0,20} "
    r"?(?:papers?|articles?|abstracts?|reviews?|texts?|listings?|posts?|essays?|books?|journals?))",
    re.IGNORECASE,
)


def told(text: str, start: int, end: int, *, reported: bool = True) -> Told:
    """Return how a span is told: "quoted" inside marks, code or a quoted line, "reported" after a verb of saying, or "".

    A quotation that is the whole text is no quotation: somebody saved the answer with its marks. Without `reported` nouns count
    instead of verbs, for marks that nobody says. A clause in the first person reports nothing of others.
    """
    before, after = text[max(0, start - _REACH) : start], text[end : end + _REACH]
    whole = start <= _REACH and _wrapped(text.strip())
    if not whole and (_between_marks(before, after) or _in_code(text, start)):
        return "quoted"
    line = before.rpartition("\n")[2].lstrip()
    if line.startswith(">") and not all(row.lstrip().startswith(">") for row in text[:4000].splitlines() if row.strip()):
        return "quoted"
    if not reported:
        near = before[-60:].rpartition("\n")[2] + " " + after[:40].partition("\n")[0]
        return "reported" if _MENTION.search(near) else ""
    opening = list(_SENTENCE.finditer(before[-160:]))
    clause = before[-160:][opening[-1].end() :] if opening else before[-160:]
    own = _OWN.search(_SAID.split(clause)[0])
    if (_REPORTING.search(clause[-90:]) and not own) or _AFTER.search(after[:120]):
        return "reported"
    return ""


def _wrapped(text: str) -> bool:
    first, last = text[:1], text[-1:]
    if first in "\"'`" and first == last:
        return text.count(first) == 2
    return any(first == opening and last in closing for opening, closing in _PAIRS)


def _between_marks(before: str, after: str) -> bool:
    before = _PARAGRAPH.split(before)[-1]
    after = _PARAGRAPH.split(after, maxsplit=1)[0]
    for opening, closing in _pairs(before):
        closed = max(before.rfind(mark) for mark in closing if mark != opening)
        if before.rfind(opening) > closed and any(mark in after for mark in closing):
            return True
    alike = '"`' if "\u201c" in before or "\u201e" in before else '"`\u201d'  # Swedish opens as it closes
    if any(before.count(mark) % 2 and mark in after for mark in alike):
        return True
    return bool(re.search(r"(?:^|[\s(])'[^'\n]{0,80}$", before) and re.match(r"[^'\n]{0,200}'(?:[\s.,;:)!?]|$)", after))


def _pairs(before: str) -> list[tuple[str, str]]:
    """Return the pairs of marks; German and Danish turn the guillemets, as the first one of the paragraph shows."""
    turned = 0 <= before.find("\u00bb") < (before + "\u00ab").find("\u00ab")
    return [pair[::-1] if turned and pair[0] == "\u00ab" else pair for pair in _PAIRS]


def _in_code(text: str, start: int) -> bool:
    if start > 200_000:
        return False
    return text.count("```", 0, start) % 2 == 1 and "```" in text[start:]

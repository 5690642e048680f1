"""Finding licenses that a sentence names: our names, the SPDX list's, Creative Commons names, and addresses.

A sentence is understood when the licenses it names are one (a family and its member count as the member), nothing near the
name takes it back ("not", "similar to", "images are…"), and no other number follows a name that has versions. Everything
else is told, with what was found, and goes to a person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

from acquisition.rights.addresses import ADDRESS, expression_of
from acquisition.rights.aliases import FAMILY, PROPRIETARY, PUBLIC_DOMAIN, dropped, fold, names, spelled
from acquisition.rights.creative_commons import longest_name
from acquisition.rights.expressions import parse
from acquisition.rights.words import (
    AFTER,
    BEFORE,
    DOUBTFUL,
    DOUBTFUL_ALONE,
    JOINERS,
    LEADS,
    NEGATIONS,
    PARTS,
    UNLIKE,
    WEAK,
    WORKS,
)

_LONGEST_NAME: Final = 14
_SENTENCE: Final = re.compile(r"(?<=[^\W\d])[.!?;](?=\s)|(?<=\d)[.!?;](?=\s+[A-Z(\[])|\n|[。；]")
_BOILERPLATE: Final = re.compile(
    r"you may not use th\w+ \w+ except in compliance with(?: the license)?"
    r"|unless required by applicable law or agreed to in writing"
    r"|you may obtain a copy of the license at|or send a letter to creative commons,[^.\n]{0,100}"
    r"|text of the creative commons public licen[cs]es is dedicated to the public domain under the cc0 public domain dedication"
    r"|(?:but )?without any warranty[^.\n]{0,120}|to view a copy of th\w+ licen[cs]e,? visit",
    re.IGNORECASE,
)
_WRAPPED: Final = re.compile(r"(?<!\n)[ \t]*\r?\n(?![ \t]*(?:\r?\n|[-*+•#|>]|\d{1,3}[.)]\s|[\w ]{1,20}:\s))[ \t]*")
"""An end of a line that only wraps: no empty line, list entry, heading or field follows."""
_BREAK: Final = re.compile(r"[,:()\[\]\"“”„|]|\s[–—-]+\s")
_GLUED: Final = re.compile(r"[^\s,;()|]+-[^\s,;()|]+")
_SEVERAL: Final = re.compile(r"\b(?:several|multiple|various|different|mixed|many|mixture of)(?: \w+)? licen[sc]es\b")


@dataclass(frozen=True, slots=True)
class Mention:
    """One license named in a text: the expression, the words that name it, and their place among the sentence's words."""

    expression: str
    words: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Understood:
    """What a text names: expressions in order, whether a choice between them is offered, and words that make it doubtful."""

    expressions: tuple[str, ...]
    choice: bool = False
    doubts: tuple[str, ...] = ()
    evidence: str = ""


def understood(text: str) -> Understood:
    """Return what the sentences of a text name, families replaced by their members."""
    mentions: list[Mention] = []
    doubts: list[str] = []
    choice = False
    for sentence, addresses in sentences(text):
        words, breaks = worded(sentence)
        if _SEVERAL.search(" ".join(words)):
            return Understood((), doubts=("it speaks of several licenses",))
        found, void = scan(words, addresses, glued(sentence))
        doubts += void
        if found:
            mentions += found
            doubts += [*_doubts(words, found, addresses), *_neighbours(words, breaks, found)]
            choice = choice or _offers_choice(words, found)
        elif mentions or any(word in DOUBTFUL_ALONE for word in words):
            doubts += [word for word in words if word in DOUBTFUL_ALONE]
    distinct = _merged([mention.expression for mention in mentions])
    evidence = mentions[0].words if mentions else ""
    if any("-NC-" in one or "cc-by-nc" in one for one in distinct):
        distinct = [one for one in distinct if one != "LicenseRef-non-commercial"]
        doubts = [word for word in doubts if word not in {"noncommercial", "commercial", "commercially", "only", "nonprofit"}]
    return Understood(
        tuple(distinct),
        choice and len(distinct) == len({m.expression for m in mentions}),
        tuple(dict.fromkeys(doubts)),
        evidence,
    )


def sentences(text: str) -> list[tuple[str, Mapping[str, str]]]:
    """Return the sentences of a text with each address replaced by a token, and what the tokens stand for ("" if unknown)."""
    addresses: dict[str, str] = {}

    def note(found: re.Match[str]) -> str:
        token = f"zaddressz{len(addresses)}z"
        addresses[token] = expression_of(found[0]) or ""
        return f" {token} "

    text = _BOILERPLATE.sub(" ", _WRAPPED.sub(" ", text))
    marked = ADDRESS.sub(note, re.sub(r"</?[a-zA-Z][^<>]{0,200}>", lambda tag: " ".join(ADDRESS.findall(tag[0])[:1]), text))
    return [(part, addresses) for part in _SENTENCE.split(marked) if part and part.strip()]


def glued(sentence: str) -> frozenset[tuple[str, str]]:
    """Return the pairs of words that a hyphen joins: "BSD-3-Clause-Tso" is not BSD-3-Clause."""
    pairs = set()
    for chunk in _GLUED.findall(sentence.replace("/", " ")):
        parts = [words for part in chunk.split("-") if (words := spelled(part).split())]
        pairs |= {(left[-1], right[0]) for left, right in pairwise(parts)}
    return frozenset(pairs)


def worded(sentence: str) -> tuple[list[str], frozenset[int]]:
    """Return the words of a sentence, and the places before which a comma, colon, bracket or dash stands."""
    words: list[str] = []
    breaks = set()
    for part in _BREAK.split(re.sub(r"\([cC]\)", "©", sentence)):
        breaks.add(len(words))
        words += spelled(part).split()
    return words, frozenset(breaks | {len(words)})


def scan(
    words: Sequence[str], addresses: Mapping[str, str], joined: frozenset[tuple[str, str]] = frozenset()
) -> tuple[list[Mention], list[str]]:
    """Return the licenses named in a row of words, and the names that were passed over because of what stands beside them."""
    found: list[Mention] = []
    weak: list[Mention] = []
    void: list[str] = []
    place = 0
    while place < len(words):
        if words[place] in addresses:
            if addresses[words[place]]:
                found.append(Mention(addresses[words[place]], "its address", place, place + 1))
            place += 1
            continue
        mention = _at(words, place)
        if mention is None:
            place += 1
            continue
        if (why := _void(words, mention, joined)) is not None:
            void += [why] if why else []
        else:
            (weak if _is_weak(words, mention) else found).append(_with_later(words, mention))
        place = mention.end
    # Beside a license, a word such as MIT is held to be one too: two that may fit are for a person to part.
    return sorted([*found, *weak], key=lambda mention: mention.start) if found else found, void


def _at(words: Sequence[str], place: int) -> Mention | None:
    """Return the longest license name that begins here."""
    if words[place] in dropped():
        return None
    by_name = _listed(words, place)
    by_grammar = _creative_commons(words, place)
    if by_name is None or (by_grammar is not None and by_grammar.end > by_name.end):
        return by_grammar
    return by_name


def _listed(words: Sequence[str], place: int) -> Mention | None:
    best = None
    key: list[str] = []
    table = all_names()
    for end in range(place + 1, min(place + 2 * _LONGEST_NAME, len(words)) + 1):
        if words[end - 1] not in dropped():
            key.append(words[end - 1])
        if len(key) > _LONGEST_NAME:
            break
        if words[end - 1] not in dropped() and (expression := table.get(" ".join(key))) and expression != PROPRIETARY:
            best = Mention(expression, " ".join(words[place:end]), place, end)
    return best


def _is_weak(words: Sequence[str], mention: Mention) -> bool:
    """Say whether a name is also that of something else, and nothing beside it says that the license is meant."""
    bare = fold(mention.words)
    if bare not in WEAK and (" " in bare or bare in names()):
        return False
    return not {*words[max(0, mention.start - 3) : mention.end], *words[mention.end : mention.end + 2]} & LEADS


def _creative_commons(words: Sequence[str], place: int) -> Mention | None:
    named = "cc" in words[place] or words[place : place + 2] == ["creative", "commons"]
    if not named and place and words[place - 1] not in LEADS and words[place - 1] not in dropped():
        return None  # "Data licence Germany, attribution, 2.0" is none of theirs
    taken, identifier = longest_name(words[place : place + 24])
    return Mention(identifier, " ".join(words[place : place + taken]), place, place + taken) if identifier else None


def _void(words: Sequence[str], mention: Mention, joined: frozenset[tuple[str, str]]) -> str | None:
    """Return why a name does not count: another version follows, a longer name holds it, "not" or "like" goes before.

    None where it counts, "" where it is only mentioned in passing ("GPL-compatible").
    """
    after = [word for word in words[mention.end : mention.end + 5] if word not in dropped() | {"and", "or"}][:1]
    number = re.compile(r"\d{1,2}\.\d{1,2}(?:\.\d+)*" if mention.words[-1].isdigit() else r"\d{1,2}(?:\.\d{1,2})*")
    if after and number.fullmatch(after[0]):
        return f"{mention.words} {after[0]} is not a license that we know"
    if set(words[max(0, mention.start - 6) : mention.start]) & NEGATIONS:
        return f"{mention.words} is named to say that it does not hold"
    if after == ["compatible"]:
        return ""
    if set(words[max(0, mention.start - 2) : mention.start]) & UNLIKE or set(after) & (UNLIKE - {"non"}):
        return f"something like {mention.words} is meant"
    around = (words[mention.start - 1 : mention.start + 1], words[mention.end - 1 : mention.end + 1])
    for pair, stranger in zip(around, (0, 1), strict=True):
        if len(pair) == 2 and tuple(pair) in joined and pair[stranger] not in JOINERS:
            return f"{' '.join(pair)!r} makes another name of {mention.words}"
    return None


def _with_later(words: Sequence[str], mention: Mention) -> Mention:
    """Turn GPL "2 or (at your option) any later version" into the identifier that says so."""
    expression, end = mention.expression, mention.end
    after = " ".join(words[end : end + 30])
    if expression in _GNU and (found := _PUBLISHED.match(after)):
        expression, end = parse(f"{_GNU[expression]}-{found[1]}-only") or expression, end + found[0].count(" ") + 1
    after = " ".join(words[end : end + 14])
    if expression.endswith("-only") and (found := _LATER.match(after)):
        expression, end = parse(expression.removesuffix("-only") + "-or-later") or expression, end + found[0].count(" ") + 1
    elif expression.endswith("-only") and mention.words.endswith("+"):
        expression = parse(expression.removesuffix("-only") + "-or-later") or expression
    return Mention(expression, mention.words, mention.start, end)


_GNU: Final = {f"{FAMILY}gpl": "GPL", f"{FAMILY}lgpl": "LGPL", f"{FAMILY}agpl": "AGPL", f"{FAMILY}gfdl": "GFDL"}
_PUBLISHED: Final = re.compile(
    r"(?:license )?(?:as published by (?:the )?free software foundation )?(?:either )?(\d\.\d)(?: only| of (?:the )?license)?"
)
_LATER: Final = re.compile(
    r"(?:of (?:the )?license )?or (?:at your option )?(?:any )?(?:later|newer|above|higher)\b(?: versions?)?(?: \d\.\d)?|\+"
)


def _doubts(words: Sequence[str], found: Sequence[Mention], addresses: Mapping[str, str]) -> list[str]:
    inside = {place for mention in found for place in range(mention.start, mention.end)}
    outside = [word for place, word in enumerate(words) if place not in inside and word not in addresses]
    return [word for word in outside if word in DOUBTFUL and word not in _plain_subject(words, found[0].start)]


def _neighbours(words: Sequence[str], breaks: frozenset[int], found: Sequence[Mention]) -> list[str]:
    """Return the words that may make a longer name of a mention: "Affero General Public License", "BSD 3-Clause Sun"."""
    taken = {place for mention in found for place in range(mention.start, mention.end)}
    strangers = []
    for mention in found:
        before, after = mention.start - 1, mention.end
        while after < len(words) and after not in breaks and words[after] in dropped():
            after += 1  # "MIT License 1998"
        if before >= 0 and mention.start not in breaks and before not in taken and words[before] not in BEFORE:
            strangers.append(words[before])
        limited = mention.expression == PUBLIC_DOMAIN and words[after : after + 1] == ["in"]  # in one country, or for a time
        if after < len(words) and after not in breaks and after not in taken and (words[after] not in AFTER or limited):
            strangers.append(words[after])
    return [word for word in strangers if not word.startswith("zaddress")]


def _plain_subject(words: Sequence[str], start: int) -> frozenset[str]:
    """Return the words for a part of a data set that are harmless as a sentence's only subject ("all images are …")."""
    lead = " ".join(words[:start])
    subjects = {word for word in words[:start] if word in PARTS or word in WORKS}
    whole = re.match(r"(?:all|these|this|the|our) ", lead) is not None and not subjects & WORKS
    return frozenset(subjects) if whole or (len(subjects) > 1 and "data" in lead) else frozenset()


def _offers_choice(words: Sequence[str], found: Sequence[Mention]) -> bool:
    """Say whether exactly "or" stands between the licenses of a sentence."""
    gaps = [words[one.end : other.start] for one, other in pairwise(found)]
    return bool(gaps) and all(
        set(gap) & {"or"} and set(gap) <= {"or", "the", "license", "under", "a", "licence"} for gap in gaps
    )


def _merged(expressions: Sequence[str]) -> list[str]:
    """Return each expression once: without families of which a member is named, and "public domain" beside a dedication."""
    distinct = list(dict.fromkeys(expressions))
    kept = [one for one in distinct if not any(belongs(other, one) for other in distinct if other != one)]
    dedications = {"CC0-1.0", "PDDL-1.0", "CC-PDM-1.0", "CC-PDDC", "Unlicense", "LicenseRef-scancode-us-govt-public-domain"}
    return [one for one in kept if one != PUBLIC_DOMAIN or not dedications & set(kept)]


def belongs(member: str, family: str) -> bool:
    """Say whether a license is of a family ("CC-BY-NC-4.0" of "LicenseRef-family-cc-by-nc", and of "…-cc")."""
    if not family.startswith(FAMILY) or " " in member:
        return False
    stem = family.removeprefix(FAMILY)
    if stem == "cc":
        return member.startswith(("CC-", "CC0-", f"{FAMILY}cc-", "LicenseRef-CC-"))
    return re.fullmatch(re.escape(stem) + r"-\d.*", member, re.IGNORECASE) is not None


@cache
def all_names() -> Mapping[str, str]:
    """Return folded name → identifier: the names of the SPDX list, and ours, which come first."""
    from acquisition.rights.fingerprints import known

    listed = {fold(title): identifier for identifier, title in known().titles.items()}
    return {**{name: identifier for name, identifier in listed.items() if " " in name}, **names()}

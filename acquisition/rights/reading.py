"""Reading one license as people write it: a hub's code, a name, an SPDX expression, or an address.

Every way either understands the whole text or leaves it alone; what no way understands is NOASSERTION with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from acquisition.model import Vocabulary
from acquisition.rights.aliases import ADDRESSES, FAMILY, NOT_SAID, fold, hub_codes, names, without_lead
from acquisition.rights.creative_commons import Reading, from_address, from_name
from acquisition.rights.expressions import NOASSERTION, parse

_LONG: Final = 2_000
_ADDRESS: Final = re.compile(
    r"(?:https?:)?//[^\s<>\"'\])}]+|(?<![\w.@/-])(?:www\.)?creativecommons\.org/[^\s<>\"'\])}]+", re.IGNORECASE
)
_TAG: Final = re.compile(r"SPDX-License-Identifier:\s*([A-Za-z0-9.+:() -]{1,200})")
_JOINT: Final = re.compile(r"\s+(OR|AND)\s+", re.IGNORECASE)


class Read(NamedTuple):
    """How far a text was understood; `whole` is False where words around an address were not."""

    expression: str
    reason: str
    whole: bool = True


def normalise(raw: str, vocabulary: Vocabulary) -> str:
    """Return the SPDX expression that a hub's code, a name or an address stands for, NOASSERTION when it is not known."""
    return read(raw, vocabulary).expression


@lru_cache(maxsize=10_000)
def read(raw: str, vocabulary: Vocabulary) -> Read:
    """Return what a text says, by the first way that understands all of it; addresses inside other words come last."""
    text = " ".join(raw.split())
    if len(text) > _LONG:
        return Read(NOASSERTION, f"a text of more than {_LONG:,} characters is not a license's name; texts are not compared")
    if fold(text) in NOT_SAID:
        return Read(NOASSERTION, f"{text!r} names no license" if text else "nothing is said")
    if expression := hub_codes(vocabulary).get(fold(text)):
        return Read(expression, f"{text!r} is {vocabulary}'s code for {expression}")
    if tag := _TAG.search(text):
        text = tag[1].strip()
    return _named(text) or _addressed(text) or Read(NOASSERTION, f"{text[:200]!r} is not a license that we know")


def _named(text: str) -> Read | None:
    """Read a text that is one name, one expression, or names joined by OR or AND."""
    folded = fold(text)
    if expression := names().get(folded) or names().get(without_lead(folded)):
        return Read(expression, _version_remark(text, expression))
    if expression := parse(text):
        return Read(expression, f"{text!r} is an SPDX expression")
    if reading := from_name(text):
        return _from_reading(text, reading)
    return _joined(text)


def _from_reading(text: str, reading: Reading) -> Read:
    return Read(
        reading.identifier, f"{text[:200]!r} names {reading.identifier}" + (f"; {reading.remark}" if reading.remark else "")
    )


def _version_remark(text: str, expression: str) -> str:
    open_version = FAMILY in expression
    return f"{text[:200]!r} names {expression}" + ("; the version is not said" if open_version else "")


def _joined(text: str) -> Read | None:
    parts = _JOINT.split(text)
    if len(parts) < 3 or len(parts) > 21 or "(" in text:
        return None
    read = [_named(part) for part in parts[::2]]
    if not all(read):
        return None
    written = " ".join(
        part.upper() if index % 2 else f"({entry.expression})"
        for index, part in enumerate(parts)
        for entry in [read[index // 2]]
        if entry is not None
    )
    expression = parse(written)
    return Read(expression, f"{text[:200]!r} joins several licenses") if expression else None


def _addressed(text: str) -> Read | None:
    """Read a text with addresses in it; words around them that are not understood are told, and make it less than whole."""
    found = [expression for address in _ADDRESS.findall(text) if (expression := _from_address(address))]
    if not found:
        return None
    bare = re.sub(r"</?a\b[^>]*>?", " ", _ADDRESS.sub(" ", text), flags=re.IGNORECASE)
    rest = re.sub(r"[\[\](){}<>|,;\"']+", " ", bare).strip(" .:-")
    words = _named(" ".join(rest.split())) if rest else None
    expressions = list(dict.fromkeys([*found, *([words.expression] if words is not None else [])]))
    chosen = _most_specific(expressions)
    reason = f"the address {_ADDRESS.findall(text)[0][:200]} names {found[0]}"
    return Read(chosen, reason, whole=(not rest or words is not None) and " AND " not in chosen)


def _from_address(address: str) -> str | None:
    if reading := from_address(address):
        return reading.identifier
    plain = re.sub(r"^(?:https?:)?//(?:www\.|www2\.)?", "", address.split("#")[0].split("?")[0].strip().lower()).rstrip("/.,;)")
    plain = re.sub(r"(?:/index)?(?:\.[a-z]{2})?\.(?:html?|php|txt|en)$|\.en$", "", plain).rstrip("/")
    if known := ADDRESSES.get(plain):
        return known
    if listed := re.fullmatch(
        r"(?:spdx\.org/licenses|choosealicense\.com/licenses|opensource\.org/licenses?)/([a-z0-9.+-]+)", plain
    ):
        return parse(listed[1])
    return None


def _most_specific(expressions: Sequence[str]) -> str:
    """Return one expression for several readings: a family gives way to its own member, the rest is joined by AND."""
    return all_of(without_families(expressions))


def without_families(expressions: Sequence[str]) -> list[str]:
    """Return the expressions without families of which a member is among them."""
    return [one for one in expressions if not any(belongs(other, one) for other in expressions if other != one)]


def belongs(member: str, family: str) -> bool:
    """Say whether a license is of a family ("CC-BY-NC-4.0" of "LicenseRef-family-cc-by-nc", and of "…-cc")."""
    if not family.startswith(FAMILY) or " " in member:
        return False
    stem = family.removeprefix(FAMILY)
    if stem == "cc":
        return member.startswith(("CC-", "CC0-", f"{FAMILY}cc-", "LicenseRef-CC-"))
    return re.fullmatch(re.escape(stem) + r"-\d.*", member, re.IGNORECASE) is not None


def all_of(expressions: Sequence[str]) -> str:
    """Return the expressions joined by AND; NOASSERTION when there is none or one of them is it."""
    if not expressions or NOASSERTION in expressions:
        return NOASSERTION
    return parse(" AND ".join(f"({one})" for one in expressions) if len(expressions) > 1 else expressions[0]) or NOASSERTION

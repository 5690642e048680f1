"""Reading one license as people write it: a hub's code, a name, an SPDX expression, or an address.

Every way either understands the whole text or leaves it alone; what no way understands is NOASSERTION with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from acquisition.model import Vocabulary
from acquisition.rights.aliases import DBCL, FAMILY, NOT_SAID, fold, hub_codes, names, without_lead
from acquisition.rights.creative_commons import Reading, from_name
from acquisition.rights.expressions import NOASSERTION, parse
from acquisition.rights.prose import all_names, belongs, understood

_LONG: Final = 2_000
_TAG: Final = re.compile(r"SPDX-License-Identifier:\s*([A-Za-z0-9.+:() -]{1,200})")
_JOINT: Final = re.compile(r"\s+(OR|AND|\||&|\+)\s+", re.IGNORECASE)
_DATABASE_AND_CONTENTS: Final = {"ODbL-1.0", DBCL}
_OR: Final = frozenset({"OR", "|"})


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
    if vocabulary not in {"prose", "user"} and fold(text) not in names() and (expression := parse(text)):
        return Read(expression, f"{text!r} is an SPDX expression")
    if tag := _TAG.search(text):
        text = tag[1].strip()
    return _named(text) or _said(text) or Read(NOASSERTION, f"{text[:200]!r} is not a license that we know")


def _is_word(text: str, expression: str) -> bool:
    """Say whether a text is a plain word that only looks like an identifier: "fair", "json", "clips"."""
    return text.isalpha() and text != expression and fold(text) not in names()


def _named(text: str) -> Read | None:
    """Read a text that is one name, one expression, or names joined by OR or AND."""
    folded = fold(text)
    if expression := all_names().get(folded) or all_names().get(without_lead(folded)):
        return Read(expression, _version_remark(text, expression))
    if (expression := parse(text)) and not _is_word(text, expression):
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
    marks = ["OR" if mark.upper() in _OR else "AND" for mark in parts[1::2]]
    first, *others = [f"({entry.expression})" for entry in read if entry is not None]
    expression = parse(" ".join([first, *(f"{mark} {one}" for mark, one in zip(marks, others, strict=True))]))
    # Only "or" says what the reader may do; "and" leaves open which part is under which.
    return Read(expression, f"{text[:200]!r} joins several licenses", whole="AND" not in marks) if expression else None


def _said(text: str) -> Read | None:
    """Read a text that names licenses among other words; what makes it doubtful is told, and makes it less than whole."""
    found = understood(text)
    if not found.expressions:
        return Read(NOASSERTION, found.doubts[0]) if found.doubts and " " in found.doubts[0] else None
    doubts = f"; beside it stands {', '.join(repr(word) for word in found.doubts[:6])}" if found.doubts else ""
    if found.choice and not found.doubts:
        chosen = parse(" OR ".join(f"({one})" for one in found.expressions)) or NOASSERTION
        return Read(chosen, f"{text[:200]!r} offers a choice")
    expression = all_of(found.expressions)
    if set(found.expressions) == _DATABASE_AND_CONTENTS and set(found.doubts) <= {"individual", "contents", "any"}:
        return Read(expression, f"{text[:200]!r} licenses a database and its contents")
    reason = f"{text[:200]!r} names {' and '.join(found.expressions)} ({found.evidence}){doubts}"
    return Read(expression, reason, whole=not found.doubts and len(found.expressions) == 1)


def without_families(expressions: Sequence[str]) -> list[str]:
    """Return the expressions without families of which a member is among them."""
    return [one for one in expressions if not any(belongs(other, one) for other in expressions if other != one)]


def all_of(expressions: Sequence[str]) -> str:
    """Return the expressions joined by AND; NOASSERTION when there is none or one of them is it."""
    if not expressions or NOASSERTION in expressions:
        return NOASSERTION
    return parse(" AND ".join(f"({one})" for one in expressions) if len(expressions) > 1 else expressions[0]) or NOASSERTION

"""Whether an item of the ledger may be passed on, as a bundle, a push or any other copy that leaves the house.

One rule for all of them, read from the ledger's row alone. Nothing is passed on by guess: what nobody has allowed stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from acquisition.model import LicenseClaim, Use
from acquisition.rights.expressions import NOASSERTION
from acquisition.rights.licenses import TERMS_ALLOW_PASSING_ON, TERMS_FORBID_PASSING_ON, conclude, judge

POLICY: Final = "policy"
"""What the ledger's `by` says where no person has decided on the item."""


def why_not_redistributable(row: Mapping[str, Any]) -> str:
    """Return why an item may not be passed on, as a sentence without an end; "" where it may, with its duties.

    `row` needs these columns of the ledger: `concluded_spdx`, `license_reasons`, `license_review`, `changes`, `by`. The terms'
    own no (`license.redistribute: false`, a hub's terms) beats every license. An open question about the license stops it,
    unless a person has decided to keep the item; a license that nobody knows stops it in any case.
    """
    reasons = row["license_reasons"]
    word = False if TERMS_FORBID_PASSING_ON in reasons else (TERMS_ALLOW_PASSING_ON in reasons or None)
    settled = row["by"] != POLICY or word is True
    return _why_not(row["concluded_spdx"], word, bool(row["changes"]), None if settled else bool(row["license_review"]))


@lru_cache(maxsize=10_000)
def _why_not(expression: str, word: bool | None, changed: bool, asked: bool | None) -> str:
    """Judge one expression; `word` is the terms' own, `changed` says that the item is no longer as it came.

    `asked` says whether the item's license is under review, None where a person or the terms have settled that.
    """
    if word is False:
        return TERMS_FORBID_PASSING_ON
    claim = LicenseClaim((expression,) if expression != NOASSERTION else (), "spdx", redistribute=word)
    use = Use(training=False, commercial=False, redistribute=True, derivatives=changed)
    concluded = conclude(claim)
    judgement = judge(concluded, use, claim)
    if judgement.allowed == "no":
        return judgement.reasons[0]
    if "unknown" in {concluded.redistribute, concluded.derivatives if changed else ""}:
        return f"nobody has said whether it may be passed on ({expression})"
    doubtful = asked is not None and (asked or concluded.review)
    return f"a person should look at its license first ({expression})" if doubtful else ""

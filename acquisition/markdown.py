"""Words of others in pages for people: as text, on one line, and without what cannot be seen."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 1_000
"""Characters of one word of others on a page; tables and JSON have all of it."""
_UNSEEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Controls, halves of surrogates, tags, and marks that turn the direction of writing (Unicode TR 36); joiners stay."""
_MARKS: Final = re.compile(r"([\\`*_\[\]<>|#])")


def shown(text: str, longest: int = LONGEST) -> str:
    """Return a text as people are to see it: one line, nothing invisible, cut with an ellipsis."""
    plain = " ".join(_UNSEEN.sub(" ", text).split())
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"


def escaped(text: str, longest: int = LONGEST) -> str:
    """Return a text for a paragraph or a cell of a table in Markdown: `shown`, with no mark that means something there."""
    return _MARKS.sub(r"\\\1", shown(text, longest))

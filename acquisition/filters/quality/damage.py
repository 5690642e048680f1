"""Texts that were read in the wrong encoding, or written in one that could not hold them.

A regular expression over the column chooses texts that can be damaged. Mojibake of UTF-8 is then confirmed by ftfy (its
heuristics weigh whole sequences, so that honest accents and typographic quotes pass); text of one single-byte code page that
was read as another keeps its letters' pattern and is told by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.filters.flags import FlagRows, detail_json

# What bytes 80 to BF become in cp1252 and Latin-1, in cp1251 and cp1253, and the lead bytes of UTF-8 in front of them.
_FOLLOWING: Final = "\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122"
_CYRILLIC: Final = "\u0402-\u040f\u0452-\u045f\u0490\u0491"
_SUSPECT: Final = (
    f"[\u00c2-\u00f4][{_FOLLOWING}]"  # UTF-8 as cp1252 or Latin-1
    f"|[\u0413\u0420\u0421\u0422][{_FOLLOWING}{_CYRILLIC}]"  # as cp1251
    f"|[\u039e\u039f\u0392\u0393][{_FOLLOWING}\u0384-\u038f\u03aa-\u03ce]"  # as cp1253
    "|[\u221a\u00ac\u221e\u201a][\u00a1-\u00c6\u00df\u00d8\u2020-\u2265\u03c0\u03a9\ufb01\ufb02]"  # as Mac Roman
    # as cp437
    "|[\u251c\u252c\u0393\u2524\u2500][\u00a0-\u00bf\u00c7-\u00ff\u2500-\u25a0\u0393\u03b1-\u03c6\u0192\u207f\u20a7]"
)
_CONTROL: Final = "\ufffd|[\\x00-\\x08\\x0e-\\x1f\\x7f\u0080-\u0084\u0086-\u009f]"
_LOST: Final = r"\?[a-z]"
_INSIDE: Final = (
    "[A-Za-z][\u00b3\u00b9\u00bf\u00a3\u00a5\u00a1\u00bc\u00be\u00b1][a-z]"
    "|[\u0400-\u04ff][\u2500-\u25a0][\u0400-\u04ff\u2500-\u25a0]"
)
_SIGNS: Final = f"{_CONTROL}|{_SUSPECT}|{_INSIDE}"
_CONTROLS: Final = re.compile(_CONTROL)
_WITHIN: Final = re.compile(_INSIDE)
_UPPER: Final = re.compile("[\u0410-\u042f]")
_LOWER: Final = re.compile("[\u0430-\u044f]")
_SWAPPED: Final = re.compile("[\u0430-\u044f][\u0410-\u042f]{2}")
_LOST_LETTER: Final = re.compile(r"(?:[^\W\d_]|[\s'\u2019(])\?[^\W\d_A-Z]")
_LOST_TWICE: Final = re.compile(r"(?:[^\W\d_]|[\s'\u2019(])\?[^\W\d_]{1,12}\?(?=[^\W\d_]|[\s.,]|$)")
_IN_ADDRESS: Final = re.compile(r"[:/@&=]")
WINDOW: Final = 20_000
"""Characters of one window; of longer texts eight windows, evenly spaced, are looked at where a look costs much."""
_WINDOWS: Final = 8


def flag_damage(texts: pa.Array, share: float, flags: FlagRows) -> None:
    """Flag `quality.encoding-damage` for every text in which at least `share` of the characters are damaged."""
    rows = np.flatnonzero(_outside_ascii(texts))
    found = _flag_suspects(texts, rows, share, flags) if len(rows) else set()
    _flag_lost(texts, share, flags, found)


def _flag_suspects(texts: pa.Array, rows: np.ndarray, share: float, flags: FlagRows) -> set[int]:
    found: set[int] = set()
    suspects = texts.take(pa.array(rows))
    length = _counts(pc.utf8_length(suspects))
    foreign = _counts(pc.binary_length(suspects)) - length >= 0.15 * length
    gated = np.asarray(pc.match_substring_regex(suspects, _SIGNS).to_numpy(zero_copy_only=False), dtype=bool)
    for at in np.flatnonzero(gated | foreign):
        text = suspects[at].as_py()
        rule, damaged = max(_judged(text, gated=bool(gated[at])), key=lambda found: found[1])
        if damaged and damaged >= share * len(text):
            score = min(1.0, damaged / len(text))
            flags.add(int(rows[at]), "quality.encoding-damage", score=score, field="text", detail=_detail(rule, damaged))
            found.add(int(rows[at]))
    return found


def _judged(text: str, *, gated: bool) -> Iterator[tuple[str, int]]:
    """Yield rules and the number of characters that each holds to be damaged; `gated` says that suspicious signs were seen."""
    looked = windows(text)
    scale = max(1.0, len(text) / (WINDOW * _WINDOWS))
    sample = "".join(looked)
    if gated:
        yield "replacement and control characters", len(text) - len(_CONTROLS.sub("", text))
        yield "UTF-8 read in another encoding", int(sum(map(_mojibake, looked)) * scale)
        inside = len(_WITHIN.findall(sample))
        yield "signs inside words", int(inside * scale) if inside > 1 else 0
    ascii_only = len(sample.encode("ascii", "ignore"))
    high = len(sample.encode("cp1252", "ignore")) + len(sample) - len(_CONTROLS.sub("", sample)) - ascii_only
    if high >= 10 and high > len(sample) - sample.count(" ") - high:  # no language that is written in Latin-1 comes near
        yield "another code page read as Latin-1 or cp1252", int(high * scale)
    yield "KOI8-R and cp1251 confused", int(_swapped(sample) * scale)


def _swapped(text: str) -> int:
    """Return how many letters have the wrong case: reading KOI8-R as cp1251 or back turns "Moscow" into "mOSCOW"."""
    if _SWAPPED.search(text) is None:
        return 0
    upper, lower = len(_UPPER.findall(text)), len(_LOWER.findall(text))
    return upper if upper > 10 and upper > 2 * lower else 0


def _mojibake(text: str) -> int:
    """Return how many characters ftfy would repair, 0 where it sees nothing that cannot be meant."""
    from ftfy import fix_encoding
    from ftfy.badness import badness

    bad = badness(text)
    if not bad:
        return 0
    return max(bad, len(text) - len(fixed)) if (fixed := fix_encoding(text)) != text else 0


def windows(text: str, size: int = WINDOW, count: int = _WINDOWS) -> list[str]:
    """Return the text in pieces of `size` characters, at most `count` of them, evenly spaced."""
    if len(text) <= size * count:
        return [text[at : at + size] for at in range(0, len(text), size)]
    step = (len(text) - size) // (count - 1)
    return [text[at * step : at * step + size] for at in range(count)]


def _flag_lost(texts: pa.Array, share: float, flags: FlagRows, known: set[int]) -> None:
    """Flag texts whose letters outside ASCII have become question marks ("d?j? vu")."""
    rows = np.flatnonzero(_counts(pc.count_substring(texts, "?")) > 1)
    if not len(rows):
        return
    asked = texts.take(pa.array(rows))
    lost = _counts(pc.count_substring_regex(asked, _LOST))
    for at in [at for at in np.flatnonzero(lost > 1) if int(rows[at]) not in known]:
        words = " ".join(windows(asked[at].as_py())).split()
        text = " ".join(word for word in words if not _IN_ADDRESS.search(word))
        count = len(_LOST_LETTER.findall(text))
        # a question without a space after it looks the same once: most question marks, or two in one word, must
        if (count > 2 and 2 * count > text.count("?")) or (count > 1 and _LOST_TWICE.search(text)):
            score = min(1.0, count / len(text))
            if score >= share:
                detail = _detail("question marks inside words", count)
                flags.add(int(rows[at]), "quality.encoding-damage", score=score, field="text", detail=detail)


def _detail(rule: str, damaged: int) -> str:
    return detail_json(rule=rule, damaged=damaged)


def _counts(values: pa.Array) -> np.ndarray:
    return np.asarray(values.fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int64)


def _outside_ascii(texts: pa.Array) -> np.ndarray:
    """Return a mask that is True for every text with a character outside ASCII or with a control character.

    Both are read off lengths and raw bytes; only these texts need the regular expressions.
    """
    suspects = _counts(pc.binary_length(texts)) != _counts(pc.utf8_length(texts))
    data = texts.buffers()[2]
    if data is not None and _has_control(np.frombuffer(data, dtype=np.uint8)):
        found = pc.match_substring_regex(texts, r"[\x00-\x08\x0e-\x1f\x7f]").fill_null(False)
        suspects |= found.to_numpy(zero_copy_only=False)
    return np.asarray(suspects, dtype=bool)


_IS_CONTROL: Final = np.isin(np.arange(256), [*range(9), *range(14, 32), 127])


def _has_control(octets: np.ndarray) -> bool:
    """Look in blocks, so that no mask of the whole shard is made."""
    return any(bool(_IS_CONTROL[octets[at : at + 1_000_000]].any()) for at in range(0, len(octets), 1_000_000))

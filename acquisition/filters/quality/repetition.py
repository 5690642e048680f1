"""Texts that say the same again and again: lines, paragraphs and runs of words, by the rules of Gopher and FineWeb.

Counting runs of words in every text would cost more than all other checks together. Repetition compresses, so LZ4 (which
finds any repeat of four bytes, a microsecond per kilobyte) chooses the texts in which they are counted.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.filters.flags import FlagRows, detail_json
from acquisition.filters.quality.damage import windows

TOP: Final = {2: 0.20, 3: 0.18, 4: 0.16}
"""Share of characters that the commonest run of n words may cover (Gopher, arXiv 2112.11446, table A1)."""
REPEATED: Final = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}
"""Share of characters that all repeated runs of n words may cover (the same table)."""
LINES: Final = 0.30
"""Share of lines, and of paragraphs, that may repeat an earlier one (the same table); of their characters 0.20."""
LINE_CHARS: Final = 0.20
LOOPS: Final = 0.25
"""Share of its size to which zlib may press a text of up to 2 KB; ordinary prose stays above 0.4 (measured)."""
FEW_WORDS: Final = 50
"""Texts of fewer words may repeat twice as much: one phrase that is said again is a sixth of them."""
MIN_WORDS: Final = 8
"""Texts of fewer words are not judged, unless they say one word five times and more."""


def flag_repetition(texts: pa.LargeStringArray, samples: np.ndarray, flags: FlagRows) -> None:
    """Flag `quality.repetition` for every sample of which too much has been said before."""
    data = texts.buffers()[2]
    if data is None:
        return
    offsets = np.frombuffer(texts.buffers()[1], dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1].tolist()
    view = memoryview(data)
    chars = pc.utf8_length(texts).fill_null(0).to_pylist()
    compress = pa.Codec("lz4_raw").compress
    for row in np.flatnonzero(samples).tolist():
        start, stop = offsets[row], offsets[row + 1]
        size = stop - start
        if size < 12:
            continue
        pressed = len(compress(view[start:stop], asbytes=True)) if size < 1_000_000 else 0
        if pressed < _gate(size, chars[row]) * size:
            _flag(row, texts[row].as_py(), flags)


_GATES: Final = ((200, 0.92, 0.82), (500, 0.85, 0.82), (2_000, 0.76, 0.62), (3_000, 0.76, 0.52), (10_000, 0.60, 0.52))
"""Bytes up to which a bound holds, and the LZ4 ratio below which runs are counted, in scripts of one and of several bytes.

Ordinary prose keeps 0.97 of 150 bytes, 0.79 of 700, 0.65 of 3,000, 0.57 of 20,000 (Cyrillic, Greek and Korean 0.87, 0.68, 0.58,
0.55 of as many characters); with a fifth of it said twice 0.86, 0.68, 0.54, 0.42 (0.76, 0.58, 0.48, 0.32), in twelve languages.
"""


def _gate(size: int, chars: int) -> float:
    for bound, narrow, wide in _GATES:
        if size < bound:
            return wide if size > 1.5 * chars else narrow
    return 0.42 if size > 1.5 * chars else 0.50


def _flag(row: int, text: str, flags: FlagRows) -> None:
    worst = max((found for window in windows(text) for found in _judged(window)), default=None, key=lambda found: found[0])
    if worst is not None:
        _, rule, share = worst
        flags.add(
            row, "quality.repetition", score=min(1.0, share), field="text", detail=detail_json(rule=rule, share=round(share, 3))
        )


def _judged(text: str) -> Iterator[tuple[float, str, float]]:
    """Yield (share above its bound, rule, share) of every rule that a text breaks."""
    for name, parts in (("lines", text.split("\n")), ("paragraphs", text.split("\n\n"))):
        filled = [part.strip() for part in parts if part.strip()]
        if len(filled) > 3:
            seen = Counter(filled)
            again = len(filled) - len(seen)
            chars = sum((count - 1) * len(part) for part, count in seen.items())
            yield from _broken(f"repeated {name}", again / len(filled), LINES)
            yield from _broken(f"characters in repeated {name}", chars / max(1, len(text)), LINE_CHARS)
    words = text.casefold().split()
    if len(words) < MIN_WORDS:
        if len(words) >= 5 and len(set(words)) == 1:
            yield 1.0, "one word", 1.0
        yield from _character_loops(text)
        return
    yield from _runs(words)
    yield from _character_loops(text)


def _runs(words: list[str]) -> Iterator[tuple[float, str, float]]:
    total = sum(map(len, words))
    scale = 2 if len(words) < FEW_WORDS else 1
    for length, bound in TOP.items():
        run, count = Counter(zip(*(words[at:] for at in range(length)), strict=False)).most_common(1)[0]
        if count > 2:
            share = count * sum(map(len, run)) / total
            yield from _broken(f"commonest run of {length} words", min(share, 1.0), scale * bound)
    for length, bound in REPEATED.items():
        share = _repeated(words, length) / total
        yield from _broken(f"repeated runs of {length} words", share, scale * bound)
        if (
            share <= scale * REPEATED[10]
        ):  # a longer run repeats only where all its shorter ones do, so nothing more can be found
            break


def _repeated(words: list[str], length: int) -> int:
    """Return the characters covered by runs of `length` words that were said before; covered words count once."""
    seen: set[tuple[str, ...]] = set()
    covered, free = 0, 0
    for at, run in enumerate(zip(*(words[start:] for start in range(length)), strict=False)):
        if run in seen:
            covered += sum(map(len, words[max(at, free) : at + length]))
            free = at + length
        else:
            seen.add(run)
    return covered


def _character_loops(text: str) -> Iterator[tuple[float, str, float]]:
    """Judge writing without spaces, and loops shorter than a word, by how far zlib presses the text."""
    packed = text[:2_048].encode("utf-16-le")[::2]  # a byte per character, so that scripts of three bytes are no loops
    if len(packed) >= 20:
        ratio = (len(zlib.compress(packed, 6)) - 8) / len(packed)
        if ratio < LOOPS:
            yield LOOPS - ratio, "compressed size", round(1 - ratio, 4)


def _broken(rule: str, share: float, bound: float) -> Iterator[tuple[float, str, float]]:
    if share > bound:
        yield share - bound, rule, share

"""Fingerprints of license texts: words in a normal form, hashed word pairs, and the shipped table of known texts.

Texts are not shipped, only figures made of them: 8-byte digests of whole texts and 4-byte hashes of word pairs with their
counts. `benchmarks/license_texts.py` makes `license_texts.xz` from the SPDX list and ScanCode's LicenseDB.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from acquisition.rights.words import WITHHOLDING

LONGEST: Final = 400_000
"""Characters of a text that are looked at; the longest license on the list has a quarter of that."""
_FILE: Final = Path(__file__).with_name("license_texts.xz")

Numbers = npt.NDArray[np.int64]

_COMMENT: Final = re.compile(
    r"^[ \t]*(?:[#*;%>|=~+-]+|//+|/\*+|<!--+|\(\*|\"\"\"|''')[ \t]*|[ \t]*(?:\*+/|-->|\*\)|\|)[ \t]*$", re.MULTILINE
)
_COPYRIGHT: Final = re.compile(
    r"^(?![^\n]{0,240}\blicen[cs]ed\b)[^\w\n]{0,40}(?:copyright(?:ed)?[^\S\n]*(?:\(c\)|©|\d{4}|[<\[{:]|by\b|year\b|holders?:)|\(c\)[^\S\n]*(?:copyright|\d{4}|[<\[{])|©"
    r"|portions[^\S\n]+copyright|all[^\S\n]+rights[^\S\n]+reserved\W*$"
    r"|[^\n]{0,60}?\bcopyright[^\S\n]*(?:\(c\)|©)[^\S\n]*\[?\d{4})[^\n]{0,160}$",
    re.MULTILINE,
)
_MATTER: Final = re.compile(r"\A\ufeff?---[^\S\n]*\n.{0,20000}?\n(?:---|\.\.\.)[^\S\n]*\n", re.DOTALL)
_HOLDERS: Final = (
    (
        re.compile(r"neither the names? of (?:\w+ ){1,14}?nor the names? of (?:\w+ ){0,6}?contributors? may"),
        "neither the name of the copyright holder nor the names of its contributors may",
    ),
    (
        re.compile(r"(?<!neither )the names? of (?:\w+ ){1,14}?may not be used to endorse"),
        "neither the name of the copyright holder nor the names of its contributors may be used to endorse",
    ),
    (
        re.compile(r"is provided by (?:\w+ ){1,14}?as is and any"),
        "is provided by the copyright holders and contributors as is and any",
    ),
    (
        re.compile(r"in no event shall (?:\w+ ){1,16}?be liable"),
        "in no event shall the copyright holder or contributors be liable",
    ),
)
_BULLET: Final = re.compile(r"^[^\S\n]*(?:\(?(?:[a-z]|[ivx]{1,5}|\d{1,2}(?:\.\d{1,2})*)[.)]|[*•·‣-])[^\S\n]+", re.MULTILINE)
_TAGS: Final = re.compile(
    r"<(?:/?(?:p|br|div|span|li|ul|ol|h\d|b|i|em|strong|a|html|head|body|title|pre|td|tr|table)\b[^<>]{0,300}|!--[^<>]{0,300}--)>"
)
_WORD: Final = re.compile(r"[^\W_]+")
_SPELLINGS: Final = {
    "licence": "license", "licences": "licenses", "licenced": "licensed", "licencing": "licensing", "sublicence": "sublicense",
    "sublicencing": "sublicensing", "organisation": "organization", "organisations": "organizations", "recognise": "recognize",
    "authorise": "authorize", "authorised": "authorized", "favour": "favor", "judgement": "judgment", "https": "http",
    "acknowledgement": "acknowledgment", "acknowledgements": "acknowledgments", "fulfil": "fulfill", "whilst": "while",
    "merchantibility": "merchantability", "initialise": "initialize", "noncommercial": "noncommercial",
}  # fmt: skip
_TITLE: Final = re.compile(r"\blicense\b|\blicence\b")


def words_of(text: str) -> list[str]:
    """Return the words of a license text without what may differ between copies: case, layout, bullets, copyright lines.

    After the SPDX matching guidelines (spdx.github.io/spdx-spec, annex "License matching guidelines"); bounded by LONGEST.
    """
    text = _MATTER.sub("", unicodedata.normalize("NFKC", text[:LONGEST]).casefold().replace("\r\n", "\n"))
    if "</" in text:
        text = _TAGS.sub(" ", text)
    text = _COPYRIGHT.sub(" ", _COMMENT.sub("", _unprefixed(text)))
    text = re.sub(r"\bnon-commercial", "noncommercial", _BULLET.sub("", text))
    return [_SPELLINGS.get(word, word) for word in _WORD.findall(text)]


def _unprefixed(text: str) -> str:
    """Take off a word that begins nearly every line ("%%Copyright:")."""
    lines = text.splitlines()
    heads = Counter(line.split(None, 1)[0] for line in lines if line.strip())
    head, often = heads.most_common(1)[0] if heads else ("", 0)
    if often < 5 or often < 0.8 * heads.total() or head[0].isalnum():
        return text
    return "\n".join(line.replace(head, "", 1) for line in lines)


def holders_settled(words: list[str]) -> list[str]:
    """Return the words with the holders' names that BSD-like texts carry replaced by the template's (replaceable text)."""
    text = " ".join(words)
    for pattern, template in _HOLDERS:
        text = pattern.sub(template, text)
    return text.split(" ")


def without_title(text: str) -> str:
    """Return a text without short lines at its head that only name the license, and without its copyright lines before that."""
    lines = _COPYRIGHT.sub("", text[:LONGEST].casefold()).splitlines()
    start = 0
    for index, line in enumerate(lines[:12]):
        found = _WORD.findall(line)
        if not found:
            continue
        if len(found) > 8 or not _TITLE.search(line) or WITHHOLDING & set(found):
            break
        start = index + 1
    return "\n".join(lines[start:])


def digest_of(words: list[str]) -> int:
    """Return the 63-bit digest of words in a row."""
    return int.from_bytes(hashlib.blake2b(" ".join(words).encode(), digest_size=8).digest(), "big") >> 1


def pairs_of(words: list[str]) -> Numbers:
    """Return the 32-bit hash of each pair of neighbouring words, in their order."""
    known: dict[str, int] = {}
    numbers = np.fromiter(
        (known[word] if word in known else known.setdefault(word, zlib.crc32(word.encode())) for word in words),
        np.uint64,
        len(words),
    )
    if len(words) < 2:
        return np.zeros(0, np.int64)
    mixed = numbers[:-1] * np.uint64(0x9E3779B97F4A7C15) + numbers[1:] * np.uint64(0xC2B2AE3D27D4EB4F)
    return (mixed >> np.uint64(32)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Known:
    """The table: profiles as sparse rows over a vocabulary of pair hashes, and digests of whole texts.

    `starts[i]:starts[i + 1]` are the entries (`columns`, `counts`) of profile i, `sizes[i]` the pairs that it has in all,
    `owners[i]` the place of its license in `names`. `titles` are the names that the SPDX list gives
    its licenses. `vocabulary` is ascending; `digests` too, with `digest_owners`.
    """

    titles: Mapping[str, str]
    names: tuple[str, ...]
    owners: Numbers
    sizes: Numbers
    starts: Numbers
    columns: Numbers
    counts: Numbers
    vocabulary: Numbers
    digests: Numbers
    digest_owners: Numbers

    def profile(self, row: int) -> tuple[Numbers, Numbers]:
        """Return columns, ascending, and counts of one profile."""
        part = slice(int(self.starts[row]), int(self.starts[row + 1]))
        order = np.argsort(self.columns[part])
        return self.columns[part][order], self.counts[part][order]


def packed(
    titles: Mapping[str, str], names: list[str], profiles: list[tuple[int, Numbers]], digests: dict[int, list[int]]
) -> bytes:
    """Return the table as it is shipped; profiles are (place in names, pair hashes as they come), digests map to places."""
    # Numbered in order of appearance, the rows of near-twins become runs of neighbours, which pack well.
    place: dict[int, int] = {}
    rows = []
    for _, pairs in profiles:
        for pair in pairs.tolist():
            place.setdefault(pair, len(place))
        columns, counts = np.unique([place[pair] for pair in pairs.tolist()], return_counts=True)
        rows.append((columns, counts))
    flat = [(digest, owner) for digest, owners in sorted(digests.items()) for owner in owners]
    stream = io.BytesIO()
    np.savez(
        stream,
        titles=np.frombuffer("\n".join(f"{name}\t{title}" for name, title in sorted(titles.items())).encode(), np.uint8),
        names=np.frombuffer("\n".join(names).encode(), np.uint8),
        owners=np.array([owner for owner, _ in profiles], np.uint16),
        lengths=np.array([len(columns) for columns, _ in rows], np.uint16),
        steps=np.concatenate([np.diff(columns, prepend=0) for columns, _ in rows])
        .astype(np.uint32)
        .view(np.uint8)
        .reshape(-1, 4)
        .T.copy(),
        counts=np.concatenate([counts.clip(max=255) for _, counts in rows]).astype(np.uint8),
        vocabulary=np.fromiter(place, np.uint32, len(place)),
        digests=np.array([digest for digest, _ in flat], np.int64),
        digest_owners=np.array([owner for _, owner in flat], np.uint16),
    )
    return lzma.compress(stream.getvalue(), preset=9 | lzma.PRESET_EXTREME)


@cache
def known() -> Known:
    """Return the shipped table, read when it is first needed."""
    return unpacked(_FILE.read_bytes())


def unpacked(table: bytes) -> Known:
    """Return what `packed` made."""
    with np.load(io.BytesIO(lzma.decompress(table)), allow_pickle=False) as parts:
        lengths = parts["lengths"].astype(np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        steps = np.ascontiguousarray(parts["steps"].T).view(np.uint32).ravel().astype(np.int64)
        columns = np.cumsum(steps)
        columns -= np.repeat(np.concatenate([[0], columns[starts[1:-1] - 1]]), lengths)
        vocabulary = parts["vocabulary"].astype(np.int64)
        order = np.argsort(vocabulary)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        counts = parts["counts"].astype(np.int64)
        return Known(
            titles=dict(line.split("\t") for line in parts["titles"].tobytes().decode().split("\n")),
            names=tuple(parts["names"].tobytes().decode().split("\n")),
            owners=parts["owners"].astype(np.int64),
            sizes=np.add.reduceat(counts, starts[:-1]),
            starts=starts,
            columns=rank[columns],
            counts=counts,
            vocabulary=vocabulary[order],
            digests=parts["digests"],
            digest_owners=parts["digest_owners"].astype(np.int64),
        )

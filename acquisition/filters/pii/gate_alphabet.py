"""One byte per character: Unicode folded into so few symbols that every character class of a set of patterns survives.

A pattern asks of a character only whether it belongs to this or that class. Characters that belong to the same classes are one
symbol. ASCII stays itself, so the bytes of an ASCII text are its symbols already; every other character becomes one of at most
128 symbols above it. A byte automaton then sees exactly what the patterns see, whatever table of Unicode it was built with, and
its offsets are offsets of characters.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import regex

_POINTS: Final = 0x110000
_ASCII: Final = 128
_LAST: Final = 255
_KEPT_CLASSES: Final = 512

Runs = npt.NDArray[np.int64]
"""Rows of (first code point, one behind the last), ascending."""


@dataclass(frozen=True, slots=True)
class Atom:
    """One character class, as `regex` reads it: its source and its flags."""

    source: str
    flags: int = 0
    plain: bool = False
    """It names nothing but ASCII characters, one by one or in ranges; under IGNORECASE it may hold a few others."""
    edges: tuple[int, ...] | None = None
    """Code points at which membership may change, apart from ASCII, its other cases, and the edges of \\w, \\d and \\s;
    None: at any."""


class TooManySymbols(ValueError):
    """The classes of these patterns tell more than 128 kinds of characters beyond ASCII apart."""


@lru_cache(maxsize=1)
def _all_characters() -> str:
    return np.arange(_POINTS, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")


@lru_cache(maxsize=_KEPT_CLASSES)
def _runs(atom: Atom) -> Runs:
    """Return which code points the class holds, asked of `regex` itself, so that its Unicode tables and case rules decide.

    It is asked about every character, or, where it is known where membership may change, about the first behind each such edge.
    """
    if atom.plain:
        held = [ord(letter) for letter in _near_ascii() if regex.match(atom.source, letter, atom.flags)]
        return np.array([(point, point + 1) for point in held], dtype=np.int64).reshape(-1, 2)
    if atom.edges is None:
        return _found(atom, _all_characters())
    firsts = np.union1d(_common_edges(), np.array(atom.edges, dtype=np.int64))
    runs = _found(atom, firsts.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass"))
    return np.append(firsts, _POINTS)[runs]


def _found(atom: Atom, letters: str) -> Runs:
    """Return the runs of places at which these characters are in the class."""
    found = [run.span() for run in regex.finditer(f"{atom.source}+", letters, atom.flags)]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


@lru_cache(maxsize=1)
def _common_edges() -> npt.NDArray[np.int64]:
    """Return where word characters, digits and spaces begin and end, and all of ASCII with its other cases, one by one."""
    categories = [_found(Atom(source), _all_characters()).reshape(-1) for source in (r"\w", r"\d", r"\s")]
    near = np.array([*map(ord, _near_ascii())], dtype=np.int64)
    edges = np.unique(np.concatenate([[0], near, near + 1, *categories]))
    return np.asarray(edges[edges < _POINTS])


@lru_cache(maxsize=1)
def _near_ascii() -> str:
    """ASCII and what differs from it by case only: whatever matches some ASCII characters is among what matches any of them."""
    return "".join(regex.findall(r"[\x00-\x7f]", _all_characters(), regex.IGNORECASE))


def _members(atom: Atom, points: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    runs = _runs(atom)
    if not len(runs):
        return np.zeros(len(points), dtype=np.bool_)
    place = np.searchsorted(runs[:, 0], points, side="right") - 1
    held: npt.NDArray[np.bool_] = (place >= 0) & (points < runs[place, 1])
    return held


@dataclass(frozen=True, slots=True)
class Alphabet:
    """The symbols of a set of classes."""

    table: npt.NDArray[np.uint8]
    """The symbol of every code point."""
    examples: npt.NDArray[np.int64]
    """A code point of every symbol; -1 where a symbol has none."""

    def symbols(self, atom: Atom) -> frozenset[int]:
        """Return the symbols of the class; it must be one of those the alphabet was made of."""
        members = _members(atom, self.examples)
        return frozenset(np.flatnonzero(members).tolist())

    def project(self, text: str) -> bytes:
        """Return one symbol per character."""
        if text.isascii():
            return text.encode("ascii")
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        return bytes(self.table[points].tobytes())


def alphabet_of(atoms: Iterable[Atom]) -> Alphabet:
    """Return the smallest alphabet that tells apart what the classes tell apart.

    A character outside ASCII that one ASCII letter stands for in every class (K for the Kelvin sign, under IGNORECASE) becomes
    that letter, which keeps literals literal.

    Raises:
        TooManySymbols: when 128 symbols beyond ASCII are not enough.
    """
    wanted = list(dict.fromkeys(atoms))
    edges = np.concatenate([np.arange(_ASCII + 1), *(_runs(atom).reshape(-1) for atom in wanted)])
    firsts = np.unique(edges[edges < _POINTS])
    held = np.stack([_members(atom, firsts) for atom in wanted], axis=1)
    kinds = np.unique(held, axis=0, return_inverse=True)[1].reshape(-1).tolist()
    symbol_of = {
        kind: ord(letter)
        for kind, letter in zip(kinds[_ASCII - 1 :: -1], _ascii_from_behind(), strict=True)
        if letter.isalpha()
    }
    examples = np.full(256, -1, dtype=np.int64)
    examples[:_ASCII] = np.arange(_ASCII)
    table = np.arange(_POINTS, dtype=np.uint32).astype(np.uint8)
    ends = [*firsts[1:].tolist(), _POINTS]
    for kind, first, end in zip(kinds[_ASCII:], firsts[_ASCII:].tolist(), ends[_ASCII:], strict=True):
        if kind not in symbol_of:
            symbol_of[kind] = fresh = _ASCII + int(np.count_nonzero(examples[_ASCII:] >= 0))
            if fresh > _LAST:
                raise TooManySymbols("more than 128 kinds of characters")
            examples[fresh] = first
        table[first:end] = symbol_of[kind]
    return Alphabet(table, examples)


def _ascii_from_behind() -> str:
    return "".join(map(chr, range(_ASCII - 1, -1, -1)))

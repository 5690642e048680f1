"""The gates of many patterns at once: a pass over the symbols of many texts says which pattern may match in which, and where.

Two engines answer alike in what they promise (a pattern that is not woken matches nowhere in that text) and differ in how much
they say. Hyperscan runs all expressions as one automaton and gives offsets, so that only windows need be looked at. RE2, which
Arrow brings along, runs one expression after the other over the column and names texts only.
"""

from __future__ import annotations

import importlib
import importlib.util
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.filters.pii.gate_expression import Gate

_EVIDENCE_PER_CHARACTER: Final = 0.5
_EVIDENCE: Final = 50_000
"""A scan that finds more than this, and more than one piece of evidence in two characters, is broken off."""

Woken = dict[int, list[int]]
"""Gate → offsets of evidence (symbols, from the text's start, ascending); an empty list: anywhere in the text."""


@dataclass(frozen=True, slots=True)
class Symbols:
    """The symbols of several texts, each followed by a separator."""

    data: bytes
    starts: npt.NDArray[np.int64]
    """Where each text starts, and one more: the end of the data."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    def of(self, text: int) -> bytes:
        """Return the symbols of one text."""
        return self.data[int(self.starts[text]) : int(self.starts[text + 1]) - 1]


class Gates(Protocol):
    """A set of gates, ready to run."""

    @property
    @abstractmethod
    def unreadable(self) -> frozenset[int]:
        """The gates that this engine cannot run; their owners always run."""

    @abstractmethod
    def wake(self, symbols: Symbols) -> dict[int, Woken]:
        """Return, per text, the gates that were found in it; texts without any are left out."""


def have_hyperscan() -> bool:
    """Say whether the automaton's wheel is installed (there are wheels for Linux and macOS on common processors)."""
    return importlib.util.find_spec("hyperscan") is not None


class HyperscanGates(Gates):
    """All gates as one Hyperscan database (Wang et al., Hyperscan, NSDI 2019)."""

    def __init__(self, gates: Mapping[int, Gate]) -> None:
        self._engine = importlib.import_module("hyperscan")
        self._anchors = {key: gate.anchor for key, gate in gates.items()}
        self._database, self._unreadable = self._compiled({key: gate.expression.encode("ascii") for key, gate in gates.items()})

    @property
    def unreadable(self) -> frozenset[int]:
        """The gates that Hyperscan refused, for their size or form."""
        return self._unreadable

    def wake(self, symbols: Symbols) -> dict[int, Woken]:
        """Scan all texts in one call."""
        if self._database is None:
            return {}
        found: list[tuple[int, int]] = []
        limit = _EVIDENCE + int(len(symbols.data) * _EVIDENCE_PER_CHARACTER)

        def note(gate: int, _start: int, end: int, _flags: int, _context: object) -> bool:
            found.append((end, gate))
            return len(found) > limit

        try:
            self._database.scan(symbols.data, match_event_handler=note)
        except self._engine.ScanTerminated:
            return {text: {gate: [] for gate in self._anchors} for text in range(len(symbols))}
        return self._by_text(found, symbols.starts)

    def _by_text(self, found: list[tuple[int, int]], starts: npt.NDArray[np.int64]) -> dict[int, Woken]:
        if not found:
            return {}
        found.sort()
        anchored = np.array([end - self._anchors[gate] for end, gate in found], dtype=np.int64)
        texts = np.searchsorted(starts, anchored, side="right") - 1
        offsets = (anchored - starts[texts]).tolist()
        woken: dict[int, Woken] = defaultdict(lambda: defaultdict(list))
        for text, offset, (_end, gate) in zip(texts.tolist(), offsets, found, strict=True):
            woken[text][gate].append(offset)
        return woken

    def _compiled(self, expressions: Mapping[int, bytes]) -> tuple[Any, frozenset[int]]:
        refused: set[int] = set()
        try:
            return self._compile(expressions), frozenset()
        except self._engine.HyperscanError:
            refused.update(key for key, expression in expressions.items() if not self._readable(expression))
        left = {key: expression for key, expression in expressions.items() if key not in refused}
        return (self._compile(left) if left else None), frozenset(refused)

    def _readable(self, expression: bytes) -> bool:
        try:
            self._compile({0: expression})
        except self._engine.HyperscanError:
            return False
        return True

    def _compile(self, expressions: Mapping[int, bytes]) -> Any:
        database = self._engine.Database(mode=self._engine.HS_MODE_BLOCK)
        database.compile(
            expressions=list(expressions.values()),
            ids=list(expressions),
            elements=len(expressions),
            flags=[self._engine.HS_FLAG_DOTALL] * len(expressions),
        )
        return database


class ColumnGates(Gates):
    """Each gate as an RE2 expression over the column (Arrow's kernel); texts only, no places."""

    def __init__(self, gates: Mapping[int, Gate]) -> None:
        self._expressions = {key: gate.expression for key, gate in gates.items()}
        probe = pa.array([b""], pa.binary())
        self._unreadable = frozenset(key for key, expression in self._expressions.items() if not _readable(probe, expression))

    @property
    def unreadable(self) -> frozenset[int]:
        """The gates that RE2 refused, for their repeats or size."""
        return self._unreadable

    def wake(self, symbols: Symbols) -> dict[int, Woken]:
        """Run every gate over all texts."""
        offsets = pa.py_buffer(symbols.starts.astype(np.int32))
        column = pa.Array.from_buffers(pa.binary(), len(symbols), [None, offsets, pa.py_buffer(symbols.data)])
        woken: dict[int, Woken] = defaultdict(dict)
        for gate, expression in self._expressions.items():
            if gate in self._unreadable:
                continue
            hits = pc.match_substring_regex(column, expression).to_numpy(zero_copy_only=False)
            for text in np.flatnonzero(hits).tolist():
                woken[text][gate] = []
        return woken


def _readable(probe: pa.Array, expression: str) -> bool:
    try:
        pc.match_substring_regex(probe, expression)
    except pa.ArrowInvalid:
        return False
    return True

"""Whether the `fields` of all items can be columns of one table, and of which types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

MAX_COLUMNS: Final = 300
_NUMBERS: Final = {bool: "bool", int: "int", float: "float", str: "string"}


@dataclass(slots=True)
class ColumnTypes:
    """Learns whether all items have the same `fields`, and of which type each is."""

    types: dict[str, str] | None = None
    broken: bool = False
    sparse: set[str] = field(default_factory=set)
    """Columns that some item leaves empty."""

    def learn(self, fields: Iterable[str | None]) -> None:
        """Take the `fields` of some items."""
        for text in fields:
            if self.broken:
                return
            self._learn(orjson.loads(text) if text else {})

    def _learn(self, values: Mapping[str, Any]) -> None:
        if self.types is None and values and len(values) <= MAX_COLUMNS:
            self.types = dict.fromkeys(sorted(values), "")
        if not values or self.types is None or values.keys() != self.types.keys():
            self.broken = True
            return
        for name, value in values.items():
            known = self.types[name]
            if value is None:
                self.sparse.add(name)
            if value is not None and known != "string":
                self.types[name] = _wider(known, _type_of(value))

    @property
    def columns(self) -> dict[str, str] | None:
        """Name → bool, int, float or string where all items agree, else None. A column of nulls counts as string."""
        if self.broken or self.types is None:
            return None
        return {name: kind or "string" for name, kind in self.types.items()}


def _type_of(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return "string"
    return _NUMBERS.get(type(value), "string")


def _wider(known: str, new: str) -> str:
    if known in {"", new}:
        return new
    return "float" if {known, new} == {"int", "float"} else "string"

"""Figures of every filter on labelled sets: the project's own and those made from the real files beside the checkout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """One labelled JSON Lines file: its title and place, the filter's settings for it, and what a reader must know."""

    title: str
    file: Path
    note: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

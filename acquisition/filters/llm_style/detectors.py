"""The seat for a model-based detector: what one is, and how the one that is named is found.

No detector comes with the project, for all of them need model weights. One is a class of another distribution, registered as
an entry point of the group acquisition.detectors; it brings its own libraries and reads its weights from the path that it is
given.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np

from acquisition import plugins
from acquisition.errors import FilterUnavailable, PluginError
from acquisition.filters.llm_style.settings import DetectorSettings


class Detector(Protocol):
    """Scores texts: 0 a person wrote it, 1 a model did. The same texts give the same scores; nothing is downloaded."""

    name: ClassVar[str]

    @abstractmethod
    def __init__(self, model: Path | None, options: Mapping[str, str | int | float | bool]) -> None:
        """Load the weights; raise FilterUnavailable with what is missing and where to put it."""

    @abstractmethod
    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Return one number from 0 to 1 per text (float64); nan for a text that it does not judge (too short, too long)."""

    @abstractmethod
    def limits(self) -> tuple[str, ...]:
        """Sentences on what it cannot see: languages, lengths, what its threshold was chosen on."""


@dataclass(frozen=True)
class Seated:
    """A detector with the name and threshold of the declaration."""

    name: str
    threshold: float
    detector: Detector

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Return the scores, checked: PluginError when there are not as many as texts, or one lies outside 0 to 1."""
        given = np.asarray(self.detector.score(texts), np.float64)
        known = given[~np.isnan(given)]
        if given.shape != (len(texts),) or (known < 0).any() or (known > 1).any():
            raise PluginError(f"detector {self.name!r} gave no {len(texts)} scores from 0 to 1")
        return given


def load_detector(settings: DetectorSettings, base: Path) -> Seated:
    """Return the detector that the declaration names; FilterUnavailable when it or its weights are not there."""
    where = "filters.llm_style.detector"
    known = plugins.registered(plugins.DETECTORS)
    if settings.name not in known:
        there = ", ".join(known) or "none"
        hint = "Install the distribution that registers it, or take the setting out; docs/llm-style.md has the contract."
        raise FilterUnavailable(f"no detector {settings.name!r} is installed; there are: {there}", where=where, hint=hint)
    model = base / settings.model if settings.model is not None else None
    if model is not None and not model.exists():
        hint = "Paths are relative to sources.yaml; nothing is downloaded."
        raise FilterUnavailable(
            f"the model of detector {settings.name!r} is not there: {model}", where=f"{where}.model", hint=hint
        )
    kind: type[Detector] = plugins.load(plugins.DETECTORS, settings.name)
    return Seated(settings.name, settings.threshold, kind(model, settings.options))

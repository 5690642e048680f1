"""What a user may say of the filter for LLM style."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from acquisition.settings import FilterSettings, Settings


class DetectorSettings(Settings):
    """A model-based detector: an installed plug-in of the group acquisition.detectors, and what it is given."""

    name: str
    """The name under which it is registered."""
    model: str | None = None
    """Path of its weights, relative to sources.yaml; the plug-in says what it needs."""
    threshold: float = Field(default=0.99, ge=0, le=1, strict=False)
    """Texts that score this much or more are flagged; choose it on human texts of your own."""
    options: Mapping[str, str | int | float | bool] = Field(default_factory=dict)
    """What else the plug-in wants to know."""


class LlmStyleSettings(FilterSettings):
    """When the word score speaks, and what it is measured against."""

    min_words: int = Field(default=100, ge=20)
    """Texts with fewer words get no word score: they carry too little evidence."""
    calibration: str | None = None
    """What `acquire calibrate llm-style` has written; without it the word score has no threshold."""
    domains: Mapping[str, str] = Field(default_factory=dict)
    """Source (globs allowed) to a domain of the calibration; a column `domain` of an item goes before."""
    detector: DetectorSettings | None = None

    def inputs(self) -> tuple[str, ...]:
        """Return the calibration and the detector's weights."""
        model = self.detector.model if self.detector is not None else None
        return tuple(path for path in (self.calibration, model) if path)

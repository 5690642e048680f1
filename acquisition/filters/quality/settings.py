"""What a user may say of quality. Bounds decide what is noticed; what a notice leads to is the policy's business."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from acquisition.filters.quality.images import ImageQuality
from acquisition.filters.quality.sounds import AudioQuality
from acquisition.settings import FilterSettings, Settings


class TextQuality(Settings):
    """Bounds for texts; what is counted has no white space around it."""

    min_chars: int = Field(default=3, ge=0)
    """Fewer characters than this are too short (score 1)."""
    min_words: int = Field(default=1, ge=0, le=1000)
    """Fewer words (runs without white space) than this are too short; of no use for languages written without spaces."""
    short_bytes: int = Field(default=20, ge=0)
    """Texts of fewer bytes of UTF-8 are noted as short (score 0.5): a handful of letters, or half as many ideographs."""
    max_chars: int | None = Field(default=None, ge=1)
    """More characters than this are too long (score 1)."""
    long_chars: int = Field(default=500_000, ge=1)
    """Texts of more characters are noted as long (score 0.5); 100,000 words are the bound of Gopher (arXiv 2112.11446)."""
    damaged_share: float = Field(default=0, ge=0, le=1)
    """From this share of damaged characters on (replacement and control characters, mojibake) a text is flagged."""
    languages: tuple[str, ...] = ()
    """ISO 639-1 codes of the languages that are expected; without any, languages are reported and nothing is flagged."""
    min_language_chars: int = Field(default=40, ge=1)
    """The language of shorter texts is not judged."""


class TableQuality(Settings):
    """How columns of tables are judged."""

    label: str | None = None
    """The column that a model shall predict, where the source declares no label; without it, one named so is taken."""
    mostly_missing: float = Field(default=0.5, gt=0, le=1)
    """A row with more than this share of missing cells is flagged."""
    leak: float = Field(default=0.98, gt=0.5, le=1)
    """A column that alone ranks or tells the label at least this well (AUROC, or share of its entropy) leaks it."""


class LabelQuality(Settings):
    """Classes and their labels."""

    imbalance: float = Field(default=0.05, ge=0, le=1)
    """A smallest class with less than this share of a source's labelled items is reported."""
    rare_items: int = Field(default=10, ge=0)
    """A class with fewer items than this is reported as rare."""
    noise: Literal["none", "words", "predictions"] = "none"
    """How labels are doubted: not at all, by the words of texts, or by given predictions (both need cleanlab)."""
    predictions: str | None = None
    """A CSV or Parquet file of out-of-sample probabilities: a column id or locator, and one column per class."""


class QualitySettings(FilterSettings):
    """Bounds per kind of sample."""

    text: TextQuality = TextQuality()
    image: ImageQuality = ImageQuality()
    audio: AudioQuality = AudioQuality()
    table: TableQuality = TableQuality()
    labels: LabelQuality = LabelQuality()

    def inputs(self) -> tuple[str, ...]:
        """Return the predictions, if any are named."""
        return (self.labels.predictions,) if self.labels.predictions else ()

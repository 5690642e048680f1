"""Looks for items that nobody can learn from, and for sources, columns, labels and splits that would mislead a model."""

from acquisition.filters.quality.quality import Quality
from acquisition.filters.quality.settings import AudioQuality, LabelQuality, QualitySettings, TableQuality, TextQuality

__all__ = ["AudioQuality", "LabelQuality", "Quality", "QualitySettings", "TableQuality", "TextQuality"]

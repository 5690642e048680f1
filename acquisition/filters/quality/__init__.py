"""Looks for items that nobody can learn from, and for sources, columns, labels and splits that would mislead a model."""

from acquisition.filters.quality.images import ImageQuality
from acquisition.filters.quality.quality import Quality
from acquisition.filters.quality.settings import LabelQuality, QualitySettings, TableQuality, TextQuality
from acquisition.filters.quality.sounds import AudioQuality

__all__ = ["AudioQuality", "ImageQuality", "LabelQuality", "Quality", "QualitySettings", "TableQuality", "TextQuality"]

"""Copies: exact across all sources and modalities, the same content in another dress, and nearly the same."""

from acquisition.filters.duplicates.duplicates import Duplicates
from acquisition.filters.duplicates.settings import DuplicatesSettings

__all__ = ["Duplicates", "DuplicatesSettings"]

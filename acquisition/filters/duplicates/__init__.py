"""Copies: exact across all sources and modalities, the same text in another dress, and nearly the same text."""

from acquisition.filters.duplicates.duplicates import Duplicates, DuplicatesSettings

__all__ = ["Duplicates", "DuplicatesSettings"]

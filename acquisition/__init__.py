"""Declare data sources, fetch them politely, filter them, and remember where every item came from."""

__version__ = "0.1.0"

"""Presidio's own engine, built so that nothing is downloaded and nothing runs for ever, to compare with."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Final

from presidio_analyzer import AnalyzerEngine, EntityRecognizer
from presidio_analyzer.recognizer_registry import RecognizerRegistry

from acquisition.filters.pii.engine_context import blank_engine

SECONDS: Final = 5.0
"""What a pattern may take on one text."""


def reference(recognizers: Sequence[EntityRecognizer], language: str = "en", *, seconds: float = SECONDS) -> AnalyzerEngine:
    """Return presidio's own engine with these recognizers, built without a model and without the network.

    Texts may be of any length, tldextract uses the list it ships with, and patterns stop after `seconds`.
    """
    stay_offline()
    limit_regex_time(seconds)
    registry = RecognizerRegistry(list(recognizers), supported_languages=[language])
    return AnalyzerEngine(registry=registry, nlp_engine=blank_engine([language]), supported_languages=[language])


def stay_offline() -> None:
    """Have tldextract, which checks the domains of mail addresses, use the list it ships with; its default asks the network."""
    import tldextract.tldextract as suffixes

    suffixes.TLD_EXTRACTOR = suffixes.TLDExtract(suffix_list_urls=(), cache_dir=None)


def limit_regex_time(seconds: float) -> None:
    """Have presidio stop a pattern after `seconds` instead of a minute; hostile texts must not hold a worker that long."""
    for name in ("presidio_analyzer.pattern_recognizer", "presidio_analyzer.predefined_recognizers.generic.iban_recognizer"):
        vars(importlib.import_module(name))["REGEX_TIMEOUT_SECONDS"] = seconds

"""Presidio's telephone recognizer (phonenumbers' matcher, once per region) on windows, with the regions sharing what they can."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Final

import phonenumbers
import regex
from phonenumbers import PhoneNumberMatcher
from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.predefined_recognizers import PhoneRecognizer

from acquisition.filters.pii.engine_patterns import Reader, Windows, result
from acquisition.filters.pii.gate_shape import shape_of

_FEWEST_DIGITS: Final = 4


def phone_reader(recognizer: Any, gate: int) -> Reader | None:
    """Return a reader for presidio's telephone recognizer itself; None for any other."""
    if type(recognizer) is not PhoneRecognizer:
        return None
    matcher = importlib.import_module("phonenumbers.phonenumbermatcher")
    numbers = importlib.import_module("phonenumbers.phonenumberutil")
    candidate = shape_of(matcher._PATTERN.pattern, regex.I)
    digits = shape_of(rf"\d(?:[{numbers._VALID_PUNCTUATION}]{{0,4}}\d){{{_FEWEST_DIGITS - 1}}}", regex.I)
    return Reader(recognizer, (gate,), {gate: (digits, candidate)}, _PhoneReading(recognizer, gate).read)


@dataclass(frozen=True, slots=True)
class _PhoneReading:
    recognizer: PhoneRecognizer
    gate: int

    def read(self, text: str, windows: Windows, _seconds: float) -> list[RecognizerResult]:
        """Return the telephone numbers of all regions."""
        found: list[RecognizerResult] = []
        for place in windows(self.gate) or ():
            piece = text[place.start : place.end]
            for region in self.recognizer.supported_regions:
                for match in PhoneNumberMatcher(piece, region, leniency=self.recognizer.leniency):
                    start, end = match.start + place.start, match.end + place.start
                    if place.first <= start < end <= place.last:
                        found.append(result(self.recognizer, start, end, self.recognizer.SCORE))
        return EntityRecognizer.remove_duplicates(found) if len(found) > 1 else found

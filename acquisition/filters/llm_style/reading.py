"""Reads a calibration file and refuses one that cannot be what it says."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from acquisition.errors import FilterUnavailable
from acquisition.filters.llm_style.calibration import POOLED, SCHEMA, Calibration

_LARGEST: Final = 64 << 20
_HINT: Final = "Write one with `acquire calibrate llm-style FILE`, or take the setting out: the score then has no threshold."


def word_list_digest() -> str:
    """Return the sha256 of the list of style words, which a calibration depends on."""
    return hashlib.sha256(files("acquisition.filters.llm_style").joinpath("style_words.csv").read_bytes()).hexdigest()


def read_calibration(path: Path) -> Calibration:
    """Return a calibration; FilterUnavailable when it is not there, no calibration, or made with another word list."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except OSError as error:
        raise FilterUnavailable(
            f"the calibration of llm_style cannot be read: {error.strerror}", where=str(path), hint=_HINT
        ) from error
    if len(data) > _LARGEST:
        raise FilterUnavailable("the calibration of llm_style is larger than 64 MB", where=str(path), hint=_HINT)
    try:
        made = TypeAdapter(Calibration).validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise FilterUnavailable(f"no calibration of llm_style: {place}: {first['msg']}", where=str(path), hint=_HINT) from error
    _check(made, path)
    return made


def _check(made: Calibration, path: Path) -> None:
    def refuse(why: str) -> FilterUnavailable:
        return FilterUnavailable(f"the calibration of llm_style cannot be used: {why}", where=str(path), hint=_HINT)

    if made.schema != SCHEMA:
        raise refuse(f"its schema is {made.schema!r}, not {SCHEMA!r}")
    if made.words != word_list_digest():
        raise refuse("it was made with another list of style words")
    if POOLED not in made.domains:
        raise refuse("it has no entry for texts of an unknown domain")
    for name, domain in made.domains.items():
        words = domain.vocabulary
        if len(domain.quantiles) not in (0, 101) or list(domain.quantiles) != sorted(domain.quantiles):
            raise refuse(f"domain {name!r} has no 101 rising percentiles")
        if domain.threshold is not None and not domain.quantiles:
            raise refuse(f"domain {name!r} has a threshold and no percentiles")
        if (domain.score == "fitted" and words is None) or (
            domain.score == "pooled" and made.domains[POOLED].vocabulary is None
        ):
            raise refuse(f"domain {name!r} is scored by a vocabulary that is not there")
        if words is not None and not (
            len(words.words) == len(words.human) == len(words.model)
            and all(0 < value < 1 for value in (*words.human, *words.model))
        ):
            raise refuse(f"the vocabulary of domain {name!r} has probabilities outside 0 and 1")

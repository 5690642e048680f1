"""Makes a filter's calibration from a labelled file of the user's and writes it."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import orjson

from acquisition.errors import UsageError
from acquisition.filters.llm_style.calibrating import calibrate
from acquisition.filters.llm_style.calibration import Calibration
from acquisition.filters.llm_style.samples import SampleFile
from acquisition.workspace import atomic_file

CALIBRATED: Final = ("llm-style",)
"""Filters that can be calibrated, as they are typed."""


def calibrate_filter(name: str, file: Path, out: Path, *, fpr: float, min_words: int, made: str) -> Calibration:
    """Write the calibration of a filter to `out` and return it; the same file gives the same bytes.

    UsageError for a filter without a calibration, a rate outside 0 to 0.5, and a file that cannot be read as labelled lines.
    """
    if name.replace("_", "-") not in CALIBRATED:
        raise UsageError(f"filter {name!r} has nothing to calibrate", hint=f"There is: {', '.join(CALIBRATED)}.")
    if not 0 < fpr < 0.5:
        raise UsageError(f"a false-positive rate of {fpr} is no aim", hint="Give a number above 0 and below 0.5, such as 0.01.")
    samples = SampleFile(file)
    found = calibrate(samples, fpr=fpr, min_words=min_words, made=made)
    found = replace(found, sample=samples.digest)
    with atomic_file(out) as stream:
        stream.write(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")
    return found

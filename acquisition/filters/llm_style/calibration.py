"""What a calibration holds: thresholds and vocabularies per domain, and the counts that say how far to trust them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from acquisition.filters.llm_style.prevalence import Reference
from acquisition.filters.llm_style.vocabulary import Vocabulary

SCHEMA: Final = "acquisition/llm-style-calibration/1"
POOLED: Final = "*"
"""The entry for texts whose domain is not known."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Documents of one kind in each part of the sample."""

    fit: int = 0
    calibrate: int = 0
    report: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """Hits among documents with the 95 % Clopper-Pearson interval, and the one-sided 95 % upper bound."""

    seen: int
    of: int
    low: float
    high: float
    bound: float


@dataclass(frozen=True, slots=True)
class Slice:
    """False positives among one kind of the held-back human texts: before November 2022, non-native, as the lines say."""

    name: str
    false_positives: Share


@dataclass(frozen=True, slots=True)
class Domain:
    """One domain: how it is scored, from where on a text is flagged, and what that costs.

    `score` is "list" (weight of the published words per hundred) or "fitted" (mean weight over the words of `vocabulary`), or
    "pooled" (the same with the vocabulary of all domains together). A text above `threshold` is flagged; None where there are
    too few human texts for one. `quantiles` are the 101 percentiles of human scores. `supported` says whether the report part
    supports the false-positive rate that was asked for, `verdict` in words. `reference` is None where no share of a source
    can be estimated, for the reason in `refused`.
    """

    name: str
    human: Parts
    model: Parts
    score: Literal["list", "fitted", "pooled"]
    threshold: float | None
    quantiles: tuple[float, ...]
    false_positives: Share
    true_positives: Share | None
    supported: bool
    verdict: str
    refused: str
    vocabulary: Vocabulary | None = None
    reference: Reference | None = None
    slices: tuple[Slice, ...] = ()


@dataclass(frozen=True, slots=True)
class Calibration:
    """A whole calibration, as it stands in its JSON file.

    `sample` is the sha256 of the labelled file, `words` that of the word list, `fpr` the rate that was asked for. `left_out`
    counts lines that were too short or empty. `made` is a date where one was given.
    """

    schema: str
    sample: str
    words: str
    fpr: float
    min_words: int
    lines: int
    left_out: int
    domains: Mapping[str, Domain] = field(default_factory=dict)
    made: str = ""

    def entry(self, name: str) -> Domain:
        """Return the entry that judges texts of a domain: its own, or the pooled one where it has no threshold."""
        own = self.domains.get(name)
        return own if own is not None and own.threshold is not None else self.domains[POOLED]

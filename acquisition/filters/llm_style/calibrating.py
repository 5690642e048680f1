"""Makes a calibration from labelled lines: split, fit, threshold, and an error measured on texts that had no say in it.

Every document falls into the fit, calibrate or report part by a digest of its group (its `group`, else its text), so the same file
gives the same calibration and copies stay together. Where a domain has model texts, their words and those of the fit part's human
texts give the vocabulary; without any nothing is fitted and the published lists score. The threshold is the smallest human score
of the calibrate part that keeps the rate with one more human text (split conformal), the error comes from the report part alone.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from acquisition.filters.llm_style.binomial import bounds, needed, upper
from acquisition.filters.llm_style.calibration import POOLED, SCHEMA, Calibration, Domain, Parts, Share, Slice
from acquisition.filters.llm_style.prevalence import BINS, Reference, bin_of, share
from acquisition.filters.llm_style.reading import word_list_digest
from acquisition.filters.llm_style.vocabulary import Ratios, Vocabulary, fit_vocabulary, sentences_of
from acquisition.filters.llm_style.words import list_score

UNNAMED: Final = "unnamed"
"""The domain of lines that name none."""
_FITTED: Final = (0.4, 0.7)
_LISTED: Final = (0.0, 0.5)
"""Where the calibrate and the report part begin, with model texts to fit and without."""
_FEWEST_FIT: Final = 25
_FEWEST_HUMAN: Final = 20
_FEWEST_WORDS: Final = 40
_FEWEST_SENTENCES: Final = 200
_CHATGPT: Final = "2022-11-30"


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled text. `group` keeps texts of one author, source or pair in one part; `date` is ISO 8601; `slice` any name."""

    text: str
    llm: bool = False
    domain: str = UNNAMED
    group: str = ""
    date: str = ""
    slice: str = ""


@dataclass(frozen=True, slots=True)
class _Read:
    """A sample as it is counted: its sentences, where it falls between 0 and 1, and its slices."""

    sentences: tuple[tuple[str, ...], ...]
    words: tuple[str, ...]
    place: float
    llm: bool
    domain: str
    slices: tuple[str, ...]


def calibrate(
    samples: Iterable[Sample], *, fpr: float = 0.01, min_words: int = 100, digest: str = "", made: str = ""
) -> Calibration:
    """Return the calibration of labelled texts; texts under `min_words` words are left out."""
    read: list[_Read] = []
    lines = 0
    for sample in samples:
        lines += 1
        sentences = tuple(map(tuple, sentences_of(sample.text)))
        words = tuple(word for sentence in sentences for word in sentence)
        if len(words) >= min_words:
            read.append(_Read(sentences, words, _place(sample), sample.llm, sample.domain or UNNAMED, _slices(sample)))
    by_domain: dict[str, list[_Read]] = {}
    for one in read:
        by_domain.setdefault(one.domain, []).append(one)
    domains = {name: _domain(name, texts, fpr) for name, texts in sorted(by_domain.items()) if name != POOLED}
    domains[POOLED] = _pooled(read, by_domain, fpr)
    return Calibration(SCHEMA, digest, word_list_digest(), fpr, min_words, lines, lines - len(read), domains, made)


def _place(sample: Sample) -> float:
    key = sample.group or " ".join(sample.text.lower().split())
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:8]) / 2**64


def _slices(sample: Sample) -> tuple[str, ...]:
    dated = () if not sample.date else ("before November 2022",) if sample.date < _CHATGPT else ("since November 2022",)
    return (*dated, *((sample.slice,) if sample.slice else ()))


@dataclass(frozen=True, slots=True)
class _Parted:
    fit: list[_Read]
    calibrate: list[_Read]
    report: list[_Read]

    @classmethod
    def of(cls, texts: Iterable[_Read], bounds: tuple[float, float]) -> _Parted:
        parts: tuple[list[_Read], ...] = ([], [], [])
        for text in texts:
            parts[sum(text.place >= bound for bound in bounds)].append(text)
        return cls(*parts)

    @property
    def counts(self) -> Parts:
        return Parts(len(self.fit), len(self.calibrate), len(self.report))


def _domain(name: str, texts: Sequence[_Read], fpr: float) -> Domain:
    human, model, vocabulary = _parted(texts)
    ratios = vocabulary.ratios() if vocabulary is not None else None
    calibrated = sorted(_score(text, ratios) for text in human.calibrate)
    threshold = _threshold(calibrated, fpr)
    reference, refused = _reference(human, model, ratios)
    made = Domain(
        name=name,
        human=human.counts,
        model=model.counts,
        score="list" if ratios is None else "fitted",
        threshold=threshold,
        quantiles=_quantiles(calibrated),
        false_positives=_share(()),
        true_positives=None,
        supported=False,
        verdict="",
        refused=refused,
        vocabulary=vocabulary,
        reference=reference,
    )
    return _reported(made, human.report, [*model.calibrate, *model.report], ratios, fpr)


def _pooled(read: Sequence[_Read], by_domain: Mapping[str, Sequence[_Read]], fpr: float) -> Domain:
    """Texts of unknown domain: scored over all domains together, with the threshold of the strictest one."""
    human, model, vocabulary = _parted(read)
    ratios = vocabulary.ratios() if vocabulary is not None else None
    scores = [sorted(_score(text, ratios) for text in human.calibrate if text.domain == name) for name in by_domain]
    known = [one for part in scores if (one := _threshold(part, fpr)) is not None]
    every = sorted(_score(text, ratios) for text in human.calibrate)
    made = Domain(
        name=POOLED,
        human=human.counts,
        model=model.counts,
        score="list" if ratios is None else "fitted",
        threshold=max(known) if known else _threshold(every, fpr),
        quantiles=_quantiles(every),
        false_positives=_share(()),
        true_positives=None,
        supported=False,
        verdict="",
        refused="no domain is known for these texts (filters.llm_style.domains, or a column `domain`), and outside the domain that "
        "it was counted in the estimate means nothing",
        vocabulary=vocabulary,
    )
    return _reported(made, human.report, [*model.calibrate, *model.report], ratios, fpr)


def _parted(texts: Sequence[_Read]) -> tuple[_Parted, _Parted, Vocabulary | None]:
    """Split human and model texts, and count their vocabulary where there are enough of both to fit one."""
    human, model = ([text for text in texts if text.llm is kind] for kind in (False, True))
    parts = _Parted.of(human, _FITTED), _Parted.of(model, _FITTED)
    if min(len(parts[0].fit), len(parts[1].fit)) < _FEWEST_FIT or len(parts[0].calibrate) < _FEWEST_HUMAN:
        return _Parted.of(human, _LISTED), _Parted.of(model, _LISTED), None
    vocabulary = fit_vocabulary(*([text.sentences for text in part.fit] for part in parts))
    if len(vocabulary.words) < _FEWEST_WORDS:
        return _Parted.of(human, _LISTED), _Parted.of(model, _LISTED), None
    return *parts, vocabulary


def _score(text: _Read, ratios: Ratios | None) -> float:
    return list_score(list(text.words)) if ratios is None else ratios.of_text(text.words)


def _threshold(scores: Sequence[float], fpr: float) -> float | None:
    """Return the score that a new human text passes with probability `fpr` at most, None under 20 human texts.

    Where there are too few for the rate itself it is the highest score seen, widened by a quarter of its distance from the median.
    """
    if len(scores) < _FEWEST_HUMAN:
        return None
    rank = math.ceil((len(scores) + 1) * (1 - fpr))
    if rank <= len(scores):
        return scores[rank - 1]
    return scores[-1] + (scores[-1] - scores[len(scores) // 2]) / 4


def _quantiles(scores: Sequence[float]) -> tuple[float, ...]:
    if len(scores) < _FEWEST_HUMAN:
        return ()
    return tuple(round(float(one), 6) for one in np.quantile(np.array(scores), np.linspace(0, 1, 101)))


def _share(hits: Sequence[bool]) -> Share:
    seen, of = sum(hits), len(hits)
    low, high = bounds(seen, of)
    return Share(seen, of, round(low, 6), round(high, 6), round(upper(seen, of), 6) if of else 1.0)


def _reported(made: Domain, human: Sequence[_Read], model: Sequence[_Read], ratios: Ratios | None, fpr: float) -> Domain:
    threshold = made.threshold
    if threshold is None:
        verdict = f"no threshold: {made.human.calibrate} human texts to set one on, {_FEWEST_HUMAN} are needed"
        return replace(made, verdict=verdict)
    above = [_score(text, ratios) > threshold for text in human]
    false = _share(above)
    supported = bool(human) and false.bound <= fpr
    names = sorted({name for text in human for name in text.slices})
    slices = tuple(
        Slice(name, _share([hit for text, hit in zip(human, above, strict=True) if name in text.slices])) for name in names
    )
    true = _share([_score(text, ratios) > threshold for text in model]) if model else None
    return replace(
        made,
        false_positives=false,
        true_positives=true,
        supported=supported,
        verdict=_verdict(false, fpr, supported),
        slices=slices,
    )


def _verdict(false: Share, fpr: float, supported: bool) -> str:
    seen = (
        f"{false.seen} of {false.of} human texts that were held back are above it (95 %: {false.low:.2%} to {false.high:.2%})"
    )
    if supported:
        return f"{seen}, so a false-positive rate of at most {fpr:.2%} is supported (one-sided, 95 %)"
    wanted = needed(false.seen, fpr)
    if false.of < wanted and false.seen <= false.of * fpr:
        return f"{seen}, too few to claim at most {fpr:.2%}: with {false.seen} above it {wanted} are needed"
    return f"{seen}, so at most {fpr:.2%} cannot be claimed; at most {false.bound:.2%} can"


def _reference(human: _Parted, model: _Parted, ratios: Ratios | None) -> tuple[Reference | None, str]:
    """Return what held-back texts say of the share that is estimated, or why no share can be estimated."""
    if ratios is None:
        return None, f"fewer than {_FEWEST_FIT} human and {_FEWEST_FIT} model texts of this domain to count words in"
    people = [*human.calibrate, *human.report]
    machines = [*model.calibrate, *model.report]
    baseline = _histograms(people, ratios)
    if int(baseline.sum()) < _FEWEST_SENTENCES:
        return (
            None,
            f"no baseline: {int(baseline.sum())} held-back human sentences of this domain, {_FEWEST_SENTENCES} are needed",
        )
    parts = [_histograms(people[part::8], ratios) for part in range(min(8, len(people)))]
    shares = [float(one) for one in share(np.array(parts))]
    known = [sum(word in ratios.weights for word in text.words) / len(text.words) for text in (*people, *machines)]
    middle, width = float(np.mean(known)), float(np.std(known))
    sides = [float(np.mean(side)) for side in (known[: len(people)], known[len(people) :]) if side]
    room = max(0.03, 0.5 * width)
    return (
        Reference(
            baseline=round(float(share(baseline[None, :])[0]), 6),
            spread=round(float(np.std(shares, ddof=1)) if len(shares) > 1 else 1.0, 6),
            ceiling=round(float(share(_histograms(machines, ratios)[None, :])[0]), 6) if machines else middle,
            known=(round(min(sides) - room, 6), round(max(sides) + room, 6)),
            sentences=int(baseline.sum()),
        ),
        "",
    )


def _histograms(texts: Iterable[_Read], ratios: Ratios) -> np.ndarray:
    bins = [bin_of(ratios.of_sentence(set(sentence))) for text in texts for sentence in text.sentences]
    return np.bincount(np.array(bins, np.int64), minlength=BINS).astype(np.float64)

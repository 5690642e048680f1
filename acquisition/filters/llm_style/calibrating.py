"""Makes a calibration from labelled lines: split, fit, threshold, and an error measured on texts that had no say in it.

Every document falls into the fit, calibrate or report part by a digest of its group (its `group`, else its text), so the same
file gives the same calibration and copies stay together. Where a domain has model texts, their words and those of the fit
part's human texts give the vocabulary; without any nothing is fitted and the published lists score. The threshold is the
smallest human score of the calibrate part that keeps the rate with one more human text (split conformal), the error comes
from the report part alone.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

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
_FEWEST_SPAN: Final = 0.3
_CHATGPT: Final = "2022-11-30"


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled text. `group` keeps texts of one author, site or pair in one part; `date` is ISO 8601; `slice` any name."""

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
    place: float
    llm: bool
    domain: str
    slices: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """All its words, in order."""
        return [word for sentence in self.sentences for word in sentence]


def calibrate(
    samples: Iterable[Sample], *, fpr: float = 0.01, min_words: int = 100, digest: str = "", made: str = ""
) -> Calibration:
    """Return the calibration of labelled texts; texts under `min_words` words are left out."""
    read: list[_Read] = []
    lines = 0
    known: dict[str, str] = {}  # one string per word: the sample is held in memory
    for sample in samples:
        lines += 1
        sentences = tuple(tuple(known.setdefault(word, word) for word in words) for words in sentences_of(sample.text))
        if sum(map(len, sentences)) >= min_words:
            read.append(_Read(sentences, _place(sample), sample.llm, sample.domain or UNNAMED, _slices(sample)))
    read.sort(key=lambda one: (one.place, one.llm, one.sentences))  # the order of the lines must not matter
    by_domain: dict[str, list[_Read]] = {}
    for one in read:
        by_domain.setdefault(one.domain, []).append(one)
    pooled = _scored(read, None)
    domains = {name: _domain(name, texts, pooled, fpr) for name, texts in sorted(by_domain.items()) if name != POOLED}
    domains[POOLED] = _pooled(pooled, sorted(by_domain), fpr)
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


@dataclass(frozen=True, slots=True)
class _Scored:
    """The parts of a domain and what its texts are scored by."""

    human: _Parted
    model: _Parted
    score: Literal["list", "fitted", "pooled"]
    vocabulary: Vocabulary | None
    ratios: Ratios | None


def _domain(name: str, texts: Sequence[_Read], pooled: _Scored, fpr: float) -> Domain:
    scored = _scored(texts, pooled)
    calibrated = sorted(_score(text, scored.ratios) for text in scored.human.calibrate)
    own = scored.ratios if scored.vocabulary is not None else None
    reference, refused = _reference(scored.human, scored.model, own)
    return _reported(_entry(name, scored, calibrated, _threshold(calibrated, fpr), refused), scored, reference, fpr)


def _pooled(scored: _Scored, names: Iterable[str], fpr: float) -> Domain:
    """Texts of unknown domain: scored over all domains together, with the threshold of the strictest one."""
    parts = [sorted(_score(text, scored.ratios) for text in scored.human.calibrate if text.domain == name) for name in names]
    known = [one for part in parts if (one := _threshold(part, fpr)) is not None]
    every = sorted(_score(text, scored.ratios) for text in scored.human.calibrate)
    refused = (
        "no domain is known for these texts (filters.llm_style.domains, or a column `domain`), and outside one it means nothing"
    )
    threshold = max(known) if known else _threshold(every, fpr)
    return _reported(_entry(POOLED, scored, every, threshold, refused), scored, None, fpr)


def _scored(texts: Sequence[_Read], pooled: _Scored | None) -> _Scored:
    """Split human and model texts, and count their vocabulary where there are enough of both; else take what is pooled."""
    human, model = ([text for text in texts if text.llm is kind] for kind in (False, True))
    people, machines = _Parted.of(human, _FITTED), _Parted.of(model, _FITTED)
    if len(people.calibrate) >= _FEWEST_HUMAN:
        if min(len(people.fit), len(machines.fit)) >= _FEWEST_FIT:
            vocabulary = fit_vocabulary([text.sentences for text in people.fit], [text.sentences for text in machines.fit])
            if len(vocabulary.words) >= _FEWEST_WORDS:
                return _Scored(people, machines, "fitted", vocabulary, vocabulary.ratios())
        if pooled is not None and pooled.ratios is not None:
            return _Scored(people, machines, "pooled", None, pooled.ratios)
    return _Scored(_Parted.of(human, _LISTED), _Parted.of(model, _LISTED), "list", None, None)


def _entry(name: str, scored: _Scored, scores: Sequence[float], threshold: float | None, refused: str) -> Domain:
    return Domain(
        name=name,
        human=scored.human.counts,
        model=scored.model.counts,
        score=scored.score,
        threshold=threshold,
        quantiles=_quantiles(scores),
        false_positives=_share(()),
        true_positives=None,
        supported=False,
        verdict="",
        refused=refused,
        vocabulary=scored.vocabulary,
    )


def _score(text: _Read, ratios: Ratios | None) -> float:
    return list_score(text.words) if ratios is None else ratios.of_text(text.words)


def _threshold(scores: Sequence[float], fpr: float) -> float | None:
    """Return the score that a new human text passes with probability `fpr` at most, None under 20 human texts.

    Where there are too few for the rate itself it is the highest score seen, widened by a quarter of its distance from the
    median.
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


def _reported(made: Domain, scored: _Scored, reference: Reference | None, fpr: float) -> Domain:
    """Add what the report part says; model texts of the calibrate part had no say in anything either."""
    made = replace(made, reference=reference)
    threshold, human, model = made.threshold, scored.human.report, [*scored.model.calibrate, *scored.model.report]
    if threshold is None:
        few = f"{made.human.calibrate} human texts to set one on, {_FEWEST_HUMAN} are needed"
        if made.name == POOLED:
            return replace(made, verdict=f"no threshold: {few}; no text of these domains is judged by its words")
        return replace(made, verdict=f"no threshold of its own: {few}; what is said of any other domain holds here")
    above = [_score(text, scored.ratios) > threshold for text in human]
    false = _share(above)
    names = sorted({name for text in human for name in text.slices})
    return replace(
        made,
        false_positives=false,
        true_positives=_share([_score(text, scored.ratios) > threshold for text in model]) if model else None,
        supported=bool(human) and false.bound <= fpr,
        verdict=_verdict(false, fpr),
        slices=tuple(
            Slice(name, _share([hit for text, hit in zip(human, above, strict=True) if name in text.slices])) for name in names
        ),
    )


def _verdict(false: Share, fpr: float) -> str:
    seen = (
        f"{false.seen} of {false.of} human texts that were held back are above it (95 %: {false.low:.2%} to {false.high:.2%})"
    )
    if false.of and false.bound <= fpr:
        return f"{seen}, so a false-positive rate of at most {fpr:.2%} is supported (one-sided, 95 %)"
    wanted = needed(false.seen, fpr)
    if false.of < wanted and false.seen <= max(1, false.of * fpr):
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
    if len(machines) < _FEWEST_HUMAN:
        return (
            None,
            (
                f"{len(machines)} held-back model texts of this domain, {_FEWEST_HUMAN} are needed to see what the estimate "
                f"reports on them"
            ),
        )
    parts = [_histograms(people[part::8], ratios) for part in range(min(8, len(people)))]
    shares = [float(one) for one in share(np.array(parts))]
    low, high = (float(share(_histograms(side, ratios)[None, :])[0]) for side in (people, machines))
    if high - low < _FEWEST_SPAN:
        return (
            None,
            f"its human and model texts use the same words: the estimate reports {low:.2f} on these and {high:.2f} on those",
        )
    known = [[_known(text, ratios) for text in side] for side in (people, machines)]
    room = max(0.03, 0.5 * float(np.std(known[0] + known[1])))
    means = [float(np.mean(side)) for side in known]
    bounds_of = (round(min(means) - room, 6), round(max(means) + room, 6))
    spread = float(np.std(shares, ddof=1)) if len(shares) > 1 else 1.0
    return Reference(round(low, 6), round(spread, 6), round(high, 6), bounds_of, int(baseline.sum())), ""


def _known(text: _Read, ratios: Ratios) -> float:
    words = text.words
    return sum(word in ratios.weights for word in words) / len(words)


def _histograms(texts: Iterable[_Read], ratios: Ratios) -> np.ndarray:
    bins = [bin_of(ratios.of_sentence(set(sentence))) for text in texts for sentence in text.sentences]
    return np.bincount(np.array(bins, np.int64), minlength=BINS).astype(np.float64)

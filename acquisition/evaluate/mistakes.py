"""Which lines were missed or wrong, so that somebody can look at them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from acquisition.evaluate.labelled import AdultLine, DuplicateLine, LlmLine, PiiLine, QualityLine
from acquisition.evaluate.running import Answers
from acquisition.evaluate.scores import Counting, acted_on, cluster_of, codes_for, hit_codes, labelled_codes, spans_of


@dataclass(frozen=True, slots=True)
class Mistake:
    """One line: its id and number, what it holds that was not said, and what was said that it does not hold."""

    id: str
    line: int
    missed: tuple[str, ...]
    wrong: tuple[str, ...]


def pii(lines: Sequence[PiiLine], answers: Answers, counting: Counting) -> Iterator[Mistake]:
    """Yield texts with spans of a type that nothing overlaps; the place is told, never what stands there."""
    labelled = {span.entity_type for line in lines for span in line.spans}
    for line in lines:
        real = [(span.entity_type, span.start, span.end) for span in line.spans]
        said = spans_of(answers.flags.get(line.id, ()), counting, labelled)
        missed = [_span(one) for one in real if not any(_meet(one, other) for other in said)]
        wrong = [_span(one) for one in said if not any(_meet(one, other) for other in real)]
        if missed or wrong:
            yield Mistake(line.id, line.number, tuple(missed), tuple(wrong))


def _span(one: tuple[str, int, int]) -> str:
    return f"{one[0]} at {one[1]}-{one[2]}"


def _meet(one: tuple[str, int, int], other: tuple[str, int, int]) -> bool:
    return one[0] == other[0] and one[1] < other[2] and other[1] < one[2]


def duplicates(lines: Sequence[DuplicateLine], answers: Answers, counting: Counting) -> Iterator[Mistake]:
    """Yield samples that lie apart from one of their cluster, or together with one of another."""
    del counting
    said = {line.id: cluster_of(line.id, answers) for line in lines}
    truth = {line.id: str(line.cluster) if line.cluster is not None else f"\0{line.id}" for line in lines}
    parts: dict[str, Counter[str]] = defaultdict(Counter)
    together: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        parts[truth[line.id]][said[line.id]] += 1
        together[said[line.id]][truth[line.id]] += 1
    for line in lines:
        most = parts[truth[line.id]].most_common(1)[0][0]
        missed = (f"cluster {line.cluster}",) if len(parts[truth[line.id]]) > 1 and said[line.id] != most else ()
        others = [name for name in together[said[line.id]] if name != truth[line.id]]
        wrong = tuple(f"together with {name.removeprefix(chr(0))}" for name in sorted(others)[:3])
        if missed or wrong:
            yield Mistake(line.id, line.number, missed, wrong)


def llm_style(lines: Sequence[LlmLine], answers: Answers, counting: Counting) -> Iterator[Mistake]:
    """Yield texts that were judged otherwise than they are labelled."""
    del counting
    codes = hit_codes("llm_style", answers)
    for line in lines:
        said = sorted(answers.codes(line.id) & codes)
        if bool(said) != line.llm:
            yield Mistake(line.id, line.number, ("llm",) if line.llm else (), tuple(said))


def adult(lines: Sequence[AdultLine], answers: Answers, counting: Counting) -> Iterator[Mistake]:
    """Yield samples that were judged otherwise than they are labelled."""
    for line in lines:
        said = sorted({one.code for one in answers.flags.get(line.id, ()) if acted_on(one, counting)})
        if bool(said) != line.adult:
            yield Mistake(line.id, line.number, ("adult",) if line.adult else (), tuple(said))


def quality(lines: Sequence[QualityLine], answers: Answers, counting: Counting) -> Iterator[Mistake]:
    """Yield samples with a code that was not said, or one that they do not deserve."""
    for line in lines:
        real, said = labelled_codes(line), codes_for(line.id, answers, counting)
        if real != said:
            yield Mistake(line.id, line.number, tuple(sorted(real - said)), tuple(sorted(said - real)))


MISTAKES: Final[Mapping[str, Callable[[Sequence[Any], Answers, Counting], Iterator[Mistake]]]] = {
    "pii": pii,
    "duplicates": duplicates,
    "llm_style": llm_style,
    "adult": adult,
    "quality": quality,
}

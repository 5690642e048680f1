"""Comparing what filters said with the labels: one function per filter, from lines and answers to tallies."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import comb
from typing import Any, Final

from acquisition import plugins
from acquisition.curate.policy import Policy
from acquisition.evaluate.labelled import AdultLine, DuplicateLine, LlmLine, PiiLine, QualityLine
from acquisition.evaluate.metrics import Tally
from acquisition.evaluate.running import Answers, Said
from acquisition.model import Outcome

OVERALL: Final = "overall"


class Counting:
    """Which flags count as hits: what the policy acts on, and never what the filter calls a note."""

    def __init__(self, name: str, policy: Policy) -> None:
        self._notes = plugins.filter_class(name).notes
        self._policy = policy

    def acts(self, said: Said) -> bool:
        """Say whether the policy would do anything but keep the item for this flag."""
        return not self.notes(said.code) and self._policy.outcome_for(said.code, said.score, "*")[0] != Outcome.KEEP

    def notes(self, code: str) -> bool:
        """Say whether the code reports a figure and accuses nothing."""
        return code in self._notes


def _gave_up(code: str) -> bool:
    return code.endswith(".not-checked")


# --- personal data ------------------------------------------------------------------------------------------------------


def entity_of(code: str) -> str:
    """Return Presidio's name for a code ("pii.email-address" → "EMAIL_ADDRESS")."""
    return code.partition(".")[2].replace("-", "_").upper()


def pii(lines: Sequence[PiiLine], answers: Answers, counting: Counting) -> list[Tally]:
    """Score spans by overlap of the same type, and documents by whether they hold anything of the labelled types."""
    labelled = {span.entity_type for line in lines for span in line.spans}
    known = {entity_of(code) for code in plugins.filter_class("pii").codes if code not in answers.codes_off}
    truth = {line.id: [(span.entity_type, span.start, span.end) for span in line.spans] for line in lines}
    said = {line.id: spans_of(answers.flags.get(line.id, ()), counting, labelled) for line in lines}
    gave_up = {line for line, flags in answers.flags.items() if any(_gave_up(flag.code) for flag in flags)}
    types = sorted(labelled.union(kind for spans in said.values() for kind, _, _ in spans))
    tallies = [_span_tally(kind, truth, said, (kind not in known, gave_up)) for kind in types]
    sought = labelled & known
    documents = [
        (any(kind in sought for kind, _, _ in truth[line.id]), any(kind in sought for kind, _, _ in said[line.id]))
        for line in lines
    ]
    checked = [tally for tally in tallies if tally.name in known]
    return [
        _sum(OVERALL, "spans", tallies),
        *([_sum("of types that are looked for", "spans", checked)] if len(checked) < len(tallies) else []),
        Tally.of("holds any that is looked for", "documents", documents),
        *tallies,
    ]


def spans_of(flags: Iterable[Said], counting: Counting, labelled: set[str]) -> list[tuple[str, int, int]]:
    """Return the spans that count; a note counts where the file labels its type."""
    return [
        (entity_of(flag.code), flag.start, flag.end)
        for flag in flags
        if flag.field == "text"
        and flag.start >= 0
        and (counting.acts(flag) or (counting.notes(flag.code) and entity_of(flag.code) in labelled))
    ]


def _span_tally(
    kind: str,
    truth: Mapping[str, list[tuple[str, int, int]]],
    said: Mapping[str, list[tuple[str, int, int]]],
    unseen: tuple[bool, set[str]],
) -> Tally:
    found = missed = right = wrong = clean = alarms = unchecked = 0
    for line, spans in truth.items():
        real = [(start, end) for name, start, end in spans if name == kind]
        seen = [(start, end) for name, start, end in said[line] if name == kind]
        hits = sum(_meets(span, seen) for span in real)
        good = sum(_meets(span, real) for span in seen)
        found, missed = found + hits, missed + len(real) - hits
        right, wrong = right + good, wrong + len(seen) - good
        clean, alarms = clean + (not real), alarms + (not real and bool(seen))
        unchecked += len(real) - hits if unseen[0] or line in unseen[1] else 0
    return Tally(kind, "spans", found, missed, right, wrong, clean, alarms, unchecked)


def _meets(span: tuple[int, int], others: Iterable[tuple[int, int]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in others)


def _sum(name: str, unit: str, tallies: Sequence[Tally]) -> Tally:
    """Add tallies of disjoint kinds; `clean` units are then pairs of a document and a kind."""
    counted: Counter[str] = Counter()
    for tally in tallies:
        counted.update({key: getattr(tally, key) for key in _COUNTED})
    return Tally(name, unit, **{key: counted[key] for key in _COUNTED})


_COUNTED: Final = ("found", "missed", "right", "wrong", "clean", "alarms", "unchecked")


# --- duplicates ---------------------------------------------------------------------------------------------------------


def duplicates(lines: Sequence[DuplicateLine], answers: Answers, counting: Counting) -> list[Tally]:
    """Score pairs: the truth is every pair inside a labelled cluster; pairs of equal bytes are exact, the others near."""
    del counting  # what the filter links is judged, whatever the policy makes of it
    content = {line.id: line.text if line.text is not None else f"\0{_same(line, answers)}" for line in lines}
    truth = {line.id: f"c{line.cluster}" if line.cluster is not None else f"\0{line.id}" for line in lines}
    said = {line.id: cluster_of(line.id, answers) for line in lines}
    both = [(truth[line.id], said[line.id], content[line.id]) for line in lines]
    exact = _pairs((real, text) for real, _, text in both), _pairs((guess, text) for _, guess, text in both)
    exact_hits = _pairs(both)
    every = _pairs(real for real, _, _ in both), _pairs(guess for _, guess, _ in both)
    hits = _pairs((real, guess) for real, guess, _ in both)
    alone = Counter(truth.values())
    single = [line.id for line in lines if alone[truth[line.id]] == 1]
    groups = Counter(said.values())
    alarms = sum(groups[said[line]] > 1 for line in single)
    unseen = sum(line.id in answers.unseen for line in lines)
    tallies = [
        _pair_tally(OVERALL, hits, every, (len(single), alarms)),
        _pair_tally("exact", exact_hits, exact, (0, 0)),
        _pair_tally("near", hits - exact_hits, (every[0] - exact[0], every[1] - exact[1]), (0, 0)),
    ]
    if any(line.label is not None for line in lines):
        tallies.append(_conflicts(lines, answers, content))
    return [*tallies, *([Tally("not looked at", "items", missed=unseen, unchecked=unseen)] if unseen else [])]


def _same(line: DuplicateLine, answers: Answers) -> str:
    """Name a file's content: files that are equal byte by byte have one digest."""
    return answers.digests.get(line.id, line.id)


def cluster_of(line: str, answers: Answers) -> str:
    """Return the cluster that the filter put a line into, or a name of its own."""
    named = sorted(str(flag.detail["cluster"]) for flag in answers.flags.get(line, ()) if flag.detail.get("cluster"))
    return named[0] if named else f"\0{line}"


def _pairs(groups: Iterable[Any]) -> int:
    return sum(comb(size, 2) for size in Counter(groups).values())


def _pair_tally(name: str, hits: int, pairs: tuple[int, int], singles: tuple[int, int]) -> Tally:
    real, said = pairs
    return Tally(name, "pairs", hits, real - hits, hits, said - hits, *singles)


def _conflicts(lines: Sequence[DuplicateLine], answers: Answers, content: Mapping[str, str]) -> Tally:
    """Score label conflicts among samples of equal content."""
    labels: dict[str, set[str]] = defaultdict(set)
    clusters: dict[object, set[str]] = defaultdict(set)
    for line in lines:
        if line.label is not None:
            labels[content[line.id]].add(str(line.label).strip().casefold())
            clusters[line.cluster if line.cluster is not None else line.id].add(str(line.label).strip().casefold())
    pairs = []
    for line in lines:
        said = any(flag.code == "duplicate.label-conflict" for flag in answers.flags.get(line.id, ()))
        real = len(labels[content[line.id]]) > 1
        if not real and said and len(clusters[line.cluster if line.cluster is not None else line.id]) > 1:
            real = True  # nearly the same content under another label: the filter may say so
        pairs.append((real, said))
    return Tally.of("duplicate.label-conflict", "items", pairs)


# --- one verdict per line -----------------------------------------------------------------------------------------------


def llm_style(lines: Sequence[LlmLine], answers: Answers, counting: Counting) -> list[Tally]:
    """Score texts, over all, per cue and per domain. Phrases and a calibrated threshold count, the bare score does not."""
    del counting  # the policy keeps what a threshold says of one text; here it is measured
    codes = sorted(hit_codes("llm_style", answers))
    said = {line.id: answers.codes(line.id) & set(codes) for line in lines}
    domains = sorted({line.domain for line in lines if line.domain is not None})
    tallies = [Tally.of(OVERALL, "texts", [(line.llm, bool(said[line.id])) for line in lines])]
    if len(codes) > 1:
        tallies += [Tally.of(code, "texts", [(line.llm, code in said[line.id]) for line in lines]) for code in codes]
    tallies += [
        Tally.of(f"domain {domain}", "texts", [(line.llm, bool(said[line.id])) for line in lines if line.domain == domain])
        for domain in domains
    ]
    return tallies


def hit_codes(name: str, answers: Answers) -> set[str]:
    """Return the codes that were said, less notes and what was given up."""
    notes = plugins.filter_class(name).notes
    return {
        flag.code for flags in answers.flags.values() for flag in flags if flag.code not in notes and not _gave_up(flag.code)
    }


def acted_on(said: Said, counting: Counting) -> bool:
    """Say whether a flag accuses: the policy would act on it, and it is not about what was given up."""
    return counting.acts(said) and not _gave_up(said.code)


def codes_for(line: str, answers: Answers, counting: Counting) -> set[str]:
    """Return the codes that accuse a line, of its items or of its table."""
    return {code for code in answers.codes(line) if not counting.notes(code) and not _gave_up(code)}


def labelled_codes(line: QualityLine) -> set[str]:
    """Return the codes that a line deserves, with their family."""
    return {_family(code) for code in line.codes}


def adult(lines: Sequence[AdultLine], answers: Answers, counting: Counting) -> list[Tally]:
    """Score samples, and each kind of sample apart."""
    said = {line.id: any(acted_on(one, counting) for one in answers.flags.get(line.id, ())) for line in lines}
    unseen = answers.unseen | {
        line for line, flags in answers.flags.items() if any(_gave_up(flag.code) for flag in flags) and not said.get(line)
    }
    kinds = sorted({answers.modality.get(line.id, "text") for line in lines})

    def tally(name: str, chosen: Sequence[AdultLine]) -> Tally:
        unchecked = sum(line.adult and line.id in unseen for line in chosen)
        return Tally.of(name, "samples", [(line.adult, said[line.id]) for line in chosen], unchecked)

    by_kind = [tally(kind, [line for line in lines if answers.modality.get(line.id, "text") == kind]) for kind in kinds]
    return [tally(OVERALL, lines), *(by_kind if len(kinds) > 1 else [])]


def quality(lines: Sequence[QualityLine], answers: Answers, counting: Counting) -> list[Tally]:
    """Score codes line by line; a note is no code, whatever the policy makes of the others."""
    known = set(plugins.filter_class("quality").codes) - answers.codes_off
    truth = {line.id: labelled_codes(line) for line in lines}
    said = {line.id: codes_for(line.id, answers, counting) for line in lines}
    names = sorted(set().union(*truth.values(), *said.values()))
    tallies = []
    for name in names:
        pairs = [(name in truth[line.id], name in said[line.id]) for line in lines]
        missed = sum(real and not seen for real, seen in pairs)
        tallies.append(Tally.of(name, "samples", pairs, 0 if name in known else missed))
    return [
        _sum(OVERALL, "codes", tallies),
        Tally.of("has any fault", "samples", [(bool(truth[line.id]), bool(said[line.id])) for line in lines]),
        *tallies,
    ]


def _family(code: str) -> str:
    return code if "." in code else f"quality.{code}"


Score = Callable[[Sequence[Any], Answers, Counting], list[Tally]]
SCORES: Final[Mapping[str, Score]] = {
    "pii": pii,
    "duplicates": duplicates,
    "llm_style": llm_style,
    "adult": adult,
    "quality": quality,
}

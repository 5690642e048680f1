"""The whole: read the lines, run the filter, compare, report."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from acquisition import plugins
from acquisition.curate.policy import Policy
from acquisition.errors import UsageError
from acquisition.evaluate.claims import claims
from acquisition.evaluate.labelled import LINES, Line, QualityLine, read_lines
from acquisition.evaluate.metrics import Tally
from acquisition.evaluate.mistakes import MISTAKES, Mistake
from acquisition.evaluate.running import Answers, not_checked, run
from acquisition.evaluate.samples import gather
from acquisition.evaluate.scores import SCORES, Counting, labelled_codes
from acquisition.model import Observation
from acquisition.settings import FilterSettings

SCORED: Final = tuple(LINES)
"""Filters that a labelled file can be made for."""


@dataclass(frozen=True, slots=True)
class Report:
    """How right a filter was on one labelled file; the first tally is over all."""

    filter: str
    version: int
    file: str
    lines: int
    settings: Mapping[str, Any]
    tallies: tuple[Tally, ...]
    not_checked: tuple[str, ...]
    observations: tuple[Observation, ...]
    notes: tuple[str, ...]
    mistakes: tuple[Mistake, ...]
    items: int
    octets: int
    seconds: float
    cpu: float
    prepared: float

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        rate = self.items / self.seconds if self.seconds else None
        return {
            "filter": self.filter,
            "version": self.version,
            "file": self.file,
            "lines": self.lines,
            "settings": dict(self.settings),
            "results": [tally.plain() for tally in self.tallies],
            "not_checked": list(self.not_checked),
            "observations": [asdict(one) for one in self.observations],
            "notes": list(self.notes),
            "mistakes": [asdict(one) for one in self.mistakes],
            "throughput": {
                "items": self.items,
                "bytes": self.octets,
                "seconds": round(self.seconds, 4),
                "cpu_seconds": round(self.cpu, 4),
                "prepare_seconds": round(self.prepared, 4),
                "items_per_second": None if rate is None else round(rate, 1),
            },
        }


def evaluate(
    name: str, file: Path, settings: FilterSettings | None = None, *, policy: Policy | None = None, base: str = "."
) -> Report:
    """Run one filter over a labelled file and compare.

    `settings` are the filter's defaults where None; `policy` says which scores of personal data count (the built-in one); paths
    in settings are relative to `base`. UsageError for a filter without a labelled form, or for lines that are not labelled so.
    """
    if name not in LINES:
        known = ", ".join(SCORED)
        raise UsageError(f"no labelled file can be made for a filter {name!r}", hint=f"Filters that can be evaluated: {known}.")
    lines = read_lines(file, LINES[name])
    plugin = plugins.filter_class(name)
    settings = settings or plugin.Settings()
    if name == "license":
        tallies, answers, notes, mistakes = claims(lines)
    else:
        answers = _answers(name, lines, settings, file.parent, base)
        counting = Counting(name, policy or Policy())
        tallies, mistakes = SCORES[name](lines, answers, counting), list(MISTAKES[name](lines, answers, counting))
        notes = list(_notes(answers, lines))
        if name == "quality":
            notes += _unknown(lines, plugin.codes)
    return Report(
        filter=name,
        version=plugin.version,
        file=str(file),
        lines=len(lines),
        settings=settings.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        tallies=tuple(tallies),
        not_checked=tuple(answers.not_checked),
        observations=tuple(answers.overall),
        notes=tuple(notes),
        mistakes=tuple(mistakes),
        items=answers.items,
        octets=answers.octets,
        seconds=answers.seconds,
        cpu=answers.cpu,
        prepared=answers.prepared,
    )


def _answers(name: str, lines: Sequence[Line], settings: FilterSettings, beside: Path, base: str) -> Answers:
    """Run the filter; lines of another language than the declared ones are looked at as texts of that language."""
    answers = Answers()
    groups = list(_by_language(lines, settings))
    for number, (set_as, group) in enumerate(groups):
        with tempfile.TemporaryDirectory(prefix="acquire-evaluate-") as folder:
            samples = gather(group, Path(folder) / f"items-{number}", beside)
            answers.add(run(name, set_as, samples, Path(folder) / "flags", base))
    if len(groups) > 1:
        # One filter for each language would say the same in as many ways; one for all says it once.
        spoken = tuple(dict.fromkeys(language for set_as, _ in groups for language in getattr(set_as, "languages", ())))
        answers.not_checked = not_checked(name, settings.model_copy(update={"languages": spoken}), base)
    return answers


def _by_language(lines: Sequence[Line], settings: FilterSettings) -> Iterable[tuple[FilterSettings, list[Line]]]:
    """Group lines by language where the filter has one to be told and the declaration leaves it open."""
    if "languages" not in type(settings).model_fields or "languages" in settings.model_fields_set:
        return [(settings, list(lines))]
    groups: dict[str | None, list[Line]] = defaultdict(list)
    for line in lines:
        groups[getattr(line, "language", None)].append(line)
    return [
        (settings.model_copy(update={"languages": (language,)}) if language else settings, group)
        for language, group in sorted(groups.items(), key=lambda entry: entry[0] or "")
    ]


def _unknown(lines: Sequence[QualityLine], codes: Iterable[str]) -> Iterable[str]:
    """Name the labels that no code of the filter answers to: a slip of the pen would else look like a blind spot."""
    unknown = sorted(set().union(*(labelled_codes(line) for line in lines)) - set(codes))
    if unknown:
        yield f"the filter has no such code, so it counts as not checked: {', '.join(unknown[:10])}"


def _notes(answers: Answers, lines: Sequence[Line]) -> Iterable[str]:
    """Say what could not be read, and what the filter itself gave up."""
    unread = sum(bool(codes) for codes in answers.rejected.values())
    if unread:
        codes = sorted(set().union(*answers.rejected.values()))
        yield f"of {unread:,} files something could not be read: {', '.join(codes)}"
    if answers.unseen:
        yield f"{len(answers.unseen):,} of {len(lines):,} samples were not looked at"
    gave_up = sum(any(flag.code.endswith(".not-checked") for flag in flags) for flags in answers.flags.values())
    if gave_up:
        yield f"on {gave_up:,} samples the filter gave up a part of its work and said so"

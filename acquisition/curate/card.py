"""README.md of the curated set, with a head for the Hub and `datasets`, and LICENSES.md with every license of a kept item.

The layout writes the head's `configs`; the rest follows when everything is in place. No date and no machine's name is in
it, so the same items give the same card.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from acquisition.curate.hub import dataset_info, head_problems, license_head, size_category, tags
from acquisition.errors import ExportRefused
from acquisition.markdown import escaped
from acquisition.model import Observation, Release
from acquisition.places import came_from
from acquisition.protocols import Outline
from acquisition.rights.expressions import identifiers
from acquisition.rights.titles import name_of, url_of
from acquisition.settings import ContactSettings, CuratedSettings, DatasetSettings

NAME: Final = "README.md"
LICENSES: Final = "LICENSES.md"
MISSING: Final = "TO BE PROVIDED"
_OBSERVED: Final = 50
_CODES: Final = 30
_ASKED: Final = (
    ("card.uses", "Uses", "What it is meant for, and what it must not be used for."),
    ("card.bias", "Bias and limits", "What it shows too much of, too little of, or wrongly."),
    ("card.social-impact", "Social impact", "Whom it may help or harm."),
)
"""Sections that only a person can write: `dataset.answers` under these names."""


def write_head(
    directory: Path, configs: Sequence[Mapping[str, Any]], features: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
) -> None:
    """Write README.md with nothing but its head: the configs, and by their names the features that no file of theirs tells."""
    told = [{"config_name": name, "features": list(found)} for name, found in (features or {}).items()]
    (directory / NAME).write_text(_head({"configs": list(configs), "dataset_info": told}), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Checks:
    """The releases, what filters found of whole sources, what none of them looked at, and which ran in which version."""

    releases: Sequence[Release] = ()
    not_checked: Sequence[str] = ()
    observations: Sequence[Observation] = ()
    filters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Composition:
    """What became of the items: kept ones by source and concluded license and by modality, all by outcome and decisive code."""

    kept: Mapping[tuple[str, str], int] = field(default_factory=dict)
    decided: Mapping[tuple[str, str], int] = field(default_factory=dict)
    modalities: Mapping[str, int] = field(default_factory=dict)

    @property
    def licenses(self) -> list[str]:
        """The concluded licenses of the kept items, sorted."""
        return sorted({license_ for _, license_ in self.kept})


@dataclass(frozen=True, slots=True)
class Declared:
    """What a person has declared of the set."""

    dataset: DatasetSettings
    curated: CuratedSettings
    contact: ContactSettings | None = None


def write_card(directory: Path, declared: Declared, outline: Outline, checks: Checks, made: Composition) -> None:
    """Complete README.md, and write LICENSES.md; whatever head the layout wrote stays in it.

    ExportRefused when the head would say what the items are not, or name files that are not there.
    """
    own = not (directory / LICENSES).exists()  # a file of the set may be called so
    if own:
        (directory / LICENSES).write_text(_licenses(declared.dataset, made), encoding="utf-8")
    laid = _read_head(directory / NAME)
    told = {one["config_name"]: one["features"] for one in laid.pop("dataset_info", ())}
    infos = dataset_info(directory, laid.get("configs", ()), outline.splits, told)
    head = {
        "pretty_name": declared.dataset.title or declared.dataset.name,
        **_answered(declared.dataset),
        **license_head(made.licenses, LICENSES if own else NAME),
        "size_categories": [size_category(outline.items)],
        "tags": tags(made.modalities, declared.curated.layout),
        **({"source_datasets": sources} if (sources := _hub_sources(checks.releases, made)) else {}),
        **({"dataset_info": infos if len(infos) > 1 else infos[0]} if infos else {}),
    } | laid
    if faults := head_problems(head, made.licenses, outline.items, directory):
        raise ExportRefused(f"the card would not be what the set is: {'; '.join(faults[:5])}", where=NAME)
    body = "".join(_body(declared, outline, checks, made))
    (directory / NAME).write_text(_head(head) + body, encoding="utf-8")


def _answered(dataset: DatasetSettings) -> dict[str, list[str]]:
    """Return languages and tasks as a person has answered them, separated by commas."""
    told = {key: dataset.answers.get(f"card.{key}", "") for key in ("language", "task_categories")}
    return {key: [one.strip() for one in answer.split(",") if one.strip()] for key, answer in told.items() if answer.strip()}


def _read_head(target: Path) -> dict[str, Any]:
    if not target.is_file():
        return {}
    match = re.match(r"---\n(.*?)\n---\n", target.read_text(encoding="utf-8"), re.DOTALL)
    return dict(yaml.safe_load(match[1]) or {}) if match else {}


def _head(values: Mapping[str, Any]) -> str:
    return f"---\n{yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)}---\n"


def _hub_sources(releases: Sequence[Release], made: Composition) -> list[str]:
    """Return the Hub's data sets that it extends, in the Hub's words."""
    kept = {source for source, _ in made.kept}
    found = (
        re.search(r"/datasets/([\w.-]+/[\w.-]+)$", one.homepage)
        for one in releases
        if one.kind == "huggingface" and one.source in kept
    )
    return sorted({f"extended|{match[1]}" for match in found if match})


def _own(text: str) -> str:
    """Return what a person has written for the card, or we have counted, as text; nothing of it is cut."""
    return escaped(text, len(text))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; cells are escaped."""
    lines = [header, ["---"] * len(header), *([escaped(value) for value in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _linked(license_: str) -> str:
    """Return an expression with the page of each of its licenses behind it."""
    pages = [f"<{url}>" for one in identifiers(license_) if (url := url_of(one))]
    return f"{_own(license_)} {' '.join(pages)}".rstrip()


def _licenses(dataset: DatasetSettings, made: Composition) -> str:
    counts: Counter[str] = Counter()
    for (_, license_), count in made.kept.items():
        counts[license_] += count
    lines = [f"| {_own(name_of(one))} | {_linked(one)} | {count:,} |" for one, count in sorted(counts.items())]
    return "\n".join(
        [
            f"# Licenses of {_own(dataset.title or dataset.name)}",
            "",
            "Every item has its own license; its record in the set and in the manifest names it. None stands for the whole.",
            "",
            "| license | SPDX | items |",
            "| --- | --- | --- |",
            *lines,
            "",
        ]
    )


def _body(declared: Declared, outline: Outline, checks: Checks, made: Composition) -> Sequence[str]:
    dataset = declared.dataset
    splits = table(("split", "items"), [(name, f"{count:,}") for name, count in outline.splits.items()])
    kinds = ", ".join(f"{count:,} {name}" for name, count in sorted(made.modalities.items()) if count)
    parts = [
        f"# {_own(dataset.title or dataset.name)}\n",
        f"{_own(dataset.description)}\n" if dataset.description else "",
        f"{outline.items:,} items{f' ({kinds})' if kinds else ''}.\n\n{splits}",
        f"## Sources and licenses\n\n{_SOURCES}\n\n{_sources(checks.releases, made)}",
        f"## Curation\n\n{_curation(declared.curated, checks, made)}",
        "## Personal and sensitive information\n\n"
        + _personal(made)
        + _observed(checks.observations)
        + _not_checked(checks.not_checked),
        f"## Opt-outs\n\n{_opt_outs(made)}",
        *(f"## {title}\n\n{_answer(dataset, key, asked)}" for key, title, asked in _ASKED),
        f"## Credit and removal\n\n{_contact(declared.contact)}",
    ]
    return ["\n", "\n".join(part for part in parts if part)]


_SOURCES: Final = (
    "Every item has its own license; the manifest names it, with its evidence. LICENSES.md names each license of the set."
)


def _sources(releases: Sequence[Release], made: Composition) -> str:
    """Return a row for every license of every source that kept something."""
    by_name = {release.source: release for release in releases}
    rows = []
    for (source, license_), count in sorted(made.kept.items()):
        release = by_name.get(source)
        told = ("", "", "")
        if release is not None:
            said = ", ".join(release.license.raw) or "nothing said"
            told = (came_from(release) or release.title or release.kind, release.revision, said)
        rows.append([escaped(source), *map(escaped, told), _linked(license_), f"{count:,}"])
    header = ("source", "from", "revision", "license as published", "license concluded", "items")
    return "".join(f"| {' | '.join(line)} |\n" for line in (header, ["---"] * len(header), *rows))


def _curation(curated: CuratedSettings, checks: Checks, made: Composition) -> str:
    """Return the funnel from what was found to what is kept, the filters, and how it was divided."""
    outcomes: Counter[str] = Counter()
    for (outcome, _), count in made.decided.items():
        outcomes[outcome] += count
    told = ", ".join(f"{outcome} {count:,}" for outcome, count in sorted(outcomes.items()))
    reasons = [(outcome, f"`{code}`", f"{count:,}") for (outcome, code), count in sorted(made.decided.items()) if code]
    shown = table(("outcome", "decided by", "items"), reasons[:_CODES]).replace("\\`", "`") if reasons else ""
    more = f"\nand {len(reasons) - _CODES:,} more reasons in the manifest.\n" if len(reasons) > _CODES else ""
    filters = ", ".join(f"{name} {version}" for name, version in sorted(checks.filters.items())) or "none"
    splits = curated.splits
    shares = ", ".join(f"{name} {share:g}" for name, share in sorted(splits.shares.items())) or "as published, else train"
    return (
        f"{sum(outcomes.values()):,} items were found: {told}.\n\n{shown}{more}\nFilters that ran: {filters}. "
        f"Splits: {shares}; items that share {', '.join(splits.group_by)} never part; seed {splits.seed}.\n"
    )


def _personal(made: Composition) -> str:
    found = [
        (outcome, f"{code}: {count:,} {outcome}")
        for (outcome, code), count in sorted(made.decided.items())
        if code.startswith("pii.")
    ]
    if not found:
        return "No item was decided by a flag for personal data; that is no proof that there are none.\n\n"
    return "Items decided by personal data: " + _own("; ".join(told for _, told in found)) + ".\n\n"


def _opt_outs(made: Composition) -> str:
    found = [
        f"{code}: {count:,} {outcome}" for (outcome, code), count in sorted(made.decided.items()) if code.startswith("opt-out.")
    ]
    told = _own("; ".join(found)) or "no item was decided by one"
    return f"What publishers say by machine against training was read where it was met: {told}. The manifest has the texts.\n"


def _answer(dataset: DatasetSettings, key: str, asked: str) -> str:
    answer = dataset.answers.get(key, "").strip()
    return f"{_own(answer)}\n" if answer else f"{MISSING}: {asked}\n"


def _contact(contact: ContactSettings | None) -> str:
    told = (
        f"To have an item removed, write to {_own(contact.name)}, {_own(contact.email)}, <{contact.url}>."
        if contact
        else f"Whom to ask for removal: {MISSING}."
    )
    return f"Whom to credit for each item stands in ATTRIBUTIONS of the manifest. {told}\n"


def _observed(observations: Sequence[Observation]) -> str:
    """Return what was found of whole sources; columns and tables are told one by one in the manifest."""
    whole = [one for one in observations if not one.asset and not one.field]
    if not whole:
        return ""
    rows = [(one.place, f"`{one.code}`", one.figure, f"{one.items:,}", one.detail) for one in whole[:_OBSERVED]]
    rest = len(observations) - len(rows)
    more = f"\nand {rest:,} more of sources, tables and columns in the manifest.\n" if rest else ""
    return table(("of", "what", "value", "items", "meaning"), rows).replace("\\`", "`") + more + "\n"


def _not_checked(sentences: Sequence[str]) -> str:
    if not sentences:
        return "What the filters looked at, and what they found, is in the manifest.\n"
    return "Nobody has checked:\n\n" + "".join(f"* {_own(sentence)}\n" for sentence in sentences)

"""README.md of the curated set: a head that tells `datasets` where the files are, and what a person reads first.

The layout writes the head's `configs`; the rest follows when everything is in place. No date and no machine's name is in
it, so the same items give the same card.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from acquisition.model import Evidence, Observation, Release
from acquisition.protocols import Outline
from acquisition.rights.licenses import release_conclusion
from acquisition.settings import DatasetSettings

NAME: Final = "README.md"
_OBSERVED: Final = 50
_SIZES: Final = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
_HUB_LICENSES: Final = (
    " apache-2.0 mit cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 "
    "cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 "
    "cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 bsd-2-clause bsd-3-clause unlicense wtfpl "
)
"""The Hub's license ids that are SPDX ids in lower case (huggingface/hub-docs, repositories-licenses)."""


def write_head(directory: Path, configs: Sequence[Mapping[str, Any]]) -> None:
    """Write README.md with nothing but its head."""
    (directory / NAME).write_text(_head({"configs": list(configs)}), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Checks:
    """What the filters found of whole sources, what none of them looked at, and the license texts of each source."""

    not_checked: Sequence[str] = ()
    observations: Sequence[Observation] = ()
    texts: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict)

    def license_of(self, release: Release) -> str:
        """Return what is concluded of a release."""
        return release_conclusion(release, self.texts.get(release.source, ())).concluded


def write_card(
    directory: Path, dataset: DatasetSettings, outline: Outline, releases: Sequence[Release], checks: Checks
) -> None:
    """Complete README.md; whatever head the layout wrote stays in it."""
    target = directory / NAME
    head = _read_head(target)
    licenses = sorted({checks.license_of(release) for release in releases})
    head = {
        "pretty_name": dataset.title or dataset.name,
        **_license_head(licenses),
        "size_categories": [_size(outline.items)],
    } | head
    target.write_text(_head(head) + _body(dataset, outline, releases, checks), encoding="utf-8")


def _read_head(target: Path) -> dict[str, Any]:
    if not target.is_file():
        return {}
    match = re.match(r"---\n(.*?)\n---\n", target.read_text(encoding="utf-8"), re.DOTALL)
    return dict(yaml.safe_load(match[1]) or {}) if match else {}


def _head(values: Mapping[str, Any]) -> str:
    return f"---\n{yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)}---\n"


def _license_head(licenses: Sequence[str]) -> dict[str, Any]:
    if len(licenses) == 1 and f" {licenses[0].lower()} " in _HUB_LICENSES:
        return {"license": licenses[0].lower()}
    return {"license": "other", "license_name": "mixed" if len(licenses) > 1 else "see-below", "license_link": NAME}


def _size(items: int) -> str:
    return next((name for limit, name in _SIZES if items < limit), "n>10M")


def cell(text: str) -> str:
    """Return text as it may stand in a cell of a Markdown table: one line, no active characters."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; cells are escaped."""
    lines = [header, ["---"] * len(header), *([cell(value) for value in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _body(dataset: DatasetSettings, outline: Outline, releases: Sequence[Release], checks: Checks) -> str:
    splits = table(("split", "items"), [(name, f"{count:,}") for name, count in outline.splits.items()])
    sources = table(
        ("source", "from", "revision", "license as published", "license concluded"),
        [
            (
                release.source,
                release.homepage or release.title or release.kind,
                release.revision,
                ", ".join(release.license.raw) or "nothing said",
                checks.license_of(release),
            )
            for release in sorted(releases, key=lambda release: release.source)
        ],
    )
    parts = [
        f"# {cell(dataset.title or dataset.name)}\n",
        f"{cell(dataset.description)}\n" if dataset.description else "",
        f"{outline.items:,} items.\n\n{splits}",
        f"## Sources and licenses\n\nEvery item has its own license; the manifest names it, with its evidence.\n\n{sources}",
        "## Personal data and other checks\n\n" + _observed(checks.observations) + _not_checked(checks.not_checked),
    ]
    return "\n" + "\n".join(part for part in parts if part)


def _observed(observations: Sequence[Observation]) -> str:
    """Return what was found of whole sources; columns and tables are told one by one in the manifest."""
    whole = [one for one in observations if not one.asset and not one.field]
    if not whole:
        return ""
    rows = [(one.place, f"`{one.code}`", one.figure, f"{one.items:,}", one.detail) for one in whole[:_OBSERVED]]
    rest = len(observations) - len(rows)
    more = f"\nand {rest:,} more of sources, tables and columns in the manifest.\n" if rest else ""
    return table(("of", "what", "value", "items", "meaning"), rows) + more + "\n"


def _not_checked(sentences: Sequence[str]) -> str:
    if not sentences:
        return "What the filters looked at, and what they found, is in the manifest.\n"
    return "Nobody has checked:\n\n" + "".join(f"* {cell(sentence)}\n" for sentence in sentences)

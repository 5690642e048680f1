"""Labelled license sets from real files: texts as packages carry them, the lists' own texts whole and changed, real labels."""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.accuracy import LabelledSet

_DROPPED_LAST: Final = re.compile(r"\s+$")


def sets(shared: Path, folder: Path) -> list[LabelledSet]:
    """Write the labelled files into `folder` and return them; nothing of them is kept in the repository."""
    licenses = shared / "licenses"
    made = (
        (
            "real LICENSE files",
            _real_files(licenses / "real_license_files"),
            "Sixteen files of packages, labelled by the project askalono; notices that stand in for a license among them.",
        ),
        (
            "license texts of two lists",
            _lists(licenses),
            "SPDX, LicenseDB and choosealicense texts. Fingerprints were made of other releases of the first two.",
        ),
        (
            "license texts with changes of layout",
            _perturbed(licenses, _laid_out, 3),
            "The same texts re-wrapped, in capitals, as comments, with a holder's lines, without their last blank lines.",
        ),
        (
            "license texts with changed meaning",
            _perturbed(licenses, _turned, 3),
            "The same texts with a restriction put in, or a tenth cut out: none is the license any more, so none is expected.",
        ),
        (
            "labels of Hugging Face cards",
            _cards(shared / "huggingface" / "cards" / "INDEX.tsv"),
            "The `license` lists of 83 cards; what is expected follows the Hub's own table of tags.",
        ),
        (
            "labels of the Data Provenance Initiative",
            _provenance(licenses / "data_provenance_initiative" / "license_classes.json"),
            "Names that annotators wrote down for data sets; families and terms without a version expect none.",
        ),
    )
    found = []
    for title, lines, note in made:
        file = folder / f"{title.replace(' ', '-')}.jsonl"
        written = list(lines)
        if written:
            file.write_text("".join(json.dumps(line) + "\n" for line in written), encoding="utf-8")
            found.append(LabelledSet(title, file, note))
    return found


def _line(name: str, text: str, expected: str | None) -> dict[str, Any]:
    return {"id": name, "claim": "", "text": text, "expected": expected}


def _real_files(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*/*")):
        yield _line(f"{file.parent.name}/{file.name}", file.read_text(encoding="utf-8", errors="replace"), file.parent.name)


def _texts(licenses: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (name, identifier, text) of the lists' texts."""
    for file in sorted((licenses / "spdx" / "details").glob("*.json")):
        entry = json.loads(file.read_bytes())
        yield f"spdx/{file.stem}", entry["licenseId"], entry["licenseText"]
    for file in sorted((licenses / "scancode-licensedb").glob("*.json")):
        if file.stem == "index":
            continue
        entry = json.loads(file.read_bytes())
        identifier = entry.get("spdx_license_key") or ""
        if identifier and entry.get("text") and not entry.get("is_generic") and entry.get("category") != "Unstated License":
            yield f"licensedb/{file.stem}", identifier, entry["text"]


def _lists(licenses: Path) -> Iterator[dict[str, Any]]:
    for name, identifier, text in _texts(licenses):
        yield _line(name, text, identifier)
    for file in sorted((licenses / "choosealicense").glob("*.txt")):
        text = file.read_text(encoding="utf-8")
        found = re.search(r"^spdx-id: (\S+)$", text, re.MULTILINE)
        yield _line(f"choosealicense/{file.stem}", text, found[1] if found else None)


def _perturbed(licenses: Path, change: Any, times: int) -> Iterator[dict[str, Any]]:
    for name, identifier, text in _texts(licenses):
        chance = random.Random(f"{change.__name__} {name}")
        for number in range(times):
            made = change(text, chance, number)
            if made is not None:
                yield _line(f"{name}#{number}", made, None if change is _turned else identifier)


def _laid_out(text: str, chance: random.Random, number: int) -> str | None:
    """Return a text that looks otherwise and says the same."""
    head = f"Copyright (c) {chance.randint(1990, 2026)} The {chance.choice(('Harbour', 'Orchard', 'Kettle'))} Authors\n\n"
    if number == 0:
        return head + re.sub(r"(?<!\n)\n(?!\n)", " ", text).upper()
    if number == 1:
        return head + "\n".join(f"# {line}" for line in text.splitlines())
    return _DROPPED_LAST.sub("", text).replace("license", "licence").replace('"', "\u201d") + "\n"


def _turned(text: str, chance: random.Random, number: int) -> str | None:
    """Return a text that is another license: a restriction put into it, or a tenth of it cut out."""
    words = text.split(" ")
    if len(words) < 80:
        return None
    place = chance.randrange(len(words) // 4, 3 * len(words) // 4)
    if number == 0:
        return " ".join([*words[:place], "for noncommercial research only", *words[place:]])
    if number == 1:
        return " ".join([*words[:place], "except for the training of machine learning models", *words[place:]])
    return " ".join([*words[:place], *words[place + len(words) // 10 :]])


def _cards(index: Path) -> Iterator[dict[str, Any]]:
    if not index.is_file():
        return
    with index.open(encoding="utf-8") as stream:
        rows = list(csv.reader(stream, delimiter="\t", quotechar=None, quoting=csv.QUOTE_NONE))[1:]
    for name, value in rows:
        tags = json.loads(value) if value.startswith("[") else []
        claim = value if tags else ""
        yield {"id": name, "claim": claim, "hub": "huggingface", "expected": _of_tags(tags)}


_TAGS: Final[Mapping[str, str]] = {
    "odc-by": "ODC-By-1.0", "odbl": "ODbL-1.0", "c-uda": "C-UDA-1.0", "unlicense": "Unlicense", "mit": "MIT", "ms-pl": "MS-PL",
    "apache-2.0": "Apache-2.0", "gpl-2.0": "GPL-2.0-only", "gpl-3.0": "GPL-3.0-only", "agpl-3.0": "AGPL-3.0-only",
    "lgpl-3.0": "LGPL-3.0-only", "bsd-2-clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause",
}  # fmt: skip


def _of_tags(tags: Iterable[str]) -> str | None:
    found = [_TAGS.get(tag) or (tag.upper() if re.fullmatch(r"cc(0|-by[a-z-]*)-\d\.\d", tag) else None) for tag in tags]
    return " AND ".join(one for one in found if one) if found and all(found) else None


def _provenance(classes: Path) -> Iterator[dict[str, Any]]:
    if not classes.is_file():
        return
    for number, name in enumerate(json.loads(classes.read_bytes())):
        yield {"id": f"dpi-{number}", "claim": name, "expected": _of_name(name)}


_NAMED: Final[Mapping[str, str]] = {
    "Academic Free License v3.0": "AFL-3.0", "Apache License 2.0": "Apache-2.0", "Apache 2.0": "Apache-2.0", "MIT": "MIT",
    "Artistic License 2.0": "Artistic-2.0", "BSD 2-Clause License": "BSD-2-Clause", "BSD 3-Clause License": "BSD-3-Clause",
    "C-UDA": "C-UDA-1.0", "CC0 1.0": "CC0-1.0", "CC0": "CC0-1.0", "CDLA Permissive 2.0": "CDLA-Permissive-2.0",
    "CDLA Permissive 1.0": "CDLA-Permissive-1.0", "CDLA Sharing 1.0": "CDLA-Sharing-1.0", "EPL 1.0": "EPL-1.0",
    "GNU General Public License v2.0": "GPL-2.0-only", "GNU General Public License v3.0": "GPL-3.0-only", "ISC License": "ISC",
    "LGPL 2.1": "LGPL-2.1-only", "LGPL 3.0": "LGPL-3.0-only", "MIT License": "MIT", "MPL 2.0": "MPL-2.0",
    "ODC BY 1.0": "ODC-By-1.0", "OGL 3.0": "OGL-UK-3.0", "Public Domain": "LicenseRef-scancode-public-domain",
    "Academic Research Purposes Only": "LicenseRef-research-only", "Non Commercial": "LicenseRef-non-commercial",
    "OpenAI": "LicenseRef-OpenAI-Terms", "AI2 ImpACT License - Low Risk": "LicenseRef-AI2-ImpACT",
    "Microsoft Data Licensing Agreement": "LicenseRef-Microsoft-Data-License",
    "BigScience OpenRAIL-M": "LicenseRef-scancode-bigscience-open-rail-m",
    "Llama 2": "LicenseRef-scancode-llama-2-license-2023",
    "Meta Llama3 Community License": "LicenseRef-Llama-3",
}  # fmt: skip


def _of_name(name: str) -> str | None:
    if versioned := re.fullmatch(r"CC (BY[A-Z-]*) (\d\.\d)", name):
        return f"CC-{versioned[1]}-{versioned[2]}"
    return _NAMED.get(name)

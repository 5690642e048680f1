"""Labelled sets for personal data, made from the real files beside the checkout."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.accuracy import LabelledSet

_ABOUT: Final = (
    "Phone: {}",
    "You can call me at {} any time.",
    "{}",
    "Please leave a message on {}, I am at work until six",
)


def sets(shared: Path, folder: Path) -> list[LabelledSet]:
    """Return the labelled sets that can be made from the shared files."""
    pii = shared / "pii"
    made = []
    if (synthetic := pii / "synth_dataset_v2.first_half.json").is_file():
        sentences = json.loads(synthetic.read_text(encoding="utf-8"))
        for half, said in enumerate(("looked at while the rules were written", "looked at once, for two of its telephones")):
            lines = _sentences(sentences[half::2])
            file = _written(folder / f"presidio-{half}.jsonl", lines)
            made.append(LabelledSet(f"presidio-research sentences, half {half + 1}", file, said))
    if (identities := pii / "FakeNameGenerator.com_first1000.csv").is_file():
        file = _written(folder / "identities.jsonl", _identities(identities))
        made.append(
            LabelledSet("telephones and addresses of 1,000 invented identities of 30 countries", file, "in four sentences")
        )
    if (comments := pii / "wnut17" / "emerging.dev.conll").is_file():
        file = _written(folder / "comments.jsonl", _comments(comments))
        made.append(LabelledSet("comments of WNUT-17, without personal data of a form", file, "false alarms only"))
    file = _written(folder / "nobodys.jsonl", _nobodys())
    made.append(LabelledSet("numbers that are nobody's", file, "10,000 made strings of 10 kinds (filters.md 2.3)"))
    return made


def _written(file: Path, lines: Iterable[Mapping[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return file


def _sentences(sentences: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for number, one in enumerate(sentences):
        spans = [
            {"start": span["start_position"], "end": span["end_position"], "entity_type": _name(span["entity_type"])}
            for span in one["spans"]
        ]
        yield {"id": str(number), "text": one["full_text"], "language": "en", "spans": spans}


def _name(kind: str) -> str:
    """Return Presidio's name: addresses and places are LOCATION there."""
    return {"STREET_ADDRESS": "LOCATION", "GPE": "LOCATION", "DOMAIN_NAME": "URL"}.get(kind, kind)


def _identities(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream)):
            for kind, value in (("PHONE_NUMBER", row["TelephoneNumber"]), ("EMAIL_ADDRESS", row["EmailAddress"])):
                frame = _ABOUT[number % len(_ABOUT)] if kind == "PHONE_NUMBER" else "write to {} instead"
                start = frame.index("{}")
                span = {"start": start, "end": start + len(value), "entity_type": kind}
                yield {"id": f"{number}-{kind}", "text": frame.format(value), "language": "en", "spans": [span]}


def _comments(file: Path) -> Iterator[dict[str, Any]]:
    words: list[str] = []
    number = 0
    for line in [*file.read_text(encoding="utf-8").splitlines(), ""]:
        if line.strip():
            words.append(line.split("\t")[0])
        elif words:
            yield {"id": str(number), "text": " ".join(words), "language": "en", "spans": []}
            words, number = [], number + 1


def _nobodys() -> Iterator[dict[str, Any]]:
    chance = random.Random(2)
    draw = chance.randrange
    for number in range(1000):
        for kind, text in {
            "ten-digits": str(draw(10**9, 10**10)),
            "unix": str(draw(1_400_000_000, 1_800_000_000)),
            "milliseconds": str(draw(1_400_000_000_000, 1_800_000_000_000)),
            "sixteen-digits": str(draw(10**15, 10**16)),
            "coordinates": f"{chance.uniform(-90, 90):.6f},{chance.uniform(-180, 180):.6f}",
            "decimal": f"{chance.uniform(0, 1000):.6f}",
            "version": f"{draw(40)}.{draw(40)}.{draw(40)}.{draw(40)}",
            "date": f"{draw(1950, 2030)}-{draw(1, 13):02d}-{draw(1, 29):02d}",
            "digest": chance.randbytes(16).hex(),
            "sentence": f"order {draw(10**15, 10**16)} of {draw(1, 29)}.{draw(1, 13)}.2023, {draw(100, 999)} pieces",
        }.items():
            yield {"id": f"{kind}-{number}", "text": text, "language": "en", "spans": []}

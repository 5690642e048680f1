"""pii on its own labelled set and on strings that are nobody's: floors, so that no change makes it worse unseen."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections import Counter
from collections.abc import Callable

import orjson
import pytest

from acquisition.filters.pii import Pii, PiiSettings
from acquisition.model import Use
from acquisition.protocols import FilterContext
from acquisition.testing.filters import items_of
from tests.fixtures.make_pii import TARGET, written

CONTEXT = FilterContext(Use(), {}, ("source",), "")
_ACTS = 0.6
"""The score from which the default policy acts."""


def test_the_script_makes_the_file() -> None:
    """The labelled set is what its script writes, and its spans lie where the values are."""
    assert TARGET.read_text(encoding="utf-8") == written()
    for line in map(orjson.loads, TARGET.read_bytes().splitlines()):
        for span in line["spans"]:
            assert line["text"][span["start"] : span["end"]].strip()


def test_the_labelled_set_is_found() -> None:
    """Of its own set the filter finds nearly all that has a form, and next to nothing else, in eight languages."""
    lines = [orjson.loads(line) for line in TARGET.read_bytes().splitlines()]
    counted: Counter[str] = Counter()
    for language in sorted({line["language"] for line in lines}):
        own = [line for line in lines if line["language"] == language]
        flags = Pii(PiiSettings(languages=(language,)), CONTEXT).flag(items_of([line["text"] for line in own])).to_pylist()
        said = {row: [flag for flag in flags if flag["row"] == row and flag["score"] >= _ACTS] for row in range(len(own))}
        for row, line in enumerate(own):
            real = [span for span in line["spans"] if span["entity_type"] != "PERSON"]
            hits = [any(_meets(flag, span) for flag in said[row]) for span in real]
            counted.update(found=sum(hits), missed=len(hits) - sum(hits))
            counted["wrong"] += sum(not any(_meets(flag, span) for span in real) for flag in said[row])
    assert counted["missed"] <= 0.03 * counted["found"]
    assert counted["wrong"] <= 0.03 * counted["found"]


def _meets(flag: dict[str, object], span: dict[str, object]) -> bool:
    code = f"pii.{str(span['entity_type']).lower().replace('_', '-')}"
    return bool(flag["code"] == code and flag["start"] < span["end"] and span["start"] < flag["end"])  # type: ignore[operator]  # numbers


STRINGS: dict[str, Callable[[random.Random], str]] = {
    "ten digits": lambda chance: str(chance.randrange(10**9, 10**10)),
    "Unix seconds": lambda chance: str(chance.randrange(1_400_000_000, 1_800_000_000)),
    "milliseconds": lambda chance: str(chance.randrange(1_400_000_000_000, 1_800_000_000_000)),
    "sixteen digits": lambda chance: str(chance.randrange(10**15, 10**16)),
    "an order": lambda chance: f"order {chance.randrange(10**15, 10**16)} shipped",
    "coordinates": lambda chance: f"{chance.uniform(-90, 90):.6f},{chance.uniform(-180, 180):.6f}",
    "decimals": lambda chance: f"{chance.uniform(0, 1000):.6f}",
    "versions": lambda chance: ".".join(str(chance.randrange(40)) for _ in range(4)),
    "ISO dates": lambda chance: f"{chance.randrange(1950, 2030)}-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}",
    "MD5": lambda chance: hashlib.md5(chance.randbytes(8), usedforsecurity=False).hexdigest(),
    "UUID": lambda chance: str(uuid.UUID(int=chance.getrandbits(128))),
    "ISBN": lambda chance: f"978-{chance.randrange(9)}-{chance.randrange(100, 999)}-{chance.randrange(10**4, 10**5)}-1",
    "DOI": lambda chance: (
        f"10.{chance.randrange(1000, 9999)}/s{chance.randrange(10**4, 10**5)}-021-{chance.randrange(10**4)}-x"
    ),
    "a row": lambda chance: " ".join(str(chance.randrange(1000)) for _ in range(8)),
    "money": lambda chance: f"{chance.randrange(1, 999)} {chance.randrange(100, 999)} {chance.randrange(100, 999)} EUR",
    "private addresses": lambda chance: f"192.168.{chance.randrange(256)}.{chance.randrange(256)}:8080",
    "documentation addresses": lambda chance: f"203.0.113.{chance.randrange(256)}",
    "time of a log": lambda chance: (
        f"2024-05-01 {chance.randrange(24):02d}:{chance.randrange(60):02d}:11,{chance.randrange(999)} INFO"
    ),
}


@pytest.mark.parametrize("languages", [("en",), ("de", "fr", "es")])
def test_strings_that_are_nobodys(languages: tuple[str, ...]) -> None:
    """Of 300 strings of each kind the policy would act on none; card-like numbers that fill a text are noted at most."""
    made = Pii(PiiSettings(languages=languages), CONTEXT)
    chance = random.Random(31)
    for kind, make in STRINGS.items():
        flags = made.flag(items_of([make(chance) for _ in range(300)]))
        assert max(flags["score"].to_pylist(), default=0.0) < _ACTS, kind


def test_a_text_of_fifty_megabytes_is_bounded() -> None:
    """What lies beyond the limit is said; what lies before is found."""
    text = "write to bob@example.org. " + "plain words and 12 numbers " * 2_000_000
    flags = Pii(PiiSettings(), CONTEXT).flag(items_of([text[:50_000_000]])).to_pylist()
    assert [(flag["code"], flag["start"]) for flag in flags] == [("pii.not-checked", -1), ("pii.email-address", 9)]


@pytest.mark.parametrize("piece", ["1 ", "a@", "1-", "+(", "0.", "::", "aa11 ", "1@a.b "])
def test_hostile_repetition_is_bounded(piece: str) -> None:
    """A text made of one awkward piece is looked at in seconds, or said not to be."""
    import time

    made = Pii(PiiSettings(), CONTEXT)
    begun = time.process_time()
    made.flag(items_of([piece * 100_000]))
    assert time.process_time() - begun < 60

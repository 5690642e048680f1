"""LICENSE and README texts: certain, probable, or for a person to read; never a near-twin taken for the license."""

from __future__ import annotations

import json
import random
import time
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.rights import fingerprints, matching, texts
from acquisition.rights.fingerprints import Known, digest_of, holders_settled, known, packed, pairs_of, unpacked, words_of
from acquisition.rights.matching import match
from acquisition.rights.texts import identify

_NOUNS = ("ferry", "lantern", "orchard", "kettle", "harbour", "meadow", "copper", "thimble", "bridge", "sparrow", "candle")


def _text(seed: int, words: int) -> list[str]:
    chance = random.Random(seed)
    return [f"{chance.choice(_NOUNS)}{chance.randrange(40)}" for _ in range(words)]


PLAIN = _text(1, 300)
STRICT = [*PLAIN[:150], *_text(2, 12), *PLAIN[150:]]
"""A twin of PLAIN with one clause more, under a license that gives less."""
OTHER = _text(3, 200)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Known:
    """Give a table of three made-up texts under real identifiers."""
    texts = {"CC-BY-4.0": PLAIN, "CC-BY-NC-4.0": STRICT, "MIT": OTHER}
    names = list(texts)
    profiles = [(number, pairs_of(words)) for number, words in enumerate(texts.values())]
    made = unpacked(packed({"MIT": "MIT License"}, names, profiles, {digest_of(w): [n] for n, w in enumerate(texts.values())}))
    monkeypatch.setattr(matching, "known", lambda: made)
    return made


@pytest.mark.usefixtures("table")
class TestMatching:
    """The rules, on texts that are nobody's license."""

    def test_the_same_words_are_certain(self) -> None:
        """Case, lines, comment marks and copyright lines do not count."""
        text = (
            "Copyright (c) 2019 Somebody\n\n" + "\n".join(f"# {' '.join(PLAIN[i : i + 9])}" for i in range(0, 300, 9)).upper()
        )
        found = match(text)
        assert (found.expression, found.certainty, found.score) == ("CC-BY-4.0", "certain", 1.0)

    def test_a_changed_word_is_probable(self) -> None:
        """One word of 300 changed leaves the license recognisable although its twin lies close."""
        found = match(" ".join([*PLAIN[:40], "typo", *PLAIN[41:]]))
        assert (found.expression, found.certainty) == ("CC-BY-4.0", "probable")
        assert 0.97 < found.score < 1.0

    def test_half_a_clause_lies_between(self) -> None:
        """A text that has a part of what sets two licenses apart is neither of them."""
        found = match(" ".join([*STRICT[:156], *STRICT[162:]]))
        assert (found.expression, found.certainty) == ("", "ambiguous")
        assert {candidate.expression for candidate in found.candidates} >= {"CC-BY-4.0", "CC-BY-NC-4.0"}

    @pytest.mark.parametrize("words", ["for noncommercial use", "not", "only research", "except for training"])
    def test_a_turning_word_is_never_overlooked(self, words: str) -> None:
        """Words that may turn a license round are found wherever they are put in, however similar the rest is."""
        for place in (10, 120, 290):
            found = match(" ".join([*PLAIN[:place], *words.split(), *PLAIN[place:]]))
            assert found.certainty == "ambiguous", place

    def test_a_dropped_clause_is_not_overlooked(self) -> None:
        """A text without a clause is another license, although all of its words are in it."""
        words = _text(4, 1000)
        made = unpacked(packed({"MIT": "MIT License"}, ["MIT"], [(0, pairs_of(words))], {}))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(matching, "known", lambda: made)
            assert match(" ".join([*words[:400], *words[425:]])).certainty == "ambiguous"
            assert match(" ".join([*words[:400], *words[403:]])).certainty == "probable"

    def test_a_text_inside_a_longer_one(self) -> None:
        """A license inside a longer text is found, and what stands around it is given back."""
        around = _text(5, 150)
        found = match(" ".join([*around, *OTHER, *around]))
        assert found.candidates[0].expression == "MIT"
        assert around[3] in found.rest

    def test_unrelated_texts_are_none(self) -> None:
        """A text that shares no more than single words is nothing."""
        assert match(" ".join(_text(9, 250))).certainty == "none"
        assert match("short").certainty == "none"


def test_the_table_survives_packing() -> None:
    """Packing twice gives the same bytes, and what is unpacked has the counts that went in."""
    words = ["a", "b", "a", "b", "a", "c"]
    make = partial(
        packed, {"MIT": "MIT License"}, ["MIT", "ISC"], [(0, pairs_of(words)), (1, pairs_of(words[:3]))], {7: [0, 1]}
    )
    table = unpacked(make())
    assert make() == make()
    assert table.names == ("MIT", "ISC")
    assert table.sizes.tolist() == [5, 2]
    assert sorted(table.profile(0)[1].tolist()) == [1, 2, 2]
    assert table.digests.tolist() == [7, 7]


def test_holders_do_not_count() -> None:
    """BSD-like texts that name a holder and those that say "the copyright holder" are one."""
    named = words_of("Neither the name of Acme Kettles, Inc. nor the names of its contributors may be used to endorse")
    plain = words_of("Neither the name of the copyright holder nor the names of its contributors may be used to endorse")
    assert holders_settled(named) == holders_settled(plain)


@pytest.mark.parametrize(
    ("text", "expression", "certainty"),
    [
        ("# Data\n\nLicensed under CC BY 4.0.\n", "CC-BY-4.0", "probable"),
        ("SPDX-License-Identifier: CC0-1.0\n", "CC0-1.0", "probable"),
        ("## License\n\nODbL 1.0\n", "ODbL-1.0", "probable"),
        ("Code under MIT license. Data are licensed under CC BY 4.0.", "NOASSERTION", "ambiguous"),
        ("## License\n\nFree for academic use only.", "NOASSERTION", "ambiguous"),
        ("We like the MIT campus and the Apache helicopter.", "NOASSERTION", "none"),
        ("It is not licensed under the MIT license.", "NOASSERTION", "none"),
        ("", "NOASSERTION", "none"),
    ],
)
def test_descriptions_count_by_what_they_name(text: str, expression: str, certainty: str) -> None:
    """A README gives a license by tags, addresses and sentences that name one, and never by prose."""
    found = identify(text)
    assert (found.expression, found.certainty) == (expression, certainty)


@given(st.text(max_size=3_000))
def test_no_text_makes_it_fail(text: str) -> None:
    """Whatever is in a file, there is an answer, and it is given only where it is sure."""
    found = identify(text)
    assert (found.expression != "NOASSERTION") == (found.certainty in {"certain", "probable"})
    assert 0.0 <= found.score <= 1.0


@pytest.mark.parametrize(
    "text",
    [
        "licensed under " * 40_000,
        "a " * 300_000,
        "(" * 500_000,
        "-" * 500_000,
        "neither the name of " * 30_000,
        "copyright (c) 2020 " * 30_000,
        "license: [" * 50_000,
        "<" * 500_000,
        "https://creativecommons.org/licenses/by/" * 12_000,
        "\n\n\n" * 200_000,
        "in no event shall x y z " * 20_000,
        "---\n" + "a: b\n" * 80_000,
        " ".join(["cc", "by", "nc"] * 100_000),
        "ß\u0130\ufb03" * 130_000,
    ],
    ids=range(14),
)
def test_hostile_texts_are_bounded(text: str) -> None:
    """Half a million characters that make patterns try and try are answered within seconds of CPU time."""
    started = time.process_time()
    identify(text)
    assert time.process_time() - started < 8


def test_a_text_of_fifty_megabytes() -> None:
    """Of a huge text the head is looked at, and that is said."""
    started = time.process_time()
    found = identify("word " * 10_000_000)
    assert "characters were looked at" in found.reasons[-1]
    assert time.process_time() - started < 8


def test_the_shipped_table_is_small_and_whole() -> None:
    """The table has all that the docs promise and stays far below two megabytes; no wording is in it."""
    assert fingerprints._FILE.stat().st_size < 1_000_000
    table = known()
    assert len(table.titles) > 600
    assert {"MIT", "CC0-1.0", "CC-BY-4.0", "ODbL-1.0", "CDLA-Permissive-2.0", "C-UDA-1.0", "PDDL-1.0"} <= set(table.names)
    assert len(table.starts) == len(table.owners) + 1


def test_lists_of_licenses_are_recognised(shared_data: Path) -> None:
    """Every text of the SPDX list that lies beside the checkout is recognised as itself, word for word or nearly."""
    for file in sorted((shared_data / "licenses" / "spdx" / "details").glob("*.json")):
        entry = json.loads(file.read_bytes())
        assert identify(entry["licenseText"]).expression == entry["licenseId"]


def test_real_license_files(shared_data: Path) -> None:
    """Of LICENSE files as packages carry them, none is taken for another license, and most are recognised."""
    files = sorted((shared_data / "licenses" / "real_license_files").glob("*/*"))
    found = [(file.parent.name, identify(file.read_text(encoding="utf-8", errors="replace")).expression) for file in files]
    assert all(expression in {name, "NOASSERTION"} for name, expression in found)
    assert sum(expression == name for name, expression in found) >= 12


def test_readmes_of_real_data_sets(shared_data: Path) -> None:
    """Data repositories whose READMEs name one license give it, those that name several or none do not."""
    folder = shared_data / "licenses" / "dataset_readmes"
    found = {file.name.split("__")[1]: identify(file.read_text(encoding="utf-8")).expression for file in folder.glob("*")}
    assert found == {
        "chatgpt-comparison-detection": "NOASSERTION",
        "free-spoken-digit-dataset": "CC-BY-SA-4.0",
        "palmerpenguins": "CC0-1.0",
        "emerging_entities_17": "CC-BY-4.0",
        "datacomp": "NOASSERTION",
        "sampled": "NOASSERTION",
        "exif-orientation-examples": "MIT",
    }


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("# Kiln\n\nPots.\n\n## License\n\nMIT\n", "MIT"),
        ("# Kiln\n\n## License\n\nMIT © Jo Potter\n", "MIT"),
        ("Kiln\n====\n\nLicense\n-------\n\nBSD-3-Clause\n", "BSD-3-Clause"),
        ("# Kiln\n\n## License\n\nMIT, except the pictures\n", "NOASSERTION"),
        ("# Kiln\n\n## License\n\nMIT\n\nThe data is licensed under CC BY-NC 4.0.\n", "NOASSERTION"),
        ("# Kiln\n\n## People\n\nMIT\n", "NOASSERTION"),
    ],
)
def test_a_name_alone_under_a_heading_is_the_license(text: str, expression: str) -> None:
    """A README's section of one name gives it; with more words, or another license beside it, it does not."""
    assert identify(text).expression == expression


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("line", "expression"),
    [
        ("", "MIT"),
        ("The MIT License", "MIT"),
        ("Pond is distributed with the MIT license\nAda Byron ada@example.org", "MIT"),
        ("The dataset is excluded from this license.", "NOASSERTION"),
        ("No permission is given for the data.", "NOASSERTION"),
        ("Do not use for training models.", "NOASSERTION"),
        ("Data: all rights reserved. Code:", "NOASSERTION"),
    ],
)
def test_a_line_above_a_text_may_take_something_out_of_it(line: str, expression: str) -> None:
    """Titles and names of holders change nothing; what withholds something sends the text to a person, whole as it is."""
    texts._identified.cache_clear()
    found = identify(f"{line}\n\n{' '.join(OTHER)}\n")
    assert found.expression == expression
    assert found.candidates[0].expression == "MIT"

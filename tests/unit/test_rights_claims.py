"""Claims as hubs hand them over: taken apart, read, put beside texts and addresses, and never guessed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.evaluate import evaluate
from acquisition.model import Evidence, LicenseClaim
from acquisition.rights.claims import claim_of
from acquisition.rights.evidence import findings
from acquisition.rights.licenses import conclude, identified
from acquisition.rights.prose import understood
from tests.fixtures import make_license

BY = "Licensed under CC BY 4.0.\n"
NC = "Licensed under CC BY-NC 4.0.\n"


def text(words: str, name: str = "LICENSE") -> Evidence:
    """Return a text of a release."""
    return Evidence(name, words, name, "0" * 64, "")


@pytest.mark.parametrize(
    ("words", "raw", "name", "link"),
    [
        ("mit", ("mit",), "", ""),
        ("['mit', 'cc-by-4.0']", ("mit", "cc-by-4.0"), "", ""),
        ('["mit"]', ("mit",), "", ""),
        ("[mit, apache-2.0]", ("mit", "apache-2.0"), "", ""),
        ('{"name": "CC BY 4.0", "url": "https://example.org/x"}', ("CC BY 4.0",), "", "https://example.org/x"),
        ('[{"name": "CC0-1.0"}]', ("CC0-1.0",), "", ""),
        ("license: other\nlicense_name: acme\nlicense_link: LICENSE", ("other",), "acme", "LICENSE"),
        ("license:\n- mit\n- cc0-1.0\n", ("mit", "cc0-1.0"), "", ""),
        ("license:mit", ("mit",), "", ""),
        ("License: MIT\nFor research only.", ("License: MIT\nFor research only.",), "", ""),
        ("[not a list", ("[not a list",), "", ""),
        ("", (), "", ""),
    ],
)
def test_claims_are_taken_apart(words: str, raw: tuple[str, ...], name: str, link: str) -> None:
    """Lists, objects and card lines give their values; anything else stays one value, and nothing gets lost."""
    found = claim_of(words, hub="huggingface")
    assert (found.raw, found.name, found.link) == (raw, name, link)


@pytest.mark.parametrize(
    ("sentence", "expressions", "doubtful"),
    [
        ("Licensed under CC BY 4.0 by the harbour office", ("CC-BY-4.0",), False),
        ("All images are licensed under CC BY 2.0", ("CC-BY-2.0",), False),
        ("The images are CC BY 2.0, the labels CC BY 4.0", ("CC-BY-2.0", "CC-BY-4.0"), True),
        ("CC BY 4.0 for non-commercial purposes", ("CC-BY-4.0", "LicenseRef-non-commercial"), True),
        ("Affero General Public License 2.0", ("GPL-2.0-only",), True),
        ("BSD 3-Clause Sun", ("BSD-3-Clause",), True),
        ("not under the MIT license", (), True),
        ("GPL-compatible", (), False),
        ("we met at the MIT", (), False),
        ("several licenses: MIT, CC0", (), True),
    ],
)
def test_sentences(sentence: str, expressions: tuple[str, ...], doubtful: bool) -> None:
    """A sentence names its licenses, and words that take back, narrow or lengthen a name make it doubtful."""
    found = understood(sentence)
    assert found.expressions == expressions
    assert bool(found.doubts) == doubtful


@given(st.text(max_size=400), st.sampled_from(["", "kaggle", "huggingface", "prose", "spdx", "url", "zenodo", "nonsense"]))
def test_no_claim_makes_it_fail(words: str, hub: str) -> None:
    """Whatever a hub says, there is a conclusion with a reason."""
    found = identified(words, hub=hub, url=words[:50], text=words)
    assert found.concluded
    assert found.reasons


@pytest.mark.parametrize(
    "words",
    [
        "[" * 100_000,
        "{" * 100_000,
        "['a'," * 50_000,
        "(MIT) AND " * 5_000,
        "cc by " * 5_000,
        "https://" * 20_000,
        '"' * 100_000,
    ],
    ids=range(7),
)
def test_hostile_claims_are_bounded(words: str) -> None:
    """A claim that makes readers try and try is answered within seconds of CPU time."""
    started = time.process_time()
    identified(words, hub="huggingface", url=words)
    assert time.process_time() - started < 5


def test_a_text_fills_what_is_not_claimed() -> None:
    """Where a claim says nothing, the text gives the license; the declaration stays what it was."""
    for words in ("", "other", "unknown"):
        found = identified(words, hub="huggingface", text=BY)
        assert (found.declared, found.concluded, found.review) == ("NOASSERTION", "CC-BY-4.0", False)
    assert identified("Custom terms of our group", text=BY).review


def test_a_text_gives_the_version() -> None:
    """A family is concluded to be the member that the text names."""
    found = identified("cc-by", hub="huggingface", text=BY)
    assert (found.declared, found.concluded, found.review) == ("LicenseRef-family-cc-by", "CC-BY-4.0", False)


def test_a_text_that_contradicts_goes_to_a_person() -> None:
    """Claim and text that name different licenses are both applied, and a person should look."""
    found = identified("cc-by-4.0", hub="huggingface", text=NC)
    assert (found.declared, found.concluded, found.review) == ("CC-BY-4.0", "CC-BY-4.0 AND CC-BY-NC-4.0", True)
    assert found.commercial == "no"


@pytest.mark.parametrize(
    ("declared", "words", "name", "standing"),
    [
        ("CC-BY-4.0", BY, "README.md", "agrees"),
        ("CC-BY-4.0", NC, "README.md", "contradicts"),
        ("NOASSERTION", NC, "LICENSE", "fills"),
        ("LicenseRef-family-cc-by", BY, "LICENSE", "refines"),
        ("CC-BY-4.0", "Nothing is said here.", "README.md", "silent"),
        ("MIT", "The code is MIT licensed.", "README.md", "silent"),
        ("MIT", "The code is MIT licensed.", "LICENSE", "unclear"),
        ("MIT", "Code: MIT license. Data: CC BY 4.0 license.", "README.md", "unclear"),
        ("GPL-3.0-or-later", "SPDX-License-Identifier: GPL-3.0-only", "COPYING", "agrees"),
    ],
)
def test_how_texts_stand_to_a_claim(declared: str, words: str, name: str, standing: str) -> None:
    """Each text agrees, fills, refines, contradicts, is unclear or silent; a README is held to less than a LICENSE."""
    assert [one.standing for one in findings(declared, (text(words, name),))] == [standing]


def test_two_texts_that_differ() -> None:
    """Texts that give different licenses are both applied and go to a person."""
    found = conclude(LicenseClaim((), "prose"), (text(BY), text(NC, "README.md")))
    assert (found.concluded, found.review) == ("CC-BY-4.0 AND CC-BY-NC-4.0", True)


def test_a_whole_license_as_a_claim(shared_data: Path) -> None:
    """A publisher who puts the license's text where its name should stand is understood."""
    words = (shared_data / "licenses" / "choosealicense" / "cc0-1.0.txt").read_text(encoding="utf-8")
    assert identified(words).concluded == "CC0-1.0"


def test_the_labelled_set_is_what_its_script_makes() -> None:
    """The labelled file in the repository is the one that its script writes."""
    assert make_license.TARGET.read_text(encoding="utf-8") == make_license.made()


def test_the_labelled_set_is_answered() -> None:
    """On the project's own set nothing is identified wrongly and all but a few claims are identified."""
    overall = evaluate("license", make_license.TARGET).tallies[0]
    assert (overall.wrong, overall.alarms) == (0, 0)
    assert overall.missed <= overall.found // 50

"""What licenses allow, what they demand, and whether a use is covered."""

from __future__ import annotations

import json
from itertools import pairwise, product
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.model import Level, LicenseClaim, LicenseConclusion, Release, Use
from acquisition.rights.licenses import (
    best,
    conclude,
    duty_phrases,
    judge,
    normalise,
    release_conclusion,
    restrictiveness,
    stricter,
)

STUDY = Use()
SELL = Use(commercial=True)
SHARE = Use(redistribute=True)
SHARE_UNCHANGED = Use(redistribute=True, derivatives=False)


def claim(
    *raw: str,
    level: Level = "dataset",
    ml_training: Literal["allowed", "denied", "unknown"] | None = None,
    redistribute: bool | None = None,
) -> LicenseClaim:
    """Return a claim in SPDX words."""
    return LicenseClaim(raw, "spdx", level, ml_training=ml_training, redistribute=redistribute)


def of(expression: str) -> LicenseConclusion:
    """Return the conclusion for one expression."""
    return conclude(claim(expression))


@pytest.mark.parametrize(
    ("expression", "study", "sell", "share", "share_unchanged"),
    [
        ("CC0-1.0", "yes", "yes", "yes", "yes"),
        ("PDDL-1.0", "yes", "yes", "yes", "yes"),
        ("CC-BY-4.0", "yes", "yes", "yes", "yes"),
        ("CC-BY-2.0", "yes", "yes", "yes", "yes"),
        ("ODC-By-1.0", "yes", "yes", "yes", "yes"),
        ("MIT", "yes", "yes", "yes", "yes"),
        ("Apache-2.0", "yes", "yes", "yes", "yes"),
        ("BSD-3-Clause", "yes", "yes", "yes", "yes"),
        ("Zlib", "yes", "yes", "yes", "yes"),
        ("CC-BY-SA-4.0", "yes", "unknown", "yes", "yes"),
        ("ODbL-1.0", "yes", "unknown", "yes", "yes"),
        ("GPL-3.0-only", "yes", "unknown", "yes", "yes"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "yes", "unknown", "yes", "yes"),
        ("CC-BY-ND-4.0", "unknown", "unknown", "no", "unknown"),
        ("CC-BY-NC-4.0", "yes", "no", "yes", "yes"),
        ("CC-BY-NC-SA-4.0", "yes", "no", "yes", "yes"),
        ("CC-BY-NC-ND-4.0", "unknown", "no", "no", "unknown"),
        ("C-UDA-1.0", "yes", "no", "no", "no"),
        ("LicenseRef-scancode-bigscience-open-rail-m", "unknown", "unknown", "unknown", "unknown"),
        ("LicenseRef-contents-reserved", "unknown", "no", "no", "no"),
        ("LicenseRef-family-cc-by", "unknown", "unknown", "unknown", "unknown"),
        ("LicenseRef-family-cc-by-nc", "unknown", "no", "unknown", "unknown"),
        ("LicenseRef-of-somebody", "unknown", "unknown", "unknown", "unknown"),
        ("NOASSERTION", "unknown", "unknown", "unknown", "unknown"),
        ("MIT AND CC-BY-NC-4.0", "yes", "no", "yes", "yes"),
        ("CC-BY-NC-4.0 OR MIT", "yes", "yes", "yes", "yes"),
    ],
)
def test_classes_of_licenses(expression: str, study: str, sell: str, share: str, share_unchanged: str) -> None:
    """Each class is judged as the table of classes says; "unknown" is never "yes"."""
    conclusion = of(expression)
    assert [judge(conclusion, use).allowed for use in (STUDY, SELL, SHARE, SHARE_UNCHANGED)] == [
        study,
        sell,
        share,
        share_unchanged,
    ]


@pytest.mark.parametrize(
    ("expression", "duties"),
    [
        ("CC0-1.0", ()),
        ("CC-BY-4.0", ("credit the author", "say what was changed")),
        ("MIT", ("credit the author", "keep the license text")),
        ("Apache-2.0", ("credit the author", "keep the license text", "say what was changed")),
        ("CC-BY-SA-4.0", ("credit the author", "pass it on under the same license", "say what was changed")),
        ("CC-BY-ND-4.0", ("credit the author", "pass on unchanged copies only")),
        ("CC-BY-NC-ND-4.0", ("credit the author", "no commercial use", "pass on unchanged copies only")),
    ],
)
def test_duties(expression: str, duties: tuple[str, ...]) -> None:
    """A license's duties are told as phrases in a fixed order."""
    assert duty_phrases(of(expression).duties) == duties


def test_commercial_redistribution_under_non_commercial_terms_is_denied() -> None:
    """What may be passed on for free only is not passed on for money."""
    assert judge(of("CC-BY-NC-4.0"), Use(commercial=True, redistribute=True)).allowed == "no"
    assert judge(of("LicenseRef-scancode-cc-sampling-plus-1.0"), Use(commercial=True, redistribute=True)).allowed == "no"


def test_or_takes_the_branch_that_suits_the_use() -> None:
    """With the claim at hand the branch is chosen for the use and named, whatever the order in which it is written."""
    both = claim("CC-BY-ND-4.0 OR CC-BY-NC-4.0")
    study = judge(conclude(both), SHARE, both)
    assert study.allowed == "yes"
    assert any("CC-BY-NC-4.0 is chosen" in reason for reason in study.reasons)
    sell = judge(conclude(both), Use(commercial=True, derivatives=False), both)
    assert sell.allowed == "unknown"


def test_the_terms_of_ones_own_samples() -> None:
    """Proprietary terms allow what the user says they allow, and passing on only when it is said."""
    silent, allowed, denied = (
        claim("LicenseRef-Proprietary", level="user", ml_training=word) for word in (None, "allowed", "denied")
    )
    assert judge(conclude(silent), STUDY).allowed == "unknown"
    assert judge(conclude(allowed), STUDY).allowed == "yes"
    assert judge(conclude(denied), STUDY).allowed == "no"
    assert judge(conclude(allowed), SHARE).allowed == "no"
    shared = claim("LicenseRef-Proprietary", level="user", ml_training="allowed", redistribute=True)
    assert judge(conclude(shared), SHARE).allowed == "yes"


def test_terms_can_only_take_away_from_a_license() -> None:
    """Terms that forbid passing on or training beat a free license; terms that allow do not beat a license that forbids."""
    assert judge(conclude(claim("CC0-1.0", redistribute=False)), SHARE).allowed == "no"
    assert judge(conclude(claim("CC0-1.0", ml_training="denied")), STUDY).allowed == "no"
    assert judge(conclude(claim("CC-BY-4.0", ml_training="unknown")), STUDY).allowed == "unknown"
    assert judge(conclude(claim("C-UDA-1.0", redistribute=True)), SHARE).allowed == "no"


def test_a_policy_is_not_a_statement() -> None:
    """A license that follows from a repository's policy is used, and it is said where it comes from."""
    found = conclude(claim("CC-BY-4.0", level="policy"))
    assert (found.basis, found.concluded) == ("policy", "CC-BY-4.0")
    assert any("policy" in reason for reason in found.reasons)


def test_nothing_said_is_nothing_known() -> None:
    """Without any claim the basis is none, whatever the level, and nothing is allowed."""
    found = release_conclusion(Release("s", "http", "", ()))
    assert (found.basis, found.declared, found.concluded) == ("none", "NOASSERTION", "NOASSERTION")
    assert judge(found, Use(training=False, derivatives=False)).allowed == "unknown"


def test_the_order_of_restrictiveness() -> None:
    """From the public domain to what forbids training; what is not known comes after what is, except reserved contents."""
    order = [
        of("CC0-1.0"),
        of("CC-BY-4.0"),
        of("CC-BY-SA-4.0"),
        of("CC-BY-NC-4.0"),
        of("CC-BY-NC-SA-4.0"),
        of("CC-BY-ND-4.0"),
        of("CC-BY-NC-ND-4.0"),
        of("NOASSERTION"),
        of("LicenseRef-contents-reserved"),
        conclude(claim("CC0-1.0", ml_training="denied", redistribute=False)),
    ]
    weights = [restrictiveness(conclusion) for conclusion in order[:-1]]
    assert all(mild < strict for mild, strict in pairwise(weights))
    assert best(reversed(order)).concluded == "CC0-1.0"


def test_what_one_allows_less_than_the_other() -> None:
    """Two conclusions are compared use by use; duties alone make nothing stricter."""
    assert stricter(of("CC-BY-NC-4.0"), of("CC0-1.0")) == ("commercial", "redistribute")
    assert stricter(of("CC-BY-4.0"), of("CC0-1.0")) == ()


USES = [Use(*flags) for flags in product((True, False), repeat=4)]
SAMPLE = [
    "CC0-1.0", "MIT", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0", "ODbL-1.0", "C-UDA-1.0", "LicenseRef-x",
    "LicenseRef-contents-reserved",
]  # fmt: skip
RANK = {"yes": 0, "unknown": 1, "no": 2}


@given(st.sampled_from(SAMPLE), st.sampled_from(SAMPLE), st.sampled_from(USES))
def test_and_is_never_freer_and_or_never_stricter_than_its_parts(one: str, other: str, use: Use) -> None:
    """AND is at least as strict as each part for every use; OR is as free as its freest branch."""
    parts = [RANK[judge(of(part), use, claim(part)).allowed] for part in (one, other)]
    both, either = (claim(f"{one} {word} {other}") for word in ("AND", "OR"))
    assert RANK[judge(conclude(both), use, both).allowed] >= max(parts)
    assert RANK[judge(conclude(either), use, either).allowed] == min(parts)


@given(st.sampled_from(SAMPLE), st.sampled_from(USES), st.sampled_from(USES))
def test_wanting_more_is_never_allowed_more(expression: str, one: Use, other: Use) -> None:
    """A use that wants all that another wants, and more, is judged at least as strictly."""
    union = Use(
        *(getattr(one, name) or getattr(other, name) for name in ("training", "commercial", "redistribute", "derivatives"))
    )
    assert RANK[judge(of(expression), union).allowed] >= RANK[judge(of(expression), one).allowed]


def test_the_data_provenance_classes(shared_data: Path) -> None:
    """No license that the Data Provenance Initiative calls non-commercial or academic is judged fit for commercial use."""
    path = shared_data / "licenses" / "data_provenance_initiative" / "license_classes.json"
    classes = json.loads(path.read_text())
    read = {name: normalise(name, "prose") for name in classes}
    assert sum(expression != "NOASSERTION" for expression in read.values()) > len(read) * 0.7
    limited = [name for name, row in classes.items() if row[0] in {"NC", "Acad"}]
    assert len(limited) > 15
    assert [name for name in limited if judge(conclude(LicenseClaim((name,), "prose")), SELL).allowed == "yes"] == []

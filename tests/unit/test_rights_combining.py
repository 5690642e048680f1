"""Attributes of licenses, what they mean for a use, and which licenses do not go together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.model import Use
from acquisition.rights.attributes import USE_NAMES, attributes_of, decide, uncovered_contents
from acquisition.rights.combining import combine, conflicts

PASSED_ON = Use(redistribute=True)
NAMES = (
    "CC0-1.0", "MIT", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "ODbL-1.0",
    "GPL-2.0-only", "GPL-3.0-or-later", "Apache-2.0", "LicenseRef-family-gpl", "LicenseRef-CreativeML-OpenRAIL-M",
    "NOASSERTION", "C-UDA-1.0",
)  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "decisions"),
    [
        # analyse, train_research, train_commercial, redistribute_unmodified, redistribute_modified, publish_model
        ("CC0-1.0", "allow allow allow allow allow allow"),
        ("CC-BY-4.0", "allow allow allow allow allow allow"),
        ("MIT", "allow allow allow allow allow allow"),
        ("CC-BY-SA-4.0", "allow allow review allow allow review"),
        ("CC-BY-ND-4.0", "allow review review allow deny review"),
        ("CC-BY-NC-4.0", "allow review deny review review review"),
        ("C-UDA-1.0", "allow allow deny deny deny deny"),
        ("NOASSERTION", "review review deny deny deny deny"),
        ("LicenseRef-contents-reserved", "review review deny deny deny deny"),
        ("LicenseRef-Proprietary", "allow review deny deny deny deny"),
        ("MIT AND CC-BY-NC-4.0", "allow review deny review review review"),
        ("MIT OR CC-BY-NC-4.0", "allow allow allow allow allow allow"),
    ],
)
def test_decisions_by_class(expression: str, decisions: str) -> None:
    """Each class of licenses decides each use as the policy table says; AND takes the worst part, OR the best branch."""
    assert [decide(expression, use).outcome for use in USE_NAMES] == decisions.split()


def test_a_project_without_commercial_purpose() -> None:
    """Non-commercial licenses allow what they are for once the project says that it has no commercial purpose."""
    assert decide("CC-BY-NC-4.0", "train_research", noncommercial=True).outcome == "allow"
    assert decide("CC-BY-NC-4.0", "train_commercial", noncommercial=True).outcome == "deny"


def test_the_branch_that_was_taken() -> None:
    """Of an OR the branch that suits the use is named, with its own duties only."""
    found = decide("CC-BY-NC-4.0 OR CC0-1.0", "train_commercial")
    assert (found.branch, found.duties.attribution) == ("CC0-1.0", False)


def test_attributes() -> None:
    """Attributes say what class words cannot: groups, coverage of databases and contents, limits of purpose."""
    assert attributes_of("CC-BY-SA-3.0-DE").share_alike_group == "cc-by-sa"
    assert (attributes_of("ODbL-1.0").database_right, attributes_of("ODbL-1.0").contents_covered) == ("yes", "no")
    assert attributes_of("LicenseRef-CreativeML-OpenRAIL-M").behavioural_limits == "yes"
    assert attributes_of("LicenseRef-OpenAI-Terms").output_terms == "yes"
    assert attributes_of("LicenseRef-unheard-of").attribution == "unknown"


def test_databases_without_word_on_contents() -> None:
    """ODbL and ODC-By alone leave the contents open; with DbCL or beside a license for contents they do not."""
    assert uncovered_contents("ODbL-1.0")
    assert uncovered_contents("ODC-By-1.0")
    assert not uncovered_contents("ODbL-1.0 AND LicenseRef-scancode-dbcl-1.0")
    assert not uncovered_contents("CC-BY-4.0")
    assert not uncovered_contents("ODbL-1.0 OR CC-BY-4.0")


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0", "share-alike"),
        ("CC-BY-SA-4.0", "CC-BY-NC-4.0", "share-alike-non-commercial"),
        ("CC-BY-SA-4.0", "ODbL-1.0", "share-alike"),
        ("CC-BY-SA-4.0", "GPL-2.0-only", "share-alike"),
        ("CC-BY-SA-4.0", "LicenseRef-CreativeML-OpenRAIL-M", "share-alike-terms"),
        ("CC-BY-SA-1.0", "CC-BY-SA-4.0", "share-alike"),
        ("GPL-2.0-only", "GPL-3.0-only", "share-alike"),
        ("GPL-2.0-only", "Apache-2.0", "patent"),
        ("GFDL-1.3-only", "CC-BY-SA-3.0", "share-alike"),
        ("CC-BY-SA-4.0", "GPL-3.0-only", None),
        ("CC-BY-SA-2.0", "CC-BY-SA-4.0", None),
        ("CC-BY-SA-3.0", "CC-BY-SA-3.0-DE", None),
        ("GPL-2.0-or-later", "GPL-3.0-only", None),
        ("GPL-3.0-only", "AGPL-3.0-only", None),
        ("LGPL-2.1-only", "GPL-3.0-only", None),
        ("GPL-3.0-only", "Apache-2.0", None),
        ("CC-BY-4.0", "CC-BY-NC-4.0", None),
        ("CC-BY-SA-4.0", "MIT", None),
        ("MIT OR GPL-2.0-only", "CC-BY-SA-4.0", None),
        ("MIT AND GPL-2.0-only", "CC-BY-SA-4.0", "share-alike"),
    ],
)
def test_pairs_in_one_adaptation(one: str, other: str, kind: str | None) -> None:
    """Two licenses meet in one adaptation or not, whichever comes first."""
    for pair in ((one, other), (other, one)):
        found = [conflict.kind for conflict in conflicts(pair, PASSED_ON)]
        assert found == ([kind] if kind else [])


def test_a_collection_stands_where_an_adaptation_falls() -> None:
    """Share-alike does not reach unchanged neighbours: what is not passed on, or not changed, has no such conflict."""
    pair = ("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0")
    assert conflicts(pair, Use()) == ()
    assert conflicts(pair, Use(redistribute=True, derivatives=False)) == ()
    assert [(one.kind, one.form) for one in conflicts(pair, PASSED_ON)] == [("share-alike", "adaptation")]


def test_what_stands_against_any_form() -> None:
    """Licenses that nobody knows, or that forbid the use, stand against a collection too."""
    use = Use(commercial=True, redistribute=True)
    found = [(one.kind, one.form, one.one) for one in conflicts(("NOASSERTION", "CC-BY-NC-4.0", "C-UDA-1.0"), use)]
    assert ("unknown", "collection", "NOASSERTION") in found
    assert ("non-commercial", "collection", "CC-BY-NC-4.0") in found
    assert ("reserved", "collection", "C-UDA-1.0") in found


def test_sources_are_named() -> None:
    """A conflict names all sources that have the licenses."""
    found = combine({"b": ["CC-BY-SA-4.0"], "a": ["CC-BY-SA-4.0"], "c": ["CC-BY-NC-4.0"], "d": ["MIT"]}, PASSED_ON)
    assert [found.sources[one] for one in found.conflicts] == [(("c",), ("a", "b"))]


@given(st.lists(st.sampled_from(NAMES), max_size=6), st.booleans(), st.booleans())
def test_more_sources_never_heal(names: list[str], commercial: bool, redistribute: bool) -> None:
    """Adding a source never takes a conflict away, and the order of sources does not matter."""
    use = Use(commercial=commercial, redistribute=redistribute)
    found = conflicts(names, use)
    assert conflicts(list(reversed(names)), use) == found
    assert set(found) <= set(conflicts([*names, "CC-BY-SA-4.0"], use))

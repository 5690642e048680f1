"""What may leave the house, and why the rest may not."""

from __future__ import annotations

from typing import Any

import pytest

from acquisition.model import LicenseClaim
from acquisition.rights.licenses import conclude
from acquisition.rights.redistribution import why_not_redistributable


def _row(expression: str, **other: Any) -> dict[str, Any]:
    """Return the columns of the ledger that the rule reads."""
    plain = {"concluded_spdx": expression, "license_reasons": [], "license_review": False, "changes": [], "by": "policy"}
    return plain | other


def _concluded(claim: LicenseClaim, **other: Any) -> dict[str, Any]:
    """Return the ledger's columns for a claim, as the ledger would write them."""
    found = conclude(claim)
    told = {"license_reasons": list(found.reasons), "license_review": found.review}
    return _row(found.concluded, **(told | other))


@pytest.mark.parametrize(
    "expression", ["CC0-1.0", "CC-BY-4.0", "MIT", "ODbL-1.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0"]
)
def test_what_licenses_allow_may_be_passed_on(expression: str) -> None:
    """A license that allows copies, with whatever duties, stops nothing."""
    assert why_not_redistributable(_row(expression)) == ""


@pytest.mark.parametrize(
    "expression", ["LicenseRef-ImageNet", "LicenseRef-Proprietary", "CC-BY-4.0 AND LicenseRef-research-only"]
)
def test_what_licenses_forbid_is_named(expression: str) -> None:
    """A license that forbids copies stops the item, also beside one that allows them, and a person's keep changes nothing."""
    for row in (_row(expression), _row(expression, by="anna")):
        assert "does not allow passing it on" in why_not_redistributable(row)


def test_a_changed_copy_of_a_work_without_derivatives_stays() -> None:
    """CC BY-ND allows copies of the work as it came, and not of one that was redacted."""
    assert "does not allow changing it" in why_not_redistributable(_row("CC-BY-ND-4.0", changes=["an address was replaced"]))


@pytest.mark.parametrize("expression", ["NOASSERTION", "LicenseRef-terms-of-mine"])
def test_what_nobody_allowed_is_not_passed_on(expression: str) -> None:
    """An unknown license is no permission, even where a person keeps the item for training."""
    for row in (_row(expression), _row(expression, by="anna")):
        assert "nobody has said" in why_not_redistributable(row)


def test_an_open_question_stops_until_a_person_has_decided() -> None:
    """Terms that a person has to read stop an item that the policy keeps, and not one that a person keeps."""
    row = _concluded(LicenseClaim(("gemma",), "huggingface"))
    assert "a person should look" in why_not_redistributable(row)
    assert why_not_redistributable(row | {"by": "anna"}) == ""


def test_the_terms_own_word_beats_the_license() -> None:
    """A platform that forbids mirrors forbids them for public-domain works, and a written permission opens what terms close."""
    forbidden = LicenseClaim(("CC0-1.0",), "mdc", redistribute=False)
    allowed = LicenseClaim(("LicenseRef-Proprietary",), "user", redistribute=True)
    read = LicenseClaim(("gemma",), "huggingface", redistribute=True)
    assert why_not_redistributable(_concluded(forbidden)) == "the terms forbid passing it on"
    assert why_not_redistributable(_concluded(forbidden, by="anna")) == "the terms forbid passing it on"
    assert why_not_redistributable(_concluded(allowed)) == ""
    assert why_not_redistributable(_concluded(read)) == ""

"""The user's own word on license and attribution, with its evidence."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from acquisition.errors import SourceError
from acquisition.model import Evidence, LicenseClaim, Release
from acquisition.sources.local import Local
from acquisition.sources.override import LARGEST_EVIDENCE, apply_override
from acquisition.testing import context_for, scripted, source_for

FOUND = Evidence("licenses[].name", "CC0-1.0", "https://h/", "ab" * 32, "2026-11-21T05:00:00Z")
RELEASE = Release(
    "s", "kaggle", "3", (), license=LicenseClaim(("CC0-1.0",), "kaggle", evidence=(FOUND,)), authors=("them",), title="Theirs"
)


def overridden(base: Path, **settings: Any) -> Release:
    """Apply a declaration to the release."""
    declared = source_for(Local, path=".", **settings).settings
    return apply_override(RELEASE, declared, context_for(scripted({}), base=base))


def test_without_a_word_nothing_changes(tmp_path: Path) -> None:
    """No license, no attribution: the publisher's release as it is."""
    assert overridden(tmp_path) == RELEASE


def test_a_file_of_evidence_comes_into_the_claim(tmp_path: Path) -> None:
    """The declared license replaces the claim; the text and its digest are kept, and the publisher's evidence behind them."""
    text = "You may train models.\n"
    (tmp_path / "LICENSE.txt").write_text(text)
    word = {"declared": "LicenseRef-Proprietary", "evidence": "LICENSE.txt", "redistribute": False, "ml_training": "allowed"}
    claim = overridden(tmp_path, license={**word, "owner": "me"}).license
    assert (claim.raw, claim.vocabulary, claim.level) == (("LicenseRef-Proprietary",), "user", "user")
    assert (claim.redistribute, claim.ml_training) == (False, "allowed")
    declared, shown, owner, found = claim.evidence
    assert (shown.raw, shown.url, shown.sha256) == (text, "LICENSE.txt", hashlib.sha256(text.encode()).hexdigest())
    assert (declared.field, owner.raw, found) == ("license.declared", "me", FOUND)


def test_an_address_is_evidence_without_being_fetched(tmp_path: Path) -> None:
    """A URL is recorded as it is declared."""
    claim = overridden(tmp_path, license={"declared": "CC-BY-4.0", "evidence": "https://h/terms"}).license
    assert (claim.link, claim.evidence[1].raw, claim.evidence[1].sha256) == ("https://h/terms", "https://h/terms", "")


@pytest.mark.parametrize("evidence", ["missing.txt", ".", "large.txt", "${NOT_SET}/x"])
def test_evidence_that_cannot_be_read_is_an_error(tmp_path: Path, evidence: str) -> None:
    """Missing, a folder, far too large, an unset variable: the claim is not made without its evidence."""
    with (tmp_path / "large.txt").open("wb") as stream:
        stream.truncate(LARGEST_EVIDENCE + 1)
    with pytest.raises(SourceError):
        overridden(tmp_path, license={"declared": "MIT", "evidence": evidence})


def test_evidence_that_is_no_text_is_kept_by_its_digest(tmp_path: Path) -> None:
    """A scanned contract has a digest, and no text is made up for it."""
    (tmp_path / "scan.pdf").write_bytes(b"%PDF\0\1\2")
    shown = overridden(tmp_path, license={"declared": "MIT", "evidence": "scan.pdf"}).license.evidence[1]
    assert shown.sha256 == hashlib.sha256(b"%PDF\0\1\2").hexdigest()
    assert "not a text" in shown.raw


def test_papers_do_not_tell_where_on_a_machine_evidence_lies(tmp_path: Path) -> None:
    """Of an absolute path only the file's name is told: lock, manifest and bundles are passed on."""
    (tmp_path / "LICENSE").write_text("terms")
    shown = overridden(tmp_path, license={"declared": "MIT", "evidence": str(tmp_path / "LICENSE")}).license.evidence[1]
    assert (shown.raw, shown.url) == ("terms", "LICENSE")


def test_attribution_replaces_what_it_names(tmp_path: Path) -> None:
    """Only the declared parts change."""
    release = overridden(tmp_path, attribution={"author": "Right Person"})
    assert (release.authors, release.title) == (("Right Person",), "Theirs")

"""What `acquire verify` tells to do: one step for each kind of finding, and nothing where all is well."""

from __future__ import annotations

import pytest

from acquisition.bundle.form import CODES as BUNDLE_CODES
from acquisition.cli.verify import next_of_findings
from acquisition.manifest import CODES, Finding


def test_all_is_well() -> None:
    """Without findings there is nothing to do."""
    assert next_of_findings(()) == []


def test_each_kind_is_told_once() -> None:
    """Records are restored first, by their names; files of the set are one kind, whatever befell them."""
    found = [
        Finding("verify.extra-file", "a.wav"),
        Finding("verify.taken-down-named", "journal.sqlite#table=blobs"),
        Finding("verify.missing-file", "b.wav"),
        Finding("verify.damaged-record", "sources.lock"),
        Finding("verify.damaged-record", "decisions.jsonl:7"),
    ]
    records, anew, again = next_of_findings(found)
    assert "Restore sources.lock, decisions.jsonl from version control" in records
    assert "`acquire curate --anew`" in anew
    assert "`acquire takedown` again" in again


@pytest.mark.parametrize("code", [*CODES, *BUNDLE_CODES])
def test_every_code_has_a_step(code: str) -> None:
    """A workspace's findings are never answered as a bundle's, nor the other way round."""
    (step,) = next_of_findings([Finding(code, "x")])
    assert ("this bundle" in step or "Get the bundle" in step) == code.startswith("bundle.")

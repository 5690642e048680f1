"""Every registered filter keeps the contract of `acquisition.testing.check_filter`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from acquisition import plugins
from acquisition.model import LicenseClaim, Release, Use
from acquisition.protocols import FilterContext
from acquisition.testing import check_filter, items_of

LONG: Final = "The quick brown fox jumps over the lazy dog near the old mill while seven sparrows watch from a rusty gate. " * 6
TEXTS: Final = (
    "Write to jane.doe@example.org or call +1 202 555 0143 before noon.",
    "",
    LONG,
    LONG,
    LONG.replace("sparrows", "magpies"),
    "As an AI language model, I cannot help with that. It is important to note that we must delve into the tapestry.",
    "\ufffd\ufffd\ufffd \u202e odd \x00 text \U0001f600",
    "ok",
)


@pytest.mark.parametrize("name", plugins.registered(plugins.FILTERS))
def test_a_registered_filter_keeps_the_contract(name: str, tmp_path: Path) -> None:
    """Declared codes, spans inside the text, the same answer twice and in halves, nothing changed."""
    release = Release("source", "local", "1", (), license=LicenseClaim(("CC-BY-4.0",), "spdx"))
    context = FilterContext(use=Use(), releases={"source": release}, order=("source",), blob_root=str(tmp_path))
    check_filter(plugins.filter_class(name), items_of(TEXTS), tmp_path, context=context)

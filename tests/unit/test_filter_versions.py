"""A filter that answers otherwise has another version: flags are kept by it, and old answers would stay."""

from __future__ import annotations

import json

import pytest

from acquisition import plugins
from tests.fixtures.make_answers import FILE, FILTERS, answers


@pytest.mark.parametrize("name", FILTERS)
def test_answers_change_with_the_version_only(name: str) -> None:
    """On the labelled set a filter answers as it did when its version was written down.

    When this fails: raise `version` of the filter, then `python -m tests.fixtures.make_answers`.
    """
    known = json.loads(FILE.read_text(encoding="utf-8"))[name]
    assert {"version": plugins.filter_class(name).version, "answers": answers(name)} == known

"""The filter of docs/add-a-filter.md works as it stands there."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "add-a-filter.md"


def test_the_page_builds_a_filter_that_passes_its_own_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The class and the test of the page run, in this order, without a change."""
    code, test = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    module = ModuleType("acquisition_shouting")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, "acquisition_shouting.py", "exec", dont_inherit=True), module.__dict__)
    space: dict[str, object] = {}
    exec(compile(test, "test_acquisition_shouting.py", "exec", dont_inherit=True), space)
    check = space["test_capitals_are_flagged"]
    assert callable(check)
    check(tmp_path)

"""Words of others on pages: text, on one line, with nothing that cannot be seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.markdown import LONGEST, escaped, shown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Ann\r\nB.\t C", "Ann B. C"),
        ("\u202egpj.exe", "gpj.exe"),
        ("a\x00b\x1b[31mc", "a b [31mc"),
        ("half \ud800 pair", "half pair"),
        ("\u2067evil\u2069 \ufeff\u200bx", "evil x"),
        ("می‌خواهم 👩‍🔬", "می‌خواهم 👩‍🔬"),
        ("x" * 5_000, "x" * (LONGEST - 1) + "…"),
    ],
)
def test_what_is_shown_is_one_line_and_all_of_it_is_seen(text: str, told: str) -> None:
    """Line feeds, controls, halves of surrogates and marks that turn the direction go; joiners of scripts and emoji stay."""
    assert shown(text) == told


def test_marks_of_markdown_are_text() -> None:
    """No link, picture, table, heading, code or markup of others comes into a page."""
    told = escaped("![x](http://evil) <b> | `c` # *d* _e_ \\")
    assert told == r"!\[x\](http://evil) \<b\> \| \`c\` \# \*d\* \_e\_ " + "\\" * 2


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=60))
def test_everything_can_be_written(text: str) -> None:
    """Whatever a publisher says, a page of it is UTF-8 and one line."""
    told = escaped(text)
    assert len(told.encode("utf-8").splitlines()) <= 1
    assert "\n" not in told

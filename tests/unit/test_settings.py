"""What a declaration may say, where a model says more than its types."""

from __future__ import annotations

from acquisition.settings import glob_pattern


def test_globs_with_many_stars_take_no_time_on_long_names() -> None:
    """A publisher's long name is not tried in all ways; what a glob means stays the same, and a set stays in its folder."""
    assert not glob_pattern("*a*a*a*a*b").fullmatch("a" * 4_000)
    assert glob_pattern("data-*-of-*.parquet").fullmatch("x/data-0-of-of-2.parquet")
    assert not glob_pattern("a[!b]c").fullmatch("a/c")

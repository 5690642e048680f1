"""The Hub's closed lists, as they stand in the code."""

from __future__ import annotations

from acquisition.curate.hub import LICENSES, license_id


def test_no_id_is_torn_apart() -> None:
    """An id that was broken at the end of a line is none; the two that are long enough for it are whole."""
    assert not [one for one in LICENSES if one.endswith("-") or one.startswith("-")]
    assert {"cdla-permissive-2.0", "fair-noncommercial-research-license"} <= LICENSES
    assert license_id("CDLA-Permissive-2.0") == "cdla-permissive-2.0"

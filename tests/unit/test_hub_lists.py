"""The Hub's closed lists, as they stand in the code."""

from __future__ import annotations

from acquisition.curate.hub import LICENSES, license_head, license_id


def test_no_id_is_torn_apart() -> None:
    """An id that was broken at the end of a line is none; the two that are long enough for it are whole."""
    assert not [one for one in LICENSES if one.endswith("-") or one.startswith("-")]
    assert {"cdla-permissive-2.0", "fair-noncommercial-research-license"} <= LICENSES
    assert license_id("CDLA-Permissive-2.0") == "cdla-permissive-2.0"


def test_a_name_of_a_license_is_one_word() -> None:
    """The Hub takes lower case, digits, dots and dashes for the name of another license; several licenses are a mixture."""
    assert license_head(["GPL-2.0-only WITH Classpath-exception-2.0"], "LICENSES.md") == {
        "license": "other",
        "license_name": "gpl-2.0-only-with-classpath-exception-2.0",
        "license_link": "LICENSES.md",
    }
    assert license_head(["(MIT AND CC-BY-4.0) OR CC0-1.0"], "x")["license_name"] == "mit-and-cc-by-4.0-or-cc0-1.0"
    assert license_head(["CC0-1.0", "MIT"], "x")["license_name"] == "mixed"

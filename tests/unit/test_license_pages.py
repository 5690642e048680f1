"""The addresses of the licenses in an expression."""

from __future__ import annotations

from acquisition.manifest.kept import license_pages, license_urls


def test_an_exception_has_a_page_of_its_own() -> None:
    """`X WITH exception` links the license and the exception, and no address has a space."""
    assert license_urls("GPL-2.0-only WITH Classpath-exception-2.0 AND MIT") == (
        "https://spdx.org/licenses/GPL-2.0-only",
        "https://spdx.org/licenses/Classpath-exception-2.0",
        "https://spdx.org/licenses/MIT",
    )


def test_people_are_led_to_the_stewards_page() -> None:
    """A credit links the deed, where the steward of a license has one; others link the license list, or their own name."""
    assert license_pages("CC-BY-NC-SA-3.0-DE AND MIT AND LicenseRef-Own") == (
        "https://creativecommons.org/licenses/by-nc-sa/3.0/de/",
        "https://spdx.org/licenses/MIT.html",
        "LicenseRef-Own",
    )

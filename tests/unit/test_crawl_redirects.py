"""Where redirects lead."""

from __future__ import annotations

import pytest

from acquisition.crawl.visit.redirects import target_of


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b?x=1#top", "https://a.org/b?x=1"),
        ("//b.org/c", "https://b.org/c"),
        ("https://b.org/%7Ec", "https://b.org/%7Ec"),
        ("/caf\xc3\xa9", "https://a.org/caf%C3%A9"),  # UTF-8 on the wire, read as latin-1
        ("/caf\xe9", "https://a.org/caf%E9"),
        (" /b ", "https://a.org/b"),
        ("", ""),
        ("http://[::1", ""),
    ],
)
def test_a_location_is_read_as_servers_write_it(location: str, target: str) -> None:
    """Relative and absolute, with letters beyond ASCII as bytes; what cannot be read leads nowhere."""
    assert target_of("https://a.org/x/", (("location", location),)) == target

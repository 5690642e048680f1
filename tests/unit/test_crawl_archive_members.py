"""Gzip members say what they were given, and the memory of what was never met is never wrong about a no."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.crawl.archive.members import LEAST, SMALLER, STORED, member
from acquisition.crawl.archive.seen import Seen

LEVELS = (STORED, LEAST, SMALLER)


@given(st.binary(max_size=2_000), st.sampled_from(LEVELS))
def test_a_member_holds_what_it_was_given(data: bytes, level: int) -> None:
    """Whatever the level, any reader of gzip gets the bytes back, from one member that ends where it ends."""
    reader = zlib.decompressobj(31)
    assert reader.decompress(member(data, level) + b"next") == data
    assert (reader.eof, reader.unused_data) == (True, b"next")


@pytest.mark.parametrize("size", [0, 1, 65_534, 65_535, 65_536, 131_070, 131_071, 1_000_000])
def test_stored_members_of_any_length(size: int) -> None:
    """A block of deflate holds 65,535 bytes; what is longer takes several, and an empty member is one, too."""
    data = bytes(range(256)) * (size // 256 + 1)
    made = member(data[:size], STORED)
    assert gzip.decompress(made) == data[:size]
    assert len(made) - size <= 18 + 5 * (size // 65_535 + 1)


@given(st.lists(st.text(max_size=20) | st.binary(max_size=20)))
def test_what_was_met_is_never_denied(met: list[str | bytes]) -> None:
    """A no is certain; so nothing that was put in gets one."""
    seen = Seen()
    for one in met:
        seen.add(one)
    assert all(one in seen for one in met)
    assert len(met) > 0 or "anything" not in seen

"""Ranges, faults and archives without a socket: pure answers to requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.demo.blobs import Stored, crc32c, serve
from acquisition.demo.faults import Fault, Faults
from acquisition.demo.wire import Reply, Request, whole


def request(method: str = "GET", target: str = "/a/b.bin", **headers: str) -> Request:
    """Return a request with these headers."""
    return Request(
        "storage", method, "127.0.0.1", 80, target, {name.replace("_", "-"): value for name, value in headers.items()}
    )


@given(content=st.binary(max_size=300), first=st.integers(0, 400), length=st.integers(1, 400))
def test_a_range_is_a_slice(content: bytes, first: int, length: int) -> None:
    """Whatever is asked, 206 holds exactly that slice, and 416 comes only where nothing is left."""
    reply = serve(Stored(content), request(range=f"bytes={first}-{first + length - 1}"))
    expected = content[first : first + length]
    if not expected:
        assert (reply.status, reply.header("content-range")) == (416, f"bytes */{len(content)}")
    else:
        assert (reply.status, reply.body.read()) == (206, expected)
        assert reply.header("content-range") == f"bytes {first}-{first + len(expected) - 1}/{len(content)}"


@given(asked=st.text(max_size=30))
def test_no_range_header_breaks_the_answer(asked: str) -> None:
    """Any text is answered with 200, 206 or 416, never with an exception."""
    assert serve(Stored(b"0123456789"), request(range=f"bytes={asked}")).status in (200, 206, 416)


@given(content=st.binary(min_size=1, max_size=200), at=st.integers(0, 199), first=st.integers(0, 199))
def test_a_flip_changes_one_byte_of_the_file(content: bytes, at: int, first: int) -> None:
    """Seen from any range, the flipped byte is the one at its offset in the whole file."""
    faults = Faults(Fault("flip", at=at, times=None))
    delivery = faults.respond(request(range=f"bytes={first}-"), lambda asked: serve(Stored(content), asked))
    flipped = bytes(byte ^ (number == at) for number, byte in enumerate(content))
    if delivery.reply.status == 206:
        assert delivery.reply.body.read() == flipped[first:]


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_crc32c_is_linear_in_its_differences(first: bytes, second: bytes) -> None:
    """A checksum tells different contents of one length apart by a fixed difference, as any CRC does."""
    size = min(len(first), len(second))
    first, second = first[:size], second[:size]
    mixed = bytes(a ^ b for a, b in zip(first, second, strict=True))
    assert crc32c(first) ^ crc32c(second) == crc32c(mixed) ^ crc32c(bytes(size))


def test_the_first_fault_that_fits_is_used_up_first() -> None:
    """Faults wait in line; one answer suffers one of them."""
    faults = Faults(Fault("not-found", "b.bin"), Fault("status", "a/*"), Fault("status", "other"))
    answers = [faults.respond(request(), lambda _: Reply(body=whole(b"x"))).reply.status for _ in range(3)]
    assert answers == [404, 503, 200]


@pytest.mark.parametrize("glob", ["**", "b.bin", "a/*", "/a/b.bin", "**/*.bin"])
def test_globs_match_the_path(glob: str) -> None:
    """A fault's glob is read as those of `files`, with or without the leading slash."""
    assert Fault("status", glob).fits(request(target="/a/b.bin?signature=1"))
    assert not Fault("status", "c/*").fits(request())

"""The pure parts of the transport: heads, codings, addresses, and what libcurl's codes mean."""

from __future__ import annotations

import gzip
import os
import socket
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.crawl.contract import Failed, HeaderLines, Refused, Wire
from acquisition.crawl.visit.decoding import codings, decoded
from acquisition.crawl.visit.guard import UrlGuard
from acquisition.crawl.visit.permissions import origin_of
from acquisition.crawl.visit.transport_certificate import facts
from acquisition.crawl.visit.transport_head import objection, read_head
from acquisition.crawl.visit.transport_idle import _local_port, _shut
from acquisition.hosts import registrable


def wire(body: bytes, *encodings: str, cut: bool = False) -> Wire:
    """Return an answer with a body and its content codings."""
    headers: HeaderLines = tuple(("Content-Encoding", encoding) for encoding in encodings)
    return Wire(200, "OK", "HTTP/1.1", headers, body, "", (), 0.0, 0.0, cut=cut)


def failure_of(answer: Wire, max_bytes: int = 1_000) -> str:
    """Return the reason why a body cannot be decoded."""
    with pytest.raises(Failed) as caught:
        decoded(answer, max_bytes)
    return caught.value.reason


def raw(data: bytes) -> bytes:
    """Return a bare deflate stream."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


# --- decoding ---


@given(st.binary(max_size=3_000), st.sampled_from(["gzip", "deflate", "raw", "identity", ""]))
def test_what_was_packed_comes_back(data: bytes, how: str) -> None:
    """Decoding undoes each coding that is asked for, zlib's deflate and the bare one alike."""
    coders: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress, "raw": raw}
    body = coders[how](data) if how in coders else data
    assert decoded(wire(body, "deflate" if how == "raw" else how), 3_000) == data


@given(st.lists(st.binary(max_size=100), min_size=1, max_size=6), st.binary(max_size=3).map(lambda tail: b"\x00" + tail))
def test_all_members_of_a_gzip_are_read(parts: list[bytes], padding: bytes) -> None:
    """A gzip of several members is their contents in order; padding behind the last one is nothing."""
    body = b"".join(gzip.compress(part) for part in parts)
    assert decoded(wire(body, "gzip"), 1_000) == b"".join(parts)
    assert decoded(wire(body + padding, "gzip"), 1_000) == b"".join(parts)


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "GZIP, identity", "br", "gzip, gzip", "\xff"]))
def test_any_bytes_are_decoded_or_refused(body: bytes, coding: str) -> None:
    """Whatever comes, the answer is bytes within the limit or one of two failures."""
    try:
        size, reason = len(decoded(wire(body, coding), 500)), ""
    except Failed as error:
        size, reason = 0, error.reason
    assert size <= 500
    assert reason in ("", "content-encoding", "too-large")


@pytest.mark.parametrize(("coding", "coder"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", raw)])
def test_a_torn_stream_fails_unless_the_transport_has_cut_it(coding: str, coder: Callable[[bytes], bytes]) -> None:
    """A stream without its end is a failure; where reading was stopped on purpose, what has come of it counts."""
    data = bytes(range(256)) * 100
    torn = coder(data)[:200]
    assert failure_of(wire(torn, coding), 30_000) == "content-encoding"
    assert data.startswith(decoded(wire(torn, coding, cut=True), 30_000))


def test_the_limit_counts_what_comes_out() -> None:
    """Exactly max_bytes are allowed, one more is too large, and with `cut` the first max_bytes are returned."""
    for body, coding in ((b"a" * 1_000, ""), (gzip.compress(b"a" * 1_000), "gzip"), (zlib.compress(b"a" * 1_000), "deflate")):
        assert decoded(wire(body, coding), 1_000) == b"a" * 1_000
        assert failure_of(wire(body, coding), 999) == "too-large"
        assert decoded(wire(body, coding), 999, cut=True) == b"a" * 999
    assert failure_of(wire(gzip.compress(b"a") * 3, "gzip"), 2) == "too-large"


def test_a_swarm_of_tiny_members_costs_little() -> None:
    """A megabyte of gzip members that hold nothing is given up early, however small each is."""
    started = time.monotonic()
    assert failure_of(wire(gzip.compress(b"") * 50_000, "gzip")) == "content-encoding"
    assert time.monotonic() - started < 1.0


def test_an_empty_body_has_no_coding() -> None:
    """A 304 or an answer to HEAD names the coding of a body that does not come."""
    assert decoded(wire(b"", "gzip"), 10) == b""
    assert decoded(wire(b"", "br"), 10) == b""


def test_codings_are_listed_in_order() -> None:
    """Several lines and commas are one list; identity is none."""
    headers = (("content-encoding", "Deflate, identity"), ("X", "gzip"), ("CONTENT-ENCODING", " GZIP,,"))
    assert codings(headers) == ["deflate", "gzip"]


# --- heads ---


@given(st.lists(st.binary(max_size=60).map(lambda line: line.replace(b"\n", b"") + b"\r\n"), max_size=8))
def test_any_lines_are_a_head_or_none(lines: list[bytes]) -> None:
    """Hostile lines never raise; a head's fields are free of control characters."""
    head = read_head([b"HTTP/1.1 200 OK\r\n", *lines])
    if head is not None:
        assert not any(ord(letter) < 32 and letter != "\t" for pair in head.headers for text in pair for letter in text)
        objection(head, max_bytes=10, bodiless=False)


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\n", 200, "OK"),
        (b"HTTP/1.0 404\r\n", 404, ""),
        (b"HTTP/1.1 404 \r\n", 404, ""),
        (b"HTTP/1.1  503 Ganz m\xfcde\n", 503, "Ganz müde"),
    ],
)
def test_status_lines(line: bytes, status: int, reason: str) -> None:
    """The reason phrase is kept as it was written, and may be missing."""
    head = read_head([line])
    assert head is not None
    assert (head.status, head.reason, head.headers) == (status, reason, ())


@pytest.mark.parametrize(
    "lines", [[], [b""], [b"HTTP/1.1\r\n"], [b"HTTP/1.1 2x0 OK\r\n"], [b"HTTP/1.1 200 OK\r\n", b"no colon\r\n"]]
)
def test_what_is_no_head(lines: list[bytes]) -> None:
    """Lines that are none of HTTP give no head."""
    assert read_head(lines) is None


def test_bodiless_answers_are_not_judged_by_a_body_that_does_not_come() -> None:
    """A 304, a 204 and the answer to a HEAD may name any length and coding."""
    lines = [b"Content-Length: 99999\r\n", b"Content-Encoding: br\r\n"]
    for status, bodiless in ((b"304", False), (b"204", False), (b"200", True)):
        head = read_head([b"HTTP/1.1 " + status + b" X\r\n", *lines])
        assert head is not None
        assert objection(head, max_bytes=10, bodiless=bodiless) is None
    head = read_head([b"HTTP/1.1 200 OK\r\n", *lines])
    assert head is not None
    assert (objection(head, max_bytes=10, bodiless=False) or ("",))[0] == "content-encoding"


# --- addresses ---


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("http://example.org/a", "http://example.org/a"),
        ("http://example.org", "http://example.org/"),
        ("HTTP://EXAMPLE.ORG/A?B#C", "http://example.org/A?B"),
        ("http://example.org./a", "http://example.org/a"),
        ("http://example.org.:80/a", "http://example.org:80/a"),
        ("https://example.org:443/a", "https://example.org:443/a"),
        ("http://example.org/a b?c d", "http://example.org/a%20b?c%20d"),
        ("http://example.org/é?ü", "http://example.org/%C3%A9?%C3%BC"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://faß.example/", "http://xn--fa-hia.example/"),
        ("http://BÜCHER.example.:8080/", "http://xn--bcher-kva.example:8080/"),
        ("http://example.org/../a/./b//c", "http://example.org/../a/./b//c"),
        ("http://example.org/%2e%2e/%7Ea%zz", "http://example.org/%2e%2e/%7Ea%zz"),
        ("http://example.org?q", "http://example.org/?q"),
        ('http://example.org/"<>`{}', "http://example.org/%22%3C%3E%60%7B%7D"),
    ],
)
def test_addresses_in_the_form_of_the_wire(url: str, sent: str) -> None:
    """Escapes, dots and slashes stay as written; what no request line can carry is encoded; fragments are not sent."""
    assert UrlGuard().check(url).url == sent


@pytest.mark.parametrize(
    ("url", "header"),
    [
        ("http://example.org:80/", "example.org"),
        ("http://example.org:443/", "example.org:443"),
        ("https://example.org:443/", "example.org"),
        ("http://1.1/", "1.0.0.1"),
        ("http://[2606:4700::1111]:8080/", "[2606:4700::1111]:8080"),
    ],
)
def test_host_headers(url: str, header: str) -> None:
    """The recorded Host header has the port where it is not the usual one, and numbers in their usual form."""
    assert UrlGuard().check(url).site.header == header


@given(st.text(st.characters(codec="utf-8", exclude_characters="/?#\\@:[]%"), min_size=1, max_size=20))
def test_the_host_is_the_one_that_rules_and_clocks_are_kept_for(name: str) -> None:
    """What is connected to is what robots.txt is asked of and what has the turn, in any script: ß is not ss (UTS 46)."""
    try:
        site = UrlGuard().check(f"http://{name}.example/").site
    except Refused:
        return
    assert origin_of(f"http://{name}.example/") == f"http://{site.header}"
    assert registrable(f"http://{site.header}/") == registrable(f"http://{name}.example/")


@given(
    st.text(max_size=60),
    st.sampled_from(["", "http://", "https://", "HTTP://x", "http://[", "http://user@", "http://127.0.0.1"]),
)
def test_any_text_is_a_target_or_refused(text: str, start: str) -> None:
    """Whatever a page calls an address is refused with a reason or leads to an ASCII URL of http on an open port."""
    target, reason = None, ""
    try:
        target = UrlGuard().check(start + text)
    except Refused as refusal:
        reason = refusal.reason
    assert reason in ("", "scheme", "userinfo", "address", "port")
    if target is not None:
        assert target.url.isascii()
        assert target.url.startswith(("http://", "https://"))
        assert target.site.port in (80, 443, 8080, 8443)
        assert not any(letter in target.url for letter in " \r\n\t\x00#")


def test_a_descriptor_that_belongs_to_another_is_left_alone(tmp_path: Path) -> None:
    """A number that is closed, a file, a socket of another kind or of another port by now is not shut, and nothing leaks."""
    here, there = socket.socketpair()
    with here, there, socket.create_server(("127.0.0.1", 0)) as other, (tmp_path / "file").open("w") as file:
        unused = os.dup(file.fileno())
        os.close(unused)
        there.send(b"mine")
        before = len([*Path("/proc/self/fd").iterdir()])
        for descriptor in (unused, file.fileno(), here.fileno(), other.fileno()):
            _shut(descriptor, 1)
            assert _local_port(descriptor) in (0, other.getsockname()[1])
        assert len([*Path("/proc/self/fd").iterdir()]) == before
        assert here.recv(10) == b"mine"
        file.write("still open")


def test_certificate_facts() -> None:
    """The fingerprint is of the certificate's DER form; a certificate that cannot be read has none."""
    pem = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n"
    found = facts([("Subject", "CN = a"), ("Issuer", "CN = b"), ("Cert", pem)])
    assert found == {
        "subject": "CN = a",
        "issuer": "CN = b",
        "sha256": "ae4b3280e56e2faf83f414a6e3dabe9d5fbe18976544c05fed121accb85b53fc",
    }
    assert facts([("Subject", "CN = a"), ("Cert", "junk")]) == {"subject": "CN = a"}

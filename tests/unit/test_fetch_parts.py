"""The downloader's pure parts: answer heads, waits, bodies, budgets, digests."""

from __future__ import annotations

import base64
import hashlib
from email.utils import formatdate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.errors import DiskFull, LimitReached
from acquisition.fetch import answer as answer_module
from acquisition.fetch.answer import Answer, read_head, redirect_target, wire_url
from acquisition.fetch.body import is_page, promises_page, server_words
from acquisition.fetch.budget import Ceiling, Room
from acquisition.fetch.digests import Crc32c, Hashes, digest_bytes
from acquisition.fetch.pace import Bucket, asked_wait, backoff
from acquisition.fetch.part import PartFile, Segment
from acquisition.fetch.refusal import status_error
from acquisition.model import Asset, Digest

NOW = 1_790_000_000.0
DATE = formatdate(NOW, usegmt=True)


def answer(status: int, **headers: str) -> Answer:
    """Return an answer head."""
    return Answer(status, {name.replace("_", "-"): [value] for name, value in headers.items()})


def test_the_last_head_counts() -> None:
    """Interim answers come first; names are lower case, repeated headers are kept, folded or broken lines are not."""
    lines = [b"HTTP/1.1 103 Early\r\n", b"Link: x\r\n", b"\r\n", b"HTTP/1.1 206 Partial\r\n", b'ETag:  "a" \r\n']
    found = read_head([*lines, b"X-Goog-Hash: a\r\n", b"x-goog-hash: b\r\n", b" folded: c\r\n", b"broken\r\n", b"\r\n"])
    assert (found.status, found.etag, found.headers["x-goog-hash"]) == (206, '"a"', ["a", "b"])
    assert set(found.headers) == {"etag", "x-goog-hash"}
    assert read_head([]).status == 0


def test_a_line_reads_the_same_however_often_it_comes() -> None:
    """Lines that were read before answer as they did, and a server cannot make us remember without end."""
    lines = [b"HTTP/1.1 200 OK\r\n", b'ETag: "a"\r\n', b"X-Long: " + b"x" * 5000 + b"\r\n", b"broken\r\n"]
    first = read_head(lines)
    for number in range(3000):
        read_head([b"X-Number: %d\r\n" % number])
    assert read_head(lines) == first == read_head(lines)
    assert (first.status, first.etag, len(first.get("x-long"))) == (200, '"a"', 5000)
    assert len(answer_module._KNOWN) <= answer_module._KNOWN_LINES
    assert max(map(len, answer_module._KNOWN)) <= answer_module._KNOWN_LENGTH


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_hostile_heads_never_crash(lines: list[bytes]) -> None:
    """Any bytes at all give an answer whose properties can be read."""
    found = read_head([b"HTTP/1.1 429 x\r\n", *lines])
    assert found.length is None or found.length >= 0
    _ = (found.validator, found.content_range, found.unsatisfied_total, found.digests(), found.encoding, asked_wait(found, NOW))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes 0-4/5", (0, 4, 5)),
        ("Bytes 2-4/*", (2, 4, None)),
        ("bytes 4-2/5", None),
        ("bytes 0-5/5", None),
        ("bytes */5", None),
        ("items 0-4/5", None),
        ("bytes 0-4", None),
        ("", None),
        ("bytes ٠-٤/٥", None),
    ],
)
def test_content_range(value: str, expected: object) -> None:
    """Only a well-formed range inside its total is one."""
    assert answer(206, content_range=value).content_range == expected


def test_validators_are_strong_ones() -> None:
    """A strong tag; else a date that is older than the answer, and never beside a weak tag."""
    old = formatdate(NOW - 60, usegmt=True)
    assert answer(200, etag='"a"').validator == '"a"'
    assert answer(200, etag='W/"a"', last_modified=old, date=DATE).validator == ""
    assert answer(200, last_modified=old, date=DATE).validator == old
    assert answer(200, last_modified=DATE, date=DATE).validator == ""
    assert answer(200, last_modified=old).validator == ""
    assert answer(200, etag="unquoted").etag == ""


def test_server_digests_in_every_form() -> None:
    """x-goog-hash, Digest, Repr-Digest, Content-MD5 and X-Linked-Etag."""
    md5 = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    sha = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
    md5_digest, sha_digest = Digest("md5", hashlib.md5(b"x").hexdigest()), Digest("sha256", hashlib.sha256(b"x").hexdigest())
    crc = Crc32c()
    crc.update(b"x")
    crc_text = base64.b64encode(bytes.fromhex(crc.hexdigest())).decode()
    both = answer(200, x_goog_hash=f"crc32c={crc_text},md5={md5}").digests()
    assert both == (Digest("crc32c", crc.hexdigest()), md5_digest)
    assert answer(206, x_goog_hash=f"md5={md5}").digests() == (md5_digest,)
    assert answer(200, x_goog_hash=f"md5={md5}", x_goog_stored_content_encoding="gzip").digests() == ()
    assert answer(200, digest=f"SHA-256={sha},md5={md5}").digests() == (sha_digest, md5_digest)
    assert answer(206, repr_digest=f"sha-256=:{sha}:").digests() == (sha_digest,)
    assert answer(200, content_md5=md5).digests() == (md5_digest,)
    assert answer(206, content_md5=md5, content_digest=f"sha-256=:{sha}:").digests() == ()
    assert answer(302, x_linked_etag=f'"{sha_digest.value}"').linked_digest == sha_digest
    assert answer(302, x_linked_etag='"' + "a" * 40 + '"').linked_digest == Digest("git-sha1", "a" * 40)
    assert answer(200, digest="md5=short", x_goog_hash="nonsense", x_linked_etag='"xyz"').digests() == ()


@pytest.mark.parametrize(
    ("head", "wait"),
    [
        (answer(429, retry_after="7"), 7.0),
        (answer(503, retry_after=formatdate(NOW + 30, usegmt=True), date=DATE), 30.0),
        (answer(429, retry_after=formatdate(NOW - 30, usegmt=True), date=DATE), 0.0),
        (answer(429, ratelimit='"api";r=0;t=55'), 55.0),
        (answer(429, ratelimit='"pages";r=3;t=9, "api";r=0;t=12'), 12.0),
        (answer(429, ratelimit="limit=100, remaining=0, reset=31"), 31.0),
        (answer(429, ratelimit_reset="8"), 8.0),
        (answer(429, x_ratelimit_reset=str(int(NOW) + 20), date=DATE), 20.0),
        (answer(429, x_ratelimit_reset=str(int(NOW * 1000) + 5000), date=DATE), 5.0),
        (answer(429, x_ratelimit_reset="15"), 15.0),
        (answer(429, x_ratelimit_reset_after="2.5"), 2.5),
        (answer(200, ratelimit='"resolvers";r=0;t=40'), 40.0),
        (answer(200, ratelimit='"resolvers";r=10;t=40'), None),
        (answer(200, x_ratelimit_remaining="0", x_ratelimit_reset="4"), 4.0),
        (answer(200, x_ratelimit_remaining="1", x_ratelimit_reset="4"), None),
        (answer(200, retry_after="9"), None),
        (answer(429, retry_after="soon", ratelimit="garbage;;"), None),
        (answer(429), None),
    ],
)
def test_what_servers_ask_for(head: Answer, wait: float | None) -> None:
    """Every header style is understood, by the server's own clock; a success asks only when nothing remains."""
    assert asked_wait(head, NOW) == wait


def test_backoff_is_jittered_and_capped() -> None:
    """Full jitter: from 0 up to base × 2^n, never above the cap."""
    assert backoff(3, 1.0, 60.0, 0.0) == 0.0
    assert backoff(3, 1.0, 60.0, 0.5) == 4.0
    assert backoff(100, 1.0, 60.0, 1.0) == 60.0


def test_the_bucket_keeps_the_rate() -> None:
    """Bytes beyond the rate are waited for; idle time earns only a little credit."""
    bucket = Bucket(1000, at=0.0)
    bucket.take(3000)
    assert bucket.debt(0.0) == 3.0
    assert bucket.debt(1.0) == 2.0
    assert bucket.debt(100.0) == 0.0
    bucket.take(1250)
    assert bucket.debt(100.0) == 1.0
    assert Bucket(None, at=0.0).debt(5.0) == 0.0


@pytest.mark.parametrize(
    ("head", "media_type", "page"),
    [
        (b"<!DOCTYPE html><html>", "", True),
        (b"\xef\xbb\xbf \n<HTML lang=en>", "", True),
        (b"<!-- x --><head><title>", "", True),
        (b'<?xml version="1.0"?><html>', "", True),
        (b"<div>", "text/html", True),
        (b"<div>", "", False),
        (b"<?xml version='1.0'?><rss>", "application/xml", False),
        (b"a,b\n1,2", "text/html", False),
        (b"<htmlish", "", False),
        (b"", "text/html", False),
    ],
)
def test_pages_are_known_by_their_first_bytes(head: bytes, media_type: str, page: bool) -> None:
    """Markup of a page is a page; data with a wrong content type is not."""
    assert is_page(head, media_type) is page


def test_assets_that_are_pages() -> None:
    """By name or published media type."""
    assert promises_page(Asset("a/INDEX.HTML"))
    assert promises_page(Asset("a", media_type="text/html; charset=utf-8"))
    assert not promises_page(Asset("a.csv"))


def test_the_servers_words() -> None:
    """JSON, XML, header or plain text become one short line without control characters."""
    empty = Answer(403)
    assert server_words(empty, b'{"error": {"message": "You must\\n accept"}}') == "You must accept"
    assert server_words(empty, b"<Error><Message>Expired</Message></Error>") == "Expired"
    assert server_words(empty, b"<html><script>x()</script><b>No</b> way</html>") == "No way"
    assert server_words(answer(403, x_error_message="Gated"), b"x") == "Gated"
    assert len(server_words(empty, b"x\x1b[31m" * 500)) == 300
    assert "\x1b" not in server_words(empty, b"\x1b[31m red \x9b")


@given(st.binary(max_size=300))
def test_hostile_error_bodies_never_crash(body: bytes) -> None:
    """Any bytes give some words."""
    assert len(server_words(Answer(500), body)) <= 300


@pytest.mark.parametrize(
    ("head", "headers", "code"),
    [
        (answer(401), {}, "credentials-missing"),
        (answer(401), {"Authorization": "x"}, "credentials-rejected"),
        (answer(401, x_error_code="GatedRepo"), {}, "terms-needed"),
        (answer(403, x_error_code="GatedRepo"), {"Authorization": "x"}, "terms-needed"),
        (answer(403), {}, "source-forbidden"),
        (answer(451), {}, "source-forbidden"),
        (answer(404), {}, "source-not-found"),
        (answer(410), {}, "source-removed"),
        (answer(202), {}, "http-status"),
        (answer(500), {}, "http-status"),
    ],
)
def test_every_status_has_its_error(head: Answer, headers: dict[str, str], code: str) -> None:
    """The status, the hub's error code and whether a credential was sent decide; signatures never show."""
    error = status_error(head, b"", "https://example.org/x?sig=secret", headers)
    assert (error.code, error.where) == (code, "https://example.org/x")


def test_urls_on_the_wire() -> None:
    """Spaces and letters are encoded, what is encoded stays, redirects are resolved, fragments go."""
    assert wire_url("http://example.org/a b/ü.csv?q=ä#f") == "http://example.org/a%20b/%C3%BC.csv?q=%C3%A4"
    assert wire_url("https://example.org/a%20b") == "https://example.org/a%20b"
    assert wire_url("https://bücher.example") == "https://xn--bcher-kva.example/"
    assert redirect_target("https://example.org/a/b", "../c?x=1") == "https://example.org/c?x=1"
    assert redirect_target("https://example.org/a", "//other.example/x y") == "https://other.example/x%20y"


def test_ceilings_count_what_is_claimed_and_what_comes() -> None:
    """Two files cannot claim the same rest; unknown sizes stop when the ceiling is passed; what is given back is free."""
    ceiling = Ceiling(100, "limit")
    ceiling.claim("a", 60)
    with pytest.raises(LimitReached):
        ceiling.claim("b", 50)
    ceiling.claim("c", None)
    ceiling.count("a", 60)
    ceiling.count("c", 40)
    with pytest.raises(LimitReached):
        ceiling.count("c", 1)
    other = Ceiling(100, "limit")
    other.claim("a", 100)
    other.release("a")
    other.claim("b", 100)
    Ceiling(0, "limit").claim("empty", 0)


def test_room_is_promised_and_measured() -> None:
    """Promises are summed, writes are measured against the reserve, and what is given back is free."""
    free = [100]
    room = Room(Path(), 10, lambda _: free[0], lambda: 0.0)
    room.promise("a", 60)
    with pytest.raises(DiskFull):
        room.promise("b", 31)
    room.promise("b", 30)
    room.release("b")
    room.wrote("a", 60)
    with pytest.raises(DiskFull):
        room.wrote("c", 31)


def test_digests_of_known_bytes() -> None:
    """Published check values: CRC-32C of "123456789", the git id of the empty blob."""
    assert digest_bytes(b"123456789", ["crc32c"])["crc32c"] == "e3069283"
    assert digest_bytes(b"", ["git-sha1"])["git-sha1"] == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=10), st.integers(0, 200))
def test_a_part_reopens_as_it_was_or_empty(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], damage: int) -> None:
    """A stretch is continued only if the file still holds exactly the bytes that were written."""
    data = b"".join(pieces)
    part = PartFile(tmp_path_factory.mktemp("part") / "p")
    segment = Segment.at(3, None)
    for piece in pieces:
        segment.take(piece)
        part.flush(segment)
    again = part.reopen(segment.record())
    assert (again.position, again.record()) == (3 + len(data), segment.record())
    hashes = Hashes([], 0)
    hashes.follow(part.descriptor, 3 + len(data) if data else 0)
    if data:
        place = 3 + damage % len(data)
        raw = bytearray(part.path.read_bytes())
        raw[place] ^= 1
        part.path.write_bytes(raw)
        assert part.reopen(segment.record()).position == 3
    part.remove()

"""The storage service and the faults: what goes over the wire is exactly what was asked for."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import socket
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest

from acquisition.demo.blobs import crc32c
from acquisition.demo.faults import Fault
from acquisition.demo.servers import World

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def world() -> Iterator[World]:
    """A world with one file in its storage."""
    with World() as made:
        made.storage.put("bucket/some file.bin", CONTENT, hashes=("crc32c", "md5"))
        yield made


class Answer:
    """One answer, read as far as it goes; `broken` names the exception that ended it early."""

    def __init__(self, url: str, method: str = "GET", timeout: float = 5.0, **headers: str) -> None:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
        self.broken, self.body = "", b""
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, headers={name.replace("_", "-"): value for name, value in headers.items()})
        try:
            response = connection.getresponse()
            self.status, self.headers = response.status, response.headers
            while piece := response.read1(4096):
                self.body += piece
            if response.length:
                self.broken = "short"
        except (http.client.HTTPException, OSError) as error:
            self.broken = type(error).__name__
        finally:
            connection.close()


def url_of(world: World) -> str:
    """Where that file is."""
    return world.storage.url("bucket/some file.bin")


def test_whole_file(world: World) -> None:
    """A plain GET gives all bytes with length, validators and hashes that are true."""
    answer = Answer(url_of(world))
    assert (answer.status, answer.body, answer.broken) == (200, CONTENT, "")
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["Accept-Ranges"] == "bytes"
    hashes = dict(part.split("=", 1) for part in answer.headers["X-Goog-Hash"].split(","))
    assert base64.b64decode(hashes["md5"]) == hashlib.md5(CONTENT).digest()
    assert base64.b64decode(hashes["crc32c"]) == crc32c(CONTENT).to_bytes(4, "big")


def test_crc32c_check_value() -> None:
    """The checksum of "123456789" is the one that RFC 3720's polynomial is known by."""
    assert crc32c(b"123456789") == 0xE3069283


@pytest.mark.parametrize(
    ("asked", "status", "span"),
    [
        ("bytes=10-19", 206, (10, 20)),
        ("bytes=255990-", 206, (255990, 256000)),
        ("bytes=-5", 206, (255995, 256000)),
        ("bytes=0-999999", 206, (0, 256000)),
        ("bytes=1-2,5-6", 200, (0, 256000)),
        ("lines=1-2", 200, (0, 256000)),
    ],
)
def test_ranges(world: World, asked: str, status: int, span: tuple[int, int]) -> None:
    """Ranges are answered as RFC 9110 says: 206 with the right Content-Range, 200 for what is not understood."""
    answer = Answer(url_of(world), Range=asked)
    assert (answer.status, answer.body) == (status, CONTENT[slice(*span)])
    if status == 206:
        assert answer.headers["Content-Range"] == f"bytes {span[0]}-{span[1] - 1}/256000"


def test_range_behind_the_end(world: World) -> None:
    """A range that begins at the end is 416 and tells the size."""
    answer = Answer(url_of(world), Range="bytes=256000-")
    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */256000")


def test_if_range(world: World) -> None:
    """If-Range with another validator gives everything, with the right one the range."""
    etag = Answer(url_of(world), "HEAD").headers["ETag"]
    assert Answer(url_of(world), Range="bytes=5-9", If_Range=etag).status == 206
    assert Answer(url_of(world), Range="bytes=5-9", If_Range='"another"').status == 200


def test_signed_url_expires_and_refuses_credentials(world: World) -> None:
    """A signed URL works until its time, never with another signature, and shows a leaked credential."""
    path = "bucket/some file.bin"
    assert Answer(world.storage.signed_url(path)).status == 200
    old = Answer(world.storage.signed_url(path, lifetime=-1))
    assert (old.status, b"ExpiredToken" in old.body) == (403, True)
    assert Answer(world.storage.signed_url(path) + "0").status == 403
    assert Answer(world.storage.signed_url(path), Authorization="Bearer secret").status == 400


def test_private_file_needs_a_signature(world: World) -> None:
    """A private file is not given out under its plain URL."""
    url = world.storage.put("closed.bin", b"x", private=True)
    assert Answer(url).status == 403
    assert Answer(world.storage.signed_url("closed.bin")).body == b"x"


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_broken_connection(world: World, kind: str) -> None:
    """A cut or reset ends the body after the asked number of bytes, once; the next answer is whole."""
    fault = world.faults.add(Fault(kind, "**/*.bin", at=1000))  # type: ignore[arg-type] # parametrized
    answer = Answer(url_of(world))
    assert answer.broken in (("short",) if kind == "cut" else ("ConnectionResetError", "short"))
    assert answer.body == CONTENT[: len(answer.body)]
    assert len(answer.body) <= 1000
    assert world.log[-1].bytes_sent == 1000
    assert Answer(url_of(world)).body == CONTENT
    assert world.faults.hits(fault) == 1


def test_flip_is_at_the_same_place_in_ranges(world: World) -> None:
    """A flipped byte lies at its offset in the whole file; ranges without it are untouched and use nothing up."""
    world.faults.add(Fault("flip", at=500, times=2))
    assert Answer(url_of(world), Range="bytes=0-99").body == CONTENT[:100]
    body = Answer(url_of(world), Range="bytes=400-599").body
    assert [at for at, (got, real) in enumerate(zip(body, CONTENT[400:600], strict=True)) if got != real] == [100]
    assert Answer(url_of(world)).body[500] == CONTENT[500] ^ 1
    assert Answer(url_of(world)).body == CONTENT


def test_ignore_range_and_wrong_range(world: World) -> None:
    """Range faults touch range requests only."""
    world.faults.add(Fault("ignore-range"))
    assert Answer(url_of(world)).status == 200
    assert Answer(url_of(world), Range="bytes=5-").body == CONTENT
    for style, header in [("", "bytes 6-10/256000"), ("total", "bytes 5-9/256001"), ("invalid", "bytes everything")]:
        world.faults.add(Fault("wrong-range", style=style))
        answer = Answer(url_of(world), Range="bytes=5-9")
        assert (answer.status, answer.headers["Content-Range"], answer.body) == (206, header, CONTENT[5:10])
    world.faults.add(Fault("wrong-range", style="missing"))
    assert "Content-Range" not in Answer(url_of(world), Range="bytes=5-9").headers


@pytest.mark.parametrize(
    ("style", "header", "value"),
    [
        ("retry-after", "Retry-After", "2"),
        ("ratelimit", "RateLimit", '"api";r=0;t=2'),
        ("ratelimit-reset", "RateLimit-Reset", "2"),
    ],
)
def test_rate_limit_headers(world: World, style: str, header: str, value: str) -> None:
    """Each style of 429 says the same wait in its own header."""
    world.faults.add(Fault("rate-limit", style=style, seconds=2))
    answer = Answer(url_of(world))
    assert (answer.status, answer.headers[header]) == (429, value)


def test_rate_limit_dates(world: World) -> None:
    """The styles that give a time of day give one that is ahead by the wait, rounded up."""
    world.faults.add(Fault("rate-limit", style="retry-after-date", seconds=5))
    answer = Answer(url_of(world))
    ahead = parsedate_to_datetime(answer.headers["Retry-After"]) - parsedate_to_datetime(answer.headers["Date"])
    assert 5 <= ahead.total_seconds() <= 7
    world.faults.add(Fault("rate-limit", style="x-ratelimit-reset", seconds=5))
    answer = Answer(url_of(world))
    assert 4 <= int(answer.headers["X-RateLimit-Reset"]) - world.log[-1].at <= 6


@pytest.mark.parametrize(
    ("fault", "status", "begin"),
    [
        (Fault("expired"), 403, b"<?xml"),
        (Fault("expired", style="400"), 400, b"<?xml"),
        (Fault("not-found"), 404, b"<?xml"),
        (Fault("status"), 503, b"out of order"),
        (Fault("status", style="500"), 500, b"out of order"),
        (Fault("gated"), 403, b'{"error"'),
        (Fault("gated", style="401"), 401, b'{"error"'),
        (Fault("gated", style="kaggle"), 403, b'{"code":403'),
        (Fault("html"), 200, b"<!DOCTYPE html>"),
        (Fault("empty"), 200, b""),
        (Fault("empty", style="202"), 202, b""),
        (Fault("redirect-loop"), 302, b""),
        (Fault("redirect-private"), 302, b""),
    ],
)
def test_answers_instead(world: World, fault: Fault, status: int, begin: bytes) -> None:
    """These faults replace the answer, also where the file does not exist, and only as often as asked."""
    world.faults.add(fault)
    answer = Answer(url_of(world))
    assert (answer.status, answer.broken) == (status, "")
    assert answer.body.startswith(begin)
    assert bool(answer.body) is bool(begin)
    assert Answer(url_of(world)).body == CONTENT


def test_redirect_targets(world: World) -> None:
    """A loop leads to itself, the private redirect where it is told to."""
    world.faults.add(Fault("redirect-loop"))
    assert Answer(url_of(world)).headers["Location"] == urlsplit(url_of(world)).path
    world.faults.add(Fault("redirect-private", style="http://10.0.0.1/x"))
    assert Answer(url_of(world)).headers["Location"] == "http://10.0.0.1/x"


@pytest.mark.parametrize("style", ["", "close"])
def test_no_length(world: World, style: str) -> None:
    """Without a length everything still comes; ended early, chunks tell and a plain close does not."""
    world.faults.add(Fault("no-length", style=style))
    answer = Answer(url_of(world))
    assert ("Content-Length" in answer.headers, answer.body, answer.broken) == (False, CONTENT, "")
    world.faults.add(Fault("no-length-cut", style=style, at=1000))
    answer = Answer(url_of(world))
    assert len(answer.body) <= 1000
    assert bool(answer.broken) is (style == "")


def test_stall_drip_and_slow_headers(world: World) -> None:
    """Silence, drops and a slow head all run into the reader's time-out."""
    world.faults.add(Fault("stall", at=1000))
    stalled = Answer(url_of(world), timeout=0.3)
    assert (stalled.broken, len(stalled.body)) == ("TimeoutError", 1000)
    world.faults.add(Fault("drip", at=10, seconds=5))
    assert Answer(url_of(world), timeout=0.3).broken == "TimeoutError"
    world.faults.add(Fault("slow-headers", seconds=5))
    assert Answer(url_of(world), timeout=0.3).broken == "TimeoutError"


def test_wrong_length(world: World) -> None:
    """Content-Length says more than comes, or less."""
    world.faults.add(Fault("wrong-length"))
    answer = Answer(url_of(world))
    assert (answer.headers["Content-Length"], answer.broken) == ("256100", "short")
    world.faults.add(Fault("wrong-length", style="less"))
    assert Answer(url_of(world)).body == CONTENT[:-1]


def test_content_encoding(world: World) -> None:
    """The body is compressed though nobody asked for it, or only said to be."""
    world.faults.add(Fault("content-encoding"))
    answer = Answer(url_of(world))
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.body) == CONTENT
    world.faults.add(Fault("content-encoding", style="lie"))
    assert Answer(url_of(world)).body == CONTENT


def test_faults_are_aimed(world: World) -> None:
    """A fault touches only the paths, faces and methods that it names; times=None never ends."""
    other = world.storage.put("other/plain.txt", b"text")
    world.faults.add(Fault("status", "**/*.bin", times=None))
    world.faults.add(Fault("status", face="hub", times=None))
    world.faults.add(Fault("status", method="HEAD", match="other/*"))
    assert [Answer(url_of(world)).status for _ in range(3)] == [503, 503, 503]
    assert (Answer(other).status, Answer(other, "HEAD").status, Answer(other, "HEAD").status) == (200, 503, 200)
    world.faults.clear()
    assert Answer(url_of(world)).status == 200


def test_log(world: World) -> None:
    """Every request is logged with what it asked and what it got."""
    Answer(url_of(world) + "?a=1", Range="bytes=0-9", X_Test="yes")
    request = world.requests("storage", "/bucket/")[-1]
    deadline = time.monotonic() + 10
    while not request.bytes_sent and time.monotonic() < deadline:  # counted once they are sent, a moment after they are read
        time.sleep(0.01)
    assert (request.method, request.path, request.query) == ("GET", "/bucket/some file.bin", {"a": "1"})
    assert (request.status, request.bytes_sent, request.headers["x-test"]) == (206, 10, "yes")


def test_close_does_not_wait_for_stalled_connections(world: World) -> None:
    """Closing the world cuts a connection that a fault holds open."""
    world.faults.add(Fault("stall", at=0))
    parts = urlsplit(url_of(world))
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5) as peer:
        peer.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert peer.recv(10) == b"HTTP/1.1 2"
        world.close()
        while peer.recv(4096):
            pass

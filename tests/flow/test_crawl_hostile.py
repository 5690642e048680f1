"""The transport against servers that attack whoever reads them: each costs its own request, a bounded one, and nothing else."""

from __future__ import annotations

import asyncio
import gzip
import re
import time
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pytest

from acquisition.crawl.contract import Ask, Failed, Wire
from acquisition.crawl.visit.transport import Caps, CurlTransport, UrlGuard, decoded
from tests.flow.hostile import OK, Attack, Hostile, Peer, chunk, forever, hostile, says

pytestmark = pytest.mark.flow

MIB = 1 << 20
MAX_BYTES = MIB
CAPS = Caps(total=6.0, connect=2.0, slow_seconds=2.0, slow_bytes=200)


@dataclass
class Met:
    """How an attack ended: the answer or the failure, seconds, and the most memory that Python held for it."""

    wire: Wire | None
    failed: Failed | None
    seconds: float
    peak: int

    @property
    def reason(self) -> str:
        """The failure's word, "" for an answer."""
        return self.failed.reason if self.failed else ""


def transport(server: Hostile, caps: Caps = CAPS) -> CurlTransport:
    """Return a transport whose declaration opens the server's address."""
    guard = UrlGuard([server.url + "/"])
    return CurlTransport(user_agent="acquisition/0.1 (+https://example.org/bot)", email="a@example.org", guard=guard, caps=caps)


def meet(attack: Attack, *, caps: Caps = CAPS, ask: Callable[[str], Ask] = Ask) -> tuple[Met, Hostile]:
    """Ask a server for the attack, once, and measure."""
    with hostile({"/x": attack}) as server:
        return asyncio.run(_meet(server, caps, ask(server.url + "/x"))), server


async def _meet(server: Hostile, caps: Caps, ask: Ask) -> Met:
    sender = transport(server, caps)
    wire, failed = None, None
    tracemalloc.start()
    started = time.monotonic()
    try:
        wire = await sender.send(ask, max_bytes=MAX_BYTES)
    except Failed as error:
        failed = error
    finally:
        seconds, peak = time.monotonic() - started, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        await sender.close()
    return Met(wire, failed, seconds, peak)


# --- sizes ---


def test_a_body_longer_than_allowed_is_refused_before_it_comes() -> None:
    """A Content-Length of 99 GB ends the request at once: nothing of the body is waited for."""
    met, _ = meet(forever(OK + b"Content-Length: 99000000000\r\n\r\n", bytes(65_536)))
    assert met.reason == "too-large"
    assert met.failed is not None
    assert met.failed.again is None
    assert met.seconds < 1.0
    assert met.peak < MIB


@pytest.mark.parametrize("length", [b"9" * 30, b"1048577"])
def test_lengths_just_and_far_above_the_limit_are_refused(length: bytes) -> None:
    """One byte more than allowed is too large, and so is a number that no machine can count."""
    met, _ = meet(says(OK + b"Content-Length: " + length + b"\r\n\r\n"))
    assert met.reason in ("too-large", "protocol")
    assert met.seconds < 1.0


def test_an_endless_chunked_body_ends_at_the_limit() -> None:
    """A chunked body without end is cut off at max_bytes; neither memory nor traffic go far beyond it."""
    met, server = meet(forever(OK + b"Transfer-Encoding: chunked\r\n\r\n", chunk(bytes(65_536))))
    assert met.reason == "too-large"
    assert met.peak < 3 * MAX_BYTES
    assert server.taken["/x"] < 16 * MAX_BYTES
    assert met.seconds < 3.0


def test_a_body_without_any_length_ends_at_the_limit() -> None:
    """So does a body that would end with the connection, which never ends."""
    met, _ = meet(forever(OK + b"\r\n", bytes(65_536)))
    assert met.reason == "too-large"
    assert met.peak < 3 * MAX_BYTES


def test_one_chunk_that_claims_to_be_endless_ends_at_the_limit() -> None:
    """The size that a chunk claims (16 exabytes) is believed by nobody; what comes of it is counted."""
    met, _ = meet(forever(OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffff0\r\n", bytes(65_536)))
    assert met.reason in ("too-large", "protocol")
    assert met.peak < 3 * MAX_BYTES


def test_a_head_request_is_not_judged_by_the_length_of_the_page() -> None:
    """The length in the answer to a HEAD is that of a body which does not come."""
    met, _ = meet(says(OK + b"Content-Length: 99000000000\r\n\r\n"), ask=lambda url: Ask(url, method="HEAD"))
    assert met.wire is not None
    assert met.wire.body == b""
    assert met.wire.status == 200


def test_a_file_about_rights_is_cut_where_its_reading_ends() -> None:
    """With cut_at, an endless body is an answer of exactly that many bytes which says that it was cut."""
    attack = forever(OK + b"Content-Length: 99000000000\r\n\r\n", b"Disallow: /\n" * 1000)
    met, _ = meet(attack, ask=lambda url: Ask(url, kind="policy", cut_at=512_000))
    assert met.wire is not None
    assert met.wire.cut
    assert len(met.wire.body) == 512_000


def test_a_file_about_rights_that_is_just_long_enough_is_not_cut() -> None:
    """A body of exactly cut_at bytes is whole."""
    body = b"x" * 512_000
    met, _ = meet(lambda peer: peer.answer(body), ask=lambda url: Ask(url, kind="policy", cut_at=512_000))
    assert met.wire is not None
    assert not met.wire.cut
    assert met.wire.body == body


# --- content codings ---


def bomb(size: int, coder: Callable[[bytes], bytes]) -> bytes:
    """Return `size` zero bytes, packed."""
    return coder(bytes(size))


def raw_deflate(data: bytes) -> bytes:
    """Return a bare deflate stream, as many servers send it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(("coding", "coder"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", raw_deflate)])
def test_a_bomb_goes_off_within_the_limit(coding: str, coder: Callable[[bytes], bytes]) -> None:
    """200 MiB in 200 KB are undone up to the limit and no further, in time and in memory."""
    packed = bomb(200 * MIB, coder)
    met, _ = meet(lambda peer: peer.answer(packed, "200 OK", f"Content-Encoding: {coding}"))
    assert met.wire is not None
    assert met.wire.body == packed
    tracemalloc.start()
    started = time.monotonic()
    with pytest.raises(Failed) as failed:
        decoded(met.wire, 5 * MIB)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert failed.value.reason == "too-large"
    assert peak < 80 * MIB
    assert time.monotonic() - started < 2.0


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Encoding: " + ", ".join(["gzip"] * 60)],
        ["Content-Encoding: gzip"] * 60,
        ["content-ENCODING: GZip", "CONTENT-encoding: gZIP"],
        ["Content-Encoding: deflate, gzip"],
        ["Content-Encoding: gzip, identity, gzip"],
        ["Content-Encoding: br"],
        ["Content-Encoding: zstd"],
        ["Content-Encoding: aes128gcm"],
        ["Transfer-Encoding: gzip, chunked"],
    ],
    ids=lambda lines: f"{len(lines)}x{lines[0][:40]}",
)
def test_more_than_one_coding_or_an_unasked_one_is_not_read(headers: list[str]) -> None:
    """60 stacked codings, two in any spelling, and codings that were not asked for fail when the head has come."""
    met, _ = meet(lambda peer: peer.answer(gzip.compress(b"page"), "200 OK", *headers))
    assert met.reason == "content-encoding"
    assert met.seconds < 1.0


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", "identity, gzip", " gzip ,", "deflate"])
def test_one_coding_in_any_spelling_is_undone(coding: str) -> None:
    """Gzip and deflate are kept as sent and undone on demand, however they are spelled."""
    packed = zlib.compress(b"page") if coding == "deflate" else gzip.compress(b"page")
    met, _ = meet(lambda peer: peer.answer(packed, "200 OK", f"Content-Encoding: {coding}"))
    assert met.wire is not None
    assert met.wire.body == packed
    assert decoded(met.wire, 10) == b"page"


def test_a_torn_stream_is_no_page() -> None:
    """A gzip stream whose end is missing fails, although the answer itself is whole."""
    packed = gzip.compress(b"page" * 1000)[:-9]
    met, _ = meet(lambda peer: peer.answer(packed, "200 OK", "Content-Encoding: gzip"))
    assert met.wire is not None
    with pytest.raises(Failed) as failed:
        decoded(met.wire, MIB)
    assert failed.value.reason == "content-encoding"


# --- heads ---


def test_forty_thousand_headers_are_cut_off() -> None:
    """40,000 headers of 1 KB, which stock Scrapy accepts, end the request within the cap on heads."""

    def attack(peer: Peer) -> None:
        peer.send(OK)
        for number in range(40_000):
            peer.send(b"X-%d: %s\r\n" % (number, b"a" * 1_000))
        peer.send(b"\r\n")

    met, server = meet(attack)
    assert met.reason == "headers"
    assert met.peak < 2 * MIB
    assert server.taken["/x"] < 16 * MIB
    assert met.seconds < 3.0


def test_many_small_headers_are_cut_off() -> None:
    """The number of lines counts as well as their bytes."""
    met, _ = meet(says(OK, b"a:b\r\n" * 3_000, b"Content-Length: 0\r\n\r\n"))
    assert met.reason == "headers"


def test_a_generous_head_is_read() -> None:
    """100 headers and 60 KB are unusual and harmless."""
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 600) for number in range(100))
    met, _ = meet(says(OK, lines, b"Content-Length: 2\r\n\r\nhi"))
    assert met.wire is not None
    assert met.wire.body == b"hi"
    assert len(met.wire.headers) == 101


def test_a_giant_header_line_is_cut_off() -> None:
    """A line of 200 KB, and one that never ends, are not collected."""
    met, _ = meet(says(OK, b"X: " + b"a" * 200_000 + b"\r\n", b"Content-Length: 0\r\n\r\n"))
    assert met.reason in ("headers", "protocol")
    met, server = meet(forever(OK + b"X: ", b"a" * 65_536))
    assert met.reason in ("headers", "protocol")
    assert server.taken["/x"] < 16 * MIB
    assert met.seconds < 2.0


def test_http_0_9_is_no_answer() -> None:
    """A body without a head is refused."""
    met, _ = meet(says(b"<html>hello, this is 1991</html>"))
    assert met.reason == "protocol"


def test_a_flood_of_interim_answers_is_cut_off() -> None:
    """Thousands of 103s before the answer end the request."""
    met, server = meet(forever(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"))
    assert met.reason == "headers"
    assert server.taken["/x"] < 16 * MIB
    assert met.seconds < 3.0


def test_a_few_interim_answers_are_passed_over() -> None:
    """The head that is kept is the last one, with its own lines only."""
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    met, _ = meet(says(b"HTTP/1.1 100 Continue\r\n\r\n", interim * 3, OK, b"Content-Length: 2\r\nX-Last: yes\r\n\r\nhi"))
    assert met.wire is not None
    assert met.wire.headers == (("Content-Length", "2"), ("X-Last", "yes"))
    assert (met.wire.status, met.wire.body) == (200, b"hi")


def test_an_unasked_switch_of_protocols_is_no_answer() -> None:
    """101 leads nowhere, because nobody asked for another protocol."""
    met, _ = meet(says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", b"\x00" * 100))
    assert met.reason in ("protocol", "truncated", "reset")
    assert met.seconds < 1.0


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 20 Short\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 2000 Long\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/7.3 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"RTSP/1.0 200 OK\r\n\r\n",
    ],
    ids=lambda head: re.sub(r"[^\x20-\x7e]+", " ", head.decode("latin-1"))[:60],
)
def test_what_is_not_http_is_no_answer(head: bytes) -> None:
    """Impossible status lines, lengths, chunks and header lines, and other protocols, are failures without another try."""
    met, _ = meet(says(head))
    assert met.reason == "protocol"
    assert met.failed is not None
    assert met.failed.again is None


def test_the_head_is_kept_as_it_stood_on_the_wire() -> None:
    """Order, spelling, doubled names, folded lines, latin-1 and the reason phrase survive; control characters do not."""
    met, _ = meet(
        says(
            b"HTTP/1.0 200 Ganz gut, danke\r\n",
            b'etag:"1"\r\nX-B:  2 \r\nx-a: caf\xe9\r\nX-B: 3\r\nX-Fold: one\r\n  two\r\n',
            b"X-Bell: a\x07b\r\nContent-Length: 0\r\n\r\n",
        )
    )
    assert met.wire is not None
    assert (met.wire.protocol, met.wire.status, met.wire.reason) == ("HTTP/1.0", 200, "Ganz gut, danke")
    assert met.wire.headers == (
        ("etag", '"1"'),
        ("X-B", "2"),
        ("x-a", "café"),
        ("X-B", "3"),
        ("X-Fold", "one two"),
        ("X-Bell", "a b"),
        ("Content-Length", "0"),
    )


def test_trailers_are_neither_headers_nor_endless() -> None:
    """What follows a chunked body is not taken for a header of the answer, and a flood of it ends the request."""
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(b"hi") + b"0\r\n"
    met, _ = meet(says(head + b"X-Robots-Tag: all\r\n\r\n"))
    assert met.wire is not None
    assert met.wire.body == b"hi"
    assert [name for name, _ in met.wire.headers] == ["Transfer-Encoding"]
    met, _ = meet(forever(head, b"X-Trailer: again\r\n"))
    assert met.reason in ("headers", "protocol")
    assert met.seconds < 3.0


# --- ends that are none ---


@pytest.mark.parametrize(
    "parts",
    [
        (OK + b"Content-Length: 100\r\n\r\n", b"only this"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", chunk(b"one")),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"ff\r\nshort"),
    ],
    ids=["short", "no last chunk", "torn chunk"],
)
def test_a_body_that_ends_early_is_never_a_result(parts: tuple[bytes, ...]) -> None:
    """A body shorter than announced, or without its last chunk, is truncated, and another try makes sense."""
    met, _ = meet(says(*parts))
    assert met.reason == "truncated"
    assert met.failed is not None
    assert met.failed.again == 5.0


def test_a_reset_in_the_body_is_no_end() -> None:
    """A connection that is reset after half a body without any announced length has not delivered it."""

    def attack(peer: Peer) -> None:
        peer.send(OK + b"\r\nhalf of it")
        peer.wait(0.1)
        peer.hang_up_rudely()

    met, _ = meet(attack)
    assert met.reason in ("truncated", "reset")


@pytest.mark.parametrize(
    "attack", [lambda peer: None, Peer.hang_up_rudely, says(b"HTTP/1.1 200 O")], ids=["end", "reset", "torn"]
)
def test_no_answer_at_all_is_a_failure_that_may_pass(attack: Attack) -> None:
    """A server that hangs up before its head is complete may answer the next time."""
    met, _ = meet(attack)
    assert met.reason in ("reset", "truncated")
    assert met.failed is not None
    assert met.failed.again == 5.0


# --- time ---


def test_a_server_that_says_nothing_is_left_after_the_time_for_everything() -> None:
    """Silence after the request lasts as long as `total`, then it is a timeout."""
    met, _ = meet(lambda peer: peer.wait(15), caps=Caps(total=1.0, connect=1.0))
    assert met.reason == "timeout"
    assert 0.9 < met.seconds < 1.5


def test_a_body_that_drips_is_left_as_too_slow() -> None:
    """One byte every tenth of a second keeps nobody for the whole of `total`."""
    met, _ = meet(
        forever(OK + b"Content-Length: 1000000\r\n\r\n", b"x", pause=0.1), caps=Caps(slow_seconds=2.0, slow_bytes=200)
    )
    assert met.reason == "slow"
    assert 1.9 < met.seconds < 4.5
    assert met.failed is not None
    assert met.failed.again is None


def test_a_head_that_drips_is_left_as_too_slow() -> None:
    """So does a head that comes letter by letter, or line by line."""
    for part in (b"a", b"a: b\r\n"):
        met, _ = meet(forever(OK + b"X-1: ", part, pause=0.1), caps=Caps(slow_seconds=2.0, slow_bytes=200))
        assert met.reason == "slow"
        assert met.seconds < 4.5


def test_a_slow_body_that_makes_the_pace_is_ended_by_the_clock_alone() -> None:
    """Whoever sends just enough is heard until `total`, and not beyond."""
    met, _ = meet(
        forever(OK + b"Content-Length: 1000000\r\n\r\n", b"x" * 200, pause=0.1), caps=Caps(total=3.0, slow_seconds=1.0)
    )
    assert met.reason == "timeout"
    assert 2.9 < met.seconds < 3.6


def test_a_thinking_server_is_heard() -> None:
    """A pause before the first byte is no slowness, however the floor is set."""

    def attack(peer: Peer) -> None:
        peer.wait(2.5)
        peer.answer(b"thought")

    met, _ = meet(attack, caps=Caps(total=6.0, slow_seconds=1.0, slow_bytes=100_000))
    assert met.wire is not None
    assert met.wire.body == b"thought"


# --- what must not spread ---


def test_attacks_cost_nobody_else() -> None:
    """While twenty servers drip, flood and lie, an honest one is answered as if it were alone, and everything ends."""
    attacks: dict[str, Attack] = {
        "/drip": forever(OK + b"Content-Length: 1000000\r\n\r\n", b"x", pause=0.1),
        "/flood": forever(OK + b"Transfer-Encoding: chunked\r\n\r\n", chunk(bytes(65_536))),
        "/headers": forever(OK, b"X: " + b"a" * 1_000 + b"\r\n"),
        "/lie": forever(OK + b"Content-Length: 99000000000\r\n\r\n", bytes(65_536)),
        "/silence": lambda peer: peer.wait(15),
        "/honest": lambda peer: peer.answer(b"honest"),
    }

    async def crowd(server: Hostile) -> tuple[list[float], list[str]]:
        sender = transport(server, Caps(total=3.0, slow_seconds=1.0))
        bad = [asyncio.ensure_future(sender.send(Ask(server.url + path), max_bytes=MAX_BYTES)) for path in [*attacks][:5] * 4]
        spans = []
        for _ in range(50):
            started = time.monotonic()
            assert (await sender.send(Ask(server.url + "/honest"), max_bytes=100)).body == b"honest"
            spans.append(time.monotonic() - started)
            await asyncio.sleep(0.01)
        ended = await asyncio.gather(*bad, return_exceptions=True)
        await sender.close()
        return spans, [error.reason for error in ended if isinstance(error, Failed)]

    started = time.monotonic()
    with hostile(attacks) as server:
        spans, reasons = asyncio.run(crowd(server))
    assert sorted(spans)[40] < 0.2
    assert sorted(set(reasons)) == ["headers", "slow", "timeout", "too-large"]
    assert len(reasons) == 20
    assert time.monotonic() - started < 8.0


FIRST = OK + b"Content-Length: 5\r\n\r\nfirst"
POISON = OK + b"Content-Length: 6\r\n\r\npoison"


@pytest.mark.parametrize(
    "parts", [(FIRST + POISON,), (FIRST, POISON), (FIRST + POISON[:20], POISON[20:]), (FIRST[:-5], FIRST[-5:])]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_answer_too_many_poisons_nothing(parts: tuple[bytes, ...], method: Literal["GET", "HEAD"]) -> None:
    """What follows an answer unasked (a second one, or the body behind a HEAD) is not taken for the next page."""

    def attack(peer: Peer) -> None:
        for part in parts:
            peer.send(part)
            peer.wait(0.05)
        peer.keep = True

    async def ask(server: Hostile) -> bytes:
        sender = transport(server)
        first = await sender.send(Ask(server.url + "/x", method), max_bytes=100)
        assert first.body == (b"first" if method == "GET" else b"")
        await asyncio.sleep(0.2)
        try:
            return (await sender.send(Ask(server.url + "/next"), max_bytes=100)).body
        finally:
            await sender.close()

    with hostile({"/x": attack, "/next": lambda peer: peer.answer(b"next")}) as server:
        assert asyncio.run(ask(server)) == b"next"


@pytest.mark.parametrize("rude", [False, True])
@pytest.mark.parametrize("pause", [0.0, 0.1])
def test_a_connection_that_ends_between_requests_costs_nothing(rude: bool, pause: float) -> None:
    """A server that promises to go on listening and hangs up is asked over a fresh connection, once for each request."""

    def attack(peer: Peer) -> None:
        peer.send(FIRST)
        if rude:
            peer.wait(0.02)
            peer.hang_up_rudely()

    async def ask(server: Hostile) -> list[bytes]:
        sender = transport(server)
        bodies = []
        for _ in range(4):
            bodies.append((await sender.send(Ask(server.url + "/x"), max_bytes=100)).body)
            await asyncio.sleep(pause)
        await sender.close()
        return bodies

    with hostile({"/x": attack}) as server:
        assert asyncio.run(ask(server)) == [b"first"] * 4
        assert len(server.heads) == 4


def test_a_cancelled_request_frees_everything() -> None:
    """A task that is cancelled while a server drips gives its handle back, which then serves another request."""

    async def ask(server: Hostile) -> bytes:
        sender = transport(server)
        for _ in range(5):
            task = asyncio.ensure_future(sender.send(Ask(server.url + "/drip"), max_bytes=MAX_BYTES))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not sender._busy
            assert not sender._multi._waiting
        wire = await sender.send(Ask(server.url + "/honest"), max_bytes=100)
        assert len(sender._idle) == 1
        await sender.close()
        return wire.body

    attacks = {
        "/drip": forever(OK + b"Content-Length: 1000000\r\n\r\n", b"x", pause=0.1),
        "/honest": lambda peer: peer.answer(b"honest"),
    }
    with hostile(attacks) as server:
        assert asyncio.run(ask(server)) == b"honest"


def test_closing_ends_what_is_under_way() -> None:
    """A transport that is closed lets no request hang."""

    async def ask(server: Hostile) -> None:
        sender = transport(server)
        task = asyncio.ensure_future(sender.send(Ask(server.url + "/silence"), max_bytes=MAX_BYTES))
        await asyncio.sleep(0.1)
        await sender.close()
        with pytest.raises(asyncio.CancelledError):
            await task

    with hostile({"/silence": lambda peer: peer.wait(15)}) as server:
        asyncio.run(ask(server))


def test_connections_are_used_again() -> None:
    """Twenty requests in a row to one server take one connection."""

    async def ask(server: Hostile) -> None:
        sender = transport(server)
        for _ in range(20):
            await sender.send(Ask(server.url + "/x"), max_bytes=100)
        await sender.close()

    with hostile({"/x": lambda peer: peer.answer(b"hi")}) as server:
        asyncio.run(ask(server))
        assert server.connections == 1
        assert len(server.heads) == 20

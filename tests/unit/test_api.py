"""The API client: limits, retries, redirects, and what a refusal says. Driven over loopback by a server of a few lines."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.api import ApiLimits, Client, redacted, wait_asked, words_of
from acquisition.errors import (
    AcquisitionError,
    AddressRefused,
    CredentialsRejected,
    ProtocolError,
    SourceForbidden,
    SourceNotFound,
    SourceRemoved,
    SourceUnavailable,
)
from acquisition.network import AddressGuard
from acquisition.protocols import Answer

Handler = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class World:
    """A loopback server whose answers are functions by path, and what it was asked."""

    url: str = ""
    answers: dict[str, Handler] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


def reply(status: int, body: object = b"", **headers: str) -> Handler:
    """Return a handler that answers with JSON (or bytes as they are) and headers; `_` in their names stands for `-`."""

    def handle(request: BaseHTTPRequestHandler) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(data)

    return handle


def in_turn(*handlers: Handler) -> Handler:
    """Return a handler that answers with each in turn and then with the last for ever."""
    left = list(handlers)
    return lambda request: (left.pop(0) if len(left) > 1 else left[0])(request)


@pytest.fixture
def world() -> Iterator[World]:
    """A server on 127.0.0.1."""
    made = World()

    class Face(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            names = {name.lower(): value for name, value in self.headers.items()}
            made.asked.append((self.command, self.path, names, body))
            made.answers.get(self.path.split("?")[0], reply(404, {"message": "no such path"}))(self)

        do_GET = do_POST = do_HEAD = answer  # noqa: N815  # http.server looks these names up

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Face)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def naps() -> list[float]:
    """The waits that the client asked for instead of sleeping."""
    return []


@pytest.fixture
def client(world: World, naps: list[float]) -> Iterator[Client]:
    """A client that may reach loopback, sleeps on paper and has short limits."""
    limits = ApiLimits(connect=2, read=0.5, total=1.5, body=10_000, tries=3, longest_wait=100)
    with Client("acquisition/test", AddressGuard([world.url]), limits=limits, sleep=naps.append, jitter=lambda: 0.0) as made:
        yield made


def test_get_json_sends_parameters_headers_and_who_we_are(world: World, client: Client) -> None:
    """Parameters are encoded into the query, headers go out, the user agent is ours and no cookie is kept."""
    world.answers["/a"] = reply(200, {"n": 1}, Set_Cookie="id=1; Path=/")
    assert client.get_json(f"{world.url}/a", params={"q": "a b&c"}, headers={"X-Key": "k"}) == {"n": 1}
    client.get_json(f"{world.url}/a")
    method, path, headers, _ = world.asked[0]
    assert (method, path) == ("GET", "/a?q=a+b%26c")
    assert headers["x-key"] == "k"
    assert headers["user-agent"] == "acquisition/test"
    assert "cookie" not in world.asked[1][2]


def test_post_json_sends_json_or_nothing(world: World, client: Client) -> None:
    """A body is sent as JSON; without one the request has length 0 and no content type."""
    world.answers["/p"] = reply(200, [])
    client.post_json(f"{world.url}/p", body={"a": None})
    client.post_json(f"{world.url}/p")
    assert world.asked[0][2]["content-type"] == "application/json"
    assert json.loads(world.asked[0][3]) == {"a": None}
    assert world.asked[1][2]["content-length"] == "0"
    assert "content-type" not in world.asked[1][2]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ProtocolError),
        (401, CredentialsRejected),
        (402, SourceForbidden),
        (403, SourceForbidden),
        (404, SourceNotFound),
        (410, SourceRemoved),
        (429, SourceUnavailable),
        (501, SourceUnavailable),
        (503, SourceUnavailable),
    ],
)
def test_refusals_keep_status_and_the_servers_words(
    world: World, client: Client, status: int, kind: type[AcquisitionError]
) -> None:
    """Every refusal has the type of its status and repeats what the server said, without the token that was sent."""
    world.answers["/x"] = reply(status, {"code": status, "message": "no for KGAT_abcdefgh12345678 here"})
    with pytest.raises(kind) as caught:
        client.get_json(f"{world.url}/x", params={"token": "s3cret"}, headers={"Authorization": "Bearer KGAT_abcdefgh12345678"})
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert caught.value.said == "no for ••• here"
    assert caught.value.said in caught.value.message
    assert "s3cret" not in caught.value.where


def test_what_passes_is_asked_again(world: World, client: Client, naps: list[float]) -> None:
    """429 and 5xx are asked again, after the wait that the server names or after our own that doubles."""
    limited = reply(429, RateLimit='"api";r=0;t=7')
    world.answers["/r"] = in_turn(reply(503, Retry_After="3"), limited, reply(200, {"ok": True}))
    assert client.get_json(f"{world.url}/r") == {"ok": True}
    world.answers["/s"] = in_turn(reply(500), reply(502), reply(200, {}))
    client.get_json(f"{world.url}/s")
    assert naps == [3.0, 7.0, 0.5, 1.0]


def test_retries_are_bounded(world: World, client: Client, naps: list[float]) -> None:
    """A server that never recovers is asked `tries` times."""
    world.answers["/r"] = reply(503, {"error": "maintenance"})
    with pytest.raises(SourceUnavailable) as caught:
        client.get_json(f"{world.url}/r")
    assert caught.value.said == "maintenance"
    assert len(world.asked) == 3


def test_too_long_a_wait_is_not_waited(world: World, client: Client, naps: list[float]) -> None:
    """A server that asks for more patience than allowed is left alone at once, and the hint says for how long."""
    world.answers["/r"] = reply(429, Retry_After="4000")
    with pytest.raises(SourceUnavailable) as caught:
        client.get_json(f"{world.url}/r")
    assert "4000 s" in caught.value.hint
    assert (naps, len(world.asked)) == ([], 1)


def test_a_stalled_server_ends(world: World, client: Client) -> None:
    """A server that accepts and never answers costs a read time-out per try, not for ever."""
    world.answers["/stall"] = lambda request: time.sleep(3)
    started = time.monotonic()
    with pytest.raises(SourceUnavailable) as caught:
        client.exchange("GET", f"{world.url}/stall")
    assert time.monotonic() - started < 3
    assert "sends nothing" in caught.value.message


def _drip(request: BaseHTTPRequestHandler, *, before: bytes) -> None:
    request.wfile.write(before)
    for _ in range(60):
        try:
            request.wfile.write(b"a")
            request.wfile.flush()
        except OSError:
            return
        time.sleep(0.1)


@pytest.mark.parametrize("before", [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Long: "])
def test_dripping_bytes_end_too(world: World, before: bytes) -> None:
    """Single bytes that keep coming, in the body or in the headers, are cut at the total limit."""
    world.answers["/drip"] = lambda request: _drip(request, before=before)
    limits = ApiLimits(connect=1, read=0.5, total=0.6, tries=1)
    started = time.monotonic()
    with Client("t", AddressGuard([world.url]), limits=limits) as client, pytest.raises(SourceUnavailable):
        client.exchange("GET", f"{world.url}/drip")
    assert time.monotonic() - started < 3


def test_bodies_are_capped(world: World, client: Client) -> None:
    """A body above the cap is an error, also when its packed form is below it."""
    import gzip

    world.answers["/big"] = reply(200, b" " * 20_000)
    world.answers["/bomb"] = reply(200, gzip.compress(b" " * 5_000_000), Content_Encoding="gzip")
    for path in ("/big", "/bomb"):
        with pytest.raises(ProtocolError, match="larger than"):
            client.get_json(world.url + path)


def test_what_is_not_json_is_a_protocol_error(world: World, client: Client) -> None:
    """A page where JSON was promised is named with its content type."""
    world.answers["/h"] = reply(200, b"<html>hello", Content_Type="text/html")
    with pytest.raises(ProtocolError, match="text/html"):
        client.get_json(f"{world.url}/h")


def test_redirects_drop_credentials_at_the_border(world: World, client: Client) -> None:
    """Headers follow a redirect inside the origin and stay behind when scheme, host or port change."""
    other = world.url.replace("127.0.0.1", "localhost")
    world.answers["/a"] = reply(302, Location="/b")
    world.answers["/b"] = reply(307, Location=f"{other}/c")
    world.answers["/c"] = reply(200, {"ok": 1})
    assert client.get_json(f"{world.url}/a", headers={"Authorization": "Bearer tokentoken"}) == {"ok": 1}
    assert [entry[2].get("authorization") for entry in world.asked] == ["Bearer tokentoken", "Bearer tokentoken", None]


@pytest.mark.parametrize("target", ["http://169.254.169.254/latest/meta-data", "http://user:pw@127.0.0.1/", "http://10.0.0.8/"])
def test_redirects_stay_on_allowed_addresses(world: World, client: Client, target: str) -> None:
    """A redirect to an address that the declaration does not write is refused before any connection."""
    world.answers["/a"] = reply(302, Location=target)
    with pytest.raises(AddressRefused):
        client.get_json(f"{world.url}/a")


@pytest.mark.parametrize("target", ["file:///etc/passwd", ""])
def test_odd_redirects_are_protocol_errors(world: World, client: Client, target: str) -> None:
    """A redirect to another scheme, or to nothing, is an error of the protocol."""
    world.answers["/a"] = reply(302, Location=target)
    with pytest.raises(ProtocolError):
        client.get_json(f"{world.url}/a")


def test_redirect_loops_end(world: World, client: Client) -> None:
    """A circle of redirects is left after a few rounds."""
    world.answers["/a"] = reply(302, Location="/a")
    with pytest.raises(ProtocolError, match="more than"):
        client.get_json(f"{world.url}/a")


def test_redirect_of_returns_the_target_without_asking_it(world: World, client: Client) -> None:
    """The Location comes back absolute and is not followed; refusals and plain answers are errors."""
    world.answers["/d"] = reply(302, Location="/signed?key=1")
    assert client.redirect_of("POST", f"{world.url}/d", body={}) == f"{world.url}/signed?key=1"
    assert len(world.asked) == 1
    world.answers["/d"] = reply(403, {"message": "accept the terms"})
    with pytest.raises(SourceForbidden, match="accept the terms"):
        client.redirect_of("POST", f"{world.url}/d", body={})
    world.answers["/d"] = reply(200, {})
    with pytest.raises(ProtocolError):
        client.redirect_of("POST", f"{world.url}/d", body={})


def test_exchange_returns_any_status(world: World, client: Client) -> None:
    """Official clients judge statuses and headers themselves: 3xx and 4xx come back as they are."""
    world.answers["/m"] = reply(404, {"error": "x"}, X_Error_Code="RevisionNotFound")
    answer = client.exchange("HEAD", f"{world.url}/m")
    assert (answer.status, answer.headers["x-error-code"], answer.body) == (404, "RevisionNotFound", b"")


def test_get_text_decodes_with_the_named_charset(world: World, client: Client) -> None:
    """A charset in the Content-Type is used; an unknown one falls back to UTF-8 with marks; the cap counts bytes."""
    world.answers["/t"] = reply(200, "ж".encode("cp1251"), Content_Type="text/plain; charset=windows-1251")
    world.answers["/u"] = reply(200, b"ok\xff", Content_Type="text/plain; charset=klingon")
    assert client.get_text(f"{world.url}/t") == "ж"
    assert client.get_text(f"{world.url}/u") == "ok\ufffd"
    with pytest.raises(ProtocolError):
        client.get_text(f"{world.url}/u", max_bytes=2)


def test_private_names_are_refused_when_connecting(world: World) -> None:
    """Without a loopback literal in the declaration, 127.0.0.1 and localhost are out of reach and nothing is sent."""
    with Client("t", AddressGuard()) as client:
        for url in (world.url, world.url.replace("127.0.0.1", "localhost")):
            with pytest.raises(AddressRefused):
                client.get_json(url)
    assert world.asked == []


def test_nothing_listens(naps: list[float]) -> None:
    """A refused connection says the host and the reason, after the retries."""
    with (
        Client("t", AddressGuard(["http://127.0.0.1"]), sleep=naps.append) as client,
        pytest.raises(SourceUnavailable) as caught,
    ):
        client.get_json("http://127.0.0.1:9/x?key=s3cret")
    assert "127.0.0.1:9" in caught.value.message
    assert "refused" in caught.value.message
    assert "s3cret" not in str(caught.value) + caught.value.where
    assert len(naps) == 3


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "Sat, 21 Nov 2026 06:00:30 GMT"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2020 06:00:30 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"ratelimit": '"api";r=0;t=55'}, 55.0),
        ({"ratelimit": '"api";r=12;t=55'}, None),
        ({"ratelimit": '"api";t=55;r=0'}, 55.0),
        ({"ratelimit": "limit=100, remaining=0, reset=7"}, 7.0),
        ({"ratelimit-reset": "9"}, 9.0),
        ({"x-ratelimit-reset": "1795240810"}, 10.0),
        ({}, None),
    ],
)
def test_every_way_to_ask_for_patience_is_understood(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, dates, the draft's RateLimit field, and reset fields in seconds or Unix time."""
    assert wait_asked(headers, 1_795_240_800.0) == seconds


@given(st.dictionaries(st.sampled_from(["retry-after", "ratelimit", "x-ratelimit-reset"]), st.text(max_size=60)))
def test_no_header_breaks_the_wait(headers: dict[str, str]) -> None:
    """Whatever a server writes there, the wait is None or a number that is not negative."""
    asked = wait_asked(headers, 1e9)
    assert asked is None or asked >= 0


@given(st.binary(max_size=300))
def test_no_body_breaks_the_words(body: bytes) -> None:
    """Whatever a server answers, its words are one printable line of bounded length."""
    words = words_of(Answer(500, {}, body, "http://h/"))
    assert len(words) <= 400
    assert words.isprintable()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": {"message": "deep"}}', "deep"),
        (b'{"errors": [{"message": "one"}, "two"]}', "one; two"),
        (b"<html><head><title>403 Forbidden</title>", "403 Forbidden"),
        (b"<html><body>long page", ""),
        (b"plain\r\nwords \x1b[31m", "plain words [31m"),
        (b'{"status": 404, "statusText": "Not Found"}', "Not Found"),
    ],
)
def test_words_are_found_where_servers_put_them(body: bytes, words: str) -> None:
    """Message fields at any place, a page's title, or plain text without control characters."""
    assert words_of(Answer(403, {}, body, "http://h/")) == words


def test_redaction_knows_basic_credentials_and_queries() -> None:
    """User and key of a Basic header, tokens of known shapes and signed queries do not come back in messages."""
    import base64

    sent = {"Authorization": "Basic " + base64.b64encode(b"alice:keykeykey").decode()}
    text = redacted("alice used keykeykey and hf_abcdefghijk at https://s.example/x?sig=1", sent)
    assert text == "••• used ••• and ••• at https://s.example/x?•••"

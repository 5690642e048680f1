"""The guard around the machine: nothing but public web servers is asked, whatever a page, a name or a spelling says."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from acquisition.crawl.contract import Ask, Failed, Refused, Wire
from acquisition.crawl.visit import transport_names
from acquisition.crawl.visit.transport import Caps, CurlTransport, UrlGuard
from tests.flow.hostile import Hostile, authority, hostile, tls_server

pytestmark = pytest.mark.flow

USER_AGENT = "acquisition/0.1.0 (+https://example.org/bot; mailto:data@example.org)"
CAPS = Caps(total=5.0, connect=1.0)


def carry(guard: UrlGuard, *asks: Ask, caps: Caps = CAPS) -> list[Wire]:
    """Send asks one after the other through one transport."""

    async def all_of_them() -> list[Wire]:
        sender = CurlTransport(user_agent=USER_AGENT, email="data@example.org", guard=guard, caps=caps)
        try:
            return [await sender.send(ask, max_bytes=10_000) for ask in asks]
        finally:
            await sender.close()

    return asyncio.run(all_of_them())


def refused(url: str, guard: UrlGuard | None = None) -> str:
    """Return the reason why an address is refused."""
    with pytest.raises(Refused) as caught:
        carry(guard or UrlGuard(), Ask(url))
    return caught.value.reason


@pytest.fixture
def server() -> Iterator[Hostile]:
    """Yield a server on loopback that a guard without a declaration must never let through."""
    with hostile({"/": lambda peer: peer.answer(b"inside")}) as running:
        yield running


def resolving(monkeypatch: pytest.MonkeyPatch, answers: Mapping[str, list[list[str]]]) -> dict[str, int]:
    """Let names resolve to the given answers, one after the other, the last one for ever; return how often each was asked."""
    asked: dict[str, int] = {}

    def getaddrinfo(host: str, port: object, *args: Any, **kwargs: Any) -> list[tuple[Any, ...]]:
        if host not in answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        turn = asked[host] = asked.get(host, 0) + 1
        found = answers[host][min(turn, len(answers[host])) - 1]
        families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in found]
        return [(family, socket.SOCK_STREAM, 6, "", (address, 0)) for family, address in zip(families, found, strict=True)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


# --- spellings of this machine and its neighbours ---


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "127.255.255.254",
            "2130706433",
            "017700000001",
            "0177.0.0.1",
            "0x7f.1",
            "0x7F000001",
        ),
        *("0", "0.0.0.0", "00000000", "localhost", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1.", "%31%32%37.0.0.1"),
        *("127。0。0。1", "１２７.0.0.1", "ⓛocalhost"),  # IDNA maps these to plain digits, dots and letters
        *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]"),
        *("[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[2001:0:0:0:0:0:80ff:fffe]", "[::1%25lo]", "[fe80::1]", "[fc00::1]"),
        *("169.254.169.254", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "2852039166", "0xa9fea9fe", "100.100.100.200"),
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1", "192.0.0.192", "224.0.0.1", "255.255.255.255"),
        *("[ff02::1]", "[2001:db8::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "[64:ff9b:1::a00:1]"),
    ],
)
def test_no_spelling_of_a_closed_address_is_asked(host: str, server: Hostile) -> None:
    """Loopback, private, link-local, metadata, multicast and reserved addresses are refused in every form that resolves."""
    for port in (server.port, 80):
        assert refused(f"http://{host}:{port}/", UrlGuard(ports={80, server.port})) == "address"
    assert server.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "169.254.169.254", "2130706433", "localhost"])
def test_a_redirect_to_a_closed_address_is_refused_as_its_own_request(host: str, server: Hostile) -> None:
    """Each hop is an ask of its own, so the address that a redirect names is judged like any other; none is followed here."""
    target = f"http://{host}:{server.port}/"
    server.attacks["/go"] = lambda peer: peer.answer(b"", "302 Found", f"Location: {target}")
    wire = carry(UrlGuard([server.url]), Ask(server.url + "/go"))[0]
    assert (wire.status, dict(wire.headers)["Location"]) == (302, target)
    assert len(server.heads) == 1
    assert refused(target, UrlGuard(ports={server.port})) == "address"
    assert len(server.heads) == 1


def test_a_declared_loopback_is_open_and_nothing_else() -> None:
    """A loopback literal in the declaration opens loopback on all ports; metadata and private networks stay closed."""
    guard = UrlGuard(["http://127.0.0.1:1/"])
    with hostile({"/": lambda peer: peer.answer(b"mine")}, host="127.0.0.7") as neighbour:
        assert carry(guard, Ask(neighbour.url + "/"))[0].ip_address == "127.0.0.7"
        assert carry(guard, Ask(f"http://[::ffff:127.0.0.7]:{neighbour.port}/"))[0].body == b"mine"
    for host in ("169.254.169.254", "10.0.0.1", "[fd00:ec2::254]", "0.0.0.0"):
        assert refused(f"http://{host}/", guard) == "address"


def test_ipv6_loopback() -> None:
    """[::1] is connected to when the declaration opens it, and only then."""
    try:
        with hostile({"/": lambda peer: peer.answer(b"six")}, host="::1") as six:
            wire = carry(UrlGuard([six.url]), Ask(six.url + "/"))[0]
            assert (wire.ip_address, wire.body) == ("::1", b"six")
            assert dict(wire.request_headers)["Host"] == f"[::1]:{six.port}"
            assert refused(six.url + "/") == "address"
            assert six.connections == 1
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")


def test_a_private_host_is_opened_by_name_of_its_address_only() -> None:
    """A private literal in the declaration opens that host; its neighbours and the metadata address stay closed."""
    guard = UrlGuard(["http://10.1.2.3:8080/"])
    assert guard.check("http://10.1.2.3:8080/a").site.port == 8080
    for url in ("http://10.1.2.4:8080/", "http://169.254.169.254/", "http://127.0.0.1/"):
        with pytest.raises(Refused) as caught:
            guard.check(url)
        assert caught.value.reason == "address"


# --- names ---


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254", "64:ff9b::7f00:1"])
def test_a_name_that_leads_inside_is_refused(address: str, server: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a name resolves to is judged, not the name."""
    resolving(monkeypatch, {"friendly.example": [[address]]})
    assert refused(f"http://friendly.example:{server.port}/", UrlGuard(ports={server.port})) == "address"
    assert server.connections == 0


def test_a_name_that_changes_its_mind_is_refused(server: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is public when it is looked at and loopback when it is connected to (rebinding) gains nothing.

    The second answer is given to the transport behind the first look, so only the guard at the socket stands in its way.
    """
    resolving(monkeypatch, {"rebind.example": [["127.0.0.1"]]})
    guard = UrlGuard(ports={server.port})

    async def passed_by(_transport: CurlTransport, _site: object, _url: str) -> tuple[str, ...]:
        return ("127.0.0.1",)

    monkeypatch.setattr(CurlTransport, "_addresses", passed_by)
    assert refused(f"http://rebind.example:{server.port}/", guard) == "address"
    assert server.connections == 0


def test_every_new_answer_of_a_name_is_judged(server: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that was asked once and resolves to another address later is judged by the later one."""
    monkeypatch.setattr(transport_names, "LIFETIME", 0.0)
    asked = resolving(monkeypatch, {"moving.example": [["127.0.0.1"], ["169.254.169.254"]]})
    guard = UrlGuard([server.url])
    ask = Ask(f"http://moving.example:{server.port}/")
    with pytest.raises(Refused) as caught:
        carry(guard, ask, ask)
    assert caught.value.reason == "address"
    assert asked == {"moving.example": 2}
    assert len(server.heads) == 1


def test_of_several_addresses_only_the_allowed_ones_are_tried(server: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a closed and an open address is reached at the open one."""
    resolving(monkeypatch, {"both.example": [["169.254.169.254", "10.0.0.1", "127.0.0.1"]]})
    wire = carry(UrlGuard([server.url]), Ask(f"http://both.example:{server.port}/"))[0]
    assert (wire.ip_address, wire.body) == ("127.0.0.1", b"inside")
    assert dict(wire.request_headers)["Host"] == f"both.example:{server.port}"


def test_a_name_that_nobody_knows_is_a_failure_that_may_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown name is told apart from a refused one."""
    resolving(monkeypatch, {})
    with pytest.raises(Failed) as caught:
        carry(UrlGuard(), Ask("http://unknown.example/"))
    assert (caught.value.reason, caught.value.again) == ("dns", 5.0)


def test_names_that_hang_hold_up_no_others(server: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    """40 names whose servers never answer cost themselves the connect time, and a good name nothing."""
    real = socket.getaddrinfo

    def getaddrinfo(host: str, *args: Any, **kwargs: Any) -> Any:
        if host.startswith("hang"):
            time.sleep(3.0)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real("127.0.0.1", *args, **kwargs)

    async def crowd() -> tuple[float, list[Any]]:
        sender = CurlTransport(user_agent=USER_AGENT, email="a@example.org", guard=UrlGuard([server.url]), caps=CAPS)
        asks = [Ask(f"http://hang{number}.example/") for number in range(40)]
        hanging = [asyncio.ensure_future(sender.send(ask, max_bytes=1)) for ask in asks]
        await asyncio.sleep(0.1)
        started = time.monotonic()
        wire = await sender.send(Ask(f"http://good.example:{server.port}/"), max_bytes=100)
        spent = time.monotonic() - started
        assert wire.body == b"inside"
        ended = await asyncio.gather(*hanging, return_exceptions=True)
        await sender.close()
        return spent, ended

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    started = time.monotonic()
    spent, ended = asyncio.run(crowd())
    assert spent < 0.5
    assert {getattr(error, "reason", "") for error in ended} == {"dns"}
    assert time.monotonic() - started < 2.5


# --- schemes, ports, users ---


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "file://localhost/etc/passwd", "FILE:///etc/passwd", "data:text/html,hi", "ftp://example.org/"),
        *("ftps://example.org/", "gopher://example.org:80/_GET", "dict://example.org:80/d", "ws://example.org/", "s3://b/k"),
        *("javascript:alert(1)", "about:blank", "//example.org/", "/etc/passwd", "", "example.org", "h2://example.org/"),
        *("http+unix://%2Fvar%2Frun%2Fdocker.sock/", "view-source:http://example.org/", "jar:http://example.org/a.jar!/"),
        *("scp://example.org/", "smb://example.org/x", "telnet://example.org/", "imap://example.org/", "mqtt://example.org/x"),
    ],
)
def test_only_http_and_https_are_spoken(url: str) -> None:
    """No other scheme is opened, least of all the ones that read this machine's files."""
    assert refused(url) == "scheme"


@pytest.mark.parametrize(
    "port", [0, 1, 21, 22, 23, 25, 53, 110, 143, 465, 3306, 5432, 6379, 8081, 9200, 11211, 27017, 65535, 65536]
)
def test_other_ports_are_not_asked(port: int) -> None:
    """Only the ports of web servers are asked; numbers that are none are no address at all."""
    assert refused(f"http://example.org:{port}/") in ("port", "address")
    assert refused(f"https://example.org:{port}/") in ("port", "address")


def test_ports_of_the_declaration_are_open() -> None:
    """A port that the declaration names is open, everywhere; ports may be declared alone, too."""
    guard = UrlGuard(["https://data.example:8444/"], ports={80, 443, 9000})
    for url in ("https://data.example:8444/x", "http://other.example:8444/", "http://other.example:9000/", "http://a.example/"):
        assert guard.check(url).url == url
    with pytest.raises(Refused) as caught:
        guard.check("http://data.example:8080/")
    assert caught.value.reason == "port"


@pytest.mark.parametrize(
    "url",
    [
        *("http://user@example.org/", "http://user:secret@example.org/", "http://:@example.org/", "http://@example.org/"),
        *("http://example.org@127.0.0.1/", "http://127.0.0.1:80@example.org/", "http://a@b@example.org/"),
    ],
)
def test_a_user_in_an_address_is_refused(url: str) -> None:
    """Names and passwords in addresses are never sent, and nothing that hides a host behind one is followed."""
    assert refused(url) == "userinfo"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://",
            "http:///",
            "http://:80/",
            "http://?x",
            "http://[::1/",
            "http://[zz]/",
            "http://exa mple.org/",
            "http:example.org",
        ),
        *(
            "http://example.org\\@127.0.0.1/",
            "http://127.0.0.1\\.example.org/",
            "http://example.org:80:22/",
            "http://ex\tample.org/",
        ),
        *("http://example.org/\r\nHost: evil", "http://example.org/a\nb", "http://example.org/\x00", "http://example.org:8o/"),
        *(
            "http://" + "a" * 20_000 + "/",
            "http://example.org/" + "a" * 20_000,
            "http://\ud800.example/",
            "http://example.org:-80/",
        ),
    ],
    ids=lambda url: repr(url[:40]),
)
def test_what_cannot_be_an_address_is_refused(url: str) -> None:
    """Broken, over-long and control-laden addresses, and those that two parsers read differently, are not asked."""
    assert refused(url) in ("address", "scheme", "port", "userinfo")


# --- what leaves ---


def head_of(server: Hostile, number: int = -1) -> tuple[str, list[tuple[str, str]]]:
    """Return the request line and the header fields that a server has seen."""
    lines = server.heads[number].decode("latin-1").split("\r\n")
    pairs = [line.split(": ", 1) for line in lines[1:] if line]
    return lines[0], [(name, value) for name, value in pairs]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_is_recorded_is_what_was_sent(method: Any, server: Hostile) -> None:
    """The request's head on the wire and the one in the answer's record are the same, line by line."""
    headers = {"accept": "image/*", "Accept-Language": "de", "If-None-Match": 'W/"é"', "if-modified-since": "yesterday"}
    ask = Ask(server.url + "/a/../b//c?q=1&q=%20|é#part", method, headers)
    wire = carry(UrlGuard([server.url]), ask)[0]
    line, sent = head_of(server)
    assert line == f"{method} /a/../b//c?q=1&q=%20|%C3%A9 HTTP/1.1"
    assert list(wire.request_headers) == sent
    assert dict(sent) == {
        "Host": f"127.0.0.1:{server.port}",
        "User-Agent": USER_AGENT,
        "From": "data@example.org",
        "Accept": "image/*",
        "Accept-Language": "de",
        "If-None-Match": 'W/"é"',
        "If-Modified-Since": "yesterday",
        "Accept-Encoding": "gzip, deflate",
    }
    assert wire.started <= wire.ended
    assert wire.certificate == {}


@pytest.mark.parametrize(
    "name",
    ["User-Agent", "From", "Cookie", "Authorization", "Proxy-Authorization", "Referer", "Host", "Range", "X-Forwarded-For"],
)
def test_other_headers_are_refused(name: str, server: Hostile) -> None:
    """Nobody can change who we are, and nothing that identifies, authorises or leads elsewhere is sent."""
    with pytest.raises(Refused) as caught:
        carry(UrlGuard([server.url]), Ask(server.url + "/", headers={name: "x"}))
    assert caught.value.reason == "header"
    assert not server.heads


@pytest.mark.parametrize("value", ["a\r\nCookie: b", "a\nb", "a\x00b", "a\x7fb", "日本"])
def test_a_value_cannot_forge_a_line(value: str, server: Hostile) -> None:
    """Line breaks, control characters and letters that no header can carry are refused (Twisted's CVE-2019-12387)."""
    with pytest.raises(Refused) as caught:
        carry(UrlGuard([server.url]), Ask(server.url + "/", headers={"Accept": value}))
    assert caught.value.reason == "header"
    assert not server.heads


def test_a_spider_s_method_is_refused(server: Hostile) -> None:
    """Nothing but GET and HEAD leaves."""
    with pytest.raises(Refused) as caught:
        carry(UrlGuard([server.url]), Ask(server.url + "/", "POST"))  # type: ignore[arg-type]  # what callers must not do
    assert caught.value.reason == "method"


def test_nothing_of_the_environment_leaks(server: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies, .netrc and curl's own settings of the user's environment change nothing."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\ndefault login me password secret\n")
    (tmp_path / ".curlrc").write_text('header = "X-Leak: yes"\n')
    assert carry(UrlGuard([server.url]), Ask(server.url + "/"))[0].body == b"inside"
    assert not {"authorization", "x-leak"} & {name.lower() for name, _ in head_of(server)[1]}


def test_cookies_and_challenges_are_not_taken_up(server: Hostile) -> None:
    """A cookie is not sent back, and a challenge is not answered, whatever was said before."""
    set_cookie, challenge = "Set-Cookie: id=1; Path=/", 'WWW-Authenticate: Basic realm="x"'
    server.attacks["/"] = lambda peer: peer.answer(b"", "401 Unauthorized", set_cookie, challenge)
    wires = carry(UrlGuard([server.url]), *[Ask(server.url + "/")] * 2)
    assert [wire.status for wire in wires] == [401, 401]
    assert len(server.heads) == 2
    assert not {"cookie", "authorization"} & {name.lower() for name, _ in head_of(server)[1]}


# --- TLS ---


def test_a_trusted_server_shows_its_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Subject, issuer and fingerprint come with every answer, the ones over a used connection included."""
    trusted = authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted.file))
    with tls_server(trusted, tmp_path, "localhost", {"/": lambda peer: peer.answer(b"safe")}) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        wires = carry(UrlGuard([server.url]), *[Ask(url + "/")] * 3)
    assert {wire.body for wire in wires} == {b"safe"}
    assert server.connections == 1
    for wire in wires:
        assert "localhost" in wire.certificate["subject"]
        assert "Test Authority" in wire.certificate["issuer"]
        assert wire.certificate["sha256"] == server.fingerprint


@pytest.mark.parametrize("flaw", ["unknown authority", "other name", "expired"])
def test_tls_is_never_relaxed(flaw: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate of an unknown authority, for another name or of yesterday ends the request before anything is asked."""
    trusted = authority(tmp_path)
    if flaw != "unknown authority":
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted.file))
    name = "elsewhere.example" if flaw == "other name" else "localhost"
    routes: Any = {"/": lambda peer: peer.answer(b"unsafe")}
    with tls_server(trusted, tmp_path, name, routes, expired=flaw == "expired") as server:
        with pytest.raises(Failed) as caught:
            carry(UrlGuard([server.url]), Ask(server.url.replace("127.0.0.1", "localhost") + "/"))
        assert caught.value.reason == "tls"
        assert caught.value.again is None
        assert not server.heads


def test_a_handshake_that_stalls_is_left_after_the_connect_time() -> None:
    """A port that takes connections and speaks no TLS costs the connect time and no more."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        started = time.monotonic()
        with pytest.raises(Failed) as caught:
            carry(UrlGuard([url]), Ask(url))
    assert caught.value.reason == "timeout"
    assert time.monotonic() - started < 2.0


def test_nobody_at_home_is_a_failure_that_may_pass() -> None:
    """A closed port is no connection."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/"
    with pytest.raises(Failed) as caught:
        carry(UrlGuard([url]), Ask(url))
    assert (caught.value.reason, caught.value.again) == ("connect", 5.0)

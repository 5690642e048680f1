"""Which addresses may be contacted: pure checks, no DNS."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition import __version__
from acquisition.errors import AddressRefused, SourceUnavailable
from acquisition.network import AddressGuard, ca_file, origin, proxy_for, public_url, resolve_checked, user_agent
from acquisition.settings import ContactSettings

PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
NOT_PUBLIC = [
    *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1", "192.168.1.1"),
    *("192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "100::1", "3fff::1", "5f00::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "2002:0a00:0001::1"),
    *("2002:7f00:1::", "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:0:4136:e378:8000:63bf:f5ff:fffe", "fe80::1%eth0"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    """Globally routable unicast addresses are fine, in every form that leads to them."""
    assert AddressGuard().refusal("host.example", address) is None


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_everything_else_is_refused(address: str) -> None:
    """Private, loopback, link-local, shared, multicast, reserved and the IPv6 forms that carry them are refused."""
    assert AddressGuard().refusal("host.example", address)


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1/", "http://localhost/", "http://a.localhost:80/", "http://127.1/", "http://0x7f.1/x", "http://0/"),
        *("http://2130706433/", "http://017700000001/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://10.0.0.1/"),
        *("http://169.254.169.254/latest/meta-data", "http://[fd00:ec2::254]/", "ftp://example.org/", "file:///etc/passwd"),
        *("gopher://example.org/", "http://user@example.org/", "http://user:pw@example.org/", "http:///x", "//example.org/"),
        *(
            "http://example.org:0/",
            "http://example.org:99999/",
            "http://exa mple.org/",
            "http://example.org/\r\nX: y",
            "http://[",
        ),
        *("http://example.org\\@10.0.0.1/", "http://@127.0.0.1/", ""),
    ],
)
def test_urls_that_are_never_followed(url: str) -> None:
    """Other schemes, users in URLs, control characters and literals that are not public are refused before any DNS."""
    with pytest.raises(AddressRefused):
        AddressGuard().check_url(url)


def test_ordinary_urls_pass_again_and_again() -> None:
    """What was found good once stays good, and does not open the door for a bad neighbour."""
    guard = AddressGuard()
    for _ in range(2):
        guard.check_url("https://example.org/a?b=c")
    with pytest.raises(AddressRefused):
        guard.check_url("https://example.org/a b")


def test_a_declared_loopback_opens_loopback_only() -> None:
    """base_url on 127.0.0.1 opens every loopback port, and no private network."""
    guard = AddressGuard(["http://127.0.0.1:8000/api"])
    guard.check_url("http://localhost:9/x")
    assert guard.refusal("localhost", "::1") is None
    assert guard.refusal("localhost", "127.0.0.2") is None
    assert guard.refusal("nas", "192.168.1.2")
    with pytest.raises(AddressRefused):
        guard.check_url("http://192.168.1.2/")


def test_a_declared_private_literal_opens_exactly_that_host() -> None:
    """A private literal is reachable by itself; a name that resolves to it is not, and no neighbour is."""
    guard = AddressGuard(["http://192.168.1.2/files"])
    guard.check_url("http://192.168.1.2:8080/x")
    assert guard.refusal("192.168.1.2", "192.168.1.2") is None
    assert guard.refusal("evil.example", "192.168.1.2")
    assert guard.refusal("192.168.1.3", "192.168.1.3")
    assert guard.refusal("127.0.0.1", "127.0.0.1")


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://224.0.0.1/", "http://0.0.0.0/", "http://internal.example/"])
def test_some_addresses_cannot_be_declared(url: str) -> None:
    """Link-local (cloud metadata), multicast and unspecified addresses stay closed; names open nothing."""
    guard = AddressGuard([url])
    assert guard.refusal("169.254.169.254", "169.254.169.254")
    assert guard.refusal("internal.example", "10.0.0.1")


def test_guards_cross_process_borders() -> None:
    """A guard means the same after pickling."""
    guard = pickle.loads(pickle.dumps(AddressGuard(["http://127.0.0.1/", "http://[fd00::1]/", "http://10.0.0.1/"])))
    assert guard.refusal("x", "127.0.0.1") is None
    assert guard.refusal("10.0.0.1", "10.0.0.1") is None
    assert guard.refusal("fd00::1", "fd00::1") is None
    assert guard.refusal("10.0.0.2", "10.0.0.2")


@given(st.text(max_size=80))
def test_hostile_urls_never_crash_the_guard(text: str) -> None:
    """Whatever a server puts into a Location header is either fine or AddressRefused."""
    for url in (text, f"http://{text}/", f"https://example.org/{text}"):
        try:
            AddressGuard().check_url(url)
        except AddressRefused:
            continue


@given(st.ip_addresses(v=4))
def test_every_form_of_an_ipv4_address_gets_the_same_answer(address: object) -> None:
    """Mapped and NAT64 forms are as public as the address inside."""
    guard = AddressGuard()
    plain = guard.refusal("h", str(address)) is None
    assert (guard.refusal("h", f"::ffff:{address}") is None) == plain
    assert (guard.refusal("h", f"64:ff9b::{address}") is None) == plain


def test_resolving_is_checked() -> None:
    """The helper for other clients returns only what may be contacted."""
    assert resolve_checked("127.0.0.1", 80, AddressGuard(["http://127.0.0.1/"])) == ["127.0.0.1"]
    with pytest.raises(AddressRefused):
        resolve_checked("127.0.0.1", 80)
    with pytest.raises(SourceUnavailable):
        resolve_checked("no such host", 80)


def test_the_user_agent_says_who_we_are() -> None:
    """With a contact its address is in the user agent; without one the product alone."""
    contact = ContactSettings(name="A", url="https://example.org/bot", email="a@example.org")
    assert user_agent(contact) == f"acquisition/{__version__} (+https://example.org/bot; mailto:a@example.org)"
    assert user_agent(None) == f"acquisition/{__version__}"


def test_origins_and_public_urls() -> None:
    """Origins know default ports; what is shown has no user, query or fragment."""
    assert origin("HTTPS://Example.org/x") == ("https", "example.org", 443)
    assert origin("http://example.org:8080/x?y") == ("http", "example.org", 8080)
    with pytest.raises(ValueError, match="not an http"):
        origin("ftp://example.org/")
    assert public_url("https://u:p@example.org/a?sig=secret#f") == "https://example.org/a"


def test_proxies_and_authorities_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """HTTPS_PROXY and NO_PROXY are obeyed, and a bundle of one's own replaces certifi's."""
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "127.0.0.1,example.org")
    assert proxy_for("https://other.example/") == "http://proxy.example:3128"
    assert proxy_for("https://example.org/x") is None
    monkeypatch.setenv("SSL_CERT_FILE", __file__)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    assert ca_file() == __file__
    monkeypatch.setenv("SSL_CERT_FILE", "/does/not/exist")
    assert ca_file().endswith(".pem")

"""Which host a URL belongs to, and when another try makes sense: the small pure parts that the clocks stand on."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.crawl.contract import Failed, Wire
from acquisition.crawl.visit.backoff import again, retry_after
from acquisition.hosts import is_loopback, registrable

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.example.org/a/b?c", "example.org"),
        ("http://a.b.example.co.uk:8080", "example.co.uk"),
        ("https://EXAMPLE.org.", "example.org"),
        ("https://user:secret@www.example.org/", "example.org"),
        ("https://one.github.io/x", "one.github.io"),
        ("https://deep.one.github.io/", "one.github.io"),
        ("https://github.io/", "github.io"),
        ("https://co.uk/", "co.uk"),
        ("https://shop.bücher.example/", "xn--bcher-kva.example"),
        ("https://shop.xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("https://BÜCHER.example/", "xn--bcher-kva.example"),
        ("https://例え。テスト/", "xn--r8jz45g.xn--zckzah"),
        ("https://faß.de/", "xn--fa-hia.de"),
        ("http://ex%61mple.org/", "example.org"),
        ("http://127.0.0.1:8000/", "127.0.0.1"),
        ("http://127.1/", "127.0.0.1"),
        ("http://0x7f.1/", "127.0.0.1"),
        ("http://2130706433/", "127.0.0.1"),
        ("http://localhost:1/", "127.0.0.1"),
        ("http://a.localhost/", "127.0.0.1"),
        ("http://[::1]:8000/", "[::1]"),
        ("http://[0:0::1]/", "[::1]"),
        ("http://[::ffff:127.0.0.1]/", "127.0.0.1"),
        ("http://192.0.2.7/", "192.0.2.7"),
        ("http://intranet/", "intranet"),
        ("http://a.b.internal-name/", "b.internal-name"),
        ("https://example.org?x=http://other.example/", "example.org"),
        ("https://example.org#@other.example/", "example.org"),
        ("mailto:someone@example.org", ""),
        ("/relative", ""),
        ("", ""),
        ("http:///x", ""),
    ],
)
def test_registrable_hosts(url: str, host: str) -> None:
    """One owner is one host, whatever the port, the scheme, the spelling or the subdomain."""
    assert registrable(url) == host


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_has_a_host_or_none(text: str) -> None:
    """Nothing that calls itself a URL makes it raise."""
    for url in (text, f"http://{text}", f"https://{text}.example.org/", f"http://[{text}]/"):
        registrable(url)


def test_loopback() -> None:
    """All of 127.0.0.0/8 and ::1 are this machine; a name that begins so is not."""
    assert all(map(is_loopback, ["127.0.0.1", "127.9.9.9", "[::1]"]))
    assert not any(map(is_loopback, ["127.com", "10.0.0.1", "[::2]", "example.org", ""]))


def test_the_list_of_suffixes_is_the_bundled_one(tmp_path: Path) -> None:
    """No network, no cache on disk and no environment variable has a part in it."""
    code = (
        "import socket, sys\n"
        "def refuse(*_, **__): raise SystemExit('the network was asked')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from acquisition.hosts import registrable\n"
        "assert 'tldextract' not in sys.modules and 'requests' not in sys.modules\n"
        "assert registrable('https://a.example.co.uk/') == 'example.co.uk'\n"
    )
    environment = {
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "TLDEXTRACT_CACHE": str(tmp_path / "other"),
        "TLDEXTRACT_PUBLIC_SUFFIX_LIST_URLS": "http://127.0.0.1:9/list",
    }
    subprocess.run([sys.executable, "-B", "-c", code], check=True, env=environment, cwd=Path(__file__).parents[2], timeout=60)
    assert list(tmp_path.iterdir()) == []


# --- another try ------------------------------------------------------------------------------------------------------------


def answer(status: int, **headers: str) -> Wire:
    """Make an answer of a status."""
    lines = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Wire(status, "", "HTTP/1.1", lines, b"", "192.0.2.1", (), NOW, NOW)


def in_seconds(seconds: float) -> str:
    """Write a moment as an HTTP date."""
    return format_datetime(datetime.fromtimestamp(NOW + seconds, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("999999999", 999_999_999.0),
        (in_seconds(90), 90.0),
        (in_seconds(-90), 0.0),
        ("Tuesday, 14-Nov-23 22:14:20 GMT", 60.0),
        ("Tue Nov 14 22:14:20 2023", 60.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("1e3", None),
        ("١٢", None),
        ("Tue, 99 Nov 2023 22:14:20 GMT", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    """Seconds and all forms of HTTP dates are read; a moment that is past means now, nonsense means nothing."""
    assert retry_after((("retry-after", value),), NOW) == seconds
    assert retry_after((("Retry-After", value), ("Retry-After", "3600")), NOW) == max(seconds or 0, 3600.0)


@pytest.mark.parametrize(("skew", "seconds"), [(-600.0, 60.0), (0.0, 60.0), (600.0, 660.0)])
def test_retry_after_of_a_server_whose_clock_is_wrong(skew: float, seconds: float) -> None:
    """A date is meant by the server's own clock; where ours makes the wait longer, ours counts."""
    headers = (("Date", in_seconds(skew)), ("Retry-After", in_seconds(skew + 60.0)))
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize("status", [408, 425, 500, 502, 504, 520, 522, 524])
def test_answers_that_may_pass_are_asked_for_twice_more(status: int) -> None:
    """Three tries in all, five and ten seconds apart."""
    assert [again(answer(status), tries, now=NOW) for tries in (1, 2, 3)] == [5.0, 10.0, None]


@pytest.mark.parametrize("status", [429, 503])
def test_busy_servers_are_asked_when_they_say(status: int) -> None:
    """Retry-After decides when it is longer; more than an hour means not in this run."""
    assert again(answer(status, Retry_After="120"), 1, now=NOW) == 120.0
    assert again(answer(status, Retry_After="1"), 2, now=NOW) == 10.0
    assert again(answer(status), 1, now=NOW) == 5.0
    assert again(answer(status, Retry_After="3601"), 1, now=NOW) is None
    assert again(answer(status, Retry_After="120"), 3, now=NOW) is None


@pytest.mark.parametrize("status", [200, 204, 301, 304, 400, 401, 402, 403, 404, 410, 451, 501, 505])
def test_answers_that_stand_are_not_asked_for_again(status: int) -> None:
    """A page, a redirect, a denial and what a server cannot do at all stay as they are."""
    assert again(answer(status, Retry_After="5"), 1, now=NOW) is None


@pytest.mark.parametrize("reason", ["timeout", "truncated", "dns", "connect", "reset"])
def test_connections_are_tried_twice_more(reason: str) -> None:
    """A failure of the connection may pass; what was said about another try counts more."""
    assert [again(Failed(reason, ""), tries, now=NOW) for tries in (1, 2, 3)] == [5.0, 10.0, None]
    assert again(Failed(reason, "", again=77.0), 1, now=NOW) == 77.0


@pytest.mark.parametrize("reason", ["too-large", "headers", "content-encoding", "tls", "slow", "protocol"])
def test_what_would_come_again_is_not_tried(reason: str) -> None:
    """What a server sends wrongly it will send again."""
    assert again(Failed(reason, ""), 1, now=NOW) is None

"""The engine's pure parts: when two addresses are one page, and how a request waits as text."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import FormRequest, Request, Spider
from w3lib.url import canonicalize_url

from acquisition.crawl.contract import Failed, Refused
from acquisition.crawl.engine.keys import KEY_BYTES, key_of
from acquisition.crawl.engine.ledger import Addresses, is_plain, outcome_of
from acquisition.crawl.engine.requests import WORK, Unwritable, read, sent_headers, write
from acquisition.crawl.spider import Sample
from acquisition.sameness.addresses import canonical


class Plain(Spider):
    """A spider with a method of its own."""

    name = "plain"

    def detail(self, response: Any) -> None:
        """Take a page."""


# --- keys ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("http://example.org:80/a", "http://example.org/a"),
        ("https://example.org:443/a", "https://example.org/a"),
        ("https://example.org:443/a?b=c", "https://example.org/a?b=c"),
        ("http://example.org./a", "http://example.org/a"),
        ("http://EXAMPLE.org/a", "http://example.org/a"),
        ("http://example.org", "http://example.org/"),
        ("http://example.org/a#part", "http://example.org/a"),
        ("http://example.org/a?utm_source=x&b=1&utm_medium=y", "http://example.org/a?b=1"),
        ("http://example.org/a?fbclid=x", "http://example.org/a"),
        ("http://example.org/a;jsessionid=12AB?b=1", "http://example.org/a?b=1"),
        ("http://example.org/a?PHPSESSID=12ab&b=1", "http://example.org/a?b=1"),
        ("http://example.org/a?sid=0123456789abcdef0123456789abcdef", "http://example.org/a"),
        ("http://example.org/a?b=2&a=1", "http://example.org/a?a=1&b=2"),
        ("http://example.org/a/../b", "http://example.org/b"),
        ("http://example.org/%7Ea", "http://example.org/~a"),
        ("http://[::1]:80/a?b=1", "http://[::1]/a?b=1"),
    ],
)
def test_one_page_has_one_key(url: str, same: str) -> None:
    """Ports, dots, fragments, tracking and sessions do not make another page; the address itself is not touched."""
    assert key_of(url) == key_of(same)
    assert len(key_of(url)) == KEY_BYTES


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("http://example.org/a", "https://example.org/a"),
        ("http://example.org:8080/a", "http://example.org/a"),
        ("http://example.org/a", "http://example.org/A"),
        ("http://example.org/a", "http://example.org/a/"),
        ("http://example.org/a?sid=7", "http://example.org/a?sid=8"),
        ("http://example.org/a?id=1", "http://example.org/a?id=2"),
        ("http://example.org//a", "http://example.org/a"),
    ],
)
def test_two_pages_have_two_keys(url: str, other: str) -> None:
    """What may be another page is one: too many visits are better than a page lost."""
    assert key_of(url) != key_of(other)


def test_a_key_knows_the_method_and_the_way() -> None:
    """HEAD is not GET, and the same page asked for another callback is another row."""
    assert len({key_of("http://a/"), key_of("http://a/", "HEAD"), key_of("http://a/", more="detail")}) == 3


@given(st.from_regex(r"https?://[a-z0-9-]{1,5}(\.[a-z]{1,3}){0,2}(:[0-9]{2,4})?(/[A-Za-z0-9_.~-]{0,5}){0,4}", fullmatch=True))
def test_the_short_way_is_the_long_way(url: str) -> None:
    """Addresses that need no look inside get the form that Scrapy's own canonical form gives, but for the default port."""
    try:
        long = canonicalize_url(url)
    except ValueError:
        return
    for scheme, port in (("http", ":80"), ("https", ":443")):
        head, _, rest = long.removeprefix(f"{scheme}://").partition("/")
        if long.startswith(f"{scheme}://") and head.endswith(port):
            long = f"{scheme}://{head.removesuffix(port)}/{rest}"
    assert canonical(url) == long


@given(st.text(max_size=60))
def test_any_text_has_a_key(text: str) -> None:
    """Links of strangers may be anything; a key never fails and is the same the second time."""
    assert key_of(f"http://example.org/{text}") == key_of(f"http://example.org/{text}")
    assert len(key_of(text)) == KEY_BYTES


# --- requests -----------------------------------------------------------------------------------------------------------

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(max_size=10)
    | st.binary(max_size=10)
    | st.dates()
    | st.datetimes()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3) | st.tuples(inner, inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=8).filter(lambda key: key != WORK), values, max_size=4))
def test_a_request_comes_back_as_it_was(kwargs: dict[str, Any]) -> None:
    """Types that JSON has not (bytes, tuples, dates, keys with a dollar) survive the way through the database."""
    spider = Plain()
    asked = Request("http://a/b", callback=spider.detail, cb_kwargs=kwargs, meta={"mine": kwargs}, priority=3, dont_filter=True)
    found = read("http://a/b", write(asked, spider), spider)
    assert (found.cb_kwargs, found.meta, found.priority) == (kwargs, {"mine": kwargs}, 3)
    assert (found.callback, found.dont_filter, found.method) == (spider.detail, True, "GET")


def test_samples_and_sets_travel() -> None:
    """A Sample that waits for its picture is itself again, and so are sets and dates."""
    spider = Plain()
    sample = Sample(caption="a kick", captions=[{"text": "a", "origin": "alt"}], fields={"n": 1})
    meta = {"at": datetime(2026, 1, 2, tzinfo=UTC), "on": date(2026, 1, 2), "tags": {"a", "b"}, "1": {2: "x"}}
    found = read("http://a/", write(Request("http://a/", cb_kwargs={"sample": sample}, meta=meta), spider), spider)
    assert found.cb_kwargs == {"sample": sample}
    assert found.meta == meta


def test_what_weakens_is_not_kept() -> None:
    """Proxies, cookie jars, limits and our own key do not come back from the database; nor do other headers."""
    spider = Plain()
    meta = {"proxy": "http://x", "cookiejar": 1, "download_timeout": 0, "dont_obey_robotstxt": True, WORK: 1, "mine": 2}
    asked = Request("http://a/", meta=meta, headers={"Cookie": "a=b", "Accept-Language": "de", "Authorization": "x"})
    found = read("http://a/", write(asked, spider), spider)
    assert found.meta == {"mine": 2}
    assert sent_headers(found) == {"Accept-Language": "de"}


def test_a_header_cannot_forge_lines() -> None:
    """A line break in a header that a spider has set becomes a space."""
    assert sent_headers(Request("http://a/", headers={"Accept": "one\r\nCookie: a=b"})) == {"Accept": "one Cookie: a=b"}


@pytest.mark.parametrize(
    "asked",
    [
        Request("http://a/", callback=print),
        Request("http://a/", meta={"x": object()}),
        Request("http://a/", cb_kwargs={"x": Request("http://b/")}),
        Request("http://a/", callback=Plain().detail),
    ],
)
def test_what_cannot_be_written_says_so(asked: Request) -> None:
    """Lambdas, objects and methods of another spider are not written; the scheduler then keeps the request itself."""
    with pytest.raises(Unwritable):
        write(asked, Plain())


@pytest.mark.parametrize("text", ["", "{", "[]", "1", json.dumps({"callback": "nobody"}), json.dumps({"callback": "name"})])
def test_a_damaged_request_is_an_error(text: str) -> None:
    """Text that is no request, or names what the spider has not, is a ValueError and never runs anything."""
    with pytest.raises(ValueError):
        read("http://a/", text, Plain())


def test_which_requests_are_plain() -> None:
    """Only a request that asks for a page in a way of its own is told apart from others of the same address."""
    spider = Plain()
    assert is_plain(Request("http://a/", callback=spider.detail))
    assert is_plain(Request("http://a/", dont_filter=True))
    assert not is_plain(Request("http://a/", dont_filter=True, callback=spider.detail))
    assert not is_plain(FormRequest("http://a/", dont_filter=True, cb_kwargs={"a": 1}))


def test_addresses_are_forgotten_in_their_order() -> None:
    """The memory of addresses is bounded; the newest half of it is never forgotten."""
    seen = Addresses(8)
    for number in range(100):
        seen.add(str(number))
        assert all(str(known) in seen for known in range(max(0, number - 3), number + 1))
    assert sum(str(number) in seen for number in range(100)) <= 8


@pytest.mark.parametrize(
    ("error", "state", "reason", "later"),
    [
        (Refused("robots", "u", "d"), "refused", "robots", 0.0),
        (Failed("reset", "u", again=5.0), "retry", "reset", 105.0),
        (Failed("reset", "u"), "failed", "reset", 0.0),
        (KeyError("x"), "failed", "engine-error", 0.0),
    ],
)
def test_how_a_request_ends_without_an_answer(error: BaseException, state: str, reason: str, later: float) -> None:
    """A refusal stays one, a failure is tried again when that makes sense, and what nobody foresaw is named."""
    outcome = outcome_of(error, 100.0)
    assert (outcome.state, outcome.reason, outcome.not_before) == (state, reason, later)

"""What an address alone tells of a trap, and how quiet the watch is on ordinary sites."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.crawl.visit.soft404 import Print, print_of, probe_path, text_of
from acquisition.crawl.visit.traps import MAX_COMBINATIONS, Combinations, trap

NOW = datetime(2026, 6, 15, tzinfo=UTC).timestamp()
SITE = "https://example.org"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/a/a/a/", "trap-repeat"),
        ("/x/img/css/img/css/img/css/logo", "trap-repeat"),
        ("/a/b/c/d/a/b/c/d/a/b/c/d", "trap-repeat"),
        ("/en/x/en/y/en/z/en/w/en/", "trap-repeat"),
        ("/7/7/7/7/7/7", "trap-repeat"),
        ("/" + "/".join(f"s{number}" for number in range(21)), "trap-depth"),
        ("/" + "x" * 2_100, "trap-length"),
        ("/calendar/2031/07/", "trap-calendar"),
        ("/calendar/1931-07-04/list", "trap-calendar"),
        ("/2099/12", "trap-calendar"),
        ("/archive/1987/03/", "trap-calendar"),
        ("/events?date=2029-01-02", "trap-calendar"),
        ("/events?date=20290102", "trap-calendar"),
        ("/events/?tribe-bar-date=2031-07", "trap-calendar"),
        ("/cal.php?year=1999&month=5", "trap-calendar"),
        ("/agenda?jahr=2042", "trap-calendar"),
        ("/agenda/2030-02-30", "trap-calendar"),
        ("/x?" + "&".join(f"p{number}=1" for number in range(21)), "trap-parameters"),
    ],
)
def test_traps(path: str, reason: str) -> None:
    """Endless paths, endless calendars and endless parameters are told by their address."""
    found = trap(SITE + path, NOW)
    assert found is not None
    assert found[0] == reason


def ordinary() -> list[str]:
    """Addresses as blogs, shops, wikis, documentation, maps and newspapers have them."""
    days = [date(2009, 1, 1) + timedelta(days=17 * number) for number in range(370)]
    return [
        *(f"/{day:%Y/%m/%d}/a-day-in-the-garden" for day in days),
        *(f"/{day:%Y/%m}/" for day in days),
        *(f"/news/{day:%Y-%m-%d}" for day in days),
        "/1999/05/12/the-eclipse-of-that-summer",
        "/history/1893-11-02-a-letter.html",
        "/books/1984/01-chapter",
        *(f"/blog/page/{number}" for number in range(1, 501)),
        *(f"/list?page={number}" for number in range(1, 501)),
        *(f"/product/{number}?ref=list" for number in range(100_000, 100_500)),
        *(f"/shop/item.php?id={number}&cat={number % 9}" for number in range(1_000)),
        *(f"/tiles/{zoom}/0/0" for zoom in range(20)),
        "/tiles/0/0/0",
        "/docs/python/3.11/library/asyncio/task.html",
        "/docs/api/v2/reference/class/method/overload/notes/see/also",
        "/wiki/Sisyphus",
        "/wiki/Talk:Talk",
        "/w/index.php?title=Tulip&oldid=1234567",
        "/w/index.php?title=Tulip&diff=1234567&oldid=1234566",
        "/new-york-new-york/hotels/new-york",
        "/cars?year=1965",
        "/thread/4521/12",
        "/user/1950/5",
        "/film/2049",
        "/part/2099-11x",
        "/a//b//c",
        "/%E6%97%A5%E6%9C%AC/%E6%9D%B1%E4%BA%AC",
        "/?p=12345",
        "/",
        "",
    ]


def test_ordinary_sites_have_no_traps() -> None:
    """No address of an ordinary site is taken for a trap, alone or after all the others of its kind."""
    combinations = Combinations()
    for path in ordinary():
        url = SITE + path
        assert trap(url, NOW) is None, url
        assert combinations.trap(url) is None, url
        combinations.visited(url)


def test_combinations_of_parameters_end() -> None:
    """A path whose filters can all be combined is asked for with so many combinations and no more; paging goes on."""
    combinations = Combinations()
    taken = 0
    for bits in range(1, 1 << 10):
        url = f"{SITE}/shop/{bits}?" + "&".join(f"filter{chr(97 + bit)}=1" for bit in range(10) if bits >> bit & 1)
        if combinations.trap(url) is None:
            combinations.visited(url)
            taken += 1
    assert taken == MAX_COMBINATIONS
    assert combinations.trap(f"{SITE}/shop/1?filtera=7") is None
    assert combinations.trap(f"{SITE}/other?filtera=1&filterb=2&filterj=3") is None


def test_values_of_many_filters_end() -> None:
    """A path with three parameters at once is not asked for without end either."""
    combinations = Combinations()
    for number in range(2_000):
        combinations.visited(f"{SITE}/s?a={number}&b={number % 7}&c=1")
    assert combinations.trap(f"{SITE}/s?a=x&b=y&c=z") is not None
    assert combinations.trap(f"{SITE}/s?a=x") is None


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_address_has_an_answer(text: str) -> None:
    """Nothing that calls itself an address makes the watch raise."""
    for url in (text, SITE + "/" + text):
        trap(url, NOW)
        Combinations().trap(url)
        Combinations().visited(url)


# --- what a page says -------------------------------------------------------------------------------------------------------

VOCABULARY = "garden harvest winter orchard window letter bread summer river stone candle market ladder morning shadow"
WORDS = VOCABULARY.split()


def page(title: str, words: list[str]) -> bytes:
    """Return a page of one template."""
    menu = "Home About Products Contact Imprint Privacy Terms Jobs Press Blog"
    return (
        f"<!doctype html><html><head><title>{title}</title><style>p{{color:red}}</style></head><body><nav>{menu}</nav>"
        f"<main><p>{' '.join(words)}</p></main><script>var seen = {len(words)};</script><footer>{menu}</footer></body></html>"
    ).encode()


def nothing(path: str) -> bytes:
    """Return what a site says of an address that does not exist."""
    return page("Oops", f"Sorry, the page {path} could not be found. Try the search, or go back to the start page.".split())


def test_the_same_words_are_the_same_page() -> None:
    """Two pages about nothing are alike though each repeats its own address; a page about something is not."""
    probe = print_of(f"{SITE}{probe_path(SITE)}", nothing(probe_path(SITE)))
    assert print_of(f"{SITE}/old/article-7", nothing("/old/article-7")).is_like(probe)
    assert Print.read(probe.record()) == probe
    for number in range(300):
        words = [WORDS[(number * 7 + step * step * (number % 13 + 1)) % len(WORDS)] for step in range(18)]
        assert not print_of(f"{SITE}/{number}", page(f"Note {number}", words)).is_like(probe)


def test_pages_that_differ_in_a_number_are_not_nothing() -> None:
    """A server that makes a page of any address says of none that it does not exist; only the very same text is the same."""
    made = page("Page", [f"Text of the page {probe_path(SITE)} and more"])
    probe = print_of(f"{SITE}{probe_path(SITE)}", made)
    assert not print_of(f"{SITE}/page/17", page("Page", ["Text of the page /page/17 and more"])).is_like(probe)
    assert print_of(f"{SITE}/page/17", made).is_like(probe)


@pytest.mark.parametrize(
    "words",
    [
        *("Error 404", "Page not found", "This page no longer exists.", "The document could not be found", "We can't find it"),
        *(
            "Seite nicht gefunden",
            "Cette page n'existe pas",
            "Página no encontrada",
            "Pagina non trovata",
            "Страница не найдена",
        ),
        *("ページが見つかりません", "页面不存在", "페이지를 찾을 수 없습니다", "Sidan hittades inte"),
    ],
)
def test_how_pages_say_that_there_is_nothing(words: str) -> None:
    """In the languages of most of the web."""
    assert print_of(SITE, page("x", [words])).not_found
    assert not print_of(SITE, page("x", WORDS)).not_found


def test_an_empty_page_is_like_an_empty_page_only() -> None:
    """Pages without words are compared by that alone."""
    shell = b"<html><head><title>App</title></head><body><div id=root></div><script src=a.js></script></body></html>"
    one = print_of(f"{SITE}/x", shell)
    assert one.is_like(print_of(f"{SITE}/y", shell))
    assert not one.is_like(print_of(f"{SITE}/z", nothing("/z")))


@pytest.mark.parametrize("record", [None, [], ["t"], ["t", "d", "xyz", 1, True], ["t", "d", "0" * 16, "1", True], {"a": 1}])
def test_a_print_that_cannot_be_read_is_none(record: object) -> None:
    """What the frontier holds is read with care."""
    assert Print.read(record) is None


def test_text_takes_time_in_proportion_only() -> None:
    """Tags that never end cost no more than others."""
    for evil in (b"<" * 262_144, b"<script" * 37_000, b"<style></style" * 18_000, b"<p " * 80_000):
        text_of(evil)
        print_of(SITE, evil)


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_page_has_a_print(body: bytes) -> None:
    """Nothing that a server sends makes comparing raise."""
    assert print_of(f"{SITE}/x", body).is_like(print_of(f"{SITE}/x", body))

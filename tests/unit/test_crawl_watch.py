"""The watch over hosts: walls, stopped paths, pages that say nothing, hosts that run dry, and silence where all is well."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from acquisition.crawl.contract import Answer, Ask, Failed, Place, Refused, Wire
from acquisition.crawl.visit.watch import Watch
from acquisition.hosts import registrable

NOW = datetime(2026, 6, 15, tzinfo=UTC).timestamp()
SITE = "https://example.org"
HTML = {"Content-Type": "text/html; charset=utf-8"}
FORM = b"<h1>Sign in</h1><form action=/x><input name=u><input type='password' name=p></form>"
NOTHING = "<html><title>Oops</title><nav>Home About Jobs</nav><p>Sorry, {} was not found here.</p></html>"


class Site:
    """A watch over a site whose answers a test writes."""

    def __init__(self, **settings: Any) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.watch = self.another(**settings)
        self.probed: list[str] = []
        self.probe: Callable[[str], tuple[int, bytes]] = lambda _: (404, b"")

    def another(self, **settings: Any) -> Watch:
        """Return a watch as a process that is started later would have it."""

        def recall(url: str) -> dict[str, Any]:
            return self.kept.setdefault(registrable(url), {})

        def remember(url: str, name: str, value: Any) -> None:
            recall(url)[name] = json.loads(json.dumps(value))

        return Watch(recall=recall, remember=remember, now=lambda: NOW, **settings)

    def get(
        self, path: str, body: bytes = b"", status: int = 200, headers: Mapping[str, str] = HTML, kind: Any = "page"
    ) -> str:
        """Visit a path; return the reason why it was refused, "" when it was taken."""
        try:
            ask = Ask(path if "://" in path else SITE + path, kind=kind)
            self.watch.before(ask)
            answer = answer_to(ask, status, body or f"<p>words of {path}</p>".encode(), headers)
            asyncio.run(self.watch.prepare(answer, self._visit))
            self.watch.after(answer)
        except Refused as refused:
            return refused.reason
        return ""

    async def _visit(self, ask: Ask) -> Answer:
        assert ask.kind == "policy"
        self.probed.append(ask.url)
        status, body = self.probe(ask.url)
        return answer_to(ask, status, body, HTML)


def answer_to(ask: Ask, status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Make an answer."""
    wire = Wire(status, "", "HTTP/1.1", tuple(headers.items()), body, "192.0.2.1", (), NOW, NOW)
    return Answer(ask, wire, {}, Place("f", 0, "r", "d", status))


@pytest.mark.parametrize(
    "path", ["/login", "/en/login?next=/", "/user/login.php", "/cart/", "/shop/checkout", "/search?q=a", "/wp-login.php"]
)
def test_interactive_paths_are_not_visited(path: str) -> None:
    """Pages to log in, buy or search are left alone, but not where the declaration itself names them, nor as media."""
    assert Site().get(path) == "interactive-path"
    assert Site(wanted=[SITE + path]).get(path) == ""
    assert Site().get(path, kind="media") == ""


@pytest.mark.parametrize(
    "path", ["/research/", "/docs/api/login", "/blog/how-to-login", "/cartoons/", "/basketball", "/logins", "/wiki/Search"]
)
def test_words_that_only_look_so(path: str) -> None:
    """A word inside another word, or in a title, is no door."""
    assert Site().get(path) == ""


def test_what_a_declared_search_finds_is_visited() -> None:
    """When the declaration starts from a search, its further pages are wanted; the login beside it is not."""
    site = Site(wanted=[f"{SITE}/search?q=tulips"])
    assert site.get("/search?q=tulips&page=2") == ""
    assert site.get("/login") == "interactive-path"


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (402, HTML),
        (451, HTML),
        (401, {"WWW-Authenticate": 'Basic realm="x"'}),
        (302, {"Location": "/login?next=/members/a"}),
        (303, {"Location": "https://id.example.net/oauth2/authorize"}),
    ],
)
def test_walls_stop_the_path(status: int, headers: Mapping[str, str]) -> None:
    """After a wall nothing beneath its folder is asked for, media neither; the rest of the site is."""
    site = Site()
    assert site.get("/members/a", status=status, headers=headers) == ""
    assert site.get("/members/b") == "stopped-path"
    assert site.get("/members/deeper/c?x=1") == "stopped-path"
    assert site.get("/members/c.png", kind="media") == "stopped-path"
    assert site.get("/public/a") == ""
    assert site.get("/members-of-the-board") == ""
    assert site.get("https://www.example.org/members/a") == ""


def test_a_wall_at_the_root_stops_one_page() -> None:
    """Where the folder is the whole site, only the address itself and what lies beneath it are stopped."""
    site = Site()
    site.get("/secret", status=451)
    assert site.get("/secret") == "stopped-path"
    assert site.get("/secret/more") == "stopped-path"
    assert site.get("/open") == ""


def test_a_form_for_a_password_is_a_wall_and_no_page() -> None:
    """A page that is nothing but a form for a password is refused; an article with one in its corner is a page."""
    site = Site()
    assert site.get("/area/a", FORM) == "login-wall"
    assert site.get("/area/b") == "stopped-path"
    assert site.get("/news/a", FORM + b"<p>" + b"word " * 200) == ""
    assert site.get("/news/b") == ""


def test_single_walls_among_pages_stop_nothing() -> None:
    """In a folder where pages were met, a few walls are doors of single pages: edit links of a wiki, one blocked article."""
    site = Site()
    for number in range(20):
        assert site.get(f"/w/page-{number}") == ""
        if number % 3 == 0:
            site.get(f"/w/edit-{number}", status=302, headers={"Location": "/login"})
    assert site.get("/w/index") == ""
    site.get("/w/blocked", status=451)
    assert site.get("/w/other") == ""
    site.get("/w/paid", status=402)
    assert site.get("/w/another") == "stopped-path"


@pytest.mark.parametrize(("status", "headers"), [(401, {}), (403, {}), (404, {}), (500, {}), (302, {"Location": "/elsewhere"})])
def test_other_answers_stop_nothing(status: int, headers: Mapping[str, str]) -> None:
    """Denials without a challenge, errors and ordinary redirects are no walls."""
    site = Site()
    site.get("/folder/a", status=status, headers=headers)
    assert site.get("/folder/b") == ""


def test_what_was_stopped_stays_stopped() -> None:
    """A process that is started later knows the stopped paths, and what the site says of nothing."""
    site = Site()
    site.probe = lambda url: (200, NOTHING.format(url).encode())
    site.get("/members/a", status=402)
    assert site.get("/a") == ""
    site.watch = site.another()
    assert site.get("/members/b") == "stopped-path"
    assert site.get("/old", NOTHING.format("/old").encode()) == "soft-404"
    assert len(site.probed) == 1
    assert len(json.dumps(site.kept)) < 1_000


def test_pages_that_say_nothing_are_refused() -> None:
    """One request per origin tells what the site says of any address; pages that say the same are no pages."""
    site = Site()
    site.probe = lambda url: (200, NOTHING.format(url).encode())
    assert site.get("/garden", b"<title>Garden</title><p>On a garden in Kent, with apples and pears and a wall.</p>") == ""
    assert site.get("/gone/1", NOTHING.format("/gone/1").encode()) == "soft-404"
    assert site.get("/", NOTHING.format("/").encode()) == ""
    assert site.get("/orchard", b"<title>Orchard</title><p>On an orchard in Kent, with plums and quinces and bees.</p>") == ""
    assert len(site.probed) == 1
    assert site.probed[0].startswith(f"{SITE}/")
    site.get("http://example.org/x")
    assert len(site.probed) == 2


def test_a_site_that_says_the_same_of_everything_is_taken_as_it_is() -> None:
    """Where the first page is what comes for any address (one program, one text), likeness tells nothing."""
    site = Site()
    shell = b"<title>App</title><div id=root></div><script src=app.js></script>"
    site.probe = lambda _: (200, shell)
    assert [site.get(path, shell) for path in ("/", "/a", "/b")] == ["", "", ""]


@pytest.mark.parametrize("probe", [(404, b"nothing"), (410, b""), (301, b""), (200, b""), None])
def test_an_honest_site_is_asked_once_and_believed(probe: tuple[int, bytes] | None) -> None:
    """Where nothing is found behind a random address, or it may not be asked for, every page is taken as it is."""
    site = Site()

    def failing(url: str) -> tuple[int, bytes]:
        if probe is None:
            raise Failed("timeout", url)
        return probe

    site.probe = failing
    for number in range(5):
        assert site.get(f"/{number}", NOTHING.format("x").encode()) == ""
    assert len(site.probed) == 1


def test_nothing_is_probed_for_media_and_errors() -> None:
    """Hosts that only serve media, or have no page, are not asked for anything that nobody needs."""
    site = Site()
    site.get("/a.jpg", headers={"Content-Type": "image/jpeg"}, kind="media")
    site.get("/b.jpg", headers={"Content-Type": "image/jpeg"})
    site.get("/c", status=404)
    assert site.probed == []


def test_a_host_that_has_run_dry_is_left() -> None:
    """When hardly any of 200 pages held anything new, no further page is asked for; its media still are."""
    site = Site()
    taken = 0
    for number in range(1_000):
        if site.get(f"/maze/{number}", f"<p>corridor {number % 15}</p>".encode()):
            break
        taken += 1
    assert taken == 200
    assert site.get("/maze/new") == "trap-novelty"
    assert site.get("/picture.jpg", kind="media") == ""
    assert site.get("https://example.net/") == ""


def test_thousands_of_pages_of_one_template_are_no_trap() -> None:
    """Pages that differ in a few words are new, however many there are; a tenth of them may be repeated."""
    site = Site()
    site.probe = lambda _: (404, b"not found")
    for number in range(3_000):
        body = f"<html><title>Page {number}</title><p>All the same but {number if number % 10 else 0}.</p></html>".encode()
        assert site.get(f"/page/{number}.html", body) == ""


def test_the_archive_s_answers_are_judged_alike() -> None:
    """A page that says nothing, and a form for a password, are no pages either when the archive brings them."""
    site = Site()
    site.probe = lambda url: (200, NOTHING.format(url).encode())
    site.get("/garden", b"<title>Garden</title><p>On a garden in Kent, with apples and pears and a wall.</p>")
    for body, reason in ((NOTHING.format("/x").encode(), "soft-404"), (FORM, "login-wall")):
        answer = replace(answer_to(Ask(f"{SITE}/x/y"), 200, body, HTML), replayed=True)
        with pytest.raises(Refused) as caught:
            site.watch.after(answer)
        assert caught.value.reason == reason
    assert site.get("/x/z") == ""


def test_policy_files_are_not_watched() -> None:
    """Files about rights are asked for whatever path they lie on."""
    site = Site()
    site.get("/.well-known/a", status=402)
    site.watch.before(Ask(f"{SITE}/.well-known/tdmrep.json", kind="policy"))

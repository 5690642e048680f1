"""Signals from the web to the manifest: every mechanism on a loopback site, as the declaration treats it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from acquisition.demo.sounds import picture
from tests.flow.running import Place, acquire, empty_place

pytestmark = pytest.mark.flow

BY: Final = "https://creativecommons.org/licenses/by/4.0/"
BY_SA: Final = "https://creativecommons.org/licenses/by-sa/4.0/"
LICENSE: Final = f'<link rel="license" href="{BY}">'
RSL: Final = (
    '<rsl xmlns="https://rslstandard.org/rsl"><content url="/"><license>'
    '<permits type="usage">{}</permits></license></content></rsl>'
)
TRAINING, STORAGE, UNKNOWN, KEPT = "opt-out.training", "opt-out.storage", "opt-out.unknown", ""


@dataclass(frozen=True)
class Case:
    """One page: what stands in its head, which headers it has, and the flag that decides about it."""

    name: str
    expected: str
    head: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    outcome: str = "drop"


def _rsl(name: str) -> str:
    return f'<link rel="license" type="application/rsl+xml" href="/{name}.xml">'


CASES: Final = (
    Case("plain", KEPT),
    Case("header-noai", TRAINING, headers={"X-Robots-Tag": "noai"}),
    Case("header-behind-a-value", TRAINING, headers={"X-Robots-Tag": "max-snippet:-1, noai"}),
    Case("header-to-another", KEPT, headers={"X-Robots-Tag": "googlebot: noai"}),
    Case("header-to-us", STORAGE, headers={"X-Robots-Tag": "acquisition: noindex"}),
    Case("header-expired", STORAGE, headers={"X-Robots-Tag": "unavailable_after: Wed, 25 Jun 2025 15:00:00 GMT"}),
    Case("meta-noai", TRAINING, '<META NAME="ROBOTS" CONTENT="NoAI">'),
    Case("meta-noimageai", KEPT, '<meta name="robots" content="noimageai">'),
    Case("meta-noarchive", STORAGE, '<meta name="robots" content="noarchive">'),
    Case("meta-to-another", KEPT, '<meta name="gptbot" content="noai">'),
    Case("usage-no", TRAINING, headers={"Content-Usage": "train-ai=n"}),
    Case("usage-yes", KEPT, headers={"Content-Usage": "train-ai=y"}),
    Case("usage-odd", UNKNOWN, headers={"Content-Usage": "train-ai=maybe"}, outcome="hold"),
    Case("usage-in-robots", TRAINING),
    Case("signal-no", TRAINING, headers={"Content-Signal": "search=yes, ai-train=no"}),
    Case("tdm-header", TRAINING, headers={"TDM-Reservation": "1", "TDM-Policy": "https://ask.example/"}),
    Case("tdm-meta", TRAINING, '<meta name="tdm-reservation" content="1">'),
    Case("tdm-file", TRAINING, headers={"TDM-Reservation": "0"}),
    Case("rsl-yes", KEPT, _rsl("free")),
    Case("rsl-no", TRAINING, _rsl("search")),
    Case("rsl-gone", TRAINING, _rsl("gone")),
    Case("rsl-header", TRAINING, headers={"Link": '</search.xml>; rel="license"; type="application/rsl+xml"'}),
    Case("ai-file", TRAINING),
    Case("two-licenses", "license.unknown", f'<link rel="license" href="{BY_SA}">', outcome="hold"),
)
ROBOTS: Final = (
    "User-agent: *\nAllow: /\nContent-Usage: /usage-in-robots.html train-ai=n\n\n"
    "User-agent: CCBot\nDisallow: /closed-to-ai.html\n"
)


def _page(head: str, body: str = "") -> bytes:
    words = "The tide came in and the boats went out, as they do, and nobody wrote any of it down for a long time. " * 3
    main = f"<main><p>{words}</p>{body}</main>"
    return f"<!doctype html><html><head><title>T</title>{head}</head><body>{main}</body></html>".encode()


def _fill(place: Place, *, tdmrep_status: int = 200) -> None:
    site = place.world.site
    site.robots(ROBOTS)
    rules = '[{"location": "/tdm-file.html", "tdm-reservation": 1}]'
    site.add("/.well-known/tdmrep.json", rules, media_type="application/json", status=tdmrep_status)
    site.add("/ai.txt", "User-Agent: *\nDisallow: /ai-file.html\n", media_type="text/plain")
    site.add("/free.xml", RSL.format("ai-train"), media_type="application/rsl+xml")
    site.add("/search.xml", RSL.format("search"), media_type="application/rsl+xml")
    links = "".join(f'<a href="/{case.name}.html">{case.name}</a> ' for case in CASES)
    site.add("/", _page("", links + '<a href="/closed-to-ai.html">no</a> <a href="/leads-on.html">on</a>'))
    site.add("/closed-to-ai.html", _page(LICENSE))
    site.add("/leads-on.html", _page(f'{LICENSE}<meta name="robots" content="nofollow">', '<a href="/behind.html">x</a>'))
    site.add("/behind.html", _page(LICENSE))
    for number, case in enumerate(CASES):
        text = _page(LICENSE + case.head, f"<p>Entry {number} of the log is about {case.name}, and {number * 7} gulls.</p>")
        site.add(f"/{case.name}.html", text, tuple(dict(case.headers).items()))


def _declare(place: Place, **blocks: Any) -> None:
    web = {"kind": "spider", "spider": "pages", "start": [f"{place.world.site.base_url}/"], "delay": 0}
    place.declare_sources({"web": web}, filters={"duplicates": False, "quality": False, "llm_style": False}, **blocks)


def _outcomes(place: Place) -> dict[str, tuple[str, str]]:
    """Return page → outcome and decisive flag."""
    return {Path(item["url"]).stem: (item["outcome"], item["code"]) for item in place.items()}


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The site, fetched once with everything honoured."""
    with empty_place(tmp_path_factory.mktemp("signals")) as place:
        _fill(place)
        _declare(place)
        place.fetch()
        yield place


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_mechanism_decides(settled: Place, case: Case) -> None:
    """Each page ends as what it says: kept, dropped or held, by the flag of its meaning."""
    expected = ("keep", "") if case.expected == KEPT else (case.outcome, case.expected)
    assert _outcomes(settled)[case.name] == expected


def test_what_may_not_be_visited_is_not(settled: Place) -> None:
    """A page closed to those who gather training data, and a link on a page that asks not to be followed, see no request."""
    assert settled.world.requests("site", "/closed-to-ai.html") == []
    assert settled.world.requests("site", "/behind.html") == []
    assert {"opt-out", "nofollow"} <= {row["code"] for row in settled.told("refusals.jsonl")}


def test_files_about_rights_are_asked_for_once(settled: Place) -> None:
    """However many pages there are, a site sees one request for each of its files."""
    for path in ("/robots.txt", "/.well-known/tdmrep.json", "/ai.txt", "/trust.txt", "/search.xml", "/free.xml", "/gone.xml"):
        assert len(settled.world.requests("site", path)) == 1, path


def test_the_evidence_is_kept(settled: Place) -> None:
    """The flag names mechanism, place and text, and where permission may be asked for; the manifest counts what was met."""
    items = {Path(item["url"]).stem: item for item in settled.items()}
    (flag,) = [flag for flag in items["tdm-header"]["flags"] if flag["code"] == TRAINING]
    assert json.loads(flag["detail"]) == {
        "mechanism": "tdmrep", "where": "header tdm-reservation", "said": "tdm-reservation: 1 tdm-policy: https://ask.example/",
        "ask": "https://ask.example/",
    }  # fmt: skip
    words = {one["mechanism"]: one["train"] for one in items["rsl-yes"]["signals"]}
    assert (words["robots"], words["rsl"], words["rel-license"]) == ("none", "allow", "none")
    told = json.loads((settled.workspace / "manifest" / "summary.json").read_bytes())["crawls"]["web"]
    assert [one["domain"] for one in told["domains"]] == ["127.0.0.1"]
    met = told["opt_outs"]
    assert (met["tdmrep"]["items"], met["rsl"]["items"], met["aipref"]["unclear"]) == (3, 3, 1)
    assert (met["ai-agents"]["not_visited"], told["not_visited"]) == (1, 1)


def test_recorded_mechanisms_are_seen_and_lead_to_nothing(settled: Place, tmp_path: Path) -> None:
    """With another treatment the same crawl is judged anew; explain still shows what was said."""
    with empty_place(tmp_path) as place:
        _fill(place)
        treatments = {"tdmrep": "record", "x-robots-tag": "ignore", "rsl": "ignore", "ai-agents": "record"}
        _declare(place, signals=treatments)
        summary = place.fetch()
        found = _outcomes(place)
        assert found["tdm-header"] == found["tdm-file"] == found["header-noai"] == found["rsl-gone"] == ("keep", "")
        assert found["meta-noai"] == ("drop", TRAINING)
        assert found["closed-to-ai"] == ("keep", "")
        assert place.world.requests("site", "/search.xml") == []
        assert any("recorded without consequence" in said and "tdmrep" in said for said in summary.not_checked)
        shown = place.acquire("explain", f"{place.world.site.base_url}/tdm-header.html")
        assert "tdm-reservation: 1" in shown.out
        checked = place.acquire("check")
        assert "tdmrep: record" in checked.out
    assert _outcomes(settled)["tdm-file"] == ("drop", TRAINING)


def test_a_set_that_trains_nothing(tmp_path: Path) -> None:
    """Words on training mean nothing then; what may not be kept is dropped all the same."""
    with empty_place(tmp_path) as place:
        _fill(place)
        _declare(place, dataset={"name": "flow", "use": {"training": False}})
        place.fetch()
        dropped = {name for name, (outcome, _) in _outcomes(place).items() if outcome == "drop"}
        assert dropped == {case.name for case in CASES if case.expected == STORAGE}
        assert "closed-to-ai" in _outcomes(place)


def test_a_file_that_cannot_be_had_holds_the_site(tmp_path: Path) -> None:
    """While tdmrep.json answers 503 nobody knows what it says, so nothing of the site is kept without a person."""
    with empty_place(tmp_path) as place:
        _fill(place, tdmrep_status=503)
        _declare(place)
        place.fetch()
        assert {outcome for outcome, _ in _outcomes(place).values()} == {"hold", "drop"}
        assert _outcomes(place)["plain"] == ("hold", UNKNOWN)


def test_a_picture_is_heard_where_it_is_shown_and_where_it_lies(tmp_path: Path) -> None:
    """Noimageai on the page, and a word of the picture's own site, reserve a picture; its page's text stays."""
    with empty_place(tmp_path) as place:
        site = place.world.site
        figure = (
            f'<figure><img src="/img/{{0}}.png"><figcaption>{{0}} <a rel="license" href="{BY}">CC BY</a></figcaption></figure>'
        )
        site.add("/", _page("", figure.format("free") + figure.format("typed") + '<a href="/no.html">x</a>'))
        site.add("/no.html", _page('<meta name="robots" content="noimageai">', figure.format("shown")))
        site.add("/ai.txt", "User-Agent: *\nDisallow: /img/typed*.png\n", media_type="text/plain")
        for number, name in enumerate(("free", "typed", "shown")):
            site.add(f"/img/{name}.png", picture(number), media_type="image/png")
        web = {"kind": "spider", "spider": "gallery", "start": [f"{site.base_url}/", f"{site.base_url}/no.html"], "delay": 0}
        place.declare_sources({"web": web})
        place.fetch()
        assert {name: code for name, (_, code) in _outcomes(place).items()} == {
            "free": "",
            "typed": TRAINING,
            "shown": TRAINING,
        }


def test_the_declaration_names_the_mechanisms(tmp_path: Path) -> None:
    """A mechanism that nobody knows is an error that lists them; so is a treatment."""
    text = "version: 1\nsources: {a: {kind: local, path: .}}\nsignals: {tdm: honour, rsl: maybe}\n"
    (tmp_path / "sources.yaml").write_text(text)
    ran = acquire(tmp_path, "check")
    assert ran.code == 2
    assert "unknown-key" in ran.err
    assert "tdmrep" in ran.err
    assert "one of: honour, record, ignore" in ran.err

"""`kind: search`: paging to the end, repetitions, addresses that nobody visits, keys, and refusals that say what helps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from acquisition.api import ApiLimits, Client
from acquisition.errors import AcquisitionError, CredentialsMissing, CredentialsRejected, ProtocolError, SourceNotFound
from acquisition.network import AddressGuard
from acquisition.protocols import ResolveContext, Seed
from acquisition.sources.search import Search, canonical
from acquisition.testing import source_for
from tests.search_servers import KEY, SearchServer


def addresses(count: int) -> list[str]:
    """Return results on hosts of their own."""
    return [f"https://site{number}.example/page" for number in range(count)]


def client() -> Client:
    """Return the real client, which here never waits."""
    return Client("acquisition/test", AddressGuard(["http://127.0.0.1/"]), limits=ApiLimits(tries=2), sleep=lambda _: None)


def seeds(
    server: SearchServer, environment: dict[str, str] | None = None, cache: Path | None = None, **declared: Any
) -> list[Seed]:
    """Return the seeds of a declared search over the stand-in."""
    source = source_for(Search, "found", **({"engine": "searxng", "queries": ["owls"], "base_url": server.base_url} | declared))
    with client() as api:
        context = ResolveContext(api, environment or {}, lambda: "2026-01-01T00:00:00Z", Path(), "agent", cache=cache)
        return list(Search().seeds(source, context))


BRAVE: dict[str, Any] = {"engine": "brave", "auth": {"env": "KEY_OF_MINE"}}
KEYS = {"KEY_OF_MINE": KEY}


def test_searxng_is_asked_until_it_has_no_more() -> None:
    """45 results in pages of 20 take three pages; every address says engine, query and rank."""
    with SearchServer({"owls": addresses(45)}) as server:
        found = seeds(server, max_results=100)
        assert [seed.url for seed in found] == addresses(45)
        assert found[44].reason == "search: searxng 'owls' rank 45"
        assert [query["pageno"] for _, query in server.asked] == ["1", "2", "3", "4"]


def test_an_engine_that_repeats_itself_ends() -> None:
    """A page without anything new is the last one, although the engine would go on for ever."""
    with SearchServer({"owls": addresses(5)}, per_page=5, repeats=True) as server:
        assert len(seeds(server)) == 5
        assert len(server.asked) == 2


def test_no_more_is_asked_for_than_is_wanted() -> None:
    """`max_results` counts per query, and ends the paging."""
    with SearchServer({"owls": addresses(45), "larks": addresses(60)[45:]}) as server:
        found = seeds(server, queries=["owls", "larks"], max_results=10)
        assert [seed.reason for seed in found[9:11]] == ["search: searxng 'owls' rank 10", "search: searxng 'larks' rank 1"]
        assert len(found) == 20
        assert len(server.asked) == 2


def test_repetitions_and_other_schemes_are_left_out_and_counted(tmp_path: Path) -> None:
    """Tracking parameters, fragments and default ports make no new page; what is not http is counted, with the address."""
    given = [
        "https://a.example/p?x=1&utm_source=s",
        "https://a.example/p?x=1&gclid=7",
        "https://A.example:443/p?x=1#part",
        "ftp://a.example/file",
        "javascript:alert(1)",
        "magnet:?xt=1",
        "http://[bad/",
        "https://a.example/p?x=2",
    ]
    with SearchServer({"owls": given}) as server:
        found = seeds(server, cache=tmp_path)
    assert [seed.url for seed in found] == [given[0], given[7]]
    assert found[1].reason.endswith("rank 8")
    told = json.loads((tmp_path / "search.json").read_text())
    assert {name: told["queries"][0][name] for name in ("results", "taken", "repeated", "not_http")} == {
        "results": 8,
        "taken": 2,
        "repeated": 2,
        "not_http": 4,
    }
    assert "ftp://a.example/file" in told["queries"][0]["left_out"]


def test_brave_is_asked_with_its_key_and_no_further_than_it_answers() -> None:
    """20 per page, ten pages at most, the key from the declared variable, `more_results_available` obeyed."""
    with SearchServer({"owls": addresses(250)}) as server:
        found = seeds(server, KEYS, max_results=1000, **BRAVE)
        assert len(found) == 200
        assert [query["offset"] for _, query in server.asked] == [str(page) for page in range(10)]
    with SearchServer({"owls": addresses(25)}) as server:
        assert len(seeds(server, KEYS, max_results=1000, **BRAVE)) == 25
        assert len(server.asked) == 2


def test_a_key_stays_at_home() -> None:
    """A key that lies in the environment is not sent to another host unless the declaration names it."""
    with SearchServer({"owls": addresses(1)}) as server:
        with pytest.raises(CredentialsMissing) as caught:
            seeds(server, {"BRAVE_SEARCH_API_KEY": KEY}, engine="brave")
        assert "auth" in caught.value.message
        assert server.asked == []


@pytest.mark.parametrize(
    ("declared", "fault", "kind", "hint"),
    [
        ({}, (403, b"<html><title>Forbidden</title>"), AcquisitionError, "formats"),
        ({}, (200, b"<html>only for people</html>"), ProtocolError, "formats"),
        ({}, (200, {"answers": []}), ProtocolError, "formats"),
        ({}, (429, {"message": "Too many"}), AcquisitionError, "limiter"),
        (
            BRAVE,
            (429, {"error": {"code": "RATE_LIMITED", "detail": "Request rate limit exceeded"}}),
            AcquisitionError,
            "per second",
        ),
        (
            BRAVE,
            (429, {"error": {"code": "QUOTA_LIMITED", "detail": "Request quota limit exceeded"}}),
            AcquisitionError,
            "month",
        ),
        (BRAVE, (402, {"error": {"detail": "payment required"}}), AcquisitionError, "month"),
        (BRAVE, (401, {"error": {"detail": "no"}}), CredentialsRejected, "key"),
    ],
)
def test_a_refusal_says_what_helps(declared: dict[str, Any], fault: tuple[int, Any], kind: type[Exception], hint: str) -> None:
    """403 without JSON, limits, a used-up quota and a wrong key are told apart, with what to do."""
    with SearchServer({}, fault=fault) as server, pytest.raises(AcquisitionError) as caught:
        seeds(server, KEYS, **declared)
    assert isinstance(caught.value, kind)
    assert hint in caught.value.hint
    assert KEY not in repr(caught.value) + caught.value.message


def test_a_wrong_key_is_named_by_its_place() -> None:
    """Brave answers 422 to a key that it does not know; the error says where the key came from, and not the key."""
    with SearchServer({}) as server, pytest.raises(CredentialsRejected) as caught:
        seeds(server, {"KEY_OF_MINE": "wrong-key-here"}, **BRAVE)
    assert "KEY_OF_MINE" in caught.value.message
    assert "wrong-key-here" not in caught.value.message


def test_nothing_found_is_an_error() -> None:
    """A search without results ends the source: a crawl of nothing would look like success."""
    with SearchServer({}) as server, pytest.raises(SourceNotFound):
        seeds(server)


def test_resolving_asks_nobody() -> None:
    """A plan costs no search; it only looks whether there is a key."""
    with SearchServer({"owls": addresses(1)}) as server, client() as api:
        context = ResolveContext(api, {}, lambda: "2026-01-01T00:00:00Z", Path(), "agent")
        source = source_for(Search, "found", engine="searxng", queries=["owls"], base_url=server.base_url)
        release = Search().resolve(source, context)
        assert (release.reader, release.assets, release.revision) == ("crawl", (), "")
        with pytest.raises(CredentialsMissing):
            Search().resolve(source_for(Search, "found", engine="brave", queries=["owls"]), context)
        assert server.asked == []


@pytest.mark.parametrize(
    "declared",
    [
        {"engine": "searxng"},
        {"engine": "searxng", "queries": []},
        {"engine": "google", "queries": ["x"]},
        {"engine": "brave", "queries": [" "]},
    ],
)
def test_a_search_that_cannot_be_asked_is_refused_when_declared(declared: dict[str, Any]) -> None:
    """No instance, no query, no such engine."""
    with pytest.raises(ValidationError):
        source_for(Search, "found", **({"queries": ["owls"]} | declared))


def test_the_engine_s_address_opens_nothing_for_the_crawl() -> None:
    """`base_url` is the engine's: the pages are not looked for there, and its loopback address opens no other."""
    settings = source_for(Search, "found", engine="searxng", queries=["owls"], base_url="http://127.0.0.1:8888").settings
    assert getattr(settings, "stand_in", "") is None
    assert getattr(settings, "spider", "") == "site"
    assert getattr(settings, "arguments", {}) == {"follow": "false"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://a.example", "http://a.example:80/#x"),
        ("https://a.example./p?b=2&a=1", "https://A.EXAMPLE/p?a=1&b=2&fbclid=9"),
        ("https://a.example/%7Ex", "https://a.example/~x"),
    ],
)
def test_one_page_has_one_form(one: str, other: str) -> None:
    """Spellings of one address are equal; http and https are not."""
    assert canonical(one) == canonical(other) != ""
    assert canonical("http://a.example/") != canonical("https://a.example/")

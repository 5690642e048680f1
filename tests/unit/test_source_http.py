"""Direct addresses: paths that are unique and the same every time, digests, mirrors and credentials."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from acquisition.errors import CredentialsMissing
from acquisition.model import Digest
from acquisition.sources.http import Http, HttpSettings, under
from acquisition.sources.paths import paths_of_urls
from acquisition.sources.signed_urls import expiry_of, moment
from acquisition.testing import check_adapter, context_for, scripted, source_for


def settings(**declared: Any) -> HttpSettings:
    """Return settings as a declaration gives them."""
    made = source_for(Http, **declared).settings
    assert isinstance(made, HttpSettings)
    return made


def test_addresses_keep_the_contract() -> None:
    """Plain addresses and objects mix; digests are lower case; what is declared for a file is kept."""
    entry = {"url": "https://b.example/x/data.csv", "sha256": "AB" * 32, "md5": "cd" * 16, "size": "1KB", "path": "b/data.csv"}
    source = source_for(Http, url="https://a.example/one.csv", urls=["https://a.example/two.csv", entry])
    release = check_adapter(Http(), source, context_for(scripted({})))
    assert [(asset.path, asset.size) for asset in release.assets] == [
        ("one.csv", None),
        ("two.csv", None),
        ("b/data.csv", 1000),
    ]
    assert release.assets[2].digests == (Digest("sha256", "ab" * 32), Digest("md5", "cd" * 16))
    assert release.license.level == "none"


def test_plain_http_without_a_digest_is_noted() -> None:
    """What nobody can verify is said in the plan."""
    source = source_for(Http, url="http://a.example/one.csv")
    assert "cannot be verified" in Http().resolve(source, context_for(scripted({}))).notes[0]


@pytest.mark.parametrize(
    ("urls", "paths"),
    [
        (["https://h/a/x.csv"], ["x.csv"]),
        (["https://h/a/x.csv", "https://h/b/x.csv"], ["a/x.csv", "b/x.csv"]),
        (["https://h/d/a/x.csv", "https://g/d/a/x.csv"], ["h/d/a/x.csv", "g/d/a/x.csv"]),
        (["https://h/", "https://h/a/"], ["h/index", "a/index"]),
        (["https://h/a%20b/%2e%2e/%2Fetc%2Fpasswd"], ["_etc_passwd"]),
        (["https://h/x\u00e9.csv"], ["x\u00e9.csv"]),
    ],
)
def test_paths_come_from_addresses(urls: list[str], paths: list[str]) -> None:
    """The file's name, with as much before it as tells it from the others; nothing climbs."""
    assert list(paths_of_urls(urls)) == paths


def test_queries_tell_files_apart() -> None:
    """Addresses that differ in the query alone get a mark before the ending."""
    first, second = paths_of_urls(["https://h/get.php?id=1", "https://h/get.php?id=2"])
    assert first != second
    assert re.fullmatch(r"(?:h/)?get-[0-9a-f]{8}\.php", first)


@given(
    st.lists(
        st.from_regex(r"https://[a-z]{1,3}(/[a-zA-Z0-9%._?&=/-]{0,12})?", fullmatch=True), min_size=1, max_size=6, unique=True
    )
)
def test_paths_are_always_unique_and_inside(urls: list[str]) -> None:
    """Whatever addresses are declared, their paths are distinct, relative and do not climb."""
    paths = paths_of_urls(urls)
    assert len(set(paths)) == len(paths)
    assert all(part not in {"", ".", ".."} for path in paths for part in path.split("/"))
    assert paths == paths_of_urls(urls)


@pytest.mark.parametrize(
    ("base", "url", "expected"),
    [
        (None, "https://h/a?b=1", "https://h/a?b=1"),
        ("http://127.0.0.1:1", "https://h/a/b.csv?c=1", "http://127.0.0.1:1/a/b.csv?c=1"),
        ("http://127.0.0.1:1/mirror/", "https://h/a", "http://127.0.0.1:1/mirror/a"),
        ("http://127.0.0.1:1", "https://h", "http://127.0.0.1:1/"),
    ],
)
def test_a_base_url_replaces_the_host(base: str | None, url: str, expected: str) -> None:
    """Scheme, host and port are replaced, the base's path is put in front, the rest stays."""
    assert under(base, url) == expected


def test_a_declared_token_is_sent_and_a_missing_one_named() -> None:
    """`auth` sends a bearer token to the one declared origin."""
    source = source_for(Http, url="https://a.example/x", auth={"env": "MY_TOKEN"})
    context = context_for(scripted({}), environment={"MY_TOKEN": "t0ken-t0ken"})
    release = Http().resolve(source, context)
    assert Http().locate(source, release, release.assets[0], context).headers == {"Authorization": "Bearer t0ken-t0ken"}
    with pytest.raises(CredentialsMissing, match="MY_TOKEN"):
        Http().locate(source, release, release.assets[0], context_for(scripted({})))


@pytest.mark.parametrize(
    "declared",
    [
        {},
        {"url": "ftp://h/x"},
        {"url": "https://user:pw@h/x"},
        {"url": "https://h/a b"},
        {"urls": ["https://h/x", "https://h/x"]},
        {"urls": [{"url": "https://h/x", "sha256": "zz"}]},
        {"urls": [{"url": "https://h/x", "path": "../x"}]},
        {"urls": [{"url": "https://h/x", "path": "p"}, {"url": "https://h/y", "path": "p"}]},
        {"urls": [{"url": "https://h/x", "sha265": "ab"}]},
        {"urls": ["https://h/x", "https://g/x"], "auth": {"env": "T"}},
    ],
)
def test_declarations_that_cannot_be_meant(declared: dict[str, Any]) -> None:
    """No address, other schemes, secrets in an address, twins, wrong digests and climbing paths are problems at once."""
    with pytest.raises(ValidationError):
        settings(**declared)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://s/x?X-Goog-Date=20261121T060000Z&X-Goog-Expires=60", 1795240860.0),
        ("https://s/x?X-Amz-Date=20261121T060000Z&X-Amz-Expires=60", 1795240860.0),
        ("https://s/x?Expires=1795240860&Signature=x", 1795240860.0),
        ("https://s/x?Expires=soon", 0.0),
        ("https://s/x?X-Goog-Date=today&X-Goog-Expires=60", 0.0),
        ("https://s/x", 0.0),
    ],
)
def test_the_end_of_a_signed_address_is_read_from_it(url: str, expected: float) -> None:
    """Three ways to write it; anything else says nothing."""
    assert expiry_of(url) == expected


@given(st.text(max_size=80))
def test_no_text_breaks_the_end(text: str) -> None:
    """Whatever stands in a query or in an answer, the end is a number."""
    assert expiry_of(f"https://s/x?Expires={text}&X-Goog-Date={text}&X-Goog-Expires={text}") >= 0
    assert isinstance(moment(text), float)


def test_twenty_thousand_addresses_get_their_paths_at_once() -> None:
    """The time grows with the number of addresses, not with its square."""
    urls = [f"https://example.org/{number % 7}/part/{number // 7}.csv" for number in range(20_000)]
    paths = paths_of_urls(urls)
    assert len(set(paths)) == 20_000
    assert paths[0] == "0/part/0.csv"

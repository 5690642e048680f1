"""The UCI adapter over a scripted transport."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from acquisition.errors import AcquisitionError, ProtocolError, SourceForbidden, SourceNotFound, SourceUnavailable
from acquisition.model import NO_CLAIM, Release
from acquisition.protocols import Answer
from acquisition.sources.uci import Uci, UciSettings
from acquisition.testing import Script, check_adapter, context_for, scripted, source_for

SITE = "https://archive.ics.uci.edu"
MISSING = Answer(404, {}, b"Not Found", "")
THERE = Answer(200, {}, b"", "")


def facts(**changes: Any) -> dict[str, Any]:
    """Return the metadata of one data set, as the API gives it."""
    return {
        "uci_id": 186,
        "name": "Wine Quality",
        "repository_url": f"{SITE}/dataset/186/wine+quality",
        "data_url": f"{SITE}/static/public/186/data.csv",
        "creators": ["Paulo Cortez", "A. Cerdeira"],
        "year_of_dataset_creation": 2009,
        "last_updated": "Wed Nov 15 2023",
        "dataset_doi": "10.24432/C56S3T",
        "additional_info": {"summary": "…", "citation": None},
        "external_url": None,
    } | changes


def world(data: Any, zip_answer: Answer = THERE, base: str = SITE, slug: str = "wine+quality") -> Script:
    """Return a script of one data set and of its zip."""
    answer = data if isinstance(data, Answer) else {"status": 200, "statusText": "OK", "data": data}
    return Script({f"GET {base}/api/dataset": answer, f"HEAD {base}/static/public/186/{slug}.zip": zip_answer})


def resolved(script: Script, **settings: Any) -> Release:
    """Resolve set 186 through a script."""
    declared = settings if "name" in settings else {"id": 186, **settings}
    return Uci().resolve(source_for(Uci, **declared), context_for(scripted(script)))


def test_a_hosted_data_set_keeps_the_contract() -> None:
    """The zip under its own name, no revision, the repository's policy as license, DOI, authors and a composed citation."""
    script = world(facts())
    release = check_adapter(Uci(), source_for(Uci, id=186), context_for(scripted(script)))
    assert script.asked[0][1] == f"{SITE}/api/dataset?id=186"
    assert [(asset.path, asset.url, asset.size) for asset in release.assets] == [
        ("wine+quality.zip", f"{SITE}/static/public/186/wine+quality.zip", None)
    ]
    assert (release.revision, release.doi, release.authors) == ("", "10.24432/C56S3T", ("Paulo Cortez", "A. Cerdeira"))
    assert (release.license.raw, release.license.level) == (("CC-BY-4.0",), "policy")
    assert release.citation.startswith("Paulo Cortez, A. Cerdeira (2009). Wine Quality [Dataset].")
    assert "policy" in release.notes[0]


def test_a_set_is_found_by_name() -> None:
    """`name` asks by name."""
    script = world(facts())
    assert resolved(script, name="Wine Quality").title == "Wine Quality"
    assert script.asked[0][1].endswith("/api/dataset?name=Wine+Quality")


def test_a_stand_in_is_asked_and_the_lock_names_the_repository() -> None:
    """With a base_url everything is asked there, while the asset's own address stays the repository's."""
    base = "http://127.0.0.1:9000/uci"
    source = source_for(Uci, id=186, base_url=base)
    context = context_for(scripted(world(facts(), base=base)))
    release = Uci().resolve(source, context)
    assert release.assets[0].url.startswith(SITE)
    assert Uci().locate(source, release, release.assets[0], context).url == f"{base}/static/public/186/wine+quality.zip"


@pytest.mark.parametrize("data_url", [f"{SITE}/static/public/186/data.csv", "/static/public/186/data.csv"])
def test_without_a_zip_the_cleaned_table_is_taken(data_url: str) -> None:
    """data.csv stands in for a zip that is not there, and that is noted."""
    release = resolved(world(facts(data_url=data_url), MISSING))
    assert [(asset.path, asset.url) for asset in release.assets] == [("data.csv", f"{SITE}/static/public/186/data.csv")]
    assert "data.csv" in release.notes[0]


def test_a_server_that_knows_no_head_is_believed() -> None:
    """Only a 404 or 410 says that the zip is missing."""
    assert resolved(world(facts(), Answer(405, {}, b"", ""))).assets[0].path == "wine+quality.zip"


@pytest.mark.parametrize(
    ("data", "zip_answer", "kind", "words"),
    [
        (Answer(404, {}, b'{"status": 404, "message": "no such set"}', ""), THERE, SourceNotFound, "no such set"),
        (Answer(200, {}, b'{"status": 404, "message": "no such set"}', ""), THERE, SourceNotFound, "no such set"),
        (Answer(502, {}, b"", ""), THERE, SourceUnavailable, "502"),
        (Answer(200, {}, b"[]", ""), THERE, ProtocolError, "object"),
        (facts(uci_id=7), THERE, ProtocolError, "asked for 186"),
        (facts(uci_id="one"), THERE, ProtocolError, "number"),
        (facts(data_url=None), MISSING, SourceNotFound, "no files"),
        (facts(data_url=None, external_url="https://x.example/home"), MISSING, SourceForbidden, "https://x.example/home"),
    ],
)
def test_refusals_and_broken_answers(data: Any, zip_answer: Answer, kind: type[AcquisitionError], words: str) -> None:
    """Missing, broken, without files, and only linked: each has its own type; a link is passed on to the reader."""
    with pytest.raises(kind) as caught:
        resolved(world(data, zip_answer))
    assert type(caught.value) is kind
    assert words in caught.value.message


def test_data_of_another_home_has_no_license() -> None:
    """The repository's policy does not cover what it only links, even when it holds a copy."""
    release = resolved(world(facts(external_url="https://x.example/home")))
    assert release.license == NO_CLAIM
    assert any("https://x.example/home" in note for note in release.notes)


def test_the_shape_of_the_rewrite_is_understood() -> None:
    """Field names of the announced new API give the same release."""
    data = {"id": 186, "title": "Wine", "doi": "https://doi.org/10.24432/C56S3T", "authors": ["P. C."], "yearCreated": 2009}
    answer = Answer(200, {}, b"", "")
    script = Script({f"GET {SITE}/api/dataset": {"ok": True, "data": data}, f"HEAD {SITE}/static/public/186/wine.zip": answer})
    release = resolved(script)
    assert (release.title, release.doi, release.authors) == ("Wine", "10.24432/C56S3T", ("P. C.",))
    assert release.assets[0].path == "wine.zip"


@pytest.mark.parametrize(
    "url", [f"{SITE}/dataset/186/..%2F..%2Fetc", f"{SITE}/dataset/186", "", None, f"{SITE}/dataset/186/a b"]
)
def test_odd_addresses_fall_back_to_the_name(url: str | None) -> None:
    """A page's address that holds no usable name gives way to the set's own name."""
    assert resolved(world(facts(repository_url=url))).assets[0].path == "wine+quality.zip"


def test_number_and_name_exclude_each_other() -> None:
    """Exactly one of both is declared."""
    for settings in ({}, {"id": 1, "name": "x"}):
        with pytest.raises(ValidationError, match="either"):
            UciSettings.model_validate(settings)


def test_plausible_variations_of_the_metadata_are_read() -> None:
    """A number as a text, creators as objects, and a base_url that ends with /api."""
    base = "http://127.0.0.1:7777"
    release = resolved(world(facts(uci_id="186", creators=[{"name": "A"}, "B", {}]), base=base), base_url=f"{base}/api/")
    assert release.assets[0].path == "wine+quality.zip"
    assert release.authors == ("A", "B")

"""The Kaggle adapter: kagglesdk's own services over a scripted transport, with Kaggle's messages as hubs.md gives them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from acquisition.errors import (
    AcquisitionError,
    CredentialsMissing,
    CredentialsRejected,
    NotInLock,
    ProtocolError,
    SourceForbidden,
    SourceNotFound,
    TermsNeeded,
)
from acquisition.protocols import Answer
from acquisition.sources.kaggle import MANY_FILES, Kaggle, KaggleSettings
from acquisition.testing import Script, check_adapter, context_for, scripted, source_for

BASE = "http://127.0.0.1:7777"
SERVICE = "datasets.DatasetApiService"


def said(status: int, message: str) -> Answer:
    """Return a refusal as Kaggle words it."""
    return Answer(status, {"content-type": "application/json"}, json.dumps({"code": status, "message": message}).encode(), "")


def sent_to(url: str) -> Answer:
    """Return a redirect."""
    return Answer(302, {"location": url}, b"", "")


def world(prefix: str = "/api/v1", base: str = BASE, **changes: Any) -> Script:
    """Return a script of one public data set with three versions and two files of the same name."""
    answers: dict[str, Any] = {
        "GetDataset": {
            "title": "Drum kit",
            "creatorName": "A. Drummer",
            "ownerName": "The Band",
            "licenseName": "CC0: Public Domain",
            "currentVersionNumber": 3,
            "lastUpdated": "2024-05-01T12:00:00.1234567Z",
            "tags": None,
            "somethingNew": {"x": 1},
            "versions": [{"versionNumber": number} for number in (1, 2, 3)],
        },
        "GetDatasetMetadata": {"info": {"licenses": [{"name": "CC0-1.0"}], "title": "Drum kit"}},
        "ListDatasetFiles": {
            "datasetFiles": [{"name": "a/x.csv", "totalBytes": 10}, {"name": "b/x.csv", "totalBytes": 20}],
            "nextPageToken": "",
        },
        "DownloadDataset": sent_to("https://storage.example/signed?X-Goog-Date=20261121T060000Z&X-Goog-Expires=600"),
    } | changes
    return Script({f"POST {base}{prefix}/{SERVICE}/{method}": answer for method, answer in answers.items()})


def test_a_public_data_set_keeps_the_contract() -> None:
    """Identity, pinned version, files with their folders, license codes with evidence, and a signed place for the bytes."""
    script = world()
    release = check_adapter(Kaggle(), source_for(Kaggle, dataset="o/s", base_url=BASE), context_for(scripted(script)))
    assert release.revision == "3"
    assert [(asset.path, asset.size, asset.packed) for asset in release.assets] == [
        ("a/x.csv", 10, "zip-of-one"),
        ("b/x.csv", 20, "zip-of-one"),
    ]
    assert release.license.raw == ("CC0-1.0",)
    assert release.license.name == "CC0: Public Domain"
    assert [evidence.field for evidence in release.license.evidence] == ["licenses[].name", "licenseName"]
    assert release.authors == ("A. Drummer", "The Band")
    assert release.homepage == "https://www.kaggle.com/datasets/o/s"
    assert release.notes == ()
    listed = [json.loads(entry[3]) for entry in script.asked if entry[1].endswith("ListDatasetFiles")]
    assert listed[0] == {"ownerSlug": "o", "datasetSlug": "s", "datasetVersionNumber": 3, "pageToken": "", "pageSize": 200}


def test_a_file_is_located_by_a_redirect_that_is_not_followed() -> None:
    """The signed address comes from the pinned version, with its end, and carries no credential of ours."""
    script = world()
    source = source_for(Kaggle, dataset="o/s", version=2, base_url=BASE)
    context = context_for(scripted(script), environment={"KAGGLE_API_TOKEN": "KGAT_secretsecret"})
    adapter = Kaggle()
    release = adapter.resolve(source, context)
    location = adapter.locate(source, release, release.assets[0], context)
    assert location.url.startswith("https://storage.example/signed")
    assert location.headers == {}
    assert location.expires_at == 1795240800.0 + 600
    method, _, headers, body = script.asked[-1]
    assert json.loads(body) == {"ownerSlug": "o", "datasetSlug": "s", "fileName": "a/x.csv", "datasetVersionNumber": 2}
    assert (method, headers["Authorization"]) == ("POST", "Bearer KGAT_secretsecret")


def test_production_is_asked_under_v1() -> None:
    """Without base_url the API is api.kaggle.com/v1, as in kagglesdk."""
    script = world(prefix="/v1", base="https://api.kaggle.com")
    assert Kaggle().resolve(source_for(Kaggle, dataset="o/s"), context_for(scripted(script))).revision == "3"


@pytest.mark.parametrize(
    ("base", "prefix"), [(BASE, "/v1"), (f"{BASE}/api", "/v1"), (f"{BASE}/v1", ""), (f"{BASE}/", "/api/v1")]
)
def test_a_base_url_may_serve_any_prefix(base: str, prefix: str) -> None:
    """A stand-in is found under /api/v1, under /v1, or under a base_url that says it already."""
    script = world(prefix=prefix, base=base.rstrip("/"))
    release = Kaggle().resolve(source_for(Kaggle, dataset="o/s", base_url=base), context_for(scripted(script)))
    assert release.revision == "3"
    assert len(script.asked) <= 4, "the prefix is found once"


@pytest.mark.parametrize(
    ("dataset", "version", "expected"),
    [
        ("o/s", None, "3"),
        ("o/s/versions/2", None, "2"),
        ("o/s/1", None, "1"),
        ("https://www.kaggle.com/datasets/o/s", 2, "2"),
        ("https://www.kaggle.com/datasets/o/s/versions/1?select=x.csv", None, "1"),
        ("o/s/versions/2", 1, "1"),
    ],
)
def test_every_way_to_write_a_data_set(dataset: str, version: int | None, expected: str) -> None:
    """owner/name, with a version, or the page's address; `version` beats what stands in `dataset`."""
    source = source_for(Kaggle, dataset=dataset, version=version, base_url=BASE)
    assert Kaggle().resolve(source, context_for(scripted(world()))).revision == expected


@pytest.mark.parametrize("dataset", ["", "name", "o/s/x/y", "https://example.org/o/s", "../etc/passwd", "o/s\n", "ö/s"])
def test_what_is_no_data_set_is_said_at_once(dataset: str) -> None:
    """Anything else is a problem of the declaration."""
    with pytest.raises(ValidationError, match="owner/name"):
        KaggleSettings(dataset=dataset)


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"GetDataset": said(404, "Dataset not found")}, SourceNotFound, "Dataset not found"),
        ({"GetDataset": said(401, "Unauthenticated")}, CredentialsMissing, "KAGGLE_API_TOKEN"),
        ({"ListDatasetFiles": said(403, "You must accept the terms")}, TermsNeeded, "You must accept the terms"),
        ({"GetDatasetMetadata": said(403, "Forbidden")}, TermsNeeded, "Forbidden"),
        ({"GetDataset": said(403, "Permission 'datasets.get' was denied")}, SourceForbidden, "denied"),
        ({"GetDataset": Answer(200, {}, b'{"code": 403, "message": "accept first"}', "")}, TermsNeeded, "accept first"),
        ({"GetDataset": {"versions": 5}}, ProtocolError, "GetDataset"),
        ({"GetDataset": Answer(200, {}, b"<html>", "")}, ProtocolError, "GetDataset"),
        ({"GetDataset": {}}, ProtocolError, "no version"),
        ({"ListDatasetFiles": {"errorMessage": "still being built"}}, ProtocolError, "still being built"),
        ({"ListDatasetFiles": {"datasetFiles": [{"name": "../up.csv"}]}}, ProtocolError, "up.csv"),
        ({"ListDatasetFiles": {"datasetFiles": [{"name": "x"}], "nextPageToken": "same"}}, ProtocolError, "does not end"),
    ],
)
def test_refusals_and_broken_answers(changes: dict[str, Any], kind: type[AcquisitionError], words: str) -> None:
    """Each has its own type and keeps Kaggle's words; terms name the page, a missing credential every place looked at."""
    source = source_for(Kaggle, dataset="o/s", base_url=BASE)
    with pytest.raises(kind) as caught:
        Kaggle().resolve(source, context_for(scripted(world(**changes))))
    assert type(caught.value) is kind
    assert words in caught.value.message
    if kind is TermsNeeded:
        assert "https://www.kaggle.com/datasets/o/s" in caught.value.hint


def test_a_rejected_credential_is_named_and_not_shown() -> None:
    """A 401 with a token says where the token came from; the token itself appears nowhere."""
    context = context_for(
        scripted(world(GetDataset=said(401, "bad KGAT_wrongwrong"))), environment={"KAGGLE_API_TOKEN": "KGAT_wrongwrong"}
    )
    with pytest.raises(CredentialsRejected) as caught:
        Kaggle().resolve(source_for(Kaggle, dataset="o/s", base_url=BASE), context)
    assert "KAGGLE_API_TOKEN" in caught.value.message
    assert "wrongwrong" not in caught.value.message + caught.value.hint + caught.value.said


def test_a_version_that_never_was_is_not_found() -> None:
    """Only published versions can be pinned, and the message lists them."""
    source = source_for(Kaggle, dataset="o/s", version=9, base_url=BASE)
    with pytest.raises(SourceNotFound, match="1, 2, 3"):
        Kaggle().resolve(source, context_for(scripted(world())))


def test_the_lock_decides_the_version() -> None:
    """With a pin the newest version is not taken; a declared one that contradicts it is refused with the way out."""
    adapter, api = Kaggle(), scripted(world())
    source = source_for(Kaggle, dataset="o/s", base_url=BASE)
    old = adapter.resolve(source_for(Kaggle, dataset="o/s", version=1, base_url=BASE), context_for(api))
    kept = adapter.resolve(source, context_for(api, pin=old))
    assert kept.revision == "1"
    assert "current version's (3)" in kept.notes[0]
    with pytest.raises(NotInLock) as caught:
        adapter.resolve(source_for(Kaggle, dataset="o/s", version=2, base_url=BASE), context_for(api, pin=old))
    assert "plan --update" in caught.value.hint


def test_pages_are_followed() -> None:
    """All pages of the file list are read."""
    pages = [
        {"datasetFiles": [{"name": f"{page}.csv", "totalBytes": 1}], "nextPageToken": str(page) if page < 3 else None}
        for page in (1, 2, 3)
    ]
    release = Kaggle().resolve(
        source_for(Kaggle, dataset="o/s", base_url=BASE), context_for(scripted(world(ListDatasetFiles=pages)))
    )
    assert [asset.path for asset in release.assets] == ["1.csv", "2.csv", "3.csv"]


@pytest.mark.parametrize(
    ("settings", "whole"),
    [({}, True), ({"whole": False}, False), ({"files": {"include": ["**/1*.wav"]}}, False)],
)
def test_very_many_files_come_as_one_zip(settings: dict[str, Any], whole: bool) -> None:
    """Above the bound one zip is asked for, without a file name; not when few are wanted or the declaration says no."""
    files = [{"name": f"kicks/{number}.wav", "totalBytes": 1} for number in range(MANY_FILES + 1)]
    script = world(ListDatasetFiles={"datasetFiles": files})
    source = source_for(Kaggle, dataset="o/s", base_url=BASE, **settings)
    adapter, context = Kaggle(), context_for(scripted(script))
    release = adapter.resolve(source, context)
    assert ([asset.path for asset in release.assets] == ["s.zip"]) is whole
    adapter.locate(source, release, release.assets[0], context)
    assert ("fileName" in json.loads(script.asked[-1][3])) is not whole


@pytest.mark.parametrize(
    ("codes", "shown", "contradiction"),
    [
        (["CC0-1.0"], "CC0: Public Domain", False),
        (["CC0-1.0"], "CC BY-SA 4.0", True),
        (["CC-BY-SA-4.0"], "Attribution-ShareAlike 4.0 International (CC BY-SA 4.0)", False),
        (["CC-BY-SA-3.0"], "CC BY-SA 4.0", True),
        (["CC-BY-4.0"], "CC BY-NC 4.0", True),
        (["other"], "Other (specified in description)", False),
        (["ODbL-1.0"], "Database: Open Database, Contents: Database Contents", False),
        (["MIT"], "CC BY 4.0", True),
        ([], "CC BY 4.0", False),
    ],
)
def test_two_spellings_of_the_license_are_compared(codes: list[str], shown: str, contradiction: bool) -> None:
    """The code and the display name may contradict each other; that is noted, and neither is thrown away."""
    changes: dict[str, Any] = {
        "GetDataset": {"currentVersionNumber": 1, "licenseName": shown},
        "GetDatasetMetadata": {"info": {"licenses": [{"name": code} for code in codes]}},
    }
    release = Kaggle().resolve(source_for(Kaggle, dataset="o/s", base_url=BASE), context_for(scripted(world(**changes))))
    assert any("contradicts" in note for note in release.notes) is contradiction
    assert release.license.raw == tuple(codes or [shown])


@pytest.mark.parametrize(("code", "kept"), [("other", True), ("CC0-1.0", False)])
def test_a_license_that_stands_in_the_description_is_kept_as_its_words(code: str, *, kept: bool) -> None:
    """What Kaggle calls `other` is in the description: its text is evidence, and a note says where a person should look."""
    words = "Use it for research. Do not train models on it."
    changes: dict[str, Any] = {
        "GetDataset": {"currentVersionNumber": 1, "licenseName": "", "description": words},
        "GetDatasetMetadata": {"info": {"licenses": [{"name": code}]}},
    }
    release = Kaggle().resolve(source_for(Kaggle, dataset="o/s", base_url=BASE), context_for(scripted(world(**changes))))
    assert (("description", words) in [(one.field, one.raw) for one in release.license.evidence]) is kept
    assert any("stand in its description" in note for note in release.notes) is kept


def _header(environment: dict[str, str], **settings: Any) -> str:
    script = world()
    source = source_for(Kaggle, dataset="o/s", base_url=BASE, **settings)
    Kaggle().resolve(source, context_for(scripted(script), environment=environment))
    return script.asked[0][2].get("Authorization", "")


def test_credentials_are_found_where_kaggles_clients_look(tmp_path: Path) -> None:
    """Token by value or path, token files, user and key, kaggle.json; a declared variable is the only one looked at."""
    folder = tmp_path / ".kaggle"
    folder.mkdir()
    at_home = {"HOME": str(tmp_path)}
    basic = "Basic " + base64.b64encode(b"alice:thekey").decode()
    assert _header({}) == ""
    (folder / "kaggle.json").write_text('{"username": "alice", "key": "thekey"}')
    assert _header(at_home) == basic
    assert _header({"KAGGLE_USERNAME": "alice", "KAGGLE_KEY": "thekey"}) == basic
    (folder / "access_token.txt").write_text("KGAT_txt\n")
    assert _header(at_home) == "Bearer KGAT_txt"
    (folder / "access_token").write_text("KGAT_file\n")
    assert _header(at_home) == "Bearer KGAT_file"
    assert _header({**at_home, "KAGGLE_API_TOKEN": "KGAT_value"}) == "Bearer KGAT_value"
    assert _header({**at_home, "KAGGLE_API_TOKEN": "~/.kaggle/access_token.txt"}) == "Bearer KGAT_txt"
    assert _header({**at_home, "MINE": "KGAT_mine"}, auth={"env": "MINE"}) == "Bearer KGAT_mine"
    assert _header(at_home, auth={"env": "MINE"}) == ""


@pytest.mark.parametrize(
    ("base", "sent"),
    [("https://api.kaggle.com", True), (BASE, True), ("http://localhost:1", True), ("https://kaggle.com.evil.example", False)],
)
def test_a_token_of_the_environment_stays_with_its_service(base: str, sent: bool) -> None:
    """Another host in base_url gets a token only when the declaration's `auth` says so."""
    prefix = "/v1" if base.endswith("api.kaggle.com") else "/api/v1"
    for auth, expected in ((None, sent), ({"env": "KAGGLE_API_TOKEN"}, True)):
        script = world(prefix=prefix, base=base)
        source = source_for(Kaggle, dataset="o/s", base_url=base, auth=auth)
        Kaggle().resolve(source, context_for(scripted(script), environment={"KAGGLE_API_TOKEN": "KGAT_tokentoken"}))
        assert ("Authorization" in script.asked[0][2]) is expected


def test_what_is_no_token_is_not_sent() -> None:
    """A variable with line breaks in it is refused by name, because it would write headers of its own."""
    with pytest.raises(CredentialsRejected) as caught:
        _header({"KAGGLE_API_TOKEN": "KGAT_a\r\nX-Evil: 1"})
    assert "KAGGLE_API_TOKEN" in caught.value.message
    assert "Evil" not in caught.value.message


@pytest.mark.real
def test_real_metadata_files_are_read(shared_data: Path) -> None:
    """The licenses of real dataset-metadata.json files arrive as they are spelled there."""
    found = {}
    for path in sorted(shared_data.glob("kaggle/**/dataset-metadata.json")):
        info = json.loads(path.read_text("utf-8"))
        changes: dict[str, Any] = {
            "GetDatasetMetadata": {"info": {"licenses": info.get("licenses", []), "title": info.get("title")}}
        }
        release = Kaggle().resolve(source_for(Kaggle, dataset="o/s", base_url=BASE), context_for(scripted(world(**changes))))
        found[path.parent.name] = release.license.raw
    assert found["the-war-atlas"] == ("CC-BY-4.0",)
    assert all(found.values())


def test_numbers_as_texts_and_odd_dates_are_read() -> None:
    """A version number written as a text counts, and a date that nobody needs cannot spoil the answer."""
    info = {"title": "T", "currentVersionNumber": "3", "lastUpdated": "yesterday", "versions": [{"versionNumber": "3"}]}
    files = {"datasetFiles": [{"name": "a.csv", "totalBytes": "10", "creationDate": "long ago"}]}
    script = world(GetDataset=info, ListDatasetFiles=files)
    release = Kaggle().resolve(source_for(Kaggle, dataset="o/s", base_url=BASE), context_for(scripted(script)))
    assert (release.revision, [asset.size for asset in release.assets]) == ("3", [10])


def test_a_question_that_is_answered_with_a_redirect_is_an_error() -> None:
    """Only a download is answered with an address; anywhere else a redirect is no answer, and never a crash."""
    script = world(GetDataset=sent_to("https://login.example/"))
    with pytest.raises(ProtocolError) as raised:
        Kaggle().resolve(source_for(Kaggle, dataset="o/s", base_url=BASE), context_for(scripted(script)))
    assert raised.value.status == 302

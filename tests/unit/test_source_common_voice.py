"""The Common Voice adapter: the Data Collective over a scripted transport, and folders of one's own."""

from __future__ import annotations

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
    SourceRemoved,
    SourceUnavailable,
    TermsNeeded,
)
from acquisition.model import Digest
from acquisition.protocols import Answer
from acquisition.sources.common_voice import CommonVoice, CommonVoiceSettings
from acquisition.testing import Script, check_adapter, context_for, scripted, source_for

API = "https://datacollective.mozillafoundation.org/api"
SUM = "ab" * 32
KEY = {"MDC_API_KEY": "key-key-key"}


def details(**changes: Any) -> dict[str, Any]:
    """Return the public details of one release, as the API gives them."""
    return {
        "id": "cmabc123",
        "slug": "mcv-scripted-ga-v24",
        "name": "Common Voice Scripted Speech 24.0 - Irish",
        "license": "Creative Commons Zero v1.0 Universal",
        "licenseAbbreviation": "CC0-1.0",
        "sizeBytes": "1000",
        "organization": {"name": "Common Voice", "slug": "cv"},
        "datasetUrl": "https://datacollective.mozillafoundation.org/datasets/cmabc123",
        "filename": "mcv-scripted-ga-v24.0.tar.gz",
        "checksum": f"sha256:{SUM.upper()}",
        "forbiddenUsage": "Do not identify speakers",
    } | changes


def world(data: Any = None, download: Any = None, base: str = API) -> Script:
    """Return a script of one release and of its download."""
    answer = (
        {"downloadUrl": "https://storage.example/a?sig=1", "sizeBytes": 1000, "checksum": None}
        if download is None
        else download
    )
    url = f"{base}/datasets/mcv-scripted-ga-v24"
    return Script({f"GET {url}": details() if data is None else data, f"POST {url}/download": answer})


def source(**settings: Any) -> Any:
    """Declare the release."""
    return source_for(CommonVoice, dataset="mcv-scripted-ga-v24", **{"accept_terms": True, **settings})


def test_a_release_keeps_the_contract() -> None:
    """Pinned by id and checksum; terms recorded with their text and time; the platform forbids passing it on."""
    script = world()
    release = check_adapter(CommonVoice(), source(), context_for(scripted(script), environment=KEY))
    assert release.revision == f"cmabc123@sha256:{SUM}"
    asset = release.assets[0]
    assert (asset.path, asset.size, asset.digests) == ("mcv-scripted-ga-v24.0.tar.gz", 1000, (Digest("sha256", SUM),))
    assert (release.license.raw, release.license.redistribute) == (("CC0-1.0",), False)
    assert release.reader == "common-voice"
    assert release.terms is not None
    assert (release.terms.accepted, release.terms.accepted_at) == (True, "2026-11-21T06:00:00Z")
    assert "forbiddenUsage: Do not identify speakers" in release.terms.text


def test_details_are_asked_without_a_key_and_the_download_only_when_located() -> None:
    """Resolving is public and makes no counted request; locating sends the key, to the API alone."""
    script = world(download={"downloadUrl": "/files/a", "checksum": SUM, "expiresAt": "2026-11-21T18:00:00Z"})
    context = context_for(scripted(script), environment=KEY)
    release = CommonVoice().resolve(source(), context)
    assert [(entry[0], entry[2].get("Authorization")) for entry in script.asked] == [("GET", None)]
    location = CommonVoice().locate(source(), release, release.assets[0], context)
    assert script.asked[-1][2]["Authorization"] == "Bearer key-key-key"
    assert (location.url, dict(location.headers)) == ("https://datacollective.mozillafoundation.org/files/a", {})
    assert location.expires_at == 1795284000.0


def test_terms_have_to_be_accepted_in_the_declaration() -> None:
    """Without accept_terms nothing is resolved, and the message says what the terms forbid and where they are."""
    with pytest.raises(TermsNeeded) as caught:
        CommonVoice().resolve(source(accept_terms=False), context_for(scripted(world())))
    assert "identity of a speaker" in caught.value.message
    assert "re-hosted" in caught.value.message
    assert "datasets/cmabc123" in caught.value.hint


@pytest.mark.parametrize("accepted", [True, False])
def test_a_missing_key_is_named(accepted: bool) -> None:
    """Locating without a key names the variable, the declared one if there is one, and asks nothing."""
    script = world()
    declared = source(auth={"env": "MY_KEY"}) if accepted else source()
    context = context_for(scripted(script))
    release = CommonVoice().resolve(declared, context)
    with pytest.raises(CredentialsMissing, match="MY_KEY" if accepted else "MDC_API_KEY"):
        CommonVoice().locate(declared, release, release.assets[0], context)
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, CredentialsRejected),
        (402, SourceForbidden),
        (403, TermsNeeded),
        (404, SourceNotFound),
        (410, SourceRemoved),
        (429, SourceUnavailable),
    ],
)
def test_refusals_of_the_download(status: int, kind: type[AcquisitionError]) -> None:
    """Each status has its own type and keeps the API's words."""
    refusal = Answer(status, {}, b'{"message": "as the API says, key-key-key"}', "")
    context = context_for(scripted(world(download=refusal)), environment=KEY)
    release = CommonVoice().resolve(source(), context)
    with pytest.raises(kind) as caught:
        CommonVoice().locate(source(), release, release.assets[0], context)
    assert type(caught.value) is kind
    assert caught.value.said == "as the API says, •••"
    assert "key-key-key" not in caught.value.message


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (Answer(404, {}, b"{}", ""), SourceNotFound),
        (Answer(200, {}, b"[]", ""), ProtocolError),
        (details(filename=None), ProtocolError),
        (details(filename="../up.tar.gz"), ProtocolError),
        (details(filename="a/b.tar.gz"), ProtocolError),
    ],
)
def test_broken_details(data: Any, kind: type[AcquisitionError]) -> None:
    """What is missing or is no plain file name is an error with a type."""
    with pytest.raises(kind):
        CommonVoice().resolve(source(), context_for(scripted(world(data))))


@pytest.mark.parametrize("checksum", [None, "", "md5:1234", 5])
def test_without_a_checksum_the_bytes_pin(checksum: object) -> None:
    """A checksum that is absent or of another kind leaves the revision open, and that is noted."""
    release = CommonVoice().resolve(source(), context_for(scripted(world(details(checksum=checksum)))))
    assert (release.revision, release.assets[0].digests) == ("", ())
    assert any("only the bytes pin it" in note for note in release.notes)


def test_a_changed_file_is_not_taken_for_the_pinned_one() -> None:
    """With a pin another checksum is refused, in the details and in the download's own answer."""
    pin = CommonVoice().resolve(source(), context_for(scripted(world())))
    with pytest.raises(NotInLock, match="the lock holds"):
        CommonVoice().resolve(source(), context_for(scripted(world(details(checksum="cd" * 32))), pin=pin))
    other = world(download={"downloadUrl": "https://s.example/a", "checksum": "cd" * 32})
    with pytest.raises(NotInLock, match="has changed"):
        CommonVoice().locate(source(), pin, pin.assets[0], context_for(scripted(other), environment=KEY))


def test_a_folder_on_this_machine(tmp_path: Path) -> None:
    """An unpacked release is read where it lies, by the same reader, without a key; the license is the publisher's policy."""
    clips = tmp_path / "cv-corpus-24.0" / "ga" / "clips"
    clips.mkdir(parents=True)
    (clips / "a.mp3").write_bytes(b"ID3")
    (clips.parent / "validated.tsv").write_text("client_id\tpath\n")
    declared = source_for(CommonVoice, path=str(tmp_path))
    release = check_adapter(CommonVoice(), declared, context_for(scripted({})))
    assert [asset.path for asset in release.assets] == ["cv-corpus-24.0/ga/clips/a.mp3", "cv-corpus-24.0/ga/validated.tsv"]
    assert (release.reader, release.license.level, release.license.redistribute) == ("common-voice", "policy", False)


def test_other_peoples_sets_are_not_read_as_common_voice() -> None:
    """The Collective hosts more than Common Voice; only its layout gets its reader."""
    other = details(slug="bird-songs", name="Bird songs", filename="birds.zip")
    assert CommonVoice().resolve(source(), context_for(scripted(world(other)))).reader == ""


def test_dataset_and_path_exclude_each_other() -> None:
    """Exactly one of both is declared, and a slug is no path."""
    for settings in ({}, {"dataset": "a", "path": "b"}, {"dataset": "../x"}):
        with pytest.raises(ValidationError):
            CommonVoiceSettings.model_validate(settings)


def test_a_base_url_without_its_api_is_found() -> None:
    """Where the declared address is no API, its /api is asked, for the details and for the download."""
    base = "http://127.0.0.1:7777"
    source = source_for(CommonVoice, dataset="mcv-scripted-ga-v24", accept_terms=True, base_url=f"{base}/")
    context = context_for(scripted(world(base=f"{base}/api")), environment=KEY)
    release = CommonVoice().resolve(source, context)
    assert CommonVoice().locate(source, release, release.assets[0], context).url == "https://storage.example/a?sig=1"


def test_a_data_set_that_is_under_neither_address_is_missing() -> None:
    """The first answer's words are told when both addresses know nothing."""
    source = source_for(CommonVoice, dataset="mcv-scripted-ga-v24", accept_terms=True, base_url="http://127.0.0.1:7777")
    with pytest.raises(SourceNotFound):
        CommonVoice().resolve(source, context_for(scripted({})))

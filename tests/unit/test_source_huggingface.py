"""The Hugging Face adapter: the real HfApi over a scripted transport, with the Hub's answers as hubs.md gives them."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub.utils import _http
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
from acquisition.sources.huggingface import HuggingFace, HuggingFaceSettings
from acquisition.testing import Script, check_adapter, context_for, scripted, source_for

BASE = "http://127.0.0.1:8888"
SHA = "0123456789abcdef0123456789abcdef01234567"
OID = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
LFS = "ab" * 32


def page(entries: list[Any], after: str = "") -> Answer:
    """Return a page of a tree, with the address of the next one."""
    headers = {"content-type": "application/json"} | ({"link": f'<{after}>; rel="next"'} if after else {})
    return Answer(200, headers, json.dumps(entries).encode(), "")


def refused(status: int, code: str = "", message: str = "") -> Answer:
    """Return a refusal as the Hub gives it."""
    headers = ({"x-error-code": code} if code else {}) | ({"x-error-message": message} if message else {})
    return Answer(status, headers, json.dumps({"error": message}).encode(), "")


def info(**changes: Any) -> dict[str, Any]:
    """Return the answer of /api/datasets/o/n."""
    return {
        "id": "o/n",
        "sha": SHA,
        "author": "o",
        "private": False,
        "gated": False,
        "disabled": False,
        "tags": ["license:cc-by-4.0", "doi:10.57967/hf/1", "arxiv:2403.16887"],
        "cardData": {"license": "cc-by-4.0", "pretty_name": "Nice"},
        "createdAt": "2024-05-01T12:00:00.000Z",
    } | changes


TREE = [
    {"type": "directory", "path": "data", "oid": OID},
    {"type": "file", "path": "README.md", "oid": OID, "size": 0},
    {
        "type": "file",
        "path": "data/train 1.parquet",
        "oid": OID,
        "size": 2000,
        "lfs": {"oid": LFS, "size": 2000, "pointerSize": 130},
        "xetHash": "x",
    },
]


def world(answer: Any = None, tree: Any = None, **more: Any) -> Script:
    """Return a script of one data set at revision main and at its commit."""
    answer = info() if answer is None else answer
    return Script(
        {
            f"GET {BASE}/api/datasets/o/n/revision/main": answer,
            f"GET {BASE}/api/datasets/o/n/revision/{SHA}": answer,
            f"GET {BASE}/api/datasets/o/n/tree/{SHA}": page(TREE) if tree is None else tree,
        }
        | more
    )


def resolved(script: Script, environment: dict[str, str] | None = None, **settings: Any) -> Any:
    """Resolve o/n through a script."""
    source = source_for(HuggingFace, repo="o/n", base_url=BASE, **settings)
    return HuggingFace().resolve(source, context_for(scripted(script), environment=environment))


def test_a_public_data_set_keeps_the_contract() -> None:
    """A branch becomes a commit; LFS files have their sha256, plain ones the git id; a 0-byte file is 0 bytes long."""
    release = check_adapter(HuggingFace(), source_for(HuggingFace, repo="o/n", base_url=BASE), context_for(scripted(world())))
    assert release.revision == SHA
    assert [(asset.path, asset.size, asset.digests) for asset in release.assets] == [
        ("README.md", 0, (Digest("git-sha1", OID),)),
        ("data/train 1.parquet", 2000, (Digest("sha256", LFS),)),
    ]
    assert (release.title, release.authors, release.doi) == ("Nice", ("o",), "10.57967/hf/1")
    assert release.license.raw == ("cc-by-4.0",)
    assert "2403.16887" in release.notes[0]


def test_bytes_are_at_the_pinned_commit() -> None:
    """The path is quoted, the token goes along for the endpoint, and the lock's address is the Hub's own."""
    source = source_for(HuggingFace, repo="o/n", base_url=BASE)
    context = context_for(scripted(world()), environment={"HF_TOKEN": "hf_secretsecret"})
    release = HuggingFace().resolve(source, context)
    location = HuggingFace().locate(source, release, release.assets[1], context)
    assert location.url == f"{BASE}/datasets/o/n/resolve/{SHA}/data/train%201.parquet"
    assert location.headers == {"Authorization": "Bearer hf_secretsecret"}
    assert release.assets[1].url.startswith("https://huggingface.co/datasets/o/n/resolve/")


def test_who_asks_is_said_and_telemetry_is_not_sent() -> None:
    """Every request carries our user agent and goes through our client; nobody asks for the registry of agents."""
    script = world()
    resolved(script)
    assert {entry[2]["user-agent"] for entry in script.asked} == {"acquisition/testing"}
    assert all("agent-harnesses" not in entry[1] for entry in script.asked)


def test_pages_are_followed_and_the_token_stays_at_home() -> None:
    """A next page is read; one that lies on another host gets no token."""
    first = page(TREE[:2], f"http://localhost:9/api/datasets/o/n/tree/{SHA}?cursor=2")
    other = {f"GET http://localhost:9/api/datasets/o/n/tree/{SHA}": page(TREE[2:])}
    script = world(tree=first, **other)
    release = resolved(script, {"HF_TOKEN": "hf_secretsecret"})
    assert len(release.assets) == 2
    assert [entry[2].get("authorization") for entry in script.asked] == ["Bearer hf_secretsecret"] * 2 + [None]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (refused(404, "RepoNotFound", "Repository not found"), SourceNotFound, "Repository not found"),
        (refused(401, "RepoNotFound", "Invalid username or password."), SourceNotFound, "HF_TOKEN"),
        (refused(404, "RevisionNotFound", "Invalid rev id"), SourceNotFound, "'main'"),
        (refused(401, "GatedRepo", "Please log in"), CredentialsMissing, "Please log in"),
        (refused(403, "GatedRepo", "awaiting a review"), TermsNeeded, "awaiting a review"),
        (refused(401), CredentialsMissing, "HF_TOKEN"),
        (refused(403, "", "no"), SourceForbidden, "no"),
        (refused(403, "", "Access to this resource is disabled."), SourceRemoved, "disabled"),
        (refused(410, "", "gone"), SourceRemoved, "gone"),
        (refused(451, "", "legal"), SourceForbidden, "legal"),
        (refused(429), SourceUnavailable, "429"),
        (refused(500), SourceUnavailable, "500"),
        (refused(400, "", "bad"), ProtocolError, "bad"),
        (info(disabled=True), SourceRemoved, "disabled"),
        (info(sha="main"), ProtocolError, "commit"),
        ([1, 2], ProtocolError, "cannot be read"),
        ({}, ProtocolError, "cannot be read"),
        (Answer(200, {}, b"<html>", ""), ProtocolError, "cannot be read"),
    ],
)
def test_refusals_and_broken_answers(answer: Any, kind: type[AcquisitionError], words: str) -> None:
    """Each has its own type and keeps the Hub's words, chosen by X-Error-Code before the status."""
    if isinstance(answer, list):
        answer = page(answer)
    with pytest.raises(kind) as caught:
        resolved(world(answer))
    assert type(caught.value) is kind
    assert words in caught.value.message
    assert "/o/n" in caught.value.where + caught.value.hint


def test_a_bad_token_is_rejected_and_not_shown() -> None:
    """A 401 with a token says where the token came from, also when the Hub pretends that the repository is missing."""
    for code in ("", "RepoNotFound"):
        with pytest.raises(CredentialsRejected) as caught:
            resolved(world(refused(401, code, "Invalid credentials in Authorization header")), {"HF_TOKEN": "hf_wrongwrong"})
        assert "HF_TOKEN" in caught.value.message
        assert "wrongwrong" not in caught.value.message


@pytest.mark.parametrize(
    ("check", "kind"),
    [
        (refused(401, "GatedRepo", "log in"), CredentialsMissing),
        (refused(403, "GatedRepo", "ask"), TermsNeeded),
        (refused(404), None),
        (Answer(200, {}, b"{}", ""), None),
    ],
)
def test_a_gated_data_set_is_asked_before_anything_moves(check: Answer, kind: type[AcquisitionError] | None) -> None:
    """auth-check decides; a mirror without that question is not a refusal. What was accepted is recorded as terms."""
    card = {"license": "mit", "extra_gated_prompt": "Do no harm."}
    script = world(info(gated="manual", cardData=card), **{f"GET {BASE}/api/datasets/o/n/auth-check": check})
    if kind is not None:
        with pytest.raises(kind) as caught:
            resolved(script)
        assert "huggingface.co/datasets/o/n" in caught.value.hint
        return
    release = resolved(script)
    assert release.terms is not None
    assert (release.terms.text, release.terms.accepted) == ("Do no harm.", True)
    assert "gated (manual)" in release.notes[0]


@pytest.mark.parametrize(
    ("card", "tags", "raw", "name", "level"),
    [
        ({"license": "mit"}, [], ("mit",), "", "dataset"),
        ({"license": ["mit", "cc0-1.0"]}, [], ("mit", "cc0-1.0"), "", "dataset"),
        ({"license": "other", "license_name": "mine", "license_link": "LICENSE"}, [], ("other",), "mine", "dataset"),
        (None, ["license:odbl", "license:mit"], ("odbl", "mit"), "", "dataset"),
        (None, None, (), "", "none"),
        ("not a mapping", [], (), "", "none"),
        ({"license": {"odd": 1}}, [], (), "", "none"),
        ({"license": 4.0, "tags": 5}, ["license:mit"], ("mit",), "", "dataset"),
    ],
)
def test_every_form_of_license(card: Any, tags: Any, raw: tuple[str, ...], name: str, level: str) -> None:
    """Text, list, other with a name, tags alone, nothing, and what is malformed: never an error, never a guess."""
    claim = resolved(world(info(cardData=card, tags=tags))).license
    assert (claim.raw, claim.name, claim.level) == (raw, name, level)


@pytest.mark.parametrize("entry", [{"path": "../x"}, {"path": "/etc/passwd"}, {"path": "a//b"}, {"path": "a\\b"}, {"path": ""}])
def test_paths_that_climb_are_refused(entry: dict[str, str]) -> None:
    """A file name that is no path inside the release is an error of the protocol."""
    with pytest.raises(ProtocolError):
        resolved(world(tree=page([{"type": "file", "oid": OID, "size": 1, **entry}])))


def test_the_lock_decides_the_commit() -> None:
    """With a pin the branch is not asked; another commit that is declared is refused; a lying server is noticed."""
    source = source_for(HuggingFace, repo="o/n", base_url=BASE)
    script = world()
    pin = resolved(world())
    HuggingFace().resolve(source, context_for(scripted(script), pin=pin))
    assert script.asked[0][1].endswith(f"/revision/{SHA}")
    other = source_for(HuggingFace, repo="o/n", revision="f" * 40, base_url=BASE)
    with pytest.raises(NotInLock):
        HuggingFace().resolve(other, context_for(scripted(script), pin=pin))
    with pytest.raises(ProtocolError, match="when asked for"):
        HuggingFace().resolve(source, context_for(scripted(world(info(sha="f" * 40))), pin=pin))


def test_the_token_is_found_where_the_hubs_client_looks(tmp_path: Path) -> None:
    """HF_TOKEN, then the token file under its three names; implicit use can be switched off; `auth` is exclusive."""

    def header(environment: dict[str, str], **settings: Any) -> str | None:
        script = world()
        resolved(script, environment, **settings)
        return script.asked[0][2].get("authorization")

    file = tmp_path / "token"
    file.write_text("hf_fromfile\n")
    assert header({"HF_HOME": str(tmp_path)}) == "Bearer hf_fromfile"
    assert header({"HF_TOKEN_PATH": str(file)}) == "Bearer hf_fromfile"
    assert header({"HF_HOME": str(tmp_path), "HF_TOKEN": "hf_value"}) == "Bearer hf_value"
    assert header({"HF_HOME": str(tmp_path), "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}) is None
    assert header({"HF_TOKEN": "hf_value", "MINE": "hf_mine"}, auth={"env": "MINE"}) == "Bearer hf_mine"
    assert header({"HF_TOKEN": "hf_value"}, auth={"env": "MINE"}) is None


def test_what_the_library_had_before_is_put_back() -> None:
    """The client factory of huggingface_hub is ours only while sources are resolved, also when many are at once."""
    before = _http._GLOBAL_CLIENT_FACTORY
    barrier = threading.Barrier(6)
    found: list[tuple[str, int]] = []

    def work(name: str) -> None:
        barrier.wait()
        for _ in range(5):
            script = world(info(author=name))
            release = resolved(script)
            found.append((release.authors[0], len(script.asked)))

    threads = [threading.Thread(target=work, args=(f"a{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted((f"a{number}", 2) for number in range(6) for _ in range(5))
    assert _http._GLOBAL_CLIENT_FACTORY is before


@pytest.mark.parametrize("repo", ["", "a/b/c", "../x", "a b", "a..b/c", "https://example.org/a/b"])
def test_what_is_no_repository_is_said_at_once(repo: str) -> None:
    """Anything but owner/name (or a page's address) is a problem of the declaration."""
    with pytest.raises(ValidationError):
        HuggingFaceSettings(repo=repo)


def test_the_pages_address_is_understood() -> None:
    """A copied address names the same repository."""
    assert HuggingFaceSettings(repo="https://huggingface.co/datasets/o/n/").repo == "o/n"


@pytest.mark.real
def test_real_cards_survive(shared_data: Path) -> None:
    """Every real card's metadata, well formed or not, gives a claim whose values are the card's own."""
    seen = 0
    for path in sorted([*shared_data.glob("huggingface/cards/*/*.md"), *shared_data.glob("huggingface/cards_*/*.md")]):
        parts = path.read_text("utf-8", errors="replace").replace("\r\n", "\n").split("---\n")
        try:
            card = yaml.safe_load(parts[1]) if len(parts) > 2 else None
        except yaml.YAMLError:
            card = None
        claim = resolved(world(info(cardData=json.loads(json.dumps(card, default=str)), tags=[]))).license
        declared = card.get("license") if isinstance(card, dict) else None
        wanted = [declared] if isinstance(declared, str) else declared
        if isinstance(wanted, list):
            assert list(claim.raw) == [entry.strip() for entry in wanted if isinstance(entry, str)]
            seen += bool(claim.raw)
    assert seen > 50


def test_a_relative_address_of_a_next_page_is_followed() -> None:
    """RFC 8288 lets a Link be relative to what was asked; huggingface_hub by itself would ask nobody."""
    first = page(TREE[:2], f"/api/datasets/o/n/tree/{SHA}?cursor=2")
    second = {f"GET {BASE}/api/datasets/o/n/tree/{SHA}?cursor=2": page(TREE[2:])}
    assert len(resolved(world(tree=first, **second)).assets) == 2


@pytest.mark.parametrize("entries", [TREE[:1], []])
def test_a_listing_without_end_is_an_error(entries: list[Any]) -> None:
    """A page that names one that was there already ends the listing, whether it lists files or nothing."""
    endless = page(entries, f"{BASE}/api/datasets/o/n/tree/{SHA}?cursor=1")
    with pytest.raises(ProtocolError):
        resolved(world(tree=endless))


def test_a_gate_without_an_error_code_is_still_a_gate() -> None:
    """What the data set's own `gated` says decides where the answer has no X-Error-Code."""
    check = {f"GET {BASE}/api/datasets/o/n/auth-check": refused(403, "", "you are not in the authorized list")}
    with pytest.raises(TermsNeeded):
        resolved(world(info(gated="auto"), **check), {"HF_TOKEN": "hf_secretsecret"})

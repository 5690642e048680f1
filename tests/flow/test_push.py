"""Pushing a set with the real client against a stand-in of the Hub's upload protocol."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub import HfApi

from acquisition import publish
from acquisition.cli import cli
from acquisition.cli.push import _text as push_text
from acquisition.cli.run import run
from acquisition.demo.wire import Request
from acquisition.errors import (
    CredentialsMissing,
    CredentialsRejected,
    ProtocolError,
    PushConflict,
    PushRefused,
    SourceForbidden,
    SourceUnavailable,
    UsageError,
)
from acquisition.pipeline import fetch, open_session, status
from acquisition.pipeline.handing_out.publishing import Pushing, push
from acquisition.pipeline.handing_out.whereabouts import whereabouts
from acquisition.tombstones import Scope, Tombstone, append_tombstones, digest_of
from tests.flow.hub_uploads import TOKEN, UploadHub, uploads
from tests.flow.running import plain_environment
from tests.judged_shards import wav

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # huggingface_hub 2.4.0 upon httpx2

REPO = "lab/kicks"
NAMED = {"name": "kicks"}
OFF = dict.fromkeys(("adult", "llm_style", "opt_out", "pii", "quality"), False)


@pytest.fixture(scope="module")
def hub() -> Iterator[UploadHub]:
    """One stand-in for all tests; each uses repositories of its own."""
    with uploads() as made:
        yield made


def declare(directory: Path, license_: str = "CC-BY-4.0", **more: Any) -> None:
    """Write a declaration over the folder `sounds`."""
    terms = {"declared": license_, **more.pop("license", {})}
    source = {"kind": "local", "path": "sounds", "items": {"label": {"from": "folder"}}, "license": terms}
    value = {"dataset": {**NAMED, "use": {"training": True}}, "sources": {"mine": source}, "filters": OFF, **more}
    (directory / "sources.yaml").write_text(yaml.safe_dump(value), encoding="utf-8")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory whose set holds six sounds in two classes, made once."""
    directory = tmp_path_factory.mktemp("built")
    for number in range(6):
        folder = directory / "sounds" / ("kick", "snare")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.wav").write_bytes(wav(number))
    declare(directory, curated={"layout": "folders"})
    build(directory)
    return directory


@pytest.fixture
def place(built: Path, tmp_path: Path) -> Path:
    """A copy of it that the test may change."""
    return Path(shutil.copytree(built, tmp_path / "place"))


class Line:
    """The command line in this process: exit code, stdout and stderr of one command after the other."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capture = patch, capture
        for name in ("HF_TOKEN", "HF_ENDPOINT"):
            patch.delenv(name, raising=False)

    def __call__(self, directory: Path, *arguments: str, token: str = "") -> tuple[int, str, str]:
        """Run one command."""
        self._patch.chdir(directory)
        self._capture.readouterr()
        with self._patch.context() as patched:
            if token:
                patched.setenv("HF_TOKEN", token)
            code = run(cli, list(arguments))
        told = self._capture.readouterr()
        return code, told.out, told.err


@pytest.fixture
def acquire(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Line:
    """The command line."""
    return Line(monkeypatch, capsys)


def build(directory: Path) -> None:
    """Fetch, and write set and manifest."""
    assert fetch(open_session(directory / "sources.yaml", workers=1, environment={})).exit_code == 0


def pushed(
    directory: Path, hub: UploadHub, repo: str = REPO, *, do: bool = True, public: bool = False, token: str = TOKEN
) -> Pushing:
    """Push what a directory holds."""
    session = open_session(directory / "sources.yaml", environment={"HF_TOKEN": token} if token else {})
    return push(session, publish.target_of(repo, hub.base_url), public=public, do=do)


def test_a_dry_run_creates_and_sends_nothing(place: Path, hub: UploadHub) -> None:
    """Without --yes the Hub is only read, and what would go is told: files, bytes, visibility, licenses, duties."""
    before = len(hub.log)
    told = pushed(place, hub, "lab/dry", do=False)
    assert {method for method in ("POST", "PUT", "DELETE") if any(one.method == method for one in hub.log[before:])} == set()
    assert (told.repository, told.private, told.commit) == ("new", True, "")
    assert told.files["new"] == told.files["all"]
    assert told.files["all"][0] > 6
    assert told.contents.licenses == {"CC-BY-4.0": 6}
    assert told.contents.duties == {"attribution": 6, "notice-changes": 6}
    assert publish.pushes(place / "data") == ()
    before = len(hub.log)
    assert pushed(place, hub, "lab/dry", do=False, token="").repository == "not asked"
    assert len(hub.log) == before


def test_set_card_and_manifest_arrive_whole(place: Path, hub: UploadHub) -> None:
    """The repository is private and holds the set, the card and the manifest byte by byte; the push is noted and shown."""
    done = pushed(place, hub, "lab/whole")
    held = hub.files("lab/whole")
    for root, prefix in ((place / "data" / "curated", ""), (place / "data" / "manifest", "manifest/")):
        for file in (path for path in root.rglob("*") if path.is_file()):
            assert held[prefix + file.relative_to(root).as_posix()] == file.read_bytes()
    assert hub.repo("lab/whole").private
    assert done.commit == hub.repo("lab/whole").refs["main"]
    (noted,) = publish.pushes(place / "data")
    assert (noted.repo, noted.commit, noted.version, noted.private) == ("lab/whole", done.commit, done.version, True)
    (shown,) = status(open_session(place / "sources.yaml", environment={})).value()["pushed"]
    assert (shown["repo"], shown["commit"]) == ("lab/whole", done.commit)
    api = HfApi(endpoint=hub.base_url, token=TOKEN)
    assert "kick/0.wav" in api.list_repo_files("lab/whole", repo_type="dataset")


def test_the_same_push_again_sends_nothing(place: Path, hub: UploadHub, acquire: Line) -> None:
    """A second push finds everything there, sends nothing, makes no commit, and says so."""
    first = pushed(place, hub, "lab/again")
    before = len(hub.log)
    again = pushed(place, hub, "lab/again")
    assert {request.method for request in hub.log[before:]} == {"GET"}
    assert again.commit == first.commit
    assert again.files["same"] == again.files["all"]
    assert len(publish.pushes(place / "data")) == 1
    code, out, _ = acquire(place, "push", "lab/again", "--yes", "--base-url", hub.base_url, token=TOKEN)
    assert code == 0
    assert "nothing was sent" in out


def test_only_what_changed_is_sent_and_what_is_gone_is_deleted(place: Path, hub: UploadHub) -> None:
    """After an edit only new files travel; files of ours that the set lost are deleted, and those of others stay."""
    pushed(place, hub, "lab/change")
    api = HfApi(endpoint=hub.base_url, token=TOKEN)
    api.upload_file(path_or_fileobj=b"mine", path_in_repo="notes.txt", repo_id="lab/change", repo_type="dataset")
    theirs: dict[str, Any] = hub.files("lab/change") | {"kick/8.wav": b"theirs"}
    hub.hub.add("lab/change", theirs)
    (place / "sounds" / "kick" / "0.wav").unlink()
    (place / "sounds" / "kick" / "8.wav").write_bytes(wav(8))
    assert fetch(open_session(place / "sources.yaml", workers=1, environment={}), update=["mine"]).exit_code == 0
    dry = pushed(place, hub, "lab/change", do=False).paths
    assert (dry["replaced"], dry["deleted"]) == (("kick/8.wav",), ("kick/0.wav",))
    assert set(dry["replaced"]) < set(dry["changed"])
    before = len(hub.asked("PUT"))
    done = pushed(place, hub, "lab/change")
    held = hub.files("lab/change")
    assert "kick/8.wav" in held
    assert "kick/0.wav" not in held
    assert held["notes.txt"] == b"mine"
    assert (done.strangers, done.files["deleted"][0] >= 1) == (1, True)
    sounds = hub.asked("PUT")[before:]
    assert done.files["same"][0] >= 5
    assert 1 <= len(sounds) <= done.files["new"][0] + done.files["changed"][0]


def test_a_push_that_was_stopped_goes_on(place: Path, hub: UploadHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the Hub fails half-way, what arrived stays, and the same command sends the rest alone."""
    monkeypatch.setattr("acquisition.publish.hub._FILES", 3)
    hub.fail("POST", "lab/stopped/commit", 500, after=2)
    with pytest.raises(SourceUnavailable):
        pushed(place, hub, "lab/stopped")
    arrived = set(hub.files("lab/stopped")) - {".gitattributes"}
    assert len(arrived) == 6
    assert publish.pushes(place / "data") == ()
    uploads_before = hub.asked("PUT")
    done = pushed(place, hub, "lab/stopped")
    assert done.files["same"][0] == 6
    repeated = [path for path in hub.asked("PUT")[len(uploads_before) :] if path in uploads_before]
    assert repeated == []
    assert set(hub.files("lab/stopped")) - {".gitattributes"} == {one.path for one in outgoing(place)}


@pytest.mark.flow
@pytest.mark.parametrize("count", [2, 6])
def test_a_push_that_was_killed_goes_on(place: Path, hub: UploadHub, acquire: Line, count: int) -> None:
    """Killed while a commit, or the last one, is on its way: nothing calls it done, and the same command finishes it.

    A commit that the Hub has taken and nobody has heard of is not sent again, and the card comes with the last.
    """
    repo = f"lab/killed-{count}"
    line = "import acquisition.publish.hub as hub; hub._FILES = 5; from acquisition.cli import main; main()"
    given = [sys.executable, "-c", line, "push", repo, "--yes", "--base-url", hub.base_url]
    seen: list[str] = []

    def kill(request: Request) -> None:
        if request.method == "POST" and "/commit/" in request.path:
            seen.append(request.path)
            if len(seen) == count:
                child.kill()
                child.wait()

    hub.watch = kill
    with subprocess.Popen(given, cwd=place, env={**plain_environment(), "HF_TOKEN": TOKEN}, stderr=subprocess.PIPE) as child:
        child.wait(60)
    hub.watch = lambda _request: None
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert publish.pushes(place / "data") == ()
    assert "pushed:" not in acquire(place, "status")[1]
    wanted, arrived = [one.path for one in outgoing(place)], set(hub.files(repo)) - {".gitattributes"}
    assert arrived == set(wanted[: len(arrived)])
    assert ("README.md" in arrived) == (len(arrived) == len(wanted))
    before = hub.asked("PUT")
    code, out, said = acquire(place, "push", repo, "--yes", "--base-url", hub.base_url, token=TOKEN)
    assert code == 0, said
    assert [path for path in hub.asked("PUT")[len(before) :] if path in before] == []
    assert {name: content for name, content in hub.files(repo).items() if name != ".gitattributes"} == {
        one.path: one.file.read_bytes() for one in outgoing(place)
    }
    (noted,) = publish.pushes(place / "data")
    assert noted.commit == hub.repo(repo).refs["main"]
    assert ("nothing was sent" in out) == (len(arrived) == len(wanted))


def outgoing(place: Path) -> list[publish.Outgoing]:
    """Return what goes."""
    data = place / "data"
    return publish.outgoing(data / "curated", data / "manifest", data / "manifest" / "curated-files.jsonl")


def test_large_files_go_in_parts(tmp_path: Path, hub: UploadHub) -> None:
    """A file above the Hub's part size goes by the multipart protocol, without the token, and arrives whole."""
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "long.wav").write_bytes(wav(3) + bytes(range(256)) * 600)
    declare(tmp_path, curated={"layout": "folders"})
    build(tmp_path)
    pushed(tmp_path, hub, "lab/parts")
    assert any("/part/3" in path for path in hub.asked("PUT"))
    held = hub.files("lab/parts")
    assert any(content.endswith(bytes(range(256))) for path, content in held.items() if path.endswith(".wav"))


@pytest.mark.parametrize(
    ("license_", "more"),
    [("LicenseRef-Proprietary", {"ml_training": "allowed"}), ("CC0-1.0", {"redistribute": False})],
)
def test_what_may_not_be_passed_on_is_refused(
    tmp_path: Path, hub: UploadHub, acquire: Line, license_: str, more: dict[str, Any]
) -> None:
    """An item that may be trained on and not passed on refuses the push: a dry run says which and why, --yes sends nothing."""
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "0.wav").write_bytes(wav(0))
    keep = [{"flag": "license.*", "outcome": "keep"}]
    declare(tmp_path, license_, license=more, policy=keep)
    build(tmp_path)
    before = len(hub.log)
    told = pushed(tmp_path, hub, "lab/refused", do=False)
    assert told.is_refused
    assert [(one.source, one.items) for one in told.contents.refusals] == [("mine", 1)]
    assert "passing it on" in told.contents.refusals[0].why
    with pytest.raises(PushRefused) as refused:
        pushed(tmp_path, hub, "lab/refused")
    assert "1 items of mine" in refused.value.message
    assert refused.value.hint.startswith("Set dataset.use.redistribute to true")
    assert len(hub.log) == before
    assert acquire(tmp_path, "push", "--to", "lab/refused", "--base-url", hub.base_url)[0] == 5


def test_what_a_decision_keeps_against_its_license_is_named(tmp_path: Path, hub: UploadHub) -> None:
    """The refusal names the items that people keep and what to do, and advises nothing that is set already."""
    (tmp_path / "sounds").mkdir()
    for number in range(2):
        (tmp_path / "sounds" / f"{number}.wav").write_bytes(wav(number))
    use = {**NAMED, "use": {"training": True, "redistribute": True}}
    declare(tmp_path, "words of a friend", dataset=use, policy=[{"flag": "duplicate.*", "outcome": "keep"}])
    build(tmp_path)
    items = pq.read_table(tmp_path / "data" / "manifest" / "items.parquet").column("id").to_pylist()
    lines = [json.dumps({"item": one, "outcome": "keep", "by": "anna", "at": "2026-11-21"}) for one in items]
    (tmp_path / "data" / "decisions.jsonl").write_text("\n".join(lines))
    build(tmp_path)
    told = pushed(tmp_path, hub, "lab/decided", do=False)
    ((kept_by, named),) = [(one.kept_by, one.ids) for one in told.contents.refusals]
    assert (kept_by, sorted(named)) == ("decision", sorted(items))
    with pytest.raises(PushRefused) as refused:
        pushed(tmp_path, hub, "lab/decided")
    hint = refused.value.hint
    assert all(one in refused.value.message for one in items)
    assert "decisions.jsonl" in hint
    assert "license.redistribute of the source" in hint
    assert "dataset.use" not in hint
    assert hint in push_text(told)


def test_a_set_that_was_changed_by_hand_is_refused(place: Path, hub: UploadHub) -> None:
    """Where verify finds something nothing is sent."""
    file = next((place / "data" / "curated").rglob("*.wav"))
    file.chmod(0o644)
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[:-1] + b"!")
    told = pushed(place, hub, "lab/changed", do=False)
    assert [one.split(":")[0] for one in told.findings] == ["verify.changed-file"]
    with pytest.raises(PushRefused):
        pushed(place, hub, "lab/changed")
    assert "lab/changed" not in hub.hub._repos


def test_splits_under_an_embargo_stay_here(place: Path, hub: UploadHub) -> None:
    """What an embargo keeps out of the set is counted and not sent; a set that was built before the embargo is refused."""
    closed = {"hidden": {"where": {"class": ["snare"]}, "until": "2999-01-01"}}
    declare(place, curated={"layout": "folders", "holdouts": closed})
    build(place)
    done = pushed(place, hub, "lab/embargo")
    assert (done.contents.withheld, done.contents.kept, done.embargoes) == (3, 3, {"hidden": "2999-01-01"})
    assert not [path for path in hub.files("lab/embargo") if "snare" in path]
    declare(place, curated={"layout": "folders", "holdouts": {"hidden": {**closed["hidden"], "until": ""}}})
    build(place)
    declare(place, curated={"layout": "folders", "holdouts": closed})
    with pytest.raises(PushRefused) as refused:
        pushed(place, hub, "lab/embargo")
    assert "embargo" in refused.value.message


def tombstone(place: Path, item: str, digest: str, scope: Scope = "item") -> None:
    """Append one tombstone as a takedown does before it is killed."""
    stone = Tombstone(scope, digest, item, "mine", at="2026-01-01T00:00:00Z")
    append_tombstones(place / "data" / "tombstones.jsonl", [stone])


@pytest.mark.parametrize("scope", ["item", "content", "author"])
def test_nothing_is_handed_out_while_a_takedown_is_not_finished(
    place: Path, hub: UploadHub, acquire: Line, tmp_path: Path, scope: Scope
) -> None:
    """Tombstones that set or manifest have not heard of refuse push and bundle; the next fetch finishes the takedown."""
    declare(place, curated={"layout": "folders"}, dataset={**NAMED, "use": {"training": True, "redistribute": True}})
    build(place)
    ledger = pq.read_table(place / "data" / "manifest" / "items.parquet").to_pylist()
    row = next(row for row in ledger if row["path"])
    value = {"item": row["id"], "content": row["content_sha256"], "author": "somebody"}[scope]
    tombstone(place, "" if scope == "content" else row["id"], digest_of(scope, value), scope)
    with pytest.raises(PushRefused, match="a takedown is not finished"):
        pushed(place, hub, "lab/unfinished")
    code, _, said = acquire(place, "bundle", "-o", str(tmp_path / "out"))
    assert (code, "a takedown is not finished" in said, (tmp_path / "out").exists()) == (5, True, False)
    build(place)
    assert acquire(place, "bundle", "-o", str(tmp_path / "out"))[0] == 0
    pushed(place, hub, "lab/unfinished")
    assert row["path"] not in hub.files("lab/unfinished")
    assert not (tmp_path / "out" / "curated" / row["path"]).exists()


def test_an_embargo_holds_for_bundles(place: Path, acquire: Line, tmp_path: Path) -> None:
    """A set that was built before the embargo goes into a bundle without the items of the closed split."""
    more: dict[str, Any] = {"dataset": {**NAMED, "use": {"training": True, "redistribute": True}}}
    declare(place, curated={"layout": "folders", "holdouts": {"hidden": {"where": {"class": ["snare"]}}}}, **more)
    build(place)
    closed = {"hidden": {"where": {"class": ["snare"]}, "until": "2999-01-01"}}
    declare(place, curated={"layout": "folders", "holdouts": closed}, **more)
    code, _, _ = acquire(place, "bundle", "-o", str(tmp_path / "out"))
    assert code == 5
    assert not [path for path in (tmp_path / "out" / "curated").rglob("*.wav") if "snare" in path.as_posix()]
    behind = [json.loads(line) for line in (tmp_path / "out" / "not-included.jsonl").read_text().splitlines()]
    assert {one["why"] for one in behind if one["what"] == "item"} == {"its split is under an embargo"}
    assert acquire(place, "verify", str(tmp_path / "out"))[0] == 0


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("postgresql://me:secret@db.example/x", 5),
        ("postgresql://db.example/x?password=secret", 5),
        ("postgresql://me:${PW}@db.example/x", 0),
        ("postgresql://me@db.example/x", 0),
    ],
)
def test_no_password_goes_into_a_bundle(place: Path, acquire: Line, tmp_path: Path, address: str, code: int) -> None:
    """A declaration that holds one, be it in a remark, is not bundled; one that names a variable is."""
    declare(place, curated={"layout": "folders"}, dataset={**NAMED, "use": {"training": True, "redistribute": True}})
    build(place)
    declaration = place / "sources.yaml"
    declaration.write_text(f"{declaration.read_text()}# frontier: {address}\n")
    ended, _, said = acquire(place, "bundle", "-o", str(tmp_path / "out"))
    assert (ended, "holds a password" in said) == (code, code == 5)
    assert "secret" not in said


def test_an_empty_set_is_said(tmp_path: Path, hub: UploadHub, acquire: Line) -> None:
    """Where nothing was kept a push is refused, but over what was pushed before; a bundle of the papers says that it is one."""
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "0.wav").write_bytes(wav(0))
    declare(tmp_path, "NOASSERTION", dataset={**NAMED, "use": {"training": True, "redistribute": True}})
    build(tmp_path)
    with pytest.raises(PushRefused, match="the set is empty"):
        pushed(tmp_path, hub, "lab/empty", do=False)
    code, out, _ = acquire(tmp_path, "bundle", "-o", str(tmp_path / "out"))
    assert (code, "the set is empty" in out) == (0, True)
    publish.note_paths(tmp_path / "data", publish.target_of("lab/empty", hub.base_url), ["data/old.wav"])
    pushed(tmp_path, hub, "lab/empty")
    assert "manifest/items.parquet" in hub.files("lab/empty")


def test_places_on_this_machine_are_named_before_a_bundle_is_written(place: Path, acquire: Line, tmp_path: Path) -> None:
    """Absolute paths of a source, a filter, a remark and of the lock are told with their lines; others are not."""
    for name in ("terms.txt", "words.txt"):
        (tmp_path / name).write_text("CC-BY-4.0")
    more: dict[str, Any] = {"dataset": {**NAMED, "use": {"training": True, "redistribute": True}}}
    more["curated"] = {"layout": "folders"}
    words: dict[str, Any] = {"filters": {**OFF, "adult": {"words": [str(tmp_path / "words.txt")]}}}
    declare(place, license={"evidence": str(tmp_path / "terms.txt")}, **words, **more)
    build(place)
    declaration = place / "sources.yaml"
    remarks = f"# see {place}/notes\n# not https://example.org{place}\n# nor {place}-other\n"
    declaration.write_text(declaration.read_text() + remarks)
    named = [str(tmp_path / "terms.txt"), str(tmp_path / "words.txt"), f"see {place}"]
    lines = [number for number, line in enumerate(declaration.read_text().splitlines(), 1) if any(one in line for one in named)]
    code, _, said = acquire(place, "bundle", "-o", str(tmp_path / "out"))
    assert (code, len(lines), said.count("is on this machine")) == (0, 3, 3)
    assert [f"sources.yaml:{number}: " in said for number in lines] == [True] * 3
    code, out, _ = acquire(place, "check", "--release", "--json")
    found = [one["where"].rsplit(":", 1)[1] for one in json.loads(out)["open"] if one["kind"] == "private"]
    assert (code, found) == (1, [str(number) for number in lines])
    declare(place, license={"evidence": "${TERMS}/terms.txt"}, **more)
    session = open_session(declaration, environment={"TERMS": str(tmp_path)})
    assert whereabouts(session) == ()
    (place / "sources.lock").write_text(f'{{\n "url": "file://{place}/terms.txt"\n}}')
    assert whereabouts(session) == ((f"{place / 'sources.lock'}:2", f"file://{place}/terms.txt"),)


def test_credit_is_not_left_out(place: Path, hub: UploadHub, acquire: Line) -> None:
    """A manifest without attributions is not pushed where credit is owed; one more format takes away no other."""
    assert acquire(place, "manifest", "--format", "spdx")[0] == 0
    names = {path.name for path in (place / "data" / "manifest").iterdir()}
    assert {"ATTRIBUTIONS.md", "spdx.json"} <= names
    declare(place, curated={"layout": "folders"}, manifest=["items"])
    build(place)
    with pytest.raises(PushRefused, match="ask for credit"):
        pushed(place, hub, "lab/credit")


def test_only_what_the_manifest_lists_is_sent(place: Path) -> None:
    """A file that somebody has put beside the manifest's own is none of what goes."""
    (place / "data" / "manifest" / "notes.txt").write_text("mine")
    paths = {one.path for one in outgoing(place)}
    assert "manifest/SHA256SUMS" in paths
    assert "manifest/items.parquet" in paths
    assert "manifest/notes.txt" not in paths


def test_visibility_is_private_unless_it_is_said(place: Path, hub: UploadHub) -> None:
    """--public makes a public repository; a public one is not pushed to without the word."""
    assert not pushed(place, hub, "lab/open", public=True).private
    assert pushed(place, hub, "lab/shut").private
    there = pushed(place, hub, "lab/shut", public=True)
    assert (there.private, there.stays_private, hub.repo("lab/shut").private) == (True, True, True)
    assert "is private and stays so" in push_text(there)
    assert not hub.repo("lab/open").private
    with pytest.raises(PushRefused):
        pushed(place, hub, "lab/open")


def test_credentials(place: Path, hub: UploadHub, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    """Without a token nothing is sent, a wrong one is named as such, and no message holds one."""
    with caplog.at_level(logging.DEBUG):
        with pytest.raises(CredentialsMissing):
            pushed(place, hub, "lab/token", token="")
        with pytest.raises((CredentialsRejected, SourceForbidden)) as wrong:
            pushed(place, hub, "lab/token", token="hf_wrong-secret")
        with pytest.raises(SourceForbidden):
            pushed(place, hub, "somebody-else/token")
        pushed(place, hub, "lab/token")
    told = str(wrong.value) + caplog.text + "".join(capfd.readouterr())
    assert "hf_wrong-secret" not in told
    assert TOKEN not in told
    assert all(TOKEN.encode() not in path.read_bytes() for path in (place / "data").rglob("*") if path.is_file())


def test_a_hub_that_is_not_there_is_told(place: Path, hub: UploadHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody at the address, or huggingface_hub told to stay offline: an error of ours, and nothing is noted."""
    session = open_session(place / "sources.yaml", environment={"HF_TOKEN": TOKEN})
    with pytest.raises(SourceUnavailable):
        push(session, publish.target_of("lab/nowhere", "http://127.0.0.1:9"), do=True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(SourceUnavailable):
        pushed(place, hub, "lab/nowhere")
    assert publish.pushes(place / "data") == ()


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("POST", "repos/create", 409, ProtocolError),
        ("POST", "/commit/", 412, PushConflict),
        ("POST", "/commit/", 403, SourceForbidden),
        ("GET", "api/datasets/lab", 401, CredentialsRejected),
    ],
)
def test_every_refusal_of_the_hub_is_an_error_of_ours(
    place: Path, hub: UploadHub, method: str, path: str, status: int, error: type[Exception]
) -> None:
    """Whatever the Hub answers, also without the words that its client looks for, is told as what it is; nothing is noted."""
    hub.fail(method, path, status)
    with pytest.raises(error):
        pushed(place, hub, f"lab/refused-{status}")
    hub.refuse.clear()
    assert publish.pushes(place / "data") == ()


def test_somebody_elses_push_is_not_overwritten(place: Path, hub: UploadHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that comes in between stops the push; the same command then goes on upon it."""
    pushed(place, hub, "lab/race")
    (place / "sounds" / "kick" / "9.wav").write_bytes(wav(9))
    assert fetch(open_session(place / "sources.yaml", workers=1, environment={}), update=["mine"]).exit_code == 0
    look = publish.Hub.look

    def late(self: publish.Hub) -> publish.Remote:
        seen = look(self)
        HfApi(endpoint=hub.base_url, token=TOKEN).upload_file(
            path_or_fileobj=b"theirs", path_in_repo="theirs.txt", repo_id="lab/race", repo_type="dataset"
        )
        return seen

    with monkeypatch.context() as patched:
        patched.setattr(publish.Hub, "look", late)
        with pytest.raises(PushConflict):
            pushed(place, hub, "lab/race")
    pushed(place, hub, "lab/race")
    assert hub.files("lab/race")["theirs.txt"] == b"theirs"
    assert "kick/9.wav" in hub.files("lab/race")


def test_the_command_line(place: Path, hub: UploadHub, acquire: Line) -> None:
    """The command prints a dry run by default, does it with --yes, and --json holds the same."""
    code, dry, said = acquire(place, "push", "hf://datasets/lab/line", "--base-url", hub.base_url, token=TOKEN)
    assert code == 0
    assert "nothing is sent without --yes" in dry
    assert "lab/line" not in hub.hub._repos
    told = [dry, said]
    code, out, said = acquire(place, "push", "--to", "lab/line", "--yes", "--json", "--base-url", hub.base_url, token=TOKEN)
    value = json.loads(out)
    assert (value["kind"], value["private"], value["schema_version"]) == ("push", True, 1)
    assert value["commit"] == hub.repo("lab/line").refs["main"]
    assert TOKEN not in "".join([*told, out, said])
    assert acquire(place, "push", "no such thing")[0] == 2
    assert acquire(place, "push", "lab/line", "--yes", "--base-url", hub.base_url)[0] == 4
    assert "lab/line" in acquire(place, "status")[1]


def test_what_was_pushed_loads(tmp_path: Path, hub: UploadHub) -> None:
    """A user loads the pushed set with `datasets` alone: the card's configs name the data, and the manifest is none of it."""
    (tmp_path / "sounds").mkdir()
    for number in range(4):
        (tmp_path / "sounds" / f"{number}.txt").write_text(f"The ferry number {number} leaves at seven.")
    declare(tmp_path)
    build(tmp_path)
    pushed(tmp_path, hub, "lab/texts")
    script = "import datasets; print(sorted(datasets.load_dataset('lab/texts')['train']['text']))"
    more = {"HF_ENDPOINT": hub.base_url, "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    environment = plain_environment({**more, "HF_HUB_DISABLE_TELEMETRY": "1"})
    ran = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("The ferry number") == 4


@pytest.mark.parametrize(
    "text", ["kicks", "hf://models/lab/kicks", "lab/../etc", "lab/a/b", "https://huggingface.co/lab/kicks", "lab/a--b"]
)
def test_what_names_no_repository(text: str) -> None:
    """Anything but OWNER/NAME is refused by name."""
    with pytest.raises(UsageError):
        publish.target_of(text)


@pytest.mark.parametrize(
    "endpoint", ["http://hub.example.org", "ftp://hub.example.org", "https://me:pw@hub.example.org", "hub"]
)
def test_where_no_token_is_sent(endpoint: str) -> None:
    """A token never travels in the clear."""
    with pytest.raises(UsageError):
        publish.target_of("lab/kicks", endpoint)
    assert (
        publish.target_of("hf://datasets/lab/kicks", "https://hub.example.org/").url
        == "https://hub.example.org/datasets/lab/kicks"
    )

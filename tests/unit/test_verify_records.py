"""Records that were cut or edited by hand are told with their place, and stay as they are until somebody mends them."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition.manifest import CODES, verify
from acquisition.manifest.damage import damage
from acquisition.manifest.names import FILES, ITEMS, SUMS, VERSIONS
from acquisition.pipeline import Session, fetch, open_session
from acquisition.pipeline import verify as verify_all
from acquisition.pipeline.looking.forgotten import forgotten
from acquisition.tombstones import Tombstone, append_tombstones
from tests.judged_shards import World, tree, wav, write_manifest

DECLARATION = """
version: 1
dataset: {name: small}
sources:
  mine: {kind: local, path: mine, items: {as: files}, license: {declared: CC0-1.0}}
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A small set with its manifest."""
    found = World(tmp_path)
    found.add("kit", [found.media(wav(n), f"{n}", "kick") for n in range(4)], [])
    write_manifest(found)
    return found


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A declaration whose one text has been fetched, once for all tests."""
    root = tmp_path_factory.mktemp("records")
    (root / "mine").mkdir()
    (root / "mine" / "a.txt").write_text("some words of a text that is long enough to be kept")
    (root / "sources.yaml").write_text(DECLARATION)
    assert fetch(open_session(root / "sources.yaml", workers=1)).exit_code == 0
    return root


@pytest.fixture
def session(fetched: Path, tmp_path: Path) -> Session:
    """A copy of it, to be spoilt."""
    shutil.copytree(fetched, tmp_path / "copy")
    return open_session(tmp_path / "copy" / "sources.yaml")


def spoilt(path: Path, how: Callable[[bytes], bytes]) -> None:
    """Change the bytes of a file."""
    path.write_bytes(how(path.read_bytes()))


@pytest.mark.parametrize(
    ("name", "how", "told"),
    [
        (FILES, lambda data: data[:-5], ", is cut short"),
        (FILES, lambda data: data.replace(b"\n", b"\nnot JSON\n", 1), "line 2, from byte"),
        (FILES, lambda data: b"[1]\n" + data, "line 1, from byte 0"),
        (ITEMS, lambda data: data[:-9], "it is cut short"),
        (ITEMS, lambda _: b"", "from byte 0"),
        ("summary.json", lambda data: data.replace(b":", b"", 1), "line 2, column"),
    ],
)
def test_the_place_of_the_damage_is_told(world: World, name: str, how: Callable[[bytes], bytes], told: str) -> None:
    """With line and byte; the rest is verified all the same, and nothing is written."""
    manifest, curated = world.workspace.manifest, world.workspace.curated
    spoilt(manifest / name, how)
    before = tree(world.workspace.root)
    found = verify(manifest, curated)
    assert any(one.code == "verify.manifest-changed" and one.path == name and told in one.detail for one in found.findings)
    assert found.files >= 2
    assert tree(world.workspace.root) == before


def test_a_damaged_page_is_told_by_its_row_group(tmp_path: Path) -> None:
    """One changed byte in the third row group is found there, with the byte where that group begins."""
    path = tmp_path / "items.parquet"
    table = pa.table({"text": [f"{n} " * 90 for n in range(40)]})
    pq.write_table(table, path, row_group_size=10, compression="none", use_dictionary=False, write_page_checksum=True)
    start = pq.read_metadata(path).row_group(2).column(0).data_page_offset
    assert damage(path) == ""
    raw = bytearray(path.read_bytes())
    raw[start + 700] ^= 1
    path.write_bytes(raw)
    assert damage(path).startswith(f"row group 2, from byte {start:,}")


def test_a_history_that_contradicts_itself_is_told_though_its_digest_agrees(session: Session) -> None:
    """Somebody has edited versions.jsonl and its line in SHA256SUMS: the order of the versions tells."""
    manifest = session.workspace.manifest
    history = manifest / VERSIONS
    (line,) = history.read_text().splitlines()
    second = json.loads(line) | {"before": "7.0.0", "version": "8.0.0"}
    history.write_text(line + "\n" + json.dumps(second) + "\n")
    digest = hashlib.sha256(history.read_bytes()).hexdigest()
    lines = [digest + "  " + VERSIONS if one.endswith(VERSIONS) else one for one in (manifest / SUMS).read_text().splitlines()]
    (manifest / SUMS).write_text("\n".join(lines) + "\n")
    (finding,) = verify(manifest, session.workspace.curated).findings
    assert (finding.code, finding.path) == ("verify.manifest-changed", VERSIONS)
    assert finding.detail.startswith("line 2:")


@pytest.mark.parametrize("line", ["no digest", "0  ../../etc/passwd", "0  /etc/passwd"])
def test_a_list_of_digests_with_a_line_that_is_none(world: World, line: str) -> None:
    """It is told by its number, and no file outside is opened."""
    sums = world.workspace.manifest / SUMS
    sums.write_text(line + "\n" + sums.read_text())
    (finding,) = verify(world.workspace.manifest, world.workspace.curated).findings
    assert (finding.code, finding.path) == ("verify.manifest-changed", SUMS)
    assert "line 1 " in finding.detail


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("tombstones.jsonl", '{"scope": "content", "digest": "%s"}\n{"scope": "content"\n' % ("a" * 64), 2),
        ("tombstones.jsonl", '{"scope": "everything", "digest": "%s"}\n' % ("a" * 64), 1),
        ("tombstones.jsonl", '{"scope": "content", "digest": "%s"}' % ("a" * 64), 1),
        ("decisions.jsonl", '{"item": "x", "outcome": "maybe", "by": "me", "at": ""}\n', 1),
        ("swept.jsonl", "{}\n", 1),
    ],
)
def test_records_of_the_workspace(session: Session, name: str, text: str, line: int) -> None:
    """Tombstones, decisions and what was swept: a line that is none is a finding, the set is verified, nothing is rewritten."""
    path = session.workspace.root / name
    path.write_text(text)
    found = verify_all(session)
    (finding,) = found.findings
    assert (finding.code, finding.path) == ("verify.damaged-record", f"{name}:{line}")
    assert path.read_text() == text
    assert found.files > 0


def test_a_damaged_lock_does_not_keep_from_proving(session: Session) -> None:
    """It is told, and the tombstones are held against the files all the same."""
    append_tombstones(session.workspace.tombstones, [Tombstone("content", "a" * 64)])
    session.lock_path.write_text('{"version": 1, "sources": {"mine": ')
    found = verify_all(session)
    assert {one.code for one in found.findings} == {"verify.damaged-record"}
    assert found.looked["tombstones"] == 1
    assert found.looked["files"] > 5


def test_verify_proves_and_says_what_it_looked_at(session: Session) -> None:
    """Content that lies in the workspace is found with its place; the user's own file outside is not opened."""
    text = (session.declared.path.parent / "mine" / "a.txt").read_bytes()
    assert verify_all(session).looked == {}
    append_tombstones(session.workspace.tombstones, [Tombstone("content", hashlib.sha256(text).hexdigest(), ticket="T-9")])
    found = verify_all(session)
    assert {one.code for one in found.findings} == {"verify.taken-down-present", "verify.taken-down-named"}
    assert all("T-9" in one.detail for one in found.findings)
    assert not any("mine/a.txt" in one.path.partition("#")[0] and one.path.startswith("..") for one in found.findings)
    assert any(one.path.startswith("staging/mine/") for one in found.findings)
    assert any(one.path.startswith("curated/") for one in found.findings)


def test_a_file_that_cannot_be_read_is_a_finding(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails is what verify is there for: the file is named, and the rest is hashed."""
    manifest, curated = world.workspace.manifest, world.workspace.curated
    victims = {
        str(next(path for path in curated.rglob("*") if path.is_file())): "verify.changed-file",
        str(manifest / "rejections.jsonl"): "verify.manifest-changed",
    }
    digest = hashlib.file_digest

    def failing(stream: Any, name: str) -> Any:
        if str(stream.name) in victims:
            raise OSError(errno.EIO, "Input/output error")
        return digest(stream, name)

    whole = verify(manifest, curated)
    monkeypatch.setattr(hashlib, "file_digest", failing)
    found = verify(manifest, curated)
    told = [one.code for one in found.findings if "Input/output error" in one.detail]
    assert sorted(told) == sorted(victims.values())
    assert found.files == whole.files


def test_every_code_is_documented() -> None:
    """docs/manifest.md explains each code of a finding."""
    text = (Path(__file__).parents[2] / "docs" / "manifest.md").read_text()
    assert [code for code in CODES if f"`{code}`" not in text] == []


def test_what_was_not_written_with_the_manifest_is_told(world: World) -> None:
    """A file or a link that lies in the manifest or the set and that no list knows; a link to a folder as well."""
    manifest, curated = world.workspace.manifest, world.workspace.curated
    (manifest / "more.json").write_text("{}")
    (manifest / "away").symlink_to("/etc")
    (curated / "elsewhere").symlink_to("/etc")
    assert {(one.code, one.path) for one in verify(manifest, curated).findings} == {
        ("verify.manifest-changed", "more.json"),
        ("verify.manifest-changed", "away"),
        ("verify.extra-file", "elsewhere"),
    }


def test_records_that_forget_are_told(session: Session) -> None:
    """A decision, a tombstone and the lock that the set was made with have to stand where they stood."""
    workspace = session.workspace
    table = pq.read_table(workspace.manifest / ITEMS)
    item = table["id"][0].as_py()
    decision = {"item": item, "outcome": "keep", "by": "Ann", "at": "2026-01-01T00:00:00Z"}
    workspace.decisions.write_text(json.dumps(decision) + "\n")
    assert fetch(open_session(session.declared.path, workers=1)).exit_code == 0
    assert verify_all(open_session(session.declared.path)).findings == ()
    later = decision | {"outcome": "drop", "at": "2026-02-01T00:00:00Z"}  # not in effect yet, and nothing is forgotten
    workspace.decisions.write_text(json.dumps(decision) + "\n" + json.dumps(later) + "\n")
    assert verify_all(open_session(session.declared.path)).findings == ()
    workspace.decisions.write_text(json.dumps(decision | {"outcome": "drop"}) + "\n")
    (workspace.manifest / "takedowns.jsonl").write_text(json.dumps(dict.fromkeys(_TAKEDOWN, "x")) + "\n")
    session.lock_path.unlink()
    found = {one.path: one.detail for one in forgotten(open_session(session.declared.path))}
    assert set(found) == {"decisions.jsonl", "tombstones.jsonl", "sources.lock"}
    assert item in found["decisions.jsonl"]


_TAKEDOWN = ("id", "source", "content_sha256", "path", "ticket", "at", "reason", "version", "last_version")

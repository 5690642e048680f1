"""Folders of one's own: what is taken, what is left out and counted, and that nothing outside is reached."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from acquisition.errors import SourceNotFound
from acquisition.model import Release
from acquisition.sources.local import Local
from acquisition.testing import check_adapter, context_for, scripted, source_for


def resolved(path: Path | str, base: Path = Path(), **environment: str) -> Release:
    """Resolve a folder."""
    context = context_for(scripted({}), base=base, environment=environment)
    return Local().resolve(source_for(Local, path=str(path)), context)


def test_a_folder_keeps_the_contract(tmp_path: Path) -> None:
    """Files come sorted by path, with size, time and the place where they lie; nothing pins it but content."""
    (tmp_path / "snares").mkdir()
    (tmp_path / "snares" / "b.wav").write_bytes(b"22")
    (tmp_path / "a.wav").write_bytes(b"1")
    release = check_adapter(Local(), source_for(Local, path=str(tmp_path)), context_for(scripted({})))
    assert [(asset.path, asset.size) for asset in release.assets] == [("a.wav", 1), ("snares/b.wav", 2)]
    assert release.assets[1].local_path == str(tmp_path / "snares" / "b.wav")
    assert release.assets[1].modified_ns == (tmp_path / "snares" / "b.wav").stat().st_mtime_ns
    assert (release.revision, release.license.level) == ("", "none")


def test_one_file_is_a_source_too(tmp_path: Path) -> None:
    """A path may name a single file."""
    (tmp_path / "all.zip").write_bytes(b"PK")
    assert [asset.path for asset in resolved(tmp_path / "all.zip").assets] == ["all.zip"]


def test_paths_are_expanded(tmp_path: Path) -> None:
    """`~`, `${NAME}` and paths beside sources.yaml; a variable that is not set is named."""
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "a.wav").write_bytes(b"1")
    assert resolved("~/packs", HOME=str(tmp_path)).assets
    assert resolved("${SAMPLES}/packs", SAMPLES=str(tmp_path)).assets
    assert resolved("packs", base=tmp_path).assets
    with pytest.raises(SourceNotFound, match="SAMPLES"):
        resolved("${SAMPLES}/packs")


def test_links_outside_are_refused_and_counted(tmp_path: Path) -> None:
    """Links inside the folder are files; links that leave it, to folders or to nowhere are left out, each with a count."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "sub").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (root / "a.txt").write_text("a")
    (root / "inside.txt").symlink_to(root / "a.txt")
    (root / "out.txt").symlink_to(outside / "secret.txt")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "gone").symlink_to(root / "nothing")
    release = resolved(root)
    assert [asset.path for asset in release.assets] == ["a.txt", "inside.txt"]
    assert release.notes == (
        "1 links that lead nowhere: gone",
        "1 links that lead outside the folder: out.txt",
        "2 links to folders (not followed): folder, loop",
    )


def test_clutter_devices_and_odd_names_are_left_out(tmp_path: Path) -> None:
    """Desktops' and audio programs' files, pipes and names that cannot be written are not items; each is counted."""
    for name in (".DS_Store", "._a.wav", "Thumbs.db", "desktop.ini", "kick.wav.asd", "x.reapeaks", "kick.wav"):
        (tmp_path / name).write_bytes(b"1")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "kick.wav").write_bytes(b"1")
    os.mkfifo(tmp_path / "pipe")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.wav")).write_bytes(b"1")
    (tmp_path / "new\nline.wav").write_bytes(b"1")
    release = resolved(tmp_path)
    assert [asset.path for asset in release.assets] == ["kick.wav"]
    text = " ".join(release.notes)
    assert "6 files of clutter: ._a.wav, .DS_Store, Thumbs.db…" in text or "6 files of clutter" in text
    assert "1 folders of clutter" in text
    assert "1 entries that are not files" in text
    assert "1 files whose names are not UTF-8" in text
    assert "1 files with control characters" in text


def test_empty_files_are_taken_and_noted(tmp_path: Path) -> None:
    """A file of zero bytes is an asset that a reader will reject, and the plan says so beforehand."""
    (tmp_path / "a.wav").touch()
    release = resolved(tmp_path)
    assert [asset.size for asset in release.assets] == [0]
    assert "1 files of zero bytes" in release.notes[0]


def test_names_are_composed_and_stay_unique(tmp_path: Path) -> None:
    """Decomposed names (macOS) become composed ones, so ids agree between machines; twins keep their own spelling."""
    decomposed, composed = unicodedata.normalize("NFD", "é.wav"), "é.wav"
    (tmp_path / decomposed).write_bytes(b"1")
    release = resolved(tmp_path)
    assert [asset.path for asset in release.assets] == [composed]
    assert release.assets[0].local_path.endswith(decomposed)
    (tmp_path / composed).write_bytes(b"2")
    assert sorted(asset.path for asset in resolved(tmp_path).assets) == sorted([composed, decomposed])


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_nothing_there_is_said(tmp_path: Path, name: str) -> None:
    """A folder that is missing or empty is not found, rather than a release of nothing."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceNotFound):
        resolved(tmp_path / name)

"""A second name for a file takes the place of what was there in one moment, and is a copy where there are no second names."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from acquisition.workspace import link_file


class Killed(BaseException):
    """What ends a run where it stands."""


def test_a_new_name_takes_the_place_of_an_old_file(tmp_path: Path) -> None:
    """Whether something was there, nothing, or another name of the same file: one file with two names, and no third."""
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "old").write_bytes(b"old")
    for _ in range(2):
        link_file(tmp_path / "new", tmp_path / "old")
    link_file(tmp_path / "new", tmp_path / "deep" / "er")
    assert (tmp_path / "old").samefile(tmp_path / "new")
    assert (tmp_path / "deep" / "er").samefile(tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "new", "old"]


def test_a_kill_leaves_the_old_file_or_the_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At no moment is nothing there, and the next try is not stopped by what the kill has left."""
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "old").write_bytes(b"old")
    plain = os.link

    def die(source: Path, target: Path) -> None:
        plain(source, target)  # which says so where somebody is there already
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", die)
        with pytest.raises(Killed):
            link_file(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_bytes() == b"old"
    link_file(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


def test_where_there_are_no_second_names_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy takes the place of what was there, too."""

    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(errno.EPERM, "no hard links here")

    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "old").write_bytes(b"old")
    monkeypatch.setattr(os, "link", refuse)
    link_file(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_bytes() == b"new"
    assert not (tmp_path / "old").samefile(tmp_path / "new")

"""The manifest that an update compares with is kept where the file system has no second names, too."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from acquisition.pipeline.pinning import updating


def test_a_manifest_is_kept_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is copied then, folders included, and removed afterwards."""

    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(errno.EPERM, "no hard links here")

    (tmp_path / "manifest" / "evidence").mkdir(parents=True)
    (tmp_path / "manifest" / "evidence" / "a").write_bytes(b"text")
    monkeypatch.setattr(os, "link", refuse)
    with updating._kept(tmp_path / "manifest") as kept:  # the rest of an update needs the network
        assert kept is not None
        assert (kept / "evidence" / "a").read_bytes() == b"text"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest"]

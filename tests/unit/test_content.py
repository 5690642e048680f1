"""Member paths, and bytes read back from where readers pointed to."""

from __future__ import annotations

import gzip
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.content import Contents, join_member, split_member
from acquisition.content.fragments import png
from acquisition.content.limits import Unreadable
from acquisition.content.names import quote_name, safe_name, unquote_name
from acquisition.errors import ArchiveRefused, ReadError
from tests.unit.test_read import tarred, wav, zipped

ROOT = Path(__file__).parents[2]


class Root:
    """Finds the one blob of a test; a class, so that it can be pickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, blob: str) -> Path:
        """Return the file, whatever the digest."""
        return self.path


@given(names=st.lists(st.text(min_size=1).filter(lambda text: text.strip("/")), min_size=1, max_size=3))
def test_member_paths_are_read_as_they_were_written(names: list[str]) -> None:
    """Any names, with "#", "!/" and "%" in them, survive; and different names never become the same path."""
    assert [unquote_name(quote_name(name)) for name in names] == names
    if not any(name.startswith("/") or name.endswith("!") for name in names):
        assert split_member(join_member(*names, fragment="row=1")) == (tuple(names), "row=1")


@given(raw=st.text(max_size=60))
def test_safe_names_stay_inside(raw: str) -> None:
    """What is accepted is relative, has no "..", and is accepted again unchanged."""
    try:
        name = safe_name(raw)
    except Unreadable:
        return
    assert not name.startswith("/")
    assert ".." not in name.split("/")
    assert safe_name(name) == name


@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz"])
def test_members_are_opened_in_any_order(tmp_path: Path, form: str) -> None:
    """A forward stream starts over when an earlier member is asked for."""
    members = {f"{number}.wav": wav(value=number) for number in range(6)}
    path = tmp_path / f"a.{form}"
    zipped(path, members) if form == "zip" else tarred(path, members, "w:" + form.partition(".")[2])
    with Contents(Root(path)) as contents:
        for number in (3, 1, 5, 5, 0):
            assert contents.read("x", f"{number}.wav", 10_000) == members[f"{number}.wav"]
        assert contents.copy("x", "2.wav", tmp_path / "out.wav") == len(wav())
        with pytest.raises(ReadError):
            contents.open("x", "gone.wav")


def test_limits_hold_when_reading_back(tmp_path: Path) -> None:
    """More bytes than were asked for, and a bomb, are errors and never a full memory."""
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(bytes(8_000_000)))
    with Contents(Root(path)) as contents:
        with pytest.raises(ReadError):
            contents.read("x", "#unpacked", 1_000)
        with pytest.raises(ArchiveRefused):
            contents.read("x", "#unpacked", 100_000_000)


def test_contents_cross_process_borders(tmp_path: Path) -> None:
    """A pickled copy opens the same members."""
    path = zipped(tmp_path / "a.zip", {"a.wav": wav()})
    with Contents(Root(path)) as contents:
        contents.read("x", "a.wav", 10_000)
        with pickle.loads(pickle.dumps(contents)) as copy:
            assert copy.read("x", "a.wav", 10_000) == wav()


def test_pixels_become_the_same_png_everywhere() -> None:
    """The bytes are fixed: a PNG with stored pixels, valid to any decoder's checksums."""
    import zlib

    data = png(bytes(range(12)), 2, 2, 3)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert zlib.decompress(data[41:-16]) == b"\x00\x00\x01\x02\x03\x04\x05\x00\x06\x07\x08\x09\x0a\x0b"
    assert len(png(bytes(300 * 300), 300, 300, 1)) > 90_000


def test_every_rejection_code_is_explained() -> None:
    """docs/rejections.md has a row for every code that readers write."""
    found: set[str] = set()
    for path in [*ROOT.glob("acquisition/read/*.py"), *ROOT.glob("acquisition/content/*.py")]:
        source = path.read_text()
        found |= set(re.findall(r'(?:Unreadable|_Bad)\(\s*"([a-z-]+)"', source))
        found |= set(re.findall(r'(?:rejection|_refused|_at)\(\s*[\w.]+,\s*"([a-z-]+)"', source))
    documented = set(re.findall(r"`([a-z-]+)`", (ROOT / "docs" / "rejections.md").read_text()))
    assert len(found) > 30
    assert found <= documented

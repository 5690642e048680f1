"""sources.lock: what goes in comes out, deterministically, and damage is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from acquisition.lock import Lock, Pin, identity, read_lock, same_but_for_time, settled, write_lock
from acquisition.model import Asset, Digest, Evidence, LicenseClaim, Release, Terms
from acquisition.settings import CrawlSettings, LicenseSettings, SourceSettings

MD5, SHA = "0" * 32, "e" * 64
CLAIM = LicenseClaim(
    ("cc-by-4.0",), "huggingface", evidence=(Evidence("license", "cc-by-4.0", "https://x/README.md", "ab", "t"),)
)
RELEASE = Release(
    source="a",
    kind="http",
    revision="7",
    assets=(
        Asset("b/x.csv", url="https://x/b", size=3, digests=(Digest("md5", MD5),)),
        Asset("a.zip", size=None, media_type="application/zip"),
    ),
    license=CLAIM,
    terms=Terms("https://x/terms", accepted=True, accepted_at="t", sha256="cd"),
    authors=("A", "B"),
    notes=("one",),
    resolved_at="2026-01-01T00:00:00Z",
)


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Everything that pins a release survives the file; held digests join the published ones."""
    path = tmp_path / "sources.lock"
    write_lock(path, Lock({"a": Pin("id", RELEASE, {"b/x.csv": SHA})}))
    pin = read_lock(path).pins["a"]
    assert pin.identity == "id"
    assert pin.held == {"b/x.csv": SHA}
    assert pin.release.license == CLAIM
    assert pin.release.terms == RELEASE.terms
    assert pin.release.authors == ("A", "B")
    by_path = {asset.path: asset for asset in pin.release.assets}
    assert by_path["b/x.csv"].digests == (Digest("md5", MD5), Digest("sha256", SHA))
    assert by_path["a.zip"].size is None


def test_the_same_lock_is_the_same_bytes_and_is_not_written_twice(tmp_path: Path) -> None:
    """A lock that says the same is left alone, so that a run without changes leaves no diff."""
    path = tmp_path / "sources.lock"
    lock = Lock({"a": Pin("id", RELEASE)})
    write_lock(path, lock)
    before, stamp = path.read_bytes(), path.stat().st_mtime_ns
    write_lock(path, read_lock(path))
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == stamp
    reordered = replace(RELEASE, assets=tuple(reversed(RELEASE.assets)))
    write_lock(tmp_path / "other.lock", Lock({"a": Pin("id", reordered)}))
    assert (tmp_path / "other.lock").read_bytes() == before


def test_an_absent_lock_is_empty(tmp_path: Path) -> None:
    """A first run starts without pins."""
    assert read_lock(tmp_path / "sources.lock").pins == {}


def test_identity_is_what_names_the_source() -> None:
    """A mirror, a license override or a limit does not name another source."""
    plain = SourceSettings(kind="http")
    same = SourceSettings(kind="http", base_url="http://127.0.0.1:1", why="x", license=LicenseSettings(declared="MIT"))
    assert identity(plain) == identity(same)
    assert identity(plain) != identity(SourceSettings(kind="other"))


def test_where_a_frontier_lies_names_no_source() -> None:
    """Another database, or another password to it, is no other source; pins of crawls without one stay what they were."""
    plain = CrawlSettings(kind="url_list")
    shared = CrawlSettings(kind="url_list", frontier="postgresql://me:secret@db.example/crawl")
    assert identity(plain) == identity(shared) == "f35b1e65db353126"


def test_pins_from_when_a_frontier_counted_are_no_other_source() -> None:
    """Such a pin is of its own declaration, with the frontier it had; with another frontier or start it is not."""
    shared = CrawlSettings(kind="url_list", frontier="postgresql://me:secret@db.example/crawl")
    old = Pin("729b7a809e6e6015", RELEASE)
    assert old.names(shared)
    assert Pin(identity(shared), RELEASE).names(shared)
    assert not old.names(CrawlSettings(kind="url_list", frontier="postgresql://db.example/other"))
    assert not old.names(CrawlSettings(kind="spider", frontier="postgresql://me:secret@db.example/crawl"))


def test_bytes_pin_what_nothing_else_pins() -> None:
    """The revision of an unpinned release is a digest over its sorted files, and a pinned one keeps its own."""
    unpinned = replace(RELEASE, revision="")
    one = settled(unpinned, {"a": "1", "b": "2"})
    assert one.revision.startswith("sha256:")
    assert one == settled(unpinned, {"b": "2", "a": "1"})
    assert one != settled(unpinned, {"a": "1", "b": "3"})
    assert settled(RELEASE, {"a": "1"}) is RELEASE


def test_the_lock_is_sorted_json(tmp_path: Path) -> None:
    """A reviewer sees files in order, one key a line."""
    path = tmp_path / "sources.lock"
    write_lock(path, Lock({"a": Pin("id", RELEASE)}))
    raw = json.loads(path.read_text())
    assert [entry["path"] for entry in raw["sources"]["a"]["files"]] == ["a.zip", "b/x.csv"]


def test_pins_that_differ_in_time_alone_are_the_same() -> None:
    """Looking again at the same release changes times only; another size, digest or license is another pin."""
    pin = Pin("id", RELEASE, {"b/x.csv": SHA})
    evidence = replace(CLAIM.evidence[0], at="later")
    later = replace(RELEASE, resolved_at="2027-01-01T00:00:00Z", license=replace(CLAIM, evidence=(evidence,)))
    assert same_but_for_time(pin, replace(pin, release=later))
    assert not same_but_for_time(pin, replace(pin, held={"b/x.csv": "f" * 64}))
    assert not same_but_for_time(pin, replace(pin, release=replace(RELEASE, license=replace(CLAIM, raw=("mit",)))))

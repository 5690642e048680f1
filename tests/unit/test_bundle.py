"""Bundles: what goes along, what stays behind in every layout, and that the same set gives the same bytes."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from acquisition import bundle
from acquisition.cli import main
from acquisition.errors import BundleRefused, DiskFull, UsageError, WorkspaceDamaged
from acquisition.lock import Lock, Pin, write_lock
from acquisition.model import Release
from acquisition.settings import CuratedSettings
from tests.judged_shards import World, png, wav, write_manifest

LAYOUTS = ("folders", "jsonl", "parquet", "webdataset")
FORMATS = ("items", "attributions", "spdx")


def made(root: Path, layout: str = "folders", *, formats: tuple[str, ...] = FORMATS, license_: str = "NOASSERTION") -> World:
    """Return a set of sounds and texts, of which one source's may not be passed on; all of them are kept."""
    world = World(root)
    kit = [world.media(wav(n), f"k{n}", "kick", split="train", title=f"Kick {n}", author="Ann") for n in range(4)]
    world.add("kit", kit, license_="CC-BY-4.0", authors=("Ann",))
    world.add("sms", [world.text(f"message {n}", n, "ham", split="train") for n in range(3)])
    secret = [world.media(wav(100 + n), f"s{n}", "snare", split="train") for n in range(2)]
    world.add("secret", [*secret, world.text("a secret message", 9, "spam", split="train")], license_=license_)
    write_manifest(world, CuratedSettings(layout=layout), version="1.0.0", formats=formats)
    return world


def inputs(world: World, **facts: Any) -> bundle.BundleInputs:
    """Return what a bundle of this world is made from."""
    papers = {"sources.yaml": world.workspace.root.parent / "sources.yaml"}
    papers["sources.yaml"].write_text("version: 1\n")
    base: dict[str, Any] = {"name": "set", "version": "1.0.0", "tool": "acquisition 0.1.0", "redistribute": True}
    places = {"manifest": world.workspace.manifest, "curated": world.workspace.curated, "papers": papers}
    return bundle.BundleInputs(**(base | places | facts))


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of not-included.jsonl."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def private_key(folder: Path) -> Path:
    """Make a key as OpenSSL would write it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "public.pem").write_bytes(public)
    return folder / "key.pem"


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("as_tar", [False, True])
def test_what_may_not_be_passed_on_stays_in_every_layout(tmp_path: Path, layout: str, *, as_tar: bool) -> None:
    """No byte of an item without a license is in the bundle; each is named with its reason, and the bundle verifies."""
    world = made(tmp_path, layout)
    target = tmp_path / ("out.tar" if as_tar else "out")
    done = bundle.write(inputs(world), target, as_tar=as_tar)
    assert (done.kept, done.included, sum(done.not_included.values())) == (10, 7, 3)
    checked = bundle.verify(target)
    assert checked.findings == ()
    assert (checked.name, checked.version, checked.signature) == ("set", "1.0.0", "absent")
    if as_tar:
        with tarfile.open(target) as archive:
            archive.extractall(tmp_path / "x", filter="data")
        target = tmp_path / "x" / "set-1.0.0"
    found = [one for one in lines(target / "not-included.jsonl") if one["what"] == "item"]
    assert {one["source"] for one in found} == {"secret"}
    assert all("nobody has said" in one["why"] for one in found)
    everything = b"".join(path.read_bytes() for path in sorted((target / "curated").rglob("*")) if path.is_file())
    assert b"a secret message" not in everything
    assert all(one["item"].encode() not in everything for one in found)
    assert wav(100) not in everything
    if layout == "folders":
        assert wav(0) in everything
    if layout == "parquet":
        table = pq.read_table(next((target / "curated" / "data").glob("*.parquet")))
        assert len(table) == 7
        assert b"huggingface" in table.schema.metadata


def test_samples_leave_a_shard_whatever_their_keys_are(tmp_path: Path) -> None:
    """The id is read from a sample's json: keys with a class, of any length, lose what may not go and keep the rest."""
    world = World(tmp_path)
    label = "ä" * 60
    kit = [world.media(wav(n), f"k{n}", label, split="train") for n in range(3)]
    world.add("kit", kit, license_="MIT")
    world.add("secret", [world.media(wav(9), "s", label, split="train")], license_="NOASSERTION")
    write_manifest(world, CuratedSettings(layout="webdataset", path="/".join(["{class}"] * 9) + "/{id}"), formats=FORMATS)
    done = bundle.write(inputs(world), tmp_path / "out", as_tar=False)
    assert (done.kept, done.included, done.files_left_out, done.files_reduced) == (4, 3, 0, 1)
    assert bundle.verify(tmp_path / "out").findings == ()
    (shard,) = (tmp_path / "out" / "curated" / "data").glob("*.tar")
    with tarfile.open(shard) as archive:
        names = archive.getnames()
    with tarfile.open(world.workspace.curated / "data" / shard.name) as archive:
        before = archive.getnames()
    assert (len(before), len(names)) == (8, 6)
    assert names == [name for name in before if name in set(names)]
    assert all(len(name.encode()) > 255 for name in names)
    assert wav(9) not in shard.read_bytes()


def test_the_same_set_gives_the_same_tar(tmp_path: Path) -> None:
    """Names are sorted, and no time, owner or machine is in it; plain tar tools read it."""
    world = made(tmp_path)
    first = bundle.write(inputs(world), tmp_path / "a.tar", as_tar=True)
    os.utime(world.workspace.manifest / "summary.json", (1, 1))
    second = bundle.write(inputs(world), tmp_path / "b.tar", as_tar=True)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    assert first.sha256 == second.sha256
    with tarfile.open(tmp_path / "a.tar") as archive:
        members = archive.getmembers()
    assert all((one.mtime, one.uid, one.gid, one.uname, one.mode) == (0, 0, 0, "", 0o644) for one in members)
    names = [one.name for one in members]
    assert names[:-1] == sorted(names[:-1])
    assert names[-1] == "set-1.0.0/SHA256SUMS"


def test_a_set_without_anything_to_leave_out_goes_as_it_is(tmp_path: Path) -> None:
    """Where every license allows it, the set's files are the very same, and nothing is named as left out."""
    world = made(tmp_path, "parquet", license_="MIT")
    done = bundle.write(inputs(world), tmp_path / "out", as_tar=False)
    assert (done.included, dict(done.not_included), done.files_reduced) == (10, {}, 0)
    assert (tmp_path / "out" / "not-included.jsonl").read_bytes() == b""
    for path in world.workspace.curated.rglob("*"):
        if path.is_file():
            copy = tmp_path / "out" / "curated" / path.relative_to(world.workspace.curated)
            assert copy.read_bytes() == path.read_bytes()
            assert copy.stat().st_ino != path.stat().st_ino
    assert bundle.verify(tmp_path / "out").findings == ()
    told = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "out", check=False)
    assert told.returncode == 0


def test_what_cannot_be_taken_apart_stays_whole(tmp_path: Path) -> None:
    """A file of a layout that nobody here knows stays behind with all its items, and each of them is named."""
    world = made(tmp_path, "jsonl")
    shutil.move(world.workspace.curated / "data" / "train-00000.jsonl", world.workspace.curated / "data" / "train.bin")
    _rename(world, ".jsonl#", ".bin#", "data/train-00000.jsonl", "data/train.bin")
    with pytest.raises(BundleRefused, match="none of the 10"):
        bundle.write(inputs(world), tmp_path / "out", as_tar=False)
    assert not (tmp_path / "out").exists()


def _rename(world: World, old: str, new: str, name: str, renamed: str) -> None:
    """Let the manifest call one of the set's files by another name."""
    import hashlib

    import pyarrow as pa
    import pyarrow.compute as pc

    manifest = world.workspace.manifest
    table = pq.read_table(manifest / "items.parquet")
    paths = pc.replace_substring(pc.replace_substring(table["path"], "train-00000.jsonl", "train.bin"), old, new)
    place = table.column_names.index("path")
    pq.write_table(table.set_column(place, table.schema.field("path"), paths.cast(pa.string())), manifest / "items.parquet")
    files = (manifest / "curated-files.jsonl").read_text().replace(name, renamed)
    (manifest / "curated-files.jsonl").write_text(files)
    sums = []
    for line in (manifest / "SHA256SUMS").read_text().splitlines():
        told = line.partition("  ")[2]
        sums.append(f"{hashlib.sha256((manifest / told).read_bytes()).hexdigest()}  {told}\n")
    (manifest / "SHA256SUMS").write_text("".join(sums))


@pytest.mark.parametrize(
    ("facts", "formats", "word"),
    [({"redistribute": False}, FORMATS, "use.redistribute"), ({}, ("items",), "credit")],
)
def test_refusals_say_what_is_missing(tmp_path: Path, facts: dict[str, Any], formats: tuple[str, ...], word: str) -> None:
    """A set that is not for passing on, or that owes credit and has no list of it, is not bundled; its papers may be."""
    world = made(tmp_path, formats=formats)
    with pytest.raises(BundleRefused, match=word):
        bundle.write(inputs(world, **facts), tmp_path / "out", as_tar=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "sources.yaml"]
    done = bundle.write(inputs(world, **facts, only_manifest=True), tmp_path / "out", as_tar=False)
    assert done.included == 0
    assert not (tmp_path / "out" / "curated").exists()
    assert bundle.verify(tmp_path / "out").findings == ()


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    """What stands there stays without --force, and with it only a bundle is replaced."""
    world = made(tmp_path)
    bundle.write(inputs(world), tmp_path / "out", as_tar=False)
    with pytest.raises(UsageError, match="there already"):
        bundle.write(inputs(world), tmp_path / "out", as_tar=False)
    (tmp_path / "out" / "extra").write_text("x")
    bundle.write(inputs(world), tmp_path / "out", as_tar=False, force=True)
    assert bundle.verify(tmp_path / "out").findings == ()
    (tmp_path / "mine").mkdir()
    with pytest.raises(UsageError, match="no bundle"):
        bundle.write(inputs(world), tmp_path / "mine", as_tar=False, force=True)


def test_a_bundle_is_not_lost_before_its_successor_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a run fails or is killed between moving the old bundle aside and putting the new one there, the old one is back."""
    world = made(tmp_path)
    bundle.write(inputs(world), tmp_path / "out", as_tar=False)
    (tmp_path / "out" / "mark").write_text("the old one")
    replace = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if self.name == "bundle":
            raise OSError(errno.EIO, "Input/output error")
        return replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", failing)
        with pytest.raises(OSError, match="Input/output"):
            bundle.write(inputs(world), tmp_path / "out", as_tar=False, force=True)
    assert (tmp_path / "out" / "mark").exists()
    (tmp_path / ".out.bundle-killed").mkdir()
    (tmp_path / "out").rename(tmp_path / ".out.bundle-killed" / "old")
    with pytest.raises(UsageError, match="there already"):
        bundle.write(inputs(world), tmp_path / "out", as_tar=False)
    assert (tmp_path / "out" / "mark").exists()
    bundle.write(inputs(world), tmp_path / "out", as_tar=False, force=True)
    assert bundle.verify(tmp_path / "out").findings == ()
    assert not list(tmp_path.glob(".out.*"))


def test_a_changed_set_is_not_bundled_and_leavings_are_swept(tmp_path: Path) -> None:
    """A file that is not what the manifest says stops it before anything stands there; a killed run's leavings go."""
    world = made(tmp_path)
    (tmp_path / ".out.bundle-killed").mkdir()
    (tmp_path / ".out.bundle-killed" / "half").write_text("x")
    victim = next(world.workspace.curated.rglob("k1.wav"))
    victim.unlink()
    victim.write_bytes(b"other")
    with pytest.raises(WorkspaceDamaged):
        bundle.write(inputs(world), tmp_path / "out", as_tar=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "sources.yaml"]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no room, that is said by its own code, and nothing half-done is left."""
    world = made(tmp_path)

    def full(*_: object) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("acquisition.bundle.tar.header", full)
    with pytest.raises(DiskFull):
        bundle.write(inputs(world), tmp_path / "out.tar", as_tar=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "sources.yaml"]


def test_signatures_are_openssl_s(tmp_path: Path) -> None:
    """What we sign, OpenSSL verifies, and the other way round; another key, another byte and no signature are findings."""
    world = made(tmp_path)
    key = private_key(tmp_path)
    done = bundle.write(inputs(world, key=key), tmp_path / "out", as_tar=False)
    public = tmp_path / "public.pem"
    right = bundle.verify(tmp_path / "out", public)
    assert (right.signature, right.findings, right.key) == ("right", (), done.signed_by)
    assert bundle.verify(tmp_path / "out").signature == "not-checked"
    if openssl := shutil.which("openssl"):
        told = [openssl, "pkeyutl", "-verify", "-pubin", "-inkey", str(public), "-rawin"]
        told += ["-in", str(tmp_path / "out" / "SHA256SUMS"), "-sigfile", str(tmp_path / "out" / "SHA256SUMS.sig")]
        assert subprocess.run(told, check=False, capture_output=True).returncode == 0
    other = tmp_path / "other"
    other.mkdir()
    private_key(other)
    wrong = bundle.verify(tmp_path / "out", other / "public.pem")
    assert [one.code for one in wrong.findings] == ["bundle.wrong-signature"]
    (tmp_path / "out" / "SHA256SUMS.sig").unlink()
    assert [one.code for one in bundle.verify(tmp_path / "out", public).findings] == ["bundle.not-signed"]
    for bad in (public, tmp_path / "sources.yaml", tmp_path / "absent.pem"):
        with pytest.raises(UsageError):
            bundle.write(inputs(world, key=bad), tmp_path / "signed", as_tar=False)


def test_pictures_beside_sounds_lose_their_listing_s_lines(tmp_path: Path) -> None:
    """Listings of a set of folders name files too; those of items that stay are taken out of them."""
    world = World(tmp_path)
    world.add("good", [world.media(png(n), f"p{n}", "cat", "image/png", split="train") for n in range(3)])
    world.add("bad", [world.media(png(50), "q", "dog", "image/png", split="train")], license_="NOASSERTION")
    write_manifest(world, CuratedSettings(layout="folders"), version="1.0.0", formats=FORMATS)
    bundle.write(inputs(world), tmp_path / "out", as_tar=False)
    told = lines(tmp_path / "out" / "curated" / "metadata.jsonl")
    assert len(told) == 3
    assert bundle.verify(tmp_path / "out").findings == ()


def test_the_command_names_what_stays_and_ends_with_5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The screen counts what is left out by reason; the exit code is that of a refusal, and of none with the papers alone."""
    made(tmp_path)
    use = "use: {redistribute: true}"
    (tmp_path / "sources.yaml").write_text(
        f"version: 1\ndataset: {{name: set, {use}}}\nsources: {{kit: {{kind: local, path: kit}}}}\n"
    )
    file = str(tmp_path / "sources.yaml")
    with pytest.raises(SystemExit) as ended:
        main(["bundle", "-f", file])
    assert (ended.value.code, "no lock" in capsys.readouterr().err) == (5, True)
    for revision, code in (("r0", 5), ("r1", 0)):
        pins = {name: Pin("d", Release(name, "local", revision, ())) for name in ("kit", "sms", "secret")}
        write_lock(tmp_path / "sources.lock", Lock(pins))
        with pytest.raises(SystemExit) as ended:
            main(["bundle", "-f", file, "--only-manifest", "-o", str(tmp_path / revision)])
        assert ended.value.code == code
    assert "the lock pins other releases than the set was made from: kit, secret, sms" in capsys.readouterr().err
    for more, code in (([], 5), (["--only-manifest", "-o", str(tmp_path / "papers")], 0), ([], 2)):
        with pytest.raises(SystemExit) as ended:
            main(["bundle", "-f", file, *more])
        assert ended.value.code == code
    shown = capsys.readouterr()
    assert "7 of 10 kept items are in it" in shown.out
    assert "nobody has said whether it may be passed on" in shown.out
    assert "there already" in shown.err
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(tmp_path / "set-1.0.0"), "--json"])
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []
    with pytest.raises(SystemExit) as ended:
        main(["bundle", "-f", file, "-o", str(tmp_path / "data" / "inside")])
    assert ended.value.code == 2


def test_a_name_with_wildcards_removes_nothing_of_others(tmp_path: Path) -> None:
    """What is cleared away before writing is what an earlier run left for this very name."""
    other = tmp_path / ".seta.bundle-1"
    own = tmp_path / ".set[a].bundle-1"
    for folder in (other, own):
        folder.mkdir()
    bundle.write(inputs(made(tmp_path / "w")), tmp_path / "set[a]", as_tar=False)
    assert (other.is_dir(), own.exists()) == (True, False)

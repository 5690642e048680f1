"""The blob store, the journal and everything beside them, without what was taken down."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from acquisition.blobs import BlobStore
from acquisition.errors import WorkspaceDamaged
from acquisition.journal import Journal, PartRecord
from acquisition.takedown import Gone, GoneItem
from acquisition.takedown.cutting import Cutter, cuts_of, is_table, mentions, needles
from acquisition.takedown.rewriting import Rewriter
from acquisition.takedown.sweeping import Sweeping, sweep
from acquisition.takedown.swept import FILE, Blob, Swept, read_swept, write_swept
from acquisition.tombstones import Tombstone, Tombstones
from acquisition.workspace import Workspace


class Shelf:
    """A workspace with blobs and a journal that knows where they came from."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace(root)
        self.store = BlobStore(self.workspace)
        self.journal = Journal(self.workspace.journal)

    def put(self, data: bytes, asset: str, source: str = "kit") -> str:
        """Store a file and return its digest."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.workspace.partial.mkdir(parents=True, exist_ok=True)
        self.store.put(str(self.workspace.partial / "p"), data, sha256)
        self.journal.record_blob(source, "1", asset, sha256=sha256, size=len(data), fetched_at="2026-11-21T00:00:00Z")
        return sha256

    def sweep(self, *items: GoneItem, needed: Mapping[str, bool] | None = None, remaining: Mapping[str, int] | None = None):  # type: ignore[no-untyped-def]  # Report
        """Sweep what leaves."""
        gone = Gone(items, needed or {}, remaining or {})
        return sweep(Sweeping(self.workspace, self.journal, Tombstones(), own=frozenset({"mine"})), gone)

    def members(self, sha256: str) -> set[str]:
        """Return the names of a zip's members."""
        with zipfile.ZipFile(self.store.path(sha256)) as archive:
            assert archive.testzip() is None
            return set(archive.namelist())


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """Return an empty workspace."""
    made = Shelf(tmp_path / "data")
    yield made
    made.journal.close()


def item(blob: str, asset: str, member: str = "", row: str = "", modality: str = "audio", source: str = "kit") -> GoneItem:
    """Return an item that leaves."""
    place = f"{asset}!/{member}" if member and not member.startswith("#") else asset + member
    locator = f"{asset}{row}" if row else place
    return GoneItem("1" * 32, source, "r", asset, blob, member, locator, modality, "2" * 64)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: Mapping[str, bytes]) -> bytes:
    """Return a tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def test_a_file_of_its_own_is_deleted_and_forgotten(shelf: Shelf) -> None:
    """Its bytes, its row in the journal and its address are gone; the record says that it is not to come back."""
    gone, stays = shelf.put(b"RIFFa", "a.wav"), shelf.put(b"RIFFb", "b.wav")
    report = shelf.sweep(item(gone, "a.wav"))
    assert (report.deleted, report.rewritten, report.bytes, report.kept) == (1, 0, 5, [])
    assert (shelf.store.has(gone), shelf.store.has(stays)) == (False, True)
    assert [record.path for record in shelf.journal.blobs_of("kit")] == ["b.wav"]
    assert read_swept(shelf.workspace).of(gone) == Blob(gone, 5, "gone", holders=(("kit", "a.wav"),))


def test_an_archive_that_others_need_is_rewritten_in_its_place(shelf: Shelf) -> None:
    """Under the digest of the original, read-only, without the member; what it is now is written down."""
    raw = zipped({"a.wav": b"RIFFa" * 90, "k/b.wav": b"RIFFb", "notes.pdf": b"%PDF"})
    blob = shelf.put(raw, "kit.zip")
    report = shelf.sweep(item(blob, "kit.zip", "a.wav"), needed={blob: True}, remaining={blob: 1})
    path = shelf.store.path(blob)
    noted = read_swept(shelf.workspace).of(blob)
    assert (report.deleted, report.rewritten) == (0, 1)
    assert shelf.members(blob) == {"k/b.wav", "notes.pdf"}
    assert noted is not None
    assert (noted.state, noted.size, noted.now_size) == ("edited", len(raw), path.stat().st_size)
    assert noted.now == hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.stat().st_mode & 0o777 == 0o444
    assert not list(shelf.workspace.partial.iterdir())


def test_a_table_whose_other_rows_are_staged_is_deleted(shelf: Shelf) -> None:
    """The file is remembered as one that is fetched again only when its source is staged anew; its journal row stays."""
    blob = shelf.put(b"text\nsecret\nother\n", "train.csv")
    shelf.sweep(item(blob, "train.csv", row="#row=0", modality="text"), needed={blob: False}, remaining={blob: 1})
    noted = read_swept(shelf.workspace).of(blob)
    assert noted is not None
    assert (noted.state, noted.absent, noted.lacking) == ("staged", True, True)
    assert not shelf.store.has(blob)
    assert [record.path for record in shelf.journal.blobs_of("kit")] == ["train.csv"]


def test_rows_inside_an_archive_of_media_go_with_their_table(shelf: Shelf) -> None:
    """The table leaves the archive, which then lacks something that staging anew would need."""
    blob = shelf.put(zipped({"rows.csv": b"text\nsecret\n", "a.wav": b"RIFF"}), "mixed.zip")
    shelf.sweep(item(blob, "mixed.zip", row="!/rows.csv#row=0", modality="text"), needed={blob: True}, remaining={blob: 1})
    noted = read_swept(shelf.workspace).of(blob)
    assert shelf.members(blob) == {"a.wav"}
    assert noted is not None
    assert (noted.state, noted.lacking, noted.absent) == ("partial", True, False)


def test_what_a_table_says_of_a_recording_goes_with_it(shelf: Shelf) -> None:
    """A table inside the archive, or beside the recordings, that names the file is taken out; others, and licenses, stay."""
    clips = {"clips/clip_17.mp3": b"ID3a", "clips/clip_18.mp3": b"ID3b"}
    table = b"path\tsentence\nclip_17.mp3\tmy secret sentence\nclip_18.mp3\tother\n"
    blob = shelf.put(zipped({"validated.tsv": table, "other.tsv": b"path\nclip_99.mp3\n", **clips}), "cv.zip")
    shelf.sweep(item(blob, "cv.zip", "clips/clip_17.mp3"), needed={blob: True}, remaining={blob: 1})
    assert shelf.members(blob) == {"other.tsv", "clips/clip_18.mp3"}
    loose = shelf.put(b"ID3 loose", "clip_5.mp3", "loose")
    beside = shelf.put(b"clip_5,secret\n", "labels.csv", "loose")
    elsewhere = shelf.put(b"clip_5,not of this source\n", "labels.csv", "another")
    license_ = shelf.put(b"clip_5 is by Ann\n", "LICENSE.txt", "loose")
    shelf.sweep(item(loose, "clip_5.mp3", source="loose"))
    assert [shelf.store.has(one) for one in (loose, beside, elsewhere, license_)] == [False, False, True, True]
    noted = read_swept(shelf.workspace).of(beside)
    assert noted is not None
    assert noted.state == "staged"


def test_bytes_that_another_item_is_made_of_stay_and_are_said(shelf: Shelf) -> None:
    """Nothing that stays loses its bytes."""
    blob = shelf.put(b"RIFFa", "a.wav")
    report = shelf.sweep(item(blob, "a.wav"), needed={blob: True}, remaining={blob: 1})
    assert shelf.store.has(blob)
    assert len(report.kept) == 1


def test_a_file_that_cannot_be_rewritten_is_said(shelf: Shelf) -> None:
    """A damaged archive stays as it was, with a sentence; nothing half-written is left."""
    raw = zipped({"a.wav": b"a", "b.wav": b"b"})[:-30]
    blob = shelf.put(raw, "kit.zip")
    report = shelf.sweep(item(blob, "kit.zip", "a.wav"), needed={blob: True}, remaining={blob: 1})
    assert shelf.store.path(blob).read_bytes() == raw
    assert len(report.kept) == 1
    assert "kit.zip of kit" in report.kept[0]
    assert report.failed == 1
    assert not list(shelf.workspace.partial.iterdir())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("raw", [zipped({"a.wav": b"a", "b.wav": b"b"}), tarred({"a.wav": b"a", "b.wav": b"b"})])
def test_a_disk_that_is_full_or_fails_ends_it(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, number: int, raw: bytes) -> None:
    """It is no damage of the file: the error goes on to the run, nothing half-written is left, and a later sweep does it."""
    blob = shelf.put(raw, "kit.zip")

    class Full(io.FileIO):
        def write(self, data: object) -> int:
            raise OSError(number, "the disk")

    with monkeypatch.context() as patched:
        patched.setattr("acquisition.takedown.cutting.os.fdopen", lambda descriptor, mode: Full(descriptor, "w+"))
        with pytest.raises(OSError, match="the disk") as raised:
            shelf.sweep(item(blob, "kit.zip", "a.wav"), needed={blob: True}, remaining={blob: 1})
    assert raised.value.errno == number
    assert shelf.store.path(blob).read_bytes() == raw
    assert not list(shelf.workspace.partial.iterdir())
    assert shelf.sweep(item(blob, "kit.zip", "a.wav"), needed={blob: True}, remaining={blob: 1}).rewritten == 1


def test_twice_is_once_and_a_second_takedown_goes_on(shelf: Shelf) -> None:
    """What is done is recognised; a further member leaves the edited archive, whose original stays the name."""
    raw = zipped({"a.wav": b"a", "b.wav": b"b", "c.wav": b"c"})
    blob = shelf.put(raw, "kit.zip")
    shelf.sweep(item(blob, "kit.zip", "a.wav"), needed={blob: True}, remaining={blob: 2})
    first = read_swept(shelf.workspace).of(blob)
    shelf.sweep(item(blob, "kit.zip", "a.wav"), needed={blob: True}, remaining={blob: 2})
    assert shelf.members(blob) == {"b.wav", "c.wav"}
    shelf.sweep(item(blob, "kit.zip", "b.wav"), needed={blob: True}, remaining={blob: 1})
    second = read_swept(shelf.workspace).of(blob)
    assert first is not None
    assert second is not None
    assert (second.size, second.state, shelf.members(blob)) == (len(raw), "edited", {"c.wav"})
    shelf.sweep(item(blob, "kit.zip", "c.wav"))
    assert [one.state for one in read_swept(shelf.workspace)] == ["gone"]


def test_a_kill_between_the_file_and_the_record(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is rewritten and nobody noted it: the same command notes it, and takes out what it had not come to."""
    one = shelf.put(zipped({"a.wav": b"a", "b.wav": b"b"}), "1.zip")
    two = shelf.put(zipped({"a.wav": b"x", "b.wav": b"y"}), "2.zip")
    items = (item(one, "1.zip", "a.wav"), item(two, "2.zip", "a.wav"))
    cut = Cutter.cut

    def killed(cutter: Cutter, *arguments: object) -> None:
        cut(cutter, *arguments)  # type: ignore[arg-type]  # as given
        raise KeyboardInterrupt

    monkeypatch.setattr(Cutter, "cut", killed)
    with pytest.raises(KeyboardInterrupt):
        shelf.sweep(*items, needed={one: True, two: True}, remaining={one: 1, two: 1})
    monkeypatch.setattr(Cutter, "cut", cut)
    report = shelf.sweep(*items, needed={one: True, two: True}, remaining={one: 1, two: 1})
    assert report.kept == []
    assert shelf.members(one) == shelf.members(two) == {"b.wav"}
    assert [blob.state for blob in read_swept(shelf.workspace)] == ["edited", "edited"]


def test_a_file_is_noted_before_it_is_deleted(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill in between leaves the note and the file, never a file that is missing and that nobody knows of."""
    blob = shelf.put(b"RIFFa", "a.wav")
    monkeypatch.setattr(BlobStore, "discard", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        shelf.sweep(item(blob, "a.wav"))
    monkeypatch.undo()
    noted = read_swept(shelf.workspace).of(blob)
    assert noted is not None
    assert noted.state == "gone"
    shelf.sweep(item(blob, "a.wav"))
    assert not shelf.store.has(blob)


def test_a_file_that_was_no_item_goes_by_its_content(shelf: Shelf) -> None:
    """The declaration leaves it out, so no item leaves; its content is taken down all the same."""
    blob, stays = shelf.put(b"RIFFa", "left-out.wav"), shelf.put(b"RIFFb", "b.wav")
    stones = Tombstones([Tombstone("content", blob)])
    report = sweep(Sweeping(shelf.workspace, shelf.journal, stones), Gone())
    assert (report.deleted, shelf.store.has(blob), shelf.store.has(stays)) == (1, False, True)


def test_a_source_that_was_crawled_once_is_swept_like_any_other(shelf: Shelf) -> None:
    """The folder of an old crawl does not hide what the store holds of the source now."""
    (shelf.workspace.crawl / "kit" / "run-0001").mkdir(parents=True)
    gone = shelf.put(b"RIFFa", "a.wav")
    report = shelf.sweep(item(gone, "a.wav"), item("e" * 64, "crawl-00000.warc.gz", "#warc=17"))
    assert (report.deleted, report.outside, shelf.store.has(gone)) == (1, 0, False)


def test_what_nothing_holds_any_more_goes(shelf: Shelf) -> None:
    """Files of older releases are deleted and forgotten, with what was noted of them; what is held now stays."""
    old, edited, now = shelf.put(b"rev A", "a.csv"), shelf.put(b"rev 0", "b.csv"), shelf.put(b"rev B", "c.csv")
    write_swept(shelf.workspace, Swept().with_blobs([Blob(edited, 9, "edited", "c" * 64, 5), Blob("d" * 64, 3, "gone")]))
    report = sweep(Sweeping(shelf.workspace, shelf.journal, Tombstones(), current=frozenset({now})), Gone())
    assert (report.superseded, report.bytes) == (2, 10)
    assert [shelf.store.has(blob) for blob in (old, edited, now)] == [False, False, True]
    assert [record.path for record in shelf.journal.blobs_of("kit")] == ["c.csv"]
    assert [blob.state for blob in read_swept(shelf.workspace)] == ["gone"]


def test_files_of_ones_own_are_never_touched(shelf: Shelf, tmp_path: Path) -> None:
    """A file outside the workspace is counted and left."""
    own = tmp_path / "own.wav"
    shelf.journal.record_blob("kit", "1", "own.wav", sha256=hashlib.sha256(b"RIFF own").hexdigest(), size=8, fetched_at="")
    own.write_bytes(b"RIFF own")
    report = shelf.sweep(item(hashlib.sha256(b"RIFF own").hexdigest(), "own.wav", source="mine"))
    assert (report.outside, own.read_bytes()) == (1, b"RIFF own")


def test_a_file_that_is_lost_does_not_come_back(shelf: Shelf) -> None:
    """What held nothing else is noted as gone; what others need is not done before it is here and rewritten."""
    lost, archive = shelf.put(b"RIFFa", "a.wav"), shelf.put(zipped({"a.wav": b"RIFFa", "b.wav": b"RIFFb"}), "kit.zip")
    raw = shelf.store.path(archive).read_bytes()
    shelf.store.discard(lost)
    shelf.store.discard(archive)
    inside = item(archive, "kit.zip", "a.wav")
    report = shelf.sweep(item(lost, "a.wav"), inside, needed={archive: True}, remaining={archive: 1})
    assert read_swept(shelf.workspace).of(lost) == Blob(lost, 5, "gone", holders=(("kit", "a.wav"),))
    assert (report.outside, report.failed, len(report.kept)) == (0, 1, 1)
    shelf.put(raw, "kit.zip")
    assert shelf.sweep(inside, needed={archive: True}, remaining={archive: 1}).failed == 0
    assert shelf.members(archive) == {"b.wav"}


def test_half_downloads_caches_and_halves_of_swaps_go(shelf: Shelf) -> None:
    """Whatever can be made again, and cannot be proven clean, is removed."""
    root = shelf.workspace.root
    for place in ("partial/abc.part", "references/x.parquet", "report/index.html", ".curated.old-1/a.wav", "run.wacz"):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_bytes(b"x")
    shelf.journal.save_parts([PartRecord("abc", "kit", "1", "a.wav", "", "", None, ())])
    report = shelf.sweep()
    assert (report.partial, shelf.journal.part_keys()) == (1, frozenset())
    assert sorted(path.name for path in root.iterdir() if path.name not in {"journal.sqlite-wal", "journal.sqlite-shm"}) == [
        "journal.sqlite",
        "partial",
        "run.wacz",
    ]


def test_what_items_say_of_their_places() -> None:
    """Rows name their table, samples their member, and a file of its own the whole."""
    blob = "a" * 64
    cuts = cuts_of(
        [
            item(blob, "a#1.zip", row="%231.zip!/t.csv#row=3").__class__(
                "1", "kit", "r", "a#1.zip", blob, "", "a%231.zip!/t.csv#row=3", "text", "2"
            ),
            item(blob, "a#1.zip", "k/a.wav"),
            item("b" * 64, "p.parquet", "#row=1&column=image", modality="image"),
            item("c" * 64, "page.html.gz", "#unpacked", modality="text"),
        ]
    )
    assert (cuts[blob].tables, cuts[blob].rows, cuts[blob].members, cuts[blob].names) == (
        {"t.csv"},
        {"3"},
        {"k/a.wav"},
        {"a.wav"},
    )
    assert (cuts["b" * 64].members, cuts["b" * 64].whole, cuts["b" * 64].names) == ({"#row=1&column=image"}, False, set())
    assert cuts["c" * 64].whole


def test_a_name_is_found_as_a_word(tmp_path: Path) -> None:
    """With its ending or without, across blocks, and not inside another name."""
    wanted = needles(["clip_17.mp3"])
    for text in (b"clip_17.mp3,x", b"x\tclip_17\ty", b"clips/clip_17.mp3", b" " * ((1 << 20) - 4) + b"clip_17"):
        assert mentions(io.BytesIO(text), wanted)
    for text in (b"clip_170.mp3", b"myclip_17.mp3", b"clip-17"):
        assert not mentions(io.BytesIO(text), wanted)
    assert mentions(io.BytesIO(b"anything"), needles(f"{number}.wav" for number in range(3_000)))
    assert [is_table(name) for name in ("a.tsv", "README.txt", "license.txt", "a.wav")] == [True, False, False, False]


def test_the_record_is_read_strictly(shelf: Shelf) -> None:
    """It is written in order and read back; a cut, edited or foreign line is named with its number and nothing is guessed."""
    swept = Swept().with_blobs([Blob("b" * 64, 2, "staged"), Blob("a" * 64, 1, "edited", "c" * 64, 1, (("kit", "x"),))])
    write_swept(shelf.workspace, swept)
    path = shelf.workspace.root / FILE
    assert read_swept(shelf.workspace) == Swept(dict(sorted(swept.blobs.items())))
    good = path.read_text()
    assert [json.loads(line)["blob"][0] for line in good.splitlines()] == ["a", "b"]
    for bad in (good[:-1], good + "{}\n", good + "no\n", good.replace('"edited"', '"lost"'), good.replace("a" * 64, "a" * 63)):
        path.write_text(bad)
        with pytest.raises(WorkspaceDamaged) as error:
            read_swept(shelf.workspace)
        assert error.value.where.rpartition(":")[2].isdecimal()
        assert path.read_text() == bad


def test_a_rewriter_needs_a_file_that_it_knows(shelf: Shelf) -> None:
    """What is no archive is not written anew under a name of ours."""
    blob = shelf.put(b"no archive", "odd.bin")
    cutter = Cutter(shelf.workspace, Gone(needed={blob: True}, remaining={blob: 1}), Rewriter())
    (cut,) = cuts_of([item(blob, "odd.bin", "a.wav")]).values()
    cutter.cut(cut, 10)
    assert len(cutter.done.kept) == 1
    assert shelf.store.path(blob).read_bytes() == b"no archive"

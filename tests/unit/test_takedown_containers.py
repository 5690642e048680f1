"""Archives, tables and pictures without some of their samples: what stays is what it was, what goes is gone."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.content import Contents
from acquisition.content.limits import Unreadable
from acquisition.settings import ArchiveSettings
from acquisition.takedown.rewriting import Drop, Rewriter, drop_of

FILES = {"a.wav": b"a" * 3_000, "kicks/C#4.wav": b"b" * 700, "kicks/ü.wav": b"c" * 20, "empty.txt": b"", "z.wav": b"z" * 1_500}


def sha(data: bytes) -> str:
    """Return a digest."""
    return hashlib.sha256(data).hexdigest()


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: Mapping[str, bytes], mode: str = "w", form: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=form) as archive:  # type: ignore[call-overload]  # a mode of ours
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def without(raw: bytes, members: list[str], **options: object) -> bytes:
    """Return a file without some members."""
    out = io.BytesIO()
    Rewriter(**options).rewrite(lambda: io.BytesIO(raw), out, drop_of(members))  # type: ignore[arg-type]  # a test's own
    return out.getvalue()


def unzipped(raw: bytes) -> dict[str, bytes]:
    """Return what a zip holds, each member checked."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def untarred(raw: bytes) -> dict[str, bytes]:
    """Return what a tar holds."""
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        return {info.name: archive.extractfile(info).read() for info in archive if info.isfile()}  # type: ignore[union-attr]  # files


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_loses_what_goes_and_keeps_the_rest_packed_as_it_was(method: int) -> None:
    """Members go by their safe names, quoted as in locators; the packed bytes of the others are copied."""
    raw = zipped(FILES, method)
    done = without(raw, ["kicks/C%234.wav", "kicks/ü.wav"])
    assert unzipped(done) == {name: data for name, data in FILES.items() if "kicks" not in name}
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(io.BytesIO(done)) as new:
        for info in new.infolist():
            before = old.getinfo(info.filename)
            assert (info.compress_size, info.CRC, info.date_time) == (before.compress_size, before.CRC, before.date_time)


def test_a_zip_that_was_streamed_and_one_with_bytes_between(tmp_path: object) -> None:
    """Data descriptors are resolved, and what lies between the entries (a deleted member) does not come along."""
    out = io.BytesIO()

    class Forward(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            return out.write(data)  # type: ignore[arg-type]  # bytes

    with zipfile.ZipFile(Forward(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
    assert unzipped(without(out.getvalue(), ["a.wav"])).keys() == FILES.keys() - {"a.wav"}
    secret = b"DELETED LONG AGO"
    assert secret not in without(secret + zipped(FILES), ["a.wav"])


def test_names_that_did_not_say_that_they_are_utf8_stay_what_readers_make_of_them() -> None:
    """A name written as UTF-8 without the flag is the same member afterwards."""
    raw = zipped({"ä.wav": b"1", "b.wav": b"2"}).replace(struct.pack("<H", 0x800), b"\0\0")
    done = without(raw, ["b.wav"])
    assert list(unzipped(done)) == ["ä.wav"]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_a_tar_loses_what_goes_and_stays_packed_as_it_was(mode: str, form: int) -> None:
    """Long names and their extended headers go with their member; the compression is the one that was."""
    long = "kicks/" + "n" * 90 + ".wav"
    files = FILES | {long: b"l" * 513, "last.wav": b"e" * 10}
    raw = tarred(files, mode, form)
    done = without(raw, [long, "a.wav"])
    assert untarred(done) == {name: data for name, data in files.items() if name not in {long, "a.wav"}}
    assert done[:3] == raw[:3] or mode == "w"


def test_a_zstd_tar() -> None:
    """Packed by zstd as well."""
    raw = pa.compress(tarred(FILES), codec="zstd", asbytes=True)
    done = without(raw, ["a.wav"])
    with pa.CompressedInputStream(pa.BufferReader(done), "zstd") as stream:
        assert untarred(stream.read()).keys() == FILES.keys() - {"a.wav"}


def test_what_is_the_same_goes_wherever_it_lies() -> None:
    """With digests, every member of that content goes, also a second one of the same name that no reader opened."""
    files = FILES | {"copy of a.wav": FILES["a.wav"]}
    assert unzipped(without(zipped(files), ["a.wav"], digests=frozenset({sha(FILES["a.wav"])}))).keys() == FILES.keys() - {
        "a.wav"
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x.wav", b"one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("x.wav", b"two")
        archive.writestr("y.wav", b"stays")
    assert unzipped(without(out.getvalue(), ["x.wav"])) == {"y.wav": b"stays"}


def test_archives_in_archives() -> None:
    """A chain of names is followed; the outer archive holds the inner one without its member."""
    inner = tarred({"x.wav": b"x" * 99, "y.wav": b"y"}, "w:gz")
    raw = zipped({"in.tgz": inner, "in2.tgz": inner, "o.wav": b"o"})
    done = unzipped(without(raw, ["in.tgz!/x.wav"]))
    assert untarred(done["in.tgz"]) == {"y.wav": b"y"}
    assert done["in2.tgz"] == inner
    outer = untarred(without(tarred({"in.zip": zipped({"x": b"x", "y": b"y"}), "o": b"o" * 600}), ["in.zip!/x"]))
    assert (unzipped(outer["in.zip"]), outer["o"]) == ({"y": b"y"}, b"o" * 600)


def test_links_are_not_followed_and_stay() -> None:
    """A link in a tar, and one in a zip, are copied as links; what they point to is not opened."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        link = tarfile.TarInfo("passwd")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        info = tarfile.TarInfo("a.wav")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"RIFF"))
    with tarfile.open(fileobj=io.BytesIO(without(out.getvalue(), ["a.wav"]))) as archive:
        assert [(one.name, one.linkname) for one in archive] == [("passwd", "/etc/passwd")]


def test_a_bomb_is_not_unpacked() -> None:
    """A member beyond the limits is not read to be compared; a compressed tar beyond them is refused."""
    few = ArchiveSettings(max_bytes=10_000)
    raw = zipped({"bomb": bytes(5_000_000), "a": b"a"})
    assert set(unzipped(without(raw, ["a"], limits=few, digests=frozenset({"0" * 64})))) == {"bomb"}
    with pytest.raises(Unreadable):
        without(tarred({"bomb": bytes(5_000_000), "a": b"a"}, "w:gz"), ["a"], limits=few)


def test_a_member_that_is_not_there_is_gone_already() -> None:
    """A kill may have come between the file and the note of it: everything else is as it was, and nothing is counted."""
    out = io.BytesIO()
    raw = zipped(FILES)
    assert Rewriter().rewrite(lambda: io.BytesIO(raw), out, drop_of(["other.wav"])) == 0
    assert unzipped(out.getvalue()) == FILES


@settings(max_examples=150)
@given(st.binary(max_size=400) | st.sampled_from([zipped(FILES), tarred(FILES), tarred(FILES, "w:gz")]).flatmap(
    lambda raw: st.tuples(st.just(raw), st.integers(0, len(raw) - 1), st.binary(min_size=1, max_size=4)).map(
        lambda three: three[0][: three[1]] + three[2] + three[0][three[1] + len(three[2]) :]
    )
))  # fmt: skip
def test_hostile_bytes_are_refused_and_nothing_else_happens(raw: bytes) -> None:
    """Whatever the bytes are, the answer is a file without the member or Unreadable."""
    try:
        done = without(raw, ["a.wav"], limits=ArchiveSettings(max_bytes=1_000_000))
    except Unreadable:
        return
    assert b"PK" in done or len(done) >= 512 or done[:2] == b"\x1f\x8b"


# --- samples by number ---------------------------------------------------------------------------------------------------


TABLE = pa.table(
    {
        "image": [{"bytes": bytes([n]) * 9, "path": f"{n}.png"} for n in range(6)],
        "label": pa.array([f"class {n}" for n in range(6)]).dictionary_encode(),
        "tags": [[f"tag {n}"] for n in range(6)],
    },
    schema=pa.schema(
        [
            pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]), nullable=False),
            pa.field("label", pa.dictionary(pa.int32(), pa.string())),
            pa.field("tags", pa.list_(pa.string())),
        ],
        {"huggingface": "{}"},
    ),
)


@pytest.mark.parametrize("packing", ["none", "zstd", "snappy"])
def test_a_row_of_parquet_becomes_nulls_and_the_others_keep_their_numbers(packing: str) -> None:
    """In all columns, across row groups; schema metadata, row groups and compression stay."""
    out = io.BytesIO()
    pq.write_table(TABLE, out, row_group_size=4, compression=packing)
    done = without(out.getvalue(), ["#row=1&column=image", "#row=5&column=image"])
    rows = pq.read_table(io.BytesIO(done)).to_pylist()
    expected = TABLE.to_pylist()
    assert [rows[n] for n in (0, 2, 3, 4)] == [expected[n] for n in (0, 2, 3, 4)]
    assert set(rows[1].values()) == set(rows[5].values()) == {None}
    meta = pq.read_metadata(io.BytesIO(done))
    assert (meta.num_row_groups, meta.metadata[b"huggingface"]) == (2, b"{}")
    assert all(gone not in done for gone in (b"\x01" * 9, b"1.png", b"class 1", b"tag 5"))


@pytest.mark.parametrize("kind", ["file", "stream", "gzipped parquet"])
def test_a_row_of_arrow_and_of_a_compressed_table(kind: str) -> None:
    """Arrow files and streams, and a Parquet file that is gzipped."""
    out = io.BytesIO()
    if kind == "gzipped parquet":
        pq.write_table(TABLE, out)
        raw = gzip.compress(out.getvalue())
    else:
        with (pa.ipc.new_file if kind == "file" else pa.ipc.new_stream)(out, TABLE.schema) as writer:
            writer.write_table(TABLE, max_chunksize=2)
        raw = out.getvalue()
    done = without(raw, ["#row=3&column=image"])
    if kind == "gzipped parquet":
        found = pq.read_table(io.BytesIO(gzip.decompress(done)))
    else:
        opened = pa.ipc.open_file(done) if kind == "file" else pa.ipc.open_stream(done)
        found = opened.read_all()
    assert [row["image"] is None for row in found.to_pylist()] == [n == 3 for n in range(6)]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_picture_of_idx_becomes_black(pack: type[bytes]) -> None:
    """The entry's bytes are zeros and every other picture is where it was."""
    raw = struct.pack(">BBBBIII", 0, 0, 8, 3, 4, 2, 2) + bytes(range(1, 17))
    done = without(pack(raw), ["#index=2"])
    unpack = {bytes: bytes, gzip.compress: gzip.decompress, bz2.compress: bz2.decompress, lzma.compress: lzma.decompress}[pack]
    assert unpack(done)[16:] == bytes(range(1, 9)) + bytes(4) + bytes(range(13, 17))  # type: ignore[operator]  # a function


def test_contents_still_opens_everything_else(tmp_path: object) -> None:
    """What readers pointed to in the original is found in the edited copy by the same member paths."""
    raw = zipped(FILES | {"in.zip": zipped({"x": b"x", "y": b"y"})})
    done = without(raw, ["a.wav", "in.zip!/x"])
    from pathlib import Path

    path = Path(str(tmp_path)) / "blob"
    path.write_bytes(done)
    with Contents(lambda _: path) as contents:
        assert contents.read("0", "kicks/C%234.wav", 10_000) == FILES["kicks/C#4.wav"]
        assert contents.read("0", "in.zip!/y", 10) == b"y"


def test_what_cannot_be_taken_out_is_said() -> None:
    """A row of CSV has no null to become, and a fragment of an unknown kind is not guessed at."""
    with pytest.raises(Unreadable):
        without(b"a,b\n1,2\n", ["#row=0"])
    with pytest.raises(Unreadable):
        without(b"a,b\n1,2\n", ["#page=0"])


def test_drop_of() -> None:
    """Paths become a tree; one that names the whole takes the whole; "#unpacked" is the packed file itself."""
    assert drop_of(["a", "b!/c", "b!/d#row=1"]) == Drop(
        {"a": Drop(), "b": Drop({"c": Drop(), "d": Drop({}, frozenset({"row=1"}))})}
    )
    assert drop_of(["x.html.gz#unpacked"]) == Drop({"x.html.gz": Drop()})
    assert drop_of(["b!/c", "b"]).members["b"].whole
    assert drop_of([""]).whole

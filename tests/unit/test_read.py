"""Readers: what becomes an item, what becomes a rejection, and that nothing else happens."""

from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import struct
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acquisition.content import Contents, is_inline
from acquisition.content.fragments import png
from acquisition.model import FOUND_SCHEMA, Rejection
from acquisition.protocols import Binary, ReadContext
from acquisition.read import FileBinary, read_asset
from acquisition.settings import FileSettings, ItemSettings, ReadSettings


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that came out of one asset."""

    rows: list[dict[str, Any]]
    rejections: list[Rejection]

    @property
    def codes(self) -> Counter[str]:
        """Rejections by code."""
        return Counter(rejection.code for rejection in self.rejections)

    def column(self, name: str) -> list[Any]:
        """One column of all items."""
        return [row[name] for row in self.rows]


def read(
    path: Path,
    items: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    files: Mapping[str, Any] | None = None,
    name: str = "",
    siblings: Mapping[str, Path] | None = None,
    reader: str = "",
) -> Result:
    """Read a file as the source "s" would, and check what holds for every result."""
    asset = name or path.name
    context = ReadContext(
        source="s",
        release="r",
        asset=asset,
        member="",
        items=ItemSettings.model_validate(items or {}),
        read=ReadSettings.model_validate(options or {}),
        files=FileSettings.model_validate(files or {}),
        siblings={key: FileBinary(value, key) for key, value in (siblings or {}).items()},
        reader=reader,
    )
    rows: list[dict[str, Any]] = []
    rejections: list[Rejection] = []
    binary: Binary = FileBinary(path, asset)
    for found in read_asset(binary, context):
        if isinstance(found, Rejection):
            rejections.append(found)
        else:
            assert found.schema.equals(FOUND_SCHEMA)
            assert 0 < found.num_rows <= 8_000
            found.validate(full=True)
            rows += found.to_pylist()
    assert len({row["locator"] for row in rows}) == len(rows)
    return Result(rows, rejections)


def write(path: Path, data: bytes | str) -> Path:
    """Write a file and return its path."""
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def wav(seconds: float = 0.01, value: int = 1) -> bytes:
    """Return a tiny mono WAV file."""
    samples = struct.pack("<h", value) * int(8_000 * seconds)
    header = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, 8_000, 16_000, 2, 16)
    return header + struct.pack("<4sI", b"data", len(samples)) + samples


def zipped(path: Path, members: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a zip with these members."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, members: Mapping[str, bytes], mode: str = "w") -> Path:
    """Write a tar with these members, in their order."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]  # the mode is a test's parameter
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def verify(path: Path, result: Result) -> None:
    """Check that every item's bytes, read back, are those that its digest and size name."""
    with Contents(lambda _: path) as contents:
        for row in result.rows:
            if is_inline(row):
                content = (row["text"] if row["text"] is not None else row["fields"]).encode()
            else:
                content = contents.read("blob", row["member"], 1 << 28)
            assert len(content) == row["size"], row["locator"]
            assert hashlib.sha256(content).hexdigest() == row["content_sha256"], row["locator"]


# --- delimited text -----------------------------------------------------------------------------------------------------


def test_rows_of_a_headerless_data_file_become_items(tmp_path: Path) -> None:
    """UCI's .data: no header, the last column by position is the label, the rest are fields."""
    result = read(write(tmp_path / "iris.data", "5.1,3.5,Iris-setosa\n4.9,3.0,Iris-setosa\n\n"), {"label": -1})
    assert result.column("label") == ["Iris-setosa"] * 2
    assert json.loads(result.rows[0]["fields"]) == {"column_0": "5.1", "column_1": "3.5"}
    assert result.column("locator") == ["iris.data#row=0", "iris.data#row=1"]
    assert not result.rejections


def test_years_name_columns(tmp_path: Path) -> None:
    """A wide table has a column for each year: its first row is no data. Numbers in order in every row are."""
    wide = write(tmp_path / "wide.csv", "country,2019,2020\nPeru,9.5,8\nMali,7,7\n")
    assert json.loads(read(wide).rows[0]["fields"]) == {"country": "Peru", "2019": "9.5", "2020": "8"}
    frame = write(tmp_path / "frame.csv", ",0,1,2\na,7,7,9\nb,4,4,4\n")
    assert len(read(frame).rows) == 2
    data = write(tmp_path / "data.csv", "a,1,2,3\nb,1,2,3\nc,4,5,6\n")
    assert len(read(data).rows) == 3


def test_columns_are_declared_by_position_or_name(tmp_path: Path) -> None:
    """Positions mean that there is no header; names mean that there is one."""
    path = write(tmp_path / "sms", "ham\thello there\nspam\tfree money\n")
    result = read(path, {"as": "rows", "label": 0, "text": 1})
    assert result.column("text") == ["hello there", "free money"]
    assert result.column("label") == ["ham", "spam"]
    named = write(tmp_path / "n.csv", "kind,words\nham,hello\n")
    assert read(named, {"text": "words", "label": "kind"}).column("text") == ["hello"]


def test_bad_rows_cost_only_themselves(tmp_path: Path) -> None:
    """Too many and too few fields are rejected with their line number; the rows between them stay."""
    result = read(write(tmp_path / "a.csv", "a,b\n1,2\n1,2,3\n4,5\n6\n7,8\n"))
    assert [json.loads(text)["a"] for text in result.column("fields")] == ["1", "4", "7"]
    assert result.column("locator") == ["a.csv#row=0", "a.csv#row=2", "a.csv#row=4"]
    assert [(found.code, found.locator) for found in result.rejections] == [
        ("bad-row", "a.csv#row=1"),
        ("bad-row", "a.csv#row=3"),
    ]
    assert "line 3" in result.rejections[0].detail
    assert "line 5" in result.rejections[1].detail


def test_cp1251_declared_as_utf8_is_refused_whole(tmp_path: Path) -> None:
    """A wrong declaration garbles nothing: no items, one rejection that names the declared and a suggested encoding."""
    text = "имя,город\n" + "Анна,Санкт-Петербург и его окрестности\nПётр,Москва и область\n" * 50
    result = read(write(tmp_path / "a.csv", text.encode("cp1251")), options={"encoding": "utf-8"})
    assert result.rows == []
    assert result.codes == {"undecodable": 1}
    assert "utf-8" in result.rejections[0].detail
    assert "looks like" in result.rejections[0].detail


def test_one_bad_byte_costs_one_row(tmp_path: Path) -> None:
    """A UTF-8 file with one undecodable line keeps all others."""
    lines = [f"{number},žluťoučký".encode() for number in range(100)]
    lines[50] = b"50,\xff\xfe"
    result = read(write(tmp_path / "a.csv", b"n,t\n" + b"\n".join(lines) + b"\n"), {"text": "t"})
    assert len(result.rows) == 99
    assert result.codes == {"undecodable": 1}
    assert result.rejections[0].locator == "a.csv#row=50"


def test_undeclared_latin1_is_read_with_the_fallback(tmp_path: Path) -> None:
    """What is not UTF-8 is read as encoding_fallback, and the text is right."""
    result = read(write(tmp_path / "a.csv", "t\nEspaña\nnaïve\n".encode("latin-1")), {"text": "t"})
    assert result.column("text") == ["España", "naïve"]
    assert not result.rejections


def test_another_script_under_the_fallback_is_said(tmp_path: Path) -> None:
    """Cyrillic in cp1251 without a declaration is read as cp1252, as documented, and the doubt is recorded."""
    text = "t\n" + "съешь же ещё этих мягких французских булок да выпей чаю\n" * 30
    result = read(write(tmp_path / "a.csv", text.encode("cp1251")), {"text": "t"})
    assert len(result.rows) == 30
    assert result.codes == {"encoding-doubtful": 1}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "iso2022_jp"])
def test_marked_and_escaped_encodings_are_detected(tmp_path: Path, encoding: str) -> None:
    """Byte order marks, UTF-16 without one and ISO-2022 escapes need no declaration."""
    text = "name,text\n" + "x,日本語の文章 and plain words\n" * 20
    result = read(write(tmp_path / "a.csv", text.encode(encoding)), {"text": "text"})
    assert result.column("text") == ["日本語の文章 and plain words"] * 20


def test_nul_bytes_and_long_lines_are_rejected_by_line(tmp_path: Path) -> None:
    """A NUL byte or an over-long line is one rejection each."""
    data = b"a,b\n1,2\n3,\x004\n" + b"x" * 5_000 + b",1\n5,6\n"
    result = read(write(tmp_path / "a.csv", data), options={"max_line_bytes": 1_000})
    assert result.codes == {"nul-byte": 1, "line-too-long": 1}
    assert len(result.rows) == 2


def test_quotes_may_hold_delimiters_and_line_ends(tmp_path: Path) -> None:
    """A quoted field may span lines; an open quote at the end costs one line, not the rest of the file."""
    result = read(write(tmp_path / "a.csv", 'a,b\n"x,\ny",1\n"open,2\n3,4\n5,6\n'), {"text": "a"})
    assert result.column("text") == ["x,\ny", "3", "5"]
    assert result.codes == {"unclosed-quote": 1}


def test_missing_marks_become_null(tmp_path: Path) -> None:
    """na_values are null in fields and labels."""
    result = read(write(tmp_path / "a.csv", "a,b\n?,1\n2,?\n"), {"label": "b"}, {"na_values": ("?",)})
    assert result.column("label") == ["1", None]
    assert [json.loads(text) for text in result.column("fields")] == [{"a": None}, {"a": "2"}]


def test_an_unknown_column_names_its_nearest(tmp_path: Path) -> None:
    """A declared column that is not there rejects the file and suggests."""
    result = read(write(tmp_path / "a.csv", "text,label\nx,y\n"), {"text": "txt"})
    assert result.codes == {"no-such-column": 1}
    assert "did you mean 'text'" in result.rejections[0].detail


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), min_size=1, max_size=12),
            min_size=3,
            max_size=3,
        ),
        min_size=1,
        max_size=20,
    )
)
def test_whatever_csv_writes_is_read_back(tmp_path: Path, rows: list[list[str]]) -> None:
    """Any cells that the csv module quotes and writes come back the same, quoted path or not."""
    import csv

    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows([["a", "b", "c"], *rows])
    path = write(tmp_path / "a.csv", stream.getvalue())
    result = read(path, {"keep": "all"}, {"delimiter": ",", "header": True, "encoding": "utf-8"})
    assert [list(json.loads(text).values()) for text in result.column("fields")] == rows
    verify(path, result)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.lists(st.text("ab \t;'", max_size=4), min_size=1, max_size=4), min_size=1, max_size=30))
def test_the_quick_and_the_careful_way_agree(tmp_path: Path, lines: list[list[str]]) -> None:
    """Blocks that take the quick way give the same items and rejections as the careful way gives."""
    text = "a,b,c\n1,2,3\n" + "".join(",".join(cells) + "\n" for cells in lines)
    path = write(tmp_path / "a.csv", text * 20)
    options = {"delimiter": ",", "header": True}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acquisition.read.encoding.SAMPLE", 100)  # many small blocks
        patch.setattr("acquisition.read.encoding.BLOCK", 40)
        quick = read(path, options=options)
        patch.setattr("acquisition.read.csv._Table._plain", lambda *_: None)
        careful = read(path, options=options)
    assert quick.rows == careful.rows
    assert sorted(quick.rejections, key=str) == sorted(careful.rejections, key=str)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=2_000),
    name=st.sampled_from(
        ["a.csv", "a.jsonl", "a.json", "a.txt", "a.html", "a.wav", "a.parquet", "a.zip", "a.warc", "a.tar", "a-idx3-ubyte", "a"]
    ),
)
def test_no_bytes_make_it_raise(tmp_path: Path, data: bytes, name: str) -> None:
    """Whatever the bytes and the name, there are items or rejections, never an exception and never silence."""
    result = read(write(tmp_path / name, data))
    assert result.rows or result.rejections


# --- JSON ---------------------------------------------------------------------------------------------------------------


def test_json_lines_end_at_newlines_only(tmp_path: Path) -> None:
    """U+2028 inside a string is part of the record; a broken line is one rejection with its line."""
    lines = ['{"t": "a\u2028b", "k": 1}', "", "{broken", "[1]", '{"t": "c", "extra": {"z": 1, "a": 2}}']
    result = read(write(tmp_path / "a.jsonl", "\n".join(lines)), {"text": "t", "keep": "all"})
    assert result.column("text") == ["a\u2028b", "c"]
    assert result.column("fields") == ['{"k":1}', '{"extra":{"a":2,"z":1}}']
    assert [(found.code, found.locator) for found in result.rejections] == [
        ("bad-json", "a.jsonl#row=1"),
        ("bad-record", "a.jsonl#row=2"),
    ]
    assert "line 3" in result.rejections[0].detail


@pytest.mark.parametrize(
    ("document", "records", "count"),
    [
        ([{"a": 1}, {"a": 2}], None, 2),
        ({"version": 1, "data": [{"a": 1}]}, None, 1),
        ({"a": [1, 2, 3], "b": [4, 5, 6]}, None, 3),
        ({"x": {"rows": [{"a": 1}, {"a": 2}]}}, "x.rows", 2),
        ({"data": [{"q": [{"a": 1}, {"a": 2}]}, {"q": [{"a": 3}]}]}, "data.q", 3),
    ],
)
def test_json_records_are_found(tmp_path: Path, document: Any, records: str | None, count: int) -> None:
    """A list, one list in an object, columns, or the declared key, through lists on the way."""
    path = write(tmp_path / "a.json", json.dumps(document))
    result = read(path, {"records": records} if records else {})
    assert len(result.rows) == count
    verify(path, result)


def test_json_lines_in_a_json_file_are_seen(tmp_path: Path) -> None:
    """Hubs name JSON Lines .json."""
    assert len(read(write(tmp_path / "a.json", '{"a": 1}\n{"a": 2}\n')).rows) == 2


# --- Parquet and Arrow --------------------------------------------------------------------------------------------------


def test_hub_parquet_gives_images_with_class_names(tmp_path: Path) -> None:
    """The Hub's struct of bytes and path is a media item; ClassLabel numbers become names; a cell without bytes is said."""
    images = [{"bytes": png(bytes([value] * 4), 2, 2, 1), "path": f"i{value}.png"} for value in range(3)]
    table = pa.table({"image": [*images, {"bytes": None, "path": "x.png"}], "label": [0, 1, -1, 0]})
    features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    result = read(tmp_path / "a.parquet", {"label": "label"})
    assert result.column("label") == ["cat", "dog", None]
    assert result.column("media_type") == ["image/png"] * 3
    assert result.column("name") == ["i0", "i1", "i2"]
    assert result.column("member")[2] == "#row=2&column=image"
    assert result.codes == {"media-missing": 1}
    verify(tmp_path / "a.parquet", result)
    zipped(tmp_path / "a.zip", {"deep/a.parquet": (tmp_path / "a.parquet").read_bytes()})
    inside = read(tmp_path / "a.zip", {"label": "label"})
    assert inside.column("content_sha256") == result.column("content_sha256")
    verify(tmp_path / "a.zip", inside)


def test_typed_columns_become_iso_text(tmp_path: Path) -> None:
    """Times, decimals and nested values are readable JSON."""
    table = pa.table(
        {
            "when": pa.array([1_700_000_000_123_456_789], pa.timestamp("ns", "UTC")),
            "day": pa.array([19_000], pa.date32()),
            "price": pa.array(["12.50"], pa.string()).cast(pa.decimal128(6, 2)),
            "list": [[{"a": 1}]],
            "raw": [b"\x00\x01"],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    fields = json.loads(read(tmp_path / "a.parquet").rows[0]["fields"])
    assert fields["day"] == "2022-01-08"
    assert fields["price"] == "12.50"
    assert fields["when"].startswith("2023-11-14T22:13:20.123456789")
    assert fields["list"] == [{"a": 1}]
    assert fields["raw"] == "AAE="


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_arrow_files_and_streams(tmp_path: Path, kind: str) -> None:
    """Both forms of Arrow are read batch by batch; a cut one keeps what came before."""
    table = pa.table(
        {"text": [f"row {number}" for number in range(10_000)], "label": pa.array(["a"] * 10_000).dictionary_encode()}
    )
    path = tmp_path / "a.arrow"
    maker = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with maker(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=1_000)
    result = read(path, {"text": "text", "label": "label"})
    assert len(result.rows) == 10_000
    assert result.rows[-1]["label"] == "a"
    verify(path, result)
    path.write_bytes(path.read_bytes()[:-5_000] if kind == "stream" else path.read_bytes()[:5_000])
    assert read(path, {"text": "text"}).codes == {"damaged-file": 1}


def test_a_parquet_file_cut_in_half_is_rejected(tmp_path: Path) -> None:
    """Half a Parquet file has no footer: no items, one rejection."""
    pq.write_table(pa.table({"a": list(range(1_000))}), tmp_path / "a.parquet")
    data = (tmp_path / "a.parquet").read_bytes()
    result = read(write(tmp_path / "b.parquet", data[: len(data) // 2]))
    assert result.rows == []
    assert result.codes == {"damaged-file": 1}


# --- media, folders, IDX ------------------------------------------------------------------------------------------------


def test_labels_come_from_folders_and_names(tmp_path: Path) -> None:
    """from: folder counts from the file outwards or from the root; from: file takes a pattern; renames follow."""
    path = write(tmp_path / "01 - Kick.wav", wav())
    name = "pack/Kicks/01 - Kick.wav"
    nearest = read(path, {"label": {"from": "folder", "rename": {"Kicks": "kick"}}}, name=name)
    assert nearest.column("label") == ["kick"]
    assert read(path, {"label": {"from": "folder", "level": 0}}, name=name).column("label") == ["pack"]
    pattern = {"from": "file", "pattern": r"^\d+ - (\w+)$"}
    assert read(path, {"label": pattern}, name=name).column("label") == ["Kick"]
    assert read(path, {"label": {"from": "text", "value": "drum"}}, name=name).column("label") == ["drum"]


def test_a_slow_pattern_is_stopped(tmp_path: Path) -> None:
    """A pattern that would run for ever on a name costs that file, not the run."""
    path = write(tmp_path / "a.wav", wav())
    slow = {"label": {"from": "file", "pattern": r"(a|aa)+\1{2}x"}}
    assert read(path, slow, name="a" * 60 + ".wav").codes == {"pattern-timeout": 1}


def test_a_wrong_extension_is_recorded(tmp_path: Path) -> None:
    """The bytes decide what a file is; the name that lied is kept."""
    result = read(write(tmp_path / "a.mp3", wav()))
    assert result.column("media_type") == ["audio/wav"]
    assert json.loads(result.rows[0]["fields"]) == {"named_as": "audio/mpeg"}


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.wav", b"", "empty-file"),
        ("a.wav", wav()[:44], "media-damaged"),
        ("a.wav", b"<html>not audio</html>", "media-damaged"),
        ("a.png", png(b"\x00", 1, 1, 1)[:-12], "media-damaged"),
        ("a.png", png(b"\x00", 1, 1, 1).replace(struct.pack(">II", 1, 1), struct.pack(">II", 99_999, 99_999)), "media-bomb"),
        ("a.flac", b"fLaC\x80\x00\x00\x22" + b"\x00" * 34, "media-damaged"),
        ("Thumbs.db", b"x", "system-file"),
        ("._a.wav", wav(), "system-file"),
        ("a.xyz", b"\x01\x02\x03", "format-unknown"),
    ],
)
def test_files_that_hold_nothing_are_rejected(tmp_path: Path, name: str, data: bytes, code: str) -> None:
    """Empty, header-only, cut, mislabelled and foreign files each have their code."""
    result = read(write(tmp_path / name, data))
    assert result.rows == []
    assert result.codes == {code: 1}


def test_as_files_takes_every_file_whole(tmp_path: Path) -> None:
    """With as: files a table is one item too, and a compressed one is its content."""
    table = write(tmp_path / "a.csv", "a,b\n1,2\n")
    result = read(table, {"as": "files"})
    assert result.column("member") == [""]
    verify(table, result)
    packed = write(tmp_path / "b.csv.gz", gzip.compress(table.read_bytes()))
    inside = read(packed, {"as": "files"})
    assert inside.column("member") == ["#unpacked"]
    assert inside.column("content_sha256") == result.column("content_sha256")
    assert inside.column("name") == ["b"]
    verify(packed, inside)


def test_companions_are_counted_not_read(tmp_path: Path) -> None:
    """README and the like beside data are companions; alone, or asked for by name, they are data."""
    path = write(tmp_path / "README.md", "# words")
    data = write(tmp_path / "a.csv", "a,b\n1,2\n")
    beside = {"README.md": path, "a.csv": data}
    assert read(path, siblings=beside).codes == {"companion-file": 1}
    assert len(read(path).rows) == 1
    assert len(read(path, siblings=beside, files={"include": ("README.md",)}).rows) == 1


def idx(kind: int, shape: tuple[int, ...], data: bytes) -> bytes:
    """Return an IDX file."""
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape), *shape) + data


def test_idx_images_take_the_labels_beside_them(tmp_path: Path) -> None:
    """Images become PNGs with the labels of the file beside them, plain or compressed, in a folder or a zip."""
    images, labels = idx(8, (3, 2, 2), bytes(range(12))), idx(8, (3,), bytes([7, 8, 9]))
    one = write(tmp_path / "train-images-idx3-ubyte.gz", gzip.compress(images))
    two = write(tmp_path / "train-labels-idx1-ubyte.gz", gzip.compress(labels))
    siblings = {one.name: one, two.name: two}
    result = read(one, siblings=siblings)
    assert result.column("label") == ["7", "8", "9"]
    assert result.column("member") == ["#index=0", "#index=1", "#index=2"]
    verify(one, result)
    assert read(two, siblings=siblings).codes == {"companion-file": 1}
    assert read(two).column("fields") == ['{"value":7}', '{"value":8}', '{"value":9}']
    archive = zipped(tmp_path / "a.zip", {"d/train-images.idx3-ubyte": images, "d/train-labels.idx1-ubyte": labels})
    inside = read(archive)
    assert inside.column("label") == ["7", "8", "9"]
    assert inside.column("content_sha256") == result.column("content_sha256")
    verify(archive, inside)


def test_a_cut_idx_file_keeps_what_is_there(tmp_path: Path) -> None:
    """Two whole images and a half: two items and one rejection."""
    result = read(write(tmp_path / "a-images-idx3-ubyte", idx(8, (3, 2, 2), bytes(10))))
    assert len(result.rows) == 2
    assert result.codes == {"damaged-file": 1}


def test_pages_give_text_title_and_license(tmp_path: Path) -> None:
    """Scripts stay out; the license that the markup links to is kept; the meta charset decodes."""
    page = (
        '<html><head><meta charset="windows-1251"><title>Имя</title><script>x()</script></head><body><p>Слова</p>'
        '<a rel="license" href="https://creativecommons.org/licenses/by/4.0/">CC</a><style>p{}</style></body></html>'
    )
    path = write(tmp_path / "a.html", page.encode("cp1251"))
    result = read(path)
    assert result.rows[0]["title"] == "Имя"
    assert result.rows[0]["text"] == "Слова\nCC"
    assert result.rows[0]["license_url"] == "https://creativecommons.org/licenses/by/4.0/"
    verify(path, result)


# --- compression and archives -------------------------------------------------------------------------------------------

PACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("kind", PACKERS)
def test_compressed_members_are_read_to_the_last(tmp_path: Path, kind: str) -> None:
    """Concatenated members are one file; a cut one is a rejection after what was read."""
    pack = PACKERS[kind]
    lines = "".join(f'{{"n": {number}}}\n' for number in range(2_000)).encode()
    path = write(tmp_path / f"a.jsonl.{kind}", pack(lines[:5_006]) + pack(lines[5_006:]))
    assert len(read(path).rows) == 2_000
    cut = read(write(tmp_path / f"b.jsonl.{kind}", pack(lines)[:-20]))
    assert cut.codes["damaged-file"] == 1


def test_a_name_that_promises_compression_is_not_believed(tmp_path: Path) -> None:
    """A .gz that is plain is read plainly."""
    assert len(read(write(tmp_path / "a.csv.gz", "a,b\n1,2\n")).rows) == 1


@pytest.mark.parametrize("form", ["zip", "stored.zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst"])
def test_archives_give_the_same_items(tmp_path: Path, form: str) -> None:
    """Zip or tar, compressed or not: members are addressed in place and read back, in any order."""
    members = {f"kit/{folder}/C#{number}.wav": wav(value=number) for folder in ("kicks", "snares") for number in range(5)}
    path = tmp_path / f"a.{form}"
    if form.endswith("zip"):
        zipped(path, members, method=zipfile.ZIP_STORED if "stored" in form else zipfile.ZIP_DEFLATED)
    elif form == "tar.zst":
        plain = tarred(tmp_path / "plain.tar", members)
        write(path, zstandard.ZstdCompressor().compress(plain.read_bytes()))
    else:
        tarred(path, members, "w:" + form.partition(".")[2])
    result = read(path, {"label": {"from": "folder"}})
    assert result.column("label") == ["kicks"] * 5 + ["snares"] * 5
    assert result.column("member")[0] == "kit/kicks/C%230.wav"
    assert result.column("locator")[0] == f"a.{form}!/kit/kicks/C%230.wav"
    verify(path, result)
    verify(path, Result(result.rows[::-1], []))


def test_archives_in_archives_are_read_to_a_depth(tmp_path: Path) -> None:
    """Two levels by default, each named in the member path; a third is refused."""
    inner = zipped(tmp_path / "i.zip", {"a.wav": wav(), "b.csv": b"a,b\n1,2\n"})
    middle = tarred(tmp_path / "m.tar.gz", {"x/i.zip": inner.read_bytes()}, "w:gz")
    outer = zipped(tmp_path / "o.zip", {"m.tar.gz": middle.read_bytes()})
    result = read(outer)
    assert result.column("member") == ["m.tar.gz!/x/i.zip!/a.wav", ""]
    assert result.column("locator")[1] == "o.zip!/m.tar.gz!/x/i.zip!/b.csv#row=0"
    verify(outer, result)
    assert read(outer, options={"archive": {"max_depth": 1}}).codes == {"archive-too-deep": 1}


def test_globs_apply_to_members(tmp_path: Path) -> None:
    """An include that names members takes those; one that names the archive takes all; exclude always holds."""
    path = zipped(tmp_path / "a.zip", {"x/a.wav": wav(), "x/b.csv": b"a,b\n1,2\n", "loops/c.wav": wav(value=2)})
    assert len(read(path, files={"include": ("**/*.wav",)}).rows) == 2
    assert len(read(path, files={"include": ("a.zip",)}).rows) == 3
    assert len(read(path, files={"exclude": ("loops/",)}).rows) == 2


@pytest.mark.parametrize("name", ["../evil.wav", "/etc/evil.wav", "C:\\evil.wav", "a/../../evil.wav", "..\\evil.wav"])
@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz"])
def test_members_that_climb_out_are_refused(tmp_path: Path, form: str, name: str) -> None:
    """Traversal, absolute paths and drives are rejections; the good member beside them is an item."""
    path = tmp_path / f"a.{form}"
    members = {name: wav(), "good.wav": wav()}
    zipped(path, members) if form == "zip" else tarred(path, members, "w:" + form.partition(".")[2])
    result = read(path)
    assert result.column("name") == ["good"]
    assert result.codes == {"archive-traversal": 1}


def test_links_devices_and_repeated_names_are_refused(tmp_path: Path) -> None:
    """Nothing is followed; the first of two equal names is the item."""
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"m{kind.decode()}")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        for value in (1, 2):
            info = tarfile.TarInfo("a.wav")
            info.size = len(wav())
            archive.addfile(info, io.BytesIO(wav(value=value)))
    result = read(path)
    assert result.codes == {"archive-link": 2, "archive-special": 2, "archive-duplicate": 1}
    assert result.column("content_sha256") == [hashlib.sha256(wav(value=1)).hexdigest()]
    verify(path, result)


@pytest.mark.parametrize("form", ["zip", "tar.gz", "gz", "xz", "zst", "bz2"])
def test_bombs_are_stopped_by_the_bytes_that_come(tmp_path: Path, form: str) -> None:
    """Eight million zeros out of a few thousand bytes: stopped by ratio, whatever the headers say."""
    zeros = bytes(8_000_000)
    path = tmp_path / f"a.{form}"
    if form == "zip":
        zipped(path, {"a.txt": zeros})
    elif form == "tar.gz":
        tarred(path, {"a.txt": zeros}, "w:gz")
    else:
        write(path.with_name(f"a.txt.{form}"), PACKERS[form](zeros))
        path = path.with_name(f"a.txt.{form}")
    assert read(path).codes["archive-bomb"] >= 1


def test_counts_and_totals_are_limited(tmp_path: Path) -> None:
    """More members or more bytes than declared end the archive; what was read stays."""
    path = zipped(tmp_path / "a.zip", {f"{number}.wav": wav() for number in range(20)})
    few = read(path, options={"archive": {"max_members": 5}})
    assert len(few.rows) == 5
    assert few.codes == {"archive-too-many": 1}
    small = read(path, options={"archive": {"max_bytes": 1_000}})
    assert small.codes["archive-bomb"] >= 1


def test_overlapping_entries_are_refused(tmp_path: Path) -> None:
    """Two directory entries over one local file are an attack; neither is opened."""
    path = zipped(tmp_path / "a.zip", {"a.wav": wav(), "b.wav": wav()}, method=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<I", 10)  # its header now lies inside the first member
    result = read(write(path, bytes(data)))
    assert result.codes["archive-overlap"] >= 1
    assert result.rows == []


def test_a_flipped_byte_in_a_member_is_a_rejection(tmp_path: Path) -> None:
    """The checksum of a zip member is verified before its item is yielded."""
    path = zipped(tmp_path / "a.zip", {"a.wav": wav(), "b.wav": wav(value=2)}, method=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[80] ^= 1
    result = read(write(path, bytes(data)))
    assert result.codes == {"archive-damaged": 1}
    assert result.column("name") == ["b"]


def test_a_tar_cut_between_members_is_said(tmp_path: Path) -> None:
    """Tarfile takes a missing end mark for the end; here it is recorded."""
    path = tarred(tmp_path / "a.tar", {"a.wav": wav(), "b.wav": wav()})
    size = 512 + (len(wav()) + 511) // 512 * 512
    result = read(write(path, path.read_bytes()[:size]))
    assert len(result.rows) == 1
    assert result.codes == {"archive-damaged": 1}


# --- tables that describe media -----------------------------------------------------------------------------------------

TABLE = b"file,label,text\nclips/a.wav,kick,one\nclips/b.wav,snare,two\nclips/gone.wav,hat,three\n"


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
@pytest.mark.parametrize("first", [True, False])
def test_a_table_describes_the_media_beside_it(tmp_path: Path, form: str, first: bool) -> None:
    """Rows give label and text to the files of their archive, whether the table comes first or last."""
    clips = {"d/clips/a.wav": wav(), "d/clips/b.wav": wav(value=2), "d/clips/extra.wav": wav(value=3)}
    members = {"d/meta.csv": TABLE} | clips if first else clips | {"d/meta.csv": TABLE}
    path = tmp_path / f"a.{form}"
    zipped(path, members) if form == "zip" else tarred(path, members, "w:gz")
    result = read(path, {"media": "file", "label": "label", "text": "text"})
    assert result.column("label") == ["kick", "snare"]
    assert result.column("text") == ["one", "two"]
    assert result.column("member") == ["d/clips/a.wav", "d/clips/b.wav"]
    assert result.codes == {"media-missing": 1, "media-unlisted": 1}
    verify(path, result)


def test_a_table_in_a_folder_describes_its_files(tmp_path: Path) -> None:
    """The media file's own turn gives the item, the table's turn says what is missing."""
    (tmp_path / "clips").mkdir()
    table = write(tmp_path / "meta.csv", TABLE)
    clips = {f"clips/{name}.wav": write(tmp_path / "clips" / f"{name}.wav", wav()) for name in "ab"}
    siblings = {"meta.csv": table, **clips}
    items = {"media": "file", "label": "label", "text": "text"}
    found = read(clips["clips/a.wav"], items, name="clips/a.wav", siblings=siblings)
    assert found.column("label") == ["kick"]
    assert read(table, items, siblings=siblings).codes == {"media-missing": 1}


def common_voice(release: Mapping[str, bytes], tmp_path: Path, form: str) -> Path:
    """Pack a release in Common Voice's way."""
    members = {f"cv-corpus-20/ga/{name}": data for name, data in release.items()}
    path = tmp_path / f"cv.{form}"
    return zipped(path, members) if form == "zip" else tarred(path, members, "w:gz")


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
@pytest.mark.parametrize("clips_first", [True, False])
def test_common_voice_archives(tmp_path: Path, form: str, clips_first: bool) -> None:
    """Columns by name, literal quotes, splits from the listings, client ids digested, missing clips named."""
    mp3 = b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"\xff\xfb\x90\x00" * 20
    header = b"client_id\tpath\tsentence\tup_votes\tage\tlocale\n"
    rows = b'p1\ta.mp3\t"Quoted once\t2\ttwenties\tga\np1\tb.mp3\ttwo\t2\t\tga\np2\tgone.mp3\tthree\t2\t\tga\n'
    tables = {"validated.tsv": header + rows, "train.tsv": header + b"p1\tb.mp3\ttwo\t2\t\tga\n", "reported.tsv": b"x\n"}
    clips = {"clips/a.mp3": mp3, "clips/b.mp3": mp3 + b"b", "clips/other.mp3": mp3}
    path = common_voice(clips | tables if clips_first else tables | clips, tmp_path, form)
    result = read(path, reader="common-voice")
    assert result.column("text") == ['"Quoted once', "two"]
    assert result.column("split") == [None, "train"]
    assert len(set(result.column("group"))) == 1
    assert "p1" not in str(result.rows)
    assert "twenties" not in str(result.rows)
    assert json.loads(result.rows[0]["fields"]) == {"locale": "ga", "up_votes": "2"}
    assert result.codes == {"media-missing": 1, "media-unlisted": 1, "companion-file": 2}
    verify(path, result)


def test_spontaneous_speech_archives(tmp_path: Path) -> None:
    """The newer layout: audios/, one ss-corpus table with its own splits."""
    mp3 = b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"\xff\xfb\x90\x00" * 20
    table = b"client_id\taudio_id\taudio_file\tprompt\ttranscription\tsplit\n"
    table += b"p\t1\ta.mp3\twhy\tbecause\ttest\np\t2\tb.mp3\tq\tr\tunassigned\n"
    path = tarred(
        tmp_path / "s.tar.gz",
        {"sps-ga/ss-corpus-ga.tsv": table, "sps-ga/audios/a.mp3": mp3, "sps-ga/audios/b.mp3": mp3},
        "w:gz",
    )
    result = read(path, reader="common-voice")
    assert result.column("text") == ["because", "r"]
    assert result.column("split") == ["test", None]


# --- web archives -------------------------------------------------------------------------------------------------------


def warc(records: list[tuple[str, str, bytes]], *, packed: bool = True) -> bytes:
    """Return a WARC file of responses: (url, content type, body)."""
    parts = []
    for number, (url, kind, body) in enumerate(records):
        block = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode() + body
        digest = base64.b32encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()
        head = (
            f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012}>\r\n"
            f"WARC-Date: 2026-01-02T03:04:05Z\r\nWARC-Target-URI: {url}\r\nWARC-Payload-Digest: sha1:{digest}\r\n"
            f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
        )
        record = head.encode() + block + b"\r\n\r\n"
        parts.append(gzip.compress(record) if packed else record)
    return b"".join(parts)


@pytest.mark.parametrize("packed", [True, False])
def test_records_are_items_with_their_address(tmp_path: Path, packed: bool) -> None:
    """Pages become text with URL and time; media become media; each is read back from its offset."""
    page = "<html><title>T</title><p>Gr\u00fc\u00dfe</p></html>".encode("latin-1")
    records = [("http://a.test/p.html", "text/html; charset=iso-8859-1", page), ("http://a.test/i.wav", "audio/wav", wav())]
    path = write(tmp_path / ("a.warc.gz" if packed else "a.warc"), warc(records, packed=packed))
    result = read(path)
    assert result.column("text") == ["Grüße", None]
    assert result.column("url") == ["http://a.test/p.html", "http://a.test/i.wav"]
    assert result.column("media_type") == ["text/html", "audio/wav"]
    assert all("#record=" in locator for locator in result.column("locator"))
    assert result.rows[0]["retrieved_at"] is not None
    verify(path, result)


def test_a_cut_record_is_not_a_page(tmp_path: Path) -> None:
    """Warcio returns the first part of a cut record as if it were whole; here it is a rejection."""
    data = warc([("http://a.test/", "text/html", b"<html>" + b"word " * 5_000 + b"</html>")], packed=False)
    result = read(write(tmp_path / "a.warc", data[:-15_000]))
    assert result.rows == []
    assert result.codes == {"warc-truncated": 1}


def test_a_flipped_payload_is_not_a_page(tmp_path: Path) -> None:
    """The digest that the record carries is compared."""
    data = warc([("http://a.test/", "text/html", b"<html>words and words</html>")], packed=False)
    result = read(write(tmp_path / "a.warc", data.replace(b"words and", b"wordz and")))
    assert result.codes == {"warc-digest": 1}


# --- what other programs' files look like -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_an_integer_beyond_64_bits_keeps_all_its_digits(tmp_path: Path, name: str) -> None:
    """It becomes a text; a float would round it in silence. What fits into 64 bits stays a number."""
    record = '{"a": 12345678901234567890123, "b": [-9223372036854775809], "c": 18446744073709551615, "d": 1e30}'
    found = read(write(tmp_path / name, f"{record}\n" if name.endswith("l") else f"[{record}]"))
    fields = json.loads(found.rows[0]["fields"])
    assert fields == {"a": "12345678901234567890123", "b": ["-9223372036854775809"], "c": 2**64 - 1, "d": 1e30}


def test_a_record_that_is_nested_too_deep_costs_that_record_only(tmp_path: Path) -> None:
    """Deeper than can be written again is a rejection; its neighbours stay."""
    found = read(write(tmp_path / "a.jsonl", '{"a":' + "[" * 900 + "]" * 900 + '}\n{"a":1}\n'))
    assert found.codes == {"bad-record": 1}
    assert found.column("fields") == ['{"a":1}']


def test_a_delimiter_too_many_in_every_row_does_not_shift_the_columns(tmp_path: Path) -> None:
    """The header is one short because the rows end with a delimiter, not because the first column has no name."""
    found = read(write(tmp_path / "a.csv", "id,text\n1,a,\n2,b,\n"), {"text": "text", "id": "id"})
    assert (found.column("text"), found.column("name")) == (["a", "b"], ["1", "2"])


def test_utf_16_of_either_order_is_a_table(tmp_path: Path) -> None:
    """Without a mark too: every other byte is NUL."""
    for encoding in ("utf-16-le", "utf-16-be"):
        assert len(read(write(tmp_path / f"{encoding}.csv", "id,text\n1,a\n2,b\n".encode(encoding))).rows) == 2


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz"])
def test_rows_before_the_damage_of_a_compressed_file_are_kept(tmp_path: Path, ending: str) -> None:
    """A compressed table that is cut, or followed by rubbish, gives what was unpacked before, and a rejection."""
    packs: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
    pack = packs[ending]
    packed = pack(b"id,text\n" + b"".join(b"%d,word %d\n" % (number, number * 7_919) for number in range(20_000)))
    for damaged in (packed[:-1], packed + b"rubbish" if ending != "bz2" else packed[:-2]):
        found = read(write(tmp_path / f"a.csv.{ending}", damaged))
        assert len(found.rows) > 10_000
        assert found.codes == {"damaged-file": 1}


def test_a_crowd_of_comments_does_not_hang_the_look_at_a_page() -> None:
    """Whether a file begins as a page does is found in time that grows with its length, not with its possible readings."""
    from acquisition.read.html import HtmlReader

    assert not HtmlReader().sniff("a", b"<!---->" * 500 + b"x")
    assert HtmlReader().sniff("a", b"<!-- a --> <!-- b -->\n<html>")


def test_an_empty_array_is_said(tmp_path: Path) -> None:
    """An IDX file of no entries holds nothing, and that is a rejection."""
    assert read(write(tmp_path / "a-idx1-ubyte", struct.pack(">BBBBI", 0, 0, 8, 1, 0))).codes == {"empty-file": 1}


GIF = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + b",\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
WEBP = b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8 " + struct.pack("<I", 18) + b"\0" * 18
OGG = b"OggS\0\4" + b"\0" * 20 + b"\2" + bytes([10, 20]) + b"x" * 30


@pytest.mark.parametrize(("name", "whole"), [("a.gif", GIF), ("a.webp", WEBP), ("a.ogg", OGG), ("a.wav", wav(1.0))])
def test_media_that_are_cut_are_found_by_their_own_account(tmp_path: Path, name: str, whole: bytes) -> None:
    """Whole they are items; without their last two bytes they are damaged."""
    assert len(read(write(tmp_path / name, whole)).rows) == 1
    assert read(write(tmp_path / name, whole[:-2])).codes == {"media-damaged": 1}


def test_a_wav_that_was_written_to_a_pipe_is_whole(tmp_path: Path) -> None:
    """Who cannot go back to the header claims the largest length."""
    whole = wav(0.1)
    piped = whole[:40] + b"\xff\xff\xff\xff" + whole[44:]
    assert len(read(write(tmp_path / "a.wav", piped)).rows) == 1


def test_a_page_whose_label_lies_is_read_as_what_it_is(tmp_path: Path) -> None:
    """UTF-8 under a Latin-1 label, and Latin-1 under a UTF-8 label; a declared encoding is believed."""
    page = '<html><head><meta charset="{}"></head><body>café</body></html>'
    assert read(write(tmp_path / "a.html", page.format("iso-8859-1"))).column("text") == ["café"]
    latin = write(tmp_path / "b.html", page.format("utf-8").encode("latin-1"))
    assert read(latin).column("text") == ["café"]
    assert read(latin, options={"encoding": "utf-8"}).column("text") != ["café"]


def test_a_flac_behind_an_id3_tag_is_a_flac(tmp_path: Path) -> None:
    """The tag is not what makes a file MP3."""
    flac = b"fLaC\x80\0\0\x22" + b"\0" * 34 + b"\xff\xf8" + b"x" * 20
    tagged = b"ID3\4\0\0\0\0\0\x0a" + b"\0" * 10 + flac
    assert read(write(tmp_path / "a.flac", tagged)).column("media_type") == ["audio/flac"]
    assert read(write(tmp_path / "b.flac", tagged[:62])).codes == {"media-damaged": 1}

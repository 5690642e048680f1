"""Bundles from strangers: every trick is a finding, nothing is extracted, and nothing crashes."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acquisition import bundle
from acquisition.bundle import seeing, tar
from acquisition.bundle.form import CODES, unsafe
from acquisition.errors import UsageError
from tests.unit.test_bundle import inputs, made

ROOT = "set-1.0.0/"
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Return a good bundle's files by name."""
    folder = tmp_path_factory.mktemp("bundle")
    bundle.write(inputs(made(folder)), folder / "out", as_tar=False)
    return {
        path.relative_to(folder / "out").as_posix(): path.read_bytes()
        for path in sorted((folder / "out").rglob("*"))
        if path.is_file()
    }


def packed(files: Files, target: Path, *more: tuple[tarfile.TarInfo, bytes]) -> Path:
    """Write files, and then members of all kinds, as a tar."""
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(ROOT + name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info, content in more:
            archive.addfile(info, io.BytesIO(content))
    return target


def member(name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", **facts: object) -> tuple[tarfile.TarInfo, bytes]:
    """Return one member."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    for key, value in facts.items():
        setattr(info, key, value)
    return info, content


def found(path: Path) -> set[str]:
    """Return the codes that verifying finds."""
    return {one.code for one in bundle.verify(path).findings}


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        (member(ROOT + "a", tarfile.SYMTYPE, linkname="/etc/passwd"), "bundle.unsafe-member"),
        (member(ROOT + "a", tarfile.LNKTYPE, linkname=ROOT + "README.md"), "bundle.unsafe-member"),
        (member(ROOT + "a", tarfile.CHRTYPE), "bundle.unsafe-member"),
        (member(ROOT + "a", tarfile.FIFOTYPE), "bundle.unsafe-member"),
        (member(ROOT + "a", tarfile.GNUTYPE_SPARSE, b"x" * 600), "bundle.unsafe-member"),
        (member(ROOT + "a", pax_headers={"GNU.sparse.major": "1"}), "bundle.unsafe-member"),
        (member(ROOT + "../../x", content=b"x"), "bundle.unsafe-name"),
        (member("/etc/x", content=b"x"), "bundle.unsafe-name"),
        (member("other/x", content=b"x"), "bundle.unsafe-name"),
        (member(ROOT + "a\\b", content=b"x"), "bundle.unsafe-name"),
        (member(ROOT + "a\nb", content=b"x"), "bundle.unsafe-name"),
        (member(ROOT + "README.md", content=b"x"), "bundle.duplicate"),
        (member(ROOT + "readme.MD", content=b"x"), "bundle.duplicate"),
        (member(ROOT + "curated/extra.wav", content=b"x"), "bundle.extra-file"),
        (member(ROOT + "a" * 5_000, content=b"x"), "bundle.unsafe-name"),
    ],
)
def test_members_that_no_bundle_has_are_findings(
    tmp_path: Path, files: Files, extra: tuple[tarfile.TarInfo, bytes], code: str
) -> None:
    """Links, devices, sparse files, names that lead out, names for the second time, and files that nobody listed."""
    assert code in found(packed(files, tmp_path / "x.tar", extra))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.tar"]


def test_a_header_that_claims_too_much_is_not_believed(tmp_path: Path, files: Files) -> None:
    """A header of gigabytes and a member that is longer than the tar cost neither memory nor time."""
    good = packed(files, tmp_path / "x.tar").read_bytes().rstrip(b"\0")
    good += bytes(-len(good) % 512)
    for kind, size, code in ((b"x", 2**33 - 1, "bundle.too-large"), (b"0", 2**40, "bundle.truncated")):
        info, _ = member(ROOT + "huge", kind)
        info.size = size
        (tmp_path / "x.tar").write_bytes(good + info.tobuf(tarfile.GNU_FORMAT))
        assert code in found(tmp_path / "x.tar")


@pytest.mark.parametrize("cut", [-512, -5_000, 700, 512, 100, 1])
def test_a_truncated_tar_is_one(tmp_path: Path, files: Files, cut: int) -> None:
    """Wherever the tar is cut, that is said, also where only its end is missing."""
    whole = packed(files, tmp_path / "x.tar").read_bytes().rstrip(b"\0")
    (tmp_path / "x.tar").write_bytes(whole[:cut])
    assert "bundle.truncated" in found(tmp_path / "x.tar")
    (tmp_path / "x.tar").write_bytes(packed(files, tmp_path / "y.tar").read_bytes() + b"more" * 200)
    assert "bundle.truncated" in found(tmp_path / "x.tar")


def resealed(files: Files) -> Files:
    """Return the files with a list of digests that fits them, as a forger would write it."""
    changed = {name: content for name, content in files.items() if name != "SHA256SUMS"}
    inner = [name.removeprefix("manifest/") for name in changed if name.startswith("manifest/") and "SHA256SUMS" not in name]
    sums = "".join(f"{hashlib.sha256(changed['manifest/' + name]).hexdigest()}  {name}\n" for name in sorted(inner))
    changed["manifest/SHA256SUMS"] = sums.encode()
    outer = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(changed.items()))
    return {**changed, "SHA256SUMS": outer.encode()}


def _drop_item(files: Files) -> None:
    del files[next(name for name in files if name.endswith("k1.wav"))]


def _forget_left_out(files: Files) -> None:
    files["not-included.jsonl"] = b""


def _swap_bytes(files: Files) -> None:
    files[next(name for name in files if name.endswith("k1.wav"))] = b"something else"


def _lie_of_counts(files: Files) -> None:
    files["bundle.json"] = json.dumps(json.loads(files["bundle.json"]) | {"included": 10}).encode()


def _smuggle(files: Files) -> None:
    files["curated/extra.wav"] = b"x"


def _no_ledger(files: Files) -> None:
    files["manifest/items.parquet"] = b"PAR1"


def _other_types(files: Files) -> None:
    table = pq.read_table(io.BytesIO(files["manifest/items.parquet"]))
    numbers = pa.array(range(len(table)))
    sink = io.BytesIO()
    pq.write_table(table.set_column(table.column_names.index("path"), "path", numbers), sink)
    files["manifest/items.parquet"] = sink.getvalue()


def _other_format(files: Files) -> None:
    files["bundle.json"] = b'{"bundle": 99}'


def _not_json(files: Files) -> None:
    files["not-included.jsonl"] = b"{\n"


def _unknown_part(files: Files) -> None:
    files["extra.txt"] = b"x"


def _cut_lock(files: Files) -> None:
    files["sources.lock"] = b'{"version": 2,\n'


def _long_number(files: Files) -> None:
    files["sources.lock"] = b'{"version": ' + b"9" * 10_000 + b"}"


def _other_lock(files: Files) -> None:
    files["sources.lock"] = b'{"version": 2, "sources": {}}'


def _no_decision(files: Files) -> None:
    files["decisions.jsonl"] = b'{"item": "x"}\n'


@pytest.mark.parametrize(
    ("forge", "code"),
    [
        (_unknown_part, "bundle.contradiction"),
        (_cut_lock, "bundle.damaged"),
        (_long_number, "bundle.damaged"),
        (_other_lock, "bundle.contradiction"),
        (_no_decision, "bundle.damaged"),
        (_drop_item, "bundle.contradiction"),
        (_forget_left_out, "bundle.not-redistributable"),
        (_swap_bytes, "bundle.contradiction"),
        (_lie_of_counts, "bundle.contradiction"),
        (_smuggle, "bundle.contradiction"),
        (_no_ledger, "bundle.damaged"),
        (_other_types, "bundle.damaged"),
        (_other_format, "bundle.damaged"),
        (_not_json, "bundle.damaged"),
    ],
)
def test_papers_that_lie_are_found_though_all_digests_fit(
    tmp_path: Path, files: Files, forge: Callable[[Files], None], code: str
) -> None:
    """Digests that were made anew hide nothing: the papers are compared with each other and with the files."""
    assert found(packed(resealed(dict(files)), tmp_path / "good.tar")) == set()
    forged = dict(files)
    forge(forged)
    assert code in found(packed(resealed(forged), tmp_path / "x.tar"))


def test_a_paper_that_the_manifest_does_not_list_is_found(tmp_path: Path, files: Files) -> None:
    """What lies in the manifest's folder stands in the manifest's own list, not only in the bundle's."""
    changed = {**{name: content for name, content in files.items() if name != "SHA256SUMS"}, "manifest/more.json": b"{}"}
    outer = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(changed.items()))
    told = bundle.verify(packed({**changed, "SHA256SUMS": outer.encode()}, tmp_path / "x.tar")).findings
    assert [(one.code, one.path) for one in told] == [("bundle.contradiction", "manifest/more.json")]


def test_names_that_differ_in_their_accents_alone_are_one(tmp_path: Path, files: Files) -> None:
    """Composed and decomposed accents are one file on some systems."""
    more = [member(ROOT + f"curated/{name}.wav", content=b"x") for name in ("caf\u00e9", "cafe\u0301")]
    assert "bundle.duplicate" in found(packed(files, tmp_path / "x.tar", *more))


def test_what_cannot_be_read_is_a_finding(tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails at one file is told with that file, and the rest is looked at all the same."""
    for key, value in files.items():
        (tmp_path / "x" / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / key).write_bytes(value)
    chunks = seeing._chunks

    def failing(path: Path) -> Iterator[bytes]:
        if path.name == "README.md" and path.parent.name == "x":
            raise OSError(errno.EIO, "Input/output error")
        return chunks(path)

    monkeypatch.setattr(seeing, "_chunks", failing)
    told = bundle.verify(tmp_path / "x").findings
    assert [(one.code, one.path) for one in told] == [("bundle.damaged", "README.md")]
    assert "Input/output error" in told[0].detail


@pytest.mark.parametrize("head", [b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"])
def test_packed_bundles_are_named(tmp_path: Path, head: bytes) -> None:
    """A tar that somebody has packed is not called damaged: it is said that it has to be unpacked."""
    (tmp_path / "x").write_bytes(head + bytes(1_000))
    with pytest.raises(UsageError, match="packed with"):
        bundle.verify(tmp_path / "x")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("README.md", b"other", "bundle.changed-file"),
        ("README.md", None, "bundle.missing-file"),
        ("SHA256SUMS", None, "bundle.missing-file"),
        ("SHA256SUMS", b"zz  README.md\n", "bundle.damaged"),
        ("bundle.json", b"[", "bundle.damaged"),
    ],
)
def test_files_that_changed_are_named(tmp_path: Path, files: Files, name: str, content: bytes | None, code: str) -> None:
    """A changed, a missing and an unreadable file are told apart, in a tar and in a directory."""
    plain = {key: value for key, value in files.items() if key != name}
    if content is not None:
        plain[name] = content
    assert code in found(packed(plain, tmp_path / "x.tar"))
    for key, value in plain.items():
        (tmp_path / "x" / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / key).write_bytes(value)
    assert code in found(tmp_path / "x")


def test_links_in_a_directory_are_not_followed(tmp_path: Path, files: Files) -> None:
    """A directory that was unpacked and then tampered with: links to files and folders are findings."""
    for key, value in files.items():
        (tmp_path / "x" / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / key).write_bytes(value)
    assert found(tmp_path / "x") == set()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "x" / "README.md").unlink()
    (tmp_path / "x" / "README.md").symlink_to(tmp_path / "secret")
    (tmp_path / "x" / "more").symlink_to(tmp_path)
    told = [(one.code, one.path) for one in bundle.verify(tmp_path / "x").findings]
    assert told == [
        ("bundle.missing-file", "README.md"),
        ("bundle.unsafe-member", "README.md"),
        ("bundle.unsafe-member", "more"),
    ]


def test_what_is_no_bundle_is_said(tmp_path: Path) -> None:
    """An absent path and an empty folder are mistakes of the command line; a text file is a tar that is none."""
    for name in ("absent", "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(UsageError):
            bundle.verify(tmp_path / name)
    (tmp_path / "text").write_text("hello")
    assert "bundle.truncated" in found(tmp_path / "text")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_tar_crashes_the_reader(data: st.DataObject) -> None:
    """Any bytes, and a good tar with any bytes changed, end in members and reports, never in an exception."""
    good = (
        tar.header("set/a", 3) + b"abc" + tar.padding(3) + tar.header("set/" + "b" * 200, 1) + b"x" + tar.padding(1) + tar.END
    )
    spoiled = bytearray(good)
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(good) - 1), st.integers(0, 255)), max_size=6)):
        spoiled[place] = value
    content = data.draw(st.sampled_from([bytes(spoiled), data.draw(st.binary(max_size=3_000))]))
    reports: list[tar.Trouble] = []
    for one in tar.members(io.BytesIO(content), reports.append):
        assert sum(len(some) for some in one.content) <= len(content)
    assert all(report.code in CODES for report in reports)


@given(name=st.text(max_size=60))
def test_safe_names_stay_below(name: str) -> None:
    """A name that is accepted leads to a file below the folder that it is read in."""
    if not unsafe(name):
        assert (Path("/base") / name).resolve().is_relative_to("/base")


@pytest.mark.parametrize("name", ["nul", "kick/CON.wav", "a:b.txt", "kick/a.", "kick./a", "a ", "what?.txt", "com¹.txt"])
def test_names_that_are_other_files_on_windows_are_unsafe(name: str) -> None:
    """A device, another stream of a file, and what loses its end are no names that a bundle may have."""
    assert unsafe(name)
    assert not unsafe("kick/console.wav")

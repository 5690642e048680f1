"""Reference sets: whole copies, parts of entries, digest lists; and what is kept of them."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition.errors import FilterUnavailable
from acquisition.filters.duplicates import Duplicates, DuplicatesSettings
from acquisition.filters.duplicates.contamination import span_of
from acquisition.model import Use
from acquisition.protocols import FilterContext
from tests.duplicate_runs import join, run, sign

QUESTION = (
    "Which of the nine canals, dug before the old harbour was closed, carries water from the Brenn to the lower mill pond?"
)
SHORT = "Name the oldest canal!"
PASSAGE = (
    "The lower mill was built of grey stone in a single summer, and its wheel turned for two hundred years without a pause, "
    "until the river was led through a pipe to the new works above the town and the pond fell dry."
)
OTHER = (
    "Nobody on the island owns a car, so the mail is carried by a woman with a handcart, who knows every dog by name and has "
    "never once been late, not even in the winter of the long storm when the jetty was torn away."
)


def contaminated(texts: list[str], folder: Path, **one: Any) -> list[tuple[int, float, str, str]]:
    """Return row, score, way and entry of every contamination flag."""
    flags = run({"one": texts}, folder, against=({"name": "exam", **one},))
    found = [flag for flag in flags.get("one", []) if flag["code"] == "duplicate.contamination"]
    details = [orjson.loads(flag["detail"]) for flag in found]
    assert all(detail["set"] == "exam" for detail in details)
    return [
        (flag["row"], round(flag["score"], 2), detail["by"], detail["entry"])
        for flag, detail in zip(found, details, strict=True)
    ]


def written(folder: Path, name: str, rows: list[dict[str, str]]) -> str:
    """Write an exam in one of the formats that are read."""
    path = folder / name
    if name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif name.endswith(".csv"):
        path.write_text("question,answer\n" + "".join(f'"{row["question"]}","{row["answer"]}"\n' for row in rows))
    else:
        lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(lines) if name.endswith(".gz") else lines)
    return str(path)


@pytest.mark.parametrize("name", ["exam.jsonl", "exam.jsonl.gz", "exam.csv", "exam.parquet"])
def test_an_exam_is_read_in_many_formats(tmp_path: Path, name: str) -> None:
    """A question inside a long document is found by its runs of words, a short one by its normal form; the entry is named."""
    path = written(tmp_path, name, [{"question": QUESTION, "answer": "the third"}, {"question": SHORT, "answer": "none"}])
    texts = [f"{OTHER} {QUESTION.upper()} {PASSAGE}", OTHER, "name the OLDEST canal", PASSAGE]
    found = contaminated(texts, tmp_path, path=path)
    assert [(row, score, way) for row, score, way, _ in found] == [(0, 1.0, "windows"), (2, 1.0, "text")]
    assert all(entry.endswith("/question") for _, _, _, entry in found)


def test_the_declared_column_is_the_text(tmp_path: Path) -> None:
    """With `text` only that column counts, and entries are the rows."""
    path = written(tmp_path, "exam.jsonl", [{"question": QUESTION, "answer": PASSAGE}])
    found = contaminated([QUESTION + " Indeed.", PASSAGE], tmp_path, path=path, text="question")
    assert [(row, entry.endswith("#row=0")) for row, _, _, entry in found] == [(0, True)]


def test_a_part_of_an_entry_scores_its_share(tmp_path: Path) -> None:
    """One run of thirteen words is enough; twelve are not; the span says where."""
    words = QUESTION.split()
    (tmp_path / "exam.txt").write_text(QUESTION)
    texts = [f"{PASSAGE} {' '.join(words[2:15])} {OTHER}", f"{PASSAGE} {' '.join(words[2:14])} {OTHER}"]
    flags = run({"one": texts}, tmp_path, against=({"name": "exam", "path": str(tmp_path / "exam.txt")},))["one"]
    flags = [flag for flag in flags if flag["code"] == "duplicate.contamination"]
    assert [flag["row"] for flag in flags] == [0]
    detail = orjson.loads(flags[0]["detail"])
    assert (detail["shared"], detail["of"]) == (1, len(words) - 12)
    assert flags[0]["score"] == pytest.approx(1 / (len(words) - 12))
    assert texts[0][flags[0]["start"] : flags[0]["end"]] == " ".join(words[2:15])


def test_an_edited_entry_is_a_near_copy(tmp_path: Path) -> None:
    """Changed words break runs, not the likeness."""
    (tmp_path / "exam.txt").write_text(PASSAGE)
    words = PASSAGE.split()
    words[6], words[17], words[29] = "one", "stop", "over"
    found = contaminated([" ".join(words), OTHER], tmp_path, path=str(tmp_path / "exam.txt"))
    assert [(row, way) for row, _, way, _ in found] == [(0, "shingles")]
    assert 0.7 < found[0][1] < 1


def test_all_copies_of_a_contaminated_text_are(tmp_path: Path) -> None:
    """Only one of several equal texts is compared, and all are told."""
    (tmp_path / "exam.txt").write_text(SHORT)
    found = contaminated([SHORT, SHORT, SHORT.upper(), OTHER], tmp_path, path=str(tmp_path / "exam.txt"))
    assert [row for row, *_ in found] == [0, 1, 2]


def test_digest_lists_are_taken_as_they_are_published(tmp_path: Path) -> None:
    """SHA-256 and MD5, bare or as sha256sum writes them, with comments and empty lines."""
    other = hashlib.md5(b"hidden").hexdigest()
    lines = [hashlib.sha256(b"secret").hexdigest() + "  dir/secret.txt", "", "# more", other.upper()]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    found = contaminated(["secret", "hidden", "plain"], tmp_path, digests=str(tmp_path / "list.txt"))
    assert found == [(0, 1.0, "bytes", "dir/secret.txt"), (1, 1.0, "digest", other)]


def test_md5_lists_are_compared_with_the_bytes_of_any_item(tmp_path: Path) -> None:
    """A picture, a row, a member of an archive and a file in another encoding are found by an MD5 list, and others are not."""
    import zipfile

    (tmp_path / "own.png").write_bytes(b"no picture, and digested all the same")
    (tmp_path / "note.txt").write_bytes("Käse".encode("cp1252"))
    with zipfile.ZipFile(tmp_path / "kit.zip", "w") as kit:
        kit.writestr("a/kick.wav", b"RIFF of a kick")
    fields = '{"a":1,"b":"two"}'
    listed = [(tmp_path / "own.png").read_bytes(), (tmp_path / "note.txt").read_bytes(), b"RIFF of a kick", fields.encode()]
    names = ["png", "note", "kick", "row"]
    lines = [f"{hashlib.md5(one).hexdigest()}  {name}" for one, name in zip(listed, names, strict=True)]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    blobs = {
        hashlib.sha256((tmp_path / name).read_bytes()).hexdigest(): tmp_path / name
        for name in ("own.png", "note.txt", "kit.zip")
    }
    png, note, kit_blob = blobs
    base = {"text": None, "fields": None, "member": "", "size": 9}
    items = [
        {**base, "modality": "image", "media_type": "image/png", "blob": png, "content_sha256": png, "locator": "own.png"},
        {**base, "modality": "text", "text": "Käse", "blob": note, "locator": "note.txt"},
        {**base, "modality": "other", "blob": kit_blob, "member": "a/kick.wav", "locator": "kit.zip!/a/kick.wav"},
        {**base, "modality": "table", "fields": fields, "blob": kit_blob, "locator": "x.csv#row=0"},
        {**base, "modality": "other", "blob": kit_blob, "member": "gone.wav", "locator": "kit.zip!/gone.wav"},
        {**base, "modality": "other", "blob": kit_blob, "locator": "kit.zip"},
    ]
    context = FilterContext(
        Use(), {}, ("one",), "", external={blob: str(path) for blob, path in blobs.items()}, base=str(tmp_path)
    )
    made = Duplicates(DuplicatesSettings.model_validate({"against": ({"name": "exam", "digests": "list.txt"},)}), context)
    flags = join(made, sign(made, {"one": items}, tmp_path), tmp_path)["one"]
    found = [
        (flag["row"], orjson.loads(flag["detail"])["entry"]) for flag in flags if flag["code"] == "duplicate.contamination"
    ]
    assert found == [(0, "png"), (1, "note"), (2, "kick"), (3, "row")]


def test_sets_that_are_no_longer_declared_are_swept(tmp_path: Path) -> None:
    """What is kept of a set goes when the set is no longer declared or is another one; nothing else there is touched."""
    for name in ("exam", "quiz"):
        (tmp_path / f"{name}.txt").write_text(PASSAGE + name)
    context = FilterContext(Use(), {}, ("one",), str(tmp_path / "data" / "blobs"), base=str(tmp_path))
    root = tmp_path / "data" / "references"

    def kept(*names: str) -> int:
        against = tuple({"name": name, "path": f"{name}.txt"} for name in names)
        made = Duplicates(DuplicatesSettings.model_validate({"against": against}), context)
        sign(made, {"one": [PASSAGE]}, tmp_path)
        return len(list(root.glob("*.parquet")))

    assert kept("exam", "quiz") == 4
    (root / "notes.txt").write_text("mine")
    assert kept("quiz") == 2
    (tmp_path / "quiz.txt").write_text(OTHER)
    assert kept("quiz") == 2
    against = ({"name": "quiz", "path": "quiz.txt"},)
    made = Duplicates(DuplicatesSettings.model_validate({"against": against}), context)
    signatures = sign(made, {"one": [OTHER]}, tmp_path)
    for file in root.glob("*.parquet"):
        file.unlink()  # as a takedown does, while a process has the filter prepared
    assert join(made, signatures, tmp_path)["one"][0]["code"] == "duplicate.contamination"
    assert kept() == 0
    assert (root / "notes.txt").exists()


@pytest.mark.parametrize(("name", "content"), [("missing.jsonl", None), ("list.txt", "not a digest\n")])
def test_what_cannot_be_compared_with_is_an_error(tmp_path: Path, name: str, content: str | None) -> None:
    """A set that is not there, or is no list of digests, calls nothing clean."""
    if content is not None:
        (tmp_path / name).write_text(content)
    one = {"digests": str(tmp_path / name)} if content else {"path": str(tmp_path / name)}
    with pytest.raises(FilterUnavailable) as raised:
        contaminated(["text"], tmp_path, **one)
    assert raised.value.where == str(tmp_path / name)


def test_a_set_is_signed_once(tmp_path: Path) -> None:
    """What is kept of a reference set lies beside the blobs under its digest and is used again."""
    (tmp_path / "exam.txt").write_text(PASSAGE)
    settings = DuplicatesSettings.model_validate({"against": ({"name": "exam", "path": "exam.txt"},)})
    context = FilterContext(Use(), {}, ("one",), str(tmp_path / "data" / "blobs"), base=str(tmp_path))
    kept = []
    for _ in range(2):
        made = Duplicates(settings, context)
        assert join(made, sign(made, {"one": [PASSAGE]}, tmp_path), tmp_path)["one"][0]["code"] == "duplicate.contamination"
        kept.append({path.name: path.stat().st_mtime_ns for path in (tmp_path / "data" / "references").glob("*.parquet")})
    assert len(kept[0]) == 2
    assert kept[0] == kept[1]
    assert settings.inputs() == ("exam.txt",)


def test_pictures_of_a_folder_are_entries(tmp_path: Path) -> None:
    """A reference set of pictures is compared by its pixels."""
    from PIL import Image

    chance = [(number * 7919) % 256 for number in range(32 * 32 * 3)]
    picture = Image.frombytes("RGB", (32, 32), bytes(chance))
    (tmp_path / "exam").mkdir()
    picture.save(tmp_path / "exam" / "a.png")
    picture.save(tmp_path / "own.bmp")
    digest = hashlib.sha256((tmp_path / "own.bmp").read_bytes()).hexdigest()
    item = {"modality": "image", "media_type": "image/bmp", "text": None, "blob": digest, "content_sha256": digest, "size": 9}
    context = FilterContext(Use(), {}, ("one",), "", external={digest: str(tmp_path / "own.bmp")}, base=str(tmp_path))
    made = Duplicates(DuplicatesSettings.model_validate({"against": ({"name": "exam", "path": "exam"},)}), context)
    (flag,) = join(made, sign(made, {"one": [item]}, tmp_path), tmp_path)["one"]
    assert (flag["code"], orjson.loads(flag["detail"])["by"]) == ("duplicate.contamination", "pixels")


def test_spans_are_found_through_links_and_marks() -> None:
    """Words that the normal form leaves out are not counted."""
    text = "See https://example.org now -- Élan vital, isn't it?"
    start, end = span_of(text.encode(), 2, 3)
    assert text[start:end] == "Élan vital, isn't"


def test_nothing_is_said_of_contamination_without_a_set(tmp_path: Path) -> None:
    """Without a reference set the filter says that it did not look."""
    made = Duplicates(DuplicatesSettings(), FilterContext(Use(), {}, ("one",), ""))
    assert any("no reference set" in sentence for sentence in made.not_checked())

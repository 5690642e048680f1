"""The curated set on disk: folders and tables, loaded by the real `datasets` library and by pyarrow."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from acquisition.errors import WorkspaceDamaged
from acquisition.model import Decision, Outcome
from acquisition.settings import CuratedSettings, PolicyRule, SplitSettings
from tests.judged_shards import World, png, tree, wav

pytestmark = pytest.mark.flow

FOLDERS = CuratedSettings(layout="folders", path="{split}/{class}/{name}")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return an empty world."""
    return World(tmp_path)


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return `datasets.load_dataset`, offline, with its cache in the test's own folder and audio left as files."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    # `datasets` wants torch even to note an audio file's path; decoding is not what is tested here
    monkeypatch.setattr(datasets.Audio, "encode_example", lambda _self, value: {"bytes": None, "path": value})
    datasets.disable_progress_bars()
    return lambda *args, **kwargs: datasets.load_dataset(*args, cache_dir=str(tmp_path / "cache"), **kwargs)


def drums(world: World) -> None:
    """Fill a world with ten drum sounds of two sources."""
    world.add("kit", [world.media(wav(n), f"{n}", "kick" if n % 2 else "snare", split="train") for n in range(6)])
    world.add("pack", [world.media(wav(n), f"{n}", "bd", split="test") for n in range(6, 10)])


def test_audiofolder_loads(world: World, load: Any) -> None:
    """A folder per split and class loads as audiofolder, with the class that the declaration made of the labels."""
    drums(world)
    result = world.build(FOLDERS.model_copy(update={"classes": {"kicks": ("kick", "bd")}}))
    assert (result.kept, result.splits) == (10, {"test": 4, "train": 6})
    for loaded in (load("audiofolder", data_dir=str(world.workspace.curated)), load(str(world.workspace.curated))):
        import datasets

        rows = loaded["train"].cast_column("audio", datasets.Audio(decode=False))
        assert sorted(rows["label"]) == ["kicks"] * 3 + ["snare"] * 3
        assert all(Path(audio["path"]).read_bytes()[:4] == b"RIFF" for audio in rows["audio"])
        assert set(loaded["test"]["label"]) == {"kicks"}


def test_imagefolder_loads(world: World, load: Any) -> None:
    """Images in class folders without splits load as imagefolder, in one split."""
    world.add("pictures", [world.media(png(n), f"{n}", "ab"[n % 2], kind="image/png") for n in range(4)])
    world.build(CuratedSettings(layout="folders"))
    assert (world.workspace.curated / "a" / "0.png").read_bytes() == png(0)
    loaded = load("imagefolder", data_dir=str(world.workspace.curated))
    assert loaded.num_rows == {"train": 4}
    assert sorted(loaded["train"]["label"]) == ["a", "a", "b", "b"]
    assert loaded["train"][0]["image"].size == (4, 1)


def test_text_folders_load(world: World, load: Any) -> None:
    """Texts become .txt files and still load as a data set through the card."""
    world.add("sms", [world.text(f"message {n}", n, "ham") for n in range(3)])
    world.build(FOLDERS)
    assert (world.workspace.curated / "train" / "ham" / "rows-1.txt").read_text() == "message 1"
    assert load(str(world.workspace.curated))["train"]["text"] == ["message 0", "message 1", "message 2"]


def test_mixed_folders_load_by_modality(world: World, load: Any) -> None:
    """A set of sounds and texts loads as sounds; the listing of the texts loads as JSON Lines."""
    drums(world)
    world.add("sms", [world.text(f"message {n}", n, "ham") for n in range(30)])
    world.build(FOLDERS)
    assert load(str(world.workspace.curated))["train"].num_rows == 6
    assert load("json", data_files=str(world.workspace.curated / "train" / "text.jsonl"))["train"].num_rows == 30


def test_sounds_beside_pictures(world: World, load: Any) -> None:
    """A set of sounds, pictures and texts loads as audiofolder and as imagefolder, labels from the folders."""
    drums(world)
    world.add(
        "plates", [world.media(png(n), f"{n}", "ab"[n % 2], kind="image/png", split=("test", "train")[n > 1]) for n in range(6)]
    )
    world.add("sms", [world.text(f"message {n}", n, "ham") for n in range(3)])
    world.build(FOLDERS)
    curated = str(world.workspace.curated)
    for loaded in (load("audiofolder", data_dir=curated), load(curated)):
        assert loaded.num_rows == {"test": 4, "train": 6}
        assert set(loaded["train"].features["label"].names) == {"bd", "kick", "snare"}
    pictures = load("imagefolder", data_dir=curated)["train"]
    assert pictures.num_rows == 4
    assert {pictures.features["label"].names[label] for label in pictures["label"]} == {"a", "b"}
    assert (world.workspace.curated / "train" / "image.jsonl").is_file()


def test_parquet_loads(world: World, load: Any) -> None:
    """Tables load with `datasets`, where audio is audio, and with plain pyarrow, where it is bytes and a path."""
    drums(world)
    world.build(CuratedSettings())
    loaded = load(str(world.workspace.curated))
    assert loaded.num_rows == {"test": 4, "train": 6}
    assert type(loaded["train"].features["audio"]).__name__ == "Audio"
    table = pq.read_table(world.workspace.curated / "data" / "train-00000.parquet")
    assert table["audio"][0].as_py() == {"bytes": wav(0), "path": "0.wav"}
    assert table.column_names == ["id", "label", "license", "source", "audio"]


def test_parquet_of_everything(world: World, load: Any) -> None:
    """A set of sounds, texts and rows is one table whose other columns are null."""
    drums(world)
    world.add("sms", [world.text("hello", 0, "ham", split="train")])
    world.add("iris", [world.table({"petal": 1.5}, 0, "setosa", split="train")])
    world.build(CuratedSettings())
    rows = load(str(world.workspace.curated))["train"].select_columns(["text", "fields", "label"]).to_list()
    assert [row for row in rows if row["text"] or row["fields"]] == [
        {"text": None, "fields": '{"petal":1.5}', "label": "setosa"},
        {"text": "hello", "fields": None, "label": "ham"},
    ]


def test_columns_of_a_table(world: World, load: Any) -> None:
    """Where all items have the same fields, each is a typed column; a name of ours gets a prefix."""
    rows: list[dict[str, Any]] = [
        {"petal": 1, "wet": True, "note": "x", "id": 7},
        {"petal": 1.5, "wet": None, "note": None, "id": 8},
    ]
    world.add("iris", [world.table(row, n, "setosa") for n, row in enumerate(rows)])
    world.build(CuratedSettings())
    loaded = load(str(world.workspace.curated))["train"]
    assert loaded.features["petal"].dtype == "float64"
    assert [loaded[n][name] for n in (0, 1) for name in ("petal", "wet", "note", "field_id")] == [
        1.0,
        True,
        "x",
        7,
        1.5,
        None,
        None,
        8,
    ]


@pytest.mark.parametrize("layout", ["folders", "parquet"])
def test_redacted_text_never_reaches_the_set(world: World, layout: str) -> None:
    """Flagged spans are replaced in every file of the set, overlapping ones once, and the change is recorded."""
    text = "Write to ann@example.org or 555-0100 today."
    flags = [
        {"row": 0, "code": "pii.email-address", "field": "text", "start": 9, "end": 24},
        {"row": 0, "code": "pii.url", "field": "text", "start": 13, "end": 24},
        {"row": 0, "code": "pii.phone-number", "field": "text", "start": 28, "end": 36},
        {"row": 1, "code": "pii.email-address", "field": "fields", "start": 9, "end": 24},
    ]
    world.add("mail", [world.text(text, 0, "x"), world.table({"mail": "ann@example.org", "n": 1}, 1, "x")], flags)
    world.build(CuratedSettings(layout=layout))
    everything = b"".join(path.read_bytes() for path in world.workspace.curated.rglob("*") if path.is_file())
    if layout == "parquet":
        table = pq.read_table(world.workspace.curated / "data" / "train-00000.parquet")
        everything += repr(table.to_pylist()).encode()
    assert b"ann@example.org" not in everything
    assert b"555-0100" not in everything
    assert b"Write to <EMAIL_ADDRESS> or <PHONE_NUMBER> today." in everything
    assert b"mail" in everything
    assert [row["changes"] for row in world.placements()] == [
        ["text: replaced by <EMAIL_ADDRESS>, <PHONE_NUMBER>"],
        ["fields: replaced by <EMAIL_ADDRESS>"],
    ]


def test_same_items_same_bytes(tmp_path: Path) -> None:
    """Two builds of the same items are equal byte for byte, whatever the order in which the shards are handed over."""
    worlds = [World(tmp_path / name) for name in "ab"]
    for world in worlds:
        drums(world)
    worlds[1].shards.reverse()
    for settings in (FOLDERS, CuratedSettings()):
        for world in worlds:
            world.build(settings)
        assert tree(worlds[0].workspace.curated) == tree(worlds[1].workspace.curated)
        assert tree(worlds[0].workspace.placements) == tree(worlds[1].workspace.placements)


def test_list_of_files_is_complete(world: World) -> None:
    """Every file of the set is listed once with its digest, the item's own files and the others."""
    drums(world)
    for settings in (FOLDERS, CuratedSettings()):
        result = world.build(settings)
        listed = [json.loads(line) for line in (world.workspace.placements / "files.jsonl").read_text().splitlines()]
        assert {file["path"]: file["sha256"] for file in listed} == tree(world.workspace.curated)
        assert result.files == len(listed)
        assert result.bytes == sum(file["size"] for file in listed)


def _reflinked(path: Path) -> bool:
    tool = shutil.which("filefrag")
    return tool is None or "shared" in subprocess.run([tool, "-v", path], capture_output=True, text=True, check=False).stdout


def test_bytes_are_held_once(world: World) -> None:
    """A blob of the workspace is linked where it is a whole file; a file of the user's own is copied, never hard-linked."""
    own = world.workspace.root.parent / "own.wav"
    rows = [world.media(wav(0), "ours", "kick"), world.media(wav(1), "theirs", "kick")]
    world.blob(wav(1), own)
    world.add("kit", rows)
    world.build(FOLDERS)
    ours = world.workspace.curated / "train" / "kick" / "ours.wav"
    theirs = ours.with_name("theirs.wav")
    blob = world.blobs[world.blob(wav(0))]
    assert ours.read_bytes() == wav(0)
    assert ours.stat().st_ino == blob.stat().st_ino or _reflinked(ours)
    assert theirs.stat().st_ino != own.stat().st_ino
    assert theirs.read_bytes() == wav(1)


def test_changed_file_of_the_user_is_refused(world: World) -> None:
    """A file that is not what was staged stops the build, and the previous set stays."""
    drums(world)
    world.build(FOLDERS)
    before = tree(world.workspace.curated)
    own = world.workspace.root.parent / "own.wav"
    row = world.media(wav(99), "mine", "kick")
    world.blob(wav(99), own)
    world.add("own", [row])
    own.write_bytes(wav(98))
    with pytest.raises(WorkspaceDamaged):
        world.build(FOLDERS)
    assert tree(world.workspace.curated) == before


def test_colliding_and_hostile_names(world: World) -> None:
    """Names that are equal get the item's id behind them; no name leaves its folder."""
    rows = [
        world.media(wav(n), name, label, locator=f"{n}")
        for n, (name, label) in enumerate([("a", "k"), ("a", "k"), ("..", "../../x")])
    ]
    ids = world.add("kit", rows)
    world.build(CuratedSettings(layout="folders", path="{class}/{name}"))
    assert [row["path"] for row in world.placements()] == ["k/a.wav", f"k/a-{ids[1][:8]}.wav", "-..-x/_.wav"]


def test_balance_and_decisions_are_recorded(world: World) -> None:
    """Held, dropped, surplus and too-few items are all accounted for, each with its code."""
    rows = [world.media(wav(n), f"{n}", "kick" if n < 5 else "rare") for n in range(7)]
    ids = world.add("kit", rows, [{"row": 0, "code": "license.denied"}, {"row": 1, "code": "brand-new.flag"}])
    settings = FOLDERS.model_copy(
        update={"balance": CuratedSettings.model_validate({"balance": {"max_per_class": 3, "min_per_class": 3}}).balance}
    )
    decision = Decision(ids[1], Outcome.KEEP, "ann", "2026-11-20T00:00:00Z", "listened to it")
    result = world.build(settings, decisions={ids[1]: decision})
    found = [(row["outcome"], row["code"]) for row in world.placements()]
    assert found[0] == ("drop", "license.denied")
    assert sorted(found[1:5]).count(("hold", "balance.surplus")) == 1
    assert found[5:] == [("hold", "balance.too-few")] * 2
    assert (result.kept, result.left_out, result.surplus) == (3, {"rare": 2}, {"kick": 1})


def test_empty_set(world: World) -> None:
    """A set in which nothing is kept is still built, with its card."""
    world.add("kit", [world.media(wav(0), "a", "kick")], [{"row": 0, "code": "license.denied"}])
    for settings in (FOLDERS, CuratedSettings()):
        assert world.build(settings).kept == 0
        assert (world.workspace.curated / "README.md").is_file()


def test_groups_never_part(world: World) -> None:
    """With shares declared, the items of one speaker and of one duplicate cluster lie in one split."""
    rows = [world.text(f"sentence {n}", n, "x", group=f"speaker {n // 10}") for n in range(400)]
    flags = [{"row": n, "code": "duplicate.representative", "detail": '{"cluster":"c"}'} for n in (3, 350)]
    world.add("voices", rows, flags)
    splits = SplitSettings.model_validate({"train": 0.5, "test": 0.5, "group_by": ("duplicate-cluster", "group"), "seed": 7})
    result = world.build(CuratedSettings(splits=splits), rules=[PolicyRule(flag="duplicate.*", outcome="keep")])
    placed = world.placements()
    by_group = {group: {row["split"] for row in placed if row["group"] == group} for group in {row["group"] for row in placed}}
    assert all(len(found) == 1 for found in by_group.values())
    assert placed[3]["split"] == placed[350]["split"]
    assert min(result.splits.values()) > 50
    assert not any("speaker" in row["group"] for row in placed)

"""Staging: bounded parts, shards that are cut and named the same every time, rejections that are kept or counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.errors import ArchiveRefused
from acquisition.model import FOUND_SCHEMA, ITEM_SCHEMA, Rejection, item_id
from acquisition.protocols import Binary, Found, ReadContext
from acquisition.settings import SourceSettings
from acquisition.stage import Held, Part, inputs_of, load_staged, parts_of, stage_part, staged_from, write_staged
from acquisition.stage.parts import PART_BYTES, PART_FILES
from acquisition.stage.shards import MAX_ROWS

SETTINGS = SourceSettings(kind="http")


def held(path: str, size: int = 10, sha256: str = "aa") -> Held:
    """A file of a release."""
    return Held(path, f"/somewhere/{path}", sha256, size, "2026-01-01T00:00:00Z")


def part(directory: Path, *files: Held, limit: int | None = None) -> Part:
    """A part in a directory."""
    return Part("s", "1", str(directory), directory.name, 0, files, SETTINGS, "", limit)


def batch(asset: str, count: int, start: int = 0) -> pa.RecordBatch:
    """Items as a reader finds them."""
    rows: dict[str, list[Any]] = {name: [None] * count for name in FOUND_SCHEMA.names}
    rows |= {
        "locator": [f"{asset}#row={start + row}" for row in range(count)],
        "member": [""] * count,
        "modality": ["text"] * count,
        "media_type": ["text/plain"] * count,
        "size": [1] * count,
        "content_sha256": ["00"] * count,
        "text": ["x"] * count,
        "name": ["n"] * count,
    }
    return pa.RecordBatch.from_pydict(rows, schema=FOUND_SCHEMA)


def open_nothing(path: Path, name: str) -> Binary:
    """Files are not opened by these readers."""
    return None  # type: ignore[return-value]  # the readers of these tests look at the context alone


def three_each(binary: Binary, context: ReadContext) -> Iterator[Found]:
    """Find three items and one bad row in every file."""
    yield batch(context.asset, 3)
    yield Rejection("bad-row", context.source, context.release, context.asset, f"{context.asset}#row=3", "no")


def attacked(binary: Binary, context: ReadContext) -> Iterator[Found]:
    """Find one item, then meet an attack."""
    yield batch(context.asset, 1)
    raise ArchiveRefused("climbs out")


def many(binary: Binary, context: ReadContext) -> Iterator[Found]:
    """Find more items than fit one shard."""
    for start in range(0, 45_000, 5_000):
        yield batch(context.asset, 5_000, start)


@given(
    st.lists(st.tuples(st.text("abc/", min_size=1, max_size=5), st.integers(0, 2 * PART_BYTES)), unique_by=lambda pair: pair[0])
)
def test_parts_hold_every_file_once_within_bounds(files: list[tuple[str, int]]) -> None:
    """Files are grouped in order of their paths; a group exceeds the bound only when one file does."""
    groups = list(parts_of(held(path, size) for path, size in files))
    assert [file.path for group in groups for file in group] == sorted(path for path, _ in files)
    for group in groups:
        assert len(group) == 1 or sum(file.size for file in group) <= PART_BYTES
        assert 0 < len(group) <= PART_FILES


def test_items_get_their_identity(tmp_path: Path) -> None:
    """Every item has its id, source, release, asset, blob and the time when its file came."""
    result = stage_part(part(tmp_path, held("a.csv"), held("b.csv", sha256="bb")), find=three_each, open_file=open_nothing)
    table = pq.read_table(result.shards[0].path)
    assert table.schema == ITEM_SCHEMA
    assert table.column("id").to_pylist()[0] == item_id("s", "1", "a.csv#row=0")
    assert table.column("blob").to_pylist() == ["aa"] * 3 + ["bb"] * 3
    assert str(table.column("retrieved_at")[0].as_py()) == "2026-01-01 00:00:00+00:00"
    assert [rejection.locator for rejection in result.rejections] == ["a.csv#row=3", "b.csv#row=3"]
    assert result.items == 6


def test_shards_are_bounded_and_the_same_each_time(tmp_path: Path) -> None:
    """Rows per shard are bounded, order is kept, and two runs write the same bytes."""
    one = stage_part(part(tmp_path / "one", held("a")), find=many, open_file=open_nothing)
    two = stage_part(part(tmp_path / "two", held("a")), find=many, open_file=open_nothing)
    assert [shard.rows for shard in one.shards] == [MAX_ROWS, MAX_ROWS, 5_000]
    assert [shard.digest for shard in one.shards] == [shard.digest for shard in two.shards]
    rows = [locator for shard in one.shards for locator in pq.read_table(shard.path, columns=["locator"])[0].to_pylist()]
    assert rows == [f"a#row={row}" for row in range(45_000)]


def test_a_part_that_is_done_is_not_read_again(tmp_path: Path) -> None:
    """The record of a part stands for it; only the record's shards count."""
    done = stage_part(part(tmp_path, held("a")), find=three_each, open_file=open_nothing)
    assert stage_part(part(tmp_path, held("a")), find=attacked, open_file=open_nothing) == done


def test_an_attack_is_a_rejection_and_the_other_files_go_on(tmp_path: Path) -> None:
    """An error while a file is read ends that file, with a record of why, and nothing else."""
    result = stage_part(part(tmp_path, held("a"), held("b")), find=attacked, open_file=open_nothing)
    assert result.items == 2
    assert [(rejection.code, rejection.asset) for rejection in result.rejections] == [
        ("archive-refused", "a"),
        ("archive-refused", "b"),
    ]


@pytest.mark.parametrize("limit", [1, 3, 4])
def test_a_limit_on_items_is_exact(tmp_path: Path, limit: int) -> None:
    """No more items than the limit are staged, and the result says that it was cut short."""
    result = stage_part(part(tmp_path, held("a"), held("b"), limit=limit), find=three_each, open_file=open_nothing)
    assert result.items == limit
    assert result.capped


def test_staged_releases_are_found_again_by_their_inputs(tmp_path: Path) -> None:
    """The record is used for the same inputs only, also after the workspace was moved, and not without its shards."""
    directory = tmp_path / "here"
    result = stage_part(part(directory, held("a")), find=three_each, open_file=open_nothing)
    inputs = inputs_of([held("a")], SETTINGS, "1", "", "v1", None)
    staged = staged_from("s", "1", inputs.key, directory, [result])
    write_staged(staged, inputs)
    assert load_staged(directory, inputs.key) == staged
    assert load_staged(directory, "other") is None
    moved = directory.rename(tmp_path / "there")
    again = load_staged(moved, inputs.key)
    assert again is not None
    assert Path(again.shards[0].path).parent == moved
    Path(again.shards[0].path).unlink()
    assert load_staged(moved, inputs.key) is None


def test_the_key_names_bytes_and_how_they_are_read() -> None:
    """Bytes, readers, limits and the items block change the key; why and limits of the source do not."""
    files = [held("a"), held("b")]
    key = inputs_of(files, SETTINGS, "1", "", "v1", None).key
    assert key == inputs_of(reversed(files), SETTINGS.model_copy(update={"why": "x"}), "1", "", "v1", None).key
    assert key != inputs_of([replace(files[0], sha256="ff"), files[1]], SETTINGS, "1", "", "v1", None).key
    assert key != inputs_of(files, SETTINGS, "1", "", "v2", None).key
    assert key != inputs_of(files, SETTINGS, "1", "", "v1", 5).key
    other = SourceSettings.model_validate({"kind": "http", "items": {"label": "x"}})
    assert key != inputs_of(files, other, "1", "", "v1", None).key

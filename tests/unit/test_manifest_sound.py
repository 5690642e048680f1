"""A ledger that contradicts itself is printed in no format: every kind of fault is named with its first row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition.errors import ExportRefused
from acquisition.manifest.columns import LEDGER_SCHEMA
from acquisition.manifest.sound import demand_sound
from tests.judged_shards import World, write_manifest

UNDATED = [{"field": "license", "raw": "x", "url": "https://a.example", "sha256": "0" * 64, "at": "", "file": ""}]
BARE = [{"field": "license", "raw": "x", "url": "", "sha256": "", "at": "2026-11-21T00:00:00Z", "file": ""}]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Two kept items that ask for credit, one dropped item, one that asks for nothing."""
    world = World(tmp_path_factory.mktemp("sound"))
    texts = [world.text(f"m{n}", n) for n in range(3)]
    world.add("kit", texts, [{"row": 2, "code": "license.denied"}], license_="CC-BY-4.0 OR MIT")
    world.add("sms", [world.text("free", 0)])
    write_manifest(world, formats=("items",))
    demand_sound(world.workspace.manifest / "items.parquet")
    found: list[dict[str, Any]] = pq.read_table(world.workspace.manifest / "items.parquet").to_pylist()
    return found


@pytest.mark.parametrize(
    ("row", "facts", "fault"),
    [
        (0, {"id": "x"}, "have a id that is none (row 1, item x)"),
        (1, {"content_sha256": "zz"}, "have a content_sha256 that is none (row 2"),
        (3, {"modality": "banana"}, "have a modality of no meaning (row 4"),
        (0, {"synthetic": "surely not"}, "have a synthetic of no meaning (row 1"),
        (0, {"size": -1}, "have a negative size (row 1"),
        (2, {"path": "data/x.txt"}, "have a place in the set that their decision does not give them (row 3"),
        (0, {"takedown": "T-1"}, "have a place in the set that their decision does not give them (row 1"),
        (0, {"code": "takedown"}, "have a place in the set that their decision does not give them (row 1"),
        (0, {"path": ""}, "are kept and have no place in the set (row 1"),
        (2, {"outcome": "keep"}, "are kept and have no place in the set (row 3"),
        (0, {"split": ""}, "are kept and in no split (row 1"),
        (3, {"declared_spdx": ""}, "are kept with a declared_spdx that is no SPDX expression (row 4"),
        (3, {"concluded_spdx": "as you like"}, "are kept with a concluded_spdx that is no SPDX expression (row 4"),
        (3, {"evidence": []}, "are kept under a license without dated evidence (row 4"),
        (3, {"evidence": UNDATED}, "are kept under a license without dated evidence (row 4"),
        (3, {"evidence": BARE}, "are kept under a license without dated evidence (row 4"),
        (1, {"duties": []}, "are kept without the credit that their license asks for (row 2"),
        (3, {"concluded_spdx": "CC-BY-4.0 OR MIT"}, "are kept without the credit that their license asks for (row 4"),
    ],
)
def test_a_row_that_contradicts_itself_is_named(
    rows: list[dict[str, Any]], tmp_path: Path, row: int, facts: dict[str, Any], fault: str
) -> None:
    """Words, digests, places, licenses, evidence and credit: whatever an export would claim of the row stands in it."""
    changed = [one | (facts if place == row else {}) for place, one in enumerate(rows)]
    assert fault in _refused(changed, tmp_path)


def test_ids_and_places_are_unique(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    """Two rows of one id or in one place would be told as one item, or as two."""
    assert "have the id of another" in _refused([rows[0], rows[1] | {"id": rows[0]["id"]}, *rows[2:]], tmp_path)
    assert "are kept in the place of another" in _refused([rows[0], rows[1] | {"path": rows[0]["path"]}, *rows[2:]], tmp_path)


def test_what_nobody_knows_needs_no_evidence(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    """A license that nobody has concluded claims nothing; of items that are not kept only the form is looked at."""
    unknown = {"concluded_spdx": "NOASSERTION", "declared_spdx": "NOASSERTION", "evidence": [], "duties": []}
    pq.write_table(
        pa.Table.from_pylist([*rows[:2], rows[2] | {"evidence": []}, rows[3] | unknown], LEDGER_SCHEMA), tmp_path / "x"
    )
    demand_sound(tmp_path / "x")
    pq.write_table(LEDGER_SCHEMA.empty_table(), tmp_path / "y")
    demand_sound(tmp_path / "y")


def _refused(rows: list[dict[str, Any]], folder: Path) -> str:
    pq.write_table(pa.Table.from_pylist(rows, LEDGER_SCHEMA), folder / "items.parquet")
    with pytest.raises(ExportRefused) as caught:
        demand_sound(folder / "items.parquet")
    assert caught.value.where == str(folder / "items.parquet")
    return caught.value.message

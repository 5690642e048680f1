"""What a person is told of how a set loads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acquisition.curate.noting import on_layout
from acquisition.protocols import NO_OUTLINE


@pytest.mark.parametrize(
    ("modalities", "layout", "told"),
    [
        ({"audio": 3, "text": 60, "table": 4}, "folders", ["3 items of kind audio", "other 64", "table.jsonl, text.jsonl"]),
        ({"audio": 3, "image": 2}, "folders", ["3 items of kind audio", "other 2", "image.jsonl"]),
        ({"audio": 3}, "folders", []),
        ({"text": 9, "table": 1}, "folders", []),
        ({"audio": 3, "text": 60}, "parquet", []),
    ],
)
def test_what_a_folder_reader_passes_over_is_said(modalities: dict[str, int], layout: str, told: list[str]) -> None:
    """Beside media of one kind everything else needs another call, and the note has its numbers; other sets have no note."""
    notes = list(on_layout(replace(NO_OUTLINE, modalities=modalities), layout))
    assert len(notes) == bool(told)
    assert all(words in note for note in notes for words in told)

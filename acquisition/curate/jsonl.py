"""Layout `jsonl`: one JSON Lines file per split (cut at a bounded size), media beside them as files that the lines name.

Loads with `datasets.load_dataset` through the card, with `pandas.read_json(lines=True)` and with `pyarrow.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import orjson

from acquisition.curate.appending import Appender
from acquisition.curate.card import write_head
from acquisition.curate.listing import columns_of, core_values, extension_of, features_of, field_columns, field_values
from acquisition.curate.naming import PathNames
from acquisition.model import Modality
from acquisition.protocols import Layout, Outline, Placed
from acquisition.settings import CuratedSettings

MAX_FILE_BYTES: Final = 400_000_000
_MEDIA: Final = frozenset({Modality.AUDIO, Modality.IMAGE, Modality.OTHER})


class JsonLines(Layout):
    """data/<split>-00000.jsonl and on; media below media/, by the declared path, named by `file_name`."""

    name: ClassVar[str] = "jsonl"
    version: ClassVar[int] = 2

    def write(
        self,
        items: Iterator[Placed],
        directory: Path,
        settings: CuratedSettings,
        link: Callable[[Mapping[str, Any], Path], int],
    ) -> Iterator[tuple[str, str]]:
        """Write the lines; yield (id, "data/train-00000.jsonl#row=17")."""
        lines, names = _Lines(self.outline), PathNames(settings.path or "{split}/{name}", self.outline)
        files: dict[str, _File] = {}
        (directory / "data").mkdir()
        with Appender() as appender:
            for placed in items:
                file = files.setdefault(placed.split, _File(directory, placed.split, appender))
                name = ""
                if placed.row["modality"] in _MEDIA:
                    name = f"media/{names.free(placed, extension_of(placed.row))}"
                    link(placed.row, directory / name)
                yield str(placed.row["id"]), file.add(lines.of(placed, name))
        configs = [{"split": split, "path": f"data/{split}-*.jsonl"} for split in sorted(files)]
        features = features_of(self.outline, ("file_name",) if lines.names_files else ())
        write_head(directory, [{"config_name": "default", "data_files": configs}] if configs else [], {"default": features})


class _Lines:
    """Turns kept items into lines that all have the same keys: readers take the first lines' types for all."""

    def __init__(self, outline: Outline) -> None:
        self._core = columns_of(outline)
        self._types = outline.columns or {}
        self._expanded = field_columns(outline)
        self._whole = not self._expanded and "fields" in outline.filled
        self.names_files = any(modality in _MEDIA for modality in outline.modalities)

    def of(self, placed: Placed, file_name: str) -> bytes:
        values: dict[str, Any] = {
            name: "" if value is None else value for name, value in core_values(placed, self._core).items()
        }
        if self.names_files:
            values["file_name"] = file_name
        if self._expanded:
            values |= field_values(placed, self._expanded, self._types)
        elif self._whole:
            values["fields"] = placed.row["fields"] or ""
        return orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE)


class _File:
    """The lines of one split, cut into files by their bytes, so that equal items give equal files."""

    def __init__(self, directory: Path, split: str, appender: Appender) -> None:
        self._directory, self._split, self._appender = directory, split, appender
        self._index = self._count = self._bytes = 0

    def add(self, line: bytes) -> str:
        """Take one line and return its place."""
        if self._bytes and self._bytes + len(line) > MAX_FILE_BYTES:
            self._appender.finish(self._directory / self._name)
            self._index, self._count, self._bytes = self._index + 1, 0, 0
        self._appender.stream(self._directory / self._name).write(line)
        place = f"{self._name}#row={self._count}"
        self._count, self._bytes = self._count + 1, self._bytes + len(line)
        return place

    @property
    def _name(self) -> str:
        return f"data/{self._split}-{self._index:05d}.jsonl"

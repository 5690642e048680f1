"""Layout `webdataset`: tar shards of bounded size for each split; the files of one sample share a name (WebDataset's way).

Every sample has `<id>.json` (id, label or labels, source, license and the columns), and its content under its own ending:
`<id>.wav`, `<id>.jpg`, `<id>.txt`; `curated.path` makes other keys. Members are sorted, with fixed times and owners, so equal
items give equal bytes. Loads with `webdataset.WebDataset`, and with `datasets` through the card: it wants the same endings in
all samples (5.2, measured), so every ending has shards, and where there are several a config, of its own.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, ClassVar, Final

import orjson

from acquisition.curate.card import write_head
from acquisition.curate.listing import columns_of, content_of, core_values, extension_of, field_columns, field_values
from acquisition.curate.naming import PathNames
from acquisition.model import Modality
from acquisition.protocols import Layout, Outline, Placed
from acquisition.settings import CuratedSettings

MAX_SHARD_BYTES: Final = 400_000_000
_ROWS: Final = frozenset({Modality.TEXT, Modality.TABLE})


class WebDataset(Layout):
    """data/<split>-<ending>-00000.tar and on; the row of each item is named behind a "#"."""

    name: ClassVar[str] = "webdataset"
    version: ClassVar[int] = 1

    def write(
        self,
        items: Iterator[Placed],
        directory: Path,
        settings: CuratedSettings,
        link: Callable[[Mapping[str, Any], Path], int],
    ) -> Iterator[tuple[str, str]]:
        """Write the shards; yield (id, "data/train-wav-00000.tar#row=17")."""
        samples = _Samples(self.outline, directory, link)
        names = PathNames(settings.path or "{id}", self.outline)
        shards: dict[tuple[str, str], _Shard] = {}
        (directory / "data").mkdir()
        try:
            for placed in items:
                key = (_ending(placed.row), placed.split)
                shard = shards.setdefault(key, _Shard(directory, f"{placed.split}-{key[0]}"))
                # readers cut a member's name at its first dot
                name = names.plain(placed, "").replace(".", "_")
                yield str(placed.row["id"]), shard.add(name, samples.of(placed))
        finally:
            for shard in shards.values():
                shard.close()
        write_head(directory, _configs(sorted(shards)))


def _configs(written: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the card's `configs`, one per ending, the first by default."""
    endings = list(dict.fromkeys(ending for ending, _ in written))
    configs: list[dict[str, Any]] = []
    for ending in endings:
        files = [{"split": split, "path": f"data/{split}-{ending}-*.tar"} for found, split in written if found == ending]
        name = "default" if len(endings) == 1 else ending
        configs.append({"config_name": name, "data_files": files} | ({"default": True} if not configs and endings[1:] else {}))
    return configs


class _Samples:
    """Turns kept items into the members of a sample: ending → content."""

    def __init__(self, outline: Outline, directory: Path, link: Callable[[Mapping[str, Any], Path], int]) -> None:
        self._core = [name for name in columns_of(outline) if name != "text"]
        self._told = "text" in outline.filled
        self._types = outline.columns or {}
        self._expanded = field_columns(outline)
        self._whole = not self._expanded and "fields" in outline.filled
        self._passing = directory / ".content"
        self._link = link

    def of(self, placed: Placed) -> dict[str, bytes]:
        values: dict[str, Any] = {
            name: "" if value is None else value for name, value in core_values(placed, tuple(self._core)).items()
        }
        if self._expanded:
            values |= field_values(placed, self._expanded, self._types)
        elif self._whole:
            values["fields"] = placed.row["fields"] or ""
        members = {"json": orjson.dumps(values)}
        if placed.row["text"] is not None or (self._told and placed.row["modality"] not in _ROWS):
            members["txt"] = (placed.row["text"] or "").encode("utf-8", "replace")
        if placed.row["modality"] not in _ROWS:
            members[_ending(placed.row)] = content_of(placed.row, self._link, self._passing)
        return members


def _ending(row: Mapping[str, Any]) -> str:
    """Return the ending of an item's content; a file's that its sample's own members have would hide them."""
    ending = extension_of(row)
    return f"media.{ending}" if ending in {"json", "txt"} and row["modality"] not in _ROWS else ending


class _Shard:
    """The tar files of one split and ending, cut by what is in them."""

    def __init__(self, directory: Path, stem: str) -> None:
        self._directory, self._stem = directory, stem
        self._index = self._count = self._bytes = 0
        self._stream: IO[bytes] | None = None
        self._tar: tarfile.TarFile | None = None

    def add(self, key: str, members: Mapping[str, bytes]) -> str:
        """Take one sample and return its place."""
        size = sum(len(content) + 1024 for content in members.values())
        if self._bytes and self._bytes + size > MAX_SHARD_BYTES:
            self.close()
            self._index, self._count, self._bytes = self._index + 1, 0, 0
        name = f"data/{self._stem}-{self._index:05d}.tar"
        if self._tar is None:
            self._stream = (self._directory / name).open("xb")
            self._tar = tarfile.open(fileobj=self._stream, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  # closed by `close`
        for ending, content in sorted(members.items()):
            info = tarfile.TarInfo(f"{key}.{ending}")
            info.size = len(content)
            self._tar.addfile(info, io.BytesIO(content))
        place = f"{name}#row={self._count}"
        self._count, self._bytes = self._count + 1, self._bytes + size
        return place

    def close(self) -> None:
        """Finish the file."""
        if self._tar is not None and self._stream is not None:
            self._tar.close()
            self._stream.close()
            self._tar = self._stream = None

"""Layout `webdataset`: tar shards of bounded size for each split; the files of one sample share a name (WebDataset's way).

Every sample has `<id>.json` (id, label or labels, source, license and the columns), and its content under its own ending:
`<id>.wav`, `<id>.jpg`, `<id>.txt`; `curated.path` makes other keys. A file whose ending readers would decode as something else
(as a pickle: code of whoever wrote it) has `.bin` behind it. Members are sorted, with fixed times and owners, so equal items
give equal bytes. Loads with `webdataset.WebDataset`, and with `datasets` through the card: it wants the same endings in all
samples (5.2, measured), so every ending has shards, and where there are several a config, of its own.
"""

from __future__ import annotations

import re
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, ClassVar, Final

import orjson

from acquisition.curate.appending import Appender
from acquisition.curate.card import write_head
from acquisition.curate.listing import columns_of, core_values, extension_of, features_of, field_columns, field_values
from acquisition.curate.naming import PathNames
from acquisition.model import Modality
from acquisition.protocols import Layout, Outline, Placed
from acquisition.settings import CuratedSettings

MAX_SHARD_BYTES: Final = 400_000_000
_ROWS: Final = frozenset({Modality.TEXT, Modality.TABLE})
_TAKEN: Final = (
    "txt text transcript cls cls2 index inx id json jsn pyd pkl pickle pth pt ten tb mp msg npy npz cbor yaml yml "
    "gz bz2 xz lzma zst lz4 zip 7z"
)
_DECODED: Final = frozenset(_TAKEN.split())
"""Endings that `webdataset` (1.0) and `datasets` (5.2) decode or unpack by themselves; three of them with pickle."""
_FEATURES: Final = {
    **dict.fromkeys(("jpg", "png", "webp", "gif", "tiff", "bmp", "pgm"), "image"),
    **dict.fromkeys(("wav", "aiff", "flac", "mp3", "ogg", "opus", "m4a"), "audio"),
}
_HIDDEN: Final = re.compile(r"^_{2,}")
"""Readers pass over names such as __background__/… (webdataset 1.0, `skip_meta`)."""


class WebDataset(Layout):
    """data/<split>-<ending>-00000.tar and on; the row of each item is named behind a "#"."""

    name: ClassVar[str] = "webdataset"
    version: ClassVar[int] = 2

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
        with Appender() as appender:
            for placed in items:
                key = (_ending(placed.row), placed.split)
                shard = shards.setdefault(key, _Shard(directory, f"{placed.split}-{key[0]}", appender))
                # readers cut a member's name at its first dot
                name = _HIDDEN.sub("_", names.plain(placed, "").replace(".", "_"))
                yield str(placed.row["id"]), shard.add(name, samples.of(placed))
            for shard in shards.values():
                shard.close()
        samples.close()
        configs = _configs(sorted(shards))
        endings = dict.fromkeys(ending for ending, _ in sorted(shards))
        features = {config["config_name"]: samples.features(ending) for config, ending in zip(configs, endings, strict=True)}
        write_head(directory, configs, {name: found for name, found in features.items() if found})


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
    """Turns kept items into the members of a sample: ending → content, or the file that it is in until the next one."""

    def __init__(self, outline: Outline, directory: Path, link: Callable[[Mapping[str, Any], Path], int]) -> None:
        self._outline = outline
        self._core = [name for name in columns_of(outline) if name != "text"]
        self._told = "text" in outline.filled
        self._types = outline.columns or {}
        self._expanded = field_columns(outline)
        self._whole = not self._expanded and "fields" in outline.filled
        self._passing = directory / ".content"
        self._link = link

    def of(self, placed: Placed) -> dict[str, bytes | Path]:
        self._passing.unlink(missing_ok=True)
        values: dict[str, Any] = {
            name: "" if value is None else value for name, value in core_values(placed, tuple(self._core)).items()
        }
        if self._expanded:
            values |= field_values(placed, self._expanded, self._types)
        elif self._whole:
            values["fields"] = placed.row["fields"] or ""
        members: dict[str, bytes | Path] = {"json": orjson.dumps(values)}
        if placed.row["text"] is not None or (self._told and placed.row["modality"] not in _ROWS):
            members["txt"] = (placed.row["text"] or "").encode("utf-8", "replace")
        if placed.row["modality"] not in _ROWS:
            self._link(placed.row, self._passing)
            members[_ending(placed.row)] = self._passing
        return members

    def features(self, ending: str) -> list[dict[str, Any]]:
        """Return what `datasets` finds in samples of this ending, [] where it is to look itself."""
        columns = [column for column in features_of(self._outline) if column["name"] != "text"]
        members: dict[str, dict[str, Any]] = {"json": {"struct": columns}}
        if ending == "txt" or self._told:
            members["txt"] = {"dtype": "string"}
        if ending not in members:
            if ending not in _FEATURES:
                return []
            members[ending] = {"dtype": _FEATURES[ending]}
        members |= {name: {"dtype": "string"} for name in ("__key__", "__url__")}
        return [{"name": name, **kind} for name, kind in members.items()]

    def close(self) -> None:
        """Leave nothing but the shards behind."""
        self._passing.unlink(missing_ok=True)


def _ending(row: Mapping[str, Any]) -> str:
    """Return the ending of an item's content."""
    ending = extension_of(row)
    return f"{ending}.bin" if ending in _DECODED and row["modality"] not in _ROWS else ending


class _Shard:
    """The tar files of one split and ending, cut by what is in them."""

    def __init__(self, directory: Path, stem: str, appender: Appender) -> None:
        self._directory, self._stem, self._appender = directory, stem, appender
        self._index = self._count = self._bytes = 0

    def add(self, key: str, members: Mapping[str, bytes | Path]) -> str:
        """Take one sample and return its place."""
        sizes = {ending: _size(content) for ending, content in members.items()}
        size = sum(sizes.values()) + 1024 * len(sizes)
        if self._bytes and self._bytes + size > MAX_SHARD_BYTES:
            self.close()
            self._index, self._count, self._bytes = self._index + 1, 0, 0
        stream = self._appender.stream(self._directory / self._name)
        for ending, content in sorted(members.items()):
            info = tarfile.TarInfo(f"{key}.{ending}")
            info.size = sizes[ending]
            stream.write(info.tobuf(tarfile.PAX_FORMAT))
            _write(stream, content)
            stream.write(bytes(-sizes[ending] % tarfile.BLOCKSIZE))
        place = f"{self._name}#row={self._count}"
        self._count, self._bytes = self._count + 1, self._bytes + size
        return place

    @property
    def _name(self) -> str:
        return f"data/{self._stem}-{self._index:05d}.tar"

    def close(self) -> None:
        """Finish the file: two empty blocks, and more until the last record of the tape is full (POSIX, pax)."""
        target = self._directory / self._name
        stream = self._appender.stream(target)
        stream.write(bytes(2 * tarfile.BLOCKSIZE))
        stream.write(bytes(-stream.tell() % tarfile.RECORDSIZE))
        self._appender.finish(target)


def _size(content: bytes | Path) -> int:
    return content.stat().st_size if isinstance(content, Path) else len(content)


def _write(stream: IO[bytes], content: bytes | Path) -> None:
    if isinstance(content, bytes):
        stream.write(content)
        return
    with content.open("rb") as source:
        shutil.copyfileobj(source, stream)

"""Layout `folders`: one file per item in folders that the declaration names, loadable as `audiofolder` or `imagefolder`.

`datasets` 5.2 looks for metadata beside the files of one split: a metadata.jsonl at the root is ignored when splits are
folders (measured), so it lies in each split's folder when the path begins with {split}, and at the root otherwise. A set of
several splits whose path begins otherwise is refused: readers would take the files of all splits for training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import orjson

from acquisition.curate.appending import Appender
from acquisition.curate.card import write_head
from acquisition.curate.listing import columns_of, core_values, extension_of, features_of, field_columns, field_values
from acquisition.curate.naming import PathNames
from acquisition.errors import DeclarationError
from acquisition.model import Modality
from acquisition.protocols import Layout, Outline, Placed
from acquisition.settings import CuratedSettings

_MEDIA: Final = (Modality.AUDIO, Modality.IMAGE)


class Folders(Layout):
    """One file per item. A name that is taken gets the item's id behind it."""

    name: ClassVar[str] = "folders"
    version: ClassVar[int] = 2

    def write(
        self,
        items: Iterator[Placed],
        directory: Path,
        settings: CuratedSettings,
        link: Callable[[Mapping[str, Any], Path], int],
    ) -> Iterator[tuple[str, str]]:
        """Write every item's file and the listings; yield (id, path)."""
        template = settings.path or self._default(settings)
        by_split = template.startswith("{split}/")
        if len(self.outline.splits) > 1 and not by_split:
            raise _mixed(template, self.outline.splits)
        names = PathNames(template, self.outline)
        with Appender() as appender:
            listings = _Listings(directory, self.outline, appender, by_split=by_split)
            for placed in items:
                path = names.free(placed, extension_of(placed.row))
                _put(placed, directory / path, link)
                listings.add(placed, path)
                yield str(placed.row["id"]), path
        write_head(directory, listings.configs(), listings.features())

    def _default(self, settings: CuratedSettings) -> str:
        """Return the path of a set whose declaration names none; folders of classes say nothing of items with several."""
        several = len(self.outline.splits) > 1 or bool(settings.splits.shares) or bool(settings.holdouts)
        return ("{split}/" if several else "") + ("{name}" if self.outline.several else "{class}/{name}")


def _mixed(template: str, splits: Iterable[str]) -> DeclarationError:
    return DeclarationError(
        f"the set has the splits {', '.join(sorted(splits)[:8])}, and the path {template!r} does not begin with {{split}}/",
        where="curated.path",
        hint="Readers would take the files of all splits for training: write {split}/ before it. Where the splits are what the "
        "sources have published, splits: {published: false} makes one of them.",
    )


def _put(placed: Placed, target: Path, link: Callable[[Mapping[str, Any], Path], int]) -> None:
    """Write texts and rows as they are in the row, which is redacted; everything else is linked."""
    row = placed.row
    body = row["text"] if row["modality"] == Modality.TEXT else None
    if body is None and row["modality"] in {Modality.TABLE, Modality.TEXT}:
        body = row["fields"] if row["fields"] is not None else row["text"]
    if body is None:
        link(row, target)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as stream:
        stream.write(body.encode("utf-8", "replace"))


class _Listings:
    """Listings of the set's items in JSON Lines, one for each modality (and split, where splits are folders).

    Where sounds or pictures, and not both, are in the set, their listing is metadata.jsonl, the name that `datasets` looks
    for. Where both are, there is none, so that `audiofolder` and `imagefolder` each take their own files and the folders'
    names as labels. A text without a value is "", because a column of nulls alone would have another type in every split; in
    metadata.jsonl, for which no card can name types, numbers that some item lacks are texts for the same reason.
    """

    def __init__(self, directory: Path, outline: Outline, appender: Appender, *, by_split: bool) -> None:
        self._directory = directory
        self._outline = outline
        self._appender = appender
        self._by_split = by_split
        self._core = columns_of(outline)
        self._fields = field_columns(outline)
        media = [modality for modality in _MEDIA if modality in outline.modalities]
        self._folder = media[0] if media else None
        self._described = len(media) == 1
        self._types = dict(outline.columns or {})
        self._files: dict[str, dict[str, str]] = {}
        self._extensions: dict[tuple[str, str], set[str]] = {}

    def add(self, placed: Placed, path: str) -> None:
        """List one item; `file_name` is relative to the listing."""
        modality, split = placed.row["modality"], placed.split
        listing = self._files.get(modality, {}).get(split) or self._start(modality, split)
        self._extensions[modality, split].add(path.rsplit(".", 1)[-1])
        base = f"{split}/" if self._by_split else ""
        line = {"file_name": path.removeprefix(base)} | {
            name: "" if value is None else value for name, value in core_values(placed, self._core).items()
        }
        if self._fields:
            line |= self._values(placed, texts=self._described and modality == self._folder)
        elif "fields" in self._outline.filled:
            line["fields"] = placed.row["fields"] or ""
        self._appender.stream(self._directory / listing).write(orjson.dumps(line) + b"\n")

    def _values(self, placed: Placed, *, texts: bool) -> dict[str, Any]:
        """Return the values of `fields`; with `texts` those of sparse columns are texts, "" for none."""
        types = self._types | dict.fromkeys(self._outline.sparse if texts else (), "string")
        values = field_values(placed, self._fields, types)
        return {
            column: "" if texts and value is None and types[self._fields[column]] == "string" else value
            for column, value in values.items()
        }

    def _start(self, modality: str, split: str) -> str:
        name = "metadata.jsonl" if self._described and modality == self._folder else f"{modality}.jsonl"
        listing = f"{split}/{name}" if self._by_split else name
        (self._directory / listing).parent.mkdir(parents=True, exist_ok=True)
        self._files.setdefault(modality, {})[split] = listing
        self._extensions[modality, split] = set()
        return listing

    def configs(self) -> list[dict[str, Any]]:
        """Return the card's `configs`, the first by default.

        `datasets` 5.2 picks one builder for all configs (measured), so beside a folder of media the listings of texts and
        rows cannot be configs; they load as `json`.
        """
        modalities = [self._folder] if self._folder in self._files else sorted(self._files)
        configs: list[dict[str, Any]] = []
        for modality in modalities:
            assert modality is not None
            files = [{"split": split, "path": self._globs(modality, split)} for split in sorted(self._files[modality])]
            config = {"config_name": "default" if len(modalities) == 1 else modality, "data_files": files}
            configs.append(config | ({"default": True} if not configs and len(modalities) > 1 else {}))
        return configs

    def features(self) -> dict[str, list[dict[str, str]]]:
        """Return the features of the configs that are listings alone; `imagefolder` and `audiofolder` go by what they read."""
        if self._folder in self._files:
            return {}
        told = features_of(self._outline)
        return {config["config_name"]: [{"name": "file_name", "dtype": "string"}, *told] for config in self.configs()}

    def _globs(self, modality: str, split: str) -> list[str]:
        listing = self._files[modality][split]
        if modality != self._folder:
            return [listing]
        base = f"{split}/" if self._by_split else ""
        globs = [f"{base}**/*.{extension}" for extension in sorted(self._extensions[modality, split])]
        return [*globs, listing] if self._described else globs

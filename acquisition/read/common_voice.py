"""Common Voice, scripted and spontaneous: clips described by TSV files whose columns are read by name.

Quotes are literal in these files (common-voice/cv-dataset). `client_id` is a person's identifier: it becomes a digest,
and age, gender and accents are kept only where the declaration names them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Final

import pyarrow as pa

from acquisition.content.archives import open_archive
from acquisition.content.limits import Budget, Unreadable
from acquisition.model import Modality, Rejection
from acquisition.protocols import Binary, Found, ReadContext, Reader
from acquisition.read.csv import CsvReader
from acquisition.read.joined import JoinedFiles, MediaLayout, pseudonym
from acquisition.settings import ItemSettings, PickSettings

TABLES: Final = ("validated", "train", "dev", "test", "other", "invalidated")
_SPLITS: Final = ("train", "dev", "test")
_KEPT: Final = (
    "sentence_id", "sentence_domain", "variant", "locale", "segment", "up_votes", "down_votes",
    "audio_id", "prompt_id", "prompt", "language", "duration_ms", "votes", "is_edited", "quality_tags",
)  # fmt: skip


class CommonVoiceLayout(MediaLayout):
    """`<lang>/clips/*.mp3` beside `validated.tsv` and its kin, or `audios/*.mp3` beside `ss-corpus-<lang>.tsv`."""

    def __init__(self, items: ItemSettings) -> None:
        self._items = items
        self._table = items.table or "validated"

    def is_table(self, path: str) -> bool:
        """Say whether this file's rows describe media."""
        name = posixpath.basename(path)
        return name == f"{self._table}.tsv" or (name.startswith("ss-corpus-") and name.endswith(".tsv"))

    def is_split(self, path: str) -> str:
        """Return the split that a table's mere listing means."""
        name = posixpath.basename(path).removesuffix(".tsv")
        return name if path.endswith(".tsv") and name in _SPLITS and self._items.split is None else ""

    def is_media(self, path: str) -> bool:
        """Say whether a row may describe this file."""
        return posixpath.basename(posixpath.dirname(path)) in ("clips", "audios")

    def media_path(self, table: str, value: str) -> str:
        """Return the path of the file that a row names."""
        name = posixpath.basename(value)
        folder = "audios" if posixpath.basename(table).startswith("ss-corpus-") else "clips"
        return posixpath.join(posixpath.dirname(table), folder, name if "." in name else f"{name}.mp3")

    def rows(self, binary: Binary, context: ReadContext) -> Iterator[Found]:
        """Read a table by its column names."""
        with binary.open() as stream:
            header = stream.readline(65_536).decode("utf-8-sig", "replace").rstrip("\r\n").split("\t")
        items = self._settings(header)
        read = context.read.model_copy(
            update={"format": "csv", "delimiter": "\t", "quotechar": "", "header": True, "encoding": "utf-8", "columns": None}
        )
        for found in CsvReader().read(binary, replace(context, items=items, read=read)):
            yield found if isinstance(found, Rejection) else _without_persons(found, hashed=_groups_persons(items))

    def _settings(self, header: list[str]) -> ItemSettings:
        spontaneous = "audio_file" in header
        declared = self._items
        update = {
            "media": declared.media or ("audio_file" if spontaneous else "path"),
            "text": declared.text if declared.text is not None else ("transcription" if spontaneous else "sentence"),
            "group": declared.group if declared.group is not None else ("client_id" if "client_id" in header else None),
            "keep": declared.keep if declared.keep is not None else tuple(name for name in _KEPT if name in header),
        }
        if declared.split is None and "split" in header:
            update["split"] = PickSettings.model_validate({"from": "column", "column": "split", "rename": {"unassigned": ""}})
        return declared.model_copy(update=update)


def _groups_persons(items: ItemSettings) -> bool:
    group = items.group.column if isinstance(items.group, PickSettings) else items.group
    return group == "client_id"


def _without_persons(batch: pa.RecordBatch, *, hashed: bool) -> pa.RecordBatch:
    """Replace client ids by digests, and an empty split by null."""
    splits = pa.array([split or None for split in batch.column("split").to_pylist()], pa.string())
    batch = batch.set_column(batch.schema.get_field_index("split"), batch.schema.field("split"), splits)
    if not hashed:
        return batch
    groups = pa.array([pseudonym(group) if group else None for group in batch.column("group").to_pylist()], pa.string())
    return batch.set_column(batch.schema.get_field_index("group"), batch.schema.field("group"), groups)


class CommonVoiceReader(Reader):
    """A whole Common Voice archive. Named by the source or by `read.format`; never guessed."""

    name: ClassVar[str] = "common-voice"
    version: ClassVar[int] = 2
    suffixes: ClassVar[tuple[str, ...]] = ()
    modality: ClassVar[Modality] = Modality.AUDIO

    def sniff(self, name: str, head: bytes) -> bool:
        """Take nothing unasked."""
        del name, head
        return False

    def read(self, binary: Binary, context: ReadContext) -> Iterator[Found]:
        """Yield the clips of the table asked for (`items.table`, "validated" when left out)."""
        archive = open_archive(binary.open, Budget(context.read.archive))
        if archive is None:
            raise Unreadable("format-unknown", "not an archive of Common Voice")
        try:
            joined = JoinedFiles.for_archive(archive, replace(context, reader=self.name))
            yield from joined.found() if joined else ()
        finally:
            archive.close()

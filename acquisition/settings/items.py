"""How items are found in files, and how files are decoded."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from acquisition.settings.base import ByteCount, Column, Settings


class PickSettings(Settings):
    """How a label (or group) is found for each item."""

    from_: Literal["folder", "file", "column", "text"] = Field(default="column", alias="from")
    """folder: the folder the file lies in; file: the file's name; column: a column; text: `value` for all."""
    column: Column | None = None
    columns: tuple[Column, ...] = ()
    """Labels only: several columns that each give labels, or, with `cells: yes-no`, are labels."""
    cells: Literal["labels", "yes-no"] = "labels"
    """What stands in `columns`: labels; or yes or no (1, true, yes), and the label is the name of each column that says yes."""
    separator: str = Field(default="", max_length=10)
    """Labels only: what stands between several labels (";")."""
    level: int = -1
    """With from: folder, which folder of the path: -1 the nearest, 0 the first."""
    pattern: str = Field(default="", max_length=500)
    """With from: folder or file, a regular expression; its first group is the label."""
    value: str = ""
    rename: dict[str, str] = Field(default={})
    """What is found → what is written; with several labels, each by itself."""

    @model_validator(mode="after")
    def _columns_stand_alone(self) -> PickSettings:
        if self.columns and (self.column is not None or self.from_ != "column"):
            raise ValueError("`columns` stands alone; leave `column` out, and `from` too")
        if self.cells == "yes-no" and (not self.columns or self.separator):
            raise ValueError("`cells: yes-no` needs `columns`, the columns that are labels, and no `separator`")
        return self


class ItemSettings(Settings):
    """How items are found in the files."""

    as_: Literal["rows", "files", "pages"] | None = Field(default=None, alias="as")
    """rows: every row of a table is an item; files: every file; pages: every web page. Left out: by the kind of file."""
    text: Column | None = None
    label: Column | PickSettings | None = None
    """A column that holds lists gives each item several labels."""
    group: Column | PickSettings | None = None
    """Items of one group (speaker, author, page) stay in one split."""
    split: Column | PickSettings | None = None
    id: Column | None = None
    name: Column | None = None
    title: Column | None = None
    author: Column | None = None
    url: Column | None = None
    license: Column | None = None
    """The column that holds each item's own license."""
    media: Column | None = None
    """The column that names each row's media file, beside the table."""
    keep: tuple[Column, ...] | Literal["all", "none"] | None = None
    """Columns kept beside text and label. Left out: all when no text is declared, none otherwise."""
    table: str | None = None
    """Which table of a release with several (Common Voice: validated, train, dev, test, other, invalidated)."""
    records: str | None = None
    """JSON: the key under which the list of records stands, dots for nesting."""

    @field_validator("group", "split")
    @classmethod
    def _is_one(cls, value: Column | PickSettings | None) -> Column | PickSettings | None:
        if isinstance(value, PickSettings) and (value.columns or value.separator):
            raise ValueError("an item has one group and one split; `columns` and `separator` are for `label`")
        return value


class ArchiveSettings(Settings):
    """Limits for opening archives."""

    max_members: int = Field(default=1_000_000, ge=1)
    max_bytes: ByteCount = 100_000_000_000
    """Unpacked bytes in all."""
    max_ratio: float = Field(default=200.0, ge=1)
    """Unpacked bytes per packed byte, per member above 1 MB."""
    max_depth: int = Field(default=2, ge=0)
    """Archives inside archives."""


class ReadSettings(Settings):
    """How files are decoded. Everything left out is detected, with strict rules."""

    format: str | None = None
    """The reader's name; left out: by file name and first bytes."""
    encoding: str | None = None
    """Left out: byte order mark, then strict UTF-8, then `encoding_fallback`."""
    encoding_fallback: str = "cp1252"
    delimiter: str | None = Field(default=None, min_length=1, max_length=5)
    quotechar: str | None = Field(default=None, max_length=1)
    """An empty text means that quotes are ordinary characters."""
    header: bool | None = None
    columns: tuple[str, ...] | None = None
    na_values: tuple[str, ...] = ()
    skip_rows: int = Field(default=0, ge=0)
    max_line_bytes: ByteCount = 16_000_000
    archive: ArchiveSettings = ArchiveSettings()

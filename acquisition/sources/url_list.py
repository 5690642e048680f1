"""`kind: url_list`: a table of addresses (LAION and friends), visited by the polite crawler.

The adapter reads the table and names what it says of each address; it visits none. Rows are streamed, so a list of millions
costs no memory. What cannot be an address is passed on as it stands: only the crawl counts and names what it leaves out.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, field_validator, model_validator

from acquisition.errors import PluginError, ProtocolError
from acquisition.model import Asset, Location, Release
from acquisition.protocols import ResolveContext, Seed, Source, SourceAdapter
from acquisition.settings import CrawlSettings, ExpandablePath, Settings, SourceSettings
from acquisition.sources import list_files
from acquisition.sources.list_columns import ListColumns, ListSelect, Plan, plan_of, seed_of, selected
from acquisition.sources.list_files import Found, ListFile
from acquisition.sources.list_rows import Format, Row, Table, format_of, open_table
from acquisition.workspace import write_json

TableName = Annotated[ExpandablePath, Field(min_length=1, max_length=4_000)]

_WITHDRAWN: Final = re.compile(r"(?:^|[/\s])(laion[-_]?(?:1b|2b|5b)[\w.-]*)", re.IGNORECASE)
"""LAION-5B and its parts (laion2B-en, laion2B-multi, laion1B-nolang), with whatever was joined to them."""
_NOT_THE_IMAGES: Final = (
    "the license of a list says nothing of the files that it names; without a license column it is not known"
)


class ListExpectSettings(Settings):
    """What every file of the list must be; one that is not is a failure with its reason."""

    min_side: int = Field(default=2, ge=1)
    """Pixels of the shorter side of an image; less is a tracking pixel."""
    min_pixels: int | None = Field(default=None, ge=1)
    max_pixels: int = Field(default=50_000_000, ge=1)
    """Width times height; more is a bomb to whoever decodes it."""
    max_aspect_ratio: float | None = Field(default=None, ge=1, strict=False)
    """Longer side divided by the shorter one."""
    decode: bool = False
    """Decode every image completely. Left out: header, dimensions and end mark are checked, which costs a fifth of it."""


class UrlListSettings(CrawlSettings):
    """A list of addresses: where the table is, what its columns mean, which rows are taken, what the files must be."""

    kind: Literal["url_list"] = "url_list"
    table: TableName | tuple[TableName, ...]
    """A path or glob (relative to sources.yaml), an http(s) address, hf://datasets/owner/name@revision/glob, or several."""
    format: Format | None = None
    """parquet, csv, tsv, jsonl, json or txt (one address per line). Left out: by the file's name; .gz, .zst… are undone."""
    columns: ListColumns = ListColumns()
    select: ListSelect = ListSelect()
    expect: ListExpectSettings = ListExpectSettings()
    media_types: tuple[Annotated[str, Field(pattern=r"^[a-z]+/[a-z0-9.+*-]+$")], ...] = ("image/*",)
    """What the bytes may be, by their content and not by what the server calls them; audio/*, application/pdf…"""

    @property
    def tables(self) -> tuple[str, ...]:
        """The declared tables in order."""
        return (self.table,) if isinstance(self.table, str) else self.table

    @field_validator("table")
    @classmethod
    def _is_not_withdrawn(cls, table: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for name in (table,) if isinstance(table, str) else table:
            remote = name.startswith(("hf://", "http://", "https://"))
            if remote and (found := _WITHDRAWN.search(name.replace("@", " "))):
                raise ValueError(
                    f"{found[1]} was withdrawn by its publisher; take the Re-LAION lists instead: "
                    "laion/relaion2B-en-research-safe, laion/relaion2B-multi-research-safe or relaion1b-nolang-research-safe"
                )
            if name.startswith("hf://") and not list_files.HUB.fullmatch(name):
                raise ValueError(f"{name!r} is not understood; write hf://datasets/owner/name@revision/path-or-glob")
        return table

    @model_validator(mode="after")
    def _has_a_table(self) -> UrlListSettings:
        if not self.tables:
            raise ValueError("`table` names no list")
        return self


class UrlList(SourceAdapter):
    """A list of addresses as a source. The polite crawler moves the bytes; what a list holds is known when it was visited."""

    kind: ClassVar[str] = "url_list"
    Settings: ClassVar[type[SourceSettings]] = UrlListSettings
    title: ClassVar[str] = "a list of media addresses (parquet, csv, tsv, jsonl, txt), each visited under its host's rules"
    hosts: ClassVar[tuple[str, ...]] = ()
    mover: ClassVar[Literal["downloader", "crawler"]] = "crawler"

    def resolve(self, source: Source, context: ResolveContext) -> Release:
        """Return a release without revision and assets; the crawl's own release replaces it.

        Looks for the list and, where it lies on this machine, at its columns; so a plan says what is wrong with them.
        """
        settings = _settings(source)
        founds = [list_files.find(table, source, context) for table in settings.tables]
        return Release(
            source=source.name,
            kind=self.kind,
            revision="",
            assets=(),
            title=settings.attribution.title or f"the files that {', '.join(_names(founds)[:3])} names",
            homepage=settings.attribution.url,
            reader="crawl",
            resolved_at=context.now(),
            notes=tuple(_notes(settings, founds)),
        )

    def locate(self, source: Source, release: Release, asset: Asset, context: ResolveContext) -> Location:  # noqa: ARG002  # contract
        """Raise PluginError: nothing of a crawl is downloaded, so nobody may ask where it is."""
        raise PluginError(f"source {source.name} is crawled, not downloaded: {asset.path} has no location", where=source.where)

    def seeds(self, source: Source, context: ResolveContext) -> Iterator[Seed]:
        """Yield the taken rows in the order of the tables, those that hold no address or cannot be read too.

        Remote tables are brought to `context.cache` first; what was read is written there as lists.json.
        """
        settings = _settings(source)
        with _folder(context) as folder:
            opened = list(_opened(settings, source, context, folder))
            taken: dict[str, int] = dict.fromkeys((part.name for part in opened), 0)

            def rows() -> Iterator[tuple[str, Plan, Row]]:
                for part in opened:
                    for number, row in enumerate(part.table.rows(part.plan.wanted)):
                        yield f"{part.name}#row={number}", part.plan, row

            for place, plan, row in selected(rows, settings.select):
                taken[place.rpartition("#row=")[0]] += 1
                yield seed_of(f"list: {place}", plan, row)
            write_json(folder / "lists.json", {"at": context.now(), "lists": [part.told(taken[part.name]) for part in opened]})


class _Part:
    """One file of the list, here and understood."""

    def __init__(self, file: ListFile, path: Path, sha256: str, settings: UrlListSettings, name: str) -> None:
        self.name, self.sha256 = name, sha256
        self._file, self._path = file, path
        self.table: Table = _table(path, file, settings)
        self.plan = plan_of(self.table, settings.columns, settings.select, shown=file.name)

    def told(self, taken: int) -> dict[str, Any]:
        """Return what is written down of it."""
        size = self._path.stat().st_size
        return {"name": self.name, "url": self._file.url.partition("?")[0], "sha256": self.sha256, "size": size, "taken": taken}


def _settings(source: Source) -> UrlListSettings:
    if not isinstance(source.settings, UrlListSettings):
        raise PluginError(f"source {source.name} was declared with settings of another kind", where=source.where)
    return source.settings


@contextmanager
def _folder(context: ResolveContext) -> Iterator[Path]:
    if context.cache is not None:
        context.cache.mkdir(parents=True, exist_ok=True)
        yield context.cache
        return
    with tempfile.TemporaryDirectory(prefix="acquisition-list-") as folder:
        yield Path(folder)


def _opened(settings: UrlListSettings, source: Source, context: ResolveContext, folder: Path) -> Iterator[_Part]:
    """Yield every file of the list, brought here where it was not; two of one name get a number."""
    names: set[str] = set()
    for table in settings.tables:
        for file in list_files.find(table, source, context).files:
            if file.path is not None:
                path, sha256 = file.path, list_files.sha256_of(file.path)
            else:
                mark = hashlib.sha256(file.url.encode()).hexdigest()[:16]
                path = folder / f"{mark}-{file.name.rpartition('/')[2][-100:]}"
                sha256 = list_files.fetch(file, path, context)
            name, count = file.name, 2
            while name in names:
                name, count = f"{file.name} ({count})", count + 1
            names.add(name)
            yield _Part(file, path, sha256, settings, name)


def _table(path: Path, file: ListFile, settings: UrlListSettings) -> Table:
    form = settings.format or format_of(file.name)
    if form is None:
        raise ProtocolError(
            f"the name {file.name!r} does not tell what kind of list it is",
            where=file.name,
            hint="Declare `format`: parquet, csv, tsv, jsonl, json or txt.",
        )
    return open_table(path, form, settings.read, records=settings.items.records, name=file.name)


def _names(founds: list[Found]) -> list[str]:
    return [file.name for found in founds for file in found.files]


def _notes(settings: UrlListSettings, founds: list[Found]) -> Iterator[str]:
    """Yield what a plan says: how long the list is, as far as that is known without fetching it, and what is not known."""
    files = [file for found in founds for file in found.files]
    rows: list[int | None] = []
    for file in files:
        table = _table(file.path, file, settings) if file.path is not None else None
        if table is not None:
            plan_of(table, settings.columns, settings.select, shown=file.name)
        rows.append(table.count if table else None)
    known = sum(count for count in rows if count is not None)
    size = sum(file.size or 0 for file in files)
    unknown = "" if None not in rows else "; how many rows it has is known when it was read"
    yield (
        f"the list: {len(files)} file{'s' if len(files) != 1 else ''}, {size:,} bytes"
        + (f", {known:,} rows" if known else "")
        + unknown
    )
    if settings.select.limit is not None:
        how = f"a sample (seed {settings.select.seed})" if settings.select.seed is not None else "the first rows"
        yield f"at most {settings.select.limit:,} rows are taken: {how}"
    for found in founds:
        yield from found.notes
    yield _NOT_THE_IMAGES

"""The contracts of every kind of plug-in, on one screen. Plug-ins inherit them explicitly.

Adapters describe, the framework fetches, readers find, filters flag, the policy decides, layouts and exporters print.
Each plug-in is registered as an entry point (groups in `acquisition.plugins`) under the name that its class declares.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar, Final, Literal, Protocol, TypeAlias

import pyarrow as pa

from acquisition.model import Asset, Evidence, Location, Modality, Observation, Rejection, Release, Use
from acquisition.settings import (
    ContactSettings,
    CuratedSettings,
    DatasetSettings,
    FileSettings,
    FilterSettings,
    ItemSettings,
    LimitSettings,
    ReadSettings,
    SourceSettings,
)

# --- 2 plan: sources ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """One declared origin: its name, its settings (the adapter's own model) and where it stands (file:line:column)."""

    name: str
    settings: SourceSettings
    where: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer with its whole (decoded, capped) body. `headers` has lower-case names; `url` is what was asked."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@dataclass(frozen=True, slots=True)
class Seed:
    """One address that a crawl begins with.

    `reason` says why it is visited: "declared", "search: brave 'owl calls' rank 3", "list: a.csv#row=7". `fields` are what the
    list says of it (caption, label, license…), `expect` what its bytes must be: md5, sha1, sha256 (hex), size, width, height.
    """

    url: str
    reason: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    expect: Mapping[str, Any] = field(default_factory=dict)


class ApiClient(Protocol):
    """Asks a hub small questions: guarded addresses, time-outs, retries that obey Retry-After, capped bodies.

    Raises the CredentialsError and SourceError family with the server's own message; the adapter may refine them.
    """

    @abstractmethod
    def exchange(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        """Ask and return the answer whatever its status, redirects not followed; for official clients that judge it.

        Raises SourceUnavailable when the server cannot be reached, fails or limits for longer than retries last.
        """

    @abstractmethod
    def get_json(self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Any:
        """GET and parse JSON."""

    @abstractmethod
    def post_json(self, url: str, *, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        """POST JSON and parse the JSON answer."""

    @abstractmethod
    def redirect_of(self, method: str, url: str, *, body: object = None, headers: Mapping[str, str] | None = None) -> str:
        """Return the absolute Location of a 3xx answer without following it."""

    @abstractmethod
    def get_text(self, url: str, *, headers: Mapping[str, str] | None = None, max_bytes: int = 2_000_000) -> str:
        """GET a small text (a card, a license)."""


@dataclass(frozen=True, slots=True)
class ResolveContext:
    """What an adapter may use: a client, the environment, the clock, the folder of sources.yaml, and the pin to keep.

    `environment` is os.environ in production; adapters look up credentials here and nowhere else. `pin` is the release
    of sources.lock when it is to be kept: the adapter returns the same revision or raises. `now` gives ISO 8601 UTC.
    `cache` is a folder of the source's own, where `seeds` may keep the lists that it reads; None where there is none.
    """

    api: ApiClient
    environment: Mapping[str, str]
    now: Callable[[], str]
    base: Path
    user_agent: str
    pin: Release | None = None
    cache: Path | None = None


class SourceAdapter(Protocol):
    """Resolves a declared source to a pinned release. Moves no bulk bytes, decides nothing, writes nothing."""

    kind: ClassVar[str]
    Settings: ClassVar[type[SourceSettings]]
    title: ClassVar[str]
    """One line for `acquire kinds`."""
    hosts: ClassVar[tuple[str, ...]]
    """Hosts it asks by default, for the reader of `acquire kinds`; () when the declaration names them."""
    mover: ClassVar[Literal["downloader", "crawler"]]
    """Who moves its bytes: the strict downloader, or the polite crawler (then `resolve` names no assets)."""

    @abstractmethod
    def resolve(self, source: Source, context: ResolveContext) -> Release:
        """Return the release with its assets (already filtered by nothing: the plan applies `files`).

        Raises CredentialsError, SourceError or Refused with the server's own words.
        """

    @abstractmethod
    def locate(self, source: Source, release: Release, asset: Asset, context: ResolveContext) -> Location:
        """Return where the asset's bytes are right now. Called again when a signed URL has expired."""

    def fixed(self, source: Source) -> bool:  # noqa: ARG002  # contract
        """Say whether the declaration names one version that never changes, so that there is nothing newer to ask for."""
        return False

    def seeds(self, source: Source, context: ResolveContext) -> Iterator[Seed]:  # noqa: ARG002  # contract
        """Yield the addresses that a crawl begins with, in a fixed order; only asked of adapters whose mover is the crawler.

        Without any, the source's spider begins where it wants. Raises as `resolve` does.
        """
        return iter(())


# --- 4' read ------------------------------------------------------------------------------------------------------------


class Binary(Protocol):
    """Some bytes that can be opened again and again: a blob, a file of the user's, or a member of an archive."""

    name: str
    size: int
    path: Path | None
    """Where the bytes lie as a plain file, None for a member that does not."""

    @abstractmethod
    def open(self) -> IO[bytes]:
        """Open for reading; seekable only when `path` is set."""


@dataclass(frozen=True, slots=True)
class ReadContext:
    """What a reader is told: how the source declares its items and files, where the asset stands in the release.

    `asset` is the path inside the release, `member` the chain of archive members that led here ("" for the asset
    itself), `siblings` opens other files of the same release by path (a TSV's clips). `files` is applied to the members
    of archives as it was to the assets: an archive whose own path is included gives all its members. `reader` is the
    reader that the release names (Release.reader), "" where the file itself decides.
    """

    source: str
    release: str
    asset: str
    member: str
    items: ItemSettings
    read: ReadSettings
    files: FileSettings = field(default_factory=FileSettings)
    siblings: Mapping[str, Binary] = field(default_factory=dict)
    reader: str = ""


Found: TypeAlias = pa.RecordBatch | Rejection


class Reader(Protocol):
    """Finds items in one asset. Never touches the network; a bad row or member is a Rejection, never an exception."""

    name: ClassVar[str]
    version: ClassVar[int]
    suffixes: ClassVar[tuple[str, ...]]
    """File-name endings it reads, lower case, without the compression's (".csv", ".data")."""
    modality: ClassVar[Modality]

    @abstractmethod
    def sniff(self, name: str, head: bytes) -> bool:
        """Say whether this is its format, from the name and the first 4,096 (decompressed) bytes."""

    @abstractmethod
    def read(self, binary: Binary, context: ReadContext) -> Iterator[Found]:
        """Yield record batches of FOUND_SCHEMA, bounded in rows and bytes, and rejections, in the order of the file."""


# --- 5 filter -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FilterContext:
    """What filters know beside the items. It crosses process borders, so it holds values only.

    `releases` maps a source's name to its pinned release (license claim, terms); `order` is the declared source order;
    `blobs` maps a blob's sha256 to a path, through `blob_root` for the workspace's own. `signals` maps the mechanisms of
    `signals:` that are not honoured to record or ignore. `texts` holds each source's LICENSE and README texts as they came
    (`field` the file's name, `raw` the text, `url` its path in the release). `base` is the folder of sources.yaml, to which
    paths in settings are relative.
    """

    use: Use
    releases: Mapping[str, Release]
    order: tuple[str, ...]
    blob_root: str
    external: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, SourceSettings] = field(default_factory=dict)
    signals: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict)
    base: str = "."


@dataclass(frozen=True, slots=True)
class Cost:
    """What running a filter takes, as measured on one core; the engine sizes its pool by it, and `acquire kinds` shows it.

    `prepare` is in seconds (once per process), `text` in microseconds per kilobyte of text, `media` in milliseconds per
    picture or second of sound, `memory` in megabytes of one process beyond the shard that it looks at.
    """

    prepare: float = 0.0
    text: float = 0.0
    media: float = 0.0
    memory: int = 50


class Filter(Protocol):
    """Looks at items one batch at a time and writes flags. Decides nothing, changes nothing, answers the same twice."""

    name: ClassVar[str]
    version: ClassVar[int]
    Settings: ClassVar[type[FilterSettings]]
    codes: ClassVar[Mapping[str, str]]
    """Every code that it can write, with one sentence on what it means."""
    judges_rights: ClassVar[bool] = False
    """True where answers depend on dataset.use, the releases' license claims or `signals`; a change of these runs it again."""

    notes: ClassVar[frozenset[str]] = frozenset()
    """Codes that report a figure and accuse nothing: a score, a distribution, the copy that is kept."""
    looks_across: ClassVar[bool] = False
    """True where an item's flags depend on others of its batch (a column is typed from its rows); batches are whole shards."""
    cost: ClassVar[Cost] = Cost()

    @abstractmethod
    def __init__(self, settings: FilterSettings, context: FilterContext) -> None:
        """Prepare; heavy imports happen here, in the worker process."""

    @abstractmethod
    def flag(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Return flags (FLAG_SCHEMA) for a batch of items (ITEM_SCHEMA); `row` is the index inside this batch."""

    @classmethod
    def stands_alone(cls, modality: str, *, with_fields: bool) -> bool:  # noqa: ARG003  # contract
        """Say whether no other item's flags change when an item of this modality (that has `fields`) leaves its shard."""
        return not cls.looks_across

    @abstractmethod
    def not_checked(self) -> tuple[str, ...]:
        """Sentences on what it cannot see, shown wherever its results are ("names and addresses: no NER model set")."""

    def looks_at(self, modality: str) -> bool:  # noqa: ARG002  # contract
        """Say whether items of this modality are looked at as the filter is set (pictures only with a model, say)."""
        return True

    def looks_for(self, code: str) -> bool:  # noqa: ARG002  # contract
        """Say whether it can write this code as it is set (names of people only with a model)."""
        return True

    def observe(self) -> Iterator[Observation]:
        """Yield what the settings and the context alone tell of sources."""
        return iter(())

    def observe_kept(self, kept: Mapping[str, Collection[tuple[str, str]]]) -> Iterator[Observation]:  # noqa: ARG002  # contract
        """Yield what the kept items amount to together (licenses that do not go together).

        `kept` maps a source to the words on a license that its kept items have of their own: license_raw and license_url, each
        pair once, ("", "") for items without.
        """
        return iter(())


class SetFilter(Protocol):
    """Looks at the whole set in three shard functions, so that it runs on one machine and on many.

    sign   one item shard → one table of signatures (own schema; keeps `row` and `item`), stored beside the flags
    group  one partition of the key space, all signature tables → one table of links between items
    join   all links → for every item shard its flags

    All three are bounded in memory by streaming Parquet; the engine stores what they return. A filter that only wants to know
    the whole set before it speaks of one item has no partitions: sign measures and join flags.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    Settings: ClassVar[type[FilterSettings]]
    codes: ClassVar[Mapping[str, str]]
    notes: ClassVar[frozenset[str]] = frozenset()
    judges_rights: ClassVar[bool] = False
    partitions: ClassVar[int]
    cost: ClassVar[Cost] = Cost()

    @abstractmethod
    def __init__(self, settings: FilterSettings, context: FilterContext) -> None:
        """Prepare."""

    @abstractmethod
    def sign(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Return the signatures of one batch; `row` is the index inside the shard batch."""

    @abstractmethod
    def group(self, signatures: Mapping[str, Path], partition: int) -> pa.Table:
        """Return the links found in one partition; `signatures` maps a shard key to its signature table."""

    @abstractmethod
    def join(self, signatures: Mapping[str, Path], links: Sequence[Path]) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield (shard key, flags) for every shard that has flags."""

    @classmethod
    def stands_alone(cls, modality: str, *, with_fields: bool) -> bool:  # noqa: ARG003  # contract
        """Say whether no other item's signature changes when an item of this modality (that has `fields`) leaves its shard."""
        return False

    def still_holds(
        self,
        signatures: Mapping[str, Path],  # noqa: ARG002  # contract
        joined: Path,  # noqa: ARG002  # contract
        leaving: Mapping[str, Any],  # noqa: ARG002  # contract
    ) -> bool:
        """Say whether what was joined holds for all other items when some leave.

        `joined` is the folder of what `join` yielded for these signatures (flags by shard key, and `links` with the links),
        `leaving` maps shard keys to the rows that leave (int64).
        """
        return False

    def recall(self, signatures: Mapping[str, Path], joined: Path) -> None:
        """Take the flags in a folder for what `join` would yield for these signatures, before `observe` is asked."""
        del signatures, joined  # most need no memory of it

    @abstractmethod
    def not_checked(self) -> tuple[str, ...]:
        """Sentences on what it cannot see."""

    def looks_at(self, modality: str) -> bool:  # noqa: ARG002  # contract
        """Say whether items of this modality are looked at as the filter is set."""
        return True

    def looks_for(self, code: str) -> bool:  # noqa: ARG002  # contract
        """Say whether it can write this code as it is set (names of people only with a model)."""
        return True

    def observe(self, signatures: Mapping[str, Path]) -> Iterator[Observation]:  # noqa: ARG002  # contract
        """Yield what the signatures tell of sources, tables and columns as a whole, in a fixed order.

        A shard's key begins with its source ("<source>/<release>/items-00000").
        """
        return iter(())


# --- 6 curate, 7 manifest -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Placed:
    """One kept item on its way into the curated set: its row (ITEM_SCHEMA as a dict of one row), class, split, license.

    `row` is already redacted; `spans` (field, start, end, placeholder) say what was replaced, at its old place. `label` is
    the class, `license` the concluded SPDX expression. Where an item has several `classes`, `label` is a JSON list of them.
    """

    row: Mapping[str, Any]
    label: str
    split: str
    spans: tuple[tuple[str, int, int, str], ...] = ()
    license: str = "NOASSERTION"
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outline:
    """What a layout may know of the kept items before it meets them.

    `folders` maps every class, and every combination of classes as `Placed.label` writes it, to a folder name of its own;
    `several` says that some item has more than one class; `columns` maps the names of `fields` to bool, int, float or
    string where all items have the same ones, and is None otherwise, and `sparse` are those that some item leaves empty;
    `filled` are the nullable columns of ITEM_SCHEMA that at least one item fills.
    """

    items: int
    splits: Mapping[str, int]
    folders: Mapping[str, str]
    modalities: Mapping[str, int]
    columns: Mapping[str, str] | None
    filled: frozenset[str]
    several: bool = False
    sparse: frozenset[str] = frozenset()


NO_OUTLINE: Final = Outline(0, {}, {}, {}, None, frozenset())
LinkContent: TypeAlias = Callable[[Mapping[str, Any], Path], int]


class Layout(Protocol):
    """Writes the curated set into an empty directory, from kept items in a fixed order. Same items, same bytes."""

    name: ClassVar[str]
    version: ClassVar[int]
    outline: Outline = NO_OUTLINE

    def prepare(self, outline: Outline) -> None:
        """Hear what is coming, before `write`; it is kept in `outline`."""
        self.outline = outline

    @abstractmethod
    def write(
        self,
        items: Iterator[Placed],
        directory: Path,
        settings: CuratedSettings,
        link: Callable[[Mapping[str, Any], Path], int],
    ) -> Iterator[tuple[str, str]]:
        """Write everything and yield (item id, path relative to `directory`), in the order of `items`.

        `link(row, target)` puts an item's bytes at `target` by reflink, hard link or copy and returns their number.
        """


@dataclass(frozen=True, slots=True)
class Ledger:
    """What exporters print from: the records on disk, and the few facts about the whole.

    `items` is items.parquet of the manifest (schema in `acquisition.manifest.ledger`), `curated` the directory of the
    set, `releases` what was taken, `not_checked` what no filter looked at, `summary` the counts.
    """

    items: Path
    curated: Path
    dataset: DatasetSettings
    contact: ContactSettings | None
    limits: LimitSettings
    releases: Mapping[str, Release]
    settings: Mapping[str, SourceSettings]
    not_checked: tuple[str, ...]
    summary: Mapping[str, Any]
    created_at: str
    tool_version: str


class Exporter(Protocol):
    """Prints the manifest in one of the world's formats, from the ledger alone."""

    name: ClassVar[str]
    version: ClassVar[int]
    files: ClassVar[tuple[str, ...]]
    standard: ClassVar[str] = ""
    """The standard that the files follow, with its version ("Croissant 1.1, RAI 1.0"); it goes into summary.json."""

    @abstractmethod
    def write(self, ledger: Ledger, directory: Path) -> tuple[str, ...]:
        """Write the format's files into `directory` and return their names."""


# --- what a run tells while it works ------------------------------------------------------------------------------------


class Reporter(Protocol):
    """Hears what happens during a run. The command line draws progress from it; tests and `--json` listen too."""

    @abstractmethod
    def event(self, name: str, /, **fields: Any) -> None:
        """Take one event: a name in kebab-case and plain values ("asset-done", source=…, path=…, bytes=…)."""


class Silent(Reporter):
    """Hears nothing."""

    def event(self, name: str, /, **fields: Any) -> None:
        """Ignore the event."""

"""What a user may write in sources.yaml, as frozen models; the JSON Schema is generated from these.

Every model refuses unknown keys. A field's `description` is what `acquire schema` and editors show. Adapters and filters
subclass `SourceSettings` and `FilterSettings` with their own keys. Reading the file, places and hints are the business
of `acquisition.declare`; nothing here does I/O.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

_UNITS: Final[Mapping[str, int]] = {"B": 1} | {
    prefix + unit: base**power for power, prefix in enumerate("KMGTP", start=1) for unit, base in (("B", 1000), ("iB", 1024))
}
_AMOUNT: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGTPkmgtp]?)(i?)[Bb]?\s*", re.ASCII)


def parse_bytes(value: object) -> int:
    """Return a number of bytes from 5000, "5 GB" (1000s) or "5GiB" (1024s); ValueError says what is accepted."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and (match := _AMOUNT.fullmatch(value)):
        unit = match[2].upper() + match[3] + "B"
        if unit in _UNITS:
            return round(float(match[1]) * _UNITS[unit])
    raise ValueError(f"{value!r} is not a size; write a number of bytes or a text such as 500MB, 2.5GB or 1GiB")


def parse_rate(value: object) -> int:
    """Return bytes per second from "50MB/s" (the "/s" may be left out)."""
    if isinstance(value, str):
        value = re.sub(r"\s*/\s*s\s*$", "", value)
    return parse_bytes(value)


def parse_seconds(value: object) -> float:
    """Return seconds from 90, "90s", "15m", "2h" or "1d"."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return float(value)
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*", value)):
        return float(match[1]) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
    raise ValueError(f"{value!r} is not a duration; write seconds or a text such as 90s, 15m, 2h or 1d")


def _amount_schema(examples: list[str]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}], "examples": examples})


ByteCount = Annotated[int, BeforeValidator(parse_bytes), _amount_schema(["500MB", "5GiB"])]
ByteRate = Annotated[int, BeforeValidator(parse_rate), _amount_schema(["50MB/s"])]
Seconds = Annotated[
    float,
    BeforeValidator(parse_seconds),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}], "examples": ["30s", "15m"]}),
]
Column = Annotated[str | int, Field(description="A column by its name, or by its position counted from 0.")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
FlagGlob = Annotated[str, Field(min_length=1, description="A flag code; * stands for any part of it.")]


_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def check_variables(value: object, info: ValidationInfo) -> object:
    """Return the text as it is; ValueError names an environment variable in it that is not set.

    The variables come from the validation context (`{"environment": {...}}`); without one nothing is checked.
    """
    environment = (info.context or {}).get("environment")
    if environment is not None and isinstance(value, str):
        for name in _VARIABLE.findall(value):
            if name not in environment:
                raise ValueError(f"the environment variable {name} is not set")
    return value


def expand_variables(value: object, info: ValidationInfo) -> object:
    """Replace each `${NAME}` by the environment variable; ValueError names one that is not set."""
    environment = (info.context or {}).get("environment")
    if environment is None or not isinstance(value, str):
        return value
    check_variables(value, info)
    return _VARIABLE.sub(lambda match: str(environment[match[1]]), value)


_EXPANDS: Final = Field(json_schema_extra={"expands": True})
Expandable = Annotated[str, BeforeValidator(expand_variables), _EXPANDS]
"""A text in which `${NAME}` stands for an environment variable. Where nothing says so, a `${` is refused."""
ExpandablePath = Annotated[str, BeforeValidator(check_variables), _EXPANDS]
"""A path in which `${NAME}` and `~` are expanded where the file is opened, so that the lock is the same on every machine."""


class Settings(BaseModel):
    """Base of everything declared: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, validate_default=False)


class UseSettings(Settings):
    """What the curated set is for. The license gate judges every item against it."""

    training: bool = True
    """Models are trained on it."""
    commercial: bool = False
    """It, or what is trained on it, earns money."""
    redistribute: bool = False
    """The set itself is passed on to others."""
    derivatives: bool = True
    """Items are changed: cropped, resampled, redacted, translated."""


class DatasetSettings(Settings):
    """The set that is being built."""

    name: Name
    """Short name, used in file names and manifests."""
    title: str = ""
    description: str = ""
    version: str = Field(default="0.1.0", pattern=r"^\d+\.\d+\.\d+$")
    """MAJOR.MINOR.PATCH of the curated set, for its manifest."""
    url: str = ""
    """Where the set is published, if it is."""
    creator: str = ""
    """Who builds it; left out: the contact's name."""
    answers: dict[str, str] = {}
    """Answers for the manifest that only a person can give, by field of the format (docs/manifest.md): "2.3.used": "Yes"."""
    use: UseSettings = UseSettings()


class ContactSettings(Settings):
    """Who answers for the traffic. It goes into every user agent; without it nothing is crawled."""

    name: str = Field(min_length=1)
    url: str = Field(pattern=r"^https?://\S+$")
    email: str = Field(pattern=r"^[^@\s<>()]+@[^@\s<>()]+\.[^@\s<>()]+$")


class LimitSettings(Settings):
    """Ceilings for the whole run."""

    bytes: ByteCount | None = None
    """No more than this is downloaded in one run."""
    items: int | None = Field(default=None, ge=1)
    """No more items than this are staged in all."""
    bandwidth: ByteRate | None = None
    """Bytes per second, over all downloads together."""
    disk_reserve: ByteCount = 1_000_000_000
    """Stop before the disk has less than this left."""


class SourceLimitSettings(Settings):
    """Ceilings for one source."""

    bytes: ByteCount | None = None
    items: int | None = Field(default=None, ge=1)
    bandwidth: ByteRate | None = None
    pages: int | None = Field(default=None, ge=1)
    """Spiders: pages fetched in one run."""
    depth: int | None = Field(default=None, ge=0)
    """Spiders: links followed from a start page."""
    seconds: Seconds | None = None
    """Spiders: time for one run."""


@cache
def glob_pattern(glob: str) -> re.Pattern[str]:
    """Return a glob as a regular expression for whole relative paths with forward slashes.

    `*` and `?` stay inside a folder, `**` crosses folders, `[…]` is a set. A glob without a slash is matched against the
    file's name in any folder (as .gitignore does); a trailing slash takes everything below.
    """
    if "/" not in glob:
        glob = f"**/{glob}"
    if glob.endswith("/"):
        glob += "**"
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", glob.lstrip("/"))
    special = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pattern = "".join(special.get(part) or (_glob_set(part) if part[:1] == "[" else re.escape(part)) for part in parts)
    # Between two stars of one folder the first place that fits is as good as any (as in fnmatch): without this a publisher's
    # long name would be tried in all ways.
    return re.compile(re.sub(r"\[\^/\]\*((?:(?!\[\^/\]\*|\.\*|\(\?:).)+)(?=\[\^/\]\*)", r"(?>[^/]*?\1)", pattern))


def _glob_set(part: str) -> str:
    inside = part[1:-1].replace("\\", r"\\")
    return f"[^/{inside[1:]}]" if inside[0] in "!^" else f"[{inside}]"


class FileSettings(Settings):
    """Which files of a release are taken. Globs: * inside a folder, ** across folders; exclude beats include."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def names(self, path: str) -> bool:
        """Say whether `include` names the path itself."""
        return any(glob_pattern(glob).fullmatch(path) for glob in self.include)

    def excludes(self, path: str) -> bool:
        """Say whether `exclude` names the path."""
        return any(glob_pattern(glob).fullmatch(path) for glob in self.exclude)

    def takes(self, path: str) -> bool:
        """Say whether the file at this path is taken."""
        return (not self.include or self.names(path)) and not self.excludes(path)


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
    rename: dict[str, str] = {}
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


class LicenseSettings(Settings):
    """The user's own word on a source's license, with its evidence. It overrides what the publisher says."""

    declared: str = Field(min_length=1)
    """An SPDX expression such as CC-BY-4.0, or LicenseRef-… for terms of one's own."""
    evidence: ExpandablePath = ""
    """A file or a URL where it can be read; a file's digest and text go into the lock."""
    redistribute: bool | None = None
    ml_training: Literal["allowed", "denied", "unknown"] | None = None
    """What the terms say about training models (sample packs often forbid it)."""
    owner: str = ""


class AuthSettings(Settings):
    """Where the credential is; never the credential itself."""

    env: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Name of an environment variable."""


class AttributionSettings(Settings):
    """Whom to credit, where the publisher does not say it by machine."""

    author: str = ""
    title: str = ""
    url: str = ""


class SourceSettings(Settings):
    """What every source may say, whatever its kind."""

    kind: str
    files: FileSettings = FileSettings()
    items: ItemSettings = ItemSettings()
    read: ReadSettings = ReadSettings()
    license: LicenseSettings | None = None
    attribution: AttributionSettings = AttributionSettings()
    why: str = ""
    """Why this source is in the set; it goes into the manifest."""
    limits: SourceLimitSettings = SourceLimitSettings()
    auth: AuthSettings | None = None
    base_url: Annotated[Expandable, Field(pattern=r"^https?://[^\s?#]+$")] | None = None
    """Another host to ask instead of the service's own: a mirror, or a loopback stand-in."""


class HostBudgetSettings(Settings):
    """What one registrable host may cost in one run; beyond it the host is left alone, and said."""

    pages: int | None = Field(default=None, ge=1)
    bytes: ByteCount | None = None
    seconds: Seconds | None = None
    """Time from the first request to the host to the last, delays included."""
    errors: int = Field(default=50, ge=1)


class CrawlSettings(SourceSettings):
    """What every source may say whose bytes the polite crawler moves."""

    delay: Seconds = 1.0
    """Seconds from the end of one answer of a host to the next request; robots.txt, Retry-After and slow answers only make it
    longer. At least 0.25 s everywhere but on loopback."""
    latency_factor: float = Field(default=2.0, ge=0, le=100, strict=False)
    """The delay is at least this many times the host's usual latency."""
    concurrency: int = Field(default=1, ge=1, le=64)
    """Requests under way to one host. More than 1 counts on loopback only."""
    max_response: ByteCount = 32_000_000
    """Bytes of one response; a longer one is not taken and recorded as a failure."""
    per_host: HostBudgetSettings = HostBudgetSettings()
    ports: tuple[int, ...] = (80, 443, 8080, 8443)
    """Ports that may be asked; those of the declaration's own addresses may always."""
    own_hosts: tuple[str, ...] = ()
    """Literal loopback or private addresses of one's own that pages or lists may lead to."""
    frontier: Annotated[Expandable, Field(pattern=r"^postgres(ql)?://\S+$")] | None = None
    """A PostgreSQL database in which several processes and machines share the crawl; left out: SQLite in the workspace."""

    @property
    def stand_in(self) -> str | None:
        """Where the hosts of start addresses are looked for instead; None where `base_url` means something else."""
        return self.base_url


Treatment = Literal["honour", "record", "ignore"]


class SignalSettings(Settings):
    """What each way of speaking by machine does: honour (it counts), record (it is shown, and leads to nothing) or ignore.

    A yes never cancels a no, whatever stands here, and the crawler always obeys robots.txt. Names: docs/signals.md.
    """

    robots: Treatment = "honour"
    ai_agents: Treatment = Field(default="honour", alias="ai-agents")
    """A site that shuts out crawlers that gather training data is taken to mean every one."""
    x_robots_tag: Treatment = Field(default="honour", alias="x-robots-tag")
    meta_robots: Treatment = Field(default="honour", alias="meta-robots")
    aipref: Treatment = "honour"
    content_signal: Treatment = Field(default="honour", alias="content-signal")
    tdmrep: Treatment = "honour"
    rsl: Treatment = "honour"
    ai_txt: Treatment = Field(default="honour", alias="ai-txt")
    trust_txt: Treatment = Field(default="honour", alias="trust-txt")
    plus: Treatment = "honour"
    c2pa: Treatment = "honour"
    cawg: Treatment = "honour"
    unread: Treatment = "honour"
    """What lies beyond a limit and may say anything."""

    @property
    def changed(self) -> Mapping[str, str]:
        """Mechanism → record or ignore, for those that are not honoured."""
        return MappingProxyType({name: word for name, word in self.model_dump(by_alias=True).items() if word != "honour"})


class FilterSettings(Settings):
    """What every filter may say. A filter set to false is not run, and that is said wherever results are shown."""

    def inputs(self) -> tuple[str, ...]:
        """Return the files and folders that answers depend on (lists, models, calibrations), relative to sources.yaml.

        Their digests are part of what results are named by: a list that changes under the same name is looked through again.
        """
        return ()


class PolicyRule(Settings):
    """One rule. For each flag the first rule that fits decides; the most severe outcome is the item's."""

    flag: FlagGlob
    outcome: Literal["drop", "hold", "redact", "keep"]
    at_least: float | None = Field(default=None, ge=0, le=1, strict=False)
    """The rule fits only flags with this score or more."""
    source: str = "*"
    """The rule fits only this source (globs allowed)."""
    why: str = ""


class BalanceSettings(Settings):
    """How many items per class. An item of several classes counts in each."""

    max_per_class: int | None = Field(default=None, ge=1)
    min_per_class: int | None = Field(default=None, ge=1)
    """A class with fewer is left out, and said."""

    @model_validator(mode="after")
    def _most_is_not_less_than_least(self) -> BalanceSettings:
        least, most = self.min_per_class, self.max_per_class
        if least is not None and most is not None and most < least:
            raise ValueError(f"max_per_class is {most} and min_per_class {least}: no class could stay")
        return self


SPLIT_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,60}(?:\.[A-Za-z0-9_]{1,60}){0,3}", re.ASCII)
"""What `datasets` takes for the name of a split: words with dots between them, no dashes (5.2, NamedSplit)."""


def is_split_name(name: str) -> bool:
    """Say whether a split may be called so: `datasets` takes the name, and a folder of that name can lie in the set."""
    return SPLIT_NAME.fullmatch(name) is not None and not is_device(name) and name.casefold() not in _TAKEN


def _check_split_name(name: str) -> None:
    if not is_split_name(name):
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")
        advice = f"; write {plain}" if is_split_name(plain) else ""
        raise ValueError(f"{name!r} cannot be the name of a split: `datasets` wants letters, digits, _ and dots{advice}")


class SplitSettings(Settings):
    """How kept items are divided. Shares add up to 1; published splits are respected unless `published` is false."""

    model_config = ConfigDict(extra="allow")

    group_by: tuple[str, ...] = ("group",)
    """Items that share one of these never part: group, duplicate-cluster, page, or a column."""
    stratify_by: tuple[str, ...] = ()
    """Every split gets its share of each value of these: class, source, or a column. Left out: of the whole set only."""
    seed: int = 0
    published: bool = True

    @property
    def shares(self) -> Mapping[str, float]:
        """Name of the split → its share."""
        return MappingProxyType({name: float(share) for name, share in (self.model_extra or {}).items()})

    @model_validator(mode="after")
    def _shares_are_numbers(self) -> SplitSettings:
        extra: dict[str, Any] = self.model_extra or {}
        for name, share in extra.items():
            if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
                raise ValueError(f"the share of split {name!r} must be a number from 0 to 1, not {share!r}")
            _check_split_name(name)
        if len({name.casefold() for name in extra}) < len(extra):
            raise ValueError("two splits have names that differ in case alone; some disks would make one folder of them")
        if extra and abs(sum(extra.values()) - 1) > 1e-6:
            raise ValueError(f"the shares add up to {sum(extra.values()):g}, not to 1")
        if self.stratify_by and not extra:
            raise ValueError("`stratify_by` needs shares to keep: write train: 0.8, test: 0.2 beside it")
        return self


class HoldoutSettings(Settings):
    """Items that are kept out of training: all that fit go to the split that the hold-out is called by, with their groups.

    One without `source`, `published` and `where` means the split of its name, however items come to be in it.
    """

    source: str = ""
    """Items of these sources (globs allowed)."""
    published: str = ""
    """Items that their publisher puts into this split."""
    where: dict[str, tuple[str | int | bool, ...]] = {}
    """Column → values: items that have one of the values in each of the columns (class, group, author, a kept column…)."""
    until: str = ""
    """Embargo: until this day (2027-06-30), or `released` for until this line is taken out, the items are not written."""
    why: str = ""

    @field_validator("until")
    @classmethod
    def _is_a_day(cls, value: str) -> str:
        if value not in {"", "released"}:
            try:
                dt.date.fromisoformat(value)
            except ValueError:
                raise ValueError(f"{value!r} is no day; write one such as 2027-06-30, or released") from None
        return value

    @property
    def selects(self) -> bool:
        """Say whether it names items, and not only a split."""
        return bool(self.source or self.published or self.where)

    def is_closed(self, today: dt.date) -> bool:
        """Say whether the embargo lasts on this day; it ends when the day it names begins."""
        return self.until == "released" or (self.until != "" and today < dt.date.fromisoformat(self.until))


SHORTEST_KEY: Final = 16
"""Fewer characters are tried out: telephone numbers are few enough to digest them all under every likely key."""


class RedactSettings(Settings):
    """What stands for a span that the policy redacts."""

    mode: Literal["placeholder", "pseudonym"] = "placeholder"
    """placeholder: its kind, <EMAIL_ADDRESS>. pseudonym: its kind and a keyed digest of it, equal for equal values."""
    key_env: str = ""
    """The environment variable that holds the key of the pseudonyms; the key itself is written nowhere."""

    @model_validator(mode="after")
    def _has_key(self, info: ValidationInfo) -> RedactSettings:
        environment = (info.context or {}).get("environment")
        if self.mode == "pseudonym" and not self.key_env:
            raise ValueError("mode pseudonym needs key_env, the name of an environment variable with the key")
        if self.mode == "pseudonym" and environment is not None and not environment.get(self.key_env):
            raise ValueError(f"the environment variable {self.key_env} is not set")
        if self.mode == "pseudonym" and environment is not None and len(environment[self.key_env]) < SHORTEST_KEY:
            raise ValueError(
                f"the environment variable {self.key_env} holds fewer than {SHORTEST_KEY} characters; a key that can be "
                "guessed gives the values back"
            )
        return self


PLACEHOLDERS: Final = ("split", "class", "name", "id", "source", "ext")
"""What `curated.path` may name."""
PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_DEVICE: Final = re.compile(
    r"(?i)(con|prn|aux|nul|conin\$|conout\$|com[\d\u00b9\u00b2\u00b3]|lpt[\d\u00b9\u00b2\u00b3])\s*(\..*)?", re.DOTALL
)
_REFUSED: Final = re.compile(r'[\x00-\x1f\x7f\\<>:"|?*#]')
_TAKEN: Final = frozenset(
    {"readme.md", "metadata.jsonl", "audio.jsonl", "image.jsonl", "text.jsonl", "table.jsonl", "other.jsonl"}
)


def is_device(name: str) -> bool:
    """Say whether Windows takes a file name for a device, whatever its ending ("nul.txt"; Microsoft, "Naming Files")."""
    return _DEVICE.fullmatch(name) is not None


def path_problem(path: str) -> str:
    """Return what is wrong with a path template, "" when nothing is: a relative path that names each item by itself."""
    names = PLACEHOLDER.findall(path)
    unknown = [name for name in names if name not in PLACEHOLDERS]
    if unknown:
        return f"there is no placeholder {{{unknown[0]}}}; there are: {', '.join(PLACEHOLDERS)}"
    plain = PLACEHOLDER.sub("x", path)
    if "{" in plain or "}" in plain:
        return "a brace is not closed"
    parts = plain.split("/")
    if path.startswith("~") or any(part in {"", ".", ".."} for part in parts):
        return "it must be a relative path of plain names that stays inside the curated set"
    if found := _REFUSED.search(plain):
        return f"{found[0]!r} cannot be in the name of a file"
    for part in PLACEHOLDER.sub("\0", path).split("/"):
        if part != part.strip(" .") or is_device(part) or part.casefold() in _TAKEN or len(part.encode()) > 100:
            return f"{part!r} cannot be a folder or file: Windows or the set itself has other uses for it, or it is too long"
    if not {"name", "id"} & set(names):
        return "it names neither {name} nor {id}, so all items would be one file"
    return "" if len(parts) <= 10 else "it has more than ten folders"


class CuratedSettings(Settings):
    """What the curated set looks like on disk."""

    layout: str = "parquet"
    """folders, jsonl, parquet or webdataset."""
    path: str = ""
    """Where an item goes, from {split}, {class}, {name}, {id}, {source} and {ext}: {split}/{class}/{name}. The files of layout
    folders; the media files of jsonl; the names of media in the rows of parquet; the samples' keys in webdataset."""
    classes: dict[str, tuple[str, ...]] = {}
    """Class → labels of the sources that mean it. Labels not named keep their own name; a label of several classes is each."""
    balance: BalanceSettings = BalanceSettings()
    splits: SplitSettings = SplitSettings()
    holdouts: dict[str, HoldoutSettings] = {}
    """Split → the items that are kept out of training in it, and, under an embargo, out of the set."""
    redact: RedactSettings = RedactSettings()

    @field_validator("path")
    @classmethod
    def _path_is_usable(cls, value: str, info: ValidationInfo) -> str:
        problem = path_problem(value) if value else ""
        if value and not problem and info.data.get("layout") == "webdataset" and "{id}" not in value:
            problem = "in layout webdataset it needs {id}, because two samples of one key would become one"
        if problem:
            raise ValueError(f"{problem}. Write something like {{split}}/{{class}}/{{name}}")
        return value

    @field_validator("holdouts")
    @classmethod
    def _holdouts_are_no_training(cls, value: dict[str, HoldoutSettings]) -> dict[str, HoldoutSettings]:
        for name in value:
            _check_split_name(name)
            if name.casefold() in {"train", "training", "trn"}:
                raise ValueError(f"a hold-out is kept out of training, so it cannot be called {name!r}")
        return value

    @model_validator(mode="after")
    def _splits_have_folders(self) -> CuratedSettings:
        several = len([share for share in self.splits.shares.values() if share]) > 1 or bool(self.holdouts)
        if self.layout == "folders" and self.path and several and "{split}" not in self.path:
            raise ValueError(
                f"`path` {self.path!r} does not name {{split}}, so readers would take the files of all splits for training; "
                "write {split}/ before it"
            )
        return self


class Declaration(Settings):
    """sources.yaml as a whole. `sources` and `filters` hold the plug-ins' own settings models.

    `filters` maps a filter's name to its settings, or to False when it is not to run; a filter that is not named runs
    with its defaults. `policy` holds the user's rules; the built-in rules follow them (`acquire check` prints both).
    """

    version: Literal[1] = 1
    dataset: DatasetSettings = DatasetSettings(name="dataset")
    contact: ContactSettings | None = None
    sources: dict[str, SourceSettings]
    filters: dict[str, FilterSettings | Literal[False]] = {}
    signals: SignalSettings = SignalSettings()
    """What publishers say by machine against fetching and training: honour, record or ignore, per mechanism."""
    policy: tuple[PolicyRule, ...] = ()
    curated: CuratedSettings = CuratedSettings()
    manifest: tuple[str, ...] = ("items", "croissant", "attributions")
    limits: LimitSettings = LimitSettings()

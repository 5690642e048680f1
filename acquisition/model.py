"""The nouns: frozen values, and the Arrow schemas that carry them in bulk.

A value crosses a stage boundary as one of these dataclasses; many of them cross as record batches of the schema that stands
beside the noun. This module imports nothing of ours.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

import pyarrow as pa

TIMESTAMP: Final = pa.timestamp("ms", tz="UTC")


# --- where it comes from ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A checksum that a publisher gives or that we computed; `value` is lower-case hexadecimal.

    `git-sha1` is the object id of a git blob: sha1 over "blob", a space, the size, a NUL byte and the content.
    """

    algorithm: Literal["sha256", "sha512", "sha1", "md5", "crc32c", "git-sha1"]
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was looked at to learn a fact: the field or text, as found, where, its digest, and when (ISO 8601, UTC)."""

    field: str
    raw: str
    url: str
    sha256: str
    at: str


Vocabulary = Literal[
    "kaggle", "huggingface", "uci", "mdc", "freesound", "zenodo", "figshare", "dataverse", "github",
    "spdx", "url", "prose", "user",
]  # fmt: skip
Level = Literal["item", "file", "dataset", "policy", "user", "none"]


@dataclass(frozen=True, slots=True)
class LicenseClaim:
    """What a publisher says about a license, untouched.

    `raw` holds every value as found (a hub may give a list); `name` and `link` are the extra fields that stand beside an
    "other" license. `vocabulary` says whose words these are; `level` whether they speak of an item, of the dataset, of the
    repository's general policy, or come from the user's own override.
    """

    raw: tuple[str, ...]
    vocabulary: Vocabulary
    level: Level = "dataset"
    name: str = ""
    link: str = ""
    evidence: tuple[Evidence, ...] = ()
    redistribute: bool | None = None
    """The user's or the terms' own word on redistribution, which overrides the license (Mozilla Data Collective, packs)."""
    ml_training: Literal["allowed", "denied", "unknown"] | None = None


NO_CLAIM: Final = LicenseClaim(raw=(), vocabulary="prose", level="none")


@dataclass(frozen=True, slots=True)
class Terms:
    """Conditions beside the license that a person accepts: the page, the digest of the text, who accepted and when.

    `accepted_by` says on whose word: the account of a token, or the declaration and its contact; never a credential.
    """

    url: str
    text: str = ""
    sha256: str = ""
    accepted: bool = False
    accepted_at: str = ""
    accepted_by: str = ""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of a release.

    `path` is relative, with forward slashes, unique in the release. `url` is stable where the origin has a stable one and
    "" where the adapter must ask for one (`SourceAdapter.locate`). `size` is in bytes, None where nobody knows it.
    `packed` names the archive member convention when the publisher may deliver the file zipped ("zip-of-one").
    `local_path` is set for files of the user's own, which are read where they lie.
    """

    path: str
    url: str = ""
    size: int | None = None
    digests: tuple[Digest, ...] = ()
    media_type: str = ""
    packed: Literal["", "zip-of-one"] = ""
    local_path: str = ""
    modified_ns: int = 0


@dataclass(frozen=True, slots=True)
class Release:
    """A source resolved and pinned.

    `revision` is what pins it: Kaggle's integer, the 40-digit commit, the Data Collective id, a sha256 over the sorted
    file list of a folder; "" when only the bytes can pin it (UCI, plain URLs), until they have come.
    `reader` names the reader when the origin knows what its files are ("common-voice"), else "".
    `notes` are sentences for the plan and the manifest ("license follows the repository's policy"). `items` is how many
    samples the publisher's listing or card says there are, None where it does not.
    """

    source: str
    kind: str
    revision: str
    assets: tuple[Asset, ...]
    license: LicenseClaim = NO_CLAIM
    terms: Terms | None = None
    title: str = ""
    authors: tuple[str, ...] = ()
    homepage: str = ""
    citation: str = ""
    doi: str = ""
    version_label: str = ""
    reader: str = ""
    resolved_at: str = ""
    notes: tuple[str, ...] = ()
    items: int | None = None

    @property
    def size(self) -> int | None:
        """Bytes of all assets, None when one of them is unknown."""
        sizes = [asset.size for asset in self.assets]
        return None if None in sizes else sum(size for size in sizes if size is not None)


@dataclass(frozen=True, slots=True)
class Location:
    """Where an asset's bytes can be asked for right now.

    `headers` may hold credentials and are never logged; they are sent to `url`'s own origin only. `expires_at` is a Unix
    time in seconds, 0 when the URL does not expire.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    expires_at: float = 0.0

    def __repr__(self) -> str:
        """Signed URLs and headers are secrets: the query and all header values stay out of logs."""
        return f"Location({self.url.split('?')[0]!r}, headers={sorted(self.headers)!r})"


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that we hold. `path` is absolute: in the workspace's blob store, or the user's own file, read in place."""

    sha256: str
    size: int
    path: str


# --- what is in it ------------------------------------------------------------------------------------------------------


class Modality(StrEnum):
    """What kind of sample an item is."""

    TEXT = "text"
    AUDIO = "audio"
    IMAGE = "image"
    TABLE = "table"
    OTHER = "other"


FOUND_SCHEMA: Final = pa.schema(
    [
        pa.field("locator", pa.string(), nullable=False),
        pa.field("member", pa.string(), nullable=False),
        pa.field("modality", pa.string(), nullable=False),
        pa.field("media_type", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("content_sha256", pa.string(), nullable=False),
        pa.field("text", pa.large_string()),
        pa.field("fields", pa.large_string()),
        pa.field("label", pa.string()),
        pa.field("group", pa.string()),
        pa.field("split", pa.string()),
        pa.field("name", pa.string(), nullable=False),
        pa.field("title", pa.string()),
        pa.field("author", pa.string()),
        pa.field("url", pa.string()),
        pa.field("referrer", pa.string()),
        pa.field("license_raw", pa.string()),
        pa.field("license_url", pa.string()),
        pa.field("signals", pa.string()),
        pa.field("retrieved_at", TIMESTAMP),
    ]
)
"""What a reader finds in one asset, one row per candidate sample.

locator         place inside the release, unique in it, readable: "train.csv#row=17", "kit.zip!/kicks/a.wav",
                "run.warc.gz#record=<uuid>". Rows count from 0 and do not count the header.
member          how `acquisition.content` finds the sample's bytes inside the blob: "" the blob itself, "kicks/a.wav" a
                member, "inner.zip!/a.wav" a member of a member, "#…" a fragment that the reader understands. For rows
                the bytes are `text` or `fields` and this is "".
size            bytes of the content (UTF-8 bytes of `text` or `fields` for rows)
content_sha256  digest of the content: of the file's bytes; of the UTF-8 text; of the canonical JSON `fields`
text            decoded text where the sample is text, or the transcript/caption that belongs to a media sample
fields          JSON object with sorted keys, no spaces: the columns that are kept beside text and label, null if none
label, group, split   as found, after the declared renames; null when there is none. Several labels are a JSON list of texts
                (`labels_of`)
name            file-name stem to use in the curated set: no slashes, never empty
license_raw     the sample's own license words (page markup, a column), null when only the release speaks
signals         JSON list of opt-out signals found with the sample, null if none was looked for
retrieved_at    when the bytes were got, null to take the blob's time
"""

SPLIT_NAMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "eval", "evaluation"), "test"),
}
"""What publishers call the three usual splits, in lower case."""


def labels_of(text: str | None) -> tuple[str, ...]:
    """Return the labels (or classes) that a cell holds, each once, in its order: a JSON list of plain values is several."""
    if not text:
        return ()
    if text[0] == "[" and text[-1] == "]":
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return (text,)
        if isinstance(found, list) and all(isinstance(one, str | int) or one is None for one in found):
            texts = (one if isinstance(one, str) else json.dumps(one) for one in found if one is not None)
            # half a surrogate pair can stand in JSON, and in no file
            return tuple(dict.fromkeys(one.encode("utf-8", "replace").decode() for one in texts if one))
    return (text,)


def joined_labels(labels: Iterable[str]) -> str:
    """Return the one text that holds these labels (or classes): the label itself, a JSON list for several, "" for none."""
    found = list(dict.fromkeys(labels))
    if len(found) == 1 and labels_of(found[0]) == (found[0],):
        return found[0]
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")) if found else ""


ITEM_SCHEMA: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("release", pa.string(), nullable=False),
        pa.field("asset", pa.string(), nullable=False),
        pa.field("blob", pa.string(), nullable=False),
        *FOUND_SCHEMA,
    ]
)
"""One candidate sample with its identity: `id` from `item_id`, `release` the pinned revision, `asset` the path inside the
release, `blob` the sha256 of the bytes that hold it; the rest as found by the reader (FOUND_SCHEMA)."""


def item_id(source: str, release: str, locator: str) -> str:
    """Return the item's id: 32 hexadecimal digits, the same on every machine for the same source, release and locator."""
    return hashlib.sha256(f"{source}\n{release}\n{locator}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row, member or file that could not become an item: where it is, and why. Recorded, counted, shown."""

    code: str
    source: str
    release: str
    asset: str
    locator: str
    detail: str


REJECTION_SCHEMA: Final = pa.schema([pa.field(name, pa.string(), nullable=False) for name in Rejection.__slots__])


# --- what was noticed and decided ---------------------------------------------------------------------------------------


FLAG_SCHEMA: Final = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("code", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("field", pa.string(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)
"""What a filter noticed, one row per flag, in item order; a flag shard matches one item shard.

row     index of the item in its shard
code    "<family>.<what>" in kebab-case, declared on the filter ("pii.email-address")
score   0..1; 1.0 where the filter is certain or has no scale
field   the item's column it speaks of ("text", "label", "license_raw"…); "" for the item as a whole
start, end   span in characters of that field, -1 when there is none
detail  short text for people, or a JSON object; never the matched personal value itself
"""


class Outcome(StrEnum):
    """What happens to an item, from mildest to most severe."""

    KEEP = "keep"
    REDACT = "redact"
    HOLD = "hold"
    DROP = "drop"


SEVERITY: Final[Mapping[str, int]] = {outcome: rank for rank, outcome in enumerate(Outcome)}


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person said of an item: outcome, who, when (ISO 8601, UTC) and why. It beats every flag."""

    item: str
    outcome: Outcome
    by: str
    at: str
    reason: str


VERDICT_SCHEMA: Final = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("code", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("filter", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("why", pa.string(), nullable=False),
        pa.field("kept_id", pa.string(), nullable=False),
    ]
)
"""One row per item: the outcome and the decisive flag ("" when nothing was flagged), the rule that decided, and why.

kept_id   the copy that is kept in this one's place, "" where the item is kept itself or no copy of it is
"""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a filter found of a source as a whole, or of one table or column of it: reported, and never an item's flag.

    `code` is declared on the filter; `source` "" speaks of the whole set. `asset` is the table's or file's path, `field` its
    column, "" where it speaks of more. `value` is the figure (a share, a count, an estimate) with its 95 % interval `low` to
    `high` (equal to `value` where there is none), `items` how many it rests on, `detail` a sentence with what it does not mean.
    """

    code: str
    source: str
    value: float
    low: float
    high: float
    items: int
    asset: str = ""
    field: str = ""
    detail: str = ""

    @property
    def place(self) -> str:
        """What it speaks of, as people read it: "iris, iris.data, petal width"; "the whole set" where no source is named."""
        return ", ".join(part for part in (self.source or "the whole set", self.asset, self.field) if part)

    @property
    def figure(self) -> str:
        """The value with its interval: "0.031 (0.024 to 0.04)"."""
        if self.low == self.high:
            return f"{self.value:.3g}"
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g})"


@dataclass(frozen=True, slots=True)
class Shard:
    """One immutable Parquet file of items. `digest` names its content, so whatever is derived from it can be named."""

    source: str
    release: str
    index: int
    path: str
    rows: int
    digest: str

    @property
    def key(self) -> str:
        """Name of the shard inside a stage: source, release directory and index."""
        return f"{self.source}/{self.release}/items-{self.index:05d}"


@dataclass(frozen=True, slots=True)
class FlagShard:
    """What one filter noticed in one item shard: the file may be absent or empty when it noticed nothing."""

    filter: str
    version: int
    path: str


@dataclass(frozen=True, slots=True)
class JudgedShard:
    """An item shard with the flags that lie beside it and the verdict shard made of them."""

    shard: Shard
    flags: tuple[FlagShard, ...]
    verdicts: str


PLACEMENT_SCHEMA: Final = pa.schema(
    [
        *VERDICT_SCHEMA,
        pa.field("class", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("cluster", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("stored_sha256", pa.string(), nullable=False),
        pa.field("stored_size", pa.int64(), nullable=False),
        pa.field("changes", pa.list_(pa.string()), nullable=False),
        pa.field(
            "redactions",
            pa.list_(
                pa.struct(
                    [
                        pa.field("field", pa.string()),
                        pa.field("start", pa.int32()),
                        pa.field("end", pa.int32()),
                        pa.field("placeholder", pa.string()),
                    ]
                )
            ),
            nullable=False,
        ),
    ]
)
"""One row per item of a shard, kept or not: the final verdict (balance included) and its place in the curated set.

class    the item's class for every item, a JSON list of texts where it has several, "" under an embargo; split and path only
         for kept ones, else ""
path     relative to the curated set; "#row=N" follows where one file holds many items
cluster  the duplicate cluster, "" when it is in none
group    a token that stands for the source's group (speaker, author, page); never the value as found
stored_sha256, stored_size   the item's own file in the curated set, "" and 0 where a file holds many items
changes  sentences on what differs from the original
redactions   the spans that the policy wants replaced, for items that are not kept as well
"""


# --- what a license allows ----------------------------------------------------------------------------------------------

Permission = Literal["yes", "no", "conditional", "unknown"]


@dataclass(frozen=True, slots=True)
class Duties:
    """What a license demands of whoever uses the work."""

    attribution: bool = False
    share_alike: bool = False
    non_commercial: bool = False
    no_derivatives: bool = False
    research_only: bool = False
    include_text: bool = False
    notice_changes: bool = False


@dataclass(frozen=True, slots=True)
class LicenseConclusion:
    """What we conclude from a claim: an SPDX expression, or "NOASSERTION" when we do not know, and how we know.

    `declared` is the claim as an SPDX expression ("NOASSERTION" if it cannot be read), `concluded` what we hold to be
    true after looking at all evidence. `basis` is item, dataset, policy, user or none, or file where a LICENSE or README text
    settled or changed it: `files` names those texts. `reasons` are sentences.
    """

    declared: str
    concluded: str
    basis: Level
    duties: Duties
    training: Permission
    commercial: Permission
    redistribute: Permission
    derivatives: Permission
    reasons: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    review: bool = False
    """True where a person should look: families without a version, lists, contents that differ from the database."""


@dataclass(frozen=True, slots=True)
class Use:
    """What the set is for; the license gate judges against it."""

    training: bool = True
    commercial: bool = False
    redistribute: bool = False
    derivatives: bool = True

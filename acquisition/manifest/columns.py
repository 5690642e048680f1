"""The columns of the ledger, each with what it means, as an Arrow schema and as a published JSON Schema (2020-12).

The schema of items.parquet, the lines of manifest.jsonl and items.schema.json are all made from `_COLUMNS`, so none can drift.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from acquisition.model import FLAG_SCHEMA, TIMESTAMP

LEDGER_VERSION: Final = 2
"""Format of the ledger. It rises when a column changes its name, type or meaning; readers name a version they do not read."""
VERSION_KEY: Final = b"acquisition.ledger"
"""Key of the version in the Parquet file's metadata; summary.json has it as `ledger`."""
SCHEMA_ID: Final = f"https://acquisition.example.org/schemas/items-{LEDGER_VERSION}.json"
SCHEMA_FILE: Final = "items.schema.json"
TAKEDOWN: Final = "takedown"
"""The decisive code of an item that was taken down; nothing of it but its name stands in its row."""

EVIDENCE_TYPE: Final = pa.struct([pa.field(name, pa.string()) for name in ("field", "raw", "url", "sha256", "at", "file")])
FLAG_TYPE: Final = pa.struct(
    [
        pa.field("filter", pa.string()),
        pa.field("version", pa.int32()),
        *(FLAG_SCHEMA.field(name) for name in ("code", "score", "field", "start", "end", "detail")),
    ]
)
SIGNAL_WORDS: Final = (
    "mechanism",
    "where",
    "raw",
    "parsed",
    "fetch",
    "train",
    "store",
    "scope",
    "license",
    "at",
    "sha256",
    "file",
)
SIGNAL_TYPE: Final = pa.struct([pa.field(name, pa.string()) for name in SIGNAL_WORDS])
_TEXTS: Final = pa.list_(pa.string())
_STRUCTS: Final[Mapping[str, Mapping[str, str]]] = {
    "evidence": {
        "field": "What was looked at: a field of the publisher's answer, a file's name, the user's own word.",
        "raw": "What stood there, its first 500 characters.",
        "url": "Where it stood: an address, or a path in the release.",
        "sha256": "Digest of all of it, empty where it is a bare address.",
        "at": "When somebody looked (ISO 8601, UTC).",
        "file": "Its bytes in the manifest's folder, empty where they are not kept.",
    },
    "signals": {
        "mechanism": "Which way of speaking by machine it is (docs/signals.md).",
        "where": "The surface: a header, robots.txt, a file about rights, the bytes themselves.",
        "raw": "The text as found, at most 2,000 characters.",
        "parsed": "What was read from it, as a JSON object of texts.",
        "fetch": "What it says of fetching: allow, deny, unknown or none.",
        "train": "What it says of training models: allow, deny, unknown or none.",
        "store": "What it says of keeping and passing on copies: allow, deny, unknown or none.",
        "scope": "What it speaks of: site, path, page, element, item or images.",
        "license": "License that it names, an SPDX expression or an address.",
        "at": "When it was read (ISO 8601, UTC).",
        "sha256": "Digest of the site's file that it was read from, else of the text as found.",
        "file": "That file's bytes in the manifest's folder, empty where they are not kept.",
    },
    "flags": {
        "filter": "Filter that noticed it.",
        "version": "Version of the filter.",
        "code": "What was noticed (docs/flags.md).",
        "score": "0 to 1; 1 where the filter is certain or has no scale.",
        "field": "Column of the item that it speaks of, empty for the whole item.",
        "start": "First character of the place, -1 where there is none.",
        "end": "Character behind the place, -1 where there is none.",
        "detail": "Words or JSON for people; never a personal value.",
    },
}
MODALITIES: Final = ("text", "audio", "image", "table", "other")
OUTCOMES: Final = ("keep", "redact", "hold", "drop")
BASES: Final = ("item", "page", "file", "dataset", "policy", "override", "none")
SYNTHETIC: Final = ("suspected", "nothing-found", "not-checked")
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "modality": (*MODALITIES, ""),
    "outcome": OUTCOMES,
    "basis": (*BASES, ""),
    "synthetic": (*SYNTHETIC, ""),
}
PATTERNS: Final[Mapping[str, str]] = {
    "id": r"^[0-9a-f]{32}$",
    "content_sha256": r"^([0-9a-f]{64})?$",
    "stored_sha256": r"^([0-9a-f]{64})?$",
    "blob": r"^([0-9a-f]{64})?$",
}


def _text(name: str, told: str, *, nullable: bool = False) -> tuple[pa.Field, str]:
    return pa.field(name, pa.string(), nullable=nullable), told


def _of(name: str, kind: pa.DataType, told: str, *, nullable: bool = False) -> tuple[pa.Field, str]:
    return pa.field(name, kind, nullable=nullable), told


_COLUMNS: Final = (
    _text("id", "Id of the item, the same on every machine for the same source, release and place."),
    _text("content_sha256", "Digest of the content as found, empty where words of it are redacted: trying would find them."),
    _of("size", pa.int64(), "Bytes of the content as found, rounded up to 256 where words of it are redacted."),
    _text("modality", "Kind of sample."),
    _text("media_type", "Media type of the content as found."),
    _text("path", "Place in the curated set, empty unless the item is kept; #row=N where one file holds many items."),
    _text("split", "Split of a kept item, else empty."),
    _text("class", "Class of the item, as declared; a JSON list where it has several."),
    _text("label", "Label as found (a JSON list for several), null where there is none.", nullable=True),
    _text("stored_sha256", "Digest of the item's own file in the set, empty where a file holds many items."),
    _of("stored_size", pa.int64(), "Bytes of the item's own file in the set."),
    _text("source", "Declared source that the item comes from."),
    _text("kind", "Kind of that source."),
    _text("why_source", "Why that source is in the set, in the declaration's words."),
    _text("revision", "What pins the release: a commit, a version, a digest of the list of files."),
    _text("version_label", "The publisher's own name for that version."),
    _text("asset", "File of the release that the item lies in."),
    _text("locator", "Place of the item in its release."),
    _text(
        "blob",
        "Digest of the file that holds the item; empty for crawled items, whose archives the lock names, and for a redacted"
        " text that is a file of its own.",
    ),
    _text("url", "Address of the item's own, null where it has none.", nullable=True),
    _text("referrer", "Page that led to the item, null where none did.", nullable=True),
    _text("homepage", "The release's page."),
    _text("doi", "The release's DOI."),
    _of("retrieved_at", TIMESTAMP, "When the bytes were got (UTC), null where nobody knows.", nullable=True),
    _text("retrieved_url", "Address that the bytes came from, without its query."),
    _text("etag", "Validator that the server gave."),
    _text("last_modified", "Date of last change that the server gave."),
    _of("declared_raw", _TEXTS, "What the publisher says of the license, untouched."),
    _text("declared_spdx", "That as an SPDX expression, NOASSERTION where it is none."),
    _text(
        "concluded_spdx", "License that is held to be true after looking at all evidence, NOASSERTION where it is not known."
    ),
    _text(
        "basis",
        "What the conclusion rests on: the item's own words, its page, a license file of the release, the publisher's word for"
        " the data set, the repository's policy, the user's own word (override), or nothing.",
    ),
    _of("license_reasons", _TEXTS, "Why that was concluded, in sentences."),
    _of("license_review", pa.bool_(), "Whether a person should look at it."),
    _of("evidence", pa.list_(EVIDENCE_TYPE), "What was looked at to learn the license."),
    _of("duties", _TEXTS, "What the license demands: attribution, share-alike, non-commercial…"),
    _of("authors", _TEXTS, "Whom to credit; items' own authors only where the license asks for credit."),
    _text("title", "Title of the work, null where it has none.", nullable=True),
    _text("attribution_text", "Line of credit, empty where the license asks for none."),
    _of("notices", _TEXTS, "Copyright notices as the license files of the release give them."),
    _of(
        "signals",
        pa.list_(SIGNAL_TYPE),
        "What publishers say by machine of the item's use; null where none was looked for.",
        nullable=True,
    ),
    _of("flags", pa.list_(FLAG_TYPE), "What filters noticed, in their order."),
    _text("outcome", "What became of it."),
    _text("code", "Decisive flag or reason, empty where nothing was flagged."),
    _of("score", pa.float64(), "Score of the decisive flag."),
    _text("filter", "Filter of the decisive flag."),
    _text("rule", "Rule that decided."),
    _text("why", "Why, in the rule's or the person's words."),
    _text("by", "Who decided: policy, or a person."),
    _text("decided_at", "When a person decided (ISO 8601, UTC), else empty."),
    _text("cluster", "Cluster of duplicates, empty where it is in none."),
    _text("kept_id", "Id of the copy that is kept in its place."),
    _text(
        "group",
        "What stands for its speaker, author or page: the id of their first item, half of it; nothing of the value as found.",
    ),
    _of("changes", _TEXTS, "What differs from the original, in sentences."),
    _text(
        "synthetic",
        "Whether it may have been made by a model: suspected (a filter's flag says so), nothing-found (looked at, no"
        " sign), not-checked (no filter can tell, or none ran).",
    ),
    _text("takedown", "Ticket under which it was taken down, empty unless it was; then nothing but names stands in the row."),
)
LEDGER_SCHEMA: Final = pa.schema([field for field, _ in _COLUMNS], metadata={VERSION_KEY: str(LEDGER_VERSION).encode()})
"""items.parquet. `label` is as found, `class` as declared; `path` and `split` are "" unless the item is kept."""
MEANINGS: Final[Mapping[str, str]] = {field.name: told for field, told in _COLUMNS}
"""Column → what it means, for docs and for the published schema."""


def items_schema() -> dict[str, Any]:
    """Return the JSON Schema of one line of manifest.jsonl."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": f"One item of the ledger, format {LEDGER_VERSION}",
        "description": "A line of manifest.jsonl: an item that was found, kept or not, with its origin, rights and decision.",
        "type": "object",
        "properties": {field.name: _property(field, told) for field, told in _COLUMNS},
        "required": [field.name for field, _ in _COLUMNS],
        "additionalProperties": False,
    }


def _property(field: pa.Field, told: str) -> dict[str, Any]:
    found = _typed(field.type, field.name)
    if field.nullable:
        found["type"] = [found["type"], "null"]
    if field.name in WORDS:
        found["enum"] = list(WORDS[field.name])
    if field.name in PATTERNS:
        found["pattern"] = PATTERNS[field.name]
    if field.name in {"size", "stored_size"}:
        found["minimum"] = 0
    return {"description": told, **found}


def _typed(kind: pa.DataType, name: str) -> dict[str, Any]:
    if pa.types.is_list(kind):
        return {"type": "array", "items": _typed(kind.value_type, name)}
    if pa.types.is_struct(kind):
        properties = {one.name: {"description": _STRUCTS[name][one.name], **_typed(one.type, "")} for one in kind}
        return {
            "type": "object",
            "properties": properties,
            "required": [one.name for one in kind],
            "additionalProperties": False,
        }
    if pa.types.is_timestamp(kind):
        return {"type": "string", "format": "date-time"}
    if pa.types.is_boolean(kind):
        return {"type": "boolean"}
    if pa.types.is_integer(kind):
        return {"type": "integer"}
    return {"type": "number" if pa.types.is_floating(kind) else "string"}

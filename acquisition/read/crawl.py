"""Reads what a crawl has brought: the items that lie in one WARC file, from the list that the crawler kept beside it.

`crawl-00000.warc.gz` holds the responses, `crawl-00000.items.jsonl` the items found on them, one JSON object per line (form:
docs/write-a-spider.md). The list is read for its WARC file and yields nothing for itself. Items come sorted by locator, so
the order does not depend on when pages were met.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from acquisition.model import FOUND_SCHEMA, Modality, Rejection
from acquisition.protocols import Binary, Found, ReadContext, Reader
from acquisition.settings import ItemSettings, PickSettings

_WARC: Final = ".warc.gz"
_ITEMS: Final = ".items.jsonl"
_BATCH_ROWS: Final = 1_000
_BATCH_BYTES: Final = 16_000_000
_STANDARD: Final = (
    "text", "label", "caption", "title", "author", "license", "license_url", "group", "split", "name", "signals"
)  # fmt: skip
_NOT_IN_NAMES: Final = re.compile(r"[^\w.-]+")
_REQUIRED: Final = ("locator", "url", "final_url", "media_type", "sample", "size", "sha256", "warc", "item")


@dataclass(frozen=True, slots=True)
class _Line:
    locator: str
    start: int
    length: int


class CrawlReader(Reader):
    """Finds the items of a crawl. `items.text`, `label` and the other columns may name keys of what the spider yielded."""

    name: ClassVar[str] = "crawl"
    version: ClassVar[int] = 1
    suffixes: ClassVar[tuple[str, ...]] = ()
    modality: ClassVar[Modality] = Modality.TEXT

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002  # contract
        """Say no: only a crawl's own release names this reader, a WARC file of somebody else's has no list beside it."""
        return False

    def read(self, binary: Binary, context: ReadContext) -> Iterator[Found]:  # noqa: ARG002  # the list says all but the bytes
        """Yield the items whose response lies in this WARC file; a list that is missing or torn becomes a rejection."""
        if not context.asset.endswith(_WARC):
            return
        listed = context.asset.removesuffix(_WARC) + _ITEMS
        sibling = context.siblings.get(listed)
        if sibling is None:
            return  # a crawl whose pages held no items has no list
        with sibling.open() as stream:
            lines: list[_Line] = []
            position = 0
            for number, line in enumerate(stream):
                locator = _locator(line)
                if locator is None:
                    yield _rejected(context, "item-unreadable", f"{listed}#line={number}", "the line is no item of a crawl")
                else:
                    lines.append(_Line(locator, position, len(line)))
                position += len(line)
            yield from _batches(stream, sorted(lines, key=lambda entry: entry.locator), context)


def _batches(stream: Any, lines: list[_Line], context: ReadContext) -> Iterator[Found]:
    rows: list[dict[str, Any]] = []
    held = 0
    for line in lines:
        stream.seek(line.start)
        record = json.loads(stream.read(line.length))
        try:
            rows.append(_row(record, context.items))
        except (KeyError, TypeError, ValueError) as error:
            yield _rejected(context, "item-unreadable", line.locator, f"{type(error).__name__}: {error}"[:200])
            continue
        held += line.length
        if len(rows) >= _BATCH_ROWS or held >= _BATCH_BYTES:
            yield pa.RecordBatch.from_pylist(rows, schema=FOUND_SCHEMA)
            rows, held = [], 0
    if rows:
        yield pa.RecordBatch.from_pylist(rows, schema=FOUND_SCHEMA)


def _locator(line: bytes) -> str | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict) or any(key not in record for key in _REQUIRED):
        return None
    return str(record["locator"]) if isinstance(record["item"], dict) else None


def _rejected(context: ReadContext, code: str, locator: str, detail: str) -> Rejection:
    return Rejection(code, context.source, context.release, context.asset, locator, detail)


def _row(record: Mapping[str, Any], items: ItemSettings) -> dict[str, Any]:
    """Return a row of FOUND_SCHEMA for one record."""
    item: Mapping[str, Any] = record["item"]
    media = record["sample"] == "media"
    text = _string(item, items.text, "text") if items.text is not None or "text" in item else None
    if media and text is None:
        text = _string(item, None, "caption")
    fields = _fields(item, items)
    content = _content(record, text, fields, media=media)
    label = _picked(item, items.label, "label", record["final_url"])
    return content | {
        "locator": record["locator"],
        "media_type": record["media_type"] or "text/html",
        "text": text,
        "fields": fields,
        "label": label,
        "group": _picked(item, items.group, "group", record["final_url"]),
        "split": _picked(item, items.split, "split", record["final_url"]),
        "name": _name(_string(item, items.name, "name"), str(record["final_url"]), str(record["sha256"])),
        "title": _string(item, items.title, "title"),
        "author": _string(item, items.author, "author"),
        "url": _string(item, items.url, "") or record["final_url"],
        "referrer": record.get("referrer") or None,
        "license_raw": _string(item, items.license, "license") or _string(item, None, "license_url"),
        "license_url": _string(item, None, "license_url"),
        "signals": json.dumps(item["signals"], sort_keys=True) if item.get("signals") is not None else None,
        "retrieved_at": _time(record.get("retrieved_at")),
    }


def _content(record: Mapping[str, Any], text: str | None, fields: str | None, *, media: bool) -> dict[str, Any]:
    """Return what says where the sample's bytes are: in the archive for media, else in the row itself."""
    if media:
        modality = {"audio": Modality.AUDIO, "image": Modality.IMAGE}.get(
            record["media_type"].partition("/")[0], Modality.OTHER
        )
        return {
            "member": f"#warc={int(record['warc']['offset'])}",
            "modality": str(modality),
            "size": int(record["size"]),
            "content_sha256": record["sha256"],
        }
    content = (text if text is not None else fields or "{}").encode("utf-8", "surrogatepass")
    return {
        "member": "",
        "modality": str(Modality.TEXT if text is not None else Modality.TABLE),
        "size": len(content),
        "content_sha256": hashlib.sha256(content).hexdigest(),
    }


def _string(item: Mapping[str, Any], column: str | int | None, standard: str) -> str | None:
    """Return a value as text, from the declared key or the standard one; numbers are written out, lists joined by "; "."""
    value = item.get(str(column) if column is not None else standard)
    if value is None or value == "":
        return None
    if isinstance(value, list):
        return "; ".join(str(part) for part in value) or None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _picked(item: Mapping[str, Any], pick: str | int | PickSettings | None, standard: str, url: str) -> str | None:
    """Return a label, group or split as declared; folder and file mean those of the item's address."""
    if not isinstance(pick, PickSettings):
        return _string(item, pick, standard)
    parts = [unquote(part) for part in urlsplit(url).path.split("/") if part]
    found: str | None
    if pick.from_ == "text":
        found = pick.value
    elif pick.from_ == "column":
        found = _string(item, pick.column, standard)
    elif pick.from_ == "file":
        found = parts[-1] if parts else None
    else:
        folders = parts[:-1]
        found = folders[pick.level] if -len(folders) <= pick.level < len(folders) else None
    if found is not None and pick.pattern and pick.from_ in ("folder", "file"):
        match = re.search(pick.pattern, found)
        found = (match[1] if match.re.groups else match[0]) if match else None
    return None if found is None else pick.rename.get(found, found)


def _fields(item: Mapping[str, Any], items: ItemSettings) -> str | None:
    """Return the kept rest of the item as canonical JSON; None when nothing is kept."""
    extra = dict(item.get("fields") or {}) if isinstance(item.get("fields"), dict) else {}
    extra |= {key: value for key, value in item.items() if key not in (*_STANDARD, "fields")}
    if isinstance(items.keep, tuple):
        known = dict(item) | extra
        extra = {str(key): known[str(key)] for key in items.keep if str(key) in known}
    elif items.keep == "none" or (items.keep is None and items.text is not None):
        extra = {}
    return json.dumps(extra, sort_keys=True, separators=(",", ":"), ensure_ascii=False) if extra else None


def _name(given: str | None, url: str, sha256: str) -> str:
    """Return a file-name stem: the item's own, else the last part of the address, else the digest's first digits."""
    last = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    stem = given or (last.rpartition(".")[0] or last)
    return _NOT_IN_NAMES.sub("-", stem).strip("-.")[:100] or sha256[:12]


def _time(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) and value else None

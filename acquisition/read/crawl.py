"""Reads what a crawl has brought: the items that lie in one WARC file, from the list that the crawler kept beside it.

`crawl-00000.warc.gz` holds the responses, `crawl-00000.items.jsonl` the items found on them, one JSON object per line (form:
docs/write-a-spider.md). The list is read for its WARC file and yields nothing for itself. Items come sorted by locator, so
the order does not depend on when pages were met. A line whose sample is the page has its text extracted here, from the archive,
so that a better extraction needs no second visit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from typing import IO, Any, ClassVar, Final
from urllib.parse import unquote, urlsplit

from acquisition.content.fragments import warc_content
from acquisition.content.limits import Unreadable
from acquisition.model import Modality, Rejection, joined_labels
from acquisition.protocols import Binary, Found, ReadContext, Reader
from acquisition.read.extract import FEWEST_LETTERS, Extract, decoded, letters
from acquisition.read.extractor import Extractor
from acquisition.read.html import page_text
from acquisition.read.items import BATCH_BYTES, BATCH_ROWS, as_text, canonical, file_name, found_batch
from acquisition.read.labels import Picker
from acquisition.rights.signals import Signal, page_claim
from acquisition.settings import ItemSettings, PickSettings

_WARC: Final = ".warc.gz"
_ITEMS: Final = ".items.jsonl"
_STANDARD: Final = (
    "text", "label", "caption", "title", "author", "license", "license_url", "group", "split", "name", "signals"
)  # fmt: skip
_REQUIRED: Final = ("locator", "url", "final_url", "media_type", "sample", "size", "sha256", "warc", "item")


@dataclass(frozen=True, slots=True)
class _Line:
    locator: str
    start: int
    length: int


class CrawlReader(Reader):
    """Finds the items of a crawl. `items.text`, `label` and the other columns may name keys of what the spider yielded."""

    name: ClassVar[str] = "crawl"
    version: ClassVar[int] = 3
    suffixes: ClassVar[tuple[str, ...]] = ()
    modality: ClassVar[Modality] = Modality.TEXT

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002  # contract
        """Say no: only a crawl's own release names this reader, a WARC file of somebody else's has no list beside it."""
        return False

    def read(self, binary: Binary, context: ReadContext) -> Iterator[Found]:
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
            with _Pages(binary, context) as pages:
                yield from _batches(stream, sorted(lines, key=lambda entry: entry.locator), context, pages)


def _batches(stream: IO[bytes], lines: list[_Line], context: ReadContext, pages: _Pages) -> Iterator[Found]:
    made = _Rows(context, pages)
    rows: list[dict[str, Any]] = []
    held = 0
    for line in lines:
        stream.seek(line.start)
        try:
            rows.append(made.row(json.loads(stream.read(line.length))))
        except Unreadable as error:
            yield _rejected(context, error.code, line.locator, error.detail)
            continue
        except (KeyError, TypeError, ValueError) as error:
            yield _rejected(context, "item-unreadable", line.locator, f"{type(error).__name__}: {error}"[:200])
            continue
        held += line.length + len(rows[-1]["text"] or "")
        if len(rows) >= BATCH_ROWS or held >= BATCH_BYTES:
            yield found_batch(rows)
            rows, held = [], 0
    if rows:
        yield found_batch(rows)


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


class _Pages(ExitStack):
    """The archived pages behind the lines, and what their text is. Nothing is opened or started before it is needed."""

    def __init__(self, binary: Binary, context: ReadContext) -> None:
        super().__init__()
        self._binary = binary
        self._read = context.read
        self._stream: IO[bytes] | None = None
        self._extractor: Extractor | None = None

    def text_of(self, record: Mapping[str, Any]) -> Extract:
        """Return what an archived page says; Unreadable when it is damaged, is not the page listed, or has no text."""
        body = self._body(int(record["warc"]["offset"]))
        if hashlib.sha256(body).hexdigest() != record["sha256"]:
            raise Unreadable("warc-digest", "the archived page is not the one that the item was found on")
        used = (record.get("charset") or {}).get("used") or ""
        if self._read.encoding is not None or not used:
            body, used = page_text(body, self._read).encode("utf-8", "replace"), "utf-8"
        if record["media_type"] == "text/plain":
            return _plain(decoded(body, used))
        if self._extractor is None:
            self._extractor = self.enter_context(Extractor())
        return self._extractor.extract(body, used, str(record["final_url"]))

    def _body(self, offset: int) -> bytes:
        if self._stream is None:
            self._stream = self.enter_context(self._binary.open())
        try:
            return warc_content(self._stream, offset)
        except Unreadable:
            raise
        except Exception as error:  # warcio raises what it meets on damaged records
            raise Unreadable("warc-damaged", f"{type(error).__name__}: {error}"[:200]) from error


def _plain(text: str) -> Extract:
    if letters(text) < FEWEST_LETTERS:
        raise Unreadable("no-main-text", f"{letters(text)} letters of text")
    return Extract(text)


class _Rows:
    """Makes rows of FOUND_SCHEMA as the source's `items` declare them."""

    def __init__(self, context: ReadContext, pages: _Pages) -> None:
        self._context = context
        self._pages = pages
        self._items = context.items
        declared = {"label": context.items.label, "group": context.items.group, "split": context.items.split}
        self._picks = {role: (pick, Picker(pick)) for role, pick in declared.items() if isinstance(pick, PickSettings)}

    def row(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row for one record; Unreadable when the declared text is not in it."""
        record = {**record, "item": self._item(record)}
        item, items = record["item"], self._items
        media = record["sample"] == "media"
        text = _value(item, items.text, "caption" if media and "text" not in item else "text")
        if text is None and items.text is not None and not media:
            raise Unreadable("no-such-column", f"{items.text!r} is declared as text, the item has: {', '.join(sorted(item))}")
        fields = _fields(item, items)
        license_raw, license_url = _license(record, items)
        return _content(record, text, fields, media=media) | {
            "locator": record["locator"],
            "text": text,
            "fields": fields,
            "label": self._picked("label", record),
            "group": self._picked("group", record),
            "split": self._picked("split", record),
            "name": _name(_value(item, items.name, "name"), str(record["final_url"]), str(record["sha256"])),
            "title": _value(item, items.title, "title"),
            "author": _value(item, items.author, "author"),
            "url": _value(item, items.url, "") or record["final_url"],
            "referrer": record.get("referrer") or None,
            "license_raw": license_raw or license_url,
            "license_url": license_url,
            "signals": _signals(record),
            "retrieved_at": _time(record.get("retrieved_at")),
        }

    def _item(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what was yielded; for a page with its text, and what else it says where the spider said nothing."""
        item: Mapping[str, Any] = record["item"]
        if record["sample"] != "page":
            return item
        found = self._pages.text_of(record)
        said = found.fields() | {"text": found.text, "title": found.title, "author": found.author}
        return {name: value for name, value in said.items() if value} | dict(item)

    def _picked(self, role: str, record: Mapping[str, Any]) -> str | None:
        """Return a label, group or split as declared; folder and file mean those of the item's address."""
        if role not in self._picks:
            return _cell(record["item"], getattr(self._items, role), role)
        pick, picker = self._picks[role]
        if pick.columns:
            names = [str(column) for column in pick.columns]
            return picker.of_cells(names, [_cell(record["item"], column, role) for column in pick.columns])
        if pick.from_ == "column":
            return picker.of_value(_cell(record["item"], pick.column, role))
        path = unquote(urlsplit(record["final_url"]).path).lstrip("/")
        return picker.of_path(replace(self._context, asset=path, member=""))


def _content(record: Mapping[str, Any], text: str | None, fields: str | None, *, media: bool) -> dict[str, Any]:
    """Return what says where the sample's bytes are: in the archive for media, else in the row itself."""
    if media:
        modality = {"audio": Modality.AUDIO, "image": Modality.IMAGE}.get(
            record["media_type"].partition("/")[0], Modality.OTHER
        )
        return {
            "member": f"#warc={int(record['warc']['offset'])}",
            "media_type": record["media_type"],
            "modality": str(modality),
            "size": int(record["size"]),
            "content_sha256": record["sha256"],
        }
    content = (text if text is not None else fields or "{}").encode("utf-8", "surrogatepass")
    return {
        "member": "",
        "media_type": "text/plain" if text is not None else "application/json",
        "modality": str(Modality.TEXT if text is not None else Modality.TABLE),
        "size": len(content),
        "content_sha256": hashlib.sha256(content).hexdigest(),
    }


def _signals(record: Mapping[str, Any]) -> str | None:
    """Return the signals that were read when the page was visited, else those that the spider itself gives."""
    found = record["signals"] if record.get("signals") is not None else record["item"].get("signals")
    return canonical(found).decode() if found is not None else None


def _license(record: Mapping[str, Any], items: ItemSettings) -> tuple[str | None, str | None]:
    """Return words and address of a license: the item's own, else what its page or file says of itself by machine."""
    item = record["item"]
    raw, url = _value(item, items.license, "license"), _value(item, None, "license_url")
    if raw or url:
        return raw, url
    said = [one for one in record.get("signals") or () if isinstance(one, dict) and one.get("license")]
    return page_claim(Signal.from_record(one) for one in said)


def _value(item: Mapping[str, Any], column: str | int | None, standard: str) -> str | None:
    """Return a value as text, from the declared key or the standard one; lists are joined by "; "."""
    value = item.get(str(column) if column is not None else standard)
    if isinstance(value, list):
        value = "; ".join(as_text(part) or "" for part in value)
    return as_text(value) or None


def _cell(item: Mapping[str, Any], column: str | int | None, role: str) -> str | None:
    """Return a label, group or split as text; a list of labels stays several."""
    value = item.get(str(column) if column is not None else role)
    if role == "label" and isinstance(value, list):
        return joined_labels(text for part in value if (text := as_text(part))) or None
    return _value(item, column, role)


def _fields(item: Mapping[str, Any], items: ItemSettings) -> str | None:
    """Return the kept rest of the item as canonical JSON; None when nothing is kept."""
    extra = dict(item.get("fields") or {}) if isinstance(item.get("fields"), dict) else {}
    extra |= {key: value for key, value in item.items() if key not in (*_STANDARD, "fields", "extract")}
    if isinstance(items.keep, tuple):
        known = dict(item) | extra
        extra = {str(key): known[str(key)] for key in items.keep if str(key) in known}
    elif items.keep == "none" or (items.keep is None and items.text is not None):
        extra = {}
    return canonical(extra).decode() if extra else None


def _name(given: str | None, url: str, sha256: str) -> str:
    """Return a file-name stem: the item's own, else the last part of the address, else the digest's first digits."""
    last = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    stem = given or (last.rpartition(".")[0] or last)
    return file_name(stem) if stem.strip(" .") else sha256[:12]


def _time(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) and value else None

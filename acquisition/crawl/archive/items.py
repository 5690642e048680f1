"""One line per item that a spider yielded: what it is, where its bytes are archived, and what its page says of rights.

    {"locator", "url", "final_url", "redirects": [[url, status], …], "referrer", "reason", "retrieved_at", "media_type",
     "charset": {"declared", "used"}, "sample": "row" | "media" | "page", "size", "sha256",
     "warc": {"file", "offset", "record_id"}, "item": {what was yielded},
     "signals": […], "verdicts": {"fetch", "train", "store"}, "robots": {…}, "change": "new" | "same" | "changed"}

`sample` is "media" when the response's body is the sample, "page" when text is extracted from it at staging; `size` and
`sha256` are then those of the decoded body. For "row" the item itself is the sample, and they are those of its canonical JSON.
The locator is made of the address and that digest, so it does not depend on when or in which order a page was met.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Literal

from acquisition.crawl.contract import Place

_TEXT_TYPES: Final = frozenset(
    {"", "application/xhtml+xml", "application/xml", "application/json", "application/ld+json", "application/javascript"}
)
_DEEPEST: Final = 20


class NotPlain(ValueError):
    """An item holds a value that JSON cannot."""


@dataclass(frozen=True, slots=True)
class Page:
    """The response that an item was found on. `body` is decoded, `url` what was asked, `final_url` what answered.

    `redirects` are the addresses passed on the way with their status, `reason` says why it was visited (a search's query, a
    list's row), `charset` the declared and the used one, `sha256` is the body's where somebody has computed it.
    """

    url: str
    final_url: str
    referrer: str
    media_type: str
    body: bytes
    place: Place
    redirects: Sequence[tuple[str, int]] = ()
    reason: str = ""
    charset: tuple[str, str] = ("", "")
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Rights:
    """What is said about a sample's rights: signals as `Signal.record()` writes them, verdicts, and robots.txt's ruling."""

    signals: Sequence[Mapping[str, Any]] = ()
    verdicts: Mapping[str, str] = field(default_factory=dict)
    robots: Mapping[str, Any] = field(default_factory=dict)


def record_of(
    item: Mapping[str, Any],
    page: Page,
    rights: Rights | None = None,
    *,
    sample: Literal["", "row", "media", "page"] = "",
) -> dict[str, Any]:
    """Return the line for one item; NotPlain when a value has no JSON form. Without `sample` the media type decides."""
    fields = {str(key): plain(value) for key, value in item.items() if value is not None and value != {}}
    sample = sample or ("media" if is_media(page.media_type) else "row")
    content = canonical(fields).encode() if sample == "row" else page.body
    sha256 = (page.sha256 if sample != "row" else "") or hashlib.sha256(content).hexdigest()
    place = page.place
    record = {
        "locator": f"{page.final_url}#sha256={sha256[:32]}",
        "url": page.url,
        "final_url": page.final_url,
        "referrer": page.referrer,
        "retrieved_at": place.date,
        "media_type": page.media_type,
        "sample": sample,
        "size": len(content),
        "sha256": sha256,
        "warc": {"file": place.file, "offset": place.offset, "record_id": place.record_id},
        "item": fields,
    }
    return record | _about(page, rights)


def _about(page: Page, rights: Rights | None) -> dict[str, Any]:
    """Return the fields that a line has only when something is known."""
    found: dict[str, Any] = {}
    if page.redirects:
        found["redirects"] = [list(hop) for hop in page.redirects]
    if page.reason:
        found["reason"] = page.reason
    if any(page.charset):
        found["charset"] = {"declared": page.charset[0], "used": page.charset[1]}
    if rights is not None:
        found["signals"] = [dict(signal) for signal in rights.signals]
        found["verdicts"] = dict(rights.verdicts)
        found["robots"] = dict(rights.robots)
    return found


def is_media(media_type: str) -> bool:
    """Say whether a body of this type is a sample as it stands (an image, a sound, a PDF) rather than text to read."""
    return not (media_type.startswith("text/") or media_type in _TEXT_TYPES or media_type.endswith(("+xml", "+json")))


def canonical(fields: Mapping[str, Any]) -> str:
    """Return JSON that is the same for the same fields."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def plain(value: Any, depth: int = 0) -> Any:
    """Return the value as JSON has it: dates as ISO 8601, tuples and sets as lists, no number as null; NotPlain for others."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {str(key): plain(inner, depth + 1) for key, inner in value.items()}
    if depth < _DEEPEST and isinstance(value, (list, tuple)):
        return [plain(inner, depth + 1) for inner in value]
    if depth < _DEEPEST and isinstance(value, (set, frozenset)):
        return sorted((plain(inner, depth + 1) for inner in value), key=str)
    raise NotPlain(f"a {type(value).__name__} cannot be written as JSON")

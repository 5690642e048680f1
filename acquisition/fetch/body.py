"""What a body is before anybody trusts it: a web page where data was promised, or a server's words about an error."""

from __future__ import annotations

import json
import re
from typing import Final

from acquisition.fetch.answer import Answer
from acquisition.model import Asset

_PAGE: Final = re.compile(
    rb"(?:<!--.*?-->\s*|<\?xml[^>]{0,200}\?>\s*)*<(?:!doctype\s+html|html|head|body|title|script|meta)[\s>/]",
    re.IGNORECASE | re.DOTALL,
)
_PAGE_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})
_PAGE_NAMES: Final = (".html", ".htm", ".xhtml", ".shtml", ".mhtml", ".html.gz")
_SPACE: Final = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\u202a-\u202e]+")
_TAG: Final = re.compile(r"<(?:script|style)[^>]*>.*?</(?:script|style)>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_XML_MESSAGE: Final = re.compile(r"<(?:Message|message)>([^<]{1,500})</")
SNIFF: Final = 1024
ERROR_BODY: Final = 65_536


def promises_page(asset: Asset) -> bool:
    """Say whether the asset itself is a web page, by its name or published media type."""
    return asset.path.lower().endswith(_PAGE_NAMES) or asset.media_type.split(";")[0].strip().lower() in _PAGE_TYPES


def is_page(head: bytes, media_type: str) -> bool:
    """Say whether a body starts like a web page, or is called one by its server and starts with markup."""
    start = head[:SNIFF].removeprefix(b"\xef\xbb\xbf").lstrip()
    return bool(_PAGE.match(start)) or (media_type in _PAGE_TYPES and start.startswith(b"<"))


def server_words(answer: Answer, body: bytes) -> str:
    """Return what the server says about an error, as one line of at most 300 characters; "" if it says nothing.

    Looks at X-Error-Message, then JSON (message, error, detail…), then XML's Message, then text without markup.
    """
    text = answer.get("x-error-message") or _from_json(body)
    if not text:
        plain = body.decode("utf-8", "replace")
        found = _XML_MESSAGE.search(plain)
        text = found[1] if found else _TAG.sub(" ", plain)
    line = _SPACE.sub(" ", text).strip()
    return line if len(line) <= 300 else line[:299] + "…"


def _from_json(body: bytes) -> str:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    for _ in range(3):
        if not isinstance(value, dict):
            break
        value = next(
            (value[name] for name in ("message", "error", "detail", "error_description", "title") if value.get(name)), ""
        )
    return value if isinstance(value, str) else ""

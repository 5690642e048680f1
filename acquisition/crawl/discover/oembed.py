"""oEmbed 1.0, of which one answer is a file: the photo. Video and rich are HTML of a player."""

from __future__ import annotations

import json

from acquisition.crawl.discover.found import Caption, Media
from acquisition.crawl.discover.page import resolved

MAX_BYTES = 200_000


def photo(body: bytes, url: str) -> Media | None:
    """Return the photo that an oEmbed answer (JSON) names, None when it names none."""
    try:
        said = json.loads(body[:MAX_BYTES])
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.get("type") != "photo":
        return None
    address = resolved(url, _text(said.get("url")))
    title, width = _text(said.get("title")), said.get("width")
    if not address:
        return None
    return Media(
        address,
        "image",
        "oembed",
        captions=(Caption(title, "oembed"),) if title else (),
        author=_text(said.get("author_name")),
        title=title,
        width=width if isinstance(width, int) and 0 < width < 1_000_000 else 0,
    )


def _text(value: object) -> str:
    return " ".join(value[:1_000].split()) if isinstance(value, str) else ""

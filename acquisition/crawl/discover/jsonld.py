"""JSON-LD on a page: the images, sounds and videos it describes, and what it says of the page (schema.org)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from acquisition.crawl.discover.found import Caption, Kind, License, Media, kind_of
from acquisition.crawl.discover.page import Page, finding_elements

MAX_BYTES: Final = 500_000
_MOST: Final = 5_000
_DEEPEST: Final = 20
_KINDS: Final[dict[str, Kind]] = {"imageobject": "image", "audioobject": "audio", "videoobject": "video", "photograph": "image"}
_PAGES: Final = frozenset(
    {
        "article",
        "blogposting",
        "creativework",
        "itempage",
        "newsarticle",
        "report",
        "scholarlyarticle",
        "techarticle",
        "webpage",
    }
)
_SCRIPTS = finding_elements("descendant::script[@type][position() <= 200]")


@dataclass(frozen=True, slots=True)
class Thing:
    """One described object with a license: a file (`url`), or the page itself."""

    url: str
    is_page: bool
    license: License | None


def read(page: Page) -> tuple[list[Media], list[Thing]]:
    """Return the media that JSON-LD describes, and every license statement. What is no JSON is passed over."""
    media: list[Media] = []
    things: list[Thing] = []
    for script in _SCRIPTS(page.root) if page.says(b"ld+json") else ():
        if (script.get("type") or "").partition(";")[0].strip().lower() != "application/ld+json":
            continue
        for node in _nodes(_loaded(script.text or "")):
            _take(node, page, media, things)
    return media, things


def _loaded(text: str) -> Any:
    text = text.strip().removeprefix("<!--").removesuffix("-->")
    if len(text) > MAX_BYTES:
        return None
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _nodes(document: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a document in its order, bounded in number and depth."""
    stack = [(document, 0)]
    seen = 0
    while stack and seen < _MOST:
        value, depth = stack.pop()
        seen += 1
        if isinstance(value, dict):
            yield value
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if depth < _DEEPEST:
            stack.extend((one, depth + 1) for one in reversed(list(inner)) if isinstance(one, (dict, list)))


def _take(node: dict[str, Any], page: Page, media: list[Media], things: list[Thing]) -> None:
    types = {one.rpartition("/")[2].rpartition(":")[2].lower() for one in _texts(node.get("@type"))}
    kind: Kind = next((_KINDS[one] for one in sorted(types) if one in _KINDS), "")
    license_ = _license(node.get("license"), page)
    if kind:
        url = next(
            (found for key in ("contentUrl", "url") for text in _texts(node.get(key)) if (found := page.absolute(text))), ""
        )
        if url and (node.get("contentUrl") or kind_of(url) == kind):
            media.append(_media(node, url, kind, license_))
            things.append(Thing(url, is_page=False, license=license_))
    elif types & _PAGES and license_ is not None:
        things.append(Thing("", is_page=True, license=license_))


def _media(node: dict[str, Any], url: str, kind: Kind, license_: License | None) -> Media:
    origins = (("caption", "caption"), ("description", "json-ld"), ("headline", "json-ld"), ("name", "json-ld"))
    captions = [Caption(text, origin) for key, origin in origins if (text := _first(node.get(key)))]
    media_type = _first(node.get("encodingFormat"))
    width = _first(node.get("width"))
    return Media(
        url,
        kind_of(url, media_type) or kind,
        "json-ld",
        media_type if "/" in media_type else "",
        tuple(dict.fromkeys(captions)),
        license_,
        author=_first(node.get("creator")) or _first(node.get("author")) or _first(node.get("creditText")),
        title=_first(node.get("name")),
        language=_first(node.get("inLanguage"))[:40],
        width=int(width) if width.isdecimal() and len(width) < 7 else 0,
    )


def _license(value: Any, page: Page) -> License | None:
    """Return a license when the value names exactly one."""
    found = [text for text in _texts(value) if text.strip()]
    if not found and isinstance(value, dict):
        found = [text for key in ("@id", "url", "name") for text in _texts(value.get(key))][:1]
    if len(found) != 1:
        return None
    url = page.absolute(found[0]) if "/" in found[0] else ""
    return License(url=url) if url else License(text=" ".join(found[0][:200].split()))


def _first(value: Any) -> str:
    """Return the first text of a value; of an object its name."""
    if isinstance(value, list):
        return next((text for one in value[:20] if (text := _first(one))), "")
    if isinstance(value, dict):
        return next((text for key in ("name", "@value", "value") if (text := _first(value.get(key)))), "")
    if isinstance(value, bool):
        return ""
    return " ".join(str(value)[:4_000].split())[:1_000] if isinstance(value, (str, int)) else ""


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value[:4_000]]
    return [one[:4_000] for one in value[:50] if isinstance(one, str)] if isinstance(value, list) else []

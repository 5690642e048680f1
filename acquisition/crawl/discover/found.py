"""The nouns of discovery: a media file that something points to, with all that is said of it, each with its origin."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

Kind = Literal["image", "audio", "video", "track", ""]
"""track: captions, subtitles or descriptions of a sound or video, as a file of text. "": not known before it is fetched."""

_ENDINGS: Final[dict[str, Kind]] = {
    **dict.fromkeys(("avif", "bmp", "gif", "heic", "jpe", "jpeg", "jpg", "jxl", "png", "tif", "tiff", "webp"), "image"),
    **dict.fromkeys(("aac", "aif", "aiff", "flac", "m4a", "mp3", "oga", "ogg", "opus", "wav", "wma"), "audio"),
    **dict.fromkeys(("avi", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "ogv", "webm", "wmv"), "video"),
    **dict.fromkeys(("srt", "vtt"), "track"),
}
_RANK: Final = (
    "figcaption", "caption", "feed", "sitemap", "json-ld", "aria-label", "aria-labelledby", "alt", "title", "og:image:alt",
    "twitter:image:alt", "link", "oembed", "nearby", "heading", "filename",
)  # fmt: skip
_SAID: Final = frozenset(_RANK[:13])
"""Origins that speak of the file itself; what merely stands near it is a candidate and no caption."""
_DEED: Final = re.compile(r"/(?:deed|legalcode)(?:\.[a-z_-]{2,10})?/?$|/+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Caption:
    """One candidate, and where it stood: alt, title, figcaption, aria-label, link, heading, filename, json-ld or feed."""

    text: str
    origin: str

    def record(self) -> dict[str, str]:
        """Return it as an item keeps it."""
        return {"text": self.text, "origin": self.origin}


@dataclass(frozen=True, slots=True)
class License:
    """The words and the address of a license statement, as found; one of them may be ""."""

    text: str = ""
    url: str = ""

    @property
    def key(self) -> str:
        """What two statements of the same license have in common: the address without scheme, language and last slash."""
        plain = _DEED.sub("", self.url.partition("://")[2].lower().removeprefix("www."))
        return plain or " ".join(self.text.lower().split())


@dataclass(frozen=True, slots=True)
class Media:
    """One file. `origin` is what points to it ("img", "srcset", "og:image", "enclosure"…), `element` its place in the page.

    `license` is None where nothing is said or statements disagree. `width` is in pixels as the page claims, 0 unknown.
    """

    url: str
    kind: Kind
    origin: str
    media_type: str = ""
    captions: tuple[Caption, ...] = ()
    license: License | None = None
    author: str = ""
    title: str = ""
    label: str = ""
    language: str = ""
    element: str = ""
    width: int = 0

    @property
    def caption(self) -> str:
        """The words that speak most directly of the file, "" when none do."""
        said = [one for one in self.captions if one.origin in _SAID]
        return min(said, key=lambda one: _RANK.index(one.origin)).text if said else ""


def kind_of(url: str, media_type: str = "") -> Kind:
    """Return what a file is by its declared type, else by the ending of its address."""
    major = media_type.strip().lower().partition(";")[0].strip()
    if major in ("text/vtt", "application/x-subrip"):
        return "track"
    for kind in ("image", "audio", "video"):
        if major.startswith(kind + "/"):
            return kind
    if major == "application/ogg":
        return "audio"
    return _ENDINGS.get(ending_of(url), "")


def ending_of(url: str) -> str:
    """Return the ending of an address's file name in lower case, without the dot."""
    name = _path(url).rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""


def file_caption(url: str) -> tuple[Caption, ...]:
    """Return the file name as a candidate, when it is made of words."""
    stem = unquote(_path(url).rpartition("/")[2])
    stem = stem.rpartition(".")[0] or stem
    text = " ".join(re.split(r"[\s_+.-]+", stem[:200])).strip()
    return (Caption(text, "filename"),) if sum(letter.isalpha() for letter in text) >= 3 else ()


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def merged(found: Iterable[Media]) -> list[Media]:
    """Return every address once, in the order of first sight, with all captions that any mention gives.

    Facts that the first mention lacks are taken from later ones; licenses that disagree cancel each other.
    """
    known: dict[str, Media] = {}
    disputed: set[str] = set()
    for media in found:
        before = known.get(media.url)
        if before is None:
            known[media.url] = media
            continue
        license_, clash = _agreed(before.license, media.license)
        if clash:
            disputed.add(media.url)
        known[media.url] = replace(
            before,
            kind=before.kind or media.kind,
            media_type=before.media_type or media.media_type,
            captions=tuple(dict.fromkeys((*before.captions, *media.captions))),
            license=None if media.url in disputed else license_,
            author=before.author or media.author,
            title=before.title or media.title,
            label=before.label or media.label,
            width=max(before.width, media.width),
        )
    return list(known.values())


def _agreed(one: License | None, other: License | None) -> tuple[License | None, bool]:
    if one is None or other is None:
        return one or other, False
    return (one, False) if one.key == other.key else (None, True)

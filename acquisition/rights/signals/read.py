"""The one door: everything that an answer, its site's robots.txt and its well-known files say by machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from acquisition.rights.signals import (
    ai_agents,
    ai_txt,
    aipref,
    containers,
    content_signal,
    feeds,
    html,
    licenses,
    media,
    robots_txt,
    rsl,
    tdmrep,
    trust_txt,
    x_robots,
)
from acquisition.rights.signals.headers import Headers, collect
from acquisition.rights.signals.signal import Signal, clip, honoured

if TYPE_CHECKING:
    from collections.abc import Iterable

AGENT: Final = "acquisition"
"""Our product token, by which robots.txt and X-Robots-Tag address us."""
MAX_SIGNALS: Final = 2_000
_IMAGE_NAMES: Final = frozenset({
    "jpg", "jpeg", "jpe", "jfif", "png", "gif", "webp", "avif", "heic", "heif", "svg", "svgz", "tif", "tiff", "bmp", "ico",
    "jxl", "psd", "apng",
})  # fmt: skip
_HTML_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True, slots=True)
class _Answer:
    """One answer, taken apart once. `kind` is html, xml, media or other; `image` says that it is a picture."""

    url: str
    headers: Headers
    body: bytes
    media_type: str
    charset: str
    kind: str
    image: bool
    now: datetime | None
    agent: str
    files: Mapping[str, bytes | None]
    announced: set[str] = field(default_factory=set)
    """Addresses of license documents that were met so far."""


def read(
    url: str,
    headers: object,
    body: bytes | None,
    robots_txt: str | bytes | None = None,
    well_known: Mapping[str, object] | None = None,
    *,
    agent: str = AGENT,
) -> list[Signal]:
    """Return every opt-out and license signal of one answer, in a fixed order; never raises.

    `headers` are a mapping or pairs in any case, texts or bytes, one value or a list. `robots_txt` is the file of the
    answer's own origin. `well_known` maps paths or addresses to what they answered: "/.well-known/tdmrep.json", "/ai.txt",
    "/trust.txt", and RSL documents by address; None there means that it was asked for and could not be had. `agent` is our
    product token. What is malformed is a signal with the word unknown; what is beyond a limit is one of mechanism `unread`.
    """
    answer = _answer(url, headers, body, well_known, agent)
    robots = _bytes(robots_txt)
    found: list[Signal] = []
    for mechanism, step in _steps(answer, robots):
        found.extend(_guarded(mechanism, step))
    if len(found) > MAX_SIGNALS:
        found = [*found[:MAX_SIGNALS], _unread("more than 2,000 signals")]
    return found


def forbidden(
    url: str,
    robots_txt: bytes | None,
    well_known: Mapping[str, bytes | None] | None = None,
    policy: Mapping[str, str] | None = None,
    *,
    agent: str = AGENT,
) -> Signal | None:
    """Return the first honoured word of a site that denies fetching the URL, None when there is none; for use before a visit.

    The rules for us in robots.txt itself are not among them: the crawler's gate decides those.
    """
    if not robots_txt or not _speaks_beside_rules(robots_txt):
        return None
    answer = _answer(url, (), b"", well_known, agent)
    addresses = rsl.robots_licenses(robots_txt, agent)
    found = _guarded("ai-agents", lambda: ai_agents.read(robots_txt, url))
    found += _guarded("rsl", lambda: _announced("robots.txt", addresses, answer, origin=True))
    return next((one for one in honoured(found, policy) if one.fetch == "deny"), None)


@lru_cache(maxsize=64)
def _speaks_beside_rules(robots: bytes) -> bool:
    return ai_agents.names_any(robots) or b"license" in robots.lower()


def _steps(answer: _Answer, robots: bytes | None) -> Iterable[tuple[str, Callable[[], list[Signal]]]]:
    """Yield each mechanism with the step that reads it; robots.txt and well-known files come first, the body last."""
    if robots is not None:
        yield "robots", lambda: robots_txt.read(robots, answer.url, answer.agent)
        yield "ai-agents", lambda: ai_agents.read(robots, answer.url)
        yield "content-signal", lambda: content_signal.from_robots(robots, answer.agent)
        yield "aipref", lambda: aipref.from_robots(robots, answer.url, answer.agent)
        yield "rsl", lambda: _announced("robots.txt", rsl.robots_licenses(robots, answer.agent), answer, origin=True)
    if answer.files:
        yield "tdmrep", lambda: _well_known(answer)
    yield "x-robots-tag", lambda: _headers(answer)
    yield "link-header", lambda: _links(answer)
    if answer.kind == "html":
        yield "meta-robots", lambda: _page(answer)
    elif answer.kind == "xml":
        yield "rsl", lambda: feeds.read(answer.body, answer.url)
    if answer.kind == "media" or (answer.kind == "xml" and containers.is_media(answer.body)):
        yield "c2pa", lambda: media.read(answer.body, answer.url)
    if answer.files:
        yield "rsl", lambda: _unannounced(answer)


def _guarded(mechanism: str, step: Callable[[], list[Signal]]) -> list[Signal]:
    try:
        return step()
    except Exception as error:  # noqa: BLE001  # a fault of ours met by hostile input costs a yes, never the crawl
        return [Signal(mechanism, "error", "", {"error": clip(f"{type(error).__name__}: {error}")[:300]}, train="unknown")]


def _answer(url: object, headers: object, body: object, well_known: object, agent: str) -> _Answer:
    address = url if isinstance(url, str) else url.decode("utf-8", "replace") if isinstance(url, bytes) else ""
    content = (
        bytes(body) if isinstance(body, (bytes, bytearray, memoryview)) else body.encode() if isinstance(body, str) else b""
    )
    read_headers = collect(headers)
    media_type, charset = _content_type(read_headers.first("content-type"))
    kind = _kind(media_type, content)
    return _Answer(
        address, read_headers, content, media_type, charset, kind, _is_image(media_type, address, content),
        x_robots.read_date(read_headers.first("date")), agent, _files(well_known, address),
    )  # fmt: skip


@lru_cache(maxsize=256)
def _content_type(value: str) -> tuple[str, str]:
    message = Message()
    message["content-type"] = value[:500].replace("\r", " ").replace("\n", " ")
    charset = message.get_param("charset", "")
    return value.partition(";")[0].strip().lower(), charset.strip()[:50] if isinstance(charset, str) else ""


def _kind(media_type: str, body: bytes) -> str:
    """Say how a body is read: by its first bytes where they are clear, else by its media type."""
    start = body[:1_000].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:200].lower()
    if start[:1] != b"<" and (containers.is_media(body) or body[:4] == b"PK\x03\x04"):
        return "media"
    if media_type in _HTML_TYPES or start.startswith((b"<!doctype html", b"<html")):
        return "html"
    if start.startswith((b"<?xml", b"<rss", b"<feed", b"<rsl", b"<svg", b"<rdf:rdf", b"<urlset")):
        return "html" if b"<html" in body[:2_000].lower() else "xml"
    if media_type.startswith(("image/", "audio/", "video/")) or media_type in ("application/pdf", "application/epub+zip"):
        return "media"
    return "html" if start[:1] == b"<" and not media_type.startswith("text/plain") else "other"


def shows_image(url: str, headers: object, body: bytes) -> bool:
    """Say whether an answer is a picture: by its media type, else by its first bytes, else by its name."""
    return _is_image(_content_type(collect(headers).first("content-type"))[0], url, body)


def _is_image(media_type: str, url: str, body: bytes) -> bool:
    if media_type:
        return media_type.startswith("image/")
    if body:
        return containers.is_image(body)
    return urlsplit_path(url).rpartition("/")[2].rpartition(".")[2].lower() in _IMAGE_NAMES


def urlsplit_path(url: str) -> str:
    """Return the path of a URL that may be nonsense."""
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


# --- headers --------------------------------------------------------------------------------------------------------------


def _headers(answer: _Answer) -> list[Signal]:
    headers = answer.headers
    kind: x_robots.Kind = "image" if answer.image else "page" if answer.kind == "html" or not answer.body else "other"
    found = x_robots.from_header(headers.all("x-robots-tag"), kind, answer.agent, answer.now)
    found += aipref.from_header(headers.all("content-usage"))
    found += content_signal.from_header(headers.all("content-signal"))
    found += tdmrep.from_header(headers.all("tdm-reservation"), headers.all("tdm-policy"))
    return found + [_unread(f"header {name} beyond a limit") for name in sorted(headers.cut)]


def _links(answer: _Answer) -> list[Signal]:
    lines = answer.headers.all("link")
    announced = [
        href
        for href, parameters in licenses.links(lines)
        if "license" in parameters.get("rel", "").lower().split() and rsl.MEDIA_TYPE in parameters.get("type", "").lower()
    ]
    return _announced("header link", announced[:50], answer) + licenses.from_links(lines, answer.url)


def _announced(where: str, addresses: list[str], answer: _Answer, *, origin: bool = False) -> list[Signal]:
    base = licenses.resolved(answer.url, "/") if origin and addresses else answer.url
    answer.announced.update(licenses.resolved(base, address) for address in addresses)
    return [signal for address in addresses for signal in rsl.announced(where, address, base, answer.files, answer.url)]


# --- files beside the answer ----------------------------------------------------------------------------------------------


def _files(well_known: object, url: str) -> dict[str, bytes | None]:
    """Return the files as bytes by their address; JSON values are written as JSON."""
    if not isinstance(well_known, Mapping):
        return {}
    files = list(well_known.items())[:1_000]
    return {licenses.resolved(url, str(name)): None if value is None else _as_bytes(value) for name, value in files}


def _as_bytes(value: object) -> bytes:
    if isinstance(value, (list, dict)):
        return json.dumps(value).encode()
    return _bytes(value) or b""


def _well_known(answer: _Answer) -> list[Signal]:
    """Read the files by the last part of their name."""
    found: list[Signal] = []
    for name, text in answer.files.items():
        last = urlsplit_path(name).rpartition("/")[2].lower()
        if last in ("tdmrep.json", "tdmrep"):
            found += _unknown("tdmrep", tdmrep.WELL_KNOWN) if text is None else _tdmrep(text, answer)
        elif last in ("ai.txt", "ai"):
            kind = answer.media_type
            found += (
                _unknown("ai-txt", "/ai.txt") if text is None else ai_txt.read(text, "/ai.txt", answer.url, kind, answer.agent)
            )
        elif last in ("trust.txt", "trust"):
            found += _unknown("trust-txt", "/trust.txt") if text is None else trust_txt.read(text, "/trust.txt")
    return found


def _unannounced(answer: _Answer) -> list[Signal]:
    """Read the license documents among the files that neither robots.txt nor the answer announced."""
    found: list[Signal] = []
    for name, text in answer.files.items():
        if text is not None and name not in answer.announced and rsl.NAMESPACE.encode() in text:
            found += rsl.document(text, clip(name)[:200], answer.url)
    return found


def _tdmrep(text: bytes, answer: _Answer) -> list[Signal]:
    return tdmrep.from_well_known(text, tdmrep.WELL_KNOWN, answer.url)


def _unknown(mechanism: str, where: str) -> list[Signal]:
    """Return the signal of a file that was asked for and could not be had: it may say anything."""
    return [Signal(mechanism, where, "", {"error": "it could not be had"}, train="unknown", scope="site")]


# --- pages ----------------------------------------------------------------------------------------------------------------


def _page(answer: _Answer) -> list[Signal]:
    try:
        page = html.parse(answer.body, answer.charset, answer.url)
    except html.Unparsable as error:
        return [Signal("meta-robots", "body", "", {"error": str(error)}, train="unknown")] if answer.body.strip() else []
    if page is None:
        return []
    found = _metas(page, answer) + _rsl_of(page, answer) + licenses.from_page(page, answer.url)
    if page.nosnippet:
        found.append(Signal("meta-robots", "body data-nosnippet", "", {"data-nosnippet": str(page.nosnippet)}))
    if page.cut:
        found.append(_unread("a page beyond a limit"))
    return found


def _metas(page: html.Page, answer: _Answer) -> list[Signal]:
    found: list[Signal] = []
    for name, content in page.metas:
        if name == "content-usage":
            found += aipref.from_header((content,))
        elif name == "content-signal":
            found += content_signal.from_header((content,))
        else:
            found += x_robots.from_meta(name, content[:16_384], answer.agent, answer.now)
    reservations = [content for name, content in page.metas if name in ("tdm-reservation", "tdm:reservation")]
    policies = [content for name, content in page.metas if name in ("tdm-policy", "tdm:policy")]
    return found + tdmrep.from_meta(reservations, policies)


def _rsl_of(page: html.Page, answer: _Answer) -> list[Signal]:
    """Return the licenses that link elements announce, and those that stand inline and speak of their parent element."""
    found: list[Signal] = []
    for element in page.rels[: html.MAX_FOUND]:
        announced = "license" in (element.get("rel") or "").lower().split() and element.get("href")
        if announced and rsl.MEDIA_TYPE in (element.get("type") or "").lower():
            answer.announced.add(licenses.resolved(page.base, announced))
            found += rsl.announced("link rel=license", announced, page.base, answer.files, answer.url)
    for script in page.scripts:
        if (script.get("type") or "").strip().lower().startswith(rsl.MEDIA_TYPE):
            parent = script.getparent()
            whole = parent is None or parent.tag in ("head", "body", "html")
            text = (script.text or "").strip().encode("utf-8", "replace")
            found += rsl.document(text, "script rsl", answer.url, "page" if whole else "element")
    return found


def _unread(what: str) -> Signal:
    return Signal("unread", "limits", "", {"what": what}, train="unknown")


def _bytes(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    return bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else None

"""The one door: everything that an answer, its site's robots.txt and its well-known files say by machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

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
from acquisition.rights.signals.answer import Answer, as_bytes, taken_apart, urlsplit_path
from acquisition.rights.signals.remember import remembered
from acquisition.rights.signals.signal import Signal, clip, honoured

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

AGENT: Final = "acquisition"
"""Our product token, by which robots.txt and X-Robots-Tag address us."""
MAX_SIGNALS: Final = 2_000


class Looked(NamedTuple):
    """What an answer says, and whether it is a picture."""

    signals: list[Signal]
    image: bool


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
    return look(url, headers, body, robots_txt, well_known, agent=agent).signals


def look(
    url: str,
    headers: object,
    body: bytes | None,
    robots_txt: str | bytes | None = None,
    well_known: Mapping[str, object] | None = None,
    *,
    agent: str = AGENT,
) -> Looked:
    """Return what `read` returns, and whether the answer is a picture by its media type, first bytes or name."""
    answer = taken_apart(url, headers, body, well_known, agent)
    robots = as_bytes(robots_txt)
    found: list[Signal] = []
    for mechanism, step in _steps(answer, robots):
        found.extend(_guarded(mechanism, step))
    if len(found) > MAX_SIGNALS:
        found = [*found[:MAX_SIGNALS], _unread("more than 2,000 signals")]
    return Looked(found, answer.image)


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
    found = _guarded("ai-agents", lambda: ai_agents.read(robots_txt, url))
    if addresses := rsl.robots_licenses(robots_txt, agent):
        answer = taken_apart(url, (), b"", well_known, agent)
        found += _guarded("rsl", lambda: _announced("robots.txt", addresses, answer, origin=True))
    return next((one for one in honoured(found, policy) if one.fetch == "deny"), None)


@remembered
def _speaks_beside_rules(robots: bytes) -> bool:
    return ai_agents.names_any(robots) or b"license" in robots.lower()


def _steps(answer: Answer, robots: bytes | None) -> Iterable[tuple[str, Callable[[], list[Signal]]]]:
    """Yield each mechanism with the step that reads it; robots.txt and well-known files come first, the body last."""
    if robots is not None:
        yield "robots", lambda: robots_txt.read(robots, answer.url, answer.agent)
        if ai_agents.names_any(robots):
            yield "ai-agents", lambda: ai_agents.read(robots, answer.url)
    if robots is not None and robots_txt.has_notes(robots):
        yield "content-signal", lambda: content_signal.from_robots(robots, answer.agent)
        yield "aipref", lambda: aipref.from_robots(robots, answer.url, answer.agent)
        yield "rsl", lambda: _announced("robots.txt", rsl.robots_licenses(robots, answer.agent), answer, origin=True)
    if answer.files:
        yield "tdmrep", lambda: _well_known(answer)
    if answer.headers.speak:
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


# --- headers --------------------------------------------------------------------------------------------------------------


def _headers(answer: Answer) -> list[Signal]:
    headers = answer.headers
    kind: x_robots.Kind = "image" if answer.image else "page" if answer.kind == "html" or not answer.body else "other"
    found = x_robots.from_header(headers.all("x-robots-tag"), kind, answer.agent, answer.now)
    found += aipref.from_header(headers.all("content-usage"))
    found += content_signal.from_header(headers.all("content-signal"))
    found += tdmrep.from_header(headers.all("tdm-reservation"), headers.all("tdm-policy"))
    return found + [_unread(f"header {name} beyond a limit") for name in sorted(headers.cut)]


def _links(answer: Answer) -> list[Signal]:
    lines = answer.headers.all("link")
    announced = [
        href
        for href, parameters in licenses.links(lines)
        if "license" in parameters.get("rel", "").lower().split() and rsl.MEDIA_TYPE in parameters.get("type", "").lower()
    ]
    return _announced("header link", announced[:50], answer) + licenses.from_links(lines, answer.url)


def _announced(where: str, addresses: Sequence[str], answer: Answer, *, origin: bool = False) -> list[Signal]:
    base = licenses.resolved(answer.url, "/") if origin and addresses else answer.url
    answer.announced.update(licenses.resolved(base, address) for address in addresses)
    return [signal for address in addresses for signal in rsl.announced(where, address, base, answer.files, answer.url)]


# --- files beside the answer ----------------------------------------------------------------------------------------------


def _well_known(answer: Answer) -> list[Signal]:
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


def _unannounced(answer: Answer) -> list[Signal]:
    """Read the license documents among the files that neither robots.txt nor the answer announced."""
    found: list[Signal] = []
    for name, text in answer.files.items():
        if text is not None and name not in answer.announced and rsl.NAMESPACE.encode() in text:
            found += rsl.document(text, clip(name)[:200], answer.url)
    return found


def _tdmrep(text: bytes, answer: Answer) -> list[Signal]:
    return tdmrep.from_well_known(text, tdmrep.WELL_KNOWN, answer.url)


def _unknown(mechanism: str, where: str) -> list[Signal]:
    """Return the signal of a file that was asked for and could not be had: it may say anything."""
    return [Signal(mechanism, where, "", {"error": "it could not be had"}, train="unknown", scope="site")]


# --- pages ----------------------------------------------------------------------------------------------------------------


def _page(answer: Answer) -> list[Signal]:
    try:
        page = html.parse(answer.body, answer.charset, answer.url, answer.agent)
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


def _metas(page: html.Page, answer: Answer) -> list[Signal]:
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


def _rsl_of(page: html.Page, answer: Answer) -> list[Signal]:
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

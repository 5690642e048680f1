"""Positive evidence: markup that names a license, with what it speaks of.

Link headers (RFC 8288), rel=license, JSON-LD, microdata, RDFa (CC REL) and Dublin Core. The nearest statement wins for a
part of a page; for the page itself all statements must agree (`agreement`). None of this is a word on training: the license
gate judges it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urldefrag, urljoin

from acquisition.rights.expressions import NOASSERTION
from acquisition.rights.signals.signal import Scope, Signal, clip

if TYPE_CHECKING:
    from lxml.etree import _Element

    from acquisition.rights.signals.html import Page

MAX_SIGNALS: Final = 100
"""Statements of one kind that are kept of one page."""
_MAX_JSON: Final = 1_000_000
_MAX_NODES: Final = 20_000
_MAX_DEPTH: Final = 64
_FACTS: Final = {
    "license": "license", "usageinfo": "usage-info", "acquirelicensepage": "acquire-license-page",
    "copyrightnotice": "copyright-notice", "creditline": "credit-line", "isaccessibleforfree": "accessible-for-free",
    "attributionname": "attribution-name", "attributionurl": "attribution-url", "rights": "rights",
}  # fmt: skip
_NAMED: Final = frozenset({"license", "usageinfo", "rights", "acquirelicensepage"})
"""Properties that make a statement; the others only accompany it."""
_PARTS: Final = frozenset({"figure", "article", "li", "picture", "blockquote", "td", "dd"})
_WHOLE_SITE: Final = frozenset({"website", "organization", "newsmediaorganization", "datacatalog"})
_WHOLE_PAGE: Final = frozenset({
    "webpage", "article", "newsarticle", "blogposting", "socialmediaposting", "techarticle", "scholarlyarticle", "report",
    "creativework", "itempage", "aboutpage", "faqpage", "qapage", "collectionpage", "profilepage", "medicalwebpage", "recipe",
    "blog", "webcontent", "discussionforumposting",
})  # fmt: skip
_DUBLIN_CORE: Final = frozenset(
    {"dc.rights", "dc.rights.license", "dc.license", "dcterms.license", "dcterms.rights", "dct.license"}
)
_REPLAY: Final = re.compile(r"^https?://web\.archive\.org/web/\d{1,14}[a-z_]{0,4}/(?=https?://)")
"""What a web archive writes in front of every address of a page that it replays."""
_PARAMETER: Final = re.compile(r'\s*;\s*([!#$&+.^_`|~0-9A-Za-z*-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^",;\s]*))?')


def expression(text: str) -> str:
    """Return the SPDX expression that a text or an address stands for, NOASSERTION when it is not known, "" for nothing."""
    from acquisition.rights.reading import read as read_license  # it loads what nobody needs where no license is named

    text = _REPLAY.sub("", " ".join(text[:3_000].split()))
    return read_license(text, "url" if "://" in text or text.startswith("//") else "prose").expression if text else ""


# --- Link headers ---------------------------------------------------------------------------------------------------------


def links(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield target and parameters (names in lower case, the first of a name counts) of each link in Link headers."""
    for line in lines:
        place = line.find("<")
        while place >= 0:
            end = line.find(">", place)
            if end < 0:
                break
            href, place = line[place + 1 : end].strip(), end + 1
            parameters: dict[str, str] = {}
            while match := _PARAMETER.match(line, place):
                place = match.end()
                parameters.setdefault(match[1].lower(), _unquoted(match[2] or ""))
            yield href, parameters
            place = line.find("<", place)


def from_links(lines: Iterable[str], url: str) -> list[Signal]:
    """Return the license links of a Link header; one with an anchor speaks of that, not of this."""
    found: list[Signal] = []
    for href, parameters in links(lines):
        if len(found) >= MAX_SIGNALS:
            break
        if "license" in parameters.get("rel", "").lower().split() and "rsl" not in parameters.get("type", ""):
            anchor = parameters.get("anchor")
            scope: Scope = "item" if anchor is not None and _other(anchor, url) else "page"
            parsed = {"href": clip(resolved(url, href))} | ({"of": clip(resolved(url, anchor))} if anchor else {})
            found.append(_statement("link-header", "header link", href, parsed, scope))
    return found


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[:1] == '"' else text


# --- HTML -----------------------------------------------------------------------------------------------------------------


def from_page(page: Page, url: str) -> list[Signal]:
    """Return every license statement of a page, at most 100 of a kind."""
    found: list[Signal] = []
    for kind in (_rels(page), _metas(page), _json_ld(page, url), _microdata(page, url), _rdfa(page, url)):
        found.extend(signal for _, signal in zip(range(MAX_SIGNALS), kind, strict=False))
    return found


def _rels(page: Page) -> Iterator[Signal]:
    for element in page.rels:
        words = {word.rpartition(":")[2] for word in (element.get("rel") or "").lower().split()}
        href = (element.get("href") or "").strip()
        if "license" in words and href and "rsl" not in (element.get("type") or "").lower():
            scope, part = ("page", None) if element.tag == "link" else _part_of(element)
            parsed = {"href": clip(resolved(page.base, href))} | ({"element": path_of(part)} if part is not None else {})
            yield _statement("rel-license", f"{element.tag} rel=license", href, parsed, scope)


def _part_of(element: _Element) -> tuple[Scope, _Element | None]:
    """Return the nearest ancestor that a license link may speak of alone, else the page."""
    for _, ancestor in zip(range(300), element.iterancestors(), strict=False):
        if ancestor.tag in _PARTS:
            return "element", ancestor
    return "page", None


def _metas(page: Page) -> Iterator[Signal]:
    for name, content in page.metas:
        if name.replace(":", ".") in _DUBLIN_CORE and content.strip():
            yield _statement("dublin-core", f"meta {name}", content, {"value": clip(content.strip())}, "page")


def _json_ld(page: Page, url: str) -> Iterator[Signal]:
    for script in page.scripts:
        text = (script.text or "").strip().removeprefix("<!--").removesuffix("-->")
        if (script.get("type") or "").lower().startswith("application/rsl") or not _speaks(text):
            continue
        try:
            document = json.loads(text[:_MAX_JSON], strict=False)  # what is longer ends early and is unknown
        except (ValueError, RecursionError) as error:
            parsed = {"error": clip(str(error))[:200]}
            yield Signal("json-ld", "script json-ld", clip(text), parsed, license=NOASSERTION)
            continue
        for node in _nodes(document):
            yield from _from_node(node, url)


def _speaks(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in _FACTS)


def _nodes(document: object) -> Iterator[dict[str, Any]]:
    """Yield every object of a JSON document with a license property, bounded in depth and number."""
    stack: list[tuple[object, int]] = [(document, 0)]
    seen = 0
    while stack and seen < _MAX_NODES:
        value, depth = stack.pop()
        seen += 1
        if depth > _MAX_DEPTH:
            continue
        if isinstance(value, list):
            stack.extend((one, depth + 1) for one in reversed(value[:_MAX_NODES]) if isinstance(one, (dict, list)))
        elif isinstance(value, dict):
            if any(_local(key) in _NAMED for key in value):
                yield value
            stack.extend((one, depth + 1) for one in reversed(value.values()) if isinstance(one, (dict, list)))


def _from_node(node: dict[str, Any], url: str) -> Iterator[Signal]:
    facts = {_FACTS[_local(key)]: text for key, value in node.items() if _local(key) in _FACTS and (text := _value_text(value))}
    types = {_local(one) for one in _strings(node.get("@type"))}
    about = next((text for key in ("contentUrl", "url", "@id") for text in _strings(node.get(key))), "")
    scope, extra = _scope(types, about, url)
    yield from _from_facts("json-ld", "script json-ld", facts, scope, extra)


def _from_facts(mechanism: str, where: str, facts: dict[str, str], scope: Scope, extra: dict[str, str]) -> Iterator[Signal]:
    """Yield one signal per license value of one described thing, with the other facts beside it."""
    values = (facts.get("license") or facts.get("rights") or "").split("\n")
    for value in values[:20]:
        parsed = {key: clip(text.replace("\n", " ")) for key, text in facts.items()} | extra
        yield _statement(mechanism, where, value or " ".join(facts.values()), parsed, scope, named=bool(value))


def _scope(types: set[str], about: str, url: str) -> tuple[Scope, dict[str, str]]:
    """Return what a described thing is: the site, this page, or an item, which may be what this very address answered."""
    extra = {"type": " ".join(sorted(types))[:200]} if types else {}
    if about:
        extra["of"] = clip(resolved(url, about))
    if types & _WHOLE_SITE:
        return "site", extra
    other = bool(about) and _other(about, url)
    if (not types or types & _WHOLE_PAGE) and not other:
        return "page", extra
    return "item", extra | ({} if other or not about else {"self": "yes"})


def _microdata(page: Page, url: str) -> Iterator[Signal]:
    for item, found in _by_thing(page.properties, "itemprop", "itemscope"):
        facts = _joined_facts(found)
        if not any(name in facts for name in ("license", "usage-info", "acquire-license-page", "rights")):
            continue
        types = {_local(word) for word in (item.get("itemtype") or "").split()} if item is not None else set()
        about = (item.get("itemid") or "") if item is not None else ""
        scope, extra = _scope(types, about, url)
        extra |= {"element": path_of(item)} if item is not None and scope == "item" else {}
        yield from _from_facts("microdata", "itemprop", facts, scope, extra)


def _rdfa(page: Page, url: str) -> Iterator[Signal]:
    for thing, found in _by_thing(page.properties, "property", "typeof"):
        facts = _joined_facts(found)
        if not any(name in facts for name in ("license", "usage-info", "acquire-license-page", "rights")):
            continue
        types = {_local(word) for word in (thing.get("typeof") or "").split()} if thing is not None else set()
        about = (thing.get("about") or thing.get("resource") or "") if thing is not None else ""
        scope, extra = _scope(types, about, url)
        extra |= {"element": path_of(thing)} if thing is not None and scope == "item" else {}
        yield from _from_facts("rdfa", "property", facts, scope, extra)


def _by_thing(
    elements: Iterable[_Element], attribute: str, starts: str
) -> Iterator[tuple[_Element | None, list[tuple[str, str]]]]:
    """Yield each described thing (None for the page) with the facts that elements state of it."""
    things: dict[_Element | None, list[tuple[str, str]]] = {}
    count = 0
    for element in elements:
        names = [_FACTS[name] for word in (element.get(attribute) or "").split() if (name := _local(word)) in _FACTS]
        if not names or (element.tag == "meta" and attribute == "property" and _is_dublin_core(element)):
            continue
        count += 1
        thing = _thing_of(element, attribute, starts)
        for name in names:
            things.setdefault(thing, []).append((name, _value_of(element)))
        if len(things) > MAX_SIGNALS or count > 10 * MAX_SIGNALS:
            break
    yield from things.items()


def _thing_of(element: _Element, attribute: str, starts: str) -> _Element | None:
    """Return the nearest element that says what the property describes; for RDFa the element's own `about` counts."""
    if attribute == "property" and element.get("about"):
        return element
    for _, ancestor in zip(range(300), element.iterancestors(), strict=False):
        if ancestor.get(starts) is not None or (attribute == "property" and ancestor.get("about")):
            return ancestor
    return None


def _is_dublin_core(element: _Element) -> bool:
    return (element.get("property") or "").strip().lower().replace(":", ".") in _DUBLIN_CORE


def _value_of(element: _Element) -> str:
    for name in ("content", "href", "resource", "src", "data"):
        if value := element.get(name):
            return value[:3_000].strip()
    return text_of(element)


def text_of(element: _Element) -> str:
    """Return an element's text, its parts apart, at most 3,000 characters."""
    text = ""
    for part in element.itertext(with_tail=False):
        text += f" {part!s}"
        if len(text) > 3_000:
            break
    return " ".join(text[:3_000].split())


def _joined_facts(found: list[tuple[str, str]]) -> dict[str, str]:
    facts: dict[str, str] = {}
    for name, value in found[:100]:
        if value:
            facts[name] = f"{facts[name]}\n{value}" if name in facts else value
    return facts


# --- shared ---------------------------------------------------------------------------------------------------------------


def _statement(mechanism: str, where: str, raw: str, parsed: dict[str, str], scope: Scope, *, named: bool = True) -> Signal:
    license_ = expression(parsed.get("href") or raw) if named else ""
    return Signal(mechanism, where, clip(raw.strip()), parsed, scope=scope, license=license_)


def _local(name: object) -> str:
    """Return the last part of a property's name, in lower case: `schema:license`, `https://schema.org/license`."""
    return re.split(r"[:/#]", name)[-1].lower() if isinstance(name, str) and len(name) < 500 else ""


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [one for one in value[:50] if isinstance(one, str)]
    return []


def _value_text(value: object) -> str:
    """Return a JSON-LD value as text, several on lines of their own."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return " ".join(value[:3_000].split())
    if isinstance(value, list):
        return "\n".join(filter(None, (_value_text(one) for one in value[:20] if not isinstance(one, list))))
    if isinstance(value, dict):
        return next(
            (_value_text(value[key]) for key in ("@id", "url", "@value", "name") if isinstance(value.get(key), str)), ""
        )
    return ""


def _other(about: str, url: str) -> bool:
    """Say whether an address is another resource than this one."""
    return urldefrag(resolved(url, about))[0].rstrip("/") != urldefrag(url)[0].rstrip("/")


def resolved(base: str, href: str) -> str:
    """Return an address resolved against a base; nonsense stays as it is."""
    try:
        return urljoin(base, href.strip())
    except ValueError:
        return href


def path_of(element: _Element) -> str:
    """Return the element's place in the page."""
    return clip(element.getroottree().getpath(element))

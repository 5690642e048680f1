"""TDMRep: reservation of text and data mining (W3C community group report, 2024-05-10).

Surfaces: /.well-known/tdmrep.json, headers, meta elements, EPUB packages and XMP. By the report a later surface overrides an
earlier one; here each is a signal of its own, so that no 0 undoes a 1. Other values than 0 and 1 leave the question open.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from acquisition.rights.signals import robots_txt
from acquisition.rights.signals.remember import remembered
from acquisition.rights.signals.signal import Scope, Signal, Word, clip

NAMESPACE: Final = "http://www.w3.org/ns/tdmrep/"
WELL_KNOWN: Final = "/.well-known/tdmrep.json"
_MAX_BYTES: Final = 1_000_000
_MAX_RULES: Final = 10_000
_WORDS: Final[dict[str, Word]] = {"1": "deny", "0": "allow"}


class _Statement(NamedTuple):
    """A reservation as text, None when it is not there, and the address of a policy."""

    reservation: str | None
    policy: str


def from_header(reservations: tuple[str, ...], policies: tuple[str, ...]) -> list[Signal]:
    """Return the signals of the two headers; several values are several signals."""
    policy = policies[0] if policies else ""
    statements = [_Statement(part.strip(), policy) for line in reservations for part in line.split(",", 20)]
    if not statements and policy:
        statements = [_Statement(None, policy)]
    return [_signal("header tdm-reservation", statement, "page") for statement in statements]


def from_meta(reservations: list[str], policies: list[str], where: str = "meta tdm-reservation") -> list[Signal]:
    """Return the signals of meta elements (or of an EPUB package, or XMP, as `where` says)."""
    policy = policies[0] if policies else ""
    scope: Scope = "page" if where.startswith("meta") else "item"
    if not reservations:
        return [_signal(where, _Statement(None, policy), scope)] if policy else []
    return [_signal(where, _Statement(value.strip(), policy), scope) for value in reservations[:20]]


def from_well_known(text: bytes | object, where: str, url: str) -> list[Signal]:
    """Return the first rule of the file that fits the URL; a web page in its place says nothing, other errors are unknown."""
    if isinstance(text, bytes):
        if not text.strip() or text.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
            return []
        if len(text) > _MAX_BYTES:
            return [_unreadable(where, text[:100], "larger than 1 MB")]
        rules = _parsed(text)
        if isinstance(rules, _Malformed):
            return [_unreadable(where, text[:500], rules.error)]
    else:
        rules = text
    if not isinstance(rules, list):
        return [_unreadable(where, str(rules)[:500].encode("utf-8", "replace"), "not an array")]
    return _first(rules, where, url)


class _Malformed(NamedTuple):
    error: str


@remembered
def _parsed(text: bytes) -> object:
    """Parse a file once for all pages of its site; nobody changes what comes out."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        return _Malformed(type(error).__name__)


def _first(rules: list[object], where: str, url: str) -> list[Signal]:
    path = robots_txt.target(url)
    strange = 0
    for rule in rules[:_MAX_RULES]:
        location = rule.get("location") if isinstance(rule, dict) else None
        if not isinstance(rule, dict) or not isinstance(location, str):
            strange += 1
        elif robots_txt.matches(_pattern(location), path):
            policy = rule.get("tdm-policy")
            statement = _Statement(_number(rule.get("tdm-reservation")), policy if isinstance(policy, str) else "")
            return [_signal(where, statement, "path", location)]
    if strange or len(rules) > _MAX_RULES:
        return [_unreadable(where, b"", f"{strange} rules cannot be read")]
    return []


def _number(value: object) -> str | None:
    """Return a JSON value as a header would write it; the text "1" occurs and is taken, the text "0" is not."""
    if value is None:
        return None
    if isinstance(value, bool) or value == "0":
        return json.dumps(value)
    if isinstance(value, (int, float)) and value in (0, 1):
        return str(int(value))
    return str(value)[:100]


@lru_cache(maxsize=4_096)
def _pattern(location: str) -> str:
    if location[:4].lower() == "http":
        try:
            location = urlsplit(location).path or "/"
        except ValueError:
            return "/"
    return robots_txt.normal(location if location[:1] in ("/", "*") else f"/{location}")


def _signal(where: str, statement: _Statement, scope: Scope, location: str = "") -> Signal:
    reservation, policy = statement
    parsed = {} if reservation is None else {"tdm-reservation": reservation[:100]}
    parsed |= {"tdm-policy": clip(policy)} if policy else {}
    parsed |= {"location": clip(location)} if location else {}
    train = "none" if reservation is None else _WORDS.get(reservation, "unknown")
    raw = " ".join(f"{key}: {value}" for key, value in parsed.items())
    return Signal("tdmrep", where, clip(raw), parsed, train=train, scope=scope)


def _unreadable(where: str, raw: bytes, error: str) -> Signal:
    parsed = {"error": error}
    return Signal("tdmrep", where, clip(raw.decode("utf-8", "replace")), parsed, train="unknown", scope="site")

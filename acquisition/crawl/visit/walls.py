"""What an address or an answer says of walls: pages to log in, to pay, to buy, to search. Pure.

Nothing that lies behind such a page was published for everybody, and nothing on it is worth a visit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urljoin

from acquisition.crawl.contract import Ask, Failed, Wire
from acquisition.crawl.visit.backoff import header
from acquisition.crawl.visit.decoding import decoded
from acquisition.crawl.visit.soft404 import MAX_BYTES, text_of

AT_ONCE: Final = frozenset({"401", "402"})
"""Walls of which one is enough to stop a path, whatever else was met there."""
FORM_WORDS: Final = 150
"""Words of a page that has a form for a password and is nothing else; an article with one in its corner has more."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PASSWORD: Final = re.compile(rb"<input\b[^<>]{0,500}\btype\s*=\s*[\"']?password\b", re.IGNORECASE)
_HTML: Final = re.compile(r"text/html|application/xhtml", re.IGNORECASE)
_LOGIN_WORDS: Final = "log-in log_in login logon oauth oauth2 saml sign-in sign_in signin signon sso wp-login"
_LOGIN: Final = frozenset(_LOGIN_WORDS.split())
_LOGIN_FIRST: Final = frozenset({"auth", "authenticate", "authorize", "session", "sessions"})
"""First folders that lead to a login; further down they are words like others."""
_INTERACTIVE_WORDS: Final = (
    "basket cart checkout einkaufswagen forgot-password log-in log-out log_in log_out login logoff logon logout my-account "
    "myaccount panier password-reset reset-password search search-results shopping-cart sign-in sign-out sign-up sign_in "
    "sign_out sign_up signin signon signout signup suche warenkorb wishlist wp-admin wp-login"
)
_INTERACTIVE: Final = frozenset(_INTERACTIVE_WORDS.split())
_ROOMS: Final = frozenset(
    {"account", "accounts", "auth", "customer", "index", "member", "members", "my", "shop", "store", "user", "users"}
)
"""First folders behind which a word of _INTERACTIVE means the same as at the root; so do language codes."""
_LANGUAGE: Final = re.compile(r"[a-z]{2}(?:[-_][a-z]{2})?", re.ASCII)
_SCRIPT: Final = re.compile(r"\.(?:php\d?|aspx?|jsp|jsf|do|cgi|html?|action)$", re.ASCII)


def wall_of(ask: Ask, wire: Wire) -> str:
    """Return why an answer is a wall in front of a path, "" when it is none."""
    if wire.status in (402, 451):
        return f"{wire.status}"
    if wire.status == 401 and header(wire.headers, "www-authenticate"):
        return "401"
    if wire.status in _REDIRECTS and ask.kind == "page":
        target = _target(ask.url, header(wire.headers, "location"))
        return f"login at {target[:200]}" if _is_login(target) and not _is_login(ask.url) else ""
    if wire.status == 200 and ask.kind == "page" and not _is_login(ask.url) and is_html(wire):
        return "a form for a password" if _asks_for_password(wire) else ""
    return ""


def _asks_for_password(wire: Wire) -> bool:
    """Say whether the page is hardly more than a form for a password; a small one in the corner of an article is none."""
    body = body_of(wire)
    if body is None or b"password" not in body.lower() or not _PASSWORD.search(body):
        return False
    return len(text_of(body).split()) < FORM_WORDS


def _target(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def _is_login(url: str) -> bool:
    words = _words(url)
    return not _LOGIN.isdisjoint(words) or not _LOGIN_FIRST.isdisjoint(words[:1])


def _words(url: str) -> list[str]:
    """Return the folders of an address's path in lower case, the last one without the name's extension."""
    return [_SCRIPT.sub("", folder) for folder in path_of(url).partition("/")[2].lower().split("/") if folder]


def interactive(url: str) -> str:
    """Return the word by which an address is that of a page to log in, buy, search or change something, "" for others."""
    words = _words(url)
    if not words:
        return ""
    if words[0] in _INTERACTIVE:
        return words[0]
    behind = words[0] in _ROOMS or _LANGUAGE.fullmatch(words[0])
    return words[1] if behind and len(words) > 1 and words[1] in _INTERACTIVE else ""


def is_html(wire: Wire) -> bool:
    """Say whether an answer says that it is a web page."""
    return bool(_HTML.match(header(wire.headers, "content-type")))


def body_of(wire: Wire) -> bytes | None:
    """Return the beginning of an answer's body, decoded, None when it cannot be."""
    try:
        return decoded(wire, MAX_BYTES, cut=True)
    except Failed:
        return None


def address_of(url: str) -> str:
    """Return an address without query and fragment."""
    return url.partition("#")[0].partition("?")[0]


def path_of(url: str) -> str:
    """Return host and path of an address, "example.org/a/b"."""
    return address_of(url).partition("://")[2]


def folder_of(url: str) -> str:
    """Return the beginning of an address that is stopped with it: its folder, at the root the address alone."""
    address = address_of(url)
    folder = address[: address.rfind("/") + 1]
    return folder if folder.count("/") > 3 else address


def beginnings(address: str) -> Iterator[str]:
    """Yield the address, and all folders that it lies in."""
    yield address
    end = address.rfind("/")
    while end > 0:
        yield address[: end + 1]
        yield address[:end]
        end = address.rfind("/", 0, end)

"""When two addresses are the same page: one spelling for both. What is fetched stays as it is.

Scrapy's canonical form (w3lib) keeps default ports, tracking parameters and session ids (crawl.md section 5.3); here they are
taken out in front of it. Parameters that merely look like sessions are left alone: two pages taken for one are lost, one page
taken for two is only fetched twice.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_PLAIN: Final = re.compile(
    r"(https?://[a-z0-9-]+(?:\.[a-z0-9-]+)*)(:[1-9][0-9]{0,4})?((?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*/?)", re.ASCII
)
"""Addresses that are their own canonical form, but for a default port: most of a site, at a hundredth of the cost."""
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
_TRACKING: Final = frozenset(
    {
        *("dclid", "fbclid", "gad_source", "gbraid", "gclid", "gclsrc", "igshid", "li_fat_id", "mc_cid", "mc_eid", "mkt_tok"),
        *("msclkid", "oly_anon_id", "oly_enc_id", "srsltid", "ttclid", "twclid", "vero_id", "wbraid", "yclid", "_ga", "_gl"),
        *("_hsenc", "_hsmi", "__hsfp", "__hssc", "__hstc"),
    }
)
_SESSIONS: Final = frozenset({"cfid", "cftoken", "jsessionid", "oscsid", "phpsessid", "session_id", "sessionid", "zenid"})
_SESSION_LIKE: Final = frozenset({"s", "sid"})
_TOKEN: Final = re.compile(r"[0-9a-f]{32}", re.ASCII | re.IGNORECASE)
_PATH_SESSION: Final = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;?#]*", re.ASCII | re.IGNORECASE)


def canonical(url: str) -> str:
    """Return one spelling for all addresses that name the same page: no default port, fragment, tracking or session id."""
    plain = _PLAIN.fullmatch(url)
    if plain is not None:
        site, port, path = plain[1], plain[2] or "", plain[3]
        return f"{site}{'' if port == _DEFAULT_PORTS[site.partition(':')[0]] else port}{path or '/'}"
    from w3lib.url import canonicalize_url  # slow to import, and most addresses do without

    try:
        return _stripped(canonicalize_url(url))
    except ValueError:
        return url


def _stripped(url: str) -> str:
    parts = urlsplit(url)
    host, _, port = parts.netloc.lower().partition(":") if "[" not in parts.netloc else (parts.netloc.lower(), "", "")
    if "[" in parts.netloc:
        netloc = host.removesuffix(_DEFAULT_PORTS.get(parts.scheme, "-"))
    else:
        netloc = host.rstrip(".") + (f":{port}" if port and f":{port}" != _DEFAULT_PORTS.get(parts.scheme) else "")
    query = "&".join(pair for pair in parts.query.split("&") if pair and not _is_noise(*pair.partition("=")))
    return urlunsplit((parts.scheme, netloc, _PATH_SESSION.sub("", parts.path) or "/", query, ""))


def _is_noise(name: str, _: str, value: str) -> bool:
    """Say whether a parameter only tells where a visitor came from or who he is."""
    name = name.lower()
    if name.startswith(("utm_", "aspsessionid")) or name in _TRACKING or name in _SESSIONS:
        return True
    return name in _SESSION_LIKE and _TOKEN.fullmatch(value) is not None

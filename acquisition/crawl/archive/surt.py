"""The sort key of a URL in CDX files: "http://www.example.org:8080/B?b&a" becomes "org,example:8080)/b?a&b".

SURT (Sort-friendly URI Reordering Transform) puts the host's labels in reverse; on the way there spellings that web archives
hold to be one page are made one: case, default ports, `www.`, fragments, user information, session numbers, the order of
parameters, superfluous escapes. The canonicalisation is that of the Internet Archive's wayback key, as other CDX tools have
it; the package `surt` is not used, its license (AGPL) is not ours to spread.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

_PARTS: Final = re.compile(
    r"([a-z][a-z0-9+.-]*)://(?:[^/?#]*@)?(\[[^\]/?#]*\]|[^/?#:]*)(?::(\d*))?([^?#]*)(?:\?([^#]*))?", re.IGNORECASE
)
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
_WWW: Final = re.compile(r"www\d*\.")
_SPACE: Final = re.compile(r"[\t\r\n]")
_DOTS: Final = re.compile(r"\.{2,}")
_SESSION_PATH: Final = re.compile(r"/\([a-z]\([0-9a-z]{24}\)\)(?=/[^?]+\.aspx)", re.IGNORECASE)
_SESSION_QUERY: Final = re.compile(
    r"(?:^|(?<=&))(?:(?:jsessionid|phpsessid|sid)=[0-9a-z]{32}|aspsessionid[a-z]{8}=[a-z]{24}|cfid=[^&]+&cftoken=[^&]+)(?:&|$)",
    re.IGNORECASE,
)
_SETTLED: Final = re.compile(r"[!-\"$&-~]*")
"""Nothing to undo, nothing to escape."""
_ROUNDS: Final = 20


def surt(url: str) -> str:
    """Return the sort key of an http or https URL; whatever has no host is its own key."""
    parts = _PARTS.match(_SPACE.sub("", url.strip()))
    if parts is None or not parts[2]:
        return url
    scheme, host, port, path, query = (part or "" for part in parts.groups())
    where = _host(host)
    if port and port != _DEFAULT_PORTS.get(scheme.lower()):
        where += f":{port}"
    key = f"{where}){_path(path)}"
    wanted = _query(query)
    return f"{key}?{wanted}" if wanted else key


@lru_cache(maxsize=4_096)
def _host(host: str) -> str:
    if host.startswith("["):
        return host.strip("[]").lower()
    name = _DOTS.sub(".", unquote_to_bytes(host).decode("utf-8", "replace").strip(".")).lower()
    try:
        name = name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        name = _escaped(name.encode("utf-8", "replace"))
    if name.isdecimal() and int(name) < 1 << 32:
        name = str(ipaddress.IPv4Address(int(name)))
    name = _WWW.sub("", name, count=1) if _WWW.match(name) else name
    return ",".join(reversed(name.split(".")))


def _path(path: str) -> str:
    kept: list[str] = []
    for part in _plain(path).removeprefix("/").split("/"):
        if part == ".." and kept and kept[-1] != "..":
            kept.pop()
        elif part != ".":
            kept.append(part)
    return _SESSION_PATH.sub("", "/" + "/".join(filter(None, kept))).lower()


def _query(query: str) -> str:
    if not query:
        return ""
    parameters = _SESSION_QUERY.sub("", _plain(query)).lower().split("&")
    return "&".join(sorted(parameters, key=lambda parameter: parameter.partition("=")))


def _plain(text: str) -> str:
    """Return a text whose escapes are undone as often as there are any, and made again where they are needed."""
    if _SETTLED.fullmatch(text):
        return text
    data = text.encode("utf-8", "surrogatepass")
    for _ in range(_ROUNDS):
        undone = unquote_to_bytes(data)
        if undone == data:
            break
        data = undone
    return _escaped(data)


def _escaped(data: bytes) -> str:
    return "".join(chr(byte) if 0x20 < byte < 0x7F and byte not in b"#%" else f"%{byte:02X}" for byte in data)

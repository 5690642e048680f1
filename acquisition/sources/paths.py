"""Paths of assets inside a release: what a publisher calls them, made safe, unique and the same on every machine."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from acquisition.errors import ProtocolError


def checked_path(name: object, *, where: str) -> str:
    """Return a publisher's file name as a relative path; ProtocolError when it climbs, is absolute or is no name at all."""
    path = name if isinstance(name, str) else ""
    parts = path.split("/")
    hostile = any(part in {"", ".", ".."} for part in parts) or "\\" in path or not _writable(path)
    if hostile or len(path.encode("utf-8", "replace")) > 4_096:
        raise ProtocolError(f"the publisher names a file {path[:200]!r}, which is not a path inside a release", where=where)
    return path


def _writable(text: str) -> bool:
    """Say whether a text has neither control characters nor halves of surrogate pairs."""
    return not any(ord(character) < 32 or ord(character) == 127 or 0xD800 <= ord(character) < 0xE000 for character in text)


def paths_of_urls(urls: Sequence[str]) -> tuple[str, ...]:
    """Return one path for each URL, in order: the file's name, with as much of what stands before it as makes it unique.

    Two URLs that differ only in their query get a digest of it before the ending. The same URLs give the same paths.
    """
    long = [_segments(url) for url in urls]
    endings = Counter(segments[-depth:] for segments in long for depth in range(1, len(segments) + 1))
    chosen: list[str] = []
    for segments in long:
        depths = range(1, len(segments) + 1)
        depth = next((depth for depth in depths if endings[segments[-depth:]] == 1), len(segments))
        chosen.append("/".join(segments[-depth:]))
    taken = Counter(chosen)
    return tuple(path if taken[path] == 1 else _marked(path, url) for path, url in zip(chosen, urls, strict=True))


def _segments(url: str) -> tuple[str, ...]:
    parts = urlsplit(url)
    names = [_tame(unquote(part)) for part in parts.path.split("/")]
    if not parts.path.rstrip("/") or parts.path.endswith("/"):
        names.append("index")
    host = _tame(parts.netloc.rpartition("@")[2].replace(":", "_"))
    return (host, *(name for name in names if name))


def _tame(name: str) -> str:
    tamed = "".join("_" if not _writable(character) or character in '/\\:*?"<>|' else character for character in name).strip()
    return "_" if tamed in {".", ".."} else tamed[:200]


def _marked(path: str, url: str) -> str:
    pure = PurePosixPath(path)
    mark = hashlib.sha256(url.encode()).hexdigest()[:8]
    return str(pure.with_name(f"{pure.stem}-{mark}{pure.suffix}"))

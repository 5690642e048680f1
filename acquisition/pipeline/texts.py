"""The LICENSE and README texts of a release: which of its files they are, and what they say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from acquisition.lock import TextDigest
from acquisition.model import Evidence
from acquisition.stage import Held

_NAME: Final = re.compile(
    r"(?:[^/]+/)?(?:un)?(?:licen[cs]e|copying|notice|readme)[^/.]*(?:\.[\d.]*\d)?(?:\.(?:md|txt|rst|markdown|html?|en))?",
    re.IGNORECASE,
)
_BYTES: Final = 200_000
_MOST: Final = 20


def may_license(path: str) -> bool:
    """Say whether a file of this path, at the root of its release or one folder below, may speak of the license."""
    return _NAME.fullmatch(path) is not None


def license_texts(files: Iterable[Held]) -> tuple[Evidence, ...]:
    """Return the LICENSE, COPYING, NOTICE and README texts among a release's files, those nearest to its root first.

    Texts of more than _BYTES and those that lie deeper than one folder are left out: they speak of something else.
    """
    named = [file for file in files if may_license(file.path) and file.size <= _BYTES]
    found = []
    for file in sorted(named, key=lambda file: (file.path.count("/"), file.path))[:_MOST]:
        with suppress(OSError):  # what is lost from the disk is reported where it is read
            raw = Path(file.file).read_bytes()[:_BYTES].decode("utf-8-sig", errors="replace")
            found.append(Evidence(file.path.rpartition("/")[2], raw, file.path, file.sha256, file.fetched_at))
    return tuple(found)


def text_digests(files: Iterable[Held]) -> tuple[TextDigest, ...]:
    """Return path and digest of the license texts among the files of a release that has come, for the lock."""
    return tuple(sorted(TextDigest(text.url, text.sha256) for text in license_texts(files)))

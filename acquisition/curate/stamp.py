"""The version of the set, written into the card of a curated set that stands: it is only known when the ledger is."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

import orjson

from acquisition.curate.card import NAME
from acquisition.workspace import atomic_file

_STAMP: Final = re.compile(r"^Version \d+\.\d+\.\d+\.\n\n", re.MULTILINE)
_HEADING: Final = re.compile(r"^# .*\n\n", re.MULTILINE)


def stamped(card: str, version: str) -> str:
    """Return a card that names this version below its heading, and no other version."""
    card = _STAMP.sub("", card, count=1)
    line = f"Version {version}.\n\n"
    found = _HEADING.search(card)
    return card[: found.end()] + line + card[found.end() :] if found else card + f"\n{line}"


def stamp(curated: Path, files: Path, version: str) -> None:
    """Write the version into the set's card and the card's new digest into the list of the set's files.

    Both appear whole or not at all, and doing it again changes nothing. A set without a card stays without one.
    """
    content = _card(curated, version)
    if not content:
        return
    target = curated / NAME
    if content != target.read_bytes():
        with atomic_file(target) as stream:
            stream.write(content)
    line = _line(content)
    if _listed(files) != line:
        list_stamped(curated, files, version, files)


def list_stamped(curated: Path, files: Path, version: str, target: Path) -> None:
    """Write the list of the set's files as it will be once the card is stamped; card and list are left as they are."""
    content = _card(curated, version)
    with files.open("rb") as lines, atomic_file(target) as stream:
        stream.writelines(_line(content) if content and _is_card(entry) else entry for entry in lines)


def _card(curated: Path, version: str) -> bytes:
    """Return the set's card as it is to be, nothing where there is none."""
    target = curated / NAME
    return stamped(target.read_text(encoding="utf-8"), version).encode() if target.is_file() else b""


def _line(card: bytes) -> bytes:
    return orjson.dumps({"path": NAME, "sha256": hashlib.sha256(card).hexdigest(), "size": len(card)}) + b"\n"


def _listed(files: Path) -> bytes:
    with files.open("rb") as lines:
        return next((entry for entry in lines if _is_card(entry)), b"")


def _is_card(entry: bytes) -> bool:
    return entry.startswith(b'{"path":"' + NAME.encode() + b'"')

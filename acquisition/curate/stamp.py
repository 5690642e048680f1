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
    target = curated / NAME
    if not target.is_file():
        return
    content = stamped(target.read_text(encoding="utf-8"), version).encode()
    if content != target.read_bytes():
        with atomic_file(target) as stream:
            stream.write(content)
    line = orjson.dumps({"path": NAME, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}) + b"\n"
    if _listed(files) != line:
        with files.open("rb") as lines, atomic_file(files) as stream:
            stream.writelines(line if _is_card(entry) else entry for entry in lines)


def _listed(files: Path) -> bytes:
    with files.open("rb") as lines:
        return next((entry for entry in lines if _is_card(entry)), b"")


def _is_card(entry: bytes) -> bool:
    return entry.startswith(b'{"path":"' + NAME.encode() + b'"')

"""tombstones.jsonl: reading it, line by line and not on trust, and adding to it all or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import orjson

from acquisition.errors import WorkspaceDamaged
from acquisition.tombstones.spellings import SCOPES
from acquisition.tombstones.stones import Tombstone, Tombstones
from acquisition.workspace import atomic_file

_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FIELDS: Final = tuple(field.name for field in fields(Tombstone))


def read_tombstones(path: Path) -> Tombstones:
    """Read tombstones.jsonl; an absent file holds none. WorkspaceDamaged names the line that is not one."""
    try:
        status = path.stat()
        return _read(path, (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size))
    except FileNotFoundError:
        return Tombstones()


@lru_cache(maxsize=1)
def _read(path: Path, _as_it_stands: tuple[int, ...]) -> Tombstones:
    """Read the file once a process while it stays as it is: a run asks a dozen times, and there may be millions of lines."""
    lines = path.read_bytes().split(b"\n")
    if lines[-1]:
        raise _damaged(path, len(lines), "the last line is cut short")
    same: dict[str, str] = {}
    return Tombstones(_stone(path, number, line, same) for number, line in enumerate(lines, start=1) if line.strip())


def _stone(path: Path, number: int, line: bytes, same: dict[str, str]) -> Tombstone:
    """Read a line; `same` holds the values so far, for lines of one request say the same of all but the digest."""
    try:
        told: Any = {name: str(value) for name, value in orjson.loads(line).items()}
        digest = told.pop("digest", "")
        alike: Any = {name: same.setdefault(value, value) for name, value in told.items()}
        stone = Tombstone(digest=digest, **alike)
    except (ValueError, TypeError, AttributeError) as error:
        raise _damaged(path, number, str(error)) from error
    if stone.scope not in SCOPES or not _SHA256.fullmatch(stone.digest) or (stone.scope == "item" and not stone.item):
        raise _damaged(path, number, f"scope {stone.scope[:40]!r} with digest {stone.digest[:70]!r}")
    return stone


def _damaged(path: Path, number: int, why: str) -> WorkspaceDamaged:
    return WorkspaceDamaged(
        f"this line is no tombstone: {why}",
        where=f"{path}:{number}",
        hint="Restore the file from a copy, or take out that line; without a tombstone what it speaks of may come back.",
    )


def append_tombstones(path: Path, stones: Iterable[Tombstone]) -> tuple[Tombstone, ...]:
    """Append those that are new, all of them or none, and return them; they are on the disk when this returns."""
    known = {stone.key for stone in read_tombstones(path)}
    fresh = tuple({stone.key: stone for stone in stones if stone.key not in known}.values())
    if not fresh:
        return ()
    with atomic_file(path) as stream:  # a kill amid a plain append would leave half a line
        stream.write(path.read_bytes() if path.exists() else b"")
        stream.writelines(_line(stone) for stone in fresh)
    return fresh


def _line(stone: Tombstone) -> bytes:
    told = {name: value for name in _FIELDS if (value := getattr(stone, name)) or name != "host"}
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)

"""What a request means: tombstones for everything that was typed, and the normal forms of texts that were given as files."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import pyarrow.compute as pc

from acquisition.errors import UsageError
from acquisition.pipeline.withdrawal.shelf import Shelf
from acquisition.sameness.texts import normal_form
from acquisition.tombstones import LEAST_LETTERS, Scope, Tombstone, Tombstones, digest_of, host_name

Copies = Literal["all", "same", "none"]
_LARGEST_TEXT: Final = 10_000_000
_SHORTEST_ID: Final = 8
_WHOLE_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing to take down, as it was typed: an item's id (or its start), a file or a digest for content."""

    scope: Scope
    value: str


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be taken down, and with which copies: all of a duplicate cluster, those of the same content or text, none."""

    wanted: tuple[Wanted, ...]
    copies: Copies = "all"


@dataclass(frozen=True, slots=True)
class Asked:
    """What one thing that was typed means; `form` is the normal form of a text that was given as a file, else b""."""

    wanted: Wanted
    stones: tuple[Tombstone, ...]
    form: bytes = b""


def asked_for(shelf: Shelf, request: Request, stones: Tombstones) -> tuple[Asked, ...]:
    """Return what each thing means. UsageError where an id is nobody's, or a content is no file and no digest."""
    return tuple(_asked(shelf, wanted, stones) for wanted in dict.fromkeys(request.wanted))


def _asked(shelf: Shelf, wanted: Wanted, stones: Tombstones) -> Asked:
    scope, value = wanted.scope, wanted.value
    if scope == "content":
        sha256, form = _content(value)
        text = [Tombstone("text", hashlib.sha256(form).hexdigest())] if form else []
        return Asked(wanted, (Tombstone("content", sha256), Tombstone("file", sha256), *text), form)
    if scope == "item":
        item = _whole_id(shelf, value.strip().lower(), stones)
        return Asked(wanted, (Tombstone("item", digest_of("item", item), item=item),))
    host = _digest("domain", host_name(value)) if scope == "url" else ""
    return Asked(wanted, (Tombstone(scope, _digest(scope, value), host=host),))


def _digest(scope: Scope, value: str) -> str:
    try:
        return digest_of(scope, value)
    except ValueError as error:
        raise UsageError(str(error), hint="Give an address with http:// or https://, a bare host name, a name.") from error


def _content(value: str) -> tuple[str, bytes]:
    """Return the sha256 of a file, and the normal form of its text where it is one; of a digest that is given, itself."""
    path = Path(value).expanduser()
    if not path.is_file():
        try:
            return digest_of("content", value), b""
        except ValueError:
            hint = "Give the path of a file, or its sha256 as 64 hexadecimal digits."
            raise UsageError(f"{value!r} is no file and no sha256", hint=hint) from None
    try:
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        return sha256, _text_form(path.read_bytes()) if path.stat().st_size <= _LARGEST_TEXT else b""
    except OSError as error:
        raise UsageError(f"{value!r} cannot be read: {error.strerror}") from error


def _text_form(octets: bytes) -> bytes:
    """Return the normal form of what is a text in UTF-8 or UTF-16, b"" where it is none or too short to tell it by."""
    encoding = "utf-16" if octets[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = octets.decode(encoding)
    except UnicodeError:
        return b""
    form = normal_form(text.encode()) if "\0" not in text else b""
    return form if len(form.decode()) >= LEAST_LETTERS else b""


def _whole_id(shelf: Shelf, value: str, stones: Tombstones) -> str:
    """Return the id that begins so."""
    if _WHOLE_ID.fullmatch(value):
        return value
    if len(value) < _SHORTEST_ID:
        raise UsageError(f"{value!r} is too short for an item's id", hint=f"Give at least {_SHORTEST_ID} of its digits.")
    found = {stone.item for stone in stones if stone.item.startswith(value)}
    for at in range(len(shelf.shards)):
        ids = shelf.read(at, ["id"]).column(0)
        found |= set(ids.filter(pc.starts_with(ids, value)).to_pylist())
    if len(found) != 1:
        what = "several items' ids begin" if found else "no item's id begins"
        raise UsageError(f"{what} with {value!r}", hint="`acquire explain` shows an item's whole id.")
    return found.pop()

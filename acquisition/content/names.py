"""Names of members: what is safe, and how they are written into locators and member paths.

A member path is a chain of names joined by "!/" with an optional fragment: "inner.zip!/kicks/a.wav", "#warc=4711". The
few characters that would be ambiguous inside a name ("#", "!/" and a "%" that looks like an escape) are percent-encoded,
so that "C#4.wav" is written "C%234.wav" and everything else stays as it is.
"""

from __future__ import annotations

import re
from typing import Final

from acquisition.content.limits import Unreadable

MAX_NAME_BYTES: Final = 4_096
MAX_FOLDERS: Final = 200

_AMBIGUOUS: Final = re.compile(r"%(?=[0-9A-Fa-f]{2})|#|!(?=/)")
_ESCAPED: Final = re.compile("%(25|23|21)")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE: Final = re.compile(r"^[A-Za-z]:")


def quote_name(name: str) -> str:
    """Return a name as it stands in a member path or locator."""
    return _AMBIGUOUS.sub(lambda found: f"%{ord(found[0]):02X}", name)


def unquote_name(text: str) -> str:
    """Return the name that `quote_name` was given."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def join_member(*names: str, fragment: str = "") -> str:
    """Return the member path for a chain of names and a fragment (without its "#")."""
    return "!/".join(quote_name(name) for name in names) + (f"#{fragment}" if fragment else "")


def split_member(member: str) -> tuple[tuple[str, ...], str]:
    """Return the chain of names and the fragment of a member path."""
    chain, _, fragment = member.partition("#")
    return (tuple(unquote_name(name) for name in chain.split("!/")) if chain else ()), fragment


def safe_name(raw: str) -> str:
    """Return a member's name as a relative path with forward slashes; Unreadable when it points out of its archive.

    Nothing is ever extracted under such a name. It is refused because an archive that tries is not to be trusted.
    """
    name = raw.replace("\\", "/")
    shown = ascii(raw[:100])
    if _CONTROL.search(name):
        raise Unreadable("archive-name", f"the name {shown} holds control characters")
    if name.startswith("/") or _DRIVE.match(name):
        raise Unreadable("archive-traversal", f"the name {shown} is absolute")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise Unreadable("archive-traversal", f"the name {shown} climbs out of its folder")
    if not parts:
        raise Unreadable("archive-name", "the name is empty")
    if len(parts) > MAX_FOLDERS or len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES:
        raise Unreadable("archive-name", f"the name {shown}… is longer than {MAX_NAME_BYTES:,} bytes or {MAX_FOLDERS} folders")
    return "/".join(parts)

"""The normal form of a text: what is left when its dress is taken off.

Compatibility forms are unified (NFKC), case is folded; links, @names, punctuation, symbols, control characters and white
space are removed. Letters, marks and digits stay, in their order. Two texts with one normal form are the same text.
"""

from __future__ import annotations

import re
import string
import unicodedata
from typing import Final

import numpy as np
import regex

_KEPT: Final = string.ascii_letters + string.digits
_LOWER: Final = bytes(octet + 32 if 65 <= octet <= 90 else octet for octet in range(256))
_DROPPED: Final = bytes(octet for octet in range(128) if chr(octet) not in _KEPT)
_LINK_OCTETS: Final = re.compile(rb"(?:https?://|www\.)\S+|(?<![\w@.])@\w+", re.IGNORECASE)
_LINK: Final = re.compile(r"(?:https?://|www\.)\S+|(?<![\w@.])@\w+", re.IGNORECASE)
_DRESS: Final = regex.compile(r"[\p{P}\p{Z}\p{C}\p{S}]+")
# Typographic characters that turn up in otherwise plain English; removing them first keeps such texts on the fast path.
_TYPOGRAPHIC: Final = tuple(mark.encode() for mark in "\u2019\u2018\u201c\u201d\u2013\u2014\u2026\u2022")


def normal_form(octets: bytes) -> bytes:
    """Return the normal form of a UTF-8 text, in UTF-8; about 1 µs per KB for ASCII, 30 times that otherwise."""
    if not octets.isascii():
        if b"\xe2\x80" in octets:
            for mark in _TYPOGRAPHIC:
                octets = octets.replace(mark, b"")
        if not octets.isascii():
            return _full_normal_form(octets.decode("utf-8", "replace")).encode()
    if b"://" in octets or b"@" in octets or b"www." in octets or b"WWW." in octets or b"Www." in octets:
        octets = _LINK_OCTETS.sub(b"", octets)
    return octets.translate(_LOWER, _DROPPED)


def _full_normal_form(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", _LINK.sub("", text)).casefold())
    undressed: str = _DRESS.sub("", folded)
    return undressed


def letters(normal: bytes) -> bytes:
    """Return a normal form with one octet per character, so that a window of octets is a window of characters.

    ASCII stays itself; every other character is hashed to one of 128 octets. Two different windows of five such
    characters become equal with a probability of about 1 in 128 for each character that differs.
    """
    if normal.isascii():
        return normal
    points = np.frombuffer(normal.decode().encode("utf-32-le"), dtype="<u4")
    hashed = ((points * np.uint32(2654435761)) >> np.uint32(25)) | np.uint32(0x80)
    return np.where(points < 128, points, hashed).astype(np.uint8).tobytes()

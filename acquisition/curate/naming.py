"""Names of files from the path that the declaration gives: harmless on every file system, and each given once."""

from __future__ import annotations

import unicodedata
from array import array

import xxhash

from acquisition.curate.classes import RESERVED, safe_name
from acquisition.errors import UsageError
from acquisition.protocols import Outline, Placed
from acquisition.settings import PLACEHOLDER

_MAX_BYTES = 180
"""Of one folder or file, before an item's id and its ending: file systems take 255."""


class PathNames:
    """Fills a path template (`curated.path`) for one item after the other.

    Of every name that was given 8 bytes are remembered, without regard to case and to how accents are composed, so two names
    are also two on disks that ignore these. A name that is taken gets the first 8 digits of the item's id behind it, or all.
    """

    def __init__(self, template: str, outline: Outline) -> None:
        self._template = template
        self._folders = outline.folders
        self._given = _Hashes(outline.items)

    def plain(self, placed: Placed, extension: str) -> str:
        """Return the item's path, given before or not."""
        ending = f".{extension}" if extension else ""
        return self._stem(placed, extension) + ending

    def free(self, placed: Placed, extension: str) -> str:
        """Return a path that no item before this one was given; UsageError when even the item's id is taken."""
        stem, item = self._stem(placed, extension), str(placed.row["id"])
        for digits in (0, 8, len(item)):
            path = f"{stem}{'-' + item[:digits] if digits else ''}.{extension}"
            folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
            if folded.rsplit("/", 1)[-1] not in RESERVED and self._given.add(xxhash.xxh3_64_intdigest(folded.encode())):
                return path
        raise UsageError(f"two items have the id {item}", where="curated.path")

    def _stem(self, placed: Placed, extension: str) -> str:
        row = placed.row
        values = {
            "split": placed.split,
            "class": self._folders.get(placed.label) or safe_name(placed.label),
            "name": safe_name(row["name"]),
            "id": row["id"],
            "source": safe_name(row["source"]),
            "ext": extension,
        }
        path = PLACEHOLDER.sub(lambda match: str(values[match[1]]), self._template)
        if extension:
            path = path.removesuffix(f".{extension}")
        *folders, last = (safe_name(part, _MAX_BYTES) for part in path.split("/"))
        return "/".join([*(f"_{one}" if one.casefold() in RESERVED else one for one in folders), last])


class _Hashes:
    """A set of 64-bit numbers in 16 to 32 bytes each: open addressing, at most half full."""

    def __init__(self, expected: int) -> None:
        self._count = 0
        self._slots = _free(max(16, 2 * expected))

    def add(self, number: int) -> bool:
        """Take a number, and say whether it is new."""
        number = number or 1  # 0 marks a free slot
        slot = self._slot(number)
        if self._slots[slot]:
            return False
        self._slots[slot] = number
        self._count += 1
        if 2 * self._count > len(self._slots):
            old, self._slots = self._slots, _free(2 * len(self._slots))
            for one in old:
                if one:
                    self._slots[self._slot(one)] = one
        return True

    def _slot(self, number: int) -> int:
        """Return where a number stands or may be put."""
        mask = len(self._slots) - 1
        slot = number & mask
        while self._slots[slot] not in {0, number}:
            slot = (slot + 1) & mask
        return slot


def _free(least: int) -> array[int]:
    """Return free slots: `least`, or the next power of two."""
    return array("Q", bytes(8 << (least - 1).bit_length()))

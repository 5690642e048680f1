"""What unpacking may cost, and the one exception with which damaged or hostile bytes are reported."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from tarfile import TarError
from typing import Final

from acquisition.settings import ArchiveSettings

RATIO_FLOOR: Final = 1_000_000
"""Unpacked bytes below which no ratio is judged."""

DAMAGE: Final[tuple[type[Exception], ...]] = (
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    OverflowError,
    LookupError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    TarError,
)
"""What the standard library's unpackers raise on damaged input."""


class Unreadable(Exception):
    """Bytes that cannot be read as what they claim to be. Never leaves `read` (a Rejection) or `Contents` (a ReadError).

    `code` is a rejection code of docs/rejections.md.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(slots=True)
class Budget:
    """What may still be unpacked from one asset. Real bytes are counted as they come; headers are never trusted."""

    limits: ArchiveSettings = field(default_factory=ArchiveSettings)
    unpacked: int = 0
    members: int = 0

    def count_member(self) -> None:
        """Count one member; Unreadable when there are more than the declared limit."""
        self.members += 1
        if self.members > self.limits.max_members:
            raise Unreadable("archive-too-many", f"more than {self.limits.max_members:,} members (read.archive.max_members)")

    def count(self, fresh: int, unpacked: int, packed: int) -> None:
        """Count `fresh` bytes of a stream that has given `unpacked` bytes from `packed` ones so far."""
        self.unpacked += fresh
        if self.unpacked > self.limits.max_bytes:
            raise Unreadable("archive-bomb", f"unpacks to more than {self.limits.max_bytes:,} bytes (read.archive.max_bytes)")
        if unpacked > RATIO_FLOOR and unpacked > self.limits.max_ratio * max(packed, 1):
            raise Unreadable(
                "archive-bomb",
                f"{unpacked:,} bytes out of {packed:,}: more than {self.limits.max_ratio:g} to one (read.archive.max_ratio)",
            )

"""Digests while bytes pass: sha256 always, and every kind that a publisher gives."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import Any, Final, Protocol

from acquisition.errors import DigestMismatch
from acquisition.model import Digest

BLOCK: Final = 1 << 20
STRONG: Final = frozenset({"sha256", "sha512", "sha1", "md5", "git-sha1"})
"""Digests that prove a file put together from pieces. crc32c is compared too, but proves too little to resume on alone."""


class Hasher(Protocol):
    """The part of hashlib's objects that is used here."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""

    def hexdigest(self) -> str:
        """Return the digest in lower-case hexadecimal."""


class Crc32c:
    """CRC-32C (Castagnoli) with hashlib's manners; hexadecimal of its four bytes in network order, as in x-goog-hash."""

    __slots__ = ("_checksum",)

    def __init__(self) -> None:
        import google_crc32c

        self._checksum: Any = google_crc32c.Checksum()  # type: ignore[no-untyped-call]  # the package ships no annotations

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""
        self._checksum.update(data)

    def hexdigest(self) -> str:
        """Return eight hexadecimal digits."""
        return bytes(self._checksum.digest()).hex()


def hasher(algorithm: str, size: int) -> Hasher:
    """Return a fresh hasher; `size` is the content's size in bytes, which a git object id begins with."""
    if algorithm == "crc32c":
        return Crc32c()
    if algorithm == "git-sha1":
        git = hashlib.sha1(usedforsecurity=False)
        git.update(b"blob %d\0" % size)
        return git
    if algorithm in ("md5", "sha1"):
        return hashlib.new(algorithm, usedforsecurity=False)
    return hashlib.new(algorithm)


class Hashes:
    """Several digests over one run of bytes; sha256 is always among them."""

    __slots__ = ("_hashers", "cancelled", "position")

    def __init__(self, algorithms: Iterable[str], size: int) -> None:
        self._hashers = {name: hasher(name, size) for name in dict.fromkeys(["sha256", *algorithms])}
        self.position = 0
        self.cancelled = False
        """Set from another thread: `follow` ends at its next block."""

    @property
    def algorithms(self) -> frozenset[str]:
        """The names of the digests that are computed."""
        return frozenset(self._hashers)

    def update(self, data: bytes) -> None:
        """Take more bytes."""
        for each in self._hashers.values():
            each.update(data)
        self.position += len(data)

    def follow(self, descriptor: int, upto: int) -> None:
        """Read an open file from where the last call ended up to an offset; a file that ends before is an OSError."""
        while self.position < upto and not self.cancelled:
            block = os.pread(descriptor, min(BLOCK, upto - self.position), self.position)
            if not block:
                raise OSError(f"the file ends at byte {self.position}, before byte {upto}")
            self.update(block)

    def values(self) -> dict[str, str]:
        """Return algorithm → value of everything taken so far."""
        return {name: each.hexdigest() for name, each in self._hashers.items()}


def digest_bytes(data: bytes, algorithms: Iterable[str]) -> dict[str, str]:
    """Return algorithm → value of some bytes, sha256 always among them."""
    values = {"sha256": hashlib.sha256(data).hexdigest()}
    for name in algorithms:
        if name not in values:
            each = hasher(name, len(data))
            each.update(data)
            values[name] = each.hexdigest()
    return values


def compare(values: dict[str, str], wanted: Iterable[Digest], size: int) -> tuple[str, ...]:
    """Return "algorithm:value" of every digest that agrees; DigestMismatch tells the first that does not."""
    checked = []
    for digest in wanted:
        got = values[digest.algorithm]
        if got != digest.value.lower():
            raise DigestMismatch(
                f"expected {digest}, got {digest.algorithm}:{got} ({size:,} bytes)",
                hint="If the publisher released a new version, run `acquire plan --update` for this source.",
            )
        checked.append(f"{digest.algorithm}:{got}")
    return tuple(dict.fromkeys(checked))

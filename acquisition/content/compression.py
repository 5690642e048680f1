"""gzip, bzip2, xz and zstd as streams that are counted, complete or an error, and recognised by their first bytes alone."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from typing import IO, Final, cast

from acquisition.content.binaries import checked
from acquisition.content.limits import DAMAGE, Budget, Unreadable

_MAGIC: Final = ((b"\x1f\x8b\x08", "gz"), (b"BZh", "bz2"), (b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "zst"))
SUFFIXES: Final = {
    ".gz": "",
    ".gzip": "",
    ".bz2": "",
    ".xz": "",
    ".zst": "",
    ".zstd": "",
    ".tgz": ".tar",
    ".tbz2": ".tar",
    ".txz": ".tar",
}
_XZ_MEMORY: Final = 200_000_000


def compression_of(head: bytes) -> str:
    """Return gz, bz2, xz, zst or "" for the first bytes of a file; names are not asked, for they lie."""
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), "")


def without_suffix(name: str) -> str:
    """Return a file name without its compression's ending ("a.csv.gz" → "a.csv", "a.tgz" → "a.tar")."""
    for suffix, instead in SUFFIXES.items():
        if name.lower().endswith(suffix):
            return name[: -len(suffix)] + instead
    return name


class _Tally(io.RawIOBase):
    """Counts the packed bytes that were taken."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self.stream = stream
        self.taken = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill a buffer."""
        view = memoryview(cast("bytearray", buffer)).cast("B")
        data = self.stream.read(len(view))
        self.taken += len(data)
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close what lies below."""
        if not self.closed:
            self.stream.close()
        super().close()


class _Xz(io.RawIOBase):
    """xz with a ceiling on its dictionary: a few bytes of header may ask for gigabytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self._unpacker = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
        self._pending = b""

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill a buffer."""
        view = memoryview(cast("bytearray", buffer)).cast("B")
        while True:
            if self._unpacker.eof:
                rest = self._unpacker.unused_data or self._stream.read(1 << 16)
                rest = rest.lstrip(b"\x00")  # stream padding
                if not rest:
                    return 0
                self._unpacker, self._pending = lzma.LZMADecompressor(memlimit=_XZ_MEMORY), rest
            if self._unpacker.needs_input and not self._pending:
                self._pending = self._stream.read(1 << 16)
                if not self._pending:
                    raise EOFError("compressed file ended before its end mark")
            data = self._unpacker.decompress(self._pending, max_length=len(view))
            self._pending = b""
            if data:
                view[: len(data)] = data
                return len(data)

    def close(self) -> None:
        """Close what lies below."""
        if not self.closed:
            self._stream.close()
        super().close()


def _opened(kind: str, packed: IO[bytes]) -> IO[bytes]:
    if kind == "gz":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=packed, mode="rb"))
    if kind == "bz2":
        return cast("IO[bytes]", bz2.BZ2File(packed))
    if kind == "xz":
        return cast("IO[bytes]", _Xz(packed))
    import pyarrow as pa

    # zstandard's stream reader takes a truncated frame for its end; Arrow's raises, and reads concatenated frames too.
    return cast("IO[bytes]", pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd"))


def unpacked(stream: IO[bytes], kind: str, budget: Budget) -> IO[bytes]:
    """Return the decompressed stream; it raises Unreadable on damage, truncation, and beyond the budget."""
    tally = _Tally(stream)
    try:
        opened = _opened(kind, cast("IO[bytes]", io.BufferedReader(tally, 1 << 17)))
    except DAMAGE as error:
        raise Unreadable("damaged-file", f"{kind}: {error}") from error
    return checked(opened, lambda: tally.taken, budget, "damaged-file")

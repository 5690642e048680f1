"""Plain text files: one file, one item, decoded strictly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import ClassVar, Final

from acquisition.content.limits import Unreadable
from acquisition.model import Modality
from acquisition.protocols import Binary, Found, ReadContext, Reader
from acquisition.read.encoding import decode_all
from acquisition.read.items import FileItems, found_batch, rejection

MAX_BYTES: Final = 64_000_000
"""A text is held whole in its item."""


class TextReader(Reader):
    """One text file, one item."""

    name: ClassVar[str] = "text"
    version: ClassVar[int] = 1
    suffixes: ClassVar[tuple[str, ...]] = (".txt", ".text", ".md", ".rst", ".srt")
    modality: ClassVar[Modality] = Modality.TEXT

    def sniff(self, name: str, head: bytes) -> bool:
        """Take files by their ending."""
        del head
        return PurePosixPath(name.lower()).suffix in self.suffixes

    def read(self, binary: Binary, context: ReadContext) -> Iterator[Found]:
        """Yield the one item; Unreadable names the encoding that failed and a suggestion."""
        data = whole(binary, MAX_BYTES)
        text, _, doubt = decode_all(data, context.read)
        if "\x00" in text:
            raise Unreadable("nul-byte", "the text holds NUL characters: it is binary, or in another encoding")
        sha256 = hashlib.sha256(data).hexdigest()
        yield found_batch([FileItems(context).row(Modality.TEXT, "text/plain", len(data), sha256, text=text)])
        if doubt:
            yield rejection(context, "encoding-doubtful", doubt)


def whole(binary: Binary, limit: int) -> bytes:
    """Return all bytes; Unreadable (too-large) when there are more than `limit`."""
    with binary.open() as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise Unreadable("too-large", f"texts are read up to {limit:,} bytes; a table is read row by row (items.as: rows)")
    return data

"""Opens the media items of a shard, decodes each once, and remembers what was seen for the next filter."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.content import Contents
from acquisition.errors import AcquisitionError
from acquisition.filters.media import decoding
from acquisition.filters.media.images import ImageLook, look_at_image
from acquisition.filters.media.sounds import SoundLook, look_at_sound
from acquisition.model import Modality
from acquisition.protocols import FilterContext

MAX_KEPT: Final = 64_000_000
"""Bytes of looks that one process remembers: a whole shard of pictures or of clips of ten seconds."""

Look = TypeVar("Look", ImageLook, SoundLook)


class Store:
    """Looks by kind, blob and member; the oldest go when they weigh more than `limit` bytes."""

    def __init__(self, limit: int = MAX_KEPT) -> None:
        self._limit = limit
        self._kept: OrderedDict[tuple[type, str, str], tuple[ImageLook | SoundLook, int]] = OrderedDict()
        self.weight = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, kind: type[Look], blob: str, member: str) -> Look | None:
        """Return what was remembered, None when nothing was."""
        found = self._kept.get((kind, blob, member))
        return found[0] if found is not None and isinstance(found[0], kind) else None

    def put(self, blob: str, member: str, look: ImageLook | SoundLook) -> None:
        """Remember a look."""
        weight = _weight(look)
        self._kept[type(look), blob, member] = (look, weight)
        self.weight += weight
        while self.weight > self._limit and self._kept:
            self.weight -= self._kept.popitem(last=False)[1][1]


def _weight(look: ImageLook | SoundLook) -> int:
    return 3_000 if isinstance(look, ImageLook) else 1_500 + look.prints.nbytes


SHARED: Final = Store()
"""The filters of a process look at one shard one after the other; each file is decoded for the first of them."""


class Looks:
    """Looks at the pictures and recordings of a batch; blobs are found by the filters' context."""

    def __init__(self, context: FilterContext, store: Store | None = None) -> None:
        self._context = context
        self._store = SHARED if store is None else store

    def images(self, items: pa.RecordBatch) -> dict[int, ImageLook]:
        """Return the look of every picture by its row. Never raises: what cannot be opened has an error."""
        return self._looked(items, Modality.IMAGE, ImageLook, self._image)

    def sounds(self, items: pa.RecordBatch) -> dict[int, SoundLook]:
        """Return the look of every recording by its row. Never raises: what cannot be opened has an error."""
        return self._looked(items, Modality.AUDIO, SoundLook, self._sound)

    def _looked(
        self,
        items: pa.RecordBatch,
        modality: Modality,
        kind: type[Look],
        look_at: Callable[[Contents, str, str, int], Look],
    ) -> dict[int, Look]:
        wanted = pc.equal(items.column("modality"), modality.value).to_numpy(zero_copy_only=False)
        rows = [int(row) for row in np.flatnonzero(wanted)]
        blobs, members, sizes = (items.column(name) for name in ("blob", "member", "size"))
        looks: dict[int, Look] = {}
        with Contents(self._path_of) as contents:
            for row in rows:
                blob, member = blobs[row].as_py(), members[row].as_py()
                look = self._store.get(kind, blob, member)
                if look is None:
                    look = look_at(contents, blob, member, sizes[row].as_py())
                    self._store.put(blob, member, look)
                looks[row] = look
        return looks

    def _path_of(self, sha256: str) -> Path:
        own = self._context.external.get(sha256)
        return Path(own) if own else Path(self._context.blob_root) / sha256[:2] / sha256[2:]

    def _image(self, contents: Contents, blob: str, member: str, size: int) -> ImageLook:
        if size > decoding.MAX_BYTES:
            return ImageLook(size, error="too-large", note=f"{size:,} bytes are not decoded")
        try:
            return look_at_image(contents.read(blob, member, decoding.MAX_BYTES))
        except (AcquisitionError, OSError) as error:
            return ImageLook(size, error="missing", note=f"{type(error).__name__}: {error}"[:200])

    def _sound(self, contents: Contents, blob: str, member: str, size: int) -> SoundLook:
        try:
            with contents.open(blob, member) as stream, _seekable(stream) as sound:
                return look_at_sound(sound, size)
        except (AcquisitionError, OSError) as error:
            return SoundLook(size, error="missing", note=f"{type(error).__name__}: {error}"[:200])


@contextmanager
def _seekable(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    """Give the stream, or an unnamed copy where an archive can only be read forward; the copy goes with the block."""
    from acquisition.content import Spool

    if stream.seekable():
        yield stream
        return
    with closing(Spool(stream)) as spool, spool.open() as copy:
        yield copy

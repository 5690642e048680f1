"""Opens the pictures of a batch, one after the other, within the limits of the media room."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from acquisition.content import Contents
from acquisition.errors import AcquisitionError
from acquisition.filters.media.decoding import MAX_BYTES, Undecodable, decode
from acquisition.protocols import FilterContext

if TYPE_CHECKING:
    from PIL import Image


def pictures_of(
    items: pa.RecordBatch, rows: Sequence[int], context: FilterContext, arrays: Callable[[Image.Image], np.ndarray]
) -> Iterator[tuple[int, np.ndarray | str]]:
    """Yield row and array of every picture, or a word for why there is none; at most one is held decoded."""

    def path_of(sha256: str) -> Path:
        own = context.external.get(sha256)
        return Path(own) if own else Path(context.blob_root) / sha256[:2] / sha256[2:]

    with Contents(path_of) as contents:
        for row in rows:
            if items.column("size")[row].as_py() > MAX_BYTES:
                yield row, "too-large"
                continue
            try:
                data = contents.read(items.column("blob")[row].as_py(), items.column("member")[row].as_py(), MAX_BYTES)
                yield row, arrays(decode(data).image)
            except Undecodable as refused:
                yield row, refused.error
            except MemoryError:
                yield row, "too-large"
            except (AcquisitionError, OSError):
                yield row, "missing"

"""What signatures say of pictures and recordings: digests of what is decoded, figures for near copies, and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.filters.duplicates import images, sounds
from acquisition.filters.duplicates.links import HOW
from acquisition.model import Modality
from acquisition.protocols import FilterContext

UNSEEN: Final = pa.field("unseen", pa.string())
SCHEMA_FIELDS: Final = (*images.SCHEMA_FIELDS, *sounds.SCHEMA_FIELDS, UNSEEN)
"""The fields of both, and why a picture or recording could not be decoded (null for all others)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """`digests` and `worth` by row with the way they were made (index into HOWS), and the columns of SCHEMA_FIELDS."""

    digests: dict[int, tuple[bytes, int]]
    worth: dict[int, int]
    columns: list[pa.Array]


def seen(items: pa.RecordBatch, context: FilterContext) -> Seen:
    """Look at the pictures and recordings of a batch; each is decoded once in a process, whoever asks (`media.Looks`)."""
    modality = items.column("modality")
    has = {kind: pc.any(pc.equal(modality, kind.value)).as_py() for kind in (Modality.IMAGE, Modality.AUDIO)}
    if not any(has.values()):
        return Seen({}, {}, [_nothing(field, items.num_rows) for field in SCHEMA_FIELDS])
    from acquisition.filters.media import Looks

    looks = Looks(context)
    pictures = looks.images(items) if has[Modality.IMAGE] else {}
    recordings = looks.sounds(items) if has[Modality.AUDIO] else {}
    digests = {row: (look.pixels, HOW["pixels"]) for row, look in pictures.items() if len(look.pixels) == 16}
    digests |= {row: (look.samples, HOW["samples"]) for row, look in recordings.items() if len(look.samples) == 16}
    worth = {row: look.width * look.height for row, look in pictures.items()}
    worth |= {row: int(look.seconds * look.sample_rate) for row, look in recordings.items()}
    errors = {row: look.error for found in (pictures, recordings) for row, look in found.items()}
    unseen = pa.array([errors.get(row) or None for row in range(items.num_rows)], pa.string())
    return Seen(digests, worth, [*images.columns(items, pictures), *sounds.columns(items, recordings), unseen])


def _nothing(field: pa.Field, count: int) -> pa.Array:
    if field.nullable:
        return pa.nulls(count, field.type)
    return pa.array(np.zeros(count, field.type.to_pandas_dtype()), field.type)

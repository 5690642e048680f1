"""What signatures say of pictures and recordings: digests of what is decoded, figures for near copies, and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.filters.duplicates import images, sounds
from acquisition.filters.duplicates.links import HOW
from acquisition.model import Modality
from acquisition.protocols import FilterContext

if TYPE_CHECKING:  # decoders are loaded where there is something to decode
    from acquisition.filters.media import ImageLook, SoundLook

UNSEEN: Final = pa.field("unseen", pa.string())
SCHEMA_FIELDS: Final = (*images.SCHEMA_FIELDS, *sounds.SCHEMA_FIELDS, UNSEEN)
"""The fields of both, and why a picture or recording could not be decoded (null for all others)."""

_LOSSY: Final = frozenset({"JPEG", "MPO", "JPEG2000", "WEBP", "AVIF", "HEIF"})
"""Pillow's names of formats that lose detail; WebP may not, and its header is not asked."""
_LOSSLESS: Final = ("PCM_", "FLOAT", "DOUBLE", "ALAC_")
"""How soundfile's names of codings that lose nothing begin; FLAC's are those of PCM."""
_GREY: Final = 128
_TINGE: Final = 2
"""How far the colour differences of a grey picture may stray from the middle: rounding, and JPEG."""


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
    worth = {row: worth_of_picture(look) for row, look in pictures.items()}
    worth |= {row: worth_of_recording(look) for row, look in recordings.items()}
    errors = {row: look.error for found in (pictures, recordings) for row, look in found.items()}
    unseen = pa.array([errors.get(row) or None for row in range(items.num_rows)], pa.string())
    return Seen(digests, worth, [*images.columns(items, pictures), *sounds.columns(items, recordings), unseen])


def worth_of_picture(look: ImageLook) -> int:
    """Return a picture's pixels, twice where it has colours, and a quarter more where its format loses nothing."""
    coloured = bool(look.tint) and max(abs(octet - _GREY) for octet in look.tint) > _TINGE
    return _weighed(look.width * look.height * (2 if coloured else 1), lossy=look.format in _LOSSY, whole=not look.error)


def worth_of_recording(look: SoundLook) -> int:
    """Return a recording's samples of up to two channels, and a quarter more where its coding loses nothing."""
    samples = int(look.seconds * look.sample_rate) * min(look.channels, 2)
    return _weighed(samples, lossy=not look.subtype.startswith(_LOSSLESS), whole=not look.error)


def _weighed(amount: int, *, lossy: bool, whole: bool) -> int:
    return amount * (4 if lossy else 5) * (2 if whole else 1)


def _nothing(field: pa.Field, count: int) -> pa.Array:
    if field.nullable:
        return pa.nulls(count, field.type)
    return pa.array(np.zeros(count, field.type.to_pandas_dtype()), field.type)

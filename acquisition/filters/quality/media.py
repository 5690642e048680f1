"""Media items: their looks are judged one by one, and what compares them with each other is kept for the whole set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.filters.flags import FlagRows
from acquisition.filters.quality.images import ImageQuality
from acquisition.filters.quality.sounds import AudioQuality
from acquisition.model import Modality
from acquisition.protocols import FilterContext


@dataclass(frozen=True, slots=True)
class Measures:
    """Figures of media items by row, nan or 0 for all others: seconds, samples a second, log of bytes by what is in them."""

    seconds: np.ndarray
    rate: np.ndarray
    density: np.ndarray


def flag_media(
    items: pa.RecordBatch,
    empty: np.ndarray,
    bounds: tuple[ImageQuality, AudioQuality],
    context: FilterContext,
    flags: FlagRows,
) -> Measures:
    """Flag pictures and recordings by what is in them, and return what the whole set needs of them."""
    count = items.num_rows
    measures = Measures(np.full(count, np.nan), np.zeros(count, np.int32), np.full(count, np.nan))
    kinds = pc.unique(items.column("modality")).to_pylist()
    if Modality.IMAGE.value not in kinds and Modality.AUDIO.value not in kinds:
        return measures
    from acquisition.filters.media.looks import Looks
    from acquisition.filters.quality import images, sounds

    looks = Looks(context)
    for row, picture in looks.images(items).items():
        if empty[row]:
            continue
        for code, score, detail in images.judged(picture, bounds[0]):
            flags.add(row, code, score=score, detail=detail)
        pixels = picture.width * picture.height
        if not picture.error and pixels and not images.blank(picture, bounds[0]):
            measures.density[row] = np.log(max(picture.size, 1) / pixels)
    for row, sound in looks.sounds(items).items():
        if empty[row]:
            continue
        for code, score, detail in sounds.judged(sound, bounds[1]):
            flags.add(row, code, score=score, detail=detail)
        if sound.seconds > 0 and sound.sample_rate > 0:
            measures.seconds[row], measures.rate[row] = sound.seconds, sound.sample_rate
            measures.density[row] = np.log(max(sound.size, 1) / (sound.seconds * sound.sample_rate * max(sound.channels, 1)))
    return measures

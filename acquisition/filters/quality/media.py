"""Media items: each is opened once, and its header is read."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.errors import AcquisitionError
from acquisition.filters.flags import FlagRows, detail_json
from acquisition.filters.quality.settings import AudioQuality
from acquisition.model import Modality
from acquisition.protocols import FilterContext


def flag_media(items: pa.RecordBatch, empty: np.ndarray, bounds: AudioQuality, context: FilterContext, flags: FlagRows) -> None:
    """Flag recordings and pictures that cannot be opened, and recordings that are too short or too long."""
    modality = items.column("modality")
    media = pc.is_in(modality, pa.array([Modality.AUDIO.value, Modality.IMAGE.value])).to_numpy(zero_copy_only=False) & ~empty
    # A fragment ("#…") is a cell of a table of pixels that its reader has already decoded.
    rows = [int(row) for row in np.flatnonzero(media) if "#" not in items.column("member")[int(row)].as_py()]
    if not rows:
        return
    from acquisition.content import Contents

    with Contents(lambda sha256: _path_of(sha256, context)) as contents:
        for row in rows:
            kind = modality[row].as_py()
            try:
                with contents.open(items.column("blob")[row].as_py(), items.column("member")[row].as_py()) as stream:
                    code, detail = _check_audio(stream, bounds) if kind == Modality.AUDIO.value else _check_image(stream)
            except (AcquisitionError, OSError) as error:
                code, detail = f"quality.{kind}-unreadable", detail_json(error=type(error).__name__)
            if code:
                flags.add(row, code, detail=detail)


def _path_of(sha256: str, context: FilterContext) -> Path:
    own = context.external.get(sha256)
    return Path(own) if own else Path(context.blob_root) / sha256[:2] / sha256[2:]


def _check_audio(stream: IO[bytes], bounds: AudioQuality) -> tuple[str, str]:
    import soundfile

    try:
        header = soundfile.info(_seekable(stream))
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:
        return "quality.audio-unreadable", detail_json(error=type(error).__name__)
    seconds = header.frames / header.samplerate if header.samplerate else 0.0
    detail = detail_json(seconds=round(seconds, 4))
    if header.frames <= 0:
        return "quality.audio-unreadable", detail
    if seconds < bounds.min_seconds:
        return "quality.audio-too-short", detail
    if bounds.max_seconds is not None and seconds > bounds.max_seconds:
        return "quality.audio-too-long", detail
    return "", ""


def _seekable(stream: IO[bytes]) -> Any:
    """Return the stream, or its whole content where an archive can only be read forward."""
    return stream if stream.seekable() else io.BytesIO(stream.read())


def _check_image(stream: IO[bytes]) -> tuple[str, str]:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(_seekable(stream)) as image:
                image.verify()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return "quality.image-unreadable", detail_json(error=type(error).__name__)
    return "", ""

"""Looks for items that nobody can learn from: empty, damaged, too short or too long, media that cannot be opened.

Text is checked column by column with Arrow kernels (about 1 µs per document of 1 KB); media files are opened one by one
and only their headers are read, so a file whose header is sound and whose body is damaged is not found.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from acquisition.errors import AcquisitionError
from acquisition.filters.flags import FlagRows, detail_json
from acquisition.model import Modality
from acquisition.protocols import Filter, FilterContext
from acquisition.settings import FilterSettings, Seconds, Settings

# UTF-8 that was read as cp1252 or latin-1: a lead byte shown as Â or Ã followed by a continuation byte, or â€ and a third.
_MOJIBAKE: Final = (
    "[\u00c2\u00c3][\u0080-\u00bf\u0152-\u0178\u2013-\u203a\u20ac\u2122]|\u00e2\u20ac[\u0080-\u00bf\u0152-\u2122]"
)
_DAMAGE: Final = "\ufffd|[\\x00-\\x08\\x0e-\\x1f\\x7f]|" + _MOJIBAKE
_EMPTY_FIELDS: Final = r'^\{(?:"(?:[^"\\]|\\.)*":(?:"\s*"|null),?)*\}$'


class TextQuality(Settings):
    """Bounds for texts; what is counted has no white space around it."""

    min_chars: int = Field(default=3, ge=0)
    """Fewer characters than this are too short."""
    min_words: int = Field(default=1, ge=0, le=1000)
    """Fewer words (runs without white space) than this are too short; of no use for languages written without spaces."""
    max_chars: int | None = Field(default=None, ge=1)
    """More characters than this are too long."""
    damaged_share: float = Field(default=0.01, ge=0, le=1)
    """From this share of damaged characters on (replacement characters, control characters, mojibake) a text is flagged."""


class AudioQuality(Settings):
    """Bounds for recordings."""

    min_seconds: Seconds = 0.02
    max_seconds: Seconds | None = None


class QualitySettings(FilterSettings):
    """Bounds per kind of sample."""

    text: TextQuality = TextQuality()
    audio: AudioQuality = AudioQuality()


class Quality(Filter):
    """Flags items that are empty, undecodable, too short or too long."""

    name: ClassVar[str] = "quality"
    version: ClassVar[int] = 1
    Settings: ClassVar[type[FilterSettings]] = QualitySettings
    codes: ClassVar[Mapping[str, str]] = {
        "quality.empty": "There is nothing in the item: no bytes, only white space, or only empty columns.",
        "quality.undecodable": "The text holds replacement or control characters or mojibake; the score is their share.",
        "quality.too-short": "The text has fewer characters or words than filters.quality.text asks for.",
        "quality.too-long": "The text has more characters than filters.quality.text allows.",
        "quality.audio-unreadable": "The recording cannot be opened, or its header promises no frames.",
        "quality.audio-too-short": "The recording lasts less than filters.quality.audio.min_seconds.",
        "quality.audio-too-long": "The recording lasts longer than filters.quality.audio.max_seconds.",
        "quality.image-unreadable": "The picture cannot be opened.",
    }

    def __init__(self, settings: FilterSettings, context: FilterContext) -> None:
        if not isinstance(settings, QualitySettings):
            settings = QualitySettings()
        self._text, self._audio = settings.text, settings.audio
        self._context = context

    def flag(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Return flags for a batch; opens one file per audio or image item."""
        flags = FlagRows(items)
        empty = _empty(items)
        flags.add_all(np.flatnonzero(empty), "quality.empty")
        self._flag_texts(items, empty, flags)
        self._flag_media(items, empty, flags)
        return flags.batch()

    def not_checked(self) -> tuple[str, ...]:
        """Return what this filter cannot see."""
        return (
            "quality: of media files only the headers were read, so damage further inside was not looked for",
            "quality: silence, noise, blur and wrong labels were not looked for",
        )

    def _flag_texts(self, items: pa.RecordBatch, empty: np.ndarray, flags: FlagRows) -> None:
        texts = items.column("text")
        if texts.null_count == len(texts):
            return
        samples = _mask(pc.equal(items.column("modality"), Modality.TEXT.value)) & ~empty
        trimmed = pc.utf8_trim_whitespace(texts)
        length = pc.utf8_length(trimmed).fill_null(0).to_numpy(zero_copy_only=False)
        short = length < self._text.min_chars
        if self._text.min_words > 1:
            enough = rf"^(?:\S+\s+){{{self._text.min_words - 1}}}\S"
            short |= ~_mask(pc.match_substring_regex(trimmed, enough))
        for row in np.flatnonzero(short & samples):
            flags.add(int(row), "quality.too-short", field="text", detail=detail_json(chars=int(length[row])))
        if self._text.max_chars is not None:
            for row in np.flatnonzero((length > self._text.max_chars) & samples):
                flags.add(int(row), "quality.too-long", field="text", detail=detail_json(chars=int(length[row])))
        self._flag_damage(texts, flags)

    def _flag_damage(self, texts: pa.Array, flags: FlagRows) -> None:
        rows = np.flatnonzero(_may_be_damaged(texts))
        if not len(rows):
            return
        suspects = texts.take(pa.array(rows))
        damaged = pc.count_substring_regex(suspects, _DAMAGE).to_numpy(zero_copy_only=False)
        share = damaged / np.maximum(pc.utf8_length(suspects).to_numpy(zero_copy_only=False), 1)
        for at in np.flatnonzero((damaged > 0) & (share >= self._text.damaged_share)):
            detail = detail_json(damaged=int(damaged[at]))
            flags.add(int(rows[at]), "quality.undecodable", score=min(1.0, float(share[at])), field="text", detail=detail)

    def _flag_media(self, items: pa.RecordBatch, empty: np.ndarray, flags: FlagRows) -> None:
        modality = items.column("modality")
        media = _mask(pc.is_in(modality, pa.array([Modality.AUDIO.value, Modality.IMAGE.value]))) & ~empty
        # A fragment ("#…") is a cell of a table of pixels that its reader has already decoded.
        rows = [row for row in np.flatnonzero(media) if "#" not in items.column("member")[row].as_py()]
        if not rows:
            return
        from acquisition.content import Contents

        with Contents(self._path_of) as contents:
            for row in rows:
                blob, member = items.column("blob")[row].as_py(), items.column("member")[row].as_py()
                check = self._check_audio if modality[row].as_py() == Modality.AUDIO.value else _check_image
                try:
                    with contents.open(blob, member) as stream:
                        code, detail = check(stream)
                except (AcquisitionError, OSError) as error:
                    code, detail = f"quality.{modality[row].as_py()}-unreadable", detail_json(error=type(error).__name__)
                if code:
                    flags.add(int(row), code, detail=detail)

    def _path_of(self, sha256: str) -> Path:
        own = self._context.external.get(sha256)
        return Path(own) if own else Path(self._context.blob_root) / sha256[:2] / sha256[2:]

    def _check_audio(self, stream: IO[bytes]) -> tuple[str, str]:
        import soundfile

        try:
            header = soundfile.info(_seekable(stream))
        except (soundfile.LibsndfileError, TypeError, ValueError) as error:
            return "quality.audio-unreadable", detail_json(error=type(error).__name__)
        seconds = header.frames / header.samplerate if header.samplerate else 0.0
        detail = detail_json(seconds=round(seconds, 4))
        if header.frames <= 0:
            return "quality.audio-unreadable", detail
        if seconds < self._audio.min_seconds:
            return "quality.audio-too-short", detail
        if self._audio.max_seconds is not None and seconds > self._audio.max_seconds:
            return "quality.audio-too-long", detail
        return "", ""


def _mask(values: pa.Array) -> np.ndarray:
    return np.asarray(values.fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)


def _empty(items: pa.RecordBatch) -> np.ndarray:
    """Return a mask: no bytes, a text of white space, or a table row whose columns are all empty."""
    modality = items.column("modality")
    empty = _mask(pc.equal(items.column("size"), 0))
    texts = items.column("text")
    blank = ~_mask(pc.match_substring_regex(texts, r"\S"))
    empty |= _mask(pc.equal(modality, Modality.TEXT.value)) & blank
    fields = items.column("fields")
    table = _mask(pc.equal(modality, Modality.TABLE.value))
    if table.any():
        bare = _mask(pc.is_null(fields)) | _mask(pc.match_substring_regex(fields, _EMPTY_FIELDS))
        empty |= table & blank & bare
    return empty


def _may_be_damaged(texts: pa.Array) -> np.ndarray:
    """Return a mask that is True for every text with a character outside ASCII or with a control character.

    Both are read off lengths and raw bytes; only these texts need the regular expression.
    """
    suspects = _mask(pc.not_equal(pc.binary_length(texts), pc.utf8_length(texts)))
    data = texts.buffers()[2]
    if data is None:
        return suspects
    octets = np.frombuffer(data, dtype=np.uint8)
    if bool(((octets < 0x09) | ((octets > 0x0D) & (octets < 0x20)) | (octets == 0x7F)).any()):
        suspects |= _mask(pc.match_substring_regex(texts, r"[\x00-\x08\x0e-\x1f\x7f]"))
    return suspects


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

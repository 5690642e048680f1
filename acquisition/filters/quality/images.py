"""Judges pictures by their looks: pure rules, no decoding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from acquisition.filters.flags import detail_json
from acquisition.filters.media.images import ImageLook
from acquisition.settings import Settings

CODES: Final[Mapping[str, str]] = {
    "quality.image-undecodable": "The picture cannot be decoded; the detail has the decoder's words.",
    "quality.image-truncated": "The picture's data end before its pixels do.",
    "quality.image-not-checked": "The picture was not decoded: too large, or a format that is not opened (vector graphics).",
    "quality.image-tiny": "The shorter side has fewer pixels than filters.quality.image.min_side.",
    "quality.image-blank": "Nearly all pixels have one tone, or there is next to no contrast.",
    "quality.image-blurry": "Even the sharpest parts change slowly from pixel to pixel; 0.5 where nothing could.",
    "quality.image-dark": "The mean is near black and there is little contrast.",
    "quality.image-bright": "The mean is near white and there is little contrast.",
    "quality.image-aspect": "One side is longer than the other by more than filters.quality.image.max_aspect.",
    "quality.image-small-file": "The file has very few bytes for its pixels: little is left of the picture.",
    "quality.image-large-file": "The file has more bytes than its pixels take uncompressed: something else is in it.",
}

_FLAT: Final = 0.12
"""Contrast above which dark or bright pictures are what they show: stars, a page of text."""
_JUDGED_SIDE: Final = 64
_EXCESS: Final = 65_536


class ImageQuality(Settings):
    """Bounds for pictures."""

    min_side: int = Field(default=32, ge=1)
    """Pixels of the shorter side below which a picture is tiny."""
    max_aspect: float = Field(default=5.0, gt=1)
    """Longer side by shorter side beyond which the aspect is extreme."""
    uniform: float = Field(default=0.998, gt=0, le=1)
    """Share of pixels in one tone from which on a picture is blank."""
    contrast: float = Field(default=0.015, ge=0, le=1)
    """Standard deviation of luma below which a picture is blank, whatever its noise."""
    blurry: float = Field(default=0.1, ge=0, le=1)
    """Detail (`media.ImageLook.detail`) below which a picture is blurry."""
    dark: float = Field(default=0.06, ge=0, le=1)
    """Mean brightness below which a picture of little contrast is dark."""
    bright: float = Field(default=0.95, ge=0, le=1)
    """Mean brightness above which a picture of little contrast is bright."""
    min_bits: float = Field(default=0.1, ge=0)
    """Bits per pixel below which a file is small for its pixels."""
    max_bits: float = Field(default=40.0, gt=0)
    """Bits per pixel above which a file is large for its pixels, if that is more than 64 KB too many."""


def judged(look: ImageLook, settings: ImageQuality) -> list[tuple[str, float, str]]:
    """Return (code, score, detail) for everything that is noticed of a picture."""
    if look.error:
        return [_failed(look)]
    return [*_shape(look, settings), *_content(look, settings), *_file(look, settings)]


def blank(look: ImageLook, settings: ImageQuality) -> bool:
    """Say whether a picture shows nothing; its file is small for that reason, and no outlier."""
    return look.uniform >= settings.uniform or look.contrast < settings.contrast


def _failed(look: ImageLook) -> tuple[str, float, str]:
    detail = detail_json(error=look.error, note=look.note, width=look.width, height=look.height)
    if look.error in {"too-large", "vector"}:
        return "quality.image-not-checked", 1.0, detail
    return ("quality.image-truncated" if look.error == "truncated" else "quality.image-undecodable"), 1.0, detail


def _shape(look: ImageLook, settings: ImageQuality) -> list[tuple[str, float, str]]:
    found = []
    short, long = sorted((look.width, look.height))
    detail = detail_json(width=look.width, height=look.height)
    if short < settings.min_side:
        found.append(("quality.image-tiny", 1.0, detail))
    if long > settings.max_aspect * short:
        found.append(("quality.image-aspect", 1.0, detail))
    return found


def _content(look: ImageLook, settings: ImageQuality) -> list[tuple[str, float, str]]:
    tones = detail_json(brightness=round(look.brightness, 4), contrast=round(look.contrast, 4), uniform=round(look.uniform, 4))
    if blank(look, settings):
        return [("quality.image-blank", 1.0, tones)]
    found = []
    if look.brightness < settings.dark and look.contrast < _FLAT:
        found.append(("quality.image-dark", 1.0, tones))
    if look.brightness > settings.bright and look.contrast < _FLAT:
        found.append(("quality.image-bright", 1.0, tones))
    if min(look.width, look.height) >= _JUDGED_SIDE and look.detail < settings.blurry:
        measured = detail_json(detail=round(look.detail, 4), sharpness=round(look.sharpness, 2))
        found.append(("quality.image-blurry", 1.0 if look.detail else 0.5, measured))
    return found


def _file(look: ImageLook, settings: ImageQuality) -> list[tuple[str, float, str]]:
    bits = bits_per_pixel(look)
    detail = detail_json(bits_per_pixel=round(bits, 4))
    if bits < settings.min_bits and not blank(look, settings):
        return [("quality.image-small-file", 1.0, detail)]
    if bits > settings.max_bits and (bits - settings.max_bits) / bits * look.size > _EXCESS:
        return [("quality.image-large-file", 1.0, detail)]
    return []


def bits_per_pixel(look: ImageLook) -> float:
    """Return the file's bits per pixel of its first frame, 0 where nothing was decoded; for outliers over the whole set."""
    return 8 * look.size / max(look.width * look.height * max(look.frames, 1), 1) if not look.error else 0.0

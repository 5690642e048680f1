"""What a picture looks like: one decoding, every figure that filters ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import xxhash

from acquisition.filters.media import hashes
from acquisition.filters.media.decoding import Picture, Undecodable, decode, strips

if TYPE_CHECKING:
    from PIL import Image

THUMB: Final = 32
TINT: Final = 8
_FIELDS: Final = 8
_TONES: Final = np.arange(256, dtype=np.float64)
_GREY_SIDE: Final = 512
"""A picture is reduced by whole numbers as long as its shorter side keeps this many pixels, then measured."""


@dataclass(frozen=True, slots=True)
class ImageLook:
    """The figures of one picture. With an `error` only what the header said is known.

    width, height, mode, format, frames: as stored, width and height upright; `size` in bytes.
    pixels: 128 bits (xxh3) of the upright RGB or RGBA picture and its size, so that lossless copies in any format agree.
    pdq, dhash: eight forms of 32 and 8 bytes, as it stands first; pdq_quality 0..100; insets: both of its inner parts
    (`media.hashes`).
    thumb: 32 × 32 luma octets; tint: 8 × 8 × (blue, red difference) octets around 128.
    brightness, contrast: mean and standard deviation of luma, 0..1.
    sharpness: variance of the Laplacian (luma 0..255) of the picture reduced towards 512 pixels on its shorter side.
    detail: how much of the change over four pixels happens within one where the picture is sharpest: blurred .06 to .1,
    sharp .12 to 1 (`_detail`).
    uniform: share of pixels within one step of the commonest tone.
    error: "" or undecodable, truncated, vector, too-large, missing; note: the decoder's own words.
    """

    size: int
    width: int = 0
    height: int = 0
    mode: str = ""
    format: str = ""
    frames: int = 0
    pixels: bytes = b""
    pdq: bytes = b""
    pdq_quality: int = 0
    dhash: bytes = b""
    insets: bytes = b""
    thumb: bytes = b""
    tint: bytes = b""
    brightness: float = 0.0
    contrast: float = 0.0
    sharpness: float = 0.0
    detail: float = 0.0
    uniform: float = 0.0
    error: str = ""
    note: str = ""


def look_at_image(data: bytes) -> ImageLook:
    """Decode and measure a picture. Never raises; memory is bounded by `decoding.MAX_PIXELS`."""
    try:
        picture = decode(data)
    except Undecodable as refused:
        width, height = refused.size
        return ImageLook(len(data), width, height, format=refused.kind, error=refused.error, note=refused.note)
    except MemoryError:
        return ImageLook(len(data), error="too-large", note="not enough memory")
    return _measured(picture, len(data))


def _measured(picture: Picture, size: int) -> ImageLook:
    width, height = picture.image.size
    luma = _luma(picture.image)
    grey = _grey(luma)
    samples = hashes.reduced(grey)
    counts = np.asarray(luma.histogram(), dtype=np.float64)
    brightness, contrast, uniform = _tones(counts)
    return ImageLook(
        size=size,
        width=width,
        height=height,
        mode=picture.mode,
        format=picture.format,
        frames=picture.frames,
        pixels=_digest(picture),
        pdq=hashes.pdq(samples),
        pdq_quality=hashes.pdq_quality(samples) if min(grey.shape) >= 5 else 0,
        dhash=hashes.dhash(samples),
        insets=hashes.insets(samples),
        thumb=hashes.thumb(samples, THUMB),
        tint=_tint(picture.image),
        brightness=brightness,
        contrast=contrast,
        sharpness=_sharpness(grey),
        detail=_detail(grey),
        uniform=uniform,
    )


def _digest(picture: Picture) -> bytes:
    """Return 16 bytes of xxh3 over size, kind and pixels; opaque pictures by RGB alone, which is the same information."""
    image = picture.image
    hashed = xxhash.xxh3_128(f"{image.mode} {image.width} {image.height}".encode())
    if picture.deep is not None:
        values = picture.deep
        hashed.update(f" {values.dtype.kind}{values.dtype.itemsize} ".encode())
        hashed.update(np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"))).data)
    for strip in strips(image):
        hashed.update(strip)
    return hashed.digest()


def _luma(image: Image.Image) -> Image.Image:
    """Return luma (ITU-R 601), on white where the picture is transparent, on black where it would vanish on white."""
    from PIL import Image

    if image.mode == "RGB":
        return image.convert("L")
    grey, alpha = image.convert("RGB").convert("L"), image.getchannel("A")
    for paper in (255, 0):
        laid = Image.composite(grey, Image.new("L", image.size, paper), alpha)
        low, high = laid.getextrema()
        if high != low:
            break
    return laid


def _grey(luma: Image.Image) -> np.ndarray:
    factor = min(luma.size) // _GREY_SIDE
    return np.asarray(luma.reduce(factor) if factor > 1 else luma)


def _tones(counts: np.ndarray) -> tuple[float, float, float]:
    """Return mean and standard deviation, 0..1, and the largest share of three neighbouring tones, from 256 counts."""
    total = counts.sum()
    mean = float(counts @ _TONES / total)
    spread = float(np.sqrt(max(counts @ (_TONES - mean) ** 2 / total, 0.0)))
    near = np.concatenate([counts[:2], counts[:-2], counts[-2:]])
    near[2:-2] += counts[1:-1] + counts[2:]
    near[1] += near[0]
    near[-2] += near[-1]
    return mean / 255, spread / 255, float(near.max() / total)


def _sharpness(grey: np.ndarray) -> float:
    """Return the variance of the Laplacian, taken from every fourth row."""
    if min(grey.shape) < 4:
        return 0.0
    count = len(range(1, grey.shape[0] - 1, 4))
    above, inner, below = (_every_fourth(grey, first, count) for first in range(3))
    laplacian = inner * 4
    laplacian -= above
    laplacian -= below
    flat, middle = laplacian.reshape(-1), inner.reshape(-1)
    flat[1:-1] -= middle[:-2]  # rows run into each other: the wrong values at their ends are taken out
    flat[1:-1] -= middle[2:]
    laplacian[:, [0, -1]] = 0
    total = count * (grey.shape[1] - 2)
    return float(np.dot(flat, flat) / total - (flat.sum(dtype=np.float64) / total) ** 2)


def _detail(grey: np.ndarray) -> float:
    """Return how much of the change over four pixels happens within one, where the picture changes most.

    A straight slope has 1/16, an edge of one pixel about 1; the 90th percentile of the stronger of 8 × 8 fields counts, so that
    a sharp subject before a soft background is sharp. White noise, as strong as in the quietest fields, is taken off both.
    0 where nothing changes enough to tell.
    """
    if min(grey.shape) < _FIELDS * 8:
        return 1.0
    down = len(range(4, grey.shape[0], 4))
    rows, after = _every_fourth(grey, 0), _every_fourth(grey, 1, down)
    near = np.concatenate([_fields(_across(rows, 1)), _fields(after - rows[:down])])
    far = np.concatenate([_fields(_across(rows, 4)), _fields(rows[1:] - rows[:down])])
    strong = far >= max(float(far.max()) / 10, 4.0)
    floor = float(np.sort(near)[len(near) // 10])
    if (clear := far > 8 * floor).any():
        strong &= clear
    else:
        floor = 0.0  # fine structure everywhere: nothing tells it from noise
    if not strong.any():
        return 0.0
    shares = np.sort((near[strong] - floor) / (far[strong] - floor))
    return float(shares[len(shares) * 9 // 10])


def _every_fourth(grey: np.ndarray, first: int, count: int | None = None) -> np.ndarray:
    """Return every fourth row from one on, side by side in memory, where adding and subtracting is twice as fast."""
    return np.asarray(grey[first::4][:count].astype(np.float32, order="C"))


def _across(rows: np.ndarray, step: int) -> np.ndarray:
    """Return the change over so many pixels of each row, up to the last four."""
    changes, flat = np.empty_like(rows), rows.reshape(-1)
    np.subtract(flat[step:], flat[:-step], out=changes.reshape(-1)[:-step])
    return changes[:, :-4]


def _fields(change: np.ndarray) -> np.ndarray:
    """Return the mean square of 8 × 8 fields, without the last few rows and columns that fill none."""
    rows, columns = change.shape[0] // _FIELDS, change.shape[1] // _FIELDS
    fields = change[: rows * _FIELDS, : columns * _FIELDS].reshape(_FIELDS, rows, _FIELDS, columns)
    return np.asarray(np.einsum("arbc,arbc->ab", fields, fields) / (rows * columns)).reshape(-1)


def _tint(image: Image.Image) -> bytes:
    """Return mean colour differences of 8 × 8 fields, from 32 × 32 single pixels: colour is compared roughly."""
    from PIL import Image

    small = image.resize((32, 32), Image.Resampling.NEAREST).convert("YCbCr")
    sums = np.einsum("arbck->abk", np.asarray(small, dtype=np.float32).reshape(TINT, 4, TINT, 4, 3)[..., 1:])
    return bytes(np.rint(sums / 16).astype(np.uint8))

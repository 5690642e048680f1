"""Turns the bytes of a picture from anywhere into pixels, with limits. Pillow decodes; this decides what it may see.

Only formats whose decoders run inside this process are opened (Pillow would start Ghostscript for PostScript); SVG is a program
that draws and is not run. Sizes are judged before anything is decoded, and a picture is decoded once, at full size.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

MAX_BYTES: Final = 100_000_000
"""Compressed bytes of a picture that is looked at."""
MAX_PIXELS: Final = 64_000_000
"""Pixels of a picture that is decoded: 256 MB while it is. Larger ones are not checked, and that is said."""
MAX_SCANNED: Final = 20 * MAX_PIXELS
"""Pixels times scans of a progressive JPEG; a hundred kilobytes can ask for thousands of passes over a large picture."""
_SCAN: Final = b"\xff\xda\x00"
"""Begins the header of a scan: the marker, and the upper octet of a length that is 14 at most (ITU-T T.81, B.2.3)."""
_LEAST_SCAN: Final = 10
"""Bytes of such a header with one component."""
_PLUGINS: Final = {
    "AVIF": "Avif",
    "BMP": "Bmp",
    "DIB": "Bmp",
    "GIF": "Gif",
    "ICO": "Ico",
    "JPEG": "Jpeg",
    "JPEG2000": "Jpeg2K",
    "PNG": "Png",
    "PPM": "Ppm",
    "QOI": "Qoi",
    "TGA": "Tga",
    "TIFF": "Tiff",
    "WEBP": "WebP",
}
"""Pillow's formats that are opened, and the modules that know them."""
_TURNS: Final = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""EXIF orientation to PIL.Image.Transpose."""


class Undecodable(Exception):
    """A picture or recording that gives nothing to measure: a kebab-case word for why, and the decoder's own."""

    def __init__(self, error: str, note: str = "", size: tuple[int, int] = (0, 0), kind: str = "") -> None:
        super().__init__(note)
        self.error = error
        self.note = note
        self.size = size
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture, upright: RGB, RGBA (colours of invisible pixels zeroed) or, of 16 bits and more, `deep` values."""

    image: Image.Image
    mode: str
    format: str
    frames: int
    deep: np.ndarray | None = None


def decode(data: bytes) -> Picture:
    """Decode the first frame of a picture; Undecodable says why there is none. Raises nothing else."""
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about damaged metadata, and of sizes that are judged here
        try:
            image = Image.open(io.BytesIO(data), formats=_formats())
        except UnidentifiedImageError as error:
            raise Undecodable(_shape(data), "no known picture format") from error
        except Image.DecompressionBombError as error:
            raise Undecodable("too-large", "more pixels than are decoded") from error
        except Exception as error:  # decoders raise whatever the damaged bytes lead them to
            raise Undecodable("undecodable", f"{type(error).__name__}: {error}"[:200]) from error
        _judge(image, data)
        return _loaded(image, len(data))


@cache
def _formats() -> tuple[str, ...]:
    from PIL import Image

    logging.getLogger("PIL").addHandler(logging.NullHandler())  # or damaged files speak on stderr
    for plugin in set(_PLUGINS.values()):
        import_module(f"PIL.{plugin}ImagePlugin")
    return tuple(name for name in _PLUGINS if name in Image.OPEN)


def _judge(image: Image.Image, data: bytes) -> None:
    width, height = image.size
    kind = image.format or ""
    if width < 1 or height < 1:
        raise Undecodable("undecodable", "no pixels", image.size, kind)
    if width * height > MAX_PIXELS or _scanned(width * height, data, kind) > MAX_SCANNED:
        raise Undecodable("too-large", f"{width:,} × {height:,} pixels are not decoded", image.size, kind)


def _scanned(pixels: int, data: bytes, kind: str) -> int:
    """Return pixels times scans of a JPEG; they are counted only where the most there is room for are too many."""
    if kind not in {"JPEG", "MPO"}:
        return pixels
    most = pixels * (len(data) // _LEAST_SCAN + 1)
    return most if most <= MAX_SCANNED else pixels * data.count(_SCAN)


def _loaded(image: Image.Image, size: int) -> Picture:
    mode, kind = image.mode, image.format or ""
    try:
        image.load()
    except Exception as error:  # decoders raise whatever the damaged bytes lead them to
        cut = "truncated" in str(error).lower() or isinstance(error, EOFError)
        note = f"{type(error).__name__}: {error}"[:200]
        raise Undecodable("truncated" if cut else "undecodable", note, image.size, kind) from error
    try:
        deep = np.asarray(image) if mode[0] in "IF" else None
        frames = _frames(image, size)
        upright = _upright(_coloured(image, deep), image)
    except Exception as error:  # palettes and tables may be as damaged as pixels
        raise Undecodable("undecodable", f"{type(error).__name__}: {error}"[:200], image.size, kind) from error
    return Picture(upright, mode, kind, frames, deep)


def _coloured(image: Image.Image, deep: np.ndarray | None) -> Image.Image:
    """Return the picture in RGB or RGBA; deeper grey values by their upper 8 bits, floating ones from least to most."""
    from PIL import Image

    if deep is not None:
        return Image.fromarray(_shallow(deep)).convert("RGB")
    if image.mode == "RGB":
        return image
    if not image.has_transparency_data:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    alpha = clear.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return clear.convert("RGB")
    seen = alpha.point([0] + [255] * 255)
    return Image.composite(clear, Image.new("RGBA", clear.size), seen)


def _shallow(deep: np.ndarray) -> np.ndarray:
    if deep.dtype.kind == "f":
        finite = np.nan_to_num(deep, nan=0.0, posinf=0.0, neginf=0.0)
        low, high = float(finite.min()), float(finite.max())
        octets = (finite - low) * (255.0 / (high - low) if high > low else 0.0)
    else:
        octets = np.clip(deep.astype(np.int64) >> 8, 0, 255)
    return np.asarray(octets, dtype=np.uint8)


def _upright(image: Image.Image, source: Image.Image) -> Image.Image:
    from PIL import Image

    try:
        turn = _TURNS.get(source.getexif().get(0x0112, 1))
    except Exception:  # noqa: BLE001  # metadata of any damage: then the picture stands as it is
        turn = None
    return image if turn is None else image.transpose(Image.Transpose(turn))


def _frames(image: Image.Image, size: int) -> int:
    """Count frames; at least two where counting would mean to read a large animation through."""
    if not getattr(image, "is_animated", False):
        return 1
    if size > 20_000_000:
        return 2
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # noqa: BLE001  # damage behind the first frame, which has been decoded
        return 2


def _shape(data: bytes) -> str:
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith((b"%!PS", b"%PDF")) or b"<svg" in head:
        return "vector"
    return "undecodable"


def strips(image: Image.Image) -> Iterator[bytes]:
    """Yield the pixels row by row in pieces of a few megabytes, so that a large picture is not held twice."""
    width, height = image.size
    step = max(1, 1_000_000 // width)
    for top in range(0, height, step):
        whole = top == 0 and step >= height
        yield (image if whole else image.crop((0, top, width, min(height, top + step)))).tobytes()

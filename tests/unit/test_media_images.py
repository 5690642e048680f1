"""media.images: what is measured of a picture, whatever bytes claim to be one."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from acquisition.filters.media import decoding, hashes
from acquisition.filters.media.images import ImageLook, look_at_image


def scene(seed: int = 0, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """Return a picture with structure at all scales, the same for the same seed."""
    width, height = size
    draws = np.random.default_rng(seed)
    spectrum = np.fft.fft2(draws.normal(size=(height, width, 3)), axes=(0, 1))
    distance = np.hypot(*np.meshgrid(np.fft.fftfreq(width), np.fft.fftfreq(height)))
    field = np.fft.ifft2(spectrum / (distance[:, :, None] + 0.02), axes=(0, 1)).real
    field = (field - field.min()) / np.ptp(field) * 255
    return Image.fromarray(field.astype(np.uint8))


def packed(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Return the bytes of a picture in a format."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def seen(image: Image.Image, kind: str = "PNG", **options: Any) -> ImageLook:
    """Pack a picture and look at it."""
    return look_at_image(packed(image, kind, **options))


def apart(left: bytes, right: bytes) -> int:
    """Return in how many bits two hashes differ."""
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).bit_count()


def test_lossless_copies_share_their_pixels() -> None:
    """PNG, BMP, TIFF, lossless WebP, PPM and an opaque RGBA picture have one digest; another pixel has another."""
    image = scene()
    kinds: list[tuple[str, dict[str, Any]]] = [("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("PPM", {})]
    digests = {seen(image).pixels, *(seen(image, kind, **options).pixels for kind, options in kinds)}
    digests.add(seen(image.convert("RGBA")).pixels)
    assert len(digests) == 1
    assert len(digests.pop()) == 16
    changed = image.copy()
    changed.putpixel((0, 0), (1, 2, 3))
    assert seen(changed).pixels != seen(image).pixels


def test_grey_and_palette_are_the_picture_that_they_show() -> None:
    """A grey picture has the digest of its RGB form, a palette picture that of its colours, a bitmap that of its grey one."""
    grey = scene().convert("L")
    assert seen(grey).pixels == seen(grey.convert("RGB")).pixels
    palette = scene().quantize(64)
    assert seen(palette).pixels == seen(palette.convert("RGB")).pixels
    bitmap = scene().convert("1")
    assert seen(bitmap).pixels == seen(bitmap.convert("L")).pixels


def test_shape_is_part_of_the_pixels() -> None:
    """The same bytes as 8 × 2 and as 4 × 4 pixels are two pictures."""
    octets = bytes(range(48))
    assert seen(Image.frombytes("RGB", (8, 2), octets)).pixels != seen(Image.frombytes("RGB", (4, 4), octets)).pixels


def test_what_nobody_sees_is_no_difference() -> None:
    """The colour of invisible pixels changes no digest; how visible a pixel is does."""
    clear = scene().convert("RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 40, 40))
    other = clear.copy()
    other.paste((200, 10, 10, 0), (0, 0, 40, 40))
    assert seen(clear).pixels == seen(other).pixels
    half = clear.copy()
    half.paste((0, 0, 0, 128), (0, 0, 40, 40))
    assert seen(half).pixels != seen(clear).pixels


def test_depth_beyond_eight_bits_counts() -> None:
    """Two 16-bit pictures that differ in a low byte only have two digests and one look."""
    values = (np.arange(64 * 64, dtype=np.uint16) * 16).reshape(64, 64)
    first, second = (seen(Image.fromarray(each)) for each in (values, values + 1))
    assert first.mode.startswith("I")
    assert first.pixels != second.pixels
    assert first.pdq == second.pdq


def test_orientation_is_applied() -> None:
    """A picture stored on its side with an EXIF mark is the upright picture: digest, size and hashes."""
    image = scene()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    turned = image.transpose(Image.Transpose.ROTATE_90)
    assert (seen(turned, exif=exif).pixels, seen(turned, exif=exif).width) == (seen(image).pixels, 160)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "LAB", "LA", "RGBA", "L", "1", "P", "F", "I"])
def test_every_mode_is_measured(mode: str) -> None:
    """Pictures of every mode that TIFF can hold, or PNG, are decoded and hashed."""
    source = scene().convert("L").convert("RGBA" if mode == "LA" else "L") if mode in {"F", "I"} else scene()
    kind = "PNG" if mode in {"LA", "P"} else "TIFF"
    look = seen(source.convert(mode), kind)
    assert (look.error, look.width, len(look.pdq), len(look.dhash)) == ("", 160, 256, 64)


def test_dihedral_forms_are_those_of_the_turned_pictures() -> None:
    """Each form of both hashes is nearly the first form of the turned picture; PDQ itself samples a little off centre."""
    image, transpose = scene(4, (512, 512)), Image.Transpose
    turns = [transpose.ROTATE_90, transpose.ROTATE_180, transpose.ROTATE_270]
    turns += [transpose.FLIP_LEFT_RIGHT, transpose.FLIP_TOP_BOTTOM, transpose.TRANSPOSE, transpose.TRANSVERSE]
    look = seen(image)
    for form, turn in enumerate(turns, start=1):
        turned = seen(image.transpose(turn))
        assert apart(look.pdq[32 * form : 32 * form + 32], turned.pdq[:32]) <= 44, turn
        assert apart(look.dhash[8 * form : 8 * form + 8], turned.dhash[:8]) <= 8, turn
        assert apart(look.pdq[:32], turned.pdq[:32]) > 80, turn


@pytest.mark.parametrize("size", [(64, 64), (129, 97), (500, 375), (640, 480), (1000, 700), (90, 1000), (5, 7)])
def test_pdq_is_the_reference(size: tuple[int, int]) -> None:
    """Hash, quality and all forms are those of ThreatExchange's own code, bit for bit, up to its wrong order of two forms."""
    pdqhash = pytest.importorskip("pdqhash", reason="the reference (pdqhash) has no wheel and is not installed")
    image = scene(1, size)
    samples = hashes.reduced(np.asarray(image.convert("L")))
    grey = np.asarray(image.convert("L").convert("RGB"))
    reference, quality = pdqhash.compute_dihedral(grey)
    ours = np.unpackbits(np.frombuffer(hashes.pdq(samples), np.uint8).reshape(8, 32), axis=1)
    order = [0, 1, 2, 3, 5, 4, 6, 7]
    assert [int((ours[form] != reference[other]).sum()) for form, other in enumerate(order)] == pytest.approx([0] * 8, abs=2)
    assert abs(hashes.pdq_quality(samples) - quality) <= 1


def test_insets_are_the_cropped_picture() -> None:
    """The hash of an inner part is, but for a few bits, the hash of the picture cropped there."""
    image = scene(3, (400, 300))
    inner = seen(image).insets
    for at, inset in enumerate(hashes.INSETS):
        cropped = seen(image.crop((round(400 * inset), round(300 * inset), 400 - round(400 * inset), 300 - round(300 * inset))))
        assert apart(inner[40 * at : 40 * at + 8], cropped.dhash[:8]) <= 4
        assert apart(inner[40 * at + 8 : 40 * at + 40], cropped.pdq[:32]) <= 40


def test_tones() -> None:
    """Brightness, contrast and uniformity of a white, a black and a half-and-half picture."""
    white, black = Image.new("RGB", (64, 64), "white"), Image.new("RGB", (64, 64))
    both = white.copy()
    both.paste(black.crop((0, 0, 32, 64)), (0, 0))
    looks = [seen(image) for image in (white, black, both)]
    assert [look.brightness for look in looks] == [1.0, 0.0, 0.5]
    assert [look.contrast for look in looks] == [0.0, 0.0, 0.5]
    assert [look.uniform for look in looks] == [1.0, 1.0, 0.5]


def test_detail_tells_blurred_from_sharp() -> None:
    """An edge of one pixel has detail, the same edge over many pixels has nearly that of a slope; noise changes little."""
    edges = Image.new("L", (256, 256))
    for start in range(0, 256, 32):
        edges.paste(255, (start, 0, start + 16, 256))
    from PIL import ImageFilter

    blurred = edges.filter(ImageFilter.GaussianBlur(4))
    noise = np.random.default_rng(0).normal(0, 2, (256, 256))
    noisy = Image.fromarray(np.clip(np.asarray(blurred) + noise, 0, 255).astype(np.uint8))
    assert seen(edges).detail > 0.2
    assert seen(blurred).detail < 0.09
    assert seen(noisy).detail < 0.12


@pytest.mark.parametrize("size", [(500, 375), (97, 66), (64, 64), (67, 130)])
def test_strips_and_shifts_are_the_plain_formulas(size: tuple[int, int]) -> None:
    """Samples, sharpness and changes over pixels are what whole matrices and two-dimensional differences give."""
    look = seen(scene(6, size))
    grey = np.asarray(scene(6, size).convert("L"), dtype=np.float64)
    height, width = grey.shape
    down, across = (np.vstack([strip_rows(length, at) for at in range(hashes.SIDE)]) for length in (height, width))
    assert np.abs(hashes.reduced(grey) - down @ grey @ across.T).max() < 0.01
    laplacian = 4 * grey[1:-1, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:] - grey[:-2, 1:-1] - grey[2:, 1:-1]
    assert look.sharpness == pytest.approx(laplacian[::4].var(), rel=1e-4)


def strip_rows(length: int, at: int) -> np.ndarray:
    """Return how one of PDQ's samples is made of an axis: box filter of a box filter, by the definition."""
    window = (length + 127) // 128
    box = np.zeros((length, length))
    for place in range(length):
        end = place + (window + 2) // 2
        box[place, max(0, end - window) : min(length, end)] = 1
    box /= box.sum(axis=1, keepdims=True)
    return np.asarray((box @ box)[int((at + 0.5) * length / 64)])


def test_white_on_nothing_is_seen() -> None:
    """A white drawing on transparent ground is laid on black, so that it is not blank."""
    icon = Image.new("RGBA", (64, 64), (255, 255, 255, 0))
    icon.paste((255, 255, 255, 255), (20, 20, 40, 40))
    assert seen(icon).contrast > 0.2


def test_jpeg_bytes_in_any_quality_keep_their_hash() -> None:
    """Copies of quality 90 and 30 at half size stay within ThreatExchange's advice of 31 bits."""
    image = scene(2, (400, 300))
    first, second = seen(image, "JPEG", quality=90), seen(image.resize((200, 150)), "JPEG", quality=30)
    assert apart(first.pdq[:32], second.pdq[:32]) <= 31
    assert apart(first.dhash[:8], second.dhash[:8]) <= 6
    assert first.pixels != second.pixels


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return one PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int) -> bytes:
    """Return a small PNG that claims many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 100_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


REFUSED: list[tuple[str, Callable[[], bytes], str]] = [
    ("nothing", lambda: b"", "undecodable"),
    ("text", lambda: b"no picture at all" * 100, "undecodable"),
    ("vector", lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "vector"),
    ("postscript", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "vector"),
    ("bomb", lambda: bomb(40_000, 40_000), "too-large"),
    ("just too many", lambda: bomb(8_001, 8_000), "too-large"),
    ("cut", lambda: packed(scene(), "JPEG")[:2000], "truncated"),
    ("cut png", lambda: packed(scene())[:4000], "truncated"),
    ("broken", lambda: packed(scene())[:60] + b"\xff" * 4000, "undecodable"),
]


@pytest.mark.parametrize(("name", "made", "error"), REFUSED, ids=[case[0] for case in REFUSED])
def test_what_gives_no_pixels_says_why(name: str, made: Callable[[], bytes], error: str) -> None:
    """Nothing, text, vector graphics, bombs, cut and broken pictures have a word for it, and no digest and no hash."""
    look = look_at_image(made())
    assert (look.error, look.pixels, look.pdq, bool(look.note)) == (error, b"", b"", True)


def test_a_jpeg_of_many_scans_is_refused() -> None:
    """A progressive JPEG whose scans would pass over many pixels again and again is not decoded."""
    data = packed(Image.linear_gradient("L").resize((2000, 2000)), "JPEG", progressive=True)
    marker = data.index(b"\xff\xda")
    many = data[:marker] + data[marker : marker + 12] * 400 + data[marker:]
    assert look_at_image(many).error == "too-large"
    assert decoding.MAX_SCANNED < 4_000_000 * 400


def test_animations_are_counted() -> None:
    """The first frame of an animation is measured and the number of frames is known."""
    frames = [scene(seed, (64, 64)) for seed in range(3)]
    look = seen(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (look.frames, look.error, look.format) == (3, "", "GIF")


KINDS = [packed(scene(5, (40, 30)), kind) for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")]


@settings(max_examples=150, deadline=2000)
@given(st.sampled_from(KINDS), st.data())
def test_damage_never_raises(data: bytes, draw: st.DataObject) -> None:
    """Pictures that are cut anywhere, with octets changed anywhere, give a look: figures, or an error without any."""
    end = draw.draw(st.integers(0, len(data)), label="end")
    changes = draw.draw(st.lists(st.tuples(st.integers(0, max(end - 1, 0)), st.integers(0, 255)), max_size=8), label="changes")
    damaged = bytearray(data[:end])
    for place, value in changes:
        if place < len(damaged):
            damaged[place] = value
    look = look_at_image(bytes(damaged))
    assert bool(look.error) == (not look.pixels)
    assert 0 <= look.pdq_quality <= 100
    assert np.isfinite([look.brightness, look.contrast, look.sharpness, look.detail, look.uniform]).all()

"""Folders of one's own in the demo world: pictures and their disguised copies, letters that a filter should stop at, a survey.

Everything is drawn or written here from a seed; what each file deserves stands in `planted`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from acquisition.demo.words import chance_of, note, sentences

if TYPE_CHECKING:  # drawing is done when the world is opened
    from PIL import Image

SIDE: Final = (192, 144)
SCENES: Final = 6
ROWS: Final = 160
QUESTION: Final = (
    "A ferryman carries eleven barrels across the canal, loses two of them at the sluice and buys four more at the quay; "
    "how many barrels does he unload at the lighthouse, and how many does he still owe the cooper?"
)
"""The one entry of the demo's benchmark, which stands in a letter as well."""


def album(seed: int) -> dict[str, bytes]:
    """Return six drawings as JPEG, three copies in disguise (smaller, mirrored, as PNG), and a picture of nothing."""
    from PIL import Image, ImageOps

    scenes = [_scene(seed * 100 + number) for number in range(1, SCENES + 1)]
    files = {f"scene-{number}.jpg": _saved(scene, "JPEG", quality=92) for number, scene in enumerate(scenes, start=1)}
    half = scenes[0].resize((SIDE[0] // 2, SIDE[1] // 2), Image.Resampling.LANCZOS)
    files["thumbnail.jpg"] = _saved(half, "JPEG", quality=70)
    files["mirrored.png"] = _saved(ImageOps.mirror(scenes[1]), "PNG")
    with Image.open(io.BytesIO(files["scene-3.jpg"])) as picture:
        files["same-pixels.png"] = _saved(picture.convert("RGB"), "PNG")
    files["fog.png"] = _saved(Image.new("RGB", SIDE, (200, 204, 208)), "PNG")
    return files


def _scene(seed: int) -> Image.Image:
    """Return a drawing: a sky, a shore, and some shapes before them."""
    from PIL import Image, ImageDraw, ImageFilter

    chance = chance_of(seed, "scene")
    picture = Image.linear_gradient("L").resize(SIDE).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for _ in range(26):
        left, top = chance.randrange(-20, SIDE[0]), chance.randrange(-20, SIDE[1])
        box = (left, top, left + chance.randrange(12, 70), top + chance.randrange(12, 60))
        colour = tuple(chance.randrange(256) for _ in range(3))
        chance.choice((draw.ellipse, draw.rectangle))(box, fill=colour)
    for _ in range(14):
        line = [chance.randrange(SIDE[0]), chance.randrange(SIDE[1]), chance.randrange(SIDE[0]), chance.randrange(SIDE[1])]
        draw.line(line, fill=tuple(chance.randrange(256) for _ in range(3)), width=chance.randrange(1, 4))
    grain = Image.frombytes("L", SIDE, bytes(chance.randrange(96, 160) for _ in range(SIDE[0] * SIDE[1]))).convert("RGB")
    return Image.blend(picture, grain, 0.12).filter(ImageFilter.SMOOTH)


def _saved(picture: Image.Image, form: str, **options: int) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def letters(seed: int) -> dict[str, bytes]:
    """Return six letters: two in order, and one each with markup, a benchmark's question, adult wording, and a stuck phrase."""
    chance = chance_of(seed, "letters")
    plain = [note(chance, "praise", 6) for _ in range(2)]
    rows = "".join(f'<div class="row"><p>{sentences(chance, 1)}</p><br/></div>\n' for _ in range(6))
    stuck = "The lantern is out again tonight. "
    texts = {
        "plain-1.txt": plain[0],
        "plain-2.txt": plain[1],
        "pasted.txt": f"<html><body>\n{rows}</body></html>",
        "riddle.txt": f"{sentences(chance, 3)} {QUESTION} {sentences(chance, 3)}",
        "advert.txt": f"Watch free porn videos now, only for adults: hardcore sex movies and nude cams. {sentences(chance, 1)}",
        "stuck.txt": stuck * 30,
    }
    return {name: f"{text}\n".encode() for name, text in texts.items()}


def survey(seed: int) -> bytes:
    """Return a table whose zeros stand for nothing measured, with a constant column and a town spelled in four ways."""
    chance = chance_of(seed, "survey")
    lines = ["visitor,age,glucose,unit,town,visits"]
    for number in range(ROWS):
        glucose = 0 if chance.random() < 0.2 else round(chance.gauss(120, 22))
        town = chance.choice(("Harbourton", "Harbourton", "harbourton", "HARBOURTON ", "Lower Quay", "Lower Quay", "Mill End"))
        lines.append(f"{number + 1},{chance.randrange(19, 80)},{glucose},mg/dl,{town},{chance.randrange(1, 9)}")
    return ("\n".join(lines) + "\n").encode()


def benchmark() -> bytes:
    """Return the reference set of the duplicates filter: one question, as JSON Lines."""
    return (json.dumps({"text": QUESTION}) + "\n").encode()


def planted() -> Mapping[str, object]:
    """Return what is on the shelf and what it deserves: items by source, flags, and observations as code → column."""
    return MappingProxyType(
        {
            "candidates": {"album": SCENES + 4, "letters": 6, "survey": ROWS},
            "flags": {
                "adult.text": 1,
                "duplicate.contamination": 1,
                "duplicate.normalised": 1,
                "quality.image-blank": 1,
                "quality.markup": 1,
                "quality.repetition": 1,
            },
            "near-pictures": 2,
            "observations": {
                "quality.constant-column": "unit",
                "quality.inconsistent-categories": "town",
                "quality.zeros-as-missing": "glucose",
            },
        }
    )

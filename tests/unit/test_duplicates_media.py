"""duplicates.images and duplicates.sounds: copies are found in every disguise that is promised, look-alikes are not."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from acquisition.filters.duplicates import alignment, images, sounds
from acquisition.filters.duplicates.links import HOWS, LINK_SCHEMA, NEAR
from acquisition.filters.duplicates.media import worth_of_picture, worth_of_recording
from acquisition.filters.duplicates.tables import Signatures
from acquisition.filters.media.images import ImageLook, look_at_image
from acquisition.filters.media.sounds import SoundLook, look_at_sound
from acquisition.testing import items_of
from tests.fixtures import make_media
from tests.fixtures.make_media import RATE, beat, icon, inner, jpeg, lossless, marked, page, recorded, scene, voice

PHOTO = scene(900, 320, 240)


def linked(looks: list[ImageLook] | list[SoundLook], folder: Path) -> dict[tuple[int, int], tuple[str, float]]:
    """Sign looks as items of two shards, search, and return (how, similarity) by pair."""
    room = images if isinstance(looks[0], ImageLook) else sounds
    half = (len(looks) + 1) // 2
    tables = {}
    for name, part in (("a", looks[:half]), ("b", looks[half:])):
        batch = items_of(["" for _ in part])
        columns = room.columns(batch, dict(enumerate(part)))
        tables[name] = folder / f"{name}.parquet"
        pq.write_table(pa.table(columns, schema=pa.schema(room.SCHEMA_FIELDS)), tables[name])
    links = room.links(Signatures(tables))
    assert links.schema.equals(LINK_SCHEMA)
    assert set(links.column("kind").to_pylist()) <= {NEAR}
    return {(row["a"], row["b"]): (HOWS[row["how"]], row["similarity"]) for row in links.to_pylist()}


def seen(*pictures: Image.Image) -> list[ImageLook]:
    """Look at pictures."""
    return [look_at_image(jpeg(picture, 90)) for picture in pictures]


def heard(*recordings: np.ndarray) -> list[SoundLook]:
    """Look at recordings."""
    packed = [recorded(recording) for recording in recordings]
    return [look_at_sound(io.BytesIO(data), len(data)) for data in packed]


DISGUISES = {
    "coarse": Image.open(io.BytesIO(jpeg(PHOTO, 20))),
    "half": PHOTO.resize((160, 120)),
    "stretched": PHOTO.resize((300, 300)),
    "grey": ImageOps.grayscale(PHOTO),
    "mirrored": ImageOps.mirror(PHOTO),
    "upside down": ImageOps.flip(PHOTO),
    "turned by 90": PHOTO.transpose(Image.Transpose.ROTATE_90),
    "turned by 270 and mirrored": ImageOps.mirror(PHOTO.transpose(Image.Transpose.ROTATE_270)),
    "cropped by 3 %": inner(PHOTO, 0.03),
    "cropped by 8 %": inner(PHOTO, 0.08),
    "cropped on one side": PHOTO.crop((16, 0, 320, 240)),
    "cropped and mirrored": ImageOps.mirror(inner(PHOTO, 0.05)),
    "marked": marked(PHOTO),
    "framed": ImageOps.expand(PHOTO, 12, "white"),
    "bright": ImageEnhance.Brightness(PHOTO).enhance(1.3),
    "dull": ImageEnhance.Contrast(PHOTO).enhance(0.6),
    "tilted": PHOTO.rotate(3, Image.Resampling.BICUBIC),
}


@pytest.mark.parametrize("name", DISGUISES)
def test_a_picture_is_found_in_disguise(name: str, tmp_path: Path) -> None:
    """A changed copy is linked to its original, and to nothing else, with its measured similarity."""
    found = linked(seen(PHOTO, scene(901, 320, 240), DISGUISES[name], scene(902, 320, 240)), tmp_path)
    assert list(found) == [(0, 2)]
    how, similarity = found[0, 2]
    assert how in {"pdq", "aligned"}
    assert 0.8 <= similarity <= 1.0


def test_look_alikes_are_not_linked(tmp_path: Path) -> None:
    """Unrelated scenes, forms of one template, icons, slopes, blank and noisy pictures are all alone."""
    grain = [Image.fromarray(np.random.default_rng(seed).normal(128, 2, (90, 120)).astype(np.uint8)) for seed in range(3)]
    shade = [Image.linear_gradient("L").resize((90 + 10 * step, 80)) for step in range(2)]
    blank = [Image.new("RGB", (100, 80 + step), tone) for step, tone in enumerate(("white", "black", "gray", "navy"))]
    pictures = [*(scene(seed) for seed in range(40, 60)), *(page(seed) for seed in (301, 302)), *grain, *shade, *blank]
    pictures += [icon(colour, seed) for seed, colour in enumerate(("navy", "gold", "teal", "plum"))]
    assert linked(seen(*pictures), tmp_path) == {}


def stroke(slant: float, side: int = 28) -> Image.Image:
    """Draw a slanting one, as small as handwritten digits come."""
    drawn = Image.new("L", (280, 280))
    ImageDraw.Draw(drawn).line([140 + slant, 40, 140 - slant, 240], fill=255, width=34)
    return drawn.filter(ImageFilter.GaussianBlur(8)).resize((28, 28)).resize((side, side), Image.Resampling.BICUBIC)


def test_fine_structure_is_compared_where_luma_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearly all pairs of small pictures of one kind come to be compared, so only what may be a copy is looked at closely."""
    one, other = (np.asarray(scene(seed, 32, 32).convert("L")) for seed in (1, 2))
    smooth = Mock(wraps=alignment._smooth)
    monkeypatch.setattr(alignment, "_smooth", smooth)
    fixed = np.stack([one] * 3)
    plain, fine = alignment.likeness(fixed, np.stack([one, other, np.minimum(one, 200) // 2 + 20]))
    assert plain[0] == pytest.approx(1, abs=1e-5)
    assert fine[0] == pytest.approx(1, abs=1e-5)
    assert (plain[1] < alignment.WORTH, fine[1]) == (True, -1)
    assert min(plain[2], fine[2]) > 0.9
    assert {len(call.args[0]) for call in smooth.call_args_list} == {2}


def test_small_strokes_are_told_apart(tmp_path: Path) -> None:
    """Of 28 pixels two handwritten ones are two pictures, though one can be moved over the other; an enlarged one is a copy."""
    found = linked(seen(*(stroke(slant) for slant in (10, 22, 34, 46)), stroke(34, 56)), tmp_path)
    assert found.keys() == {(2, 4)}


def test_a_drawing_in_other_colours_is_another(tmp_path: Path) -> None:
    """The same shapes in red and in blue are two icons; in grey they may be a copy of either."""
    red = ImageOps.colorize(ImageOps.grayscale(icon("white", 3)), "black", "red")
    blue = ImageOps.colorize(ImageOps.grayscale(icon("white", 3)), "black", "#4a6cff")
    found = linked([look_at_image(lossless(picture)) for picture in (red, blue, ImageOps.grayscale(red))], tmp_path)
    assert (0, 1) not in found
    assert (0, 2) in found


def test_the_index_finds_what_comparing_everything_finds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Beyond a few thousand pictures samples of bits are looked up: three in four mirrored, cropped copies are found."""
    pictures = [scene(seed) for seed in range(30)]
    copies = [ImageOps.mirror(inner(picture, 0.05)) for picture in pictures]
    looks = seen(*pictures, *copies)
    complete = linked(looks, tmp_path)
    monkeypatch.setattr(images, "_COMPLETE", 1)
    sampled = linked(looks, tmp_path)
    pairs = {(number, number + 30) for number in range(30)}
    assert len(pairs & set(complete)) >= 29
    assert len(pairs & set(sampled)) >= 0.75 * len(pairs & set(complete))


def test_many_equal_pictures_cost_little(tmp_path: Path) -> None:
    """A thousand copies of one picture are linked to one of them, not each to each."""
    looks = seen(PHOTO) * 1000
    found = linked(looks, tmp_path)
    assert len(found) == 999
    assert all(left == 0 for left, _ in found)


SOUND = voice(900, 1.5)


def resampled(sound: np.ndarray, rate: int) -> bytes:
    """Return a recording at another rate, by the Fourier transform."""
    spectrum = np.fft.rfft(sound)
    length = len(sound) * rate // RATE
    wanted = np.zeros(length // 2 + 1, complex)
    wanted[: min(len(wanted), len(spectrum))] = spectrum[: len(wanted)]
    return recorded(np.fft.irfft(wanted, length) * rate / RATE, rate=rate)


def lossy(kind: str, depth: str) -> bytes:
    """Return the sound in a format that loses some of it."""
    stream = io.BytesIO()
    soundfile.write(stream, SOUND, RATE, format=kind, subtype=depth)
    return stream.getvalue()


QUIET = np.zeros(RATE // 4)
SOUNDS = {
    "quieter": recorded(SOUND * 0.2),
    "MP3": lossy("MP3", "MPEG_LAYER_III"),
    "Vorbis": lossy("OGG", "VORBIS"),
    "at 11 kHz": resampled(SOUND, 11_025),
    "at 44 kHz": resampled(SOUND, 44_100),
    "without its beginning": recorded(SOUND[int(0.3 * RATE) + 77 :]),
    "without its end": recorded(SOUND[: -int(0.3 * RATE)]),
    "in silence": recorded(np.concatenate([QUIET, SOUND, QUIET])),
    "with noise": recorded(SOUND + np.random.default_rng(0).normal(0, 0.1 * SOUND.std(), len(SOUND))),
    "on two channels": recorded(np.stack([SOUND, SOUND * 0.5], axis=1)),
    "8 bits": recorded(SOUND, "WAV", "PCM_U8"),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_a_recording_is_found_in_disguise(name: str, tmp_path: Path) -> None:
    """A changed copy is linked to its original, and to nothing else; the similarity is 1 − 2 × bit error rate."""
    copy = look_at_sound(io.BytesIO(SOUNDS[name]), len(SOUNDS[name]))
    found = linked([*heard(SOUND, voice(901, 1.5)), copy, *heard(voice(902, 1.5))], tmp_path)
    assert list(found) == [(0, 2)]
    how, similarity = found[0, 2]
    assert how == "sound"
    assert 0.4 <= similarity <= 1.0


def test_short_beats_are_told_apart(tmp_path: Path) -> None:
    """Forty drum beats of a third of a second are forty sounds, and a quieter copy of each is found."""
    beats = [beat(seed) for seed in range(40)]
    found = linked(heard(*beats, *(sound * 0.3 for sound in beats)), tmp_path)
    assert {(left, right) for left, right in found if right < 40 or left >= 40} == set()
    assert len([pair for pair in found if pair[1] - pair[0] == 40]) >= 39


def test_silence_and_hum_are_no_copies_of_each_other(tmp_path: Path) -> None:
    """Silences, hisses and steady tones of different height are not linked."""
    time = np.arange(RATE) / RATE
    tones = [0.3 * np.sin(2 * np.pi * hertz * time) for hertz in (220, 440, 1000, 2500)]
    hiss = [np.random.default_rng(seed).normal(0, 0.1, RATE) for seed in range(3)]
    still = [np.zeros(RATE), np.zeros(RATE + 80), np.random.default_rng(9).normal(0, 1e-4, RATE)]
    assert linked(heard(*tones, *hiss, *still), tmp_path) == {}


def test_long_and_short_recordings_meet(tmp_path: Path) -> None:
    """A clip of two seconds is found although the recording that it was cut from has five."""
    long = voice(910, 5.0)
    found = linked(heard(long, long[RATE : RATE * 7 // 2]), tmp_path)
    assert list(found) == [(0, 1)]


def test_the_allowed_error_grows_with_what_is_compared() -> None:
    """Few frames must agree better than many."""
    rates = sounds.allowed(np.array([8, 32, 300]))
    assert rates.tolist() == pytest.approx([0.200, 0.260, 0.300], abs=0.001)


def test_the_fixtures_are_what_the_script_makes(tmp_path: Path) -> None:
    """Names and labels are reproduced, and the decoded content of every file, whatever the encoder's version."""
    make_media.write(tmp_path / "media.jsonl", tmp_path / "media")
    assert (tmp_path / "media.jsonl").read_bytes() == make_media.TARGET.read_bytes()
    for line in make_media.TARGET.read_text().splitlines():
        name = Path(json.loads(line)["path"]).name
        made, kept = (folder.joinpath(name).read_bytes() for folder in (tmp_path / "media", make_media.FOLDER))
        if name.endswith((".wav", ".flac")):
            assert look_at_sound(io.BytesIO(made), len(made)).samples == look_at_sound(io.BytesIO(kept), len(kept)).samples
        elif name.endswith(".png"):
            assert look_at_image(made).pixels == look_at_image(kept).pixels
        elif name.endswith(".jpg") and not (look := look_at_image(kept)).error:
            assert np.abs(np.subtract(look_at_image(made).brightness, look.brightness)) < 0.01


@pytest.mark.skipif(sys.platform != "linux", reason="the encoders' output is the same in one environment only")
def test_nothing_of_the_fixtures_is_large() -> None:
    """All fixtures together stay below 350 KB."""
    assert sum(path.stat().st_size for path in make_media.FOLDER.iterdir()) < 350_000


def test_the_copy_that_lost_less_is_worth_more() -> None:
    """Colour is worth more than grey, lossless more than lossy, whole more than cut, each by more than a tenth."""
    original = worth_of_picture(look_at_image(lossless(PHOTO, "PNG")))
    lossy = worth_of_picture(look_at_image(jpeg(PHOTO, 90)))
    grey = worth_of_picture(look_at_image(jpeg(ImageOps.grayscale(PHOTO), 90)))
    assert 0.9 * original > lossy
    assert 0.9 * lossy > grey
    assert grey == worth_of_picture(look_at_image(jpeg(ImageOps.grayscale(PHOTO).convert("RGB"), 90)))
    sound = voice(7)
    data, coded = recorded(sound), io.BytesIO()
    soundfile.write(coded, sound, RATE, format="OGG")
    plain = worth_of_recording(look_at_sound(io.BytesIO(data), len(data)))
    assert 0.9 * plain > worth_of_recording(look_at_sound(io.BytesIO(coded.getvalue()), len(coded.getvalue())))
    cut = data[: len(data) * 19 // 20]
    assert 0.9 * plain > worth_of_recording(look_at_sound(io.BytesIO(cut), len(cut)))


def thump(seed: int) -> bytes:
    """Return a kick drum: a falling tone of its own pitch, as a synthesiser makes them."""
    chance = np.random.default_rng(seed)
    time = np.arange(4_000) / 16_000
    turns = chance.uniform(45, 60) * time + chance.uniform(4, 7) * (1 - np.exp(-time * chance.uniform(25, 40)))
    stream = io.BytesIO()
    soundfile.write(stream, (0.8 * np.sin(2 * np.pi * turns) * np.exp(-time * 15)).astype(np.float32), 16_000, format="WAV")
    return stream.getvalue()


def test_hits_of_one_machine_are_no_copies(tmp_path: Path) -> None:
    """Kick drums differ where their bands hardly do: below 200 Hz. A quieter copy in Vorbis is found all the same."""
    hits = [thump(seed) for seed in range(24)]
    sound, rate = soundfile.read(io.BytesIO(hits[0]), dtype="float32")
    stream = io.BytesIO()
    soundfile.write(stream, 0.4 * sound, rate, format="OGG", subtype="VORBIS")
    looks = [look_at_sound(io.BytesIO(data), len(data)) for data in (*hits, stream.getvalue())]
    found = set(linked(looks, tmp_path))
    assert (0, 24) in found
    assert len(found - {(0, 24)}) <= 5

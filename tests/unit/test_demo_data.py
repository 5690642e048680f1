"""The demo's data: the same every time, valid where it should be, and planted exactly as it says."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import tarfile
import wave
import zipfile
from collections.abc import Sequence
from typing import Any

import pyarrow.parquet as pq
import pytest

from acquisition.demo import pages
from acquisition.demo.archives import tar_gz_bytes, zip_bytes
from acquisition.demo.data import CORPUS, DemoData, make
from acquisition.demo.words import BOILERPLATE
from acquisition.demo.world import planted


@pytest.fixture(scope="module")
def data() -> DemoData:
    """The world's content."""
    return make(7)


def notes_of(data: DemoData) -> list[str]:
    """Return the texts of the notes."""
    return [line.split("\t")[1] for line in data.notes.decode().splitlines()]


def flags_of(data: DemoData) -> dict[str, int]:
    """Return how many items deserve each flag."""
    flags: Any = data.planted["flags"]
    return dict(flags)


def reviews_of(data: DemoData) -> list[tuple[str, str]]:
    """Return text and label of the reviews."""
    rows = pq.read_table(io.BytesIO(data.reviews)).to_pylist()
    return [(row["text"], row["label"]) for row in rows]


def test_same_seed_same_bytes(data: DemoData) -> None:
    """A seed gives the same bytes each time, another seed others."""
    again, other = make.__wrapped__(7), make.__wrapped__(8)
    for name in DemoData.__slots__:
        assert getattr(again, name) == getattr(data, name), name
    assert other.notes != data.notes
    assert other.drums["kick/kick-01.wav"] != data.drums["kick/kick-01.wav"]
    assert list(pages.pages(7)) == list(pages.pages(7))


def test_archives_do_not_depend_on_the_time() -> None:
    """Archives carry fixed times and owners, and hold what was given, in that order."""
    files = {"b.txt": b"two", "a/c.txt": b"three"}
    assert zip_bytes(files) == zip_bytes(dict(files))
    with tarfile.open(fileobj=io.BytesIO(tar_gz_bytes(files))) as archive:
        assert [(member.name, member.mtime) for member in archive] == [("b.txt", 1767225600), ("a/c.txt", 1767225600)]
    with zipfile.ZipFile(io.BytesIO(zip_bytes(files))) as archive_zip:
        assert {name: archive_zip.read(name) for name in archive_zip.namelist()} == files


def test_counts_are_what_is_planted(data: DemoData) -> None:
    """The number of candidates that is told is the number of rows and files that are there."""
    counts: Any = data.planted["candidates"]
    assert counts["drums"] == len(data.drums) - 1  # one is broken
    assert counts["packs"] == sum(name.endswith(".wav") for name in data.pack)
    assert counts["notes"] == len(notes_of(data))
    assert counts["reviews"] == len(reviews_of(data))
    names = zipfile.ZipFile(io.BytesIO(data.kit)).namelist()
    assert (counts["kit"], names.count("../../escape.wav")) == (len(names) - 1, 1)
    assert 300 <= sum(counts.values()) <= 600


def test_exact_duplicates_are_counted(data: DemoData) -> None:
    """As many copies exist as are told, and as many contents carry two labels."""
    label = {"pos": "praise", "neg": "complaint", "ask": "question"}
    rows = [(line.split("\t")[1], line.split("\t")[0]) for line in data.notes.decode().splitlines()]
    rows += [(text, label[name]) for text, name in reviews_of(data)]
    rows += [(text, name) for text, name in list(csv.reader(io.StringIO(data.attic.decode())))[1:]]
    hits = {"BD": "kick", "SD": "snare", "HH": "hat"}
    kit = zipfile.ZipFile(io.BytesIO(data.kit))
    sounds = {**data.drums, **{f"{hits[n.split('/')[0]]}/{n}": b for n, b in data.pack.items() if n.endswith(".wav")}}
    sounds |= {name.removeprefix("kit/"): kit.read(name) for name in kit.namelist() if name.startswith("kit/")}
    rows += [(hashlib.sha256(body).hexdigest(), name.split("/")[0]) for name, body in sounds.items()]
    contents = {content for content, _ in rows}
    others = len(set(rows)) - len(contents)  # a copy under another label is a conflict, and no copy to drop
    assert flags_of(data)["duplicate.exact"] == len(rows) - len(contents) - others
    assert data.planted["label-conflicts"] == len(set(rows)) - len(contents)


def shingles(text: str) -> frozenset[str]:
    """Return the runs of five characters."""
    return frozenset(text[at : at + 5] for at in range(len(text) - 4))


def near_pairs(texts: Sequence[str]) -> list[float]:
    """Return the Jaccard similarities from one half upwards of all pairs of different texts."""
    sets = [shingles(text) for text in texts]
    found = ((len(a & b), len(a) + len(b)) for a, b in itertools.combinations(sets, 2))
    return [both / (total - both) for both, total in found if 3 * both >= total]


def test_near_duplicates_are_only_the_planted_ones(data: DemoData) -> None:
    """Six pairs are nearly the same; between any two others there is a wide gap."""
    texts = sorted({*notes_of(data), *(text for text, _ in reviews_of(data))})
    similar = near_pairs(texts)
    assert len(similar) == flags_of(data)["duplicate.near"]
    assert min(similar) > 0.9


def test_boilerplate_and_personal_data_are_where_they_are_said_to_be(data: DemoData) -> None:
    """Every locator names a row with personal data, and each boilerplate phrase stands in one review."""
    locators: Any = data.planted["pii.locators"]
    reviews, notes = [text for text, _ in reviews_of(data)], notes_of(data)
    for locator, kind in locators.items():
        source, _, row = locator.partition("#row=")
        text = (notes if source == "notes" else reviews)[int(row)]
        assert ("@" in text) == (kind == "pii.email-address")
        assert any(character.isdigit() for character in text) or kind == "pii.email-address"
    digits = [text for text in notes + reviews if "@" in text or any(character.isdigit() for character in text)]
    personal = sum(number for code, number in flags_of(data).items() if code.startswith("pii."))
    assert len(digits) == len(locators) == personal
    assert flags_of(data)["llm-style.boilerplate"] == len(BOILERPLATE) + 2  # two of them hold two phrases
    said = ("As an AI", "Certainly!", "I'm sorry, but", "As of my last", "As a large")
    assert sum(any(phrase in text for phrase in said) for text in reviews) == len(BOILERPLATE)


def test_guestbook_needs_windows_1252(data: DemoData) -> None:
    """The table is no UTF-8, decodes as windows-1252, and one row has too many fields."""
    with pytest.raises(UnicodeDecodeError):
        data.guestbook.decode()
    rows = list(csv.reader(io.StringIO(data.guestbook.decode("cp1252")), delimiter=";"))
    assert [len(row) for row in rows].count(3) == len(rows) - 1
    assert len(rows[13]) == 5


def test_sounds_open_but_for_the_broken_one(data: DemoData) -> None:
    """Every hit is a mono WAV between 0.1 and 0.4 seconds, except the three that are planted."""
    lengths = {}
    for name, body in data.drums.items():
        if name == "kick/kick-broken.wav":
            with pytest.raises((wave.Error, EOFError, RuntimeError)), wave.open(io.BytesIO(body)):
                pass
            continue
        with wave.open(io.BytesIO(body)) as sound:
            lengths[name] = sound.getnframes() / sound.getframerate()
            assert sound.getnchannels() == 1
    assert lengths.pop("hat/hat-blip.wav") == pytest.approx(0.01)
    assert 0.1 < min(lengths.values()) < max(lengths.values()) < 0.4


def test_voices_follow_the_corpus_layout(data: DemoData) -> None:
    """Every clip of every table is in the archive, and is an MP3."""
    with tarfile.open(fileobj=io.BytesIO(data.voices)) as archive:
        names = archive.getnames()
        table = archive.extractfile(f"{CORPUS}/validated.tsv")
        assert table is not None
        lines = table.read().decode().splitlines()
        for line in lines[1:]:
            clip = archive.extractfile(f"{CORPUS}/clips/{line.split(chr(9))[1]}")
            assert clip is not None
            assert clip.read(2) in (b"\xff\xfb", b"\xff\xf3", b"ID")
    assert len(lines) - 1 == 14
    assert sum(name.endswith(".mp3") for name in names) == 16


def test_site_says_what_is_planted() -> None:
    """Pages, pictures, opt-outs and licenses are as many as told."""
    made = {page.path: page for page in pages.pages(7)}
    told = pages.planted()
    articles = [page for path, page in made.items() if path.startswith("/articles/")]
    pictures = [page for path, page in made.items() if path.startswith("/gallery/img/")]
    gallery = b"".join(
        page.body for path, page in made.items() if path.startswith("/gallery/") and path.endswith(("/", "html"))
    )
    told_by_themselves = [
        page for page in [*articles, *pictures] if page.headers or b"noai" in page.body or b"DMI-" in page.body
    ]
    told_beside = [page for page in made.values() if page.path in pages.TDMREP + pages.AI_TXT + pages.ROBOTS]
    opted = told_by_themselves + [page for page in told_beside if page.path.startswith(("/articles/art", "/gallery/img/"))]
    bare = sum(b'rel="license"' not in page.body for page in articles)
    bare += sum(b'rel="license"' not in figure for figure in gallery.split(b"<figure")[1:])
    assert isinstance(told["opt-outs"], dict)
    assert (len(articles), len(pictures), len(opted)) == (told["articles"], told["plates"], sum(told["opt-outs"].values()))
    assert (bare, gallery.count(b"by-nc/")) == (told["unlicensed"], told["non-commercial"])
    assert any(path.startswith(str(told["forbidden"])) for path in made)


def test_planted_is_the_sum_of_its_parts() -> None:
    """Data and site are told together; what is refused before download is not among the candidates."""
    facts = planted(7)
    assert facts["refused"] == {"lyrics": 40}
    assert set(facts["candidates"]) == {
        *("drums", "packs", "kit", "notes", "reviews", "attic", "guestbook", "voices", "articles", "plates"),
        *("album", "letters", "survey"),
    }
    assert facts["flags"]["license.unknown"] == facts["candidates"]["attic"] + 2

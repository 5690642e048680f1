"""Labelled sets for `duplicates`, made of real files: editions and encodings, planted copies, records, pictures, recordings."""

from __future__ import annotations

import csv
import json
import random
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from benchmarks.accuracy import LabelledSet
from benchmarks.duplicates import LEAST, Writer, similarities

Line = Mapping[str, str]
_EDITIONS = ("11-0.txt", "11.txt", "11-h__11-h.htm", "book.asciidoc", "old__alice30.tex", "old__alice30.txt")


def sets(shared: Path, folder: Path) -> list[LabelledSet]:
    """Write the sets into `folder`; those whose files are not there are left out."""
    made = (
        ("One book in six editions, one article in six encodings, other books and articles", _editions, ""),
        (
            "Paragraphs of speeches with planted copies",
            _planted,
            "Copies keep a Jaccard similarity of 0.8 or more; they are made by the rules of benchmarks/duplicates.py.",
        ),
        (
            "Restaurants in two guides",
            _restaurants,
            "Records of one thing, written differently: linking records is not what this filter does.",
        ),
        ("Pictures in several sizes, formats and orientations", _pictures, "Crops, squeezed and turned copies are among them."),
        ("Sentences read aloud, each as WAV, FLAC and MP3, among spoken digits", _recordings, ""),
    )
    found = []
    for number, (title, lines, note) in enumerate(made):
        try:
            rows = list(lines(shared))
        except OSError:
            continue
        file = folder / f"duplicates-{number}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        found.append(LabelledSet(title, file, note))
    return found


def _editions(data: Path) -> Iterator[Line]:
    for name in _EDITIONS:
        yield {"id": name, "text": _read(data / "duplicates/alice_editions" / name), "cluster": "alice"}
    for path in sorted((data / "duplicates/one_article_six_encodings").glob("*.xml")):
        encoding = {"IBM855": "cp855", "IBM866": "cp866", "MacCyrillic": "mac_cyrillic"}.get(path.name.split("__")[0])
        encoding = encoding or path.name.split("__")[0].replace("-russian", "")
        yield {"id": path.name, "text": path.read_bytes().decode(encoding, "replace"), "cluster": "article"}
    for language, text in _declarations(data):
        yield {"id": f"udhr-{language}", "text": text, "cluster": f"udhr-{language}"}


def _declarations(data: Path) -> Iterator[tuple[str, str]]:
    """Yield one declaration in many languages, each once: translations are not copies."""
    seen: set[str] = set()
    with zipfile.ZipFile(data / "text_small/nltk/udhr.zip") as archive:
        for name in sorted(archive.namelist()):
            language, _, encoding = Path(name).name.partition("-")
            text = archive.read(name).decode("utf-8", "replace")
            known = {language.split("_")[0], "".join(text.split())[300:400]}
            if encoding == "UTF8" and not known & seen:
                yield language, text
                seen |= known


def _planted(data: Path) -> Iterator[Line]:
    """Yield paragraphs, a third of them with one to three copies, and stretches of the declaration in other languages."""
    writer = Writer(5, 2000)
    chance = random.Random(17)
    texts = [text for text in _paragraphs(data) if len(text) > 60]
    texts += [text[start : start + 900] for _, text in _declarations(data) for start in (300, 1500) if len(text) > 2500]
    for number, text in enumerate(texts):
        yield {"id": f"p{number}", "text": text, "cluster": str(number)}
        if chance.random() < 1 / 3:
            for copy in range(chance.choice((1, 1, 2, 3))):
                changed = writer.copy(text)
                if changed != text and max(similarities(text, changed)) >= LEAST:
                    yield {"id": f"p{number}-{copy}", "text": changed, "cluster": str(number)}


def _paragraphs(data: Path) -> Iterator[str]:
    with zipfile.ZipFile(data / "text_small/nltk/inaugural.zip") as archive:
        seen: set[str] = set()
        for name in sorted(archive.namelist()):
            if name.endswith(".txt"):
                for text in re.split(r"\n\s*\n", archive.read(name).decode("latin-1")):
                    letters = "".join(filter(str.isalnum, text.casefold()))
                    if letters not in seen:
                        seen.add(letters)
                        yield text.strip()


def _restaurants(data: Path) -> Iterator[Line]:
    with (data / "duplicates/restaurants/restaurant-nophone-training.csv").open(encoding="utf-8") as stream:
        for number, row in enumerate(csv.reader(stream, skipinitialspace=True)):
            if number and len(row) >= 5:
                yield {"id": f"r{number}", "text": ", ".join(row[:4]), "cluster": row[-1].strip("' ")}


def _pictures(data: Path) -> Iterator[Line]:
    folder = data / "images"
    listed: set[str] = set()
    with (folder / "near_duplicates.tsv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            listed.add(row["path"])
            yield {"id": row["path"], "path": str(folder / row["path"]), "cluster": row["group"]}
    for path in _files(folder / "skimage", folder / "wesaturate"):
        if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".gif", ".tif", ".webp"):
            yield {"id": path.relative_to(folder).as_posix(), "path": str(path), "cluster": path.stem}


def _recordings(data: Path) -> Iterator[Line]:
    for path in _files(data / "audio_ljspeech/wavs"):
        yield {"id": path.name, "path": str(path), "cluster": path.stem}
    for path in _files(data / "audio_digits"):
        if path.suffix == ".wav":
            yield {"id": path.name, "path": str(path), "cluster": path.name}


def _files(*folders: Path) -> Iterable[Path]:
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")

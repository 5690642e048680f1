"""Labelled sets of quality from real files: articles whole and damaged, tables with known facts, tables with planted faults."""

from __future__ import annotations

# ruff: noqa: ARG001  # all spoilers are called alike
import csv
import json
import random
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy import LabelledSet

_FACTS: dict[str, tuple[str | int | None, tuple[str, ...]]] = {
    "uci/2_adult/adult.data": (14, ("missing-values", "no-header")),
    "uci/47_horse+colic/horse-colic.data": (22, ("missing-values", "no-header", "constant-column")),
    "uci/360_air+quality/AirQualityUCI.csv": (None, ("missing-values", "constant-column")),
    "uci/15_breast+cancer+wisconsin+original/breast-cancer-wisconsin.data": (10, ("missing-values", "no-header")),
    "uci/42_glass+identification/glass.data": (10, ("leaking-column", "no-header", "imbalance", "rare-class")),
    "uci/39_ecoli/ecoli.data": (8, ("constant-column", "no-header", "imbalance", "rare-class")),
    "uci/53_iris/iris.data": (4, ("no-header",)),
    "uci/186_wine+quality/winequality-red.csv": ("quality", ("imbalance",)),
    "uci/186_wine+quality/winequality-white.csv": ("quality", ("imbalance", "rare-class", "outlier")),
    "kaggle/palmer-archipelago-antarctica-penguin-data/penguins.csv": ("species", ("missing-values",)),
    "kaggle/palmer-archipelago-antarctica-penguin-data/penguins_raw.csv": ("Species", ("missing-values", "constant-column")),
    "kaggle/titanic/data/titanic.csv": ("survived", ("missing-values", "wrong-type", "inconsistent-categories")),
    "kaggle/the-war-atlas/wars.csv": (None, ()),
    "kaggle/the-war-atlas/battle_forces.csv": (None, ("missing-values", "constant-column", "inconsistent-categories")),
}
"""What the tables' own descriptions, or a look at their cells, say of them."""


def sets(shared: Path, folder: Path) -> Iterator[LabelledSet]:
    """Yield the labelled sets, written into `folder`."""
    chance = random.Random(7)
    yield LabelledSet(
        "articles and essays, whole and with one fault planted",
        _written(folder / "articles.jsonl", list(_articles(shared, chance))),
        "Web articles extracted by hand and students' essays, not looked at while the rules were written; a third whole, the "
        "others damaged, repeated or in their page's markup.",
    )
    yield LabelledSet(
        "tables with known facts",
        _written(folder / "facts.jsonl", list(_facts(shared, folder))),
        "UCI and Kaggle tables as published. Looked at while the rules were written.",
    )
    yield LabelledSet(
        "real tables with one fault planted",
        _written(folder / "planted.jsonl", list(_planted(shared, folder, chance))),
        "Complete rows of penguins and wines, in samples of 150; a third as they are.",
    )
    yield LabelledSet(
        "paragraphs in 20 languages where English and French are expected",
        _written(folder / "languages.jsonl", list(_languages(shared))),
        "The Universal Declaration of Human Rights.",
        {"text": {"languages": ["en", "fr"]}},
    )


def _written(file: Path, lines: Sequence[dict[str, Any]]) -> Path:
    numbered = ({"id": f"{number:04}", **line} for number, line in enumerate(lines))
    file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in numbered), encoding="utf-8")
    return file


def _articles(shared: Path, chance: random.Random) -> Iterator[dict[str, Any]]:
    room = shared / "web_pages" / "article-extraction-benchmark"
    truth = json.loads((room / "ground-truth.json").read_text(encoding="utf-8"))
    bodies = {name: entry["articleBody"] for name, entry in sorted(truth.items()) if len(entry["articleBody"]) > 200}
    essays = json.loads(
        (shared / "llm_text/detector_bias/Human_Data__CS224N_real_145.first_half.json").read_text(encoding="utf-8")
    )
    texts = [*bodies.values(), *(essay["document"] for essay in essays)]
    for number, text in enumerate(texts):
        if number % 3 == 0:
            yield {"text": text, "codes": []}
        elif number % 3 == 1:
            yield {"text": _repeated(text, chance), "codes": ["repetition"]}
        else:
            accented = text.replace("'", "\u2019").replace('"', "\u201c").replace("-", "\u2013")
            read = chance.choice(("cp1252", "latin-1", "mac_roman", "cp1250"))
            yield {"text": accented.encode().decode(read, "replace"), "codes": ["encoding-damage"]}
    for name in list(bodies)[::3]:
        page = next((room / "html").glob(f"{name}*"), None)
        if page is not None:
            yield {"text": _opened(page)[:20_000], "codes": ["markup"]}


def _opened(page: Path) -> str:
    import gzip

    data = page.read_bytes()
    return (gzip.decompress(data) if page.suffix == ".gz" else data).decode("utf-8", "replace")


def _repeated(text: str, chance: random.Random) -> str:
    part = text[: chance.randint(150, 400)]
    kind = chance.randrange(3)
    if kind == 0:
        return "\n".join([text[:600], *[part] * chance.randint(4, 9)])
    return " ".join([part] * chance.randint(5, 12)) if kind == 1 else "\n\n".join([text[:1500]] * 3)


def _facts(shared: Path, folder: Path) -> Iterator[dict[str, Any]]:
    for name, (label, codes) in _FACTS.items():
        target = folder / name.split("/", 1)[1].replace("/", "-")
        shutil.copyfile(shared / name, target)
        yield {"path": target.name, "codes": list(codes), **({} if label is None else {"label": label})}


def _planted(shared: Path, folder: Path, chance: random.Random) -> Iterator[dict[str, Any]]:
    penguins = _rows(shared / "kaggle/palmer-archipelago-antarctica-penguin-data/penguins.csv", ",")
    wines = _rows(shared / "uci/186_wine+quality/winequality-white.csv", ";")
    whole = [row for row in penguins if "NA" not in row.values()]
    tame = [row for row in wines if row["quality"] in "567" and float(row["chlorides"]) < 0.1 and float(row["density"]) < 1.002]
    for number in range(60):
        rows, label, words, numbers = (
            (whole, "species", ["island", "sex"], ["bill_length_mm", "body_mass_g"])
            if number % 2
            else (tame, "quality", [], ["alcohol", "pH", "total sulfur dioxide"])
        )
        taken = [dict(row) for row in chance.sample(rows, 150)]
        spoil, code = chance.choice(_SPOILERS if words else _SPOILERS[:-1]) if number % 3 else (None, None)
        if spoil is not None:
            spoil(taken, chance, label, chance.choice(words or numbers) if spoil is _respelt else chance.choice(numbers))
        target = folder / f"planted-{number:02}.csv"
        with target.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(taken[0]))
            writer.writeheader()
            writer.writerows(taken)
        yield {"path": target.name, "label": label, "codes": [code] if code else []}


def _rows(path: Path, delimiter: str) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


_Rows = list[dict[str, str]]


def _missing(rows: _Rows, chance: random.Random, label: str, column: str) -> None:
    token = chance.choice(("?", "", "NA", "-999", "null", "n/a", "NaN"))
    for row in chance.sample(rows, chance.randint(3, 20)):
        row[column] = token


def _zeros(rows: _Rows, chance: random.Random, label: str, column: str) -> None:
    for row in chance.sample(rows, chance.randint(4, 40)):
        row[column] = "0"


def _constant(rows: _Rows, chance: random.Random, label: str, column: str) -> None:
    for row in rows:
        row["batch"] = "A7"


def _leak(rows: _Rows, chance: random.Random, label: str, column: str) -> None:
    order = sorted({row[label] for row in rows})
    for row in rows:
        row["code"] = f"{order.index(row[label]) * 10 + chance.randint(0, 3)}"


def _words(rows: _Rows, chance: random.Random, label: str, column: str) -> None:
    for row in chance.sample(rows, chance.randint(1, 6)):
        row[column] = chance.choice(("not measured", "see notes", "high", "12,5 cm?"))


def _far(rows: _Rows, chance: random.Random, label: str, column: str) -> None:
    for row in chance.sample(rows, chance.randint(1, 2)):
        row[column] = str(float(row[column]) * chance.choice((10, 100)))


def _copied(rows: _Rows, chance: random.Random, label: str, column: str) -> None:
    for row in rows:
        row["measure_b"] = row[column]


def _respelt(rows: _Rows, chance: random.Random, label: str, column: str) -> None:
    change = chance.choice(
        (str.upper, lambda word: f"{word} ", lambda word: f"{word}.", str.capitalize if column == "sex" else str.lower)
    )
    for row in chance.sample(rows, 20):
        row[column] = change(row[column])


_SPOILERS: list[tuple[Callable[[_Rows, random.Random, str, str], None], str]] = [
    (_missing, "missing-values"),
    (_zeros, "zeros-as-missing"),
    (_constant, "constant-column"),
    (_leak, "leaking-column"),
    (_words, "wrong-type"),
    (_far, "outlier"),
    (_copied, "duplicate-column"),
    (_respelt, "inconsistent-categories"),
]

_NAMES = (
    "English", "French", "German", "Spanish", "Portuguese", "Italian", "Dutch", "Swedish", "Danish", "Finnish", "Polish",
    "Czech", "Hungarian", "Turkish", "Russian", "Greek", "Hindi", "Japanese", "Hebrew", "Korean",
)  # fmt: skip


def _languages(shared: Path) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(shared / "text_small" / "nltk" / "udhr.zip") as archive:
        for entry in sorted(archive.namelist()):
            name = entry.rsplit("/", 1)[-1]
            language, _, encoding = (
                name.partition("-") if "_" not in name else (name.split("_")[0], "", name.rsplit("-", 1)[-1])
            )
            if language not in _NAMES or not encoding.endswith(("UTF8", "Latin1")):
                continue
            text = archive.read(entry).decode("utf-8" if encoding.endswith("UTF8") else "cp1252", "ignore")
            parts = [part.strip() for part in text.split("\n") if len(part.strip()) > 80][:25]
            wanted = language in ("English", "French")
            yield from ({"text": part, "codes": [] if wanted else ["language"]} for part in parts)

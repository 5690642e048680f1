"""Worlds filled with the real files that lie beside the checkout: what to declare for them, and how much is in them.

Each function puts one kind of source into a World and returns what a flow test needs: the source's block for sources.yaml and
the number of candidates, counted here by the plainest means (lines, `csv`, `json`, the folder's listing), never by the code
under test. Nothing is copied into the repository; without the files every function skips the test that calls it.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from acquisition.demo.archives import tar_gz_bytes, zip_bytes
from acquisition.demo.servers import World

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
FORBIDDEN = "/email/"
"""Disallowed by the real robots.txt that `page_sources` serves, and linked from its start page."""


NOTICES = frozenset({"companion-file", "encoding-doubtful"})
"""Rejection codes that take no candidate away: files that hold no samples, and texts that were read all the same."""


@dataclass(frozen=True, slots=True)
class RealSource:
    """One real source in a World.

    `block` is its part of sources.yaml. `candidates` is the number of rows or files that a reader meets: items and rejections
    (but `NOTICES`) together; None where only the code can say (`pages` then says how many pages are served). `license` is what
    the publisher claims, as it is served.
    """

    name: str
    block: Mapping[str, Any]
    candidates: int | None
    license: str = ""
    pages: int = 0


def real_data(folder: str) -> Path:
    """Return a folder of the real files, or skip the test that asks for it."""
    path = DATA / folder
    if not path.is_dir():
        pytest.skip(f"the real files are not here: shared/data/{folder} is not beside the checkout")
    return path


def declaration(sources: list[RealSource], *, layout: str = "parquet", **blocks: Any) -> str:
    """Return a sources.yaml of these sources; `blocks` are added or replace whole blocks."""
    value: dict[str, Any] = {
        "version": 1,
        "dataset": {"name": "real-world", "use": {"training": True}},
        "contact": {"name": "Flow Tests", "url": "https://example.org/crawler", "email": "data@example.org"},
        "limits": {"disk_reserve": "10MB"},
        "sources": {source.name: dict(source.block) for source in sources},
        "curated": {"layout": layout},
        **blocks,
    }
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)


def everything(world: World) -> list[RealSource]:
    """Fill a world with all of it, except Adult (32,561 rows), and return the sources."""
    return [
        *uci_sources(world),
        *kaggle_sources(world),
        *hub_sources(world),
        *common_voice_sources(world),
        *audio_sources(world),
        *text_sources(),
        *page_sources(world),
    ]


# --- UCI ----------------------------------------------------------------------------------------------------------------

_ROWS: Mapping[str, tuple[str, Mapping[str, Any], Mapping[str, Any]]] = {
    "53_iris": ("iris.data", {"header": False}, {"label": 4}),
    "186_wine+quality": ("winequality-white.csv", {}, {"label": "quality"}),
    "228_sms+spam+collection": (
        "SMSSpamCollection",
        {"format": "csv", "header": False, "delimiter": "\t", "quotechar": ""},
        {"label": 0, "text": 1},
    ),
    "15_breast+cancer+wisconsin+original": ("breast-cancer-wisconsin.data", {"header": False}, {"id": 0, "label": 10}),
    "39_ecoli": ("ecoli.data", {"header": False, "delimiter": " "}, {"label": 8}),
    "42_glass+identification": ("glass.data", {"header": False}, {"label": 10}),
    "47_horse+colic": ("horse-colic.data", {"header": False, "delimiter": " "}, {}),
    "360_air+quality": ("AirQualityUCI.csv", {"delimiter": ";"}, {}),
}
_LARGE: Mapping[str, tuple[str, Mapping[str, Any], Mapping[str, Any]]] = {
    "2_adult": ("adult.data", {"header": False}, {"label": 14}),
}


def uci_sources(world: World, *, large: bool = False) -> list[RealSource]:
    """Serve the real UCI sets, each zipped as the repository does it, and count the lines that are not blank."""
    root = real_data("uci")
    made = []
    for folder, (table, read, items) in ({**_ROWS, **_LARGE} if large else _ROWS).items():
        number, _, slug = folder.partition("_")
        files = {path.name: path for path in sorted((root / folder).iterdir()) if path.suffix != ".zip"}
        world.uci.add(int(number), slug.replace("+", " ").title(), slug, files)
        block = {
            "kind": "uci",
            "id": int(number),
            "base_url": world.uci.base_url,
            "files": {"include": [table]},
            "read": dict(read),
            "items": {"as": "rows", **items},
        }
        lines = [line for line in (root / folder / table).read_bytes().splitlines() if line.strip()]
        header = 0 if read.get("header") is False else 1
        made.append(RealSource(f"uci-{number}", block, len(lines) - header, "CC-BY-4.0"))
    return made


# --- Kaggle -------------------------------------------------------------------------------------------------------------


def kaggle_sources(world: World) -> list[RealSource]:
    """Serve the real Kaggle files with the licenses of their own metadata, and count rows with `csv` and lines."""
    root = real_data("kaggle")
    penguins, titanic = "palmer-archipelago-antarctica-penguin-data", "titanic"
    return [
        _kaggle(world, root / penguins, "penguins.csv", {"label": "species"}, ("CC0-1.0", "CC0: Public Domain")),
        _kaggle(world, root / titanic / "data", "titanic.csv", {}, ("other", "Other (specified in description)"), slug=titanic),
        _kaggle(world, root / "the-war-atlas", "wars.csv", {}, None),
        _kaggle(world, root / "the-war-atlas", "battle_forces.csv", {}, None, name="kaggle-battles"),
        _kaggle(world, root / "arithmetic-word-problem-compendium", "sample.jsonl", {}, None),
    ]


def _kaggle(
    world: World,
    folder: Path,
    table: str,
    items: Mapping[str, Any],
    license_names: tuple[str, str] | None,
    *,
    slug: str = "",
    name: str = "",
) -> RealSource:
    slug = slug or folder.name
    if license_names is None:
        code = json.loads((folder / "dataset-metadata.json").read_text(encoding="utf-8"))["licenses"][0]["name"]
        license_names = (code, code)
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    world.kaggle.add("publisher", slug, files, license_code=license_names[0], license_display=license_names[1], version=1)
    block = {
        "kind": "kaggle",
        "dataset": f"publisher/{slug}",
        "base_url": world.kaggle.base_url,
        "files": {"include": [table]},
        "items": {"as": "rows", **items},
    }
    return RealSource(name or f"kaggle-{slug[:12].strip('-')}", block, _rows(folder / table), license_names[0])


def _rows(path: Path) -> int:
    """Count the records of a CSV file (without its header) or the lines of a JSON Lines file."""
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".jsonl":
        return sum(bool(line.strip()) for line in text.split("\n"))
    return sum(bool(row) for row in csv.reader(io.StringIO(text))) - 1


# --- Hugging Face -------------------------------------------------------------------------------------------------------


def hub_sources(world: World) -> list[RealSource]:
    """Serve real dataset repositories with their cards: JSON, JSON Lines, plain text and folders of images."""
    root = real_data("huggingface")
    squad = json.loads((root / "repos/squad/plain_text/train-v1.1.json").read_text(encoding="utf-8"))["data"]
    pictures = len(list((root / "repos/beans").rglob("*.jpg")))
    papers = (root / "repos/arxiv_dataset/1.1.0/arxiv-metadata-oai-snapshot.json").read_text(encoding="utf-8")
    wiki = len(list((root / "repos/wikitext").rglob("wiki.*.raw")))
    from_folder = {"as": "files", "label": {"from": "folder"}}
    return [
        _repo(world, "squad", ["plain_text/train-v1.1.json"], {"as": "rows", "records": "data"}, len(squad)),
        _repo(world, "beans", ["**/*.jpg"], from_folder, pictures),
        _repo(world, "billsum", ["3.0.0/*.jsonl"], {"as": "rows", "text": "text", "title": "title"}, 3),
        _repo(world, "arxiv_dataset", ["1.1.0/*.json"], {"as": "rows"}, sum(bool(line) for line in papers.splitlines())),
        _repo(world, "wikitext", ["**/wiki.*.raw"], {"as": "files"}, wiki, {"format": "text"}),
    ]


def _repo(
    world: World,
    name: str,
    include: list[str],
    items: Mapping[str, Any],
    candidates: int,
    read: Mapping[str, Any] | None = None,
) -> RealSource:
    folder = DATA / "huggingface" / "repos" / name
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    card = DATA / "huggingface" / "cards" / name / "README.md"
    if card.is_file():
        files["README.md"] = card
    world.hub.add(f"publisher/{name}", files)
    block: dict[str, Any] = {
        "kind": "huggingface",
        "repo": f"publisher/{name}",
        "base_url": world.hub.base_url,
        "files": {"include": include},
        "items": dict(items),
    }
    if read:
        block["read"] = dict(read)
    return RealSource(f"hub-{name.replace('_', '-')}", block, candidates)


def card_sources(world: World) -> list[RealSource]:
    """Serve one small Parquet file (8 rows) under every real card, well-formed or not; good for planning licenses.

    `license` holds the license of the publisher's own index as JSON, "" for malformed cards.
    """
    root = real_data("huggingface")
    table = root / "parquet" / "alltypes_plain.parquet"
    index = (root / "cards" / "INDEX.tsv").read_text(encoding="utf-8").splitlines()[1:]
    licenses = dict(line.split("\t", 1) for line in index)
    made = []
    for name, card in _cards(root):
        world.hub.add(f"cards/{name}", {"data/train.parquet": table, "README.md": card})
        block = {
            "kind": "huggingface",
            "repo": f"cards/{name}",
            "base_url": world.hub.base_url,
            "files": {"include": ["data/*.parquet"]},
            "items": {"as": "rows"},
        }
        made.append(RealSource(f"card-{name.replace('_', '-')}", block, 8, licenses.get(name, "")))
    return made


def _cards(root: Path) -> Iterator[tuple[str, Path]]:
    for folder in sorted((root / "cards").iterdir()):
        if (folder / "README.md").is_file():
            yield folder.name, folder / "README.md"
    for kind in ("cards_license_name", "cards_malformed"):
        for card in sorted((root / kind).glob("*.md")):
            yield card.stem, card


# --- sound --------------------------------------------------------------------------------------------------------------


def common_voice_sources(world: World) -> list[RealSource]:
    """Serve the real Abkhaz rows of corpus 6.1 as a tar.gz.

    Its published clips have no bytes; the one real clip that there is stands in for the first row's, the others stay empty.
    """
    root = real_data("common_voice")
    corpus = root / "cv-corpus-6.1-2020-12-11"
    table = (corpus / "ab" / "validated.tsv").read_text(encoding="utf-8").splitlines()
    clips = [line.split("\t")[1] for line in table[1:] if line.strip()]
    files: dict[str, bytes | Path] = {str(path.relative_to(root)): path for path in sorted(corpus.rglob("*")) if path.is_file()}
    for number, clip in enumerate(clips):
        real = root / "clips" / "common_voice_en_651325.mp3"
        files[f"{corpus.name}/ab/clips/{clip}"] = b"" if number else real
    world.collective.add("cm-real-ab", tar_gz_bytes(files), slug="mcv-scripted-ab-v6.1", locale="ab")
    block = {
        "kind": "common_voice",
        "dataset": "mcv-scripted-ab-v6.1",
        "accept_terms": True,
        "base_url": world.collective.base_url,
        "auth": {"env": "DEMO_MDC_KEY"},
        "items": {"table": "validated", "text": "sentence", "group": "client_id"},
    }
    return [RealSource("voices-ab", block, len(clips), "CC0-1.0")]


def audio_sources(world: World) -> list[RealSource]:
    """Declare real drums and speech: folders read in place, and one archive by its address."""
    drums, digits, commands = real_data("audio_drums"), real_data("audio_digits"), real_data("speech_commands")
    speech = real_data("librispeech") / "LibriSpeech"
    by_folder = {"as": "files", "label": {"from": "folder"}}
    by_name = {
        "as": "files",
        "label": {"from": "file", "pattern": r"^(\d)_"},
        "group": {"from": "file", "pattern": r"^\d_([a-z]+)_"},
    }
    flac = sorted((drums / "flac").rglob("*.flac"))
    archive = zip_bytes({str(path.relative_to(drums)): path for path in flac})
    url = world.site.add("/real/drums.zip", archive, media_type="application/zip")
    zipped = {"kind": "http", "url": url, "license": {"declared": "CC0-1.0"}, "items": by_folder}
    return [
        _folder("drums", drums / "wav", "**/*.wav", by_folder, "LicenseRef-Mixed"),
        RealSource("drums-zip", zipped, len(flac), "CC0-1.0"),
        _folder("digits", digits / "recordings", "*.wav", by_name, "CC-BY-SA-4.0"),
        _folder("commands", commands, "**/*.wav", by_folder, "CC-BY-4.0"),
        _folder("readings", speech, "**/*.flac", {"as": "files"}, "CC-BY-4.0"),
    ]


def _folder(name: str, path: Path, glob: str, items: Mapping[str, Any], license_name: str) -> RealSource:
    block = {
        "kind": "local",
        "path": str(path),
        "license": {"declared": license_name},
        "files": {"include": [glob]},
        "items": dict(items),
    }
    return RealSource(name, block, len(list(path.glob(glob if "**" in glob else f"**/{glob}"))), license_name)


# --- text and pages -----------------------------------------------------------------------------------------------------


def text_sources() -> list[RealSource]:
    """Declare a folder of real texts in eleven encodings."""
    root = real_data("text_small") / "charset_normalizer"
    return [_folder("encodings", root, "*.txt", {"as": "files"}, "MIT")]


def malicious_sources() -> list[RealSource]:
    """Declare the real attacks as folders of one's own: nothing may crash, leave its folder or be lost in silence."""
    root = real_data("malicious")
    return [
        RealSource(
            f"bad-{folder.name.replace('_', '-')}",
            {"kind": "local", "path": str(folder), "license": {"declared": "Apache-2.0"}},
            None,
        )
        for folder in sorted(root.iterdir())
        if folder.is_dir()
    ]


def page_sources(world: World) -> list[RealSource]:
    """Serve real saved pages from one start page each, under a real robots.txt that forbids `FORBIDDEN`."""
    pages = real_data("web_pages")
    world.site.robots((real_data("robots_txt") / "sites_2019" / "www.stlouisfed.org").read_bytes())
    world.site.add(f"{FORBIDDEN}index.html", "<p>robots.txt keeps everybody out of here</p>")
    articles = {folder.name: folder / "source.html" for folder in sorted((pages / "readability").iterdir())}
    licensed = {path.stem: path for path in sorted((pages / "trafilatura-eval" / "pages").glob("*.html"))[:40]}
    news = sorted((pages / "article-extraction-benchmark" / "html").glob("*.html.gz"))[:20]
    zipped = {path.name.removesuffix(".html.gz"): gzip.decompress(path.read_bytes()) for path in news}
    return [
        _site(world, "pages-articles", {name: path for name, path in articles.items() if path.is_file()}),
        _site(world, "pages-licensed", licensed),
        _site(world, "pages-news", zipped),
    ]


def _site(world: World, name: str, pages: Mapping[str, Path | bytes]) -> RealSource:
    """Serve pages under numbered paths (their names may be anything), and a start page that links to all of them."""
    links = ""
    for number, page in enumerate(pages.values()):
        world.site.add(f"/{name}/page-{number}.html", page, media_type="text/html")
        links += f'<li><a href="page-{number}.html">{number}</a></li>\n'
    index = f'<html><body><ul>{links}</ul><a href="{FORBIDDEN}index.html">not for you</a></body></html>'
    start = world.site.add(f"/{name}/", index)
    block = {
        "kind": "spider",
        "spider": "pages",
        "start": [start],
        "delay": "5ms",
        "limits": {"depth": 1, "pages": len(pages) + 20},
    }
    return RealSource(name, block, None, pages=len(pages))

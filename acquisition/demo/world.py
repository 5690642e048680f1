"""The filled demo world: open it in a directory, print the declaration that uses all of it, know what was planted."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

import yaml

from acquisition.demo import pages, shelf
from acquisition.demo.data import DemoData, make
from acquisition.demo.servers import World

SEED: Final = 7
CORPUS: Final = "mcv-scripted-xx-v24.0"
UNWANTED: Final = "kick/kick-03.wav"
"""A recording of `drums` that has to leave at the end; the archive of `kit` holds the same one under another name."""
_FIXED_TIME: Final = 1_767_225_600
_PORTS: Final = "ports.json"

_CARD: Final = "---\nlicense: {license}\nlanguage: en\n---\n# {title}\n\nWritten by a program for a demonstration.\n"


def open_world(directory: Path, seed: int = SEED) -> World:
    """Start the servers, fill them, and write the local sample pack into `directory`/packs.

    The ports are written down in the directory and taken again the next time if they are free, so that URLs stay the same.
    """
    directory.mkdir(parents=True, exist_ok=True)
    world = World(ports=_ports_of(directory))
    (directory / _PORTS).write_text(json.dumps(world.ports) + "\n", encoding="utf-8")
    data = make(seed)
    _fill_hubs(world, data)
    pages.build(world.site, seed)
    world.site.add("/files/kit.zip", data.kit, media_type="application/zip")
    world.site.add("/files/guestbook.csv", data.guestbook, media_type="text/csv")
    _write_pack(directory / "packs", data.pack)
    _write_pack(directory / "album", shelf.album(seed))
    _write_pack(directory / "letters", shelf.letters(seed))
    _write_pack(directory / "survey", {"survey.csv": shelf.survey(seed)})
    _write_pack(directory / "benchmark", {"questions.jsonl": shelf.benchmark()})
    return world


def planted(seed: int = SEED) -> Mapping[str, Any]:
    """Return what was planted where, so that it can be compared with what was caught (docs/demo.md explains the keys)."""
    data: dict[str, Any] = dict(make(seed).planted)
    site: dict[str, Any] = dict(pages.planted())
    own: dict[str, Any] = dict(shelf.planted())
    candidates = {**data["candidates"], **own["candidates"], "articles": site["articles"], "plates": site["plates"]}
    refused = candidates.pop("lyrics")
    unlicensed = site["unlicensed"] + candidates["attic"]
    rights = {"license.unknown": unlicensed, "license.denied": site["non-commercial"]}
    rights["opt-out.training"] = sum(site["opt-outs"].values())
    flags = {**data["flags"], **own["flags"], **rights}
    flags["duplicate.near"] += own["near-pictures"]
    facts = {"candidates": candidates, "flags": flags, "opt-outs": site["opt-outs"], "observations": own["observations"]}
    paths = {name: site[name] for name in ("forbidden", "reserved")}
    unwanted = {"name": UNWANTED, "sha256": hashlib.sha256(make(seed).drums[UNWANTED]).hexdigest(), "items": 2}
    return MappingProxyType({**data, **facts, "refused": {"lyrics": refused}, **paths, "unwanted": unwanted})


def environment(world: World) -> Mapping[str, str]:
    """Return the environment variables that the declaration names: credentials that open these servers and nothing else."""
    return MappingProxyType(
        {
            "DEMO_KAGGLE_TOKEN": world.kaggle.token,
            "DEMO_HF_TOKEN": world.hub.token,
            "DEMO_MDC_KEY": world.collective.token,
        }
    )


def declaration(world: World, *, layout: Literal["folders", "parquet"] = "folders", seed: int = SEED) -> str:
    """Return the text of a sources.yaml for this world: all seven kinds, every host replaced by its stand-in.

    It belongs beside the folder `packs` of the directory that the world was opened in.
    """
    value = {
        "version": 1,
        "dataset": {
            "name": "demo-world",
            "title": "Drums, notes and plates of a small made-up world",
            "use": {"training": True, "commercial": True, "redistribute": False, "derivatives": True},
        },
        "contact": {"name": "Demo World", "url": "https://example.org/demo-crawler", "email": "demo@example.org"},
        "limits": {"disk_reserve": "10MB"},
        "sources": _sources(world, make(seed)),
        "filters": {
            "pii": {},
            "duplicates": {"against": [{"name": "riddles", "path": "benchmark/questions.jsonl"}]},
            "llm_style": {},
            "quality": {"audio": {"min_seconds": 0.05}},
        },
        "curated": _curated(layout),
        "manifest": ["items", "croissant", "attributions"],
    }
    return yaml.dump(value, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)


class _Readable(yaml.SafeDumper):
    """Writes everything out, without anchors."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


# --- filling ------------------------------------------------------------------------------------------------------------


def _ports_of(directory: Path) -> Mapping[str, int]:
    try:
        ports = json.loads((directory / _PORTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return ports if isinstance(ports, dict) else {}


def _fill_hubs(world: World, data: DemoData) -> None:
    first = dict(list(data.drums.items())[:10])
    facts: dict[str, Any] = {"title": "One-shot drums", "creator": "North Side Studio", "zipped": ("kick/kick-24.wav",)}
    world.kaggle.add("northside", "one-shot-drums", first, **facts)
    world.kaggle.add("northside", "one-shot-drums", data.drums, **facts)
    names = b"Notes that visitors left: label and text, separated by a tab.\n"
    world.uci.add(
        901,
        "Visitor Notes",
        "visitor+notes",
        {"notes.tsv": data.notes, "notes.names": names},
        creators=["M. Harbour", "L. Quay"],
    )
    for repo, title, license_name, files in (
        ("harbour/short-reviews", "Short reviews", "cc0-1.0", {"data/train-00000-of-00001.parquet": data.reviews}),
        ("quiet/lyrics", "Lyrics", "cc-by-nc-4.0", {"data/train.parquet": data.lyrics}),
    ):
        world.hub.add(repo, files, _CARD.format(license=license_name, title=title))
    world.hub.add("attic/unsorted-notes", {"unsorted.csv": data.attic}, "# Unsorted notes\n\nFound in the attic.\n")
    world.collective.add(
        "cmdemo0xx", data.voices, slug=CORPUS, name="Common Voice Scripted Speech 24.0 - xx", checksum="prefixed"
    )


def _write_pack(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the pack with fixed times, so that the folder is the same release on every run."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (_FIXED_TIME, _FIXED_TIME))


# --- declaring ----------------------------------------------------------------------------------------------------------


def _sources(world: World, data: DemoData) -> dict[str, Any]:
    site = world.site.base_url
    hits = {"kick": "kick", "BD": "kick", "snare": "snare", "SD": "snare", "hat": "hat", "HH": "hat"}
    from_folder = {"as": "files", "label": {"from": "folder", "rename": hits}}
    return {
        "drums": {
            "kind": "kaggle",
            "dataset": "northside/one-shot-drums",
            "base_url": world.kaggle.base_url,
            "auth": {"env": "DEMO_KAGGLE_TOKEN"},
            "files": {"include": ["**/*.wav"]},
            "items": from_folder,
            "why": "one folder per instrument, in the public domain",
        },
        "packs": {
            "kind": "local",
            "path": "packs",
            "license": {"declared": "CC-BY-4.0", "evidence": "packs/LICENSE.txt", "owner": "Demo World"},
            "files": {"include": ["**/*.wav"]},
            "items": from_folder,
        },
        "kit": {
            "kind": "http",
            "urls": [{"url": f"{site}/files/kit.zip", "sha256": hashlib.sha256(data.kit).hexdigest()}],
            "license": {"declared": "CC-BY-4.0"},
            "attribution": {"author": "Kit Maker", "title": "A small kit"},
            "items": from_folder,
        },
        "notes": {
            "kind": "uci",
            "id": 901,
            "base_url": world.uci.base_url,
            "files": {"include": ["**/notes.tsv"]},
            "read": {"header": False, "delimiter": "\t", "quotechar": ""},
            "items": {"as": "rows", "label": 0, "text": 1},
        },
        **_hub_sources(world),
        **_shelf_sources(),
        "guestbook": {
            "kind": "http",
            "url": f"{site}/files/guestbook.csv",
            "license": {"declared": "CC-BY-4.0"},
            "items": {"as": "rows", "text": "text", "label": "label"},
        },
        "voices": {
            "kind": "common_voice",
            "dataset": CORPUS,
            "accept_terms": True,
            "base_url": world.collective.base_url,
            "auth": {"env": "DEMO_MDC_KEY"},
            "items": {"table": "validated", "text": "sentence", "group": "client_id"},
        },
        **_web_sources(site),
    }


def _hub_sources(world: World) -> dict[str, Any]:
    host = {"kind": "huggingface", "base_url": world.hub.base_url, "auth": {"env": "DEMO_HF_TOKEN"}}
    parquet = {"include": ["data/*.parquet"]}
    renamed = {"column": "label", "rename": {"pos": "praise", "neg": "complaint", "ask": "question"}}
    return {
        "reviews": {
            **host,
            "repo": "harbour/short-reviews",
            "files": parquet,
            "items": {"as": "rows", "text": "text", "label": renamed},
        },
        "attic": {
            **host,
            "repo": "attic/unsorted-notes",
            "files": {"include": ["*.csv"]},
            "items": {"as": "rows", "text": "text", "label": "label"},
            "why": "nobody knows its license, so it is held until somebody finds out",
        },
        "lyrics": {
            **host,
            "repo": "quiet/lyrics",
            "files": parquet,
            "items": {"as": "rows", "text": "text", "label": "label"},
            "why": "its license forbids commercial use, so nothing of it is downloaded",
        },
    }


def _shelf_sources() -> dict[str, Any]:
    own = {"kind": "local", "license": {"declared": "CC-BY-4.0"}}
    return {
        "album": {**own, "path": "album", "items": {"as": "files", "label": {"from": "text", "value": "drawing"}}},
        "letters": {**own, "path": "letters"},
        "survey": {**own, "path": "survey", "items": {"as": "rows"}},
    }


def _web_sources(site: str) -> dict[str, Any]:
    polite = {"kind": "spider", "delay": "20ms"}
    limits = {"pages": 60, "depth": 3, "seconds": "60s"}
    return {
        "articles": {**polite, "spider": "pages", "start": [f"{site}/articles/"], "limits": limits},
        "plates": {**polite, "spider": "gallery", "start": [f"{site}/gallery/"], "limits": limits},
    }


def _curated(layout: str) -> dict[str, Any]:
    classes = {"kicks": ["kick"], "snares": ["snare"], "hats": ["hat"]}
    splits = {"train": 0.8, "validation": 0.1, "test": 0.1, "group_by": ["duplicate-cluster", "group"], "seed": 7}
    curated: dict[str, Any] = {"layout": layout, "classes": classes, "splits": splits}
    if layout == "folders":
        curated["path"] = "{split}/{class}/{name}"
    return curated

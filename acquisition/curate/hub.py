"""The head of a dataset card as the Hub reads it: licenses, sizes and data files, from its own closed lists.

`RepoCard.validate()` asks the Hub; here a card is checked offline, against lists that huggingface/hub-docs had on 2026-08-22.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow.parquet as pq

from acquisition.settings import glob_pattern

_IDS: Final = (
    "apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m "
    "afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5 "
    "cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 "
    "cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0 "
    "cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl "
    "lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c ms-pl apple-ascl apple-amlr mpl-2.0 odc-by odbl "
    "openmdw-1.0 openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license "
    "fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 grok2-community gemma unknown other"
)
LICENSES: Final = frozenset(_IDS.split())
"""The Hub's license ids."""
_OTHERWISE: Final = {
    "AGPL-3.0-only": "agpl-3.0", "C-UDA-1.0": "c-uda", "GPL-2.0-only": "gpl-2.0", "GPL-3.0-only": "gpl-3.0",
    "LGPL-2.1-only": "lgpl-2.1", "LGPL-3.0-only": "lgpl-3.0", "LPPL-1.3c": "lppl-1.3c", "PDDL-1.0": "pddl", "Zlib": "zlib",
}  # fmt: skip
"""SPDX ids that the Hub has under another name. Its families (cc, gpl, odbl, odc-by…) have no version and stand for nothing."""
_FAMILIES: Final = frozenset({"cc", "bsd", "gpl", "lgpl", "gfdl", "odbl", "odc-by", "openrail", "unknown", "other"})
SIZES: Final = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"), (10_000_000_000, "1B<n<10B"), (100_000_000_000, "10B<n<100B"),
    (1_000_000_000_000, "100B<n<1T"),
)  # fmt: skip
_TASK_IDS: Final = (
    "text-classification token-classification table-question-answering question-answering zero-shot-classification translation "
    "summarization feature-extraction text-generation fill-mask sentence-similarity text-to-speech text-to-audio "
    "automatic-speech-recognition audio-to-audio audio-classification audio-text-to-text voice-activity-detection "
    "depth-estimation image-classification object-detection image-segmentation text-to-image image-to-text image-to-image "
    "image-to-video unconditional-image-generation video-classification reinforcement-learning robotics tabular-classification "
    "tabular-regression tabular-to-text table-to-text multiple-choice text-ranking text-retrieval time-series-forecasting "
    "text-to-video image-text-to-text visual-question-answering document-question-answering zero-shot-image-classification "
    "graph-ml mask-generation zero-shot-object-detection text-to-3d image-to-3d image-feature-extraction video-text-to-text "
    "keypoint-detection visual-document-retrieval any-to-any video-to-video other"
)
TASKS: Final = frozenset(_TASK_IDS.split())
"""The Hub's categories of tasks."""
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}|code|multilingual")
_MODALITIES: Final = {"audio": "audio", "image": "image", "table": "tabular", "text": "text"}
_TAGS: Final = frozenset({*_MODALITIES.values(), "mlcroissant", "webdataset"})


def license_id(spdx: str) -> str:
    """Return the Hub's id for one license, "" where it has none of exactly this license and version."""
    known = _OTHERWISE.get(spdx) or spdx.lower()
    return known if known in LICENSES - _FAMILIES else ""


def license_head(licenses: Sequence[str], link: str) -> dict[str, str]:
    """Return the fields on the license: the Hub's id where all items have one license that it knows, else a name and a link."""
    if len(licenses) == 1 and (known := license_id(licenses[0])):
        return {"license": known}
    if len(licenses) == 1 and licenses[0] == "NOASSERTION":
        return {"license": "unknown"}
    # the Hub takes no spaces and brackets in a name; what they mean stands in the file that is linked
    name = re.sub(r"[^a-z0-9.]+", "-", licenses[0].lower()).strip("-") if len(licenses) == 1 else "mixed"
    return {"license": "other", "license_name": name, "license_link": link} if licenses else {}


def size_category(items: int) -> str:
    """Return the Hub's word for how many items there are."""
    return next((name for limit, name in SIZES if items < limit), "n>1T")


def tags(modalities: Mapping[str, int], layout: str) -> list[str]:
    """Return the tags that make the Hub show the right modality and library."""
    found = [_MODALITIES[name] for name, count in sorted(modalities.items()) if count and name in _MODALITIES]
    return [*found, *(["webdataset"] if layout == "webdataset" else []), "mlcroissant"]


def dataset_info(
    directory: Path,
    configs: Sequence[Mapping[str, Any]],
    splits: Mapping[str, int],
    features: Mapping[str, Sequence[Mapping[str, Any]]],
) -> list[dict[str, Any]]:
    """Return what each config holds: its splits with rows and bytes, and its features: told by its name, or by the files.

    `splits` counts the items of the whole set, which is what a single config of archives holds. Where the rows of a config
    cannot be counted without reading all of it no numbers are given: `datasets` compares them when it loads.
    """
    files = list(_files(directory)) if configs else []
    found = []
    for config in configs:
        counted = [
            _split(directory, entry, files, splits if len(configs) == 1 else {}) for entry in config.get("data_files", ())
        ]
        info: dict[str, Any] = {"config_name": config["config_name"]}
        if told := features.get(config["config_name"]) or _features(directory, files):
            info["features"] = told
        if counted and all(one is not None for one in counted):
            whole = sum(one["num_bytes"] for one in counted if one is not None)
            info |= {"splits": counted, "download_size": whole, "dataset_size": whole}
        if len(info) > 1:
            found.append(info)
    return found


def _files(directory: Path) -> Iterator[tuple[str, int]]:
    for folder, folders, names in os.walk(directory):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            yield path.relative_to(directory).as_posix(), path.stat().st_size


def _split(
    directory: Path, entry: Mapping[str, Any], files: Sequence[tuple[str, int]], splits: Mapping[str, int]
) -> dict[str, Any] | None:
    globs = entry["path"] if isinstance(entry["path"], list) else [entry["path"]]
    patterns = [glob_pattern(glob) for glob in globs]
    begins = tuple(re.split(r"[*?\[]", glob, maxsplit=1)[0] if "/" in glob else "" for glob in globs)
    near = ((path, size) for path, size in files if path.startswith(begins))
    matched = [(path, size) for path, size in near if any(pattern.fullmatch(path) for pattern in patterns)]
    rows = _rows(directory, [path for path, _ in matched])
    count = splits.get(entry["split"]) if rows is None else rows
    if count is None:
        return None
    return {"name": entry["split"], "num_bytes": sum(size for _, size in matched), "num_examples": count}


def _rows(directory: Path, paths: Sequence[str]) -> int | None:
    """Return how many rows files hold, None for archives: tables' own count, one for each medium, else lines."""
    if any(path.endswith(".tar") for path in paths):
        return None
    if paths and all(path.endswith(".parquet") for path in paths):
        return sum(int(pq.read_metadata(directory / path).num_rows) for path in paths)
    media = [path for path in paths if not path.endswith(".jsonl")]
    return len(media) if media else sum(_lines(directory / path) for path in paths)


def _lines(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1 << 20), b""))


def _features(directory: Path, files: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    """Return the features that the tables name for `datasets`, in the form of a card; [] where there are no tables."""
    table = next((path for path, _ in files if path.endswith(".parquet")), None)
    told = (pq.read_schema(directory / table).metadata or {}).get(b"huggingface") if table else None
    features: dict[str, Any] = orjson.loads(told)["info"]["features"] if told else {}
    return [_feature(name, kind) for name, kind in features.items()]


def _feature(name: str, kind: Mapping[str, Any]) -> dict[str, Any]:
    if kind.get("_type") == "Value":
        return {"name": name, "dtype": kind["dtype"]}
    if kind.get("_type") == "List":
        return {"name": name, "list": kind["feature"]["dtype"]}
    if "_type" in kind:
        return {"name": name, "dtype": str(kind["_type"]).lower()}
    return {"name": name, "struct": [_feature(inner, one) for inner, one in kind.items()]}


def head_problems(head: Mapping[str, Any], licenses: Sequence[str], items: int, directory: Path) -> list[str]:
    """Return what the Hub would refuse in a head, or what would not be so: closed lists, licenses, sizes, files of configs."""
    found = []
    license_ = head.get("license")
    if items and head.get("license") != license_head(licenses, "x").get("license"):
        found.append(f"license {license_!r} is not that of the items: {', '.join(licenses)}")
    if license_ is not None and license_ not in LICENSES:
        found.append(f"{license_!r} is no license of the Hub's list")
    if license_ == "other" and not (head.get("license_name") and head.get("license_link")):
        found.append("license other needs license_name and license_link")
    if head.get("size_categories") != [size_category(items)]:
        found.append(f"size_categories {head.get('size_categories')!r} is not that of {items:,} items")
    found += [f"{tag!r} is no tag of ours" for tag in head.get("tags", ()) if tag not in _TAGS]
    found += [f"{one!r} is no code of a language" for one in head.get("language", ()) if not _LANGUAGE.fullmatch(one)]
    found += [f"{one!r} is no category of tasks" for one in head.get("task_categories", ()) if one not in TASKS]
    names = [config.get("config_name") for config in head.get("configs", ())]
    found += ["a config has no name, or two have the same"] if len(set(names)) < len(names) or None in names else []
    paths = [path for path, _ in _files(directory)]
    for entry in (entry for config in head.get("configs", ()) for entry in config.get("data_files", ())):
        globs = entry["path"] if isinstance(entry["path"], list) else [entry["path"]]
        found += [
            f"no file is called {glob}" for glob in globs if not any(glob_pattern(glob).fullmatch(path) for path in paths)
        ]
    return found

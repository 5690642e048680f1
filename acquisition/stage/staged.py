"""What a source's staging directory holds: the record that names its inputs, its shards and its rejections."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from acquisition.model import Rejection, Shard
from acquisition.settings import SourceSettings
from acquisition.stage.parts import Held, PartResult, shards_from
from acquisition.stage.withdrawn import CODE
from acquisition.tombstones import NONE
from acquisition.workspace import write_json

RECORD: Final = "stage.json"
"""Written last: what it does not name is not there yet."""
_INPUTS: Final = "inputs.json"


@dataclass(frozen=True, slots=True)
class Staged:
    """A staged release. `key` names its inputs; `capped` is true when a limit on items cut it short."""

    source: str
    release: str
    key: str
    directory: str
    shards: tuple[Shard, ...]
    rejections: tuple[Rejection, ...]
    items: int
    capped: bool
    tombstones: str = NONE
    """The digest of the tombstones that none of the items falls under."""

    @property
    def digest(self) -> str:
        """Names the content of all shards."""
        return hashlib.sha256("\n".join(shard.digest for shard in self.shards).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that staging depends on: how files are read (a digest), and the files by path with their sha256."""

    told: str
    files: Mapping[str, str]

    @property
    def key(self) -> str:
        """The digest of all of it."""
        hashed = hashlib.sha256(self.told.encode())
        for path, sha256 in sorted(self.files.items()):
            hashed.update(f"\n{path} {sha256}".encode())
        return hashed.hexdigest()


def inputs_of(
    held: Iterable[Held], settings: SourceSettings, release: str, reader: str, versions: str, limit: int | None
) -> Inputs:
    """Return what staging depends on: bytes, how they are read, and by which reader versions."""
    told = settings.model_dump(mode="json", by_alias=True, include={"items", "read", "files"})
    digest = hashlib.sha256(json.dumps([release, reader, versions, limit, told], sort_keys=True).encode()).hexdigest()
    return Inputs(digest, {file.path: file.sha256 for file in held})


def directory_name(revision: str, key: str) -> str:
    """Return the folder of a staged release: a readable start of the revision and of the key of its inputs."""
    readable = re.sub(r"[^A-Za-z0-9._-]", "-", revision.removeprefix("sha256:"))[:16] or "unpinned"
    return f"{readable}-{key[:8]}"


def sieved_key(key: str, tombstones: str) -> str:
    """Return the key of items that are staged through these tombstones: other shards than those that were cut later."""
    return key if tombstones == NONE else hashlib.sha256(f"{key} {tombstones}".encode()).hexdigest()


def staged_from(
    source: str, release: str, key: str, directory: Path, results: Sequence[PartResult], tombstones: str = NONE
) -> Staged:
    """Return the staged release that the results of its parts add up to."""
    return Staged(
        source=source,
        release=release,
        key=key,
        directory=str(directory),
        shards=tuple(shard for result in results for shard in result.shards),
        rejections=ordered(rejection for result in results for rejection in result.rejections),
        items=sum(result.items for result in results),
        capped=any(result.capped for result in results),
        tombstones=tombstones,
    )


def ordered(rejections: Iterable[Rejection]) -> tuple[Rejection, ...]:
    """Return rejections in the order of files and rows, and what was taken down behind them: it was found at any time."""
    listed = list(rejections)
    last = sorted((one for one in listed if one.code == CODE), key=lambda one: (one.locator, one.detail))
    return (*(one for one in listed if one.code != CODE), *last)


def write_staged(staged: Staged, inputs: Inputs) -> None:
    """Record that all parts are done, and of which inputs."""
    directory = Path(staged.directory)
    write_json(directory / _INPUTS, asdict(inputs))
    write_json(directory / RECORD, asdict(staged))


def load_staged(directory: Path, key: str, tombstones: str = NONE) -> Staged | None:
    """Return the staged release if the directory holds it complete for exactly these inputs and tombstones, else None."""
    found = read_staged(directory)
    return found if found is not None and (found.key, found.tombstones) == (key, tombstones) else None


def read_staged(directory: Path) -> Staged | None:
    """Return the release that a directory holds complete, of whatever inputs, else None."""
    try:
        raw: dict[str, Any] = json.loads((directory / RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    shards = shards_from(raw["shards"], directory)
    if not all(Path(shard.path).exists() for shard in shards):
        return None
    return Staged(
        **{name: raw[name] for name in ("source", "release", "key", "items", "capped")},
        directory=str(directory),
        shards=shards,
        rejections=tuple(Rejection(**rejection) for rejection in raw["rejections"]),
        tombstones=raw.get("tombstones", NONE),
    )


def read_inputs(directory: Path) -> Inputs | None:
    """Return what a directory was staged from, None where it does not say."""
    try:
        raw = json.loads((directory / _INPUTS).read_bytes())
        return Inputs(str(raw["told"]), dict(raw["files"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None

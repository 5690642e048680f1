"""What a source's staging directory holds: the record that names its inputs, its shards and its rejections."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from acquisition.model import Rejection, Shard
from acquisition.settings import SourceSettings
from acquisition.stage.parts import Held, PartResult, shards_from
from acquisition.workspace import write_json


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

    @property
    def digest(self) -> str:
        """Names the content of all shards."""
        return hashlib.sha256("\n".join(shard.digest for shard in self.shards).encode()).hexdigest()


def directory_name(revision: str, key: str) -> str:
    """Return the folder of a staged release: a readable start of the revision and of the key of its inputs."""
    readable = re.sub(r"[^A-Za-z0-9._-]", "-", revision.removeprefix("sha256:"))[:16] or "unpinned"
    return f"{readable}-{key[:8]}"


def staging_key(
    held: Iterable[Held], settings: SourceSettings, release: str, reader: str, versions: str, limit: int | None
) -> str:
    """Return the digest of everything that staging depends on: bytes, how they are read, and by which reader versions."""
    told = settings.model_dump(mode="json", by_alias=True, include={"items", "read", "files"})
    hashed = hashlib.sha256(json.dumps([release, reader, versions, limit, told], sort_keys=True).encode())
    for file in sorted(held, key=lambda file: file.path):
        hashed.update(f"\n{file.path} {file.sha256}".encode())
    return hashed.hexdigest()


def staged_from(source: str, release: str, key: str, directory: Path, results: Sequence[PartResult]) -> Staged:
    """Return the staged release that the results of its parts add up to."""
    return Staged(
        source=source,
        release=release,
        key=key,
        directory=str(directory),
        shards=tuple(shard for result in results for shard in result.shards),
        rejections=tuple(rejection for result in results for rejection in result.rejections),
        items=sum(result.items for result in results),
        capped=any(result.capped for result in results),
    )


def write_staged(staged: Staged) -> None:
    """Record that all parts are done."""
    write_json(Path(staged.directory) / "stage.json", asdict(staged))


def load_staged(directory: Path, key: str) -> Staged | None:
    """Return the staged release if the directory holds it complete for exactly these inputs, else None."""
    try:
        raw: dict[str, Any] = json.loads((directory / "stage.json").read_bytes())
    except (OSError, ValueError):
        return None
    if raw["key"] != key:
        return None
    shards = shards_from(raw["shards"], directory)
    if not all(Path(shard.path).exists() for shard in shards):
        return None
    return Staged(
        **{name: raw[name] for name in ("source", "release", "key", "items", "capped")},
        directory=str(directory),
        shards=shards,
        rejections=tuple(Rejection(**rejection) for rejection in raw["rejections"]),
    )

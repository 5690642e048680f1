"""The addresses that a crawl begins with, written by the command and read by the crawler."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

from acquisition.errors import WorkspaceDamaged
from acquisition.protocols import Seed
from acquisition.workspace import atomic_file

SEEDS_FILE: Final = "seeds.jsonl"


def write_seeds(directory: Path, seeds: Iterable[Seed]) -> None:
    """Write the seeds of a run, all or none; those that are there already stay, for a run that is resumed asks the same."""
    target = directory / SEEDS_FILE
    if target.exists():
        return
    with atomic_file(target) as stream:
        for seed in seeds:
            stream.write(json.dumps(asdict(seed), ensure_ascii=False, default=str).encode("utf-8", "surrogatepass") + b"\n")


def read_seeds(directory: Path) -> Iterator[Seed]:
    """Yield the seeds of a run in their order; WorkspaceDamaged when the file is none of ours."""
    path = directory / SEEDS_FILE
    if not path.exists():
        return
    with path.open("rb") as stream:
        for line in stream:
            try:
                yield Seed(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise WorkspaceDamaged(f"the crawl's seeds cannot be read: {error}", where=str(path)) from error

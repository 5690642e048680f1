"""The addresses that a crawl begins with, written by the command and read by the crawler."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from acquisition.errors import WorkspaceDamaged
from acquisition.workspace import atomic_file

if TYPE_CHECKING:
    from acquisition.protocols import Seed

SEEDS_FILE: Final = "seeds.jsonl"
_OPTIONS: Final = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
"""What JSON has no word for is written as `str` says it."""


def write_seeds(directory: Path, seeds: Iterable[Seed]) -> None:
    """Write the seeds of a run, all or none; those that are there already stay, for a run that is resumed asks the same."""
    target = directory / SEEDS_FILE
    if target.exists():
        return
    with atomic_file(target) as stream:
        for seed in seeds:
            stream.write(_line({"url": seed.url, "reason": seed.reason, "fields": seed.fields, "expect": seed.expect}))


def _line(said: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(said, default=_plain, option=_OPTIONS)
    except TypeError:  # halves of surrogate pairs, numbers beyond 64 bits, keys that are no texts
        return json.dumps(said, ensure_ascii=False, default=_plain).encode("utf-8", "surrogatepass") + b"\n"


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def read_seeds(directory: Path) -> Iterator[Seed]:
    """Yield the seeds of a run in their order; WorkspaceDamaged when the file is none of ours."""
    from acquisition.protocols import Seed  # it loads pyarrow, which a list's processes have no use for

    path = directory / SEEDS_FILE
    if not path.exists():
        return
    with path.open("rb") as stream:
        for line in stream:
            try:
                yield Seed(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise WorkspaceDamaged(f"the crawl's seeds cannot be read: {error}", where=str(path)) from error

"""What the flow tests of the main job share: a declaration in a directory of its own, run in this process or as a child."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from acquisition.demo import world as demo_world
from acquisition.demo.servers import World
from acquisition.pipeline import Session, SourceSummary, Summary, fetch, open_session

ROOT: Final = Path(__file__).resolve().parents[2]
PYTHON: Final = (sys.executable, "-c", "from acquisition.cli import main; main()")
TIMES: Final = frozenset({"prov:endedAtTime", "created_at", "retrieved_at", "decided_at", "accepted_at", "resolved_at", "at"})
"""Names of the fields and columns that say when something happened; everything else has to be the same in every run."""

_DIGESTS_OF_TIMES: Final = frozenset({"SHA256SUMS"})


@dataclass(frozen=True, slots=True)
class Ran:
    """How a child process ended: exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found


def plain_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without credentials and proxies, and with what is given."""
    unwanted = ("KAGGLE", "HF_", "HUGGING", "MDC_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "COVERAGE", "PYTEST")
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(unwanted)}
    return {**kept, **(more or {})}


def start(directory: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start `acquire` as a child process in a directory, at the head of a process group of its own."""
    return subprocess.Popen(
        [*PYTHON, *arguments],
        cwd=directory,
        env=plain_environment({"PYTHONPATH": str(ROOT), **(environment or {})}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(child: subprocess.Popen[str], seconds: float = 120) -> Ran:
    """Wait for a child process."""
    out, err = child.communicate(timeout=seconds)
    return Ran(child.returncode, out, err)


def acquire(directory: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Ran:
    """Run `acquire` as a child process in a directory."""
    return ended(start(directory, *arguments, environment=environment))


@dataclass
class Place:
    """A directory with a declaration, the world that it asks, and the credentials for it."""

    directory: Path
    world: World
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def workspace(self) -> Path:
        """Where the run puts everything."""
        return self.directory / "data"

    @property
    def declaration(self) -> dict[str, Any]:
        """sources.yaml as values."""
        found: dict[str, Any] = yaml.safe_load((self.directory / "sources.yaml").read_text(encoding="utf-8"))
        return found

    def declare(self, value: Mapping[str, Any]) -> None:
        """Write sources.yaml."""
        text = yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True)
        (self.directory / "sources.yaml").write_text(text, encoding="utf-8")

    def declare_sources(self, sources: Mapping[str, Any], **blocks: Any) -> None:
        """Write a sources.yaml of these sources; `blocks` are added or replace whole blocks."""
        self.declare({**BLOCKS, "sources": dict(sources), **blocks})

    def session(self, **how: Any) -> Session:
        """Open the declaration; `patience` replaces how patiently bytes are moved."""
        patience = how.pop("patience", None)
        opened = open_session(self.directory / "sources.yaml", environment=plain_environment(self.environment), **how)
        return opened if patience is None else replace(opened, patience=patience)

    def fetch(self, **how: Any) -> Summary:
        """Run the main job in this process; `until`, `locked` and `update` go to `fetch`, the rest to `session`."""
        steps = {name: how.pop(name) for name in ("until", "locked", "update") if name in how}
        return fetch(self.session(**how), **steps)

    def acquire(self, *arguments: str) -> Ran:
        """Run the command line as a child process."""
        return acquire(self.directory, *arguments, environment=self.environment)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command line as a child process."""
        return start(self.directory, *arguments, environment=self.environment)

    def items(self) -> list[dict[str, Any]]:
        """Return the manifest's entries."""
        found: list[dict[str, Any]] = pq.read_table(self.workspace / "manifest" / "items.parquet").to_pylist()
        return found

    def told(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a JSON Lines file of the manifest."""
        path = self.workspace / "manifest" / name
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


BLOCKS: Final[Mapping[str, Any]] = {
    "version": 1,
    "dataset": {"name": "flow", "use": {"training": True}},
    "contact": {"name": "Flow Tests", "url": "https://example.org/crawler", "email": "data@example.org"},
    "limits": {"disk_reserve": "10MB"},
}


@contextmanager
def empty_place(directory: Path) -> Iterator[Place]:
    """Start an empty world beside a directory for a declaration."""
    directory.mkdir(parents=True, exist_ok=True)
    with World() as world:
        yield Place(directory, world, demo_world.environment(world))


@contextmanager
def demo_place(
    directory: Path, *, spiders: bool = True, edit: Callable[[dict[str, Any]], None] | None = None
) -> Iterator[Place]:
    """Open the demo world in a directory and declare all of it, or all but the two crawls (they take most of the time)."""
    with demo_world.open_world(directory) as world:
        place = Place(directory, world, demo_world.environment(world))
        value = yaml.safe_load(demo_world.declaration(world))
        if not spiders:
            value["sources"] = {name: block for name, block in value["sources"].items() if block["kind"] != "spider"}
        if edit:
            edit(value)
        place.declare(value)
        yield place


def source(summary: Summary, name: str) -> SourceSummary:
    """Return what came of one source."""
    return next(found for found in summary.sources if found.name == name)


def codes(summary: Summary) -> dict[str, list[str]]:
    """Return source → codes of its errors, for sources that have some."""
    return {found.name: [error.code for error in found.errors] for found in summary.sources if found.errors}


# --- what lies on disk --------------------------------------------------------------------------------------------------


def stamps(directory: Path) -> dict[str, tuple[int, int, int]]:
    """Return path → inode, size and time of every file: equal when nothing was written anew."""
    return {
        str(path.relative_to(directory)): (status.st_ino, status.st_size, status.st_mtime_ns)
        for path in sorted(directory.rglob("*"))
        if path.is_file() and (status := path.stat())
    }


def timeless(directory: Path) -> dict[str, Any]:
    """Return path → content of a curated set or manifest, without the fields that say when something happened.

    Left out as well are digests (and packed sizes) of the manifest's own files that hold such times.
    """
    found: dict[str, Any] = {}
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        name = str(path.relative_to(directory))
        if path.name in _DIGESTS_OF_TIMES:
            found[name] = sorted(line.split("  ")[1] for line in path.read_text(encoding="utf-8").splitlines())
        elif path.suffix == ".parquet" and directory.name == "manifest":
            found[name] = [_without_times(row) for row in _table(path).to_pylist()]
        elif path.suffix in {".json", ".jsonl"} and directory.name == "manifest":
            found[name] = [_without_times(value) for value in _json_values(path)]
        else:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _table(path: Path) -> pa.Table:
    return pq.read_table(path)


def _json_values(path: Path) -> list[Any]:
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else [json.loads(text)]


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        unwanted = set(TIMES)
        if value.get("contentUrl") == "curated-items.parquet":
            unwanted |= {"sha256", "contentSize"}
        return {name: _without_times(entry) for name, entry in value.items() if name not in unwanted}
    if isinstance(value, list):
        return [_without_times(entry) for entry in value]
    return value

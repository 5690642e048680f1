"""The main job on the demo world, whether what was planted was caught, and whether what has to leave stays away."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from acquisition import manifest
from acquisition.demo import world as demo_world
from acquisition.manifest import Difference, Verified
from acquisition.pipeline.looking.proving import verify
from acquisition.pipeline.run import fetch
from acquisition.pipeline.session import Session, open_session
from acquisition.pipeline.summary import Summary
from acquisition.pipeline.withdrawal.asking import Request, Wanted
from acquisition.pipeline.withdrawal.takedown import Grounds, TakenDown, takedown
from acquisition.protocols import Reporter


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of planted thing: how many there are, and how many were caught."""

    what: str
    planted: int
    caught: int

    @property
    def right(self) -> bool:
        """Say whether both numbers agree."""
        return self.planted == self.caught


@dataclass(frozen=True, slots=True)
class Leaving:
    """A takedown after the main job: what was named, what left with it, how the two versions differ, and what stayed behind.

    `returned` counts the items that a further fetch has found again; `verified` has looked everywhere after that.
    """

    name: str
    done: TakenDown
    difference: Difference
    returned: int
    verified: Verified


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What the main job did on the demo world, and the takedown after it."""

    summary: Summary
    checks: tuple[Check, ...]
    leaving: Leaving
    directory: Path


def demonstrate(directory: Path, reporter: Reporter, stop: threading.Event, *, layout: str = "folders") -> Demonstration:
    """Open the demo world in a directory, run `fetch` on its declaration, compare what was caught, and take an item down."""
    planted = demo_world.planted()
    with demo_world.open_world(directory) as world:
        declaration = directory / "sources.yaml"
        text = demo_world.declaration(world, layout="parquet" if layout == "parquet" else "folders")
        declaration.write_text(text, encoding="utf-8")

        def opened() -> Session:
            environment = {**os.environ, **demo_world.environment(world)}
            return open_session(declaration, reporter=reporter, stop=stop, environment=environment)

        session = opened()
        summary = fetch(session)
        found = json.loads((session.workspace.manifest / "summary.json").read_bytes())
        leaving = _take_down(opened, planted["unwanted"])
        asked = [request.path for request in world.log]
    caught = (*checks(planted, found, summary, asked), *_gone(planted["unwanted"], leaving))
    return Demonstration(summary, caught, leaving, directory)


def _take_down(opened: Callable[[], Session], unwanted: Mapping[str, Any]) -> Leaving:
    """Take one recording down with its copies, fetch everything once more, and look whether it is anywhere."""
    session = opened()
    with tempfile.TemporaryDirectory(prefix="acquire-demo-") as temporary:
        before = Path(temporary) / "manifest"
        shutil.copytree(session.workspace.manifest, before)
        request = Request((Wanted("content", unwanted["sha256"]),))
        done = takedown(session, request, Grounds("DEMO-1", "the demo", "somebody asked for it"))
        difference = manifest.diff(before, session.workspace.manifest)
    fetch(opened())
    left = {item.content_sha256 for item in done.selection.items}
    column = pq.read_table(session.workspace.manifest / "items.parquet", columns=["content_sha256", "code"])
    rows = zip(*(column.column(name).to_pylist() for name in ("content_sha256", "code")), strict=True)
    returned = sum(content in left and code != "takedown" for content, code in rows)
    return Leaving(unwanted["name"], done, difference, returned, verify(opened()))


def _gone(unwanted: Mapping[str, Any], leaving: Leaving) -> tuple[Check, ...]:
    return (
        Check("items that a takedown takes out, with copies", unwanted["items"], len(leaving.done.selection.items)),
        Check("of these, found by the next fetch", 0, leaving.returned),
        Check("places of the workspace where one still is", 0, len(leaving.verified.findings)),
    )


def checks(planted: Mapping[str, Any], found: Mapping[str, Any], summary: Summary, asked: list[str]) -> tuple[Check, ...]:
    """Compare planted with caught, in the order in which people want to read it."""
    flags: Counter[str] = Counter()
    for flag in found["flags"]:
        flags[flag["code"]] += flag["count"]
    items = {source.name: source.items for source in summary.sources}
    refused = [source.name for source in summary.sources if any(error.code == "license-refused" for error in source.errors)]
    rejections = {source.name: source.rejections for source in summary.sources}
    return (
        Check("items found", sum(planted["candidates"].values()), sum(items.get(name, 0) for name in planted["candidates"])),
        *(Check(f"flag {code}", count, flags[code]) for code, count in sorted(planted["flags"].items())),
        *(
            Check(
                f"{code} of the column {column}",
                1,
                sum(one.code == code and one.field == column for one in summary.observations),
            )
            for code, column in sorted(planted["observations"].items())
        ),
        *(
            Check(f"{name}: rejected as {code}", 1, rejections.get(name, {}).get(code, 0))
            for name, code in sorted(planted["rejections"].items())
        ),
        Check("sources refused on their license before download", len(planted["refused"]), len(refused)),
        Check("requests below the forbidden path", 0, sum(path.startswith(planted["forbidden"]) for path in asked)),
        Check("requests below the path closed to AI crawlers", 0, sum(path.startswith(planted["reserved"]) for path in asked)),
    )

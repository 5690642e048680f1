"""The main job on the demo world, and whether what was planted was caught."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acquisition.demo import world as demo_world
from acquisition.pipeline.run import fetch
from acquisition.pipeline.session import open_session
from acquisition.pipeline.summary import Summary
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
class Demonstration:
    """What the main job did on the demo world."""

    summary: Summary
    checks: tuple[Check, ...]
    directory: Path


def demonstrate(directory: Path, reporter: Reporter, stop: threading.Event, *, layout: str = "folders") -> Demonstration:
    """Open the demo world in a directory, run `fetch` on its declaration, and compare what was caught with what was planted."""
    with demo_world.open_world(directory) as world:
        declaration = directory / "sources.yaml"
        text = demo_world.declaration(world, layout="parquet" if layout == "parquet" else "folders")
        declaration.write_text(text, encoding="utf-8")
        session = open_session(
            declaration, reporter=reporter, stop=stop, environment={**os.environ, **demo_world.environment(world)}
        )
        summary = fetch(session)
        asked = [request.path for request in world.log]
    found = json.loads((session.workspace.manifest / "summary.json").read_bytes())
    return Demonstration(summary, checks(demo_world.planted(), found, summary, asked), directory)


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

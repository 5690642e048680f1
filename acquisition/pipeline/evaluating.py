"""Evaluates a filter with the settings that a declaration gives it."""

from __future__ import annotations

import os
from pathlib import Path

from acquisition import evaluate as room
from acquisition import plugins
from acquisition.curate.policy import Policy
from acquisition.declare import load
from acquisition.errors import UsageError


def evaluate(name: str, labelled: Path, file: Path | None) -> tuple[room.Report, str]:
    """Evaluate a filter on a labelled file; return the report and where the settings came from.

    Without a declaration the filter's defaults and the built-in policy count. A filter that the declaration switches off is
    evaluated with its defaults: whoever asks wants to know. Names are taken with hyphens too, as `calibrate` takes them.
    """
    name = name.replace("-", "_")
    if file is None:
        return room.evaluate(name, labelled), "no declaration"
    declared = load(file, environment=os.environ)
    if name not in plugins.registered(plugins.FILTERS):
        raise UsageError(f"no filter is called {name!r}", hint=f"There are: {', '.join(plugins.registered(plugins.FILTERS))}.")
    settings = declared.declaration.filters.get(name)
    origin = f"{file}, filters.{name}" if settings else f"{file} says nothing of it"
    policy = Policy(declared.declaration.policy)
    report = room.evaluate(name, labelled, settings or None, policy=policy, base=str(declared.path.resolve().parent))
    return report, origin

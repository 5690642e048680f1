"""`acquire status`: what the workspace holds, and how the set stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from acquisition.cli import output
from acquisition.cli.advice import next_of_status
from acquisition.cli.crawling import activity_text
from acquisition.cli.output import size
from acquisition.cli.present import short
from acquisition.cli.run import common, declared
from acquisition.cli.sections import license_lines, not_checked_lines, step_lines, why_lines
from acquisition.cli.tables import columns, fitted, wrapped

if TYPE_CHECKING:  # the pipeline is heavy; it is imported when the command runs
    from acquisition.pipeline.looking.inspect import Status
    from acquisition.pipeline.looking.standing import Standing


@click.command("status")
@declared
@common
def command(*, file: Path, workspace: Path | None, as_json: bool, debug: bool) -> int:
    """Show what is pinned, held and staged, how the set stands with its licenses and duties, and what to do next.

    Reads only, and asks nobody, also while another command works.
    """
    del debug
    from acquisition import pipeline

    status = pipeline.status(pipeline.open_session(file, workspace))
    if as_json:
        output.emit_json("status", status.value() | {"next": next_of_status(status)})
    else:
        output.emit(status_text(status))
    return 0


def status_text(status: Status) -> str:
    """Return what the workspace holds: per source, then the set with its reasons, licenses and duties, then what comes next."""
    width = columns()
    lines = fitted(map(partial(_status_row, status), status.sources), _STATUS, width, right=_STATUS_COUNTS, spare=_STATUS_SPARE)
    crawls = [activity_text(entry["name"], entry["crawl"]) for entry in status.sources if entry["crawl"]]
    lines += ["", *(part for line in crawls for part in wrapped(line, width, rest="    "))] if crawls else []
    for one in status.held_back:
        lines += ["", *wrapped(f"{one.message} (seen {one.at})", width, first=f"held back: {one.name}: ", rest="  ")]
    if status.standing is not None:
        lines += why_lines(status.standing.codes, width)
        lines += license_lines(status.standing, width)
        lines += not_checked_lines(status.standing.not_checked, width)
    lines += step_lines(next_of_status(status), width)
    lines.append(f"\nworkspace: {status.workspace}")
    lines += wrapped(status.last_run or "none", width, first="last run: ", rest="  ")
    lines.append(f"curated set: {status.curated or 'none'}")
    lines += _standing_lines(status.standing, width)
    for push in status.pushed:
        visibility = "private" if push["private"] else "public"
        where = f"{push['endpoint']}/datasets/{push['repo']}"
        lines.append(f"pushed: {where} ({visibility}), version {push['version']}, commit {push['commit'][:12]}, {push['at']}")
    lines.append(f"disk free: {size(status.disk_free)}")
    return "\n".join(lines)


_STATUS: Final = ("source", "kind", "version", "files held", "items staged", "keep", "redact", "hold", "drop")
_STATUS_COUNTS: Final = frozenset(_STATUS[3:])
_STATUS_SPARE: Final = ("kind", "version", "items staged")


def _status_row(status: Status, entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a source's row; what is staged and not judged yet has no outcomes."""
    outcomes = Counter[str]()
    for (outcome, _), count in (status.standing.codes if status.standing else {}).get(entry["name"], {}).items():
        outcomes[outcome] += count
    return (
        entry["name"],
        entry["kind"],
        short(entry["revision"]) or "not pinned",
        f"{entry['files_held']:,}/{entry['files']:,}",
        f"{entry['items']:,}",
        *(f"{outcomes[outcome]:,}" if outcomes else "-" for outcome in ("keep", "redact", "hold", "drop")),
    )


def _standing_lines(standing: Standing | None, width: int) -> list[str]:
    if standing is None:
        return ["manifest: none"]
    if standing.trouble:
        return wrapped(standing.trouble, width, first="manifest: ", rest="  ")
    told = f"{standing.version}, since {standing.since}"
    if standing.before:
        told += f", a {standing.step} step from {standing.before}: {standing.why}"
    return wrapped(told, width, first="version of the set: ", rest="  ")

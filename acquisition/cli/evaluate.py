"""`acquire evaluate`: how right a filter is on a labelled file of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from acquisition.cli import output
from acquisition.cli.run import common

if TYPE_CHECKING:  # filters are heavy; they are loaded when the command runs
    from acquisition.evaluate import Report
    from acquisition.evaluate.metrics import Figure, Tally
    from acquisition.model import Observation

_DEFAULT = Path("sources.yaml")


@click.command("evaluate")
@click.argument("name", metavar="FILTER")
@click.argument("labelled", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "-f",
    "--file",
    type=click.Path(path_type=Path),
    default=None,
    help="The declaration whose settings of the filter count. [default: sources.yaml where it stands here, else none]",
)
@click.option("--show", type=click.IntRange(min=0), default=5, show_default=True, help="Mistakes that are shown line by line.")
@common
def command(*, name: str, labelled: Path, file: Path | None, show: int, as_json: bool, debug: bool) -> int:
    """Run FILTER over a labelled JSON Lines FILE and compare what it says with the labels.

    Prints precision, recall, F1 and false-positive rate with 95 % intervals, overall and per code, kind or domain, and the
    throughput. What the filter says that it did not check counts as missed and is listed apart. docs/evaluate.md has the forms.
    """
    del debug
    from acquisition.pipeline.evaluating import evaluate

    report, origin = evaluate(name, labelled, file or (_DEFAULT if _DEFAULT.is_file() else None))
    if as_json:
        output.emit_json("evaluate", {**report.plain(), "settings_from": origin})
    else:
        output.emit(_text(report, origin, show))
    return 0


def _text(report: Report, origin: str, show: int) -> str:
    head = f"filter {report.filter} (version {report.version}) on {report.lines:,} labelled lines of {report.file}"
    told = ", ".join(f"{key}: {value}" for key, value in report.settings.items())
    lines = [head, f"settings: {told or 'defaults'} ({origin})", ""]
    header = ("of", "counted", "precision", "recall", "F1", "false-positive rate", "found", "missed", "wrong", "not checked")
    lines.append(output.table([_row(tally) for tally in report.tallies], header, right=frozenset({6, 7, 8, 9})))
    lines.append("\neach figure with its 95 % interval (Wilson); – where there was nothing to count")
    lines += [f"\n{note}" for note in report.notes]
    lines += _mistakes(report, show)
    if report.observations:
        lines.append("\nof the samples as a whole:")
        lines += [_observed(one) for one in report.observations]
    if report.not_checked:
        lines.append("\nnot checked:")
        lines += [f"  {sentence}" for sentence in report.not_checked]
    lines.append(f"\n{_rate(report)}")
    return "\n".join(lines)


def _observed(one: Observation) -> str:
    of = ", ".join(part for part in (one.asset, one.field) if part)
    return f"  {one.code}{f' ({of})' if of else ''}: {one.figure} of {one.items:,}{f': {one.detail}' if one.detail else ''}"


def _mistakes(report: Report, show: int) -> list[str]:
    """Return the first lines that were missed or wrong; --json has all of them."""
    if not report.mistakes or not show:
        return []
    lines = [
        f"\n{len(report.mistakes):,} lines with mistakes" + (":" if len(report.mistakes) <= show else f", the first {show}:")
    ]
    for one in report.mistakes[:show]:
        told = [f"missed {', '.join(one.missed)}"] if one.missed else []
        told += [f"wrong {', '.join(one.wrong)}"] if one.wrong else []
        lines.append(f"  line {one.line}, id {one.id}: {'; '.join(told)}")
    return lines


def _row(tally: Tally) -> tuple[str, ...]:
    return (
        tally.name,
        tally.unit,
        _figure(tally.precision),
        _figure(tally.recall),
        _figure(tally.f1),
        _figure(tally.false_positive_rate),
        f"{tally.found:,}",
        f"{tally.missed:,}",
        f"{tally.wrong:,}",
        f"{tally.unchecked:,}" if tally.unchecked else "",
    )


def _figure(figure: Figure) -> str:
    return "–" if figure.value is None else f"{figure.value:.3f} ({figure.low:.3f}–{figure.high:.3f})"


def _rate(report: Report) -> str:
    seconds = max(report.seconds, 1e-9)
    return (
        f"{report.items:,} items, {output.size(report.octets)} in {output.duration(report.seconds)}: "
        f"{report.items / seconds:,.0f} items/s, {output.size(round(report.octets / seconds))}/s on one core "
        f"(ready after {output.duration(report.prepared)})"
    )

"""Computes the figures of docs/accuracy.md: every filter on the project's labelled sets and on real files beside the checkout.

`python -m benchmarks.accuracy [--only FILTER]… [--check]` writes the page anew, or says whether its figures still hold.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import benchmarks.accuracy as room
from acquisition import plugins
from acquisition.errors import FilterUnavailable
from acquisition.evaluate import SCORED, Report, Tally, evaluate
from acquisition.evaluate.metrics import Figure
from benchmarks.accuracy import LabelledSet

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
FIXTURES = ROOT / "tests" / "fixtures"
PAGE = ROOT / "docs" / "accuracy.md"
BEGIN, END = "<!-- {name}: begin -->", "<!-- {name}: end -->"
_MOST = 40


def main() -> int:
    """Evaluate what was asked for and put the tables into the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--only", action="append", choices=SCORED, help="this filter alone (may be repeated)")
    parser.add_argument("--print", action="store_true", help="print the tables and leave the page as it is")
    asked = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    for name in asked.only or SCORED:
        with tempfile.TemporaryDirectory(prefix="accuracy-") as folder:
            text = "\n".join(_section(name, Path(folder)))
        if asked.print:
            print(text)
            continue
        begin, end = BEGIN.format(name=name), END.format(name=name)
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n\n{text}\n{end}{rest.partition(end)[2]}"
        PAGE.write_text(page, encoding="utf-8")
        print(f"{name}: written", file=sys.stderr)
    return 0


def _section(name: str, folder: Path) -> Iterator[str]:
    """Yield the lines of one filter's part."""
    for labelled in _sets(name, folder):
        settings = plugins.filter_class(name).Settings.model_validate(dict(labelled.settings), strict=False)
        try:
            report = evaluate(name, labelled.file, settings, base=str(labelled.file.parent))
        except FilterUnavailable as error:
            yield f"### {labelled.title}\n\nnot computed: {error.message}\n"
            continue
        yield from _table(labelled, report)


def _sets(name: str, folder: Path) -> Iterator[LabelledSet]:
    own = FIXTURES / f"{name}.jsonl"
    if own.is_file():
        yield LabelledSet(
            "the project's own set", own, "Written for this project by a script beside it; small, and made to be hard."
        )
    for module in sorted(entry.name for entry in pkgutil.iter_modules(room.__path__) if not entry.name.startswith("_")):
        loaded = importlib.import_module(f"benchmarks.accuracy.{module}")
        if getattr(loaded, "FILTER", module) != name:
            continue
        if not SHARED.is_dir():
            print(f"{name}: the real files are not here ({SHARED}); their figures are left out", file=sys.stderr)
            continue
        place = folder / module
        place.mkdir()
        yield from loaded.sets(SHARED, place)


def _table(labelled: LabelledSet, report: Report) -> Iterator[str]:
    yield f"### {labelled.title}\n"
    rate = report.items / report.seconds if report.seconds else 0.0
    if labelled.note:
        yield f"{labelled.note}\n"
    yield f"{report.lines:,} lines; version {report.version} of the filter; {_rounded(rate)} items/s.\n"
    yield "| of | counted | labelled | flagged | precision | recall | F1 | false-positive rate | not checked |"
    yield "|---|---|---:|---:|---|---|---|---|---:|"
    yield from (_row(tally) for tally in report.tallies[:_MOST])
    if len(report.tallies) > _MOST:
        yield f"| … {len(report.tallies) - _MOST} more | | | | | | | | |"
    yield ""
    for note in report.notes:
        yield f"{note}\n"


def _row(tally: Tally) -> str:
    counts = (f"{tally.found + tally.missed:,}", f"{tally.right + tally.wrong:,}")
    figures = (_figure(one) for one in (tally.precision, tally.recall, tally.f1, tally.false_positive_rate))
    cells = (tally.name.replace("|", "\\|"), tally.unit, *counts, *figures, f"{tally.unchecked:,}" if tally.unchecked else "")
    return f"| {' | '.join(cells)} |"


def _figure(figure: Figure) -> str:
    return "–" if figure.value is None else f"{figure.value:.3f} ({figure.low:.3f}–{figure.high:.3f})"


def _rounded(rate: float) -> str:
    """Two digits are what a timing on a shared machine is worth."""
    return f"{float(f'{rate:.2g}'):,.0f}"


if __name__ == "__main__":
    raise SystemExit(main())

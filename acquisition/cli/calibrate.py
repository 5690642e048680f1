"""`acquire calibrate`: from where on a score is a flag, set by texts of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from acquisition.cli import output
from acquisition.cli.run import common

if TYPE_CHECKING:  # filters are heavy; they are loaded when the command runs
    from acquisition.filters.llm_style.calibration import Calibration, Domain, Share


@click.command("calibrate")
@click.argument("name", metavar="FILTER")
@click.argument("labelled", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--fpr", type=float, default=0.01, show_default=True, help="The false-positive rate that is aimed at.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("calibration.json"),
    show_default=True,
    help="Where to write it.",
)
@click.option("--min-words", type=click.IntRange(20), default=100, show_default=True, help="Shorter texts are left out.")
@click.option(
    "--date", default="", help="A date to write into it; none by default, so that the same file gives the same bytes."
)
@common
def command(*, name: str, labelled: Path, fpr: float, out: Path, min_words: int, date: str, as_json: bool, debug: bool) -> int:
    """Set the threshold of FILTER (llm-style) by a labelled JSON Lines FILE of {text, llm?, domain?}.

    Human texts alone give a threshold for the published word lists; with model texts of the same domains the words are
    weighed by your own sample, and the share of model text in a source can be estimated. docs/llm-style.md says how, and what
    it does not mean.
    """
    del debug
    from acquisition.pipeline.calibrating import calibrate_filter

    made = calibrate_filter(name, labelled, out, fpr=fpr, min_words=min_words, made=date)
    if as_json:
        output.emit_json("calibrate", _plain(made, out))
    else:
        output.emit(_text(made, out))
    return 0


def _text(made: Calibration, out: Path) -> str:
    rows = [_row(domain) for _, domain in sorted(made.domains.items())]
    header = (
        "domain",
        "human fit/cal/report",
        "model fit/cal/report",
        "scored by",
        "threshold",
        "false positives",
        "95 %",
        "found of model texts",
    )
    lines = [
        (
            f"{made.lines:,} lines, {made.left_out:,} of them with fewer than {made.min_words} words and left out; aimed at "
            f"{made.fpr:.2%}"
        ),
        "",
        output.table(rows, header),
    ]
    for name, domain in sorted(made.domains.items()):
        lines.append(f"\n{_named(name)}: {domain.verdict}")
        lines += [f"  {one.name}: {_counted(one.false_positives)}" for one in domain.slices]
        if domain.reference is None:
            lines.append(f"  share of model text in a source: not identifiable: {domain.refused}")
        else:
            lines.append(
                f"  share of model text in a source: can be estimated; {domain.reference.baseline:.3f} on human texts "
                f"is subtracted "
                f"(spread {domain.reference.spread:.3f}), {domain.reference.ceiling:.2f} is reported where all is model text"
            )
    lines.append(f"\nwritten to {out}; name it under filters.llm_style.calibration")
    return "\n".join(lines)


def _row(domain: Domain) -> tuple[str, ...]:
    return (
        _named(domain.name),
        f"{domain.human.fit}/{domain.human.calibrate}/{domain.human.report}",
        f"{domain.model.fit}/{domain.model.calibrate}/{domain.model.report}",
        {"fitted": "own words", "pooled": "words of all domains", "list": "published lists"}[domain.score],
        "–" if domain.threshold is None else f"{domain.threshold:.4f}",
        f"{domain.false_positives.seen} of {domain.false_positives.of}",
        f"{domain.false_positives.low:.2%}–{domain.false_positives.high:.2%}",
        "–" if domain.true_positives is None else _counted(domain.true_positives),
    )


def _counted(share: Share) -> str:
    return f"{share.seen} of {share.of} ({share.low:.1%}–{share.high:.1%})"


def _named(name: str) -> str:
    return "any other domain" if name == "*" else name


def _plain(made: Calibration, out: Path) -> dict[str, object]:
    from dataclasses import asdict

    domains = {
        name: {key: value for key, value in asdict(domain).items() if key not in ("vocabulary", "quantiles")}
        for name, domain in made.domains.items()
    }
    return {
        **{key: getattr(made, key) for key in ("sample", "fpr", "min_words", "lines", "left_out", "made")},
        "domains": domains,
        "file": str(out),
    }

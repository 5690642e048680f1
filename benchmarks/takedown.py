"""What a takedown of one item costs, step by step, in seconds of CPU.

    python -m benchmarks.takedown [--items 20000] [--keep FOLDER]

Documents of 1 KB are fetched, filtered (without personal data) and written down once; then one of them is taken down. Selection
(`show`, and `select`: is that still so, under the lock) and the cutting of shards, flags and signatures are what a takedown
itself takes; the rest is the ordinary way to a set and a manifest without it. Seconds are those of all processes together.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.idle import DECLARATION
from benchmarks.staging import make

STEPS = ("make_plan", "move", "stage_all", "sweep_away", "flag_all", "judge_all", "finish")


def cpu() -> float:
    """Return the CPU seconds of this process and of those that it has waited for."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, who))


@contextmanager
def timed(name: str, seconds: dict[str, float]) -> Iterator[None]:
    """Add what a block takes."""
    began = cpu()
    yield
    seconds[name] = seconds.get(name, 0.0) + cpu() - began


def watched(function: Callable[..., Any], seconds: dict[str, float]) -> Callable[..., Any]:
    """Return the function with a clock."""

    def run(*arguments: Any, **options: Any) -> Any:
        with timed(function.__name__, seconds):
            return function(*arguments, **options)

    return run


def measure(root: Path, items: int) -> dict[str, float]:
    """Take one of the items down and return the seconds of each step."""
    import pyarrow.parquet as pq

    from acquisition.pipeline import open_session, run
    from acquisition.pipeline.withdrawal import takedown as taking
    from acquisition.pipeline.withdrawal.asking import Request, Wanted
    from acquisition.pipeline.withdrawal.selecting import select
    from acquisition.pipeline.withdrawal.takedown import Grounds, takedown

    seconds: dict[str, float] = {}
    session = open_session(root / "sources.yaml", workers=1)
    shards = sorted(session.workspace.staging.glob("*/*/items-*.parquet"))
    chosen = pq.read_table(shards[len(shards) // 2], columns=["id"]).column(0)[7].as_py()
    request = Request((Wanted("item", chosen),))
    with timed("show", seconds):
        shown = select(session, request)
    for module, name in (*((run, step) for step in STEPS), (taking, "select")):
        setattr(module, name, watched(getattr(module, name), seconds))
    began = time.perf_counter()
    with timed("takedown in all", seconds):
        done = takedown(session, request, Grounds("T-1"), shown=shown)
    left = sum(source.items for source in done.summary.sources)
    print(f"{len(shown.items)} of {items:,} items left in {time.perf_counter() - began:.1f} s; {left:,} stay", flush=True)
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--keep", type=Path, help="A folder for the fetched documents; measured as it is where it exists.")
    arguments = parser.parse_args()
    memory = Path("/dev/shm")
    root = arguments.keep or Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    try:
        if not (root / "data").exists():
            prepare(root, arguments.items)
        seconds = measure(root, arguments.items)
        own = sum(seconds[name] for name in ("show", "select", "stage_all", "sweep_away"))
        for name, value in seconds.items():
            print(f"{name:>16} {value:8.2f} s")
        print(f"selection, cutting and bytes: {own:.2f} s of CPU (target: 5 s for 1 M)")
    finally:
        if arguments.keep is None:
            shutil.rmtree(root, ignore_errors=True)


def prepare(root: Path, items: int) -> None:
    """Fetch the documents once."""
    from acquisition.pipeline import fetch, open_session

    root.mkdir(parents=True, exist_ok=True)
    make(root / "documents", items)
    (root / "sources.yaml").write_text(DECLARATION.replace("limits:", "curated: {layout: parquet}\nlimits:"))
    began = cpu()
    fetch(open_session(root / "sources.yaml"))
    print(f"fetched {items:,} items: {cpu() - began:.1f} s of CPU", flush=True)


if __name__ == "__main__":
    main()

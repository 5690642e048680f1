"""All filters together on texts of about 1 KB, and whether their speed and memory stay flat as the set grows.

    python -m benchmarks.filters [--documents 1000000 4000000] [--workers 1] [--only FILTER]…

Documents hold planted personal data (1 in 100), near copies (1 in 20) and phrases of assistants (1 in 1,000). Each size is
staged first, untimed; then `acquire fetch --until filter` runs as a command of its own. Printed are documents per second and
per core, CPU seconds, and the peak memory of the largest process. With --only the other filters are switched off.
"""

from __future__ import annotations

import argparse
import itertools
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import orjson

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from acquisition import plugins  # noqa: E402  # run as a file, the checkout is not on the path yet
from benchmarks.processes import Watched  # noqa: E402

WORDS = 20_000
PER_FILE = 125_000
PII = (
    "write to {a}.{b}@{c}.org or call +1 212 555 {n:04d}",
    "card 4111 1111 1111 1111 of {a}",
    "IBAN DE89 3704 0044 0532 0130 00 for {b}",
    "the host {n}.17.34.91 answered {c}",
    "SSN 536-22-{n:04d} was given by {a}",
)
PHRASE = "As an AI language model I cannot say more."


def make(directory: Path, documents: int) -> None:
    """Write the documents as JSON Lines, the same for the same number."""
    directory.mkdir(parents=True)
    rng = random.Random(11)
    words = [
        "".join(rng.choices("etaoinshrdlucmfwypvbgkjqxz", weights=range(26, 0, -1), k=rng.randint(2, 10))) for _ in range(WORDS)
    ]
    weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(WORDS)))
    kept: list[list[str]] = []
    for start in range(0, documents, PER_FILE):
        with (directory / f"docs-{start:08d}.jsonl").open("wb") as stream:
            for index in range(start, min(documents, start + PER_FILE)):
                stream.write(orjson.dumps({"id": str(index), "text": _text(rng, words, weights, kept)}) + b"\n")


def _text(rng: random.Random, words: Sequence[str], weights: Sequence[float], kept: list[list[str]]) -> str:
    if kept and rng.random() < 0.05:
        chosen = list(rng.choice(kept))
        for _ in range(3):
            chosen[rng.randrange(len(chosen))] = rng.choice(words)
    else:
        chosen = rng.choices(words, cum_weights=weights, k=170)
        if rng.random() < 0.05:
            kept.append(chosen)
            del kept[:-2_000]
    if rng.random() < 0.01:
        plant = rng.choice(PII).format(a=rng.choice(words), b=rng.choice(words), c=rng.choice(words), n=rng.randrange(1, 224))
        chosen = [*chosen[:80], plant, *chosen[80:]]
    if rng.random() < 0.001:
        chosen = [*chosen[:40], PHRASE, *chosen[40:]]
    return " ".join(chosen).capitalize() + "."


def measure(documents: int, workers: int, only: Sequence[str]) -> dict[str, float]:
    """Stage so many documents and time the filters over them."""
    folder = Path(tempfile.mkdtemp(prefix="filters-"))
    try:
        make(folder / "docs", documents)
        off = [name for name in plugins.registered(plugins.FILTERS) if only and name not in only]
        filters = "".join(f"  {name}: false\n" for name in off)
        (folder / "sources.yaml").write_text(
            "sources:\n  docs:\n    kind: local\n    path: docs\n    items: {text: text, id: id}\n"
            "    license: {declared: CC0-1.0}\n" + (f"filters:\n{filters}" if filters else "")
        )
        _run(folder, "stage", workers)
        begun = time.monotonic()
        watched = _run(folder, "filter", workers)
        wall = time.monotonic() - begun
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    cpu = watched.cpu_seconds
    return {"wall": wall, "cpu": cpu, "rate": documents / wall, "per_core": documents / cpu, "peak_mb": watched.peak_mb}


def _run(folder: Path, until: str, workers: int) -> Watched:
    command = [sys.executable, "-m", "acquisition.cli", "fetch", "--until", until, "--workers", str(workers)]
    watched, said = Watched.run(command, cwd=folder)
    if watched.process.returncode not in {0, 5}:
        raise SystemExit(f"the command failed with {watched.process.returncode}:\n{said}")
    return watched


def main() -> None:
    """Measure every size and print its figures, and the largest beside the smallest."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.filters", description=__doc__)
    parser.add_argument("--documents", type=int, nargs="+", default=[1_000_000, 4_000_000])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", action="append", default=[])
    asked = parser.parse_args()
    results = {}
    for documents in asked.documents:
        results[documents] = found = measure(documents, asked.workers, asked.only)
        print(
            f"{documents:>10,} documents: {found['rate']:>8,.0f}/s, {found['per_core']:>8,.0f}/s per core, "
            f"{found['cpu']:>7,.1f} s CPU, peak {found['peak_mb']:,.0f} MB",
            flush=True,
        )
    small, large = min(results), max(results)
    if small != large:
        rate, memory = (results[large][key] / results[small][key] for key in ("per_core", "peak_mb"))
        print(f"{large:,} beside {small:,}: rate per core × {rate:.2f}, peak memory × {memory:.2f}")


if __name__ == "__main__":
    main()

"""Staging and the cheap filters on 1 KB documents, beside datatrove doing the same work, in one run.

    python -m benchmarks.staging [--documents 1000000] [--rounds 2] [--near] [--ours-only]

Both read the same JSON Lines shards, hash every document, look for the same cue words, and write Parquet. Ours stages items
(ids, digests, provenance) and runs license, quality and llm_style. With --near both also compute MinHash signatures for near
duplicates: ours the sign step of `duplicates`, datatrove its MinhashDedupSignature (14 buckets of 8 hashes, sha1).

A, B, A, B, each in a fresh process; printed are medians of wall and CPU seconds, documents per second, peak memory of the
largest process, and the ratio. `--peer-python` names a Python that has `datatrove[io]`; without it only our side is
measured, and that is said.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

WORDS = 4_000
FILES = 8
CUES = ("meticulous", "intricate", "notable", "commendable", "pivotal")
ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.processes import Watched  # noqa: E402  # run as a file, the checkout is not on the path yet


def make(directory: Path, documents: int) -> None:
    """Write documents of about 1 KB in FILES shards, the same for the same number."""
    directory.mkdir(parents=True, exist_ok=True)
    rng = random.Random(7)
    vocabulary = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 11))) for _ in range(WORDS)]
    vocabulary += CUES
    for number in range(FILES):
        with (directory / f"docs-{number}.jsonl").open("w") as stream:
            for index in range(number, documents, FILES):
                text = " ".join(rng.choices(vocabulary, k=140)).capitalize()
                stream.write(json.dumps({"text": text, "id": str(index), "label": str(index % 5)}) + "\n")


def ours(source: Path, target: Path, *, near: bool) -> dict[str, float]:
    """Stage and flag; return what was measured."""
    from acquisition import plugins
    from acquisition.engine.flags import Run, ShardTask, flag_shard, run_digest
    from acquisition.engine.local import Failed, LocalEngine
    from acquisition.model import LicenseClaim, Release, Use
    from acquisition.protocols import FilterContext
    from acquisition.read import FileBinary, read_asset
    from acquisition.settings import SourceSettings
    from acquisition.stage import Held, Part, stage_part

    settings = SourceSettings.model_validate(
        {"kind": "local", "items": {"as": "rows", "text": "text", "label": "label", "id": "id"}}
    )
    release = Release("docs", "local", "1", (), LicenseClaim(("CC0-1.0",), "spdx"))
    context = FilterContext(Use(), {"docs": release}, ("docs",), str(target / "blobs"))
    files = [Held(file.name, str(file), "0" * 64, file.stat().st_size, "") for file in sorted(source.glob("*.jsonl"))]
    staging = str(target / "staging")
    parts = [Part("docs", "1", staging, "staging", index, (file,), settings, "") for index, file in enumerate(files)]
    runs = []
    for name in ("license", "quality", "llm_style", *(["duplicates"] if near else [])):
        chosen = plugins.filter_class(name).Settings()
        runs.append(Run(name, chosen, context, str(target / f"{name}-{run_digest(name, chosen, context)}")))
    clock = time.perf_counter()
    with LocalEngine() as engine:
        staged = list(engine.map(partial(stage_part, find=read_asset, open_file=FileBinary), parts, weight=10**12))
        middle = time.perf_counter()
        shards = [shard for result in staged if not isinstance(result, Failed) for shard in result.shards]
        done = list(engine.map(flag_shard, [ShardTask(shard, tuple(runs)) for shard in shards], weight=10**12))
        end = time.perf_counter()
    failed = [result for result in [*staged, *done] if isinstance(result, Failed)]
    if failed:
        raise failed[0].error
    return {"wall": end - clock, "staging": middle - clock, "items": sum(shard.rows for shard in shards)}


def datatrove(source: Path, target: Path, *, near: bool) -> dict[str, float]:
    """Do the same with datatrove's local executor: read, hash, count cues, Parquet (or MinHash signatures)."""
    from datatrove.data import DocumentsPipeline
    from datatrove.executor.local import LocalPipelineExecutor
    from datatrove.pipeline.base import PipelineStep
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import ParquetWriter

    class Cues(PipelineStep):
        """Counts cue words and hashes the text."""

        name = "cues"

        def run(self, data: DocumentsPipeline, *_: object) -> DocumentsPipeline:
            import hashlib

            cues = frozenset(CUES)
            for document in data:
                document.metadata["sha256"] = hashlib.sha256(document.text.encode()).hexdigest()
                document.metadata["cues"] = sum(word in cues for word in document.text.lower().split())
                yield document

    steps = [JsonlReader(str(source), doc_progress=False, file_progress=False), Cues(), ParquetWriter(str(target / "out"))]
    if near:
        from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
        from datatrove.utils.hashing import HashConfig

        config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8, hash_config=HashConfig(hash_fc="sha1"))
        steps.append(MinhashDedupSignature(output_folder=str(target / "signatures"), config=config))
    clock = time.perf_counter()
    workers = len(os.sched_getaffinity(0))
    executor = LocalPipelineExecutor(pipeline=steps, tasks=FILES, workers=workers, logging_dir=str(target / "logs"))
    executor.run()
    return {"wall": time.perf_counter() - clock}


def measured(python: str, which: str, source: Path, root: Path, *, near: bool) -> dict[str, float]:
    """Run one side in a fresh process; return its figures with CPU seconds and peak memory (MB)."""
    target = Path(tempfile.mkdtemp(dir=root))
    command = [
        python,
        __file__,
        "--child",
        which,
        "--source",
        str(source),
        "--target",
        str(target),
        *(["--near"] if near else []),
    ]
    try:
        watched, printed = Watched.run(command, cwd=ROOT)
        figures: dict[str, float] = json.loads(printed.strip().splitlines()[-1])
        return figures | {"cpu": watched.cpu_seconds, "peak_mb": watched.peak_mb}
    finally:
        shutil.rmtree(target, ignore_errors=True)


def child(arguments: argparse.Namespace) -> None:
    """Run one side and print its figures as JSON."""
    side = {"ours": ours, "datatrove": datatrove}[arguments.child]
    print(json.dumps(side(arguments.source, arguments.target, near=arguments.near)))


def report(side: str, documents: int, runs: list[dict[str, float]]) -> None:
    """Print one side's medians."""
    wall, cpu = (statistics.median(run[key] for run in runs) for key in ("wall", "cpu"))
    peak = max(run["peak_mb"] for run in runs)
    rate = f"{documents / wall:10,.0f} documents/s"
    print(f"{side:10} {rate}  wall {wall:7.1f} s  CPU {cpu:7.1f} s  peak of the largest process {peak:4.0f} MB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--near", action="store_true", help="with MinHash signatures on both sides")
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--peer-python", default=sys.executable, help="a Python that has datatrove[io]")
    parser.add_argument("--child", choices=["ours", "datatrove"], help=argparse.SUPPRESS)
    parser.add_argument("--source", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--target", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments)
        return
    sides = {"ours": sys.executable} if arguments.ours_only else {"ours": sys.executable, "datatrove": arguments.peer_python}
    root = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        source = root / "documents"
        make(source, arguments.documents)
        runs: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
        for _ in range(arguments.rounds):
            for side, python in sides.items():
                runs[side].append(measured(python, side, source, root, near=arguments.near))
        for side in sides:
            report(side, arguments.documents, runs[side])
        if len(sides) == 2:
            ratio = statistics.median(b["wall"] / a["wall"] for a, b in zip(runs["ours"], runs["datatrove"], strict=True))
            print(f"ratio (datatrove's wall / ours): {ratio:.2f}; target 1.5")
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()

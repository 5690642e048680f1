"""Staging and the cheap filters on 1 KB documents, beside datatrove doing the same work, in one run.

    python benchmarks/staging.py [--documents 1000000] [--rounds 2] [--ours-only]

Both read the same JSON Lines shards, hash every document, look for the same cue words in lower-cased tokens, compute a MinHash
signature, and write Parquet. Ours stages items (ids, digests, provenance) and runs license, quality, llm_style and the sign
step of duplicates. A, B, A, B; medians of wall and CPU seconds, documents per second, the ratio, and peak memory per process.
datatrove comes with `pip install 'acquisition[bench]'`; without it only our side is measured, and that is said.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

WORDS = 4_000
FILES = 8


def make(directory: Path, documents: int) -> None:
    """Write documents of about 1 KB in FILES shards, the same for the same number."""
    directory.mkdir(parents=True, exist_ok=True)
    rng = random.Random(7)
    vocabulary = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 11))) for _ in range(WORDS)]
    vocabulary += ["meticulous", "intricate", "notable", "commendable", "pivotal"]
    for number in range(FILES):
        with (directory / f"docs-{number}.jsonl").open("w") as stream:
            for index in range(number, documents, FILES):
                text = " ".join(rng.choices(vocabulary, k=140)).capitalize()
                stream.write(json.dumps({"text": text, "id": str(index), "label": str(index % 5)}) + "\n")


def ours(source: Path, target: Path) -> dict[str, float]:
    """Stage and flag; return what was measured."""
    from acquisition import plugins
    from acquisition.engine.flags import Run, ShardTask, flag_shard, run_digest
    from acquisition.engine.local import Failed, LocalEngine
    from acquisition.model import LicenseClaim, Release, Use
    from acquisition.protocols import FilterContext
    from acquisition.read import FileBinary, read_asset
    from acquisition.settings import SourceSettings
    from acquisition.stage import Held, Part, stage_part

    settings = SourceSettings.model_validate({"kind": "local", "items": {"as": "rows", "text": "text", "label": "label", "id": "id"}})
    release = Release("docs", "local", "1", (), LicenseClaim(("CC0-1.0",), "spdx"))
    context = FilterContext(Use(), {"docs": release}, ("docs",), str(target / "blobs"))
    files = sorted(source.glob("*.jsonl"))
    parts = [
        Part("docs", "1", str(target / "staging"), "staging", index, (Held(file.name, str(file), "0" * 64, file.stat().st_size, ""),), settings, "")
        for index, file in enumerate(files)
    ]
    runs = []
    for name in ("license", "quality", "llm_style", "duplicates"):
        chosen = plugins.filter_class(name).Settings()
        runs.append(Run(name, chosen, context, str(target / f"{name}-{run_digest(name, chosen, context)}")))
    clock = time.perf_counter()
    with LocalEngine() as engine:
        staged = [result for result in engine.map(partial(stage_part, find=read_asset, open_file=FileBinary), parts, weight=10**12)]
        middle = time.perf_counter()
        shards = [shard for result in staged if not isinstance(result, Failed) for shard in result.shards]
        done = list(engine.map(flag_shard, [ShardTask(shard, tuple(runs)) for shard in shards], weight=10**12))
    assert not any(isinstance(result, Failed) for result in [*staged, *done])
    items = sum(shard.rows for shard in shards)
    return {"wall": time.perf_counter() - clock, "staging": middle - clock, "items": items}


def datatrove(source: Path, target: Path) -> dict[str, float]:
    """Do the same with datatrove's local executor: read, tokenise and count cues, exact hash, MinHash signature, Parquet."""
    from datatrove.data import DocumentsPipeline
    from datatrove.executor.local import LocalPipelineExecutor
    from datatrove.pipeline.base import PipelineStep
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import ParquetWriter
    from datatrove.utils.hashing import HashConfig

    class Cues(PipelineStep):
        """Counts cue words and hashes the text."""

        name = "cues"

        def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
            import hashlib

            cues = {"meticulous", "intricate", "notable", "commendable", "pivotal"}
            for document in data:
                document.metadata["sha256"] = hashlib.sha256(document.text.encode()).hexdigest()
                document.metadata["cues"] = sum(word in cues for word in document.text.lower().split())
                yield document

    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8, hash_config=HashConfig(hash_fc="sha1"))
    clock = time.perf_counter()
    LocalPipelineExecutor(
        pipeline=[
            JsonlReader(str(source), doc_progress=False, file_progress=False),
            Cues(),
            *([MinhashDedupSignature(output_folder=str(target / "signatures"), config=config)] if MINHASH else []),
            *([] if MINHASH else [ParquetWriter(str(target / "out"))]),
        ],
        tasks=FILES,
        workers=len(os.sched_getaffinity(0)),
        logging_dir=str(target / "logs"),
    ).run()
    return {"wall": time.perf_counter() - clock, "items": 0}


MINHASH = False


def measured(which: str, source: Path, root: Path) -> dict[str, float]:
    """Run one side in a fresh process; return its figures with CPU seconds and peak memory of the largest process (MB)."""
    target = Path(tempfile.mkdtemp(dir=root))
    try:
        code = f"import benchmarks.staging as b, pathlib; b.child({which!r}, pathlib.Path({str(source)!r}), pathlib.Path({str(target)!r}))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
        return figures
    finally:
        shutil.rmtree(target, ignore_errors=True)


def child(which: str, source: Path, target: Path) -> None:
    """Run one side and print its figures as JSON."""
    figures = {"ours": ours, "datatrove": datatrove}[which](source, target)
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    figures["cpu"] = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    figures["peak_mb"] = max(own.ru_maxrss, children.ru_maxrss) / 1000
    print(json.dumps(figures))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--ours-only", action="store_true")
    arguments = parser.parse_args()
    root = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        source = root / "documents"
        make(source, arguments.documents)
        sides = ["ours"] if arguments.ours_only else ["ours", "datatrove"]
        runs: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
        for _ in range(arguments.rounds):
            for side in sides:
                runs[side].append(measured(side, source, root))
                print(side, {key: round(value, 2) for key, value in runs[side][-1].items()}, flush=True)
        for side in sides:
            wall = statistics.median(run["wall"] for run in runs[side])
            cpu = statistics.median(run["cpu"] for run in runs[side])
            peak = max(run["peak_mb"] for run in runs[side])
            print(f"{side:10} {arguments.documents / wall:12,.0f} documents/s  wall {wall:7.1f} s  CPU {cpu:7.1f} s  peak {peak:6.0f} MB")
        if len(sides) == 2:
            ratio = statistics.median(b["wall"] / a["wall"] for a, b in zip(runs["ours"], runs["datatrove"], strict=True))
            print(f"ratio (datatrove wall / our wall): {ratio:.2f}")
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    multiprocessing.freeze_support()
    main()

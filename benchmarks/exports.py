"""All exports of a set from a synthetic ledger: seconds and peak memory of each exporter, and of comparing ledger and set.

    python -m benchmarks.exports [--items 100000] [--formats items,croissant,…] [--separately]

The ledger has the columns and the habits of a real one: a source in each row group, six sources (two of them crawled), four
licenses, a tenth of the items held or dropped, every item with evidence, a third with signals or flags. Nothing is fetched.
Printed are wall and CPU seconds and peak resident memory; the target of issue D is 60 s and 1 GB for all exports of 1 M items.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
GROUP = 20_000
SOURCES = ("alpha", "beta", "gamma", "delta", "web", "lists")
LICENSES = ("CC-BY-4.0", "CC0-1.0", "MIT", "CC-BY-SA-4.0")
NOW = "2026-11-21T00:00:00Z"


def rows(start: int, count: int) -> Any:
    """Return some rows of the ledger."""
    import datetime as dt

    import pyarrow as pa

    from acquisition.manifest import LEDGER_SCHEMA

    evidence = [
        {"field": "cardData.license", "raw": "cc-by-4.0", "url": "https://example.org/set", "sha256": "a" * 64, "at": NOW,
         "file": f"evidence/{'a' * 64}"},
        {"field": "LICENSE", "raw": "Creative Commons Attribution 4.0 " * 12, "url": "LICENSE", "sha256": "b" * 64, "at": NOW,
         "file": f"evidence/{'b' * 64}"},
    ]  # fmt: skip
    signal = dict.fromkeys([field.name for field in LEDGER_SCHEMA.field("signals").type.value_type], "none")
    signal |= {"mechanism": "tdmrep", "where": "/.well-known/tdmrep.json", "raw": '{"tdm-reservation": 0}', "parsed": "{}"}
    flag = {"filter": "duplicates", "version": 5, "code": "duplicate.representative", "score": 1.0, "field": "", "start": -1,
            "end": -1, "detail": '{"cluster":"c","kept":""}'}  # fmt: skip
    numbers = range(start, start + count)
    kept = [number % 10 != 0 for number in numbers]
    crawled = [number // GROUP % 6 >= 4 for number in numbers]
    columns: dict[str, list[Any]] = {
        "id": [f"{number:032x}" for number in numbers],
        "content_sha256": [f"{number * 2654435761:064x}" for number in numbers],
        "size": [1_000 + number % 977 for number in numbers],
        "modality": [("text", "image", "audio", "table")[number % 4] for number in numbers],
        "media_type": [("text/plain", "image/png", "audio/wav", "application/json")[number % 4] for number in numbers],
        "path": [f"train/class-{n % 40}/item-{n:08d}.bin" if keep else "" for n, keep in zip(numbers, kept, strict=True)],
        "split": [
            ("train", "train", "validation", "test")[n % 4] if keep else "" for n, keep in zip(numbers, kept, strict=True)
        ],
        "class": [f"class-{number % 40}" for number in numbers],
        "label": [f"Label {number % 40}" for number in numbers],
        "stored_sha256": [f"{number * 2654435761:064x}" if keep else "" for number, keep in zip(numbers, kept, strict=True)],
        "stored_size": [1_000 + number % 977 for number in numbers],
        "source": [SOURCES[number // GROUP % 6] for number in numbers],
        "kind": [("huggingface", "kaggle", "uci", "http", "spider", "url_list")[number // GROUP % 6] for number in numbers],
        "revision": ["4b825dc642cb6eb9a060e54bf8d69288fbee4904"] * count,
        "asset": [f"data/part-{number // 5_000:05d}.parquet" for number in numbers],
        "locator": [f"data/part-{number // 5_000:05d}.parquet#row={number % 5_000}" for number in numbers],
        "blob": ["c" * 64] * count,
        "url": [
            f"https://host-{n % 5_000}.example.org/pages/{n}" if c else None for n, c in zip(numbers, crawled, strict=True)
        ],
        "referrer": [None] * count,
        "homepage": ["https://example.org/set"] * count,
        "retrieved_at": [dt.datetime(2026, 11, 1 + number % 20, tzinfo=dt.UTC) for number in numbers],
        "retrieved_url": ["https://example.org/set/data.parquet"] * count,
        "declared_raw": [["cc-by-4.0"]] * count,
        "declared_spdx": [LICENSES[number % 4] for number in numbers],
        "concluded_spdx": [LICENSES[number % 4] for number in numbers],
        "basis": ["dataset"] * count,
        "license_reasons": [["'cc-by-4.0' names CC-BY-4.0"]] * count,
        "license_review": [False] * count,
        "evidence": [evidence] * count,
        "duties": [["attribution", "notice-changes"] if number % 4 != 1 else [] for number in numbers],
        "authors": [[f"Author {number % 3_000}"] if number % 4 != 1 else [] for number in numbers],
        "title": [f"Work No. {number}, “{number % 7}”" for number in numbers],
        "attribution_text": [f"“Work No. {number}” by Author {number % 3_000}, CC-BY-4.0" for number in numbers],
        "signals": [[signal] if c else None for c in crawled],
        "flags": [[flag] if number % 3 == 0 else [] for number in numbers],
        "outcome": ["keep" if keep else "drop" for keep in kept],
        "code": ["" if keep else "quality.repetition" for keep in kept],
        "rule": ["" if keep else "default" for keep in kept],
        "by": ["policy"] * count,
        "synthetic": ["nothing-found" if number % 4 == 0 else "not-checked" for number in numbers],
    }
    empty = {pa.string(): "", pa.float64(): 0.0}
    arrays = [
        pa.array(columns[field.name] if field.name in columns else [empty.get(field.type, [])] * count, field.type)
        for field in LEDGER_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=LEDGER_SCHEMA)


def make(target: Path, items: int) -> None:
    """Write items.parquet, one row group per 20,000 items."""
    import pyarrow.parquet as pq

    from acquisition.manifest import LEDGER_SCHEMA

    files = target.with_name("curated-files.jsonl")
    with pq.ParquetWriter(target, LEDGER_SCHEMA, compression="zstd") as writer, files.open("w") as listing:
        for start in range(0, items, GROUP):
            batch = rows(start, min(GROUP, items - start))
            writer.write_batch(batch)
            columns = (batch.column(name).to_pylist() for name in ("path", "stored_sha256", "stored_size"))
            listing.writelines(
                json.dumps({"path": path, "sha256": sha256, "size": size}) + "\n"
                for path, sha256, size in zip(*columns, strict=True)
                if path
            )


def ledger(directory: Path, items: int) -> Any:
    """Return what exporters print from."""
    from acquisition.model import LicenseClaim, Release
    from acquisition.protocols import Ledger
    from acquisition.settings import ContactSettings, DatasetSettings, LimitSettings

    releases = {
        name: Release(name, kind, "4b825dc6", (), LicenseClaim(("cc-by-4.0",), "huggingface"), title=name.title(),
                      authors=("Somebody",), homepage="https://example.org/set", reader="crawl" if kind == "spider" else "",
                      resolved_at=NOW)
        for name, kind in zip(SOURCES, ("huggingface", "kaggle", "uci", "http", "spider", "url_list"), strict=True)
    }  # fmt: skip
    domains = [{"domain": f"host-{number}.example.org", "bytes": 10**6 - number, "items": 40} for number in range(1_000)]
    crawl = {"domains": domains, "domains_in_all": 5_000, "opt_outs": {}, "not_visited": 0}
    dropped = -(-items // 10)
    summary = {
        "items": items, "outcomes": {"keep": items - dropped, "drop": dropped}, "sources": {}, "licenses": {},
        "flags": [{"filter": "duplicates", "version": 5, "code": "duplicate.representative", "count": items // 3}],
        "crawls": {"web": crawl, "lists": crawl}, "ledger": 2,
    }  # fmt: skip
    (directory / "summary.json").write_text(json.dumps(summary))
    return Ledger(
        items=directory / "items.parquet", curated=directory / "curated",
        dataset=DatasetSettings(name="bench", title="Bench", description="Made for a benchmark.", url="https://example.org/b"),
        contact=ContactSettings(name="Lab", url="https://example.org", email="lab@example.org"), limits=LimitSettings(),
        releases=releases, settings={}, not_checked=(), summary=summary, created_at=NOW, tool_version="0",
    )  # fmt: skip


def export(directory: str, items: int, formats: tuple[str, ...], answer: Any) -> None:
    """Write some formats and send what it took; runs in a fresh process."""
    from acquisition import plugins
    from acquisition.manifest.agreeing import demand_agreement
    from acquisition.manifest.sound import demand_sound

    told = ledger(Path(directory), items)
    wall, cpu = time.perf_counter(), time.process_time()
    demand_sound(told.items)
    demand_agreement(told.items, Path(directory) / "curated-files.jsonl")
    took = [("(agreement)", time.perf_counter() - wall, time.process_time() - cpu, 0, peak())]
    for name in formats:
        target = Path(directory) / f"out-{name}-{os.getpid()}"
        target.mkdir()
        for given in ("curated-files.jsonl", "summary.json", "items.parquet"):
            (target / given).symlink_to(Path(directory) / given)
        wall, cpu = time.perf_counter(), time.process_time()
        files = plugins.exporter(name).write(told, target)
        size = sum((target / file).stat().st_size for file in files)
        took.append((name, time.perf_counter() - wall, time.process_time() - cpu, size, peak()))
        shutil.rmtree(target)
    answer.send(took)


def peak() -> float:
    """Return the largest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(directory: Path, items: int, formats: tuple[str, ...]) -> list[tuple[str, float, float, int, float]]:
    """Run some exporters in a fresh process."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=export, args=(str(directory), items, formats, there))
    process.start()
    there.close()
    found: list[tuple[str, float, float, int, float]] = here.recv()
    process.join()
    return found


def main() -> None:
    """Make the ledger and measure."""
    from acquisition import plugins

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--formats", default=",".join(plugins.registered(plugins.EXPORTERS)))
    parser.add_argument("--separately", action="store_true", help="each in a process of its own, for its own peak")
    options = parser.parse_args()
    formats = tuple(options.formats.split(","))
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "curated" / "data").mkdir(parents=True)
        make(directory / "items.parquet", options.items)
        size = (directory / "items.parquet").stat().st_size
        print(f"{options.items:,} items, ledger {size / 1e6:,.0f} MB, load {os.getloadavg()[0]:.1f}")
        groups = [(one,) for one in formats] if options.separately else [formats]
        total = [0.0, 0.0, 0.0]
        for group in groups:
            for format_, wall, cpu, written, memory in measure(directory, options.items, group):
                print(
                    f"{format_:14} {wall:7.2f} s wall {cpu:7.2f} s CPU {written / 1e6:9,.1f} MB written, peak {memory:6,.0f} MB"
                )
                total = [total[0] + wall, total[1] + cpu, max(total[2], memory)]
        print(f"{'all':14} {total[0]:7.2f} s wall {total[1]:7.2f} s CPU, peak {total[2]:,.0f} MB (target: 60 s, 1,000 MB)")


if __name__ == "__main__":
    main()

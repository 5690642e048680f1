"""Near duplicates among documents of about 1 KB with planted copies of known likeness, beside datatrove's MinHash.

    python -m benchmarks.duplicates [--documents 1000000] [--peer-documents 4000] [--copies 0.02] [--vocabulary 30000]

Ours signs, groups and joins as the pipeline does, in one process, from item shards to flag shards. datatrove's four MinHash
steps (word 5-grams, 14 buckets of 8 hashes, sha1) run on the first `--peer-documents` of the same documents, and ours once more
on these. Printed: CPU seconds of each step, documents per second of CPU, peak memory, recall among planted pairs whose true
Jaccard similarity is at least 0.8 (of word 5-grams, of 5-character shingles, of words), precision of all pairs that stand in
one cluster, and the ratios. `--peer-python` names a Python that has `datatrove[io]` and what its dedup module imports.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import comb
from pathlib import Path
from typing import Any, Self

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.processes import Watched  # noqa: E402  # run as a file, the checkout is not on the path yet

ROWS = 20_000
WORDS = 165
LEAST = 0.8
MEASURES = ("word 5-grams", "5-character shingles", "words")


# --- documents with planted copies ---------------------------------------------------------------------------------------


class Writer:
    """Writes texts of a Zipf-distributed vocabulary, in sentences; some share a header or a footer that many have."""

    def __init__(self, seed: int, vocabulary: int) -> None:
        self.rng = random.Random(seed)
        letters = "etaoinshrdlucmfwypvbgkjqxz"
        weights = [1 / (place + 2) for place in range(len(letters))]
        self.words = [
            "".join(self.rng.choices(letters, weights, k=min(12, 2 + int(self.rng.expovariate(0.25)))))
            for _ in range(vocabulary)
        ]
        self._numbers = np.random.default_rng(seed)
        self._cumulative = np.cumsum(1 / np.arange(2, vocabulary + 2))
        self._frames = [" ".join(self.some(30)) for _ in range(50)]

    def some(self, count: int) -> list[str]:
        """Return words by their frequency."""
        places = np.searchsorted(self._cumulative, self._numbers.random(count) * self._cumulative[-1])
        return [self.words[place] for place in places.tolist()]

    def text(self) -> str:
        """Return one document."""
        words = self.some(max(20, int(self.rng.gauss(WORDS, 30))))
        sentences, at = [], 0
        while at < len(words):
            size = self.rng.randint(6, 20)
            sentences.append(" ".join(words[at : at + size]).capitalize() + ".")
            at += size
        text = " ".join(sentences)
        if self.rng.random() < 0.05:
            text += " " + self.rng.choice(self._frames).capitalize() + "."
        return text

    def copy(self, text: str) -> str:
        """Return a changed copy; how much is changed varies so that most, not all, stay above a similarity of 0.8."""
        edit = self.rng.choice((_replace, _drop, _insert, _mistype, _undress, _cut, _reorder, _frame))
        return edit(self, text, self.rng.uniform(0.003, 0.06))


def _replace(writer: Writer, text: str, share: float) -> str:
    return " ".join(writer.some(1)[0] if writer.rng.random() < share else word for word in text.split(" "))


def _drop(writer: Writer, text: str, share: float) -> str:
    return " ".join(word for word in text.split(" ") if writer.rng.random() >= share)


def _insert(writer: Writer, text: str, share: float) -> str:
    words = ([word, writer.some(1)[0]] if writer.rng.random() < share else [word] for word in text.split(" "))
    return " ".join(word for pair in words for word in pair)


def _mistype(writer: Writer, text: str, share: float) -> str:
    letters = list(text)
    for place in range(1, len(letters) - 1):
        if writer.rng.random() < share / 3:
            kind = writer.rng.randrange(3)
            letters[place] = ("", letters[place] * 2, writer.rng.choice("aeinorst"))[kind]
    return "".join(letters)


def _undress(writer: Writer, text: str, share: float) -> str:
    changed = text.upper() if share < 0.02 else text.replace(".", " !").replace(" ", "  ")
    return changed + writer.some(1)[0]


def _cut(_: Writer, text: str, share: float) -> str:
    return text[: int(len(text) * (1 - 3 * share))]


def _reorder(writer: Writer, text: str, _: float) -> str:
    sentences = text.split(". ")
    place = writer.rng.randrange(len(sentences))
    return ". ".join(sentences[place:] + sentences[:place])


def _frame(writer: Writer, text: str, share: float) -> str:
    return " ".join(writer.some(int(WORDS * share * 3))) + " " + text


def shingles(text: str) -> tuple[set[Any], ...]:
    """Return the sets whose Jaccard similarity is the truth, one for each of MEASURES."""
    plain = text.lower()
    words = plain.split()
    return (
        {tuple(words[at : at + 5]) for at in range(max(1, len(words) - 4))},
        {plain[at : at + 5] for at in range(max(1, len(plain) - 4))},
        set(words),
    )


def similarities(a: str, b: str) -> list[float]:
    """Return the true similarities of a pair, one for each of MEASURES."""
    return [len(one & two) / len(one | two) for one, two in zip(shingles(a), shingles(b), strict=True)]


@dataclass
class Truth:
    """The family of every document that has one, and the planted pairs with their similarities."""

    family: dict[int, int]
    pairs: list[tuple[int, int, list[float]]]


def documents(count: int, copies: float, vocabulary: int, truth: Truth) -> Iterator[str]:
    """Yield documents and fill the truth; copies follow their original at once or much later."""
    writer = Writer(11, vocabulary)
    held: list[tuple[int, str]] = []
    for number in range(count):
        if held and writer.rng.random() < copies:
            original, text = held[writer.rng.randrange(len(held))]
            copy = writer.copy(text)
            truth.family[original] = truth.family[number] = original
            truth.pairs.append((original, number, similarities(text, copy)))
            yield copy
            continue
        text = writer.text()
        if writer.rng.random() < 2 * copies:
            held = [*held[-199:], (number, text)]
        yield text


def make(directory: Path, arguments: argparse.Namespace) -> Truth:
    """Write item shards, JSON Lines for the peer, and the truth."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from acquisition.model import ITEM_SCHEMA

    truth = Truth({}, [])
    made = documents(arguments.documents, arguments.copies, arguments.vocabulary, truth)
    directory.mkdir(parents=True)
    number = 0
    with (directory / "peer.jsonl").open("w") as peer:
        for shard in range(0, arguments.documents, ROWS):
            texts = [text for _, text in zip(range(min(ROWS, arguments.documents - shard)), made, strict=False)]
            for at, text in enumerate(texts[: max(0, arguments.peer_documents - shard)]):
                peer.write(json.dumps({"text": text, "id": str(shard + at)}) + "\n")
            columns = {field.name: pa.nulls(len(texts), field.type) for field in ITEM_SCHEMA}
            columns |= {
                "id": pa.array([f"{shard + at:032x}" for at in range(len(texts))]),
                "content_sha256": pa.array([hashlib.sha256(text.encode()).hexdigest() for text in texts]),
                "size": pa.array([len(text.encode()) for text in texts]),
                "text": pa.array(texts, pa.large_string()),
            }
            words = {"source": "docs", "release": "1", "asset": "d", "blob": "0" * 64, "locator": "", "member": "", "name": "d"}
            for name, value in (words | {"modality": "text", "media_type": "text/plain"}).items():
                columns[name] = pa.array([value] * len(texts))
            pq.write_table(pa.table(columns, schema=ITEM_SCHEMA), directory / f"items-{number:05d}.parquet", compression="lz4")
            number += 1
    return truth


# --- the two sides -------------------------------------------------------------------------------------------------------


def ours(source: Path, target: Path, limit: int) -> dict[str, Any]:
    """Sign, group and join; return CPU seconds of each, and the cluster of every document that is in one."""
    import pyarrow.parquet as pq

    from acquisition.filters.duplicates import Duplicates, DuplicatesSettings
    from acquisition.model import Use
    from acquisition.protocols import FilterContext

    made = Duplicates(DuplicatesSettings(), FilterContext(Use(), {}, ("docs",), ""))
    clock = [time.process_time()]
    signatures: dict[str, Path] = {}
    left = limit
    for shard in sorted(source.glob("items-*.parquet")):
        with pq.ParquetFile(shard) as file:
            items = file.read(use_threads=False).combine_chunks().to_batches()[0].slice(0, left)
        left -= items.num_rows
        signatures[f"docs/1/{shard.stem}"] = target / shard.name
        signed = made.sign(items)
        words = [field.name for field in signed.schema if str(field.type) == "string" and field.name != "item"]
        import pyarrow as pa

        pq.write_table(pa.table(signed), target / shard.name, compression="lz4", use_dictionary=words)
        if left <= 0:
            break
    clock.append(time.process_time())
    links = []
    for partition in range(made.partitions):
        links.append(target / f"links-{partition}.parquet")
        pq.write_table(made.group(signatures, partition), links[-1])
    clock.append(time.process_time())
    clusters: dict[int, str] = {}
    for _, flags in made.join(signatures, links):
        for item, detail in zip(flags["item"].to_pylist(), flags["detail"].to_pylist(), strict=True):
            clusters[int(item, 16)] = json.loads(detail)["cluster"]
    clock.append(time.process_time())
    sign, group, join = (round(after - before, 2) for before, after in pairwise(clock))
    size = sum(path.stat().st_size for path in signatures.values())
    return {"sign": sign, "group": group, "join": join, "signatures": size, "clusters": clusters}


def datatrove(source: Path, target: Path, limit: int) -> dict[str, Any]:
    """Run datatrove's four steps in this process; return the same."""
    del limit  # the file holds no more
    from datatrove.pipeline.dedup.minhash import (  # type: ignore[import-untyped]  # it has no types
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.readers import JsonlReader  # type: ignore[import-untyped]  # likewise
    from datatrove.utils.hashing import HashConfig  # type: ignore[import-untyped]  # likewise

    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8, hash_config=HashConfig(hash_fc="sha1"))
    folders = {name: str(target / name) for name in ("signatures", "buckets", "removed")}
    reader = JsonlReader(str(source), glob_pattern="peer.jsonl", doc_progress=False, file_progress=False)
    clock = [time.process_time()]
    MinhashDedupSignature(output_folder=folders["signatures"], config=config).run(reader.run(rank=0, world_size=1))
    clock.append(time.process_time())
    for bucket in range(config.num_buckets):
        MinhashDedupBuckets(folders["signatures"], folders["buckets"], config=config).run(rank=bucket, world_size=14)
    clock.append(time.process_time())
    MinhashDedupCluster(folders["buckets"], folders["removed"], config=config, save_cluster_id=True).run()
    clusters: dict[int, str] = {}
    kept = MinhashDedupFilter(folders["removed"], load_cluster_ids=True, exclusion_writer=_Collecting(clusters))
    for document in kept.run(reader.run(rank=0, world_size=1), rank=0, world_size=1):
        if document.metadata.get("minhash_cluster_id", -1) != -1:
            clusters[int(document.id)] = str(document.metadata["minhash_cluster_id"])
    clock.append(time.process_time())
    sign, group, join = (round(after - before, 2) for before, after in pairwise(clock))
    return {"sign": sign, "group": group, "join": join, "signatures": 0, "clusters": clusters}


class _Collecting:
    """Stands for a writer of what datatrove removes, and notes the clusters."""

    def __init__(self, clusters: dict[int, str]) -> None:
        self._clusters = clusters

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def write(self, document: Any, rank: int = 0) -> None:
        """Note one removed document."""
        del rank
        self._clusters[int(document.id)] = str(document.metadata["minhash_cluster_id"])


# --- figures -------------------------------------------------------------------------------------------------------------


def judged(truth: Truth, clusters: Mapping[int, str], limit: int) -> dict[str, Any]:
    """Return recall for each measure, precision over all pairs of one cluster, and the counts that they rest on."""
    found: dict[str, Any] = {}
    pairs = [pair for pair in truth.pairs if pair[1] < limit]
    for place, name in enumerate(MEASURES):
        wanted = [(a, b) for a, b, similar in pairs if similar[place] >= LEAST]
        hits = sum(clusters.get(a, a) == clusters.get(b, b) for a, b in wanted)
        found[name] = (hits, len(wanted))
    groups: dict[str, list[int]] = defaultdict(list)
    for document, name in clusters.items():
        groups[name].append(document)
    said = sum(comb(len(members), 2) for members in groups.values())
    right = sum(_same(truth.family.get(member, -member - 1) for member in members) for members in groups.values())
    return found | {"precision": (right, said)}


def _same(families: Iterable[int]) -> int:
    return sum(comb(count, 2) for count in Counter(families).values())


def measured(python: str, which: str, source: Path, root: Path, limit: int) -> dict[str, Any]:
    """Run one side in a fresh process."""
    target = Path(tempfile.mkdtemp(dir=root))
    command = [python, __file__, "--child", which, "--source", str(source), "--target", str(target), "--limit", str(limit)]
    try:
        watched, _ = Watched.run(command, cwd=ROOT)
        figures: dict[str, Any] = json.loads((target / "figures.json").read_text())
        figures["clusters"] = {int(key): value for key, value in figures["clusters"].items()}
        return figures | {"peak_mb": watched.peak_mb}
    finally:
        shutil.rmtree(target, ignore_errors=True)


def report(side: str, count: int, figures: Mapping[str, Any], truth: Truth) -> float:
    """Print one side's figures; return its documents per second of CPU."""
    total = figures["sign"] + figures["group"] + figures["join"]
    steps = ", ".join(f"{name} {figures[name]:.1f} s" for name in ("sign", "group", "join"))
    rate, peak = count / total, figures["peak_mb"]
    print(f"{side}: {count:,} documents, {rate:,.0f} documents per second of CPU ({steps}), peak {peak:.0f} MB")
    if figures["signatures"]:
        size = figures["signatures"] / count
        print(f"  signatures {size:,.0f} bytes each; memory {peak / count * 1e6:,.0f} MB per million documents")
    for name, (hits, of) in judged(truth, figures["clusters"], count).items():
        title = "precision" if name == "precision" else f"recall, {name} >= {LEAST}"
        print(f"  {title}: {hits / max(of, 1):.4f} ({hits:,} of {of:,} pairs)")
    return float(rate)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--peer-documents", type=int, default=4_000, help="0 leaves the peer out")
    parser.add_argument("--copies", type=float, default=0.02, help="share of documents that are copies")
    parser.add_argument("--vocabulary", type=int, default=30_000)
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--child", choices=["ours", "datatrove"], help=argparse.SUPPRESS)
    for name, kind in (("--source", Path), ("--target", Path), ("--limit", int)):
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        side = {"ours": ours, "datatrove": datatrove}[arguments.child]
        (arguments.target / "figures.json").write_text(json.dumps(side(arguments.source, arguments.target, arguments.limit)))
        return
    root = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        truth = make(root / "documents", arguments)
        count, few = arguments.documents, min(arguments.peer_documents, arguments.documents)
        report("ours", count, measured(sys.executable, "ours", root / "documents", root, count), truth)
        if few:
            rate = report("ours", few, measured(sys.executable, "ours", root / "documents", root, few), truth)
            peer = report("datatrove", few, measured(arguments.peer_python, "datatrove", root / "documents", root, few), truth)
            print(f"ratio of documents per second of CPU on the same {few:,} documents: {rate / peer:.1f}; target 20")
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()

"""How long nothing takes: a second `acquire fetch` on a workspace of a million items, and `acquire --help`.

    python -m benchmarks.idle [--items 1000000] [--rounds 5]

The items are rows of JSON Lines files of one's own. Prints the wall seconds of whole processes, and the first run for scale.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.staging import make

DECLARATION = """\
version: 1
dataset: {name: idle}
sources:
  documents:
    kind: local
    path: documents
    license: {declared: CC0-1.0}
    items: {as: rows, text: text, label: label}
filters: {pii: false}
limits: {disk_reserve: 1MB}
"""
ACQUIRE = str(Path(sys.executable).with_name("acquire"))


def timed(*arguments: str, cwd: Path) -> float:
    """Run the command line and return its wall seconds."""
    clock = time.perf_counter()
    done = subprocess.run([ACQUIRE, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return time.perf_counter() - clock


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    root = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        make(root / "documents", arguments.items)
        (root / "sources.yaml").write_text(DECLARATION)
        print(f"first fetch of {arguments.items:,} items: {timed('fetch', '--quiet', cwd=root):.1f} s", flush=True)
        idle = [timed("fetch", "--quiet", cwd=root) for _ in range(arguments.rounds)]
        print(f"second fetch, nothing changed: median {statistics.median(idle):.2f} s, worst {max(idle):.2f} s (target: 2 s)")
        helped = [timed("--help", cwd=root) for _ in range(arguments.rounds)]
        print(f"acquire --help: median {statistics.median(helped):.2f} s, worst {max(helped):.2f} s (target: 0.4 s)")
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()

"""A list of media addresses, beside img2dataset: `python -m benchmarks.url_list --peer-python PYTHON [--files N] [--rounds N]`.

An nginx on 50 loopback addresses serves JPEG files of 5 KB from tmpfs, a robots.txt on each, and nothing else. Both sides read
one Parquet list with the sha256 of every file and compare it. Ours asks every host for robots.txt, tdmrep.json, ai.txt and
trust.txt, decides by them for every file, reads header and body for opt-out and license signals, archives every exchange as
WARC, keeps the durable frontier and writes the items. img2dataset (2 processes of 64 threads, no resizing, no re-encoding,
webdataset output) does none of that. They run in turn, round after round; printed are medians, ratios, CPU seconds and the
largest resident memory of one process.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import random
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HOSTS, SIZE = 50, 5_000
_NGINX = """
daemon off; pid {root}/nginx.pid; error_log stderr crit; worker_processes 1;
events {{ worker_connections 4096; }}
http {{ access_log {log}; sendfile on; keepalive_requests 1000000; types {{ image/jpeg jpg; text/plain txt; }}
  client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3; uwsgi_temp_path {root}/t4;
  scgi_temp_path {root}/t5; server {{ {listen} root {root}/www; }} }}
"""
_PEER = """
import sys
from img2dataset import download
if __name__ == "__main__":
    download(processes_count=2, thread_count=64, url_list=sys.argv[1], output_folder=sys.argv[2], input_format="parquet",
             url_col="url", caption_col="caption", output_format="webdataset", resize_mode="no", disable_all_reencoding=True,
             compute_hash="sha256", verify_hash=["sha256", "sha256"], enable_wandb=False, number_sample_per_shard=2500)
"""


@dataclass(frozen=True)
class Figure:
    """One run: wall and CPU seconds of the process and its children, largest resident memory in MB, files that came."""

    wall: float
    cpu: float
    rss: float
    files: int


def make_files(root: Path, files: int, port: int) -> None:
    """Write the served pictures, a robots.txt, and the list that names them by host and digest."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    www = root / "www"
    www.mkdir()
    www.chmod(0o755)
    (www / "robots.txt").write_text("User-agent: *\nDisallow: /private/\nAllow: /\n\nUser-agent: GPTBot\nDisallow: /private/\n")
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (96, 96, 3), np.uint8)).save(buffer, "JPEG", quality=40)
    picture = buffer.getvalue()
    urls, digests = [], []
    for index in range(files):
        comment = b"\xff\xfe" + (SIZE - len(picture) - 2).to_bytes(2, "big") if len(picture) < SIZE - 12 else b""
        filling = random.Random(index).randbytes(max(0, SIZE - len(picture) - 4)) if comment else b""
        data = picture[:2] + comment + filling + picture[2:]
        (www / f"{index:05d}.jpg").write_bytes(data)
        urls.append(f"http://127.0.0.{index % HOSTS + 1}:{port}/{index:05d}.jpg")
        digests.append(hashlib.sha256(data).hexdigest())
    captions = [f"picture number {index}" for index in range(files)]
    pq.write_table(pa.table({"url": urls, "caption": captions, "sha256": digests}), root / "list.parquet")


@contextmanager
def served(root: Path, port: int, log: str = "off") -> Iterator[None]:
    """Serve `root`/www on all addresses."""
    listen = " ".join(f"listen 127.0.0.{host}:{port};" for host in range(1, HOSTS + 1))
    (root / "nginx.conf").write_text(_NGINX.format(root=root, listen=listen, log=log))
    server = subprocess.Popen(["nginx", "-p", str(root), "-c", str(root / "nginx.conf")], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield
    finally:
        server.terminate()
        server.wait()


def ours(listing: Path, target: Path) -> None:
    """Visit the list as `acquire` does, up to the items; runs in a process of its own, which starts the crawler."""
    import threading

    from acquisition import crawl
    from acquisition.protocols import ResolveContext, Silent, Source
    from acquisition.settings import ContactSettings
    from acquisition.sources.url_list import UrlList, UrlListSettings

    settings = UrlListSettings.model_validate_json(
        json.dumps({
            "kind": "url_list",
            "table": str(listing),
            "delay": 0,
            "latency_factor": 0,
            "concurrency": 8,
            "own_hosts": [f"127.0.0.{host}" for host in range(1, HOSTS + 1)],
        })
    )  # fmt: skip
    source = Source("bench", settings)
    context = ResolveContext(None, {}, lambda: "2026-01-01T00:00:00Z", target, "bench", cache=target / "lists")  # type: ignore[arg-type]  # nothing is asked
    done = crawl.run(
        source,
        directory=target / "run-0001",
        contact=ContactSettings(name="Benchmark", url="https://example.org/bench", email="bench@example.org"),
        environment=dict(os.environ),
        base=target,
        reporter=Silent(),
        stop=threading.Event(),
        resume=False,
        seeds=UrlList().seeds(source, context),
    )
    print(json.dumps({"finished": done.finished, "items": done.items, "refused": done.refused, "failed": done.failed}))


def measure(command: list[str]) -> tuple[float, float, float, str]:
    """Run a command to its end; return wall and CPU seconds, MB of its largest process, and what it said."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}: {done.stderr[-2_000:]}")
    cpu = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    return wall, cpu, after.ru_maxrss / 1024, done.stdout


def run_ours(root: Path, files: int) -> Figure:
    """One run of ours."""
    out = root / "ours"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    wall, cpu, rss, said = measure(
        [sys.executable, "-m", "benchmarks.url_list", "--child", str(root / "list.parquet"), str(out)]
    )
    told = json.loads(said.splitlines()[-1])
    if told["items"] != files:
        raise SystemExit(f"ours: {told}")
    return Figure(wall, cpu, rss, told["items"])


def run_peer(root: Path, files: int, python: str) -> Figure:
    """One run of img2dataset."""
    out, script = root / "theirs", root / "peer.py"
    shutil.rmtree(out, ignore_errors=True)
    script.write_text(_PEER)
    wall, cpu, rss, _ = measure([python, str(script), str(root / "list.parquet"), str(out)])
    came = sum(json.loads(path.read_text())["successes"] for path in out.glob("*_stats.json"))
    if came != files:
        raise SystemExit(f"img2dataset: {came} of {files} files came")
    return Figure(wall, cpu, rss, came)


def shown(name: str, figures: list[Figure], ours: list[Figure]) -> str:
    """Return one line of the table."""
    wall = statistics.median(figure.wall for figure in figures)
    cpu = statistics.median(figure.cpu for figure in figures)
    ratio = statistics.median(peer.wall / own.wall for peer, own in zip(figures, ours, strict=True))
    rate, per_file = figures[0].files / wall, 1e3 * cpu / figures[0].files
    rss = max(figure.rss for figure in figures)
    speed = f"{wall:7.2f} s {rate:8,.0f} files/s  cpu {cpu:6.2f} s ({per_file:.2f} ms/file)"
    return f"  {name:14} {speed}  rss {rss:4.0f} MB  ratio {ratio:.2f}"


def main() -> None:
    """Parse the command line, serve, measure, print."""
    if sys.argv[1:2] == ["--child"]:
        ours(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--peer-python", help="a Python with img2dataset installed; left out: ours alone")
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin"
    if shutil.which("nginx") is None:
        print("skipped: nginx is not installed (Debian package nginx-light)")
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as name:
        root = Path(name)
        root.chmod(0o755)
        make_files(root, options.files, port)
        with served(root, port):
            own, peer = [], []
            for _ in range(options.rounds):
                own.append(run_ours(root, options.files))
                if options.peer_python:
                    peer.append(run_peer(root, options.files, options.peer_python))
    print(f"{options.files:,} files of {SIZE:,} bytes on {HOSTS} hosts, {options.rounds} rounds in turn")
    print(shown("acquisition", own, own))
    if peer:
        print(shown("img2dataset", peer, own))


if __name__ == "__main__":
    main()
